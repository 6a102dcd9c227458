//! The smallest part of a broken history that is broken in the same way.
//!
//! Delta debugging (Zeller and Hildebrandt, *Simplifying and Isolating Failure-Inducing Input*,
//! IEEE TSE 2002): leave out halves, quarters, … and at last single operations, as long as what is
//! left is broken in the same way. Of a part it can only be said that it is broken if a right
//! history stays right without what was left out: a read whose write is left out proves nothing. So
//! operations leave together with all that depend on them, and which these are every checker says
//! (`ties.rs`).

pub(crate) mod ties;

use std::collections::BTreeSet;

use squall_history::{Event, History, Operation, Value};

use crate::anomaly::{Anomaly, OPS_MAX, OpRef};
use crate::checkers::{Checker, Reading, looks_keyed};
use crate::verdict::{Outcome, Verdict};
use ties::Ties;

/// Events that are judged again and again until no more is left out.
const EVENTS_MAX: usize = 1_000_000;
/// Steps of a search for each of these judgements; what is not decided by then is not broken.
const STEPS_MAX: u64 = 20_000;
/// Classes of one history that get a core.
const CLASSES_MAX: usize = 4;

/// The smallest part of a history that is broken in the same way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Core {
    /// Its operations in order of invocation.
    pub ops: Vec<OpRef>,
    /// Whether nothing more can be left out: without any operation of it, and what depends on that
    /// one, the rest is right.
    pub is_minimal: bool,
    /// How many parts were judged.
    pub trials: u32,
    /// How many operations the history has.
    pub history_ops: usize,
}

impl Core {
    pub(crate) fn to_value(&self) -> Value {
        Value::record([
            ("ops", self.ops.iter().map(|op| Value::uint(op.index)).collect()),
            ("minimal", self.is_minimal.into()),
            ("trials", Value::uint(self.trials.into())),
        ])
    }

    /// The events of the part.
    #[must_use]
    pub fn of(&self, history: &History) -> History {
        let wanted: BTreeSet<u64> = self.ops.iter().flat_map(|op| [op.index, op.invoke]).collect();
        let is_in = |event: &&Event| event.process.is_client() && wanted.contains(&event.index);
        let events = history.events.iter().filter(is_in).cloned().collect();
        History { header: history.header.clone(), events }
    }
}

/// Finds the core of the first anomaly of each class, the gravest classes first.
pub(crate) fn add_to(
    outcome: &mut Outcome,
    checker: &Checker,
    history: &History,
    reading: &Reading,
) {
    let Some(traffic) = checker.traffic else { return };
    if outcome.verdict != Verdict::Broken || outcome.problems.iter().any(|p| p.code.caps_verdict())
    {
        return;
    }
    let operations = history.operations().list;
    let is_keyed = reading.is_keyed.unwrap_or_else(|| looks_keyed(history));
    let ties = Ties::of(traffic(&operations, is_keyed));
    let quick = Reading { steps_max: STEPS_MAX.min(reading.steps_max), ..reading.clone() };
    let mut done: Vec<&str> = Vec::new();
    for anomaly in &mut outcome.anomalies {
        let class = anomaly.class.name;
        if done.contains(&class) || done.len() == CLASSES_MAX {
            continue;
        }
        done.push(class);
        let is_same = |part: &History| {
            let found = (checker.check)(part, &quick);
            found.verdict == Verdict::Broken
                && found.anomalies.iter().any(|anomaly| anomaly.class.name == class)
        };
        let mut shrinking = Shrinking {
            history,
            operations: &operations,
            ties: &ties,
            is_same: &is_same,
            events_left: EVENTS_MAX / CLASSES_MAX,
            trials: 0,
        };
        anomaly.core = shrinking.core(anomaly);
    }
}

/// See [`Checker::leave_out`].
pub(crate) fn leave_out(
    checker: &Checker,
    history: &History,
    reading: &Reading,
    gone: &[u64],
) -> Option<History> {
    let operations = history.operations().list;
    let is_keyed = reading.is_keyed.unwrap_or_else(|| looks_keyed(history));
    let ties = Ties::of(checker.traffic?(&operations, is_keyed));
    let is_gone = |operation: &Operation<'_>| gone.contains(&operation.invocation.index);
    let mut gone: Vec<bool> = operations.iter().map(is_gone).collect();
    ties.complete(&mut gone);
    let left = operations.iter().zip(&gone).filter(|&(_, &is_gone)| !is_gone);
    let ops = left.map(|(operation, _)| OpRef::of(operation)).collect();
    Some(Core { ops, is_minimal: false, trials: 0, history_ops: operations.len() }.of(history))
}

