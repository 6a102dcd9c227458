//! Linearizable objects: registers with compare-and-set, one per key (lin-kv), and whatever has a
//! sequential specification.
//!
//! Is there an order of all successful operations and any of the unknown ones that the object could
//! have executed, and in which no operation comes before one that had ended when it began? Sound,
//! and complete within its budget; beyond it the answer is *unknown*, never *held*.
//!
//! 1. The history is split into independent parts: by key (`register.rs`), or by what operations
//!    touch (`object.rs`); each part is judged for itself.
//! 2. Operations that cannot matter are dropped (`prepare.rs`, [`Spec::is_droppable`]).
//! 3. A value that nobody could have written is found without a search (`sources.rs`).
//! 4. Some histories need no search at all: registers whose values are unique (`zones.rs`), queues,
//!    sets that grow, growing numbers (`special.rs`).
//! 5. Everything else is a depth-first search with memory (`search.rs`), after Wing and Gong (1993)
//!    and Lowe (2017). It works on numbers of states, which are values for a register and interned
//!    for every other object (`model.rs`).
//!
//! [`check`] is for registers, [`check_spec`] for a [`Spec`], [`SPECS`] are those with names.
//!
//! Result of a keyed history: `:results`, key to `{:linearizable {…} :timeline {:valid? true}
//! :valid? …}`, and `:failures`, the keys that are broken. The inner map has `:valid?`, and where
//! it is broken `:op` (the operation that no order gets past), `:previous-ok`, `:last-op`,
//! `:configs` and `:final-paths` (at most ten each). A history without keys has the inner map
//! alone. Of an object that is split by what operations touch, `:results` has only the parts that
//! did not hold.

mod spec;

pub mod specs;

mod model;

mod register;

mod object;

mod special;

mod prepare;

mod sources;

mod zones;

mod search;

mod memo;

mod explain;

use squall_history::{History, Problem, Value};

use crate::anomaly::{Anomaly, REQUEST_MISMATCH};
use crate::verdict::{Outcome, Reason, ReasonCode, Verdict};
use explain::Subject;
use model::Model;
pub use object::check_spec;
use prepare::Prepared;
use register::{Part, Register};
use search::{Answer, Deadlock, Limits, Search};
pub use spec::{Call, Misfit, Pattern, Spec, Special, Timed};
pub use specs::{Named, SPECS, named};

/// The usual [`Options::steps_max`].
pub const STEPS_USUAL: u64 = 4_000_000;
/// See [`Options::memo_bytes_max`].
const MEMO_BYTES_USUAL: usize = 512 << 20;

/// What a successful read of nil says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NilRead {
    /// Nothing: its result is unknown. The rule of Knossos and Maelstrom.
    Any,
    /// That the register had its initial value, nil. The rule of Porcupine's etcd logs.
    Initial,
}

/// What a failed compare-and-set says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailedCas {
    /// Nothing: it did not happen.
    Drop,
    /// That the register had another value than the expected one, unless its error says something
    /// else.
    Observe,
}

/// How a history is to be read, and how much may be spent on it.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whether values are pairs of a key and the value proper.
    pub is_keyed: bool,
    /// See [`NilRead`].
    pub nil_read: NilRead,
    /// See [`FailedCas`].
    pub failed_cas: FailedCas,
    /// Configurations that may be arrived at per key, old ones too. With a hundred clients on one
    /// key a million of them take about a second, with ten a tenth of that. Usually 4,000,000: a
    /// key of 100,000 operations by 100 clients is decided or given up within about five seconds,
    /// and one of a million operations by ten clients is still decided. A larger number decides
    /// more, in proportionally more time. It limits a single search; to name the shortest broken
    /// prefix takes some twenty more of them.
    pub steps_max: u64,
    /// Bytes that the memory of the search may take per key. Usually 512 MiB: enough for the usual
    /// number of steps, so that it matters only if that is raised.
    pub memo_bytes_max: usize,
    /// Whether histories of a form that can be decided without a search are decided so. Usually
    /// they are; a comparison of the two ways needs both.
    pub uses_special_cases: bool,
}

impl Options {
    /// One register, nil reads unknown, failed compare-and-sets dropped, and the usual budget.
    #[must_use]
    pub fn register() -> Self {
        Self {
            is_keyed: false,
            nil_read: NilRead::Any,
            failed_cas: FailedCas::Drop,
            steps_max: STEPS_USUAL,
            memo_bytes_max: MEMO_BYTES_USUAL,
            uses_special_cases: true,
        }
    }

