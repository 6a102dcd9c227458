//! What is said about a register that is not linearizable, or that could not be decided.

use squall_history::{Operation, Value};

use super::Options;
use super::model::Model;
use super::prepare::Prepared;
use super::register::{Op, Part};
use super::search::{Answer, Config, Deadlock, Limits, Search, Spent, Taken};
use super::sources::Impossible;
use crate::anomaly::{Anomaly, DOUBLE_CAS, NOT_LINEARIZABLE, OpRef, REQUEST_MISMATCH};
use crate::verdict::{Reason, ReasonCode, Verdict};

/// Steps of a path that the result map shows; the last ones.
const PATH_STEPS_SHOWN: usize = 32;
/// Pending operations that a configuration shows.
const PENDING_SHOWN: usize = 64;

/// The operations of one part, as they are searched and shown.
pub(super) trait Subject<'h, M: Model> {
    /// Nil for a history without keys.
    fn key(&self) -> &Value;

    /// All that counts, in order of invocation.
    fn ops(&self) -> &[Op<'h, M::Action>];

    /// The operations to be searched: all, or what was known when the one that ended at `until` had
    /// just ended.
    fn prepared(
        &self,
        model: &M,
        until: Option<usize>,
        options: &Options,
    ) -> Prepared<'h, M::Action>;

    /// Searches, unless it knows without.
    fn decide(
        &self,
        model: &mut M,
        prepared: &Prepared<'h, M::Action>,
        limits: &Limits,
        _: &Options,
    ) -> Answer {
        Search::of(model, prepared, limits).run()
    }

    /// What is wrong with the shortest prefix, if that has a name of its own.
    fn named(&self, _: &Prepared<'h, M::Action>, _: &Options) -> Option<Anomaly> {
        None
    }

    /// What a state is called.
    fn noun(&self) -> &'static str;

    /// A state in a few words.
    fn state_text(&self, model: &M, state: u32) -> String;

    /// A state as a map.
    fn state_value(&self, model: &M, state: u32) -> Value;

    /// An operation in one phrase.
    fn op_text(&self, model: &M, op: &Op<'h, M::Action>) -> String;

    /// Whether an action is legal.
    fn is_legal(&self, model: &M, action: M::Action, state: u32) -> bool;

    /// The value that an action waits for; nil if it waits for none.
    fn expected(&self, action: M::Action) -> Value;
}

/// The result of one key, or of a history without keys.
pub(super) fn result_of_part(verdict: Verdict, linearizable: Value, is_keyed: bool) -> Value {
    if !is_keyed {
        return linearizable;
    }
    Value::record([
        ("linearizable", linearizable),
        ("timeline", Value::record([("valid?", true.into())])),
        ("valid?", verdict.valid()),
    ])
}

/// The members of a result without its `:valid?`.
pub(super) fn pairs_without_valid(result: &Value) -> Vec<(String, Value)> {
    let Value::Map(pairs) = result else { return Vec::new() };
    let named = pairs.iter().filter_map(|(k, v)| k.as_text().map(|k| (k.to_owned(), v.clone())));
    named.filter(|(key, _)| key != "valid?").collect()
}

/// How an anomaly speaks of its key.
pub(super) fn of_key(key: &Value) -> String {
    if key.is_nil() { String::new() } else { format!("key {}: ", key.to_edn()) }
}

pub(super) fn client(operation: &Operation<'_>) -> String {
    format!("client {}", operation.invocation.process.to_value().to_edn())
}

/// A completion that does not belong to its invocation.
pub(super) fn mismatch(key: &Value, operation: &Operation<'_>) -> Anomaly {
    let title = format!(
        "{}{} asked for {} and got an answer to {}",
        of_key(key),
        client(operation),
        operation.invocation.text(),
        operation.last_event().text(),
    );
    Anomaly::new(&REQUEST_MISMATCH, title, vec![OpRef::of(operation)])
}

/// A value without a source.
pub(super) fn impossible(part: &Part<'_>, found: &Impossible<'_>) -> Anomaly {
    let value = part.value(found.value).to_edn();
    let why = match (found.class.name, found.source) {
        ("future-read", Some(source)) => {
            format!("but {} began to write it only afterwards", client(source))
        }
        (_, Some(source)) => format!("but {}, who wrote it, was refused", client(source)),
        (_, None) => "but nobody wrote it".to_owned(),
    };
    let operation = found.op.operation;
    let title = format!("{}{} met {value}, {why}", of_key(&part.key), client(operation));
    let ops = found.source.into_iter().chain([operation]).map(OpRef::of).collect();
    Anomaly::new(found.class, title, ops).with_details(Value::record([("key", part.key.clone())]))
}

/// Two that took one value.
pub(super) fn double_cas(part: &Part<'_>, first: &Op<'_>, second: &Op<'_>) -> Anomaly {
    let value = first.action.expects().map_or(Value::Nil, |value| part.value(value).clone());
    let title = format!(
        "{}{} and {} both replaced {}, which was there once",
        of_key(&part.key),
        client(first.operation),
        client(second.operation),
        value.to_edn(),
    );
    let ops = [second, first].map(|op| OpRef::of(op.operation)).to_vec();
    let details = Value::record([("key", part.key.clone())]);
    Anomaly::new(&DOUBLE_CAS, title, ops).with_details(details)
}

/// The result map for a value without a source.
pub(super) fn impossible_result(part: &Part<'_>, found: &Impossible<'_>) -> Value {
    let previous = previous_ok(&part.ops, &found.op);
    Value::record([
        ("valid?", false.into()),
        ("anomaly", Value::keyword(found.class.name)),
        ("op", found.op.operation.last_event().to_value()),
        ("previous-ok", event_of(previous)),
    ])
}

/// No order of the operations.
pub(super) fn deadlock<'h, M: Model>(
    part: &impl Subject<'h, M>,
    model: &M,
    prepared: &Prepared<'h, M::Action>,
    found: &Deadlock,
) -> Anomaly {
    let blocking = &prepared.closed[found.blocking];
    let mut states: Vec<u32> = found.configs.iter().map(|config| config.state).collect();
    states.sort_unstable();
    states.dedup();
    let states: Vec<String> = states.iter().map(|&state| part.state_text(model, state)).collect();
    let title = format!(
        "{}no order explains {} of {}: the {} was {}",
        of_key(part.key()),
        part.op_text(model, blocking),
        client(blocking.operation),
        part.noun(),
        states.join(" or "),
    );
    let pending = found.configs.first().map_or(&[][..], |config| &config.pending);
    let others = pending.iter().filter(|&&number| number != found.blocking);
    let others = others.map(|&number| prepared.closed[number].operation);
    let previous = previous_ok(part.ops(), blocking).map(|op| op.operation);
    let ops = [blocking.operation].into_iter().chain(previous).chain(others);
    let details = Value::record([
        ("key", part.key().clone()),
        ("blocked", OpRef::of(blocking.operation).index.to_string().into()),
        ("candidates", candidates(part, model, prepared, found)),
    ]);
    let mut ops: Vec<OpRef> = ops.take(64).map(OpRef::of).collect();
    let mut seen = Vec::new();
    ops.retain(|op| {
        !seen.contains(&op.invoke) && {
            seen.push(op.invoke);
            true
        }
    });
    Anomaly::new(&NOT_LINEARIZABLE, title, ops).with_details(details)
}

