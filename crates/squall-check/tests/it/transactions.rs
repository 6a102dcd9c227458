//! Small histories of transactions, right and wrong ones, and the definitions they are judged by.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use squall_history::{Event, History, Kind, Operation, Process, Value};

/// One choice: which process goes on, and what it does if it begins a transaction.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    process: usize,
    /// Whether it appends, and to which key; whether it happens at the end.
    mops: Vec<(bool, i64, bool)>,
    /// 0: fail, 1 and 2: info, else ok.
    outcome: u8,
    /// Of a wrong history: 0: happens all at once; 1: reads miss the last element; 2: effects of
    /// what failed stay; else micro-operations happen at two moments.
    luck: u8,
}

pub(crate) fn steps(count: usize) -> impl Strategy<Value = Vec<Step>> {
    let mops = prop::collection::vec((any::<bool>(), 0..2_i64, any::<bool>()), 1..4);
    let step = (0..3_usize, mops, 0..12_u8, 0..6_u8)
        .prop_map(|(process, mops, outcome, luck)| Step { process, mops, outcome, luck });
    prop::collection::vec(step, 2..count)
}

struct Pending {
    step: Step,
    appended: Vec<i64>,
    results: Vec<Option<Vec<i64>>>,
}

#[derive(Default)]
struct Store {
    lists: BTreeMap<i64, Vec<i64>>,
    next: i64,
}

impl Store {
    fn run(&mut self, pending: &mut Pending, is_now: impl Fn(bool) -> bool, misses: bool) {
        for (at, &(appends, key, late)) in pending.step.mops.iter().enumerate() {
            if !is_now(late) {
                continue;
            }
            let list = self.lists.entry(key).or_default();
            if appends {
                list.push(pending.appended[at]);
            } else {
                let len = list.len() - usize::from(misses && !list.is_empty());
                pending.results[at] = Some(list[..len].to_vec());
            }
        }
    }
}

/// What a store did with these steps; a right one, or one with the faults that the steps tell.
pub(crate) fn history(steps: &[Step], txns_max: usize, is_right: bool) -> History {
    let mut history = History::default();
    let mut store = Store::default();
    let mut pending: Vec<Option<Pending>> = (0..3).map(|_| None).collect();
    let mut ids = [0_i64, 1, 2];
    let mut begun = 0;
    for step in steps {
        let process = Process::Client(ids[step.process]);
        let Some(mut txn) = pending[step.process].take() else {
            if begun == txns_max {
                continue;
            }
            begun += 1;
            let appended = step.mops.iter().map(|_| {
                store.next += 1;
                store.next
            });
            let appended = appended.collect();
            let results = vec![None; step.mops.len()];
            let mut txn = Pending { step: step.clone(), appended, results };
            let is_split = !is_right && step.luck > 2;
            if is_split {
                store.run(&mut txn, |late| !late, false);
            } else if step.outcome > 5 {
                store.run(&mut txn, |_| true, !is_right && step.luck == 1);
            }
            let value = value_of(&txn, false);
            history.push(Event::new(Kind::Invoke, process, "txn", value));
            pending[step.process] = Some(txn);
            continue;
        };
        let of_txn = txn.step.clone();
        let is_split = !is_right && of_txn.luck > 2;
        if is_split {
            store.run(&mut txn, |late| late, false);
        } else if of_txn.outcome > 2 && of_txn.outcome <= 5 {
            store.run(&mut txn, |_| true, !is_right && of_txn.luck == 1);
        } else if of_txn.outcome == 1 || (!is_right && of_txn.luck == 2) {
            store.run(&mut txn, |_| true, false);
        }
        let kind = match of_txn.outcome {
            0 => Kind::Fail,
            1 | 2 => Kind::Info,
            _ => Kind::Ok,
        };
        if kind == Kind::Info {
            ids[step.process] += 10;
        }
        history.push(Event::new(kind, process, "txn", value_of(&txn, kind == Kind::Ok)));
    }
    history
}

fn value_of(txn: &Pending, with_results: bool) -> Value {
    let mops = txn.step.mops.iter().enumerate().map(|(at, &(appends, key, _))| {
        let (f, value) = match (appends, &txn.results[at]) {
            (true, _) => ("append", Value::Int(txn.appended[at])),
            (false, Some(list)) if with_results && !list.is_empty() => {
                ("r", Value::from(list.clone()))
            }
            (false, _) => ("r", Value::Nil),
        };
        Value::list([Value::keyword(f), Value::Int(key), value])
    });
    mops.collect()
}

/// The micro-operations of a transaction: whether it appends, the key, the value.
pub(crate) fn mops<'h>(op: &Operation<'h>) -> Vec<(bool, &'h Value, &'h Value)> {
    let mops = op.value().as_list().expect("a transaction");
    let parts = mops.iter().map(|mop| mop.as_list().expect("a micro-operation"));
    parts.map(|parts| (parts[0].as_text() == Some("append"), &parts[1], &parts[2])).collect()
}

fn items(value: &Value) -> &[Value] {
    value.as_list().unwrap_or_default()
}

/// Whether some order of all successful transactions and some of the unknown ones explains every
/// read and respects real time. Slow and obvious.
pub(crate) fn is_strictly_serializable(history: &History) -> bool {
    let operations = history.operations().list;
    let possible: Vec<Operation<'_>> =
        operations.into_iter().filter(|op| op.outcome() != Kind::Fail).collect();
    extends(&possible, &mut vec![false; possible.len()], &BTreeMap::new())
}

type State<'h> = BTreeMap<&'h Value, Vec<&'h Value>>;

