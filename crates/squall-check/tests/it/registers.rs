//! Transactions of registers against brute force: orders of all transactions, and the definitions
//! of every anomaly looked at one by one.

use std::cell::RefCell;
use std::collections::BTreeSet;

use proptest::prelude::*;
use squall_check::consistency::{Model, ruled_out};
use squall_check::isolation::{Options, Registers, list_append, rw_register};
use squall_check::{Outcome, Verdict};
use squall_history::{History, Kind, Operation, Value};

use crate::generate::cases;
use crate::transactions::{
    Clock, Family, Step, classes_of, history, is_strictly_serializable, mops, snapshots, steps,
    time,
};

/// Which assumptions are made beside the usual source.
const ASSUMPTIONS: [(bool, bool); 4] = [(false, false), (true, false), (false, true), (true, true)];

fn registers((sequential_keys, linearizable_keys): (bool, bool)) -> Registers {
    Registers { sequential_keys, linearizable_keys, ..Registers::usual() }
}

fn names(outcome: &Outcome) -> BTreeSet<String> {
    outcome.anomalies.iter().map(|anomaly| anomaly.class.name.to_owned()).collect()
}

/// What a transaction read of a key from outside, and what it wrote to it last.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Touch {
    key: Value,
    read: Option<Value>,
    write: Option<Value>,
}

fn touches(op: &Operation<'_>) -> Vec<Touch> {
    let mut touches: Vec<Touch> = Vec::new();
    for (writes, key, value) in mops(op) {
        let is_seen = op.outcome() == Kind::Ok;
        let place = touches.iter().position(|touch| touch.key == *key).unwrap_or_else(|| {
            let read = (!writes && is_seen).then(|| value.clone());
            touches.push(Touch { key: key.clone(), read, write: None });
            touches.len() - 1
        });
        if writes {
            touches[place].write = Some(value.clone());
        }
    }
    touches
}

/// The definitions, over all pairs of everything.
struct Oracle<'h> {
    ops: Vec<Operation<'h>>,
    failed: Vec<Operation<'h>>,
}

/// That a version of a key comes before another.
type Order = (Value, Value, Value);

impl<'h> Oracle<'h> {
    fn of(history: &'h History) -> Self {
        let all = history.operations().list;
        let (failed, ops) = all.into_iter().partition(|op| op.outcome() == Kind::Fail);
        Self { ops, failed }
    }

    fn wrote(op: &Operation<'_>, key: &Value, value: &Value) -> bool {
        mops(op).iter().any(|mop| mop.0 && mop.1 == key && mop.2 == value)
    }

    fn writer(&self, key: &Value, value: &Value) -> Option<usize> {
        self.ops.iter().position(|op| Self::wrote(op, key, value))
    }

