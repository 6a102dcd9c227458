//! Where two traces part: the event, not a diff of logs.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::value::RawValue;
use squall_history::trace::{Kind, Line};

/// The first line at which two traces differ, told in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The last line that both have.
    pub same: Option<String>,
    /// Where one goes on; `None`: it ends here.
    pub first: Option<String>,
    /// Where the other one goes on; `None`: it ends here.
    pub second: Option<String>,
    /// What is not the same about the two lines.
    pub differs_in: String,
    /// The actor at which it happened, with its named values before.
    pub state: Option<(String, String)>,
    /// The last thing that this actor had handled before.
    pub last_step: Option<String>,
}

impl Difference {
    /// Compares two traces. Their headers and verdicts are not part of what happened.
    #[must_use]
    pub fn between(first: &str, second: &str) -> Option<Self> {
        let (a, b) = (lines(first), lines(second));
        let same = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
        if same == a.len() && same == b.len() {
            return None;
        }
        let of = |lines: &[&str], at: usize| lines.get(at).map(|line| told(line, lines));
        let parsed = |lines: &[&'_ str]| -> Option<String> {
            lines.get(same).and_then(|line| parse(line)).map(|line| line.a.into_owned())
        };
        let actor = parsed(&a).or_else(|| parsed(&b));
        let before = &a[..same];
        Some(Self {
            same: same.checked_sub(1).and_then(|last| of(&a, last)),
            first: of(&a, same),
            second: of(&b, same),
            differs_in: differs_in(a.get(same).copied(), b.get(same).copied()),
            state: actor.as_ref().and_then(|actor| Some((actor.clone(), state(before, actor)?))),
            last_step: actor.and_then(|actor| last_step(before, &actor)),
        })
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = || "(the end)".to_owned();
        if let Some(same) = &self.same {
            writeln!(f, "  same until   {same}")?;
        }
        writeln!(f, "  run 1        {}", self.first.clone().unwrap_or_else(end))?;
        writeln!(f, "  run 2        {}", self.second.clone().unwrap_or_else(end))?;
        writeln!(f, "  differs in   {}", self.differs_in)?;
        if let Some((actor, state)) = &self.state {
            writeln!(f, "  state of {actor} before the difference: {state}")?;
        }
        if let Some(step) = &self.last_step {
            writeln!(f, "  last step of it before the difference: {step}")?;
        }
        Ok(())
    }
}

fn lines(trace: &str) -> Vec<&str> {
    let is_verdict = |line: &&str| line.contains("\"k\":\"verdict\"");
    trace.lines().skip(1).filter(|line| !is_verdict(line)).collect()
}

fn parse(line: &str) -> Option<Line<'_>> {
    serde_json::from_str(line).ok()
}

/// A line in words. `all` are the lines of its trace, in order of their numbers.
fn told(text: &str, all: &[&str]) -> String {
    let Some(line) = parse(text) else { return text.to_owned() };
    let word = |text: &Option<std::borrow::Cow<'_, str>>| text.as_deref().unwrap_or("").to_owned();
    let raw = |value: Option<&RawValue>| value.map_or_else(String::new, |v| cut(v.get()));
    let what = match line.k {
        Kind::Send => format!("send {} to {} {}", word(&line.name), word(&line.to), raw(line.body)),
        Kind::Recv | Kind::Lost => {
            let sent = line.of.and_then(|of| all.get(usize::try_from(of).ok()?).copied());
            let sent = sent.and_then(parse);
            let (name, from) =
                sent.map_or_else(Default::default, |sent| (word(&sent.name), sent.a.into_owned()));
            let verb = if line.k == Kind::Recv { "message" } else { "lost" };
            format!("{verb} {name} from {from}")
        }
        Kind::Timer => format!("timer {}", word(&line.name)),
        Kind::Disk => format!("disk {} {}", word(&line.what_is_done), word(&line.file)),
        Kind::Op => {
            let (stage, f) = (word(&line.what_is_done), word(&line.f));
            format!("operation {stage} {f} {}", raw(line.value))
        }
        Kind::Fault => format!("fault {} {}", word(&line.what), word(&line.what_is_done)),
        Kind::Life => format!("life {} {}", word(&line.what_is_done), word(&line.status)),
        Kind::Note | Kind::View => {
            format!("{} {} {}", kind(line.k), word(&line.name), raw(line.fields))
        }
        Kind::Line => format!("line {}", word(&line.text)),
        Kind::Phase | Kind::Verdict => format!("{} {}", kind(line.k), word(&line.name)),
    };
    let (seconds, ns) = (line.t / 1_000_000_000, line.t % 1_000_000_000);
    format!("#{}  t={seconds}.{ns:09}s  {}  {}", line.e, line.a, what.trim_end())
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Send => "send",
        Kind::Recv => "message",
        Kind::Lost => "lost message",
        Kind::Timer => "timer",
        Kind::Disk => "disk",
        Kind::Op => "operation",
        Kind::Fault => "fault",
        Kind::Life => "life",
        Kind::Note => "note",
        Kind::View => "view",
        Kind::Line => "line",
        Kind::Phase => "phase",
        Kind::Verdict => "verdict",
    }
}

fn cut(text: &str) -> String {
    const SHOWN_MAX: usize = 80;
    match text.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn differs_in(a: Option<&str>, b: Option<&str>) -> String {
    let (Some(a), Some(b)) = (a.and_then(parse), b.and_then(parse)) else {
        return "length: one of the two ends here".to_owned();
    };
    let mut parts = Vec::new();
    if a.k != b.k {
        parts.push(format!("kind of event ({} | {})", kind(a.k), kind(b.k)));
    }
    if a.a != b.a {
        parts.push(format!("actor ({} | {})", a.a, b.a));
    }
    if a.t != b.t {
        parts.push("time".to_owned());
    } else if a.k != b.k || a.a != b.a {
        parts.push("same instant, other order".to_owned());
    }
    if a.k == b.k && a.name != b.name {
        parts.push("name".to_owned());
    }
    if a.k == b.k && a.to != b.to {
        parts.push("receiver".to_owned());
    }
    let body = |line: &Line<'_>| line.body.map(|body| body.get().to_owned());
    if a.k == b.k && body(&a) != body(&b) {
        parts.push("body".to_owned());
    }
    if parts.is_empty() {
        parts.push("details".to_owned());
    }
    parts.join("; ")
}

/// The named values of an actor after these lines.
fn state(before: &[&str], actor: &str) -> Option<String> {
    let mut values: BTreeMap<String, serde_json::Value> = BTreeMap::new();
    for line in before.iter().filter(|line| line.contains("\"k\":\"view\"")) {
        let Some(line) = parse(line).filter(|line| line.a == actor) else { continue };
        let fields = line.fields.map_or("{}", RawValue::get);
        let changed: BTreeMap<String, serde_json::Value> =
            serde_json::from_str(fields).unwrap_or_default();
        values.extend(changed);
    }
    let shown: Vec<_> = values.iter().map(|(name, value)| format!("{name} {value}")).collect();
    Some(shown.join("   ")).filter(|text| !text.is_empty())
}

fn last_step(before: &[&str], actor: &str) -> Option<String> {
    let is_step = |line: &&&str| {
        parse(line).is_some_and(|line| {
            line.a == actor && matches!(line.k, Kind::Recv | Kind::Timer | Kind::Life)
        })
    };
    before.iter().rev().find(is_step).map(|line| told(line, before))
}
