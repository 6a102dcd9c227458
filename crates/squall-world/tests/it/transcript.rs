//! A trace as people read it. The notation of all golden transcripts is made here:
//!
//! ```text
//! t=0.100s                      time, whenever it has moved
//!   n0 → n1 ping n=7            a message leaves; "due t=…" unless it arrives at once
//!   n1 ← n0 ping n=7            it arrives, if that is later
//!   n0 ↛ n1 ping n=7 (cut)      it is lost, and why
//!   n0 ⇹ n1,n2                  they no longer hear each other
//!   n0 ⇸ n1                     n1 no longer hears n0
//!   n0 ⇿ n1,n2                  they hear each other again; ⟶ for one direction
//!   n1 starts, life 1           births and deaths in words; disks, timers, remarks likewise
//! ```
//!
//! `n1@2` is for systems with terms, where it means n1 in term 2; the World knows none.

use std::fmt::Write;

use serde_json::Value;

/// The transcript of a trace: messages, faults, lives, disks, timers and remarks of its nodes.
pub(crate) fn transcript(lines: &[Value]) -> String {
    let mut out = String::new();
    let mut shown = None;
    for line in lines {
        let Some(text) = tell(line, lines) else { continue };
        if shown != line["t"].as_u64() {
            shown = line["t"].as_u64();
            writeln!(out, "{}", time(&line["t"])).expect("a string takes all");
        }
        writeln!(out, "  {text}").expect("a string takes all");
    }
    out
}

fn tell(line: &Value, lines: &[Value]) -> Option<String> {
    let at = word(&line["a"]);
    Some(match word(&line["k"]) {
        "send" => send(line),
        "recv" => {
            let send = sent(line, lines)?;
            if send["due"] == send["t"] {
                return None;
            }
            format!("{at} ← {} {}", word(&send["a"]), body(send))
        }
        "lost" => {
            let send = sent(line, lines)?;
            format!("{} ↛ {at} {} ({})", word(&send["a"]), body(send), word(&line["why"]))
        }
        "fault" => cut(line, lines)?,
        "life" => life(line),
        "disk" => disk(line),
        "timer" if !at.starts_with('c') => format!("{at} timer {}", word(&line["name"])),
        "note" => format!("{at} {}{}", word(&line["name"]), fields(&line["fields"])),
        "line" => format!("{at} {}: {}", word(&line["code"]), word(&line["text"])),
        "phase" => format!("{} phase", word(&line["name"])),
        _ => return None,
    })
}

fn send(line: &Value) -> String {
    let (src, dest) = (word(&line["a"]), word(&line["to"]));
    let mut text = format!("{src} → {dest} {}", body(line));
    if let Some(fate) = line["fate"].as_str() {
        return format!("{src} ↛ {dest} {} ({fate})", body(line));
    }
    if line["due"] != line["t"] {
        write!(text, ", due {}", time(&line["due"])).expect("a string takes all");
    }
    if line["held_from"].is_u64() {
        write!(text, ", held from {}", time(&line["held_from"])).expect("a string takes all");
    }
    text
}

/// The body without what the line says already.
fn body(send: &Value) -> String {
    let mut text = word(&send["name"]).to_owned();
    for (key, value) in send["body"].as_object().into_iter().flatten() {
        if !["type", "msg_id", "in_reply_to"].contains(&key.as_str()) {
            write!(text, " {key}={value}").expect("a string takes all");
        }
    }
    text
}

fn cut(line: &Value, lines: &[Value]) -> Option<String> {
    let begin = lines.iter().find(|l| l["k"] == "fault" && l["id"] == line["id"])?;
    let begins = line["do"] == "begin";
    let targets = &begin["targets"];
    let mut said = Vec::new();
    if let Some([some, rest]) = targets["groups"].as_array().map(Vec::as_slice) {
        let arrow = if begins { "⇹" } else { "⇿" };
        said.push(format!("{} {arrow} {}", names(some)?.join(","), names(rest)?.join(",")));
    }
    for (deaf, silent) in targets["blocked"].as_object().into_iter().flatten() {
        let arrow = if begins { "⇸" } else { "⟶" };
        said.push(format!("{} {arrow} {deaf}", names(silent)?.join(",")));
    }
    // A kill is told by the lives that it ends.
    (!said.is_empty()).then(|| said.join("; "))
}

fn names(list: &Value) -> Option<Vec<&str>> {
    list.as_array()?.iter().map(Value::as_str).collect()
}

fn life(line: &Value) -> String {
    let at = word(&line["a"]);
    match (word(&line["do"]), line["incarnation"].as_u64().unwrap_or(0)) {
        ("start", 0) => format!("{at} starts"),
        ("start", life) => format!("{at} starts, life {life}"),
        ("kill", _) if line["power"] == true => format!("{at} is killed, power lost"),
        ("kill", _) => format!("{at} is killed"),
        (what, _) => format!("{at} {what}: {}", word(&line["status"])),
    }
}

fn disk(line: &Value) -> String {
    let (at, position) = (word(&line["a"]), &line["position"]);
    match word(&line["do"]) {
        "write" => format!("{at} writes {}, position {position}", word(&line["file"])),
        "read" => format!("{at} reads until {}", time(&line["due"])),
        what => format!("{at} {what} up to {position}"),
    }
}

fn fields(fields: &Value) -> String {
    let pairs = fields.as_object().into_iter().flatten();
    pairs.map(|(name, value)| format!(" {name}={value}")).collect()
}

fn sent<'l>(line: &Value, lines: &'l [Value]) -> Option<&'l Value> {
    lines.get(usize::try_from(line["of"].as_u64()?).ok()?)
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn time(ns: &Value) -> String {
    let ns = ns.as_u64().unwrap_or(0);
    format!("t={}.{:03}s", ns / 1_000_000_000, ns / 1_000_000 % 1_000)
}
