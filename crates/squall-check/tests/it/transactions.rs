//! Small histories of transactions, right and wrong ones, and the definitions they are judged by.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use squall_history::{Event, History, Kind, Operation, Process, Value};

/// What transactions do. A register is the last element of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    ListAppend,
    RwRegister,
}

impl Family {
    pub(crate) const BOTH: [Self; 2] = [Self::ListAppend, Self::RwRegister];

    /// What a read of a list of this family returns.
    pub(crate) fn shown(self, list: &[Value]) -> Value {
        match (self, list.last()) {
            (_, None) => Value::Nil,
            (Self::ListAppend, _) => Value::from(list.to_vec()),
            (Self::RwRegister, Some(last)) => last.clone(),
        }
    }

    fn write(self) -> &'static str {
        match self {
            Self::ListAppend => "append",
            Self::RwRegister => "w",
        }
    }
}

/// One choice: which process goes on, and what it does if it begins a transaction.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    process: usize,
    /// Whether it writes, and to which key; whether it happens at the end.
    pub mops: Vec<(bool, i64, bool)>,
    /// 0: fail, 1 and 2: info, else ok.
    pub outcome: u8,
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
pub(crate) fn history(family: Family, steps: &[Step], txns_max: usize, is_right: bool) -> History {
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
            let value = value_of(family, &txn, false);
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
        history.push(Event::new(kind, process, "txn", value_of(family, &txn, kind == Kind::Ok)));
    }
    history
}

fn value_of(family: Family, txn: &Pending, with_results: bool) -> Value {
    let mops = txn.step.mops.iter().enumerate().map(|(at, &(appends, key, _))| {
        let (f, value) = match (appends, &txn.results[at]) {
            (true, _) => (family.write(), Value::Int(txn.appended[at])),
            (false, Some(list)) if with_results => {
                let list: Vec<Value> = list.iter().map(|&int| int.into()).collect();
                ("r", family.shown(&list))
            }
            (false, _) => ("r", Value::Nil),
        };
        Value::list([Value::keyword(f), Value::Int(key), value])
    });
    mops.collect()
}

/// A store with snapshot isolation: a transaction reads what was there when it began, and fails if
/// somebody wrote one of its keys meanwhile.
pub(crate) fn snapshots(family: Family, steps: &[Step]) -> History {
    let mut history = History::default();
    let mut store = Store::default();
    let mut pending: Vec<Option<(Pending, Store)>> = (0..3).map(|_| None).collect();
    for step in steps {
        let process = step.process;
        let client = Process::Client(i64::try_from(process).expect("few"));
        let Some((mut txn, mut seen)) = pending[process].take() else {
            let mut next = || {
                store.next += 1;
                store.next
            };
            let appended = step.mops.iter().map(|_| next()).collect();
            let results = vec![None; step.mops.len()];
            let txn = Pending { step: step.clone(), appended, results };
            history.push(Event::new(Kind::Invoke, client, "txn", value_of(family, &txn, false)));
            let seen = Store { lists: store.lists.clone(), next: 0 };
            pending[process] = Some((txn, seen));
            continue;
        };
        let begun = seen.lists.clone();
        seen.run(&mut txn, |_| true, false);
        let mut written = txn.step.mops.iter().filter(|mop| mop.0).map(|mop| mop.1);
        let is_alone = written.all(|key| {
            begun.get(&key).map_or(0, Vec::len) == store.lists.get(&key).map_or(0, Vec::len)
        });
        for (_, key, _) in txn.step.mops.iter().filter(|mop| mop.0 && is_alone) {
            let list = seen.lists.get(key).cloned().unwrap_or_default();
            store.lists.insert(*key, list);
        }
        let kind = if is_alone { Kind::Ok } else { Kind::Fail };
        history.push(Event::new(kind, client, "txn", value_of(family, &txn, is_alone)));
    }
    history
}

/// The micro-operations of a transaction: whether it writes, the key, the value.
pub(crate) fn mops<'h>(op: &Operation<'h>) -> Vec<(bool, &'h Value, &'h Value)> {
    let mops = op.value().as_list().expect("a transaction");
    let parts = mops.iter().map(|mop| mop.as_list().expect("a micro-operation"));
    parts.map(|parts| (parts[0].as_text() != Some("r"), &parts[1], &parts[2])).collect()
}

fn items(value: &Value) -> &[Value] {
    value.as_list().unwrap_or_default()
}

/// Whether some order of all successful transactions and some of the unknown ones explains every
/// read and respects real time. Slow and obvious.
pub(crate) fn is_strictly_serializable(family: Family, history: &History) -> bool {
    let operations = history.operations().list;
    let possible: Vec<Operation<'_>> =
        operations.into_iter().filter(|op| op.outcome() != Kind::Fail).collect();
    extends(family, &possible, &mut vec![false; possible.len()], &BTreeMap::new())
}

type State<'h> = BTreeMap<&'h Value, Vec<Value>>;

fn extends<'h>(
    family: Family,
    ops: &[Operation<'h>],
    done: &mut [bool],
    state: &State<'h>,
) -> bool {
    if ops.iter().zip(&*done).all(|(op, done)| *done || op.outcome() != Kind::Ok) {
        return true;
    }
    for next in 0..ops.len() {
        let waits =
            |other: usize| !done[other] && ops[other].end.is_some_and(|end| end < ops[next].start);
        if done[next] || (0..ops.len()).any(waits) {
            continue;
        }
        if let Some(after) = apply(family, &ops[next], state) {
            done[next] = true;
            if extends(family, ops, done, &after) {
                return true;
            }
            done[next] = false;
        }
    }
    false
}

fn apply<'h>(family: Family, op: &Operation<'h>, state: &State<'h>) -> Option<State<'h>> {
    let mut state = state.clone();
    for (writes, key, value) in mops(op) {
        let list = state.entry(key).or_default();
        if writes {
            list.push(value.clone());
        } else if op.outcome() == Kind::Ok && family.shown(list) != shown(family, value) {
            return None;
        }
    }
    Some(state)
}

/// The result of a read; an empty list is nil.
fn shown(family: Family, value: &Value) -> Value {
    if family == Family::ListAppend { family.shown(items(value)) } else { value.clone() }
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
    classes_of(&edges)
}

/// The classes of all simple cycles: by pair, why the first must come before the second.
pub(crate) fn classes_of(edges: &[Vec<Vec<char>>]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for first in 0..edges.len() {
        cycles(edges, &mut vec![first], &mut Vec::new(), &mut found);
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
    kinds.extend(time(ops, a, b, clock));
    kinds
}

/// p or t, if time puts `a` before `b`.
pub(crate) fn time(ops: &[Operation<'_>], a: usize, b: usize, clock: Clock) -> Option<char> {
    let (first, second) = (&ops[a], &ops[b]);
    let is_ok = first.outcome() == Kind::Ok;
    let both_ok = is_ok && second.outcome() == Kind::Ok;
    let same = first.invocation.process == second.invocation.process;
    let is_over = first.end.is_some_and(|end| end < second.start);
    match clock {
        Clock::Process => (both_ok && same && a < b).then_some('p'),
        Clock::Realtime => (is_ok && is_over).then_some('t'),
    }
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
