//! What is decided without a search, against the search; and histories that each specification
//! must reject.

use proptest::prelude::*;
use squall_check::linear::{NilRead, Options, SPECS, Spec, check, check_spec, specs};
use squall_check::{Outcome, Verdict};
use squall_history::formats::edn;
use squall_history::{History, Value};

use crate::generate::{Shape, cases, register, steps};
use crate::simulated::{self, Chance, Simulated};

fn options() -> Options {
    Options { nil_read: NilRead::Initial, ..Options::register() }
}

fn without() -> Options {
    Options { uses_special_cases: false, ..options() }
}

fn class(outcome: &Outcome) -> Option<&'static str> {
    outcome.anomalies.first().map(|anomaly| anomaly.class.name)
}

proptest! {
    #![proptest_config(cases(3000))]

    /// Not only the verdict: where it is broken, too, and the whole explanation.
    #[test]
    fn registers_with_unique_values(steps in steps(5, 120), lies in any::<bool>()) {
        let shape = Shape { unique: true, keys: 1, ops_max: 40, lies };
        let history = register(&steps, shape);
        let (special, searched) = (check(&history, &options()), check(&history, &without()));
        prop_assert_ne!(special.verdict, Verdict::Unknown);
        prop_assert_eq!(&special.result, &searched.result);
        if class(&special) != Some("double-cas") {
            prop_assert_eq!(special, searched);
        }
    }
}

/// Without a single lie: stale reads and double compare-and-sets of two registers that do not talk.
#[test]
fn registers_that_do_not_talk() {
    let mut doubles = 0;
    let mut broken_count = 0;
    for seed in 0..3000 {
        let history = simulated::register().history(&mut Chance(seed), 30, seed % 3 > 0);
        let (special, searched) = (check(&history, &options()), check(&history, &without()));
        assert_eq!(special.result, searched.result, "{seed}\n{}", edn::write(&history));
        broken_count += u32::from(special.verdict == Verdict::Broken);
        doubles += u32::from(class(&special) == Some("double-cas"));
    }
    assert!((600..2000).contains(&broken_count), "{broken_count}");
    assert!(doubles > 20, "{doubles}");
}

/// The verdicts on long histories, and the classes that came up.
fn same_verdict<S: Spec, T: Default>(spec: &S, simulated: &Simulated<T>) -> Vec<&'static str> {
    let mut classes = Vec::new();
    for seed in 0..2500 {
        let history = simulated.history(&mut Chance(seed), 24, seed % 3 > 0);
        let special = check_spec(spec, &history, &options());
        let searched = check_spec(spec, &history, &without());
        let text = || format!("{seed} {special:?}\n{}", edn::write(&history));
        assert_ne!(searched.verdict, Verdict::Unknown, "{}", text());
        assert_eq!(special.verdict, searched.verdict, "{}", text());
        classes.extend(class(&special).filter(|class| !classes.contains(class)));
    }
    classes.sort_unstable();
    classes
}

#[test]
fn queues() {
    let classes = same_verdict(&specs::Fifo, &simulated::fifo(true));
    for class in ["duplicate", "empty", "order", "thin-air-read"] {
        assert!(classes.contains(&class), "{class} of {classes:?}");
    }
}

#[test]
fn sets_that_grow() {
    let classes = same_verdict(&specs::Set, &simulated::grow_only_set());
    for class in ["incomparable-reads", "order"] {
        assert!(classes.contains(&class), "{class} of {classes:?}");
    }
}

#[test]
fn growing_numbers() {
    assert_eq!(same_verdict(&specs::Tso, &simulated::numbers()), ["duplicate", "order"]);
}

/// Three histories for each, and what each of them is called.
#[test]
fn what_each_specification_rejects() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/linear");
    for spec in SPECS {
        let path = format!("{folder}/{}.edn", spec.name);
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        let histories: Vec<&str> = text.split("\n\n").collect();
        assert_eq!(histories.len(), 3, "{path}");
        for text in histories {
            let (title, _) = text.split_once('\n').expect("a line that says what it is");
            let history = edn::read(text.as_bytes()).expect(title).history;
            let outcome = spec.check(&history, &options());
            assert_eq!(outcome.verdict, Verdict::Broken, "{} {title}", spec.name);
            let expected = title.trim_start_matches("; ").split(':').next();
            assert_eq!(class(&outcome), expected, "{} {title}", spec.name);
            assert!(outcome.problems.is_empty(), "{} {title}", spec.name);
            // Its first half alone is fine.
            let events = history.events[..history.events.len() / 2].to_vec();
            let half = spec.check(&History::new(events), &options());
            assert_ne!(half.verdict, Verdict::Broken, "{} {title}", spec.name);
        }
    }
}