fn extends<'h>(ops: &[Operation<'h>], done: &mut [bool], state: &State<'h>) -> bool {
    if ops.iter().zip(&*done).all(|(op, done)| *done || op.outcome() != Kind::Ok) {
        return true;
    }
    for next in 0..ops.len() {
        let waits =
            |other: usize| !done[other] && ops[other].end.is_some_and(|end| end < ops[next].start);
        if done[next] || (0..ops.len()).any(waits) {
            continue;
        }
        if let Some(after) = apply(&ops[next], state) {
            done[next] = true;
            if extends(ops, done, &after) {
                return true;
            }
            done[next] = false;
        }
    }
    false
}

fn apply<'h>(op: &Operation<'h>, state: &State<'h>) -> Option<State<'h>> {
    let mut state = state.clone();
    for (appends, key, value) in mops(op) {
        let list = state.entry(key).or_default();
        if appends {
            list.push(value);
        } else if op.outcome() == Kind::Ok && !list.iter().copied().eq(items(value)) {
            return None;
        }
    }
    Some(state)
}

/// Which order of transactions counts beside their dependencies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Clock {
    Process,
    Realtime,
}

/// The classes of all cycles of a history in which reads of a key agree with each other: every
/// pair of transactions and every simple cycle is looked at. Slow and obvious.
pub(crate) fn classes(history: &History, clock: Clock) -> BTreeSet<String> {
    let operations = history.operations().list;
    let ops: Vec<Operation<'_>> =
        operations.into_iter().filter(|op| op.outcome() != Kind::Fail).collect();
    let edges: Vec<Vec<Vec<char>>> = (0..ops.len())
        .map(|a| (0..ops.len()).map(|b| kinds(&ops, a, b, clock)).collect())
        .collect();
    let mut found = BTreeSet::new();
    for first in 0..ops.len() {
        cycles(&edges, &mut vec![first], &mut Vec::new(), &mut found);
    }
    found
}

/// The longest list that a successful transaction read of a key.
fn order<'h>(ops: &[Operation<'h>], key: &Value) -> &'h [Value] {
    let reads = ops.iter().filter(|op| op.outcome() == Kind::Ok).flat_map(mops);
    let lists = reads.filter(|mop| !mop.0 && mop.1 == key).map(|mop| items(mop.2));
    lists.max_by_key(|list| list.len()).unwrap_or_default()
}

/// Why `a` must come before `b`: w for ww, r for wr, a for rw (an anti-dependency), p, t.
fn kinds(ops: &[Operation<'_>], a: usize, b: usize, clock: Clock) -> Vec<char> {
    let mut kinds = Vec::new();
    let (first, second) = (&ops[a], &ops[b]);
    if a == b {
        return kinds;
    }
    let both_ok = first.outcome() == Kind::Ok && second.outcome() == Kind::Ok;
    let wrote = |op: &Operation<'_>, key: &Value, value: &Value| {
        mops(op).iter().any(|mop| mop.0 && mop.1 == key && mop.2 == value)
    };
    for (appends, key, value) in mops(second).into_iter().filter(|mop| mop.0) {
        assert!(appends);
        let order = order(ops, key);
        let before = match order.iter().position(|element| element == value) {
            Some(place) => &order[..place],
            None => order,
        };
        if before.last().is_some_and(|last| wrote(first, key, last)) {
            kinds.push('w');
        }
        let misses = |mop: &(bool, &Value, &Value)| {
            !mop.0 && mop.1 == key && items(mop.2).last() == before.last()
        };
        if first.outcome() == Kind::Ok && mops(first).iter().any(misses) {
            kinds.push('a');
        }
    }
    let saw = |mop: &(bool, &Value, &Value)| {
        !mop.0 && items(mop.2).last().is_some_and(|last| wrote(first, mop.1, last))
    };
    if second.outcome() == Kind::Ok && mops(second).iter().any(saw) {
        kinds.push('r');
    }
    let same = first.invocation.process == second.invocation.process;
    if clock == Clock::Process && both_ok && same && a < b {
        kinds.push('p');
    }
    let is_over = first.end.is_some_and(|end| end < second.start);
    if clock == Clock::Realtime && first.outcome() == Kind::Ok && is_over {
        kinds.push('t');
    }
    kinds
}

fn cycles(
    edges: &[Vec<Vec<char>>],
    path: &mut Vec<usize>,
    kinds: &mut Vec<char>,
    found: &mut BTreeSet<String>,
) {
    let last = path[path.len() - 1];
    for next in path[0]..edges.len() {
        if next != path[0] && path.contains(&next) {
            continue;
        }
        for &kind in &edges[last][next] {
            kinds.push(kind);
            if next == path[0] {
                found.extend(class(kinds));
            } else {
                path.push(next);
                cycles(edges, path, kinds, found);
                path.pop();
            }
            kinds.pop();
        }
    }
}

/// The class of a cycle; `None` if it has time only.
fn class(kinds: &[char]) -> Option<String> {
    let count = |kind: char| kinds.iter().filter(|other| **other == kind).count();
    let next = kinds.iter().cycle().skip(1);
    let is_adjacent = kinds.iter().zip(next).any(|pair| pair == (&'a', &'a'));
    let base = match count('a') {
        0 if count('r') > 0 => "G1c",
        0 if count('w') > 0 => "G0",
        0 => return None,
        1 => "G-single-item",
        _ if is_adjacent => "G2-item",
        _ => "G-nonadjacent-item",
    };
    let form = if count('t') > 0 {
        "-realtime"
    } else if count('p') > 0 {
        "-process"
    } else {
        ""
    };
    Some(format!("{base}{form}"))
}