/// Why each pending operation could not be next, at the first deepest configuration.
fn candidates<'h, M: Model>(
    part: &impl Subject<'h, M>,
    model: &M,
    prepared: &Prepared<'h, M::Action>,
    found: &Deadlock,
) -> Value {
    let Some(config) = found.configs.first() else { return Value::list([]) };
    let state = Value::str(part.state_text(model, config.state));
    let row = |&number: &usize| {
        let op = &prepared.closed[number];
        let is_legal = part.is_legal(model, op.action, config.state);
        Value::record([
            ("op", Value::uint(op.operation.last_event().index)),
            ("result", if is_legal { "exhausted" } else { "illegal" }.into()),
            ("expected", part.expected(op.action)),
            ("state", state.clone()),
        ])
    };
    config.pending.iter().take(PENDING_SHOWN).map(row).collect()
}

/// The result map where no order was found.
pub(super) fn deadlock_result<'h, M: Model>(
    part: &impl Subject<'h, M>,
    model: &M,
    prepared: &Prepared<'h, M::Action>,
    found: &Deadlock,
) -> Value {
    let blocking = &prepared.closed[found.blocking];
    let first_path = found.configs.first().map_or(&[][..], |config| &config.path);
    let last_op = first_path.last().map(|&(taken, _)| op_of(prepared, taken));
    let configs = found.configs.iter().map(|config| config_value(part, model, prepared, config));
    let paths = found.configs.iter().map(|config| path_value(part, model, prepared, config));
    Value::record([
        ("valid?", false.into()),
        ("op", blocking.operation.last_event().to_value()),
        ("previous-ok", event_of(previous_ok(part.ops(), blocking))),
        ("last-op", event_of(last_op)),
        ("configs", configs.collect()),
        ("final-paths", paths.collect()),
    ])
}