    fn ok(&self) -> impl Iterator<Item = &Operation<'h>> {
        self.ops.iter().filter(|op| op.outcome() == Kind::Ok)
    }

    fn initial(&self) -> BTreeSet<Order> {
        let values = self.ops.iter().flat_map(|op| {
            let seen = move |mop: &(bool, &Value, &Value)| mop.0 || op.outcome() == Kind::Ok;
            mops(op).into_iter().filter(seen)
        });
        let known = values.filter(|mop| !mop.2.is_nil());
        known.map(|mop| (mop.1.clone(), Value::Nil, mop.2.clone())).collect()
    }

    fn steps(&self) -> BTreeSet<Order> {
        let of = |touch: Touch| Some((touch.key, touch.read?, touch.write?));
        let all = self.ok().flat_map(touches).filter_map(of);
        all.filter(|order| order.1 != order.2).collect()
    }

    /// What is touched by transactions that come one after the other.
    fn keys(&self, comes_before: impl Fn(usize, usize) -> bool) -> BTreeSet<Order> {
        let mut orders = self.steps();
        for a in 0..self.ops.len() {
            for b in (0..self.ops.len()).filter(|&b| comes_before(a, b)) {
                for first in touches(&self.ops[a]) {
                    for second in touches(&self.ops[b]).into_iter().filter(|t| t.key == first.key) {
                        let last = first.write.clone().or_else(|| first.read.clone());
                        if let (Some(last), Some(next)) = (last, second.read.or(second.write))
                            && last != next
                        {
                            orders.insert((first.key.clone(), last, next));
                        }
                    }
                }
            }
        }
        orders
    }

    /// The order of versions, and whether some source had to be left out.
    fn versions(&self, (sequential, linearizable): (bool, bool)) -> (BTreeSet<Order>, bool) {
        let is_ok = |op: usize| self.ops[op].outcome() == Kind::Ok;
        let process = |op: usize| &self.ops[op].invocation.process;
        let by_process = |a: usize, b: usize| is_ok(a) && a < b && process(a) == process(b);
        let by_time = |a: usize, b: usize| {
            is_ok(a) && self.ops[a].end.is_some_and(|end| end < self.ops[b].start)
        };
        let mut sources = vec![self.steps()];
        if sequential {
            sources.push(self.keys(by_process));
        }
        if linearizable {
            sources.push(self.keys(by_time));
        }
        let mut known = self.initial();
        let mut is_cyclic = false;
        let keys: BTreeSet<Value> = known.iter().map(|order| order.0.clone()).collect();
        for source in sources {
            for key in &keys {
                let more = source.iter().filter(|order| order.0 == *key).cloned();
                let tried: BTreeSet<Order> = known.iter().cloned().chain(more).collect();
                if has_circle(&tried, key) {
                    is_cyclic = true;
                } else {
                    known = tried;
                }
            }
        }
        (known, is_cyclic)
    }

    fn kinds(&self, versions: &BTreeSet<Order>, a: usize, b: usize) -> Vec<char> {
        let mut kinds = Vec::new();
        let read = |op: usize, key: &Value, value: &Value| {
            let is_it = |touch: &Touch| touch.key == *key && touch.read.as_ref() == Some(value);
            touches(&self.ops[op]).iter().any(is_it)
        };
        for (key, from, to) in versions.iter().filter(|_| a != b) {
            if self.writer(key, to) == Some(b) {
                kinds.extend((self.writer(key, from) == Some(a)).then_some('w'));
                kinds.extend(read(a, key, from).then_some('a'));
            }
        }
        for touch in touches(&self.ops[b]).into_iter().filter(|_| a != b) {
            let writer = touch.read.and_then(|read| self.writer(&touch.key, &read));
            kinds.extend((writer == Some(a)).then_some('r'));
        }
        kinds.extend(time(&self.ops, a, b, Clock::Realtime).filter(|_| a != b));
        kinds.sort_unstable();
        kinds.dedup();
        kinds
    }

    fn cycles(&self, versions: &BTreeSet<Order>) -> BTreeSet<String> {
        let all = 0..self.ops.len();
        let edges: Vec<Vec<Vec<char>>> = all
            .clone()
            .map(|a| all.clone().map(|b| self.kinds(versions, a, b)).collect())
            .collect();
        classes_of(&edges)
    }

    /// The anomalies that need no graph.
    fn alone(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for op in self.ok() {
            let mops = mops(op);
            for (at, &(writes, key, value)) in mops.iter().enumerate().filter(|(_, mop)| !mop.0) {
                assert!(!writes);
                let before = mops[..at].iter().rev().find(|mop| mop.1 == key);
                let is_own = mops.iter().any(|mop| mop.0 && mop.1 == key && mop.2 == value);
                let is_later = mops[at..].iter().any(|mop| mop.0 && mop.1 == key && mop.2 == value);
                let mut is = |name: &str, holds: bool| {
                    found.extend(holds.then(|| name.to_owned()));
                };
                is("internal", before.is_some_and(|before| before.2 != value));
                is("future-read", before.is_none() && is_later);
                let is_failed = self.failed.iter().any(|op| Self::wrote(op, key, value));
                is("G1a", is_failed);
                let writer = self.writer(key, value);
                is("thin-air-read", !value.is_nil() && writer.is_none() && !is_failed);
                let is_last = writer.is_none_or(|writer| {
                    touches(&self.ops[writer])
                        .iter()
                        .any(|touch| touch.write.as_ref() == Some(value))
                });
                is("G1b", !is_last && !is_own);
            }
        }
        // The first read of a key, and a write after it.
        let updates: Vec<(Value, Value)> = self
            .ok()
            .flat_map(|op| {
                let mops = mops(op);
                let keys: BTreeSet<&Value> = mops.iter().map(|mop| mop.1).collect();
                keys.into_iter()
                    .filter_map(move |key| {
                        let read = mops.iter().position(|mop| !mop.0 && mop.1 == key)?;
                        let writes = mops[read..].iter().any(|mop| mop.0 && mop.1 == key);
                        writes.then(|| (key.clone(), mops[read].2.clone()))
                    })
                    .collect::<Vec<_>>()
            })
            .collect();
        let is_twice = |update| updates.iter().filter(|other| *other == update).count() > 1;
        found.extend(updates.iter().any(is_twice).then(|| "lost-update".to_owned()));
        found
    }
}