#[test]
fn what_is_said_about_an_object() {
    let text = "{:process 0 :type :invoke :f :enqueue :value 1}
        {:process 0 :type :ok :f :enqueue :value 1}
        {:process 1 :type :invoke :f :peek} {:process 1 :type :ok :f :peek :value 2}";
    let history = edn::read(text.as_bytes()).expect("a history").history;
    let outcome = check_spec(&specs::Fifo, &history, &options());
    let title = "no order explains peek 2 of client 1: the state was [1]";
    assert_eq!(outcome.anomalies[0].title, title);
    let op = outcome.result.get("op").expect("the operation");
    assert_eq!(op.get("index"), Some(&Value::Int(3)));
}

/// A value of a shape that nobody can read is a problem, and takes nothing from the others.
#[test]
fn values_of_the_wrong_shape() {
    let read = |text: &str| edn::read(text.as_bytes()).expect("a history").history;
    let strange = "{:process 0 :type :invoke :f :add :value 1}
        {:process 0 :type :ok :f :add :value 1}
        {:process 1 :type :invoke :f :read} {:process 1 :type :ok :f :read :value \"x\"}";
    let outcome = check_spec(&specs::PnCounter, &read(strange), &options());
    assert_eq!((outcome.verdict, outcome.problems.len()), (Verdict::Unknown, 1));
    let and_broken = format!(
        "{strange} {{:process 2 :type :invoke :f :read}}
         {{:process 2 :type :ok :f :read :value 0}}"
    );
    let outcome = check_spec(&specs::PnCounter, &read(&and_broken), &options());
    assert_eq!((outcome.verdict, outcome.problems.len()), (Verdict::Broken, 1));
    // But not if it may have changed what the others saw.
    let and_unclear = and_broken.replace(":f :add :value 1", ":f :add :value x");
    let outcome = check_spec(&specs::PnCounter, &read(&and_unclear), &options());
    assert_eq!(outcome.verdict, Verdict::Unknown);
}

/// Adds of powers of two that nobody knows about, and a sum that none of their subsets has.
#[test]
fn a_budget_that_is_used_up() {
    let mut text = String::new();
    for client in 0..40 {
        let add = 2_i64 << client;
        text += &format!("{{:process {client} :type :invoke :f :add :value {add}}}");
    }
    text += "{:process 99 :type :invoke :f :read} {:process 99 :type :ok :f :read :value 33333}";
    let history = edn::read(text.as_bytes()).expect("a history").history;
    for (steps_max, memo_bytes_max, code) in
        [(1000, 512 << 20, "budget-steps"), (u64::MAX, 1 << 20, "budget-memory")]
    {
        let tight = Options { steps_max, memo_bytes_max, ..options() };
        let outcome = check_spec(&specs::PnCounter, &history, &tight);
        let reason = outcome.reason.expect("a reason");
        assert_eq!((outcome.verdict, reason.code.as_str()), (Verdict::Unknown, code));
        assert!(reason.numbers.contains(&("open_ops", 40)), "{:?}", reason.numbers);
    }
}

/// Right histories of up to 3,000 operations, every eighth unknown: decided, and never broken.
fn decided<S: Spec, T: Default>(name: &str, spec: &S, simulated: &Simulated<T>) {
    let few_steps = Options { steps_max: 200_000, ..options() };
    for seed in 0..3 {
        let history = simulated.history(&mut Chance(seed), 3000, false);
        let verdict = check_spec(spec, &history, &few_steps).verdict;
        assert!(
            ![Verdict::Broken, Verdict::Unknown].contains(&verdict),
            "{name} {seed}: {verdict:?}"
        );
    }
}

#[test]
fn long_histories_are_decided() {
    decided("kv", &specs::Kv::default(), &simulated::kv());
    decided("kv-delete", &specs::KvDelete, &simulated::kv_delete());
    decided("set", &specs::Set, &simulated::set());
    decided("set", &specs::Set, &simulated::grow_only_set());
    decided("pn-counter", &specs::PnCounter, &simulated::pn_counter());
    decided("mutex", &specs::Mutex, &simulated::mutex());
    decided("owner-mutex", &specs::OwnerMutex, &simulated::owner_mutex(1));
    decided("reentrant", &specs::Reentrant { limit: 2 }, &simulated::owner_mutex(2));
    decided("fenced", &specs::Fenced, &simulated::fenced());
    decided("id-gen", &specs::IdGen, &simulated::ids());
    decided("tso", &specs::Tso, &simulated::numbers());
    decided("txn-map", &specs::TxnMap, &simulated::txn_map());
}
