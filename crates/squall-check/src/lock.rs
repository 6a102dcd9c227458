//! Locks: one holder at a time, who alone releases it, and tokens that grow.
//!
//! Operations are `acquire` (with [`Kind::Fenced`] its `ok` value is the token, an integer),
//! `release`, `try-acquire` (its `ok` value: whether it was got), and for tokens `write` (value:
//! token and what is written) of the store that the lock guards. The owner is the process. A
//! **hold** is certain from the completion of a successful `acquire` to the invocation of the
//! release that ends it, whether that succeeded or nobody knows; without one it never ends.
//!
//! | class | rule |
//! |---|---|
//! | `mutual-exclusion` | certain holds of two owners overlap; or an owner was given the lock once more than it may hold it |
//! | `foreign-release` | a release succeeded by a process that certainly does not hold it |
//! | `token-not-increasing` | a token is not greater than one that had been given before it was asked for |
//! | `token-reused` | two owners were given one token |
//! | `stale-write-accepted` | a write was accepted with a token smaller than that of one accepted before it began |
//!
//! These rules are sound, take a sweep each, and name what happened. What they do not find is left
//! to the sequential specification of the lock ([`crate::linear`]), which is complete within its
//! budget: then the class is `not-linearizable`. Of a lock that anybody may release
//! ([`Kind::Mutex`]) no hold is certain, so it has that only.
//!
//! Result: `:acquire-count`, `:release-count` (successful ones), `:errors` (what the rules found,
//! or nil), and, if they found nothing, what the specification says: `:linearizable`.

use std::collections::BTreeMap;

use squall_history::{History, Kind as Ended, Operation, Process, Value};

use crate::anomaly::{
    Anomalies, Anomaly, Class, FOREIGN_RELEASE, MUTUAL_EXCLUSION, OpRef, STALE_WRITE_ACCEPTED,
    TOKEN_NOT_INCREASING, TOKEN_REUSED,
};
use crate::linear;
use crate::verdict::{Outcome, Verdict};

/// How often the owner of a reentrant lock may hold it: as often as its specification says.
const REENTRANT_LIMIT: usize = linear::specs::REENTRANT_LIMIT as usize;

/// Which lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Anybody may release it.
    Mutex,
    /// Its holder releases it.
    Owner,
    /// Its holder may take it twice.
    Reentrant,
    /// Its holder releases it, and every `acquire` gives a greater token.
    Fenced,
}

impl Kind {
    /// The name of its specification.
    fn name(self) -> &'static str {
        match self {
            Self::Mutex => "mutex",
            Self::Owner => "owner-mutex",
            Self::Reentrant => "reentrant",
            Self::Fenced => "fenced",
        }
    }

    fn limit(self) -> usize {
        if self == Self::Reentrant { REENTRANT_LIMIT } else { 1 }
    }
}

/// What an operation does, with its lock; that is nil where values have no keys.
#[derive(Clone, Copy)]
struct Step<'h> {
    op: &'h Operation<'h>,
    key: &'h Value,
    what: What<'h>,
}