/// One search for a core.
struct Shrinking<'a, 'h> {
    history: &'h History,
    operations: &'a [Operation<'h>],
    ties: &'a Ties,
    is_same: &'a dyn Fn(&History) -> bool,
    events_left: usize,
    trials: u32,
}

impl Shrinking<'_, '_> {
    /// The core of an anomaly, unless it is too large to be of help.
    fn core(&mut self, anomaly: &Anomaly) -> Option<Core> {
        let mut kept = self.beginning(anomaly)?;
        let mut is_minimal = false;
        // What was wiped out leaves at once; what is left then may be wiped out itself.
        loop {
            let before = kept.len();
            self.wipe_out(&mut kept);
            if is_minimal && kept.len() == before {
                break;
            }
            is_minimal = self.shrink(&mut kept);
            if !is_minimal {
                break;
            }
        }
        let ops = kept.iter().map(|&op| OpRef::of(&self.operations[op]));
        (kept.len() <= OPS_MAX).then(|| Core {
            ops: ops.collect(),
            is_minimal,
            trials: self.trials,
            history_ops: self.operations.len(),
        })
    }

    /// Where to begin: the operations that the anomaly names with all that they rest on, or
    /// everything until the last of them has ended, or everything.
    fn beginning(&mut self, anomaly: &Anomaly) -> Option<Vec<usize>> {
        let named: BTreeSet<u64> = anomaly.ops.iter().map(|op| op.invoke).collect();
        let is_named = |op: &Operation<'_>| named.contains(&op.invocation.index);
        let places = 0..self.operations.len();
        let named: Vec<usize> =
            places.clone().filter(|&at| is_named(&self.operations[at])).collect();
        let last = named.iter().filter_map(|&at| self.operations[at].end).max();
        let rest = self.ties.rested_on(&named);
        if self.is_still_broken(&rest) {
            return Some(rest);
        }
        let mut later: Vec<bool> =
            self.operations.iter().map(|operation| Some(operation.start) > last).collect();
        self.ties.complete(&mut later);
        let begun: Vec<usize> = places.clone().filter(|&at| !later[at]).collect();
        if self.is_still_broken(&begun) {
            return Some(begun);
        }
        let all: Vec<usize> = places.collect();
        self.is_still_broken(&all).then_some(all)
    }

    /// Leaves out what the latest possible operation wipes out.
    fn wipe_out(&mut self, kept: &mut Vec<usize>) {
        for reset in kept.clone().into_iter().rev() {
            let gone = self.ties.wiped_out(self.operations, kept, reset);
            let part: Vec<usize> = kept.iter().copied().filter(|op| !gone.contains(op)).collect();
            if part.len() < kept.len() && self.is_still_broken(&part) {
                *kept = part;
                return;
            }
        }
    }

    /// Leaves out what can be left out. Whether it came to an end.
    fn shrink(&mut self, kept: &mut Vec<usize>) -> bool {
        let mut length = kept.len().div_ceil(2);
        loop {
            let mut is_smaller = false;
            // From the end: what depends on others comes after them.
            let mut end = kept.len();
            while end > 0 {
                let begin = end.saturating_sub(length);
                let mut gone = vec![false; self.operations.len()];
                kept[begin..end].iter().for_each(|&op| gone[op] = true);
                self.ties.complete(&mut gone);
                let part: Vec<usize> = kept.iter().copied().filter(|&op| !gone[op]).collect();
                if self.events_left == 0 {
                    return false;
                }
                if self.is_still_broken(&part) {
                    is_smaller = true;
                    // What stands before `begin` stays where it is, unless it has left as well.
                    end = part.iter().filter(|&&op| op < kept[begin]).count();
                    *kept = part;
                } else {
                    end = begin;
                }
            }
            if length > 1 {
                length = length.div_ceil(2);
            } else if !is_smaller {
                return true;
            }
        }
    }

    fn is_still_broken(&mut self, part: &[usize]) -> bool {
        if part.is_empty() || self.events_left == 0 {
            return false;
        }
        let mut places: Vec<usize> = Vec::new();
        for operation in part.iter().map(|&op| &self.operations[op]) {
            places.push(operation.start);
            let last = operation.completion.map(|completion| completion.index);
            let end = operation.end.or_else(|| self.place_of(last?, operation.start));
            places.extend(end);
        }
        places.sort_unstable();
        self.events_left = self.events_left.saturating_sub(places.len());
        self.trials += 1;
        let events = places.iter().map(|&place| self.history.events[place].clone()).collect();
        (self.is_same)(&History { header: self.history.header.clone(), events })
    }

    /// Where an event stands that ends nothing.
    fn place_of(&self, index: u64, after: usize) -> Option<usize> {
        let later = self.history.events[after..].iter().position(|event| event.index == index);
        later.map(|place| after + place)
    }
}
