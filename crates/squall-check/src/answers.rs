//! Answers: a function that was called while nothing was broken is answered, and every function did
//! something.
//!
//! | what happened to a function | verdict |
//! |---|---|
//! | one call succeeded (or was refused, for a function whose refusal is a result) | held |
//! | called while no fault was in force, and no call was answered in the whole run | broken |
//! | never called; or only under faults; or answered with errors only | not exercised |
//!
//! Result: `:by-f`, per function `:invoked-count`, `:invoked-without-fault-count`,
//! `:answered-count`, `:ok-count`, `:definite-error-count`, `:indefinite-error-count` and
//! `:verdict`.

use std::collections::BTreeMap;

use squall_history::{History, Kind, Name, Operation, Value};

use crate::anomaly::{Anomalies, Anomaly, NO_ANSWER, OpRef};
use crate::faults::{FaultSpan, in_force};
use crate::verdict::{Outcome, Reason, ReasonCode, Verdict};

/// Names of Maelstrom's errors that say that the operation certainly did not happen.
const DEFINITE_ERRORS: &[&str] = &[
    "node-not-found",
    "not-supported",
    "temporarily-unavailable",
    "malformed-request",
    "abort",
    "key-does-not-exist",
    "key-already-exists",
    "precondition-failed",
    "txn-conflict",
];

/// The error of a call that nobody answered in time.
const NET_TIMEOUT: &str = "net-timeout";

/// What the checker has to know beside the history.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The functions that the run promises to call.
    pub functions: Vec<Name>,
    /// Those of which a definite refusal is a result as well: a compare-and-set that did not meet
    /// its value.
    pub refusals_count: Vec<Name>,
    /// When faults were in force.
    pub faults: Vec<FaultSpan>,
}

/// How the calls of one function ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    /// Calls.
    invoked: u64,
    /// Calls made while no fault was in force.
    invoked_without_fault: u64,
    /// Calls that got any answer, also one that could not be understood.
    answered: u64,
    /// Calls that succeeded.
    ok: u64,
    /// Answers which say that it certainly did not happen.
    definite: u64,
    /// Other errors among the answers.
    indefinite: u64,
}

/// Counts per function; functions without a call have counts of zero if the options name them.
fn count(history: &History, options: &Options) -> BTreeMap<Name, Counts> {
    let mut by_f: BTreeMap<Name, Counts> = BTreeMap::new();
    for f in &options.functions {
        by_f.entry(f.clone()).or_default();
    }
    for operation in &history.operations().list {
        let counts = by_f.entry(operation.invocation.f.clone()).or_default();
        let time = operation.invocation.time;
        counts.invoked += 1;
        counts.invoked_without_fault += u64::from(!in_force(&options.faults, time, time));
        match answer(operation) {
            Answer::None => continue,
            Answer::Ok => counts.ok += 1,
            Answer::Definite => counts.definite += 1,
            Answer::Indefinite => counts.indefinite += 1,
        }
        counts.answered += 1;
    }
    by_f
}

enum Answer {
    None,
    Ok,
    Definite,
    Indefinite,
}

/// Whether an operation was answered at all, if only with an error.
pub(crate) fn is_answered(operation: &Operation<'_>) -> bool {
    !matches!(answer(operation), Answer::None)
}

fn answer(operation: &Operation<'_>) -> Answer {
    let Some(completion) = operation.completion else { return Answer::None };
    let error = match &completion.error {
        Some(Value::List(items)) => items.first().and_then(Value::as_text),
        Some(error) => error.as_text(),
        None => None,
    };
    match (completion.kind, error) {
        (Kind::Ok, _) => Answer::Ok,
        (Kind::Fail | Kind::Info | Kind::Invoke, Some(NET_TIMEOUT)) => Answer::None,
        (Kind::Fail, Some(name)) if DEFINITE_ERRORS.contains(&name) => Answer::Definite,
        (Kind::Fail, None) => Answer::Definite,
        (Kind::Fail, Some(_)) => Answer::Indefinite,
        (Kind::Info | Kind::Invoke, error) => {
            if error.is_some() || completion.exception.is_some() {
                Answer::Indefinite
            } else {
                Answer::None
            }
        }
    }
}

/// Judges every function of the options and of the history.
#[must_use]
pub fn check(history: &History, options: &Options) -> Outcome {
    let by_f = count(history, options);
    let mut verdict = if by_f.is_empty() { Verdict::NotExercised } else { Verdict::Held };
    let mut anomalies = Anomalies::default();
    let mut idle = Vec::new();
    let mut rows = Vec::new();
    for (f, counts) in &by_f {
        let of_f = judge(counts, options.refusals_count.contains(f));
        verdict = verdict.merge(of_f);
        match of_f {
            Verdict::Broken => anomalies.add(&NO_ANSWER, || no_answer(history, f, counts)),
            Verdict::NotExercised => idle.push(f.as_ref()),
            Verdict::Held | Verdict::Unknown => {}
        }
        rows.push((f.as_ref(), row(counts, of_f)));
    }
    let mut outcome = Outcome::new(verdict, [("by-f", Value::record(rows))]);
    outcome.anomalies = anomalies.into_vec();
    if verdict == Verdict::NotExercised {
        let text = format!("not one successful call of: {}", idle.join(", "));
        let how = "run longer, at a higher rate, or with fewer faults";
        outcome.reason = Some(Reason::new(ReasonCode::Empty, text, how));
    }
    outcome
}

fn judge(counts: &Counts, refusals_count: bool) -> Verdict {
    if counts.ok > 0 || (refusals_count && counts.definite > 0) {
        Verdict::Held
    } else if counts.invoked_without_fault > 0 && counts.answered == 0 {
        Verdict::Broken
    } else {
        Verdict::NotExercised
    }
}

fn row(counts: &Counts, verdict: Verdict) -> Value {
    Value::record([
        ("invoked-count", Value::uint(counts.invoked)),
        ("invoked-without-fault-count", Value::uint(counts.invoked_without_fault)),
        ("answered-count", Value::uint(counts.answered)),
        ("ok-count", Value::uint(counts.ok)),
        ("definite-error-count", Value::uint(counts.definite)),
        ("indefinite-error-count", Value::uint(counts.indefinite)),
        ("verdict", Value::str(verdict.as_str())),
    ])
}

fn no_answer(history: &History, f: &Name, counts: &Counts) -> Anomaly {
    let title = match counts.invoked {
        1 => format!("the one call of {f} was not answered"),
        n => format!("{n} calls of {f}, and not one was answered"),
    };
    let operations = history.operations();
    let of_f = operations.list.iter().filter(|operation| operation.f() == f);
    Anomaly::new(&NO_ANSWER, title, of_f.take(4).map(OpRef::of).collect())
}
