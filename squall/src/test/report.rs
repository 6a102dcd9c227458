//! What a person reads after a run: the verdict first, the next command last.

use std::fmt::Write;
use std::time::Duration;

use serde_json::json;
use squall_check::{Reason, Verdict};
use squall_history::{Kind, Value};
use squall_workbench::{Judged, Kept, Word, figure};
use squall_world::{ClockKind, End, Finding, Plan};

use crate::exit::INTERRUPTED;
use crate::explain;
use crate::out::{Paint, grouped, plain, shell_word};
use crate::stop;

/// A run to be shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) judged: &'a Judged,
    pub(crate) wall: Duration,
    /// Where it was kept, if it was.
    pub(crate) kept: Option<&'a Kept>,
    /// The command.
    pub(crate) verb: &'static str,
}

/// So many findings are shown; the others are counted.
const SHOWN_MAX: usize = 5;
/// So much of a node's line is shown.
const LINE_SHOWN: usize = 160;
/// So much of it before the place that is pointed at.
const BEFORE_SHOWN: usize = 60;

/// What a person reads.
pub(crate) fn text(shown: &Shown<'_>) -> String {
    let paint = Paint::stdout();
    let word = shown.judged.word;
    let mut text = String::new();
    headline(shown, paint, &mut text);
    // What a node did wrong explains what its clients saw.
    let is_cause = word != Word::Held && shown.judged.findings.iter().any(explains);
    if is_cause {
        findings(shown, paint, &mut text);
    }
    promises(shown, paint, &mut text);
    if !is_cause {
        findings(shown, paint, &mut text);
    }
    figures(shown, paint, &mut text);
    asserted(shown, paint, &mut text);
    commands(shown, paint, &mut text);
    text.push_str(word.closing());
    text
}

/// Whether a finding says why requests had no answer, or no right one.
fn explains((finding, _): &(Finding, u64)) -> bool {
    ["SQ02", "SQ03", "SQ04", "SQ06", "SQ07", "SQ09"].contains(&finding.code)
}

fn mark(word: Word, paint: Paint) -> String {
    match word {
        Word::Held => paint.good("✓ held"),
        Word::Broken => paint.bad("✗ broken"),
        Word::Unknown => paint.doubtful("? unknown"),
        Word::NotExercised => paint.doubtful("? not exercised"),
        Word::NodeError => paint.bad("! node error"),
    }
}

fn headline(shown: &Shown<'_>, paint: Paint, out: &mut String) {
    let plan = shown.plan;
    let what = plan.text_knob("bin").map_or_else(
        || format!("embedded {}", plan.text_knob("impl").unwrap_or(&plan.workload)),
        |bin| bin.rsplit('/').next().unwrap_or(bin).to_owned(),
    );
    let mixed = if plan.knobs.contains_key("bins") { " and others" } else { "" };
    let clock = match plan.clock {
        ClockKind::Virtual => "virtual time",
        ClockKind::Wall => "real time",
    };
    let nodes = plan.nodes.len();
    let nodes = if nodes == 1 { "1 node".to_owned() } else { format!("{nodes} nodes") };
    let seed = paint.bold(&format!("seed 0x{:x}", plan.seed));
    let word = mark(shown.judged.word, paint);
    let workload = paint.bold(&plan.workload);
    out.push_str(&format!("{word}  {workload}  {nodes}, {what}{mixed}, {clock}  {seed}\n\n"));
}

fn promises(shown: &Shown<'_>, paint: Paint, out: &mut String) {
    for (name, outcome) in &shown.judged.promises {
        let word = outcome.verdict.as_str();
        let symbol = match outcome.verdict {
            Verdict::Held => paint.good("✓"),
            Verdict::Broken => paint.bad("✗"),
            Verdict::Unknown | Verdict::NotExercised => paint.doubtful("?"),
        };
        out.push_str(&format!("  {symbol} {word:<13} {name}\n"));
        if let Some(reason) = &outcome.reason {
            out.push_str(&format!("                  {}\n", plain(&reason.text)));
            if shown.judged.word != Word::NodeError {
                let how = format!("to decide: {}{}", reason.how_to_decide, flags(shown, reason));
                out.push_str(&format!("                  {how}\n"));
            }
        }
        explain::anomalies(&outcome.anomalies, "results.json", paint, out);
    }
    let end = &shown.judged.end;
    if !matches!(end, End::Done) {
        let text = figure_text(&shown.judged.results, "end");
        out.push_str(&format!("  {} the run ended early: {text}\n", paint.doubtful("?")));
    }
    out.push('\n');
}