fn has_circle(orders: &BTreeSet<Order>, key: &Value) -> bool {
    let mut all: BTreeSet<(&Value, &Value)> =
        orders.iter().filter(|order| order.0 == *key).map(|order| (&order.1, &order.2)).collect();
    loop {
        let more: Vec<(&Value, &Value)> = all
            .iter()
            .flat_map(|a| all.iter().filter(|b| a.1 == b.0).map(|b| (a.0, b.1)))
            .filter(|pair| !all.contains(pair))
            .collect();
        if all.iter().any(|pair| pair.0 == pair.1) {
            return true;
        }
        if more.is_empty() {
            return false;
        }
        all.extend(more);
    }
}

/// A strictly serializable store is never blamed, whatever is assumed; and who is blamed has no
/// explanation.
fn is_sound(steps: &[Step], is_right: bool) -> Result<bool, TestCaseError> {
    let history = history(Family::RwRegister, steps, 6, is_right);
    let is_explained = is_strictly_serializable(Family::RwRegister, &history);
    prop_assert!(is_explained || !is_right);
    let mut is_broken = false;
    for assumed in ASSUMPTIONS {
        let outcome = rw_register(&history, &Options::strict_serializable(), &registers(assumed));
        let told = format!("{:#?}\n{:?}", outcome.anomalies, history.events);
        prop_assert_ne!(outcome.verdict, Verdict::Unknown, "{}", told);
        is_broken |= outcome.verdict == Verdict::Broken;
        prop_assert!(!(is_broken && is_explained), "{}", told);
    }
    Ok(is_broken)
}

/// The same steps, but every write is of a key that was read before, and nothing ends unknown.
fn careful(steps: &[Step]) -> Vec<Step> {
    let careful = |step: &Step| {
        let read_first =
            |&(writes, key, late): &(bool, i64, bool)| [(false, key, late), (writes, key, late)];
        let outcome = if matches!(step.outcome, 1 | 2) { 9 } else { step.outcome };
        let mops = step.mops.iter().flat_map(read_first).collect();
        let mut step = step.clone();
        (step.mops, step.outcome) = (mops, outcome);
        step
    };
    steps.iter().map(careful).collect()
}

