//! The search for an order against the definition: some permutation of all successful operations
//! and some of the unknown ones, which a register could have executed, and which respects real
//! time.

use proptest::prelude::*;
use squall_check::linear::{FailedCas, NilRead, Options, check};
use squall_check::{Outcome, Verdict};
use squall_history::formats::edn;
use squall_history::{History, Kind, Operation, Value};

use crate::generate::{Shape, cases, register, steps};

/// Whether there is such a permutation. Slow and obvious.
fn oracle(history: &History, options: &Options) -> bool {
    let operations = history.operations();
    let mut keys: Vec<Value> = vec![Value::Nil];
    if options.is_keyed {
        keys = operations.list.iter().map(|op| key_of(op).clone()).collect();
        keys.sort();
        keys.dedup();
    }
    keys.iter().all(|key| {
        let mine = |op: &&Operation<'_>| !options.is_keyed || key_of(op) == key;
        let ops: Vec<Operation<'_>> =
            operations.list.iter().filter(mine).filter(|op| counts(op, options)).copied().collect();
        permute(&ops, &mut vec![false; ops.len()], &Value::Nil, options)
    })
}

fn key_of<'h>(op: &Operation<'h>) -> &'h Value {
    op.invocation.value.as_pair().expect("keyed").0
}

fn counts(op: &Operation<'_>, options: &Options) -> bool {
    op.outcome() != Kind::Fail || (op.f() == "cas" && options.failed_cas == FailedCas::Observe)
}

fn permute(ops: &[Operation<'_>], done: &mut [bool], state: &Value, options: &Options) -> bool {
    let must = |op: &Operation<'_>| op.end.is_some();
    if ops.iter().zip(&*done).all(|(op, done)| *done || !must(op)) {
        return true;
    }
    for next in 0..ops.len() {
        let waits =
            |other: usize| !done[other] && ops[other].end.is_some_and(|end| end < ops[next].start);
        if done[next] || (0..ops.len()).any(waits) {
            continue;
        }
        if let Some(after) = step(&ops[next], state, options) {
            done[next] = true;
            if permute(ops, done, &after, options) {
                return true;
            }
            done[next] = false;
        }
    }
    false
}

fn step(op: &Operation<'_>, state: &Value, options: &Options) -> Option<Value> {
    let value = op.value();
    let value = if options.is_keyed { value.as_pair().expect("keyed").1 } else { value };
    match (op.f(), op.outcome()) {
        ("read", Kind::Ok) => {
            let is_unknown = value.is_nil() && options.nil_read == NilRead::Any;
            (is_unknown || value == state).then(|| state.clone())
        }
        ("read", _) => Some(state.clone()),
        ("write", _) => Some(value.clone()),
        ("cas", Kind::Fail) => (value.as_pair()?.0 != state).then(|| state.clone()),
        ("cas", _) => {
            let (from, to) = value.as_pair()?;
            (from == state).then(|| to.clone())
        }
        _ => None,
    }
}

fn is_broken(outcome: &Outcome) -> bool {
    assert_ne!(outcome.verdict, Verdict::Unknown, "{:?} {:?}", outcome.reason, outcome.problems);
    outcome.verdict == Verdict::Broken
}

fn all_options(is_keyed: bool) -> impl Iterator<Item = Options> {
    [NilRead::Any, NilRead::Initial].into_iter().flat_map(move |nil_read| {
        let failed =
            [(FailedCas::Drop, true), (FailedCas::Drop, false), (FailedCas::Observe, true)];
        failed.into_iter().map(move |(failed_cas, uses_special_cases)| Options {
            is_keyed,
            nil_read,
            failed_cas,
            uses_special_cases,
            ..Options::register()
        })
    })
}

fn agree(history: &History, is_keyed: bool) -> Result<(), TestCaseError> {
    for options in all_options(is_keyed) {
        let outcome = check(history, &options);
        let broken = is_broken(&outcome);
        prop_assert_eq!(!broken, oracle(history, &options), "{:?} {:?}", options, outcome);
        prop_assert_eq!(broken, !outcome.anomalies.is_empty());
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases(3000))]

    #[test]
    fn agrees_with_brute_force(steps in steps(4, 24), lies in any::<bool>()) {
        let shape = Shape { unique: false, keys: 1, ops_max: 9, lies };
        agree(&register(&steps, shape), false)?;
    }

    #[test]
    fn agrees_with_brute_force_on_unique_values(steps in steps(4, 24), lies in any::<bool>()) {
        let shape = Shape { unique: true, keys: 1, ops_max: 9, lies };
        agree(&register(&steps, shape), false)?;
    }

    #[test]
    fn agrees_with_brute_force_by_key(steps in steps(4, 30), lies in any::<bool>()) {
        let shape = Shape { unique: false, keys: 3, ops_max: 12, lies };
        agree(&register(&steps, shape), true)?;
    }

    /// Two processes, more operations each.
    #[test]
    fn agrees_with_brute_force_on_longer_ones(steps in steps(2, 40), lies in any::<bool>()) {
        let shape = Shape { unique: false, keys: 1, ops_max: 14, lies };
        agree(&register(&steps, shape), false)?;
    }
}

/// The histories above must be worth judging: neither nearly all broken nor nearly all held.
#[test]
fn both_verdicts_are_common() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let shape = Shape { unique: false, keys: 1, ops_max: 9, lies: true };
    let broken_count = (0..1000)
        .filter(|_| {
            let tree = steps(4, 24).new_tree(&mut runner).expect("steps");
            let history = register(&proptest::strategy::ValueTree::current(&tree), shape);
            is_broken(&check(&history, &Options::register()))
        })
        .count();
    assert!((200..800).contains(&broken_count), "{broken_count}");
}

/// Two unknown operations can set the first value that is read; only one of them can set it again.
/// A search that does not remember which one it has used takes the second way for the first.
#[test]
fn an_unknown_write_is_kept_for_later() {
    let text = "{:type :invoke :process 8 :f :write :value 1}
        {:type :invoke :process 9 :f :cas :value [nil 1]}
        {:type :invoke :process 0 :f :read} {:type :ok :process 0 :f :read :value 1}
        {:type :invoke :process 0 :f :write :value 2} {:type :ok :process 0 :f :write :value 2}
        {:type :invoke :process 0 :f :read} {:type :ok :process 0 :f :read :value 1}";
    let history = edn::read(text.as_bytes()).expect("a history").history;
    agree(&history, false).expect("they agree");
    assert_eq!(check(&history, &Options::register()).verdict, Verdict::Held);
}