/// The flags that do what a checker, which knows histories only, says in words.
fn flags(shown: &Shown<'_>, reason: &Reason) -> String {
    let how = &reason.how_to_decide;
    let mut flags = Vec::new();
    for (word, flag) in [
        ("longer", "--time-limit"),
        ("rate", "--rate"),
        ("faults", "--nemesis, --nemesis-interval"),
        ("recover", "--recovery"),
        ("nil reads", "--nil-read initial"),
        ("fewer keys", "--rate"),
    ] {
        let is_idle = flag.starts_with("--nemesis") && shown.plan.events.is_empty();
        if how.contains(word) && !is_idle {
            flags.push(flag);
        }
    }
    if flags.is_empty() { String::new() } else { format!("  ({})", flags.join(", ")) }
}

fn findings(shown: &Shown<'_>, paint: Paint, out: &mut String) {
    let findings = &shown.judged.findings;
    for (finding, count) in findings.iter().take(SHOWN_MAX) {
        let times = times(finding, *count, findings);
        one_finding(finding, &times, paint, out);
    }
    if let Some(rest) = findings.len().checked_sub(SHOWN_MAX).filter(|rest| *rest > 0) {
        out.push_str(&format!("  … and {rest} more findings in results.json\n"));
    }
    let told = findings.iter().any(|(finding, _)| finding.code == "SQ06");
    if !told {
        for (node, how) in &shown.judged.exits {
            out.push_str(&format!(
                "  {} {node} ended by itself: {}\n",
                paint.bad("SQ06"),
                plain(how)
            ));
        }
    }
    if !findings.is_empty() {
        out.push('\n');
    }
}

/// How often it happened. Of a node that prints too many bad lines only the first are told one by
/// one; a finding without a line counts the others.
fn times(finding: &Finding, count: u64, findings: &[(Finding, u64)]) -> String {
    let is_rest = |(other, _): &(Finding, u64)| {
        other.code == "SQ01" && other.line_no.is_none() && other.node == finding.node
    };
    let is_bad_line = finding.column.is_some() || finding.code == "SQ01";
    let has_more = is_bad_line && findings.iter().any(is_rest);
    match count {
        0 | 1 => String::new(),
        _ if has_more => format!("  ({} times and more)", grouped(count)),
        _ => format!("  ({} times)", grouped(count)),
    }
}

fn one_finding(finding: &Finding, times: &str, paint: Paint, out: &mut String) {
    let what = plain(&finding.to_string()).into_owned();
    out.push_str(&format!("  {} {}{times}\n", paint.bad("!"), paint.bold(&what)));
    if finding.code == "SQ06" && !finding.raw.is_empty() {
        out.push_str("      the last it printed to stderr:\n");
    }
    match finding.column {
        Some(column) => pointed(&finding.raw, column, out),
        None => {
            for line in finding.raw.lines().take(12) {
                out.push_str(&format!("      {}\n", cut(line, 0)));
            }
        }
    }
    out.push_str(&format!("      help: {}\n", plain(&finding.help)));
}

/// A line with a mark under the byte that is meant, which is kept in sight.
fn pointed(line: &str, column: u64, out: &mut String) {
    let place = usize::try_from(column.saturating_sub(1)).unwrap_or(usize::MAX);
    let Some(chars) = line.get(..place).map(|before| before.chars().count()) else {
        // What is meant lies beyond the part that was kept.
        out.push_str(&format!("      {}\n", cut(line, 0)));
        return;
    };
    let from = if chars < LINE_SHOWN { 0 } else { chars - BEFORE_SHOWN };
    let gap = " ".repeat(chars - from + usize::from(from > 0));
    out.push_str(&format!("      {}\n      {gap}^ here\n", cut(line, from)));
}

/// What is shown of a line, from this character on.
fn cut(line: &str, from: usize) -> String {
    let rest = line.chars().skip(from);
    let shown: String = rest.clone().take(LINE_SHOWN).collect();
    let shown = plain(&shown);
    let before = if from > 0 { "…" } else { "" };
    let after = if rest.count() > LINE_SHOWN { "…" } else { "" };
    format!("{before}{shown}{after}")
}

fn figures(shown: &Shown<'_>, paint: Paint, out: &mut String) {
    let judged = shown.judged;
    let count = |kind| {
        let events = judged.history.events.iter();
        events.filter(|e| e.kind == kind && e.process.is_client()).count() as u64
    };
    let mut row = |name: &str, text: &str| {
        out.push_str(&format!("  {} {text}\n", paint.faint(&format!("{name:<10}"))));
    };
    let (ok, fail, info) = (count(Kind::Ok), count(Kind::Fail), count(Kind::Info));
    let invoked = grouped(count(Kind::Invoke));
    row(
        "operations",
        &format!(
            "{invoked}: {} ok, {} failed, {} unknown",
            grouped(ok),
            grouped(fail),
            grouped(info)
        ),
    );
    if let Some(functions) = shown.plan.text_knob("functions") {
        let functions = functions.replace(',', ", ");
        row("functions", &format!("{functions} only: the node declares no others"));
    }
    if let Some(per_op) = figure(&judged.results, "msgs-per-op") {
        let total = figure(&judged.results, "server-messages").unwrap_or_default();
        let total = total.parse().map_or(total, grouped);
        let per_op = per_op.parse().map_or(per_op, |n: f64| format!("{n:.2}"));
        row("messages", &format!("{per_op} between servers per operation ({total} in all)"));
    }
    if let Some(median) = figure(&judged.results, "stable-p50") {
        let of = |name| figure(&judged.results, name).unwrap_or_default();
        let (p95, p99, max) = (of("stable-p95"), of("stable-p99"), of("stable-max"));
        let text =
            format!("stable after {median} ms (median), {p95} (p95), {p99} (p99), {max} (max)");
        row("latency", &text);
    }
    let faults: Vec<_> =
        judged.faults.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
    row("faults", &if faults.is_empty() { "none".to_owned() } else { faults.join(", ") });
    for unmet in &judged.unmet {
        row("", &format!("{} {}", paint.doubtful("?"), plain(unmet)));
    }
    let seconds = shown.wall.as_secs_f64();
    row("took", &format!("{seconds:.2} s, hash {:016x}", judged.hash));
    out.push('\n');
}

