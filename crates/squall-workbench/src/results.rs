//! The result map: Maelstrom's keys, and ours beside them.

use crate::judge::Asserted;
use std::collections::BTreeMap;

use squall_check::{Outcome, Verdict};
use squall_history::{History, Kind, Value};
use squall_world::{Counts, End, Finding, Net, Plan};

/// Last line of a run that held.
const CLOSING_HELD: &str = "Everything looks good! ヽ(‘ー`)ノ";
/// Last line of a run that broke a promise.
const CLOSING_BROKEN: &str = "Analysis invalid! (ﾉಥ益ಥ）ﾉ ┻━┻";
/// Last line of a run that decides nothing.
const CLOSING_UNKNOWN: &str = "Errors occurred during analysis, but no anomalies found. ಠ~ಠ";

/// The word of a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Word {
    /// All promises were checked and exercised, and none is broken.
    Held,
    /// Too little happened.
    NotExercised,
    /// A checker ran out of its budget, or the history does not decide.
    Unknown,
    /// The node broke the protocol, and no promise was found broken.
    NodeError,
    /// There is a counterexample.
    Broken,
}

impl Word {
    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::NotExercised => "not exercised",
            Self::Unknown => "unknown",
            Self::NodeError => "node error",
            Self::Broken => "broken",
        }
    }

    /// The exit code.
    #[must_use]
    pub const fn exit(self) -> u8 {
        match self {
            Self::Held => 0,
            Self::Broken => 1,
            Self::Unknown | Self::NotExercised => 2,
            Self::NodeError => 76,
        }
    }

    /// The last line that scripts look for.
    #[must_use]
    pub const fn closing(self) -> &'static str {
        match self {
            Self::Held => CLOSING_HELD,
            Self::Broken => CLOSING_BROKEN,
            Self::NotExercised | Self::Unknown | Self::NodeError => CLOSING_UNKNOWN,
        }
    }

    fn valid(self) -> Value {
        match self {
            Self::Held => Value::Bool(true),
            Self::Broken => Value::Bool(false),
            Self::NotExercised | Self::Unknown | Self::NodeError => Value::keyword("unknown"),
        }
    }
}

/// Everything the map is made of.
pub(crate) struct Parts<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) promises: &'a [(&'static str, Outcome)],
    pub(crate) others: &'a [(&'static str, Outcome)],
    pub(crate) history: &'a History,
    pub(crate) findings: &'a [(Finding, u64)],
    pub(crate) net: Net,
    pub(crate) end: &'a End,
    pub(crate) hash: u64,
    pub(crate) exits: &'a [(String, String)],
    pub(crate) goals: &'a BTreeMap<String, u64>,
    pub(crate) unmet: &'a [String],
}

/// The map of a run, but for the verdict.
pub(crate) fn map(parts: &Parts<'_>) -> Value {
    let mut pairs: Vec<(&str, Value)> = Vec::new();
    for (name, outcome) in parts.others {
        pairs.push((name, outcome.result.clone()));
    }
    pairs.push(("net", net(parts)));
    if let Some((_, outcome)) = parts.promises.first() {
        pairs.push(("workload", outcome.result.clone()));
    }
    if let Some((_, outcome)) = parts.promises.get(1) {
        pairs.push(("answers", outcome.result.clone()));
    }
    pairs.push(("promises", parts.promises.iter().map(promise).collect()));
    pairs.push(("findings", parts.findings.iter().map(finding).collect()));
    if !parts.exits.is_empty() {
        let exit = |(node, how): &(String, String)| {
            Value::record([("node", Value::str(&**node)), ("status", Value::str(&**how))])
        };
        pairs.push(("exits", parts.exits.iter().map(exit).collect()));
    }
    if !parts.goals.is_empty() {
        let count = |n: u64| Value::Int(i64::try_from(n).unwrap_or(i64::MAX));
        let goals = parts.goals.iter().map(|(name, n)| (Value::str(&**name), count(*n)));
        pairs.push(("goals", Value::map(goals)));
    }
    if !parts.unmet.is_empty() {
        let unmet = parts.unmet.iter().map(|text| Value::str(&**text));
        pairs.push(("unmet", unmet.collect()));
    }
    if let Some(functions) = parts.plan.text_knob("functions") {
        pairs.push(("functions", functions.split(',').map(Value::str).collect()));
    }
    pairs.push(("seed", Value::str(format!("0x{:x}", parts.plan.seed))));
    pairs.push(("hash", Value::str(format!("{:016x}", parts.hash))));
    pairs.push(("end", Value::str(end(parts.end))));
    Value::record(pairs)
}

