//! Every specification against the definition: some permutation of all successful operations and
//! some of the unknown ones that the object could have executed, and that respects real time.
//!
//! Histories come from a simulated object (`simulated.rs`). In every second history there are two
//! of them, of which each answers some of the operations, as replicas that do not talk.

use std::collections::BTreeMap;

use squall_check::Verdict;
use squall_check::linear::{Call, NilRead, Options, Spec, check_spec, named, specs};
use squall_history::formats::edn;
use squall_history::{Event, History, Kind, Process, Value};

use crate::simulated::{self, Chance, Simulated};

/// An operation with its start and its end, if it has one.
type Timed<O> = (O, usize, Option<usize>);

/// Whether there is such a permutation for each key. Slow and obvious.
fn oracle<S: Spec>(spec: &S, history: &History) -> bool {
    let operations = history.operations();
    let mut by_key: BTreeMap<Value, Vec<Timed<S::Op>>> = BTreeMap::new();
    for operation in &operations.list {
        if operation.outcome() == Kind::Fail {
            continue;
        }
        let split = |value: &'_ Value| match spec.is_keyed() {
            true => value.as_pair().map(|(k, v)| (k.clone(), v.clone())).expect("a pair"),
            false => (Value::Nil, value.clone()),
        };
        let (key, argument) = split(&operation.invocation.value);
        let result = match operation.outcome() {
            Kind::Ok => Some(split(operation.value()).1),
            Kind::Fail | Kind::Info | Kind::Invoke => None,
        };
        let call = Call {
            process: &operation.invocation.process,
            f: operation.f(),
            argument: &argument,
            result: result.as_ref(),
        };
        if let Some(op) = spec.read(&call).expect("readable") {
            by_key.entry(key).or_default().push((op, operation.start, operation.end));
        }
    }
    by_key.values().all(|ops| permute(spec, ops, &mut vec![false; ops.len()], &spec.initial()))
}

fn permute<S: Spec>(spec: &S, ops: &[Timed<S::Op>], done: &mut [bool], state: &S::State) -> bool {
    if ops.iter().zip(&*done).all(|((.., end), done)| *done || end.is_none()) {
        return true;
    }
    for next in 0..ops.len() {
        let waits =
            |other: usize| !done[other] && ops[other].2.is_some_and(|end| end < ops[next].1);
        if done[next] || (0..ops.len()).any(waits) {
            continue;
        }
        if let Some(after) = spec.step(state, &ops[next].0) {
            done[next] = true;
            if permute(spec, ops, done, &after) {
                return true;
            }
            done[next] = false;
        }
    }
    false
}

/// How many histories of a family are compared, how long they are, and how many are broken.
const HISTORIES: u64 = 2500;
const OPS_MAX: usize = 7;

fn agree<S: Spec, T: Default>(name: &str, spec: &S, simulated: &Simulated<T>) {
    let special = Options { nil_read: NilRead::Initial, ..Options::register() };
    let searched = Options { uses_special_cases: false, ..special.clone() };
    let mut broken_count = 0;
    for seed in 0..HISTORIES {
        let history = simulated.history(&mut Chance(seed), OPS_MAX, seed % 2 == 1);
        let expected = oracle(spec, &history);
        for options in [&special, &searched] {
            let outcome = check_spec(spec, &history, options);
            let text = || format!("{name} {seed} {outcome:?}\n{}", edn::write(&history));
            assert_ne!(outcome.verdict, Verdict::Unknown, "{}", text());
            assert_eq!(outcome.verdict != Verdict::Broken, expected, "{}", text());
            assert_eq!(outcome.verdict == Verdict::Broken, !outcome.anomalies.is_empty());
        }
        broken_count += u64::from(!expected);
        if seed % 2 == 0 {
            assert!(expected, "a right object: {name} {seed}\n{}", edn::write(&history));
        }
        // The same under its name.
        let by_name = named(name).expect("a name").check(&history, &special);
        assert_eq!(by_name, check_spec(spec, &history, &special));
    }
    let share = broken_count * 100 / HISTORIES;
    assert!((8..50).contains(&share), "{name}: {share} % are broken");
}

#[test]
fn multi_registers() {
    let spec = specs::MultiRegister::new(NilRead::Initial);
    agree("multi-register", &spec, &simulated::multi_register());
}

#[test]
fn texts_by_key() {
    agree("kv", &specs::Kv::default(), &simulated::kv());
}

#[test]
fn values_by_key_that_come_and_go() {
    agree("kv-delete", &specs::KvDelete, &simulated::kv_delete());
}

#[test]
fn sets() {
    agree("set", &specs::Set, &simulated::set());
}

#[test]
fn sets_that_grow() {
    agree("set", &specs::Set, &simulated::grow_only_set());
}

#[test]
fn counters() {
    agree("pn-counter", &specs::PnCounter, &simulated::pn_counter());
}

#[test]
fn queues() {
    agree("fifo", &specs::Fifo, &simulated::fifo(false));
}

#[test]
fn queues_of_different_values() {
    agree("fifo", &specs::Fifo, &simulated::fifo(true));
}

#[test]
fn mutexes() {
    agree("mutex", &specs::Mutex, &simulated::mutex());
}

#[test]
fn mutexes_with_an_owner() {
    agree("owner-mutex", &specs::OwnerMutex, &simulated::owner_mutex(1));
}

#[test]
fn mutexes_that_are_taken_twice() {
    agree("reentrant", &specs::Reentrant { limit: 2 }, &simulated::owner_mutex(2));
}

#[test]
fn mutexes_with_tokens() {
    agree("fenced", &specs::Fenced, &simulated::fenced());
}

#[test]
fn sources_of_ids() {
    agree("id-gen", &specs::IdGen, &simulated::ids());
}

#[test]
fn sources_of_growing_numbers() {
    agree("tso", &specs::Tso, &simulated::numbers());
}

#[test]
fn stores_with_revisions() {
    agree("etcd-kv", &specs::EtcdKv, &simulated::etcd_kv());
}

#[test]
fn transactions_on_a_map() {
    agree("txn-map", &specs::TxnMap, &simulated::txn_map());
}

/// A process that does nothing else: the nemesis, and completions that belong to nobody.
#[test]
fn a_name_that_nobody_has() {
    assert!(named("stack of pancakes").is_none());
    let nemesis = Event::new(Kind::Info, Process::NEMESIS, "start", Value::Nil);
    let history = History::new([nemesis]);
    for spec in specs::SPECS {
        let outcome = spec.check(&history, &Options::register());
        assert_eq!(outcome.verdict, Verdict::NotExercised, "{}", spec.name);
    }
}
