//! Logs: keys with messages at offsets, which producers send and consumers poll (Maelstrom's
//! `kafka`, after the checker of Jepsen).
//!
//! Operations are lists of micro-operations (`columns.rs`): `send`, `poll`, and `txn` with any
//! number of both; `assign` and `subscribe`, whose value is a list of keys, say what a process
//! polls from now on; `commit_offsets` (value: key to offset) and `list_committed_offsets` (value:
//! keys, completed as key to offset) are about what a group has consumed. No value is sent to a key
//! twice. Offsets are integers from 0 and may leave gaps; the **index** of an offset is its rank
//! among those in use (`orders.rs`).
//!
//! | class | rule | |
//! |---|---|---|
//! | `inconsistent-offsets` | an offset has two values | |
//! | `duplicate` | a value has two offsets | |
//! | `G1a` | polled, but its send failed | |
//! | `phantom` | polled, but nobody sent it | |
//! | `lost-write` | sent, and never polled, although what comes after it was | |
//! | `precommitted-read` | polled by the operation that sent it | |
//! | `poll-skip`, `nonmonotonic-poll` | a process passes over a message; goes back | 1 |
//! | `int-poll-skip`, `int-nonmonotonic-poll` | the same within one operation | |
//! | `nonmonotonic-send` | a process sends a message, and the next one gets an earlier place | |
//! | `int-nonmonotonic-send`, `int-send-skip` | the same, or a gap, within one operation | 2 |
//! | `G1c`, `G1c-process`, `G1c-realtime` | cycles of sends and polls (`cycles.rs`) | 3 |
//! | `G0`, `G0-process`, `G0-realtime` | cycles of sends, with [`Options::ww_deps`] | 4 |
//! | `unseen` | acknowledged, and never polled by the end | 5 |
//! | `committed-regression` | a committed offset is forgotten (`committed.rs`) | |
//!
//! 1: told, and not broken, if somebody subscribed: keys may then come and go. 2: a gap within a
//! send is told, and not broken. 3: told, and not broken, with [`Options::ww_deps`]. 4: told, and
//! not broken. 5: broken if the history has a final phase; without one that decides nothing.
//!
//! A send that may have happened counts from the moment somebody polled it. What a failed poll
//! brought is true; but it moves no process, so a client whose poll failed must poll the same
//! again.
//!
//! **Sound**, and complete for these rules. Takes time in proportion to the history, and to its
//! logarithm for sorting.
//!
//! Result: `:error-types`, `:bad-error-types`; each of the former as `{:count :errs}` with at most
//! eight cases (32 of `duplicate` and `inconsistent-offsets`), and `:unseen` as `{:time :unseen
//! :messages}`; `:info-txn-causes`, the errors of sends and polls of which nobody knows whether
//! they happened; `:worst-realtime-lag` (`lag.rs`).

mod columns;

mod orders;

mod findings;

mod walks;

mod cycles;

mod committed;

mod lag;

mod report;

use std::collections::BTreeSet;

use squall_history::{History, Value};

use crate::anomaly::{
    Class, G0, G0_PROCESS, G0_REALTIME, G1C, G1C_PROCESS, G1C_REALTIME, INT_SEND_SKIP,
    NONMONOTONIC_POLL, POLL_SKIP, UNSEEN,
};
use crate::isolation::Fate;
use crate::verdict::{Outcome, Reason, ReasonCode, Verdict};
use columns::{Act, Columns, Twice};
use orders::Orders;
use report::{Findings, Teller};

/// Causes that the result lists.
const CAUSES_MAX: usize = 32;

/// What was promised, and how much may be spent.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whether an operation that had ended comes before one that begins; else only the operations
    /// of a process are ordered.
    pub is_realtime: bool,
    /// Whether the order of a key counts among the dependencies of operations. Then what a real
    /// Kafka allows is told and not broken: cycles of sends and polls.
    pub ww_deps: bool,
    /// See [`crate::isolation::Options::steps_max`].
    pub steps_max: u64,
    /// See [`crate::isolation::Options::edges_max`].
    pub edges_max: usize,
}