/// Ends the map with the assertions about it and the verdict.
pub(crate) fn conclude(map: Value, asserted: &[Asserted], word: Word) -> Value {
    let Value::Map(pairs) = map else { return map };
    let assert = |asserted: &Asserted| {
        let mut pairs = vec![
            ("assert", Value::str(&*asserted.text)),
            ("verdict", Value::str(asserted.verdict.as_str())),
        ];
        if let Some(figure) = &asserted.figure {
            pairs.push(("figure", Value::number(figure).unwrap_or(Value::Nil)));
        }
        Value::record(pairs)
    };
    let mut last = Vec::new();
    if !asserted.is_empty() {
        last.push(("asserts", asserted.iter().map(assert).collect()));
    }
    last.push(("verdict", Value::str(word.as_str())));
    last.push(("valid?", word.valid()));
    let last = last.into_iter().map(|(key, value)| (Value::keyword(key), value));
    Value::map(pairs.iter().cloned().chain(last))
}

/// How a run ended, in words.
pub(crate) fn end(end: &End) -> String {
    match end {
        End::Done => "done".to_owned(),
        End::Quiet => "nothing was left to happen before the clients were done".to_owned(),
        End::EventStorm => "event storm: the bound on events was reached".to_owned(),
        End::InstantStorm { busiest } => {
            let names: Vec<_> = busiest.iter().map(|(n, c)| format!("{n} ({c} events)")).collect();
            format!(
                "event storm: time stood still while {} kept each other busy",
                names.join(" and ")
            )
        }
        End::QueueFull => "the queue of events was full".to_owned(),
        End::Interrupted => "interrupted".to_owned(),
        End::Diverged { event } => format!("differs from its twin at event {event}"),
    }
}

fn promise((name, outcome): &(&'static str, Outcome)) -> Value {
    let mut pairs =
        vec![("name", Value::str(*name)), ("verdict", Value::str(outcome.verdict.as_str()))];
    if let Some(reason) = &outcome.reason {
        pairs.push(("reason", reason.to_value()));
    }
    if outcome.verdict == Verdict::Broken {
        pairs.push(("anomalies", outcome.anomalies.iter().map(|a| a.to_value()).collect()));
    }
    Value::record(pairs)
}

fn finding((finding, count): &(Finding, u64)) -> Value {
    let number = |n: Option<u64>| n.map_or(Value::Nil, Value::uint);
    Value::record([
        ("code", Value::str(finding.code)),
        ("node", Value::str(finding.node.as_str())),
        ("line_no", number(finding.line_no)),
        ("column", number(finding.column)),
        ("raw", Value::str(finding.raw.as_str())),
        ("what", Value::str(finding.what.as_str())),
        ("help", Value::str(finding.help.as_str())),
        ("count", Value::uint(*count)),
    ])
}

fn net(parts: &Parts<'_>) -> Value {
    let clients = || parts.history.events.iter().filter(|event| event.process.is_client());
    let ops = clients().filter(|event| event.kind == Kind::Invoke).count() as u64;
    let counts = |counts: Counts, per_op: bool| {
        let mut pairs = vec![
            ("send-count", Value::uint(counts.send)),
            ("recv-count", Value::uint(counts.recv)),
            ("msg-count", Value::uint(counts.msg)),
        ];
        if per_op {
            pairs.push(("msgs-per-op", ratio(counts.msg, ops)));
        }
        Value::record(pairs)
    };
    Value::record([
        ("all", counts(parts.net.all, true)),
        ("clients", counts(parts.net.clients, false)),
        ("servers", counts(parts.net.servers, true)),
        ("undeliverable-count", Value::uint(parts.net.undeliverable)),
        ("valid?", Value::Bool(true)),
    ])
}

/// A ratio with six digits; 0 of nothing.
fn ratio(part: u64, whole: u64) -> Value {
    let millionths = u128::from(part) * 1_000_000 / u128::from(whole.max(1));
    let text = format!("{}.{:06}", millionths / 1_000_000, millionths % 1_000_000);
    Value::number(&text).unwrap_or_default()
}