    /// One register per key, as in the workload lin-kv.
    #[must_use]
    pub fn lin_kv() -> Self {
        Self { is_keyed: true, ..Self::register() }
    }
}

/// What is known about one part.
struct Judged {
    key: Value,
    verdict: Verdict,
    result: Value,
    anomalies: Vec<Anomaly>,
    reason: Option<Reason>,
    is_exercised: bool,
}

/// Whether the result of every part is shown, and how.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// There is one part; its result is the result.
    Alone,
    /// By key, all of them.
    ByKey,
    /// By key, those that did not hold.
    Failed,
}

/// Judges the operations `read`, `write` and `cas` (value: what to write, or the pair expected and
/// new).
#[must_use]
pub fn check(history: &History, options: &Options) -> Outcome {
    check_register(history, options, true)
}

/// The register with compare-and-set, or without.
fn check_register(history: &History, options: &Options, has_cas: bool) -> Outcome {
    let operations = history.operations();
    let parts = register::split(&operations.list, options, has_cas);
    let mut problems: Vec<Problem> = operations.problems;
    problems.extend(parts.problems);
    let judged: Vec<Judged> = parts.list.iter().map(|part| judge(part, options)).collect();
    problems.extend(parts.list.into_iter().flat_map(|part| part.problems));
    let layout = if options.is_keyed { Layout::ByKey } else { Layout::Alone };
    let text = "no operation returned anything that a register could get wrong";
    let how = "run longer; if every read returned nil, judge with nil reads as initial ones";
    together(judged, layout, Reason::new(ReasonCode::Empty, text, how)).capped_by(problems)
}

/// The outcome of all parts, in the order of their keys. `if_empty`: why it is not exercised, if
/// no part is.
fn together(parts: Vec<Judged>, layout: Layout, if_empty: Reason) -> Outcome {
    let mut verdict = Verdict::Held;
    let mut reason = None;
    let mut anomalies = Vec::new();
    let mut is_exercised = false;
    let mut results = Vec::new();
    let mut failures = Vec::new();
    for part in parts {
        verdict = verdict.merge(part.verdict);
        is_exercised |= part.is_exercised;
        reason = reason.or(part.reason);
        anomalies.extend(part.anomalies);
        if part.verdict == Verdict::Broken {
            failures.push(part.key.clone());
        }
        if layout != Layout::Failed || part.verdict != Verdict::Held {
            results.push((part.key, part.result));
        }
    }
    if verdict == Verdict::Broken {
        reason = None;
    } else if !is_exercised && verdict == Verdict::Held {
        verdict = Verdict::NotExercised;
        reason = Some(if_empty);
    }
    let mut outcome = if layout == Layout::Alone {
        let inner = results.pop().map(|(_, result)| result);
        let pairs = inner.into_iter().flat_map(|result| explain::pairs_without_valid(&result));
        let pairs: Vec<(String, Value)> = pairs.collect();
        Outcome::new(verdict, pairs.iter().map(|(key, value)| (key.as_str(), value.clone())))
    } else {
        let pairs = [("results", Value::map(results)), ("failures", Value::from(failures))];
        Outcome::new(verdict, pairs)
    };
    outcome.anomalies = in_order(anomalies);
    outcome.reason = reason;
    outcome
}

/// Judges one key of a register.
fn judge(part: &Part<'_>, options: &Options) -> Judged {
    let mut judged = Judged {
        key: part.key.clone(),
        verdict: Verdict::Held,
        result: Value::Nil,
        anomalies: part.mismatches.iter().map(|op| explain::mismatch(&part.key, op)).collect(),
        reason: None,
        is_exercised: part.ops.iter().any(|op| op.end.is_some() && op.action.expects().is_some()),
    };
    let linearizable = if let Some(finding) = sources::first_impossible(part) {
        judged.anomalies.push(explain::impossible(part, &finding));
        explain::impossible_result(part, &finding)
    } else {
        judged.by_search(part, &mut Register, options)
    };
    judged.finish(linearizable, part.is_unreadable, options.is_keyed);
    judged
}