impl Default for Options {
    /// Real time, no order of sends, and the usual budget.
    fn default() -> Self {
        let usual = crate::isolation::Options::strict_serializable();
        let (steps_max, edges_max) = (usual.steps_max, usual.edges_max);
        Self { is_realtime: true, ww_deps: false, steps_max, edges_max }
    }
}

/// Judges the sends and polls of a log.
#[must_use]
pub fn check(history: &History, options: &Options) -> Outcome {
    let operations = history.operations();
    let mut columns = Columns::of(&operations.list);
    let mut problems = operations.problems;
    problems.append(&mut columns.problems);
    judge(&columns, options).capped_by(problems)
}

fn judge(columns: &Columns<'_>, options: &Options) -> Outcome {
    if let Some(twice) = &columns.twice {
        return undecided(values_not_unique(columns, twice));
    }
    let orders = Orders::of(columns);
    let mut found = Findings::default();
    findings::find(columns, &orders, &mut found);
    let Some(cycles) = cycles::find(columns, &orders, options) else {
        return undecided(too_many_edges(options));
    };
    let teller = Teller { columns, orders: &orders };
    let classes: BTreeSet<&str> = cycles.list.iter().map(|cycle| cycle.class.name).collect();
    for name in classes {
        let list: Vec<_> = cycles.list.iter().filter(|cycle| cycle.class.name == name).collect();
        found.tell(list[0].class, &list, |cycle| teller.cycle(cycle));
    }
    let has_end = columns.ops.iter().any(squall_history::Operation::is_final);
    let is_subscribed = columns.ops.iter().any(|op| op.f() == "subscribe");
    let is_bad = |class: &Class| match class {
        class if [&INT_SEND_SKIP, &G0, &G0_PROCESS, &G0_REALTIME].contains(&class) => false,
        class if [&G1C, &G1C_PROCESS, &G1C_REALTIME].contains(&class) => !options.ww_deps,
        class if [&POLL_SKIP, &NONMONOTONIC_POLL].contains(&class) => !is_subscribed,
        class => *class != UNSEEN || has_end,
    };
    let is_broken = found.rows.iter().any(|(class, ..)| is_bad(class));
    let (verdict, reason) = if is_broken {
        (Verdict::Broken, None)
    } else if let Some(reason) = idle(columns) {
        (Verdict::NotExercised, Some(reason))
    } else if cycles.is_exhausted {
        (Verdict::Unknown, Some(exhausted(options)))
    } else if found.has(&UNSEEN) {
        let text = "acknowledged messages were never polled, and there is no final phase";
        let how = "end the run with polls of every key from its beginning, marked as final";
        (Verdict::Unknown, Some(Reason::new(ReasonCode::NoFinalRead, text, how)))
    } else {
        (Verdict::Held, None)
    };
    let pairs = pairs(columns, &found, is_bad);
    let mut outcome = Outcome::new(verdict, pairs);
    outcome.anomalies = found.anomalies.into_vec();
    outcome.reason = reason;
    outcome
}

/// Why nothing was checked, if nothing was.
fn idle(columns: &Columns<'_>) -> Option<Reason> {
    let has = |is_send: bool| {
        let mut steps = columns.all_steps();
        steps.any(|(op, step)| step.is_send == is_send && columns.fates[op as usize] == Fate::Ok)
    };
    let text = match (has(true), has(false)) {
        (true, true) => return None,
        (false, _) => "no send succeeded",
        (true, false) => "no message was polled",
    };
    Some(Reason::new(ReasonCode::Empty, text, "run longer, or with fewer faults"))
}