fn asserted(shown: &Shown<'_>, paint: Paint, out: &mut String) {
    for asserted in &shown.judged.asserted {
        let symbol = match asserted.verdict {
            Verdict::Held => paint.good("✓"),
            Verdict::Broken => paint.bad("✗"),
            Verdict::Unknown | Verdict::NotExercised => paint.doubtful("?"),
        };
        let figure = asserted.figure.as_deref().unwrap_or("this run has no such figure");
        out.push_str(&format!("  {symbol} assert {}  ({figure})\n", asserted.text));
    }
    if !shown.judged.asserted.is_empty() {
        out.push('\n');
    }
}

fn commands(shown: &Shown<'_>, paint: Paint, out: &mut String) {
    let Some(kept) = shown.kept else { return };
    let path = kept.path.display().to_string();
    let word = shell_word(&path);
    let kept = paint.faint("kept in   ");
    let again = paint.faint("again     ");
    let note = match shown.plan.clock {
        ClockKind::Virtual => "the same run, event by event",
        ClockKind::Wall => "schedule only: the nodes run in real time",
    };
    writeln!(out, "  {kept} {path}").ok();
    if shown.plan.clock == ClockKind::Wall {
        let logs = paint.faint("logs      ");
        writeln!(out, "  {logs} {path}/node-logs/").ok();
    }
    write!(out, "  {again} squall replay {word}   ({note})\n\n").ok();
}

fn figure_text(results: &Value, key: &str) -> String {
    results.get(key).and_then(Value::as_text).unwrap_or_default().to_owned()
}

/// The first line of `--json`.
pub(crate) fn start(plan: &Plan) -> String {
    let faults: std::collections::BTreeSet<_> =
        plan.events.iter().map(|event| event.what.as_str()).collect();
    json!({
        "v": 1, "type": "start", "squall": env!("CARGO_PKG_VERSION"), "verb": "test",
        "workload": plan.workload, "seed": format!("0x{:x}", plan.seed), "nodes": plan.nodes,
        "faults": faults,
    })
    .to_string()
}

/// What a program reads: the last line is the verdict.
pub(crate) fn json_lines(shown: &Shown<'_>) -> String {
    let (mut out, verdict) = json_parts(shown);
    out.push_str(&verdict.to_string());
    out
}

/// The lines before the verdict, and the verdict.
pub(crate) fn json_parts(shown: &Shown<'_>) -> (String, serde_json::Value) {
    let Shown { plan, judged, kept, verb, .. } = shown;
    let exit = if stop::is_asked() { INTERRUPTED } else { judged.word.exit() };
    let mut out = String::new();
    for (finding, count) in &judged.findings {
        let line = json!({
            "v": 1, "type": "node_error", "code": finding.code, "node": finding.node,
            "line_no": finding.line_no, "column": finding.column, "raw": finding.raw,
            "what": finding.what, "help": finding.help, "count": count,
        });
        writeln!(out, "{line}").ok();
    }
    let promises: Vec<_> = judged
        .promises
        .iter()
        .map(|(name, outcome)| json!({ "name": name, "verdict": outcome.verdict.as_str() }))
        .collect();
    let asserts: Vec<_> = judged
        .asserted
        .iter()
        .map(|it| json!({ "assert": it.text, "verdict": it.verdict.as_str(), "figure": it.figure }))
        .collect();
    let results: serde_json::Value =
        serde_json::from_str(&judged.results.to_json()).unwrap_or_default();
    let line = json!({
        "v": 1, "type": "verdict", "verb": verb, "verdict": judged.word.as_str(), "exit": exit,
        "workload": plan.workload, "seed": format!("0x{:x}", plan.seed),
        "hash": format!("{:016x}", judged.hash), "promises": promises, "asserts": asserts,
        "faults": judged.faults, "results": results,
        "paths": kept.map(|kept| json!({
            "run": kept.path, "trace": kept.path.join("trace.jsonl"),
        })),
    });
    (out, line)
}