/// What is found is what the definitions say, and rules out the same models.
fn agrees(history: &History, assumed: (bool, bool)) -> Result<BTreeSet<String>, TestCaseError> {
    let oracle = Oracle::of(history);
    let outcome = rw_register(history, &Options::strict_serializable(), &registers(assumed));
    if outcome.verdict == Verdict::NotExercised {
        return Ok(BTreeSet::new());
    }
    let (versions, is_cyclic) = oracle.versions(assumed);
    let there = oracle.cycles(&versions);
    let mut alone = oracle.alone();
    alone.extend(is_cyclic.then(|| "cyclic-versions".to_owned()));
    let found = names(&outcome);
    let told = || format!("{:#?}\n{:?}", outcome.anomalies, history.events);
    let is_cycle =
        |name: &String| name.starts_with('G') && !["G1a", "G1b"].contains(&name.as_str());
    let (cycles, others): (BTreeSet<_>, BTreeSet<_>) = found.into_iter().partition(is_cycle);
    prop_assert_eq!(&others, &alone, "{}", told());
    prop_assert!(cycles.is_subset(&there), "{:?} {:?} {}", cycles, there, told());
    // A version that nobody may have written hides what comes behind it.
    if !alone.contains("G1a") && !alone.contains("thin-air-read") {
        let refuted = |classes: &BTreeSet<String>| {
            let ruled_out = ruled_out(classes.iter().map(String::as_str));
            (ruled_out.weakest, ruled_out.others)
        };
        prop_assert_eq!(refuted(&cycles), refuted(&there), "{:?} {:?} {}", cycles, there, told());
    }
    for anomaly in outcome.anomalies.iter().filter(|anomaly| !anomaly.edges.is_empty()) {
        for edge in &anomaly.edges {
            let has_key = edge.key.is_some() && edge.to_mop.is_some() && edge.from_mop.is_some();
            prop_assert_eq!(has_key, ["ww", "wr", "rw"].contains(&edge.kind.as_str()));
        }
    }
    Ok(there.union(&alone).cloned().collect())
}

proptest! {
    #![proptest_config(cases(2000))]

    #[test]
    fn right_stores_are_not_blamed(steps in steps(14)) {
        is_sound(&steps, true)?;
    }

    #[test]
    fn who_is_blamed_has_no_explanation(steps in steps(14)) {
        is_sound(&steps, false)?;
    }

    #[test]
    fn where_all_versions_are_known_all_is_found(steps in steps(14)) {
        let steps = careful(&steps);
        for is_right in [true, false] {
            let history = history(Family::RwRegister, &steps, 5, is_right);
            // What an open transaction read is not known.
            if history.operations().list.iter().any(|op| op.outcome() == Kind::Info) {
                continue;
            }
            let outcome =
                rw_register(&history, &Options::strict_serializable(), &Registers::usual());
            let is_explained = is_strictly_serializable(Family::RwRegister, &history);
            let is_broken = outcome.verdict == Verdict::Broken;
            prop_assert_eq!(is_broken, !is_explained, "{:#?} {:?}", outcome, history.events);
        }
    }

    #[test]
    fn anomalies_are_those_of_the_definitions(steps in steps(16), assumed in 0..4_usize) {
        agrees(&history(Family::RwRegister, &steps, 6, false), ASSUMPTIONS[assumed])?;
    }

    #[test]
    fn snapshot_isolation_is_snapshot_isolation(steps in steps(18)) {
        let model = Model::named("snapshot-isolation").expect("a model");
        for family in Family::BOTH {
            let history = snapshots(family, &steps);
            let options = Options::models([model]);
            let outcome = match family {
                Family::ListAppend => list_append(&history, &options),
                Family::RwRegister => rw_register(&history, &options, &Registers::usual()),
            };
            prop_assert_ne!(outcome.verdict, Verdict::Broken, "{:#?}", outcome.anomalies);
        }
    }
}

#[test]
fn both_verdicts_and_all_classes_are_common() {
    let counts = RefCell::new((0, 0, BTreeSet::new()));
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    for case in 0..1500 {
        let tree = steps(18).new_tree(&mut runner).expect("steps");
        let steps = proptest::strategy::ValueTree::current(&tree);
        let mut counts = counts.borrow_mut();
        if is_sound(&steps, false).expect("agreement") {
            counts.0 += 1;
        } else {
            counts.1 += 1;
        }
        let history = history(Family::RwRegister, &steps, 6, false);
        counts.2.extend(agrees(&history, ASSUMPTIONS[case % 4]).expect("agreement"));
    }
    let (broken, held, classes) = counts.into_inner();
    assert!(broken > 300 && held > 300, "{broken} {held}");
    assert!(classes.len() >= 15, "{classes:?}");
}