fn pairs<'f>(
    columns: &Columns<'_>,
    found: &'f Findings,
    is_bad: impl Fn(&Class) -> bool,
) -> Vec<(&'f str, Value)> {
    let names = |is_wanted: &dyn Fn(&Class) -> bool| -> Value {
        let wanted = found.rows.iter().filter(|(class, ..)| is_wanted(class));
        let names: BTreeSet<&str> = wanted.map(|(class, ..)| class.name).collect();
        names.into_iter().map(Value::keyword).collect()
    };
    let mut pairs = vec![
        ("error-types", names(&|_| true)),
        ("bad-error-types", names(&|class| is_bad(class))),
        ("info-txn-causes", causes(columns)),
    ];
    if let Some(lag) = lag::worst(columns) {
        let lag = Value::record([
            ("time", seconds(lag.time_ns)),
            ("process", lag.process),
            ("key", columns.key_name(lag.key).clone()),
            ("lag", seconds(lag.lag_ns)),
        ]);
        pairs.push(("worst-realtime-lag", lag));
    }
    for (class, count, errs) in &found.rows {
        let cases = if *class == &UNSEEN {
            unseen(columns, errs)
        } else {
            let count = ("count", Value::uint(*count as u64));
            Value::record([count, ("errs", Value::from(errs.clone()))])
        };
        pairs.push((class.name, cases));
    }
    pairs
}

/// Different errors of sends and polls that ended unknown.
fn causes(columns: &Columns<'_>) -> Value {
    let ends = columns.acts.iter().zip(&columns.fates);
    let open =
        columns.ops.iter().zip(ends).filter(|(_, end)| *end == (&Act::Moves, &Fate::Unknown));
    let errors: BTreeSet<&Value> = open.filter_map(|(op, _)| op.error()).collect();
    errors.into_iter().take(CAUSES_MAX).map(squall_history::named_error).collect()
}

/// What was never polled, by key.
fn unseen(columns: &Columns<'_>, errs: &[Value]) -> Value {
    let by_key = |name: &'static str| {
        let pair = |err: &Value| Some((err.get("key")?.clone(), err.get(name)?.clone()));
        Value::map(errs.iter().filter_map(pair))
    };
    let time = columns.ops.iter().map(|op| op.last_event().time).max();
    Value::record([
        ("time", seconds(time.unwrap_or_default())),
        ("unseen", by_key("count")),
        ("messages", by_key("messages")),
    ])
}

fn seconds(ns: u64) -> Value {
    let text = format!("{}.{:09}", ns / 1_000_000_000, ns % 1_000_000_000);
    Value::number(&text).unwrap_or_default()
}

fn undecided(reason: Reason) -> Outcome {
    let mut outcome = Outcome::new(Verdict::Unknown, [("reason", reason.to_value())]);
    outcome.reason = Some(reason);
    outcome
}

fn values_not_unique(columns: &Columns<'_>, twice: &Twice) -> Reason {
    let message = &columns.messages[twice.message as usize];
    let index = |op: u32| columns.ops[op as usize].last_event().index;
    let text = format!(
        "{} was sent to key {} by operation {} and again by operation {}, so polls don't tell who \
         sent what",
        message.value.to_edn(),
        columns.key_name(message.key).to_edn(),
        index(twice.first),
        index(twice.second)
    );
    let how = "send every value at most once to a key";
    let mut reason = Reason::new(ReasonCode::ValuesNotUnique, text, how);
    reason.numbers = vec![("first", index(twice.first)), ("second", index(twice.second))];
    reason
}

fn too_many_edges(options: &Options) -> Reason {
    let text = "the graph of sends and polls has more edges than allowed";
    let how = "judge a shorter run; or allow more edges";
    let mut reason = Reason::new(ReasonCode::BudgetMemory, text, how);
    reason.numbers = vec![("edges-max", options.edges_max as u64)];
    reason
}

fn exhausted(options: &Options) -> Reason {
    let text = "cycles exist, but the budget ended the search for those that break the promise";
    let how = "judge a shorter run, or allow more steps";
    let mut reason = Reason::new(ReasonCode::BudgetSteps, text, how);
    reason.numbers = vec![("steps-max", options.steps_max)];
    reason
}
