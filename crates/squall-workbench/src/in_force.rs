//! When faults were in force, and which of them took effect.

use std::collections::{BTreeMap, BTreeSet};

use squall_check::{FaultSpan, Outcome, Reason, ReasonCode, Verdict};
use squall_history::{History, Value};
use squall_node::ActorId;
use squall_world::{Plan, Recorded, RecordedWhat, Turn};

use crate::clients::Timeouts;

/// When faults were in force.
///
/// - A fault is in force from its begin to its end, if it strikes anybody.
/// - A node that is started again is not back yet: for as long as it may take over its `init`,
///   what it does not answer is the doing of the kill.
pub(crate) fn spans(plan: &Plan, recorded: &[Recorded]) -> Vec<FaultSpan> {
    let mut open: BTreeMap<usize, u64> = BTreeMap::new();
    let mut starting: BTreeMap<ActorId, u64> = BTreeMap::new();
    let mut spans = Vec::new();
    for Recorded { time_ns: now, what } in recorded {
        match *what {
            RecordedWhat::Op(_) | RecordedWhat::Fault { strikes: false, .. } => {}
            RecordedWhat::Edited { until_ns } => {
                spans.push(FaultSpan { begin_ns: *now, end_ns: until_ns });
            }
            RecordedWhat::Fault { event, begins: true, .. } => drop(open.insert(event, *now)),
            RecordedWhat::Fault { event, begins: false, .. } => {
                let ended = open.remove(&event);
                spans.extend(ended.map(|begin_ns| FaultSpan { begin_ns, end_ns: *now }));
            }
            RecordedWhat::Life { node, turn: Turn::Started } => drop(starting.insert(node, *now)),
            RecordedWhat::Life { node, turn: Turn::Ready | Turn::Ended } => {
                let started = starting.remove(&node);
                spans.extend(started.map(|begin_ns| start(plan, begin_ns, *now)));
            }
        }
    }
    spans.extend(open.into_values().map(|begin_ns| FaultSpan { begin_ns, end_ns: u64::MAX }));
    spans.extend(starting.into_values().map(|begin_ns| start(plan, begin_ns, u64::MAX)));
    spans.sort_unstable();
    spans
}

/// The time in which a node may still be starting.
fn start(plan: &Plan, begin_ns: u64, end_ns: u64) -> FaultSpan {
    let longest = Timeouts::of(plan).init.0;
    FaultSpan { begin_ns, end_ns: end_ns.min(begin_ns.saturating_add(longest)) }
}

/// From the begin of the first operation that was still under way when the run was cut off: nobody
/// knows what would have become of it, or of those that came after it.
pub(crate) fn cut(history: &History) -> Option<FaultSpan> {
    let operations = history.operations();
    let open = operations.list.iter().filter(|operation| operation.completion.is_none());
    let begin_ns = open.map(|operation| operation.invocation.time).min()?;
    Some(FaultSpan { begin_ns, end_ns: u64::MAX })
}

/// How many faults of each kind struck somebody.
pub(crate) fn counts(plan: &Plan, recorded: &[Recorded]) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for entry in recorded {
        if let RecordedWhat::Fault { event, begins: true, strikes: true } = entry.what {
            *counts.entry(plan.events[event].what.clone()).or_insert(0) += 1;
        }
    }
    counts
}

/// How many edits of the plan have found their message.
pub(crate) fn edits(recorded: &[Recorded]) -> u64 {
    let is_edit = |entry: &&Recorded| matches!(entry.what, RecordedWhat::Edited { .. });
    recorded.iter().filter(is_edit).count() as u64
}

/// Whether faults were asked for and none took effect: then nothing was tried that is worth a
/// promise.
pub(crate) fn in_vain(plan: &Plan, counts: &BTreeMap<String, u64>) -> Option<Outcome> {
    if plan.events.is_empty() || !counts.is_empty() {
        return None;
    }
    let asked: BTreeSet<_> = plan.events.iter().map(|event| event.what.as_str()).collect();
    let asked: Vec<_> = asked.into_iter().collect();
    let waited = plan.events.iter().all(|event| event.when.is_some());
    let how_to_decide = if waited {
        "what they wait for has to happen: look at their \"when\" and at the messages of the trace"
    } else {
        "give it more nodes (--node-count) or more time (--time-limit)"
    };
    let reason = Reason {
        code: ReasonCode::Empty,
        text: format!("no fault struck anybody: {}", asked.join(", ")),
        how_to_decide: how_to_decide.to_owned(),
        numbers: Vec::new(),
    };
    Some(Outcome {
        verdict: Verdict::NotExercised,
        result: Value::Nil,
        anomalies: Vec::new(),
        reason: Some(reason),
        problems: Vec::new(),
    })
}