impl Judged {
    /// Searches; the result map.
    fn by_search<'h, M: Model>(
        &mut self,
        part: &impl Subject<'h, M>,
        model: &mut M,
        options: &Options,
    ) -> Value {
        let limits = Limits {
            steps_max: options.steps_max,
            memo_bytes_max: options.memo_bytes_max,
            looks_ahead: true,
        };
        let prepared = part.prepared(model, None, options);
        match part.decide(model, &prepared, &limits, options) {
            Answer::Linearizable => Value::record([("valid?", true.into())]),
            Answer::NotLinearizable(_) => {
                let (prefix, deadlock) = shortest_broken(part, model, options, limits);
                let named = part.named(&prefix, options);
                self.anomalies.push(
                    named.unwrap_or_else(|| explain::deadlock(part, model, &prefix, &deadlock)),
                );
                explain::deadlock_result(part, model, &prefix, &deadlock)
            }
            Answer::Exhausted(spent) => {
                let reason = explain::exhausted(part, &prepared, &spent);
                let pairs = [("valid?", Verdict::Unknown.valid()), ("reason", reason.to_value())];
                self.verdict = Verdict::Unknown;
                self.reason = Some(reason);
                Value::record(pairs)
            }
        }
    }

    /// The verdict and the result, when everything is known.
    fn finish(&mut self, linearizable: Value, is_unreadable: bool, is_keyed: bool) {
        if is_unreadable {
            // What such an operation did is not known, so nothing can be said against the others.
            self.verdict = Verdict::Unknown;
            self.reason = Some(Reason::new(
                ReasonCode::MalformedInput,
                "there is an operation of which nobody can say what it wrote",
                "repair the history, or leave the operations out that its problems name",
            ));
            self.anomalies.retain(|anomaly| *anomaly.class == REQUEST_MISMATCH);
        }
        if !self.anomalies.is_empty() {
            self.verdict = Verdict::Broken;
        }
        self.result = explain::result_of_part(self.verdict, linearizable, is_keyed);
    }
}

/// The shortest prefix of a broken part that is broken itself, and where its orders end: at the
/// operation that ends last in it. Found by halving, as every prefix of a linearizable history is
/// linearizable. A prefix that can't be decided counts as not broken.
fn shortest_broken<'h, M: Model>(
    part: &impl Subject<'h, M>,
    model: &mut M,
    options: &Options,
    limits: Limits,
) -> (Prepared<'h, M::Action>, Deadlock) {
    let mut ends: Vec<usize> = part.ops().iter().filter_map(|op| op.end).collect();
    ends.sort_unstable();
    let (mut low, mut high) = (0, ends.len() - 1);
    while low < high {
        let middle = usize::midpoint(low, high);
        let prefix = part.prepared(model, Some(ends[middle]), options);
        match part.decide(model, &prefix, &limits, options) {
            Answer::NotLinearizable(_) => high = middle,
            Answer::Linearizable | Answer::Exhausted(_) => low = middle + 1,
        }
    }
    let prefix = part.prepared(model, Some(ends[high]), options);
    let last = prefix.closed.iter().position(|op| op.end == Some(ends[high]));
    let last = last.expect("it ends the prefix");
    let farthest = Limits { looks_ahead: false, ..limits };
    let deadlock = match Search::of(model, &prefix, &farthest).run() {
        Answer::NotLinearizable(deadlock) => Some(deadlock),
        Answer::Exhausted(spent) => spent.deepest,
        // Not with a specification that keeps its word.
        Answer::Linearizable => None,
    };
    let configs = deadlock.filter(|found| found.blocking == last).map(|found| found.configs);
    (prefix, Deadlock { blocking: last, configs: configs.unwrap_or_default() })
}

/// The gravest first; within a class by key. Counts are over all keys, and eight of a class stay.
fn in_order(mut anomalies: Vec<Anomaly>) -> Vec<Anomaly> {
    const SHOWN_MAX: u64 = 8;
    anomalies.sort_by_key(|anomaly| (u8::MAX - anomaly.class.severity, anomaly.class.name));
    let mut kept = Vec::new();
    for group in anomalies.chunk_by(|a, b| a.class == b.class) {
        let count = group.len() as u64;
        let shown = group.iter().zip(0..SHOWN_MAX).map(|(anomaly, _)| anomaly.clone());
        kept.extend(shown.map(|anomaly| Anomaly { count, ..anomaly }));
    }
    kept
}