#[derive(Clone, Copy, PartialEq)]
enum What<'h> {
    /// Took the lock, or may have; the value that came back.
    Acquire(&'h Value),
    Release,
    /// With the token.
    Write(&'h Value),
}

/// Judges the operations on locks: one of this kind for each key, if `options` say that values have
/// keys.
#[must_use]
pub fn check(history: &History, kind: Kind, options: &linear::Options) -> Outcome {
    let operations = history.operations();
    let steps: Vec<Step<'_>> =
        operations.list.iter().filter_map(|op| step(op, options.is_keyed)).collect();
    let mut anomalies = Anomalies::default();
    let mut by_key: BTreeMap<&Value, Vec<Step<'_>>> = BTreeMap::new();
    for step in &steps {
        by_key.entry(step.key).or_default().push(*step);
    }
    for steps in by_key.values() {
        if kind != Kind::Mutex {
            foreign_releases(steps, kind.limit(), &mut anomalies);
            overlaps(steps, kind.limit(), &mut anomalies);
        }
        if kind == Kind::Fenced {
            tokens(steps, &mut anomalies);
            stale_writes(steps, &mut anomalies);
        }
    }
    let count = |is_wanted: fn(What<'_>) -> bool| {
        let ok = steps.iter().filter(|step| step.op.outcome() == Ended::Ok);
        Value::uint(ok.filter(|step| is_wanted(step.what)).count() as u64)
    };
    let mut pairs = vec![
        ("acquire-count", count(|what| matches!(what, What::Acquire(_)))),
        ("release-count", count(|what| what == What::Release)),
    ];
    if !anomalies.is_empty() {
        let anomalies = anomalies.into_vec();
        pairs.push(("errors", anomalies.iter().map(|anomaly| anomaly.details.clone()).collect()));
        let mut outcome = Outcome::new(Verdict::Broken, pairs);
        outcome.anomalies = anomalies;
        return outcome.capped_by(operations.problems);
    }
    let mut searched = match kind {
        Kind::Fenced => object(kind, &without_writes(history), options),
        Kind::Mutex | Kind::Owner | Kind::Reentrant => object(kind, history, options),
    };
    pairs.push(("errors", Value::Nil));
    pairs.push(("linearizable", searched.result));
    searched.result = Outcome::new(searched.verdict, pairs).result;
    searched
}

fn object(kind: Kind, history: &History, options: &linear::Options) -> Outcome {
    linear::named(kind.name()).expect("a name of `SPECS`").check(history, options)
}

/// The operations on the lock itself.
fn without_writes(history: &History) -> History {
    let events = history.events.iter().filter(|event| event.f != "write").cloned();
    History { header: history.header.clone(), events: events.collect() }
}

/// What an operation that did not fail does to which lock.
fn step<'h>(op: &'h Operation<'h>, is_keyed: bool) -> Option<Step<'h>> {
    if op.outcome() == Ended::Fail {
        return None;
    }
    let (key, value) = match op.value().as_pair().filter(|_| is_keyed) {
        Some(pair) => pair,
        None => (&Value::Nil, op.value()),
    };
    let what = match op.f() {
        "acquire" => What::Acquire(value),
        "try-acquire" if *value != Value::Bool(false) => What::Acquire(value),
        "release" => What::Release,
        "write" => What::Write(value.as_pair()?.0),
        _ => return None,
    };
    Some(Step { op, key, what })
}

/// Releases by a process that has not taken the lock since it last gave it back.
fn foreign_releases(steps: &[Step<'_>], limit: usize, found: &mut Anomalies) {
    // How often each process may hold it, and its last release.
    let mut held: BTreeMap<&Process, (usize, Option<&Operation<'_>>)> = BTreeMap::new();
    for step in steps {
        let is_ok = step.op.outcome() == Ended::Ok;
        let (count, last) = held.entry(&step.op.invocation.process).or_default();
        match step.what {
            What::Acquire(_) => *count = limit.min(*count + 1),
            What::Release if is_ok && *count == 0 => {
                found.add(&FOREIGN_RELEASE, || {
                    let did = if last.is_some() { "had given back" } else { "had never taken" };
                    let title = format!("client {} released a lock that it {did}", client(step.op));
                    let ops = last.iter().copied().chain([step.op]);
                    about(&FOREIGN_RELEASE, title, step.key, ops)
                });
            }
            What::Release if is_ok => {
                *count -= 1;
                *last = Some(step.op);
            }
            What::Release | What::Write(_) => {}
        }
    }
}

/// Certain holds that overlap: one sweep over where they begin and end.
fn overlaps(steps: &[Step<'_>], limit: usize, found: &mut Anomalies) {
    let mut moments: Vec<(usize, Step<'_>)> = Vec::new();
    for step in steps {
        match (step.what, step.op.end) {
            (What::Acquire(_), Some(end)) => moments.push((end, *step)),
            (What::Release, _) => moments.push((step.op.start, *step)),
            (What::Acquire(_) | What::Write(_), _) => {}
        }
    }
    moments.sort_by_key(|(place, _)| *place);
    // Who certainly holds it, how often, and since when.
    let mut holders: BTreeMap<&Process, (usize, &Operation<'_>)> = BTreeMap::new();
    for (_, step) in &moments {
        let process = &step.op.invocation.process;
        if step.what == What::Release {
            match holders.get_mut(process) {
                Some((count, _)) if *count > 1 => *count -= 1,
                _ => drop(holders.remove(process)),
            }
            continue;
        }
        let other = holders.iter().find(|(holder, _)| **holder != process).map(|(_, held)| held.1);
        let (count, since) = holders.entry(process).or_insert((0, step.op));
        let twice = (*count == limit).then_some(*since);
        *count = limit.min(*count + 1);
        if let Some(holder) = other.or(twice) {
            found.add(&MUTUAL_EXCLUSION, || {
                let (one, next) = (client(holder), client(step.op));
                let title = match other {
                    Some(_) => {
                        format!("client {one} held the lock when client {next} was given it")
                    }
                    None => format!("client {next} was given the lock that it already held"),
                };
                about(&MUTUAL_EXCLUSION, title, step.key, [holder, step.op])
            });
        }
    }
}

/// Tokens that do not grow, and tokens of two owners.
fn tokens<'h>(steps: &[Step<'h>], found: &mut Anomalies) {
    let given = steps.iter().filter_map(|step| match step.what {
        What::Acquire(token) if step.op.outcome() == Ended::Ok => Some((token.as_int()?, *step)),
        What::Acquire(_) | What::Release | What::Write(_) => None,
    });
    let given: Vec<(i64, Step<'h>)> = given.collect();
    not_above(&given, |(token, step), (greatest, before)| {
        if token > greatest {
            return;
        }
        found.add(&TOKEN_NOT_INCREASING, || {
            let title = format!(
                "client {} was given the token {greatest}, and later client {} {token}",
                client(before.op),
                client(step.op)
            );
            about(&TOKEN_NOT_INCREASING, title, step.key, [before.op, step.op])
        });
    });
    let mut by_token = given;
    by_token.sort_by_key(|(token, _)| *token);
    for same in by_token.chunk_by(|a, b| a.0 == b.0) {
        let owner = |step: &Step<'h>| &step.op.invocation.process;
        let first = same[0].1;
        if let Some((token, other)) = same.iter().find(|(_, step)| owner(step) != owner(&first)) {
            found.add(&TOKEN_REUSED, || {
                let (one, next) = (client(first.op), client(other.op));
                let title =
                    format!("the token {token} was given to client {one} and client {next}");
                about(&TOKEN_REUSED, title, first.key, [first.op, other.op])
            });
        }
    }
}

/// Writes with a token that the store has already seen a greater one than.
fn stale_writes(steps: &[Step<'_>], found: &mut Anomalies) {
    let accepted = steps.iter().filter_map(|step| match step.what {
        What::Write(token) if step.op.outcome() == Ended::Ok => Some((token.as_int()?, *step)),
        What::Acquire(_) | What::Release | What::Write(_) => None,
    });
    let accepted: Vec<_> = accepted.collect();
    not_above(&accepted, |(token, step), (greatest, before)| {
        if token >= greatest {
            return;
        }
        found.add(&STALE_WRITE_ACCEPTED, || {
            let title = format!(
                "a write of client {} with the token {token} was accepted after one of client {} \
                 with {greatest}",
                client(step.op),
                client(before.op)
            );
            about(&STALE_WRITE_ACCEPTED, title, step.key, [before.op, step.op])
        });
    });
}

/// Tells of each step, in order of invocation, the greatest of those that had ended before it.
fn not_above<'h>(
    steps: &[(i64, Step<'h>)],
    mut tell: impl FnMut((i64, Step<'h>), (i64, Step<'h>)),
) {
    let mut ended = steps.to_vec();
    ended.sort_by_key(|(_, step)| step.op.end);
    let mut ended = ended.into_iter().peekable();
    let mut greatest: Option<(i64, Step<'h>)> = None;
    for &(token, step) in steps {
        while let Some(next) = ended.next_if(|(_, next)| next.op.end < Some(step.op.start)) {
            if greatest.is_none_or(|(token, _)| token < next.0) {
                greatest = Some(next);
            }
        }
        if let Some(greatest) = greatest {
            tell((token, step), greatest);
        }
    }
}

fn client(op: &Operation<'_>) -> String {
    op.invocation.process.to_value().to_edn()
}

fn about<'h>(
    class: &'static Class,
    title: String,
    key: &Value,
    ops: impl IntoIterator<Item = &'h Operation<'h>>,
) -> Anomaly {
    let ops: Vec<OpRef> = ops.into_iter().map(OpRef::of).collect();
    let events = ops.iter().map(|op| Value::uint(op.index)).collect();
    let title = match key {
        Value::Nil => title,
        key => format!("key {}: {title}", key.to_edn()),
    };
    let details = [("type", Value::keyword(class.name)), ("key", key.clone()), ("ops", events)];
    Anomaly::new(class, title, ops).with_details(Value::record(details))
}