fn config_value<'h, M: Model>(
    part: &impl Subject<'h, M>,
    model: &M,
    prepared: &Prepared<'h, M::Action>,
    config: &Config,
) -> Value {
    let last_op = config.path.last().map(|&(taken, _)| op_of(prepared, taken));
    let pending = config.pending.iter().take(PENDING_SHOWN);
    let pending = pending.map(|&number| prepared.closed[number].operation.last_event().to_value());
    Value::record([
        ("model", part.state_value(model, config.state)),
        ("last-op", event_of(last_op)),
        ("pending", pending.collect()),
    ])
}

fn path_value<'h, M: Model>(
    part: &impl Subject<'h, M>,
    model: &M,
    prepared: &Prepared<'h, M::Action>,
    config: &Config,
) -> Value {
    let first = config.path.len().saturating_sub(PATH_STEPS_SHOWN);
    let step = |&(taken, state): &(Taken, u32)| {
        let op = event_of(Some(op_of(prepared, taken)));
        Value::record([("op", op), ("model", part.state_value(model, state))])
    };
    config.path[first..].iter().map(step).collect()
}

fn op_of<'a, 'h, A>(prepared: &'a Prepared<'h, A>, taken: Taken) -> &'a Op<'h, A> {
    match taken {
        Taken::Closed(number) => &prepared.closed[number],
        Taken::Open(number) => &prepared.open[number],
    }
}

fn event_of<A>(op: Option<&Op<'_, A>>) -> Value {
    op.map_or(Value::Nil, |op| op.operation.last_event().to_value())
}

/// The operation that ended last before `op` did.
fn previous_ok<'a, 'h, A>(ops: &'a [Op<'h, A>], op: &Op<'h, A>) -> Option<&'a Op<'h, A>> {
    let before = ops.iter().filter(|other| other.end.is_some() && other.end < op.end);
    before.max_by_key(|other| other.end)
}

/// Why the search was given up.
pub(super) fn exhausted<'h, M: Model>(
    part: &impl Subject<'h, M>,
    prepared: &Prepared<'h, M::Action>,
    spent: &Spent,
) -> Reason {
    let (code, budget) = if spent.is_memory {
        (ReasonCode::BudgetMemory, "memory")
    } else {
        (ReasonCode::BudgetSteps, "steps")
    };
    let mut reason = Reason::new(
        code,
        format!(
            "{}the {budget} allowed for the search were used up after {} configurations",
            of_key(part.key()),
            spent.configurations,
        ),
        "fewer operations that end unknown, more keys, a shorter history, or a larger budget",
    );
    reason.numbers = vec![
        ("ops", part.ops().len() as u64),
        ("open_ops", prepared.open_before_count as u64),
        ("open_ops_kept", prepared.open.len() as u64),
        ("concurrency", spent.concurrency),
        ("configurations", spent.configurations),
    ];
    if let Some(deepest) = &spent.deepest {
        let index = prepared.closed[deepest.blocking].operation.last_event().index;
        reason.numbers.push(("deepest_op", index));
    }
    reason
}
