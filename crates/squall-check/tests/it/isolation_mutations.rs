//! What each broken history of transactions must be called, and how it is told.

use std::collections::BTreeSet;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use squall_check::consistency::Model;
use squall_check::isolation::{Options, list_append};
use squall_check::{Outcome, Verdict};
use squall_history::{Event, History, Kind, Process, Value};

use crate::transactions::{Family, history, is_strictly_serializable, mops, steps};

/// A transaction in EDN, as it was answered.
pub(crate) type Txn<'t> = (i64, Kind, &'t str);

pub(crate) fn value(text: &str) -> Value {
    Value::from_edn(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// The same without the results of reads.
pub(crate) fn asked(txn: &Value) -> Value {
    let mop = |mop: &Value| match mop.as_list() {
        Some([f, key, _]) if f.as_text() == Some("r") => {
            Value::list([f.clone(), key.clone(), Value::Nil])
        }
        _ => mop.clone(),
    };
    txn.as_list().expect("a transaction").iter().map(mop).collect()
}

/// One transaction after the other.
pub(crate) fn serial(txns: &[Txn<'_>]) -> History {
    let events = txns.iter().flat_map(|&(process, kind, text)| {
        let txn = value(text);
        let invocation = Event::new(Kind::Invoke, Process::Client(process), "txn", asked(&txn));
        [invocation, Event::new(kind, Process::Client(process), "txn", txn)]
    });
    History::new(events)
}

/// All at the same time.
pub(crate) fn together(txns: &[&str]) -> History {
    let events = |kind: Kind| {
        (0_i64..).zip(txns).map(move |(process, text)| {
            let txn = value(text);
            let txn = if kind == Kind::Invoke { asked(&txn) } else { txn };
            Event::new(kind, Process::Client(process), "txn", txn)
        })
    };
    History::new(events(Kind::Invoke).chain(events(Kind::Ok)))
}

fn judge(history: &History, model: &str) -> Outcome {
    list_append(history, &Options::models([Model::named(model).expect("a model")]))
}

pub(crate) fn names(outcome: &Outcome) -> Vec<&'static str> {
    let names: BTreeSet<&str> =
        outcome.anomalies.iter().map(|anomaly| anomaly.class.name).collect();
    names.into_iter().collect()
}

pub(crate) fn keywords(outcome: &Outcome, key: &str) -> Vec<String> {
    let (Value::Set(items) | Value::List(items)) = outcome.result.get(key).expect(key) else {
        panic!("{key} is no list")
    };
    items.iter().map(|item| item.as_text().expect("a name").to_owned()).collect()
}

/// Transactions at one moment, the classes that they are without doubt, and the weakest models that
/// these rule out.
type Case = (&'static [&'static str], &'static [&'static str], &'static [&'static str]);

const CASES: &[Case] = &[
    // Exchanged appends on one of two shared keys.
    (
        &[
            "[[:append :x 1] [:append :y 1]]",
            "[[:append :x 2] [:append :y 2]]",
            "[[:r :x [1 2]] [:r :y [2 1]]]",
        ],
        &["G0"],
        &["read-uncommitted"],
    ),
    // Each read the other's append.
    (
        &["[[:append :x 1] [:r :y [1]]]", "[[:append :y 1] [:r :x [1]]]"],
        &["G1c"],
        &["read-committed"],
    ),
    // Both read both keys empty, each appends to the other's.
    (
        &["[[:r :x nil] [:append :y 1]]", "[[:r :y nil] [:append :x 1]]"],
        &["G2-item"],
        &["repeatable-read"],
    ),
    // A reader saw one of two appends of a transaction.
    (
        &["[[:append :x 1] [:append :y 1]]", "[[:r :x [1]] [:r :y []]]"],
        &["G-single-item"],
        &["consistent-view", "repeatable-read"],
    ),
    // Readers saw two appends in opposite order.
    (
        &[
            "[[:append :x 1]]",
            "[[:append :y 1]]",
            "[[:r :x [1]] [:r :y nil]]",
            "[[:r :x nil] [:r :y [1]]]",
        ],
        &["G-nonadjacent-item"],
        &["repeatable-read", "snapshot-isolation"],
    ),
    // The same, with a shorter cycle between the writers whose rw edges are adjacent.
    (
        &[
            "[[:append :x 1] [:r :p nil] [:append :q 1]]",
            "[[:append :y 1] [:r :q nil] [:append :p 1]]",
            "[[:r :x [1]] [:r :y nil]]",
            "[[:r :x nil] [:r :y [1]]]",
        ],
        &["G-nonadjacent-item"],
        &["repeatable-read", "snapshot-isolation"],
    ),
    // Two transactions read a version, and both changed it.
    (
        &["[[:r :x []] [:append :x 1]]", "[[:r :x nil] [:append :x 2]]", "[[:r :x [1 2]]]"],
        &["G-single-item", "lost-update"],
        &["cursor-stability", "update-atomic"],
    ),
    (&["[[:r :x [1]] [:append :x 1]]"], &["future-read"], &["read-committed"]),
    (
        &["[[:append :x 1] [:r :x [1 2]] [:append :x 2]]"],
        &["future-read", "internal"],
        &["read-committed"],
    ),
    (&["[[:append :x 1] [:r :x nil]]"], &["internal"], &["read-atomic"]),
    (
        &["[[:append :x 1]]", "[[:r :x [1]] [:r :x nil]]"],
        &["G-single-item", "internal"],
        &["consistent-view", "read-atomic", "repeatable-read"],
    ),
    (&["[[:r :x [7]]]"], &["thin-air-read"], &["read-committed"]),
    (
        &["[[:append :x 1] [:append :x 2]]", "[[:r :x [1]]]", "[[:r :x [1 2]]]"],
        &["G-single-item", "G1b"],
        &["read-committed"],
    ),
    (&["[[:append :x 1]]", "[[:r :x [1 1]]]"], &["duplicate-elements"], &["read-uncommitted"]),
    (
        &["[[:append :x 1]]", "[[:append :x 2]]", "[[:r :x [1 2]]]", "[[:r :x [2 1]]]"],
        &["incompatible-order"],
        &["read-committed"],
    ),
    (
        &["[[:append :x 1] [:append :x 2]]", "[[:append :x 3]]", "[[:r :x [2 1 3]]]"],
        &["incompatible-order"],
        &["read-committed"],
    ),
    (
        &["[[:append :x 1] [:append :x 2]]", "[[:r :x [2]]]"],
        &["G-single-item", "incompatible-order"],
        &["read-committed"],
    ),
];

#[test]
fn each_class_is_named() {
    for (txns, named, weakest) in CASES {
        let outcome = judge(&together(txns), "strict-serializable");
        assert_eq!(outcome.verdict, Verdict::Broken, "{txns:?}");
        let is_tainted =
            |name: &&str| outcome.result.get("anomalies").is_some_and(|all| tainted(all, name));
        let clean: Vec<&str> = names(&outcome).into_iter().filter(|n| !is_tainted(n)).collect();
        assert_eq!(clean, *named, "{txns:?}");
        let not = keywords(&outcome, "not");
        assert_eq!(not, *weakest, "{txns:?}");
    }
}

fn tainted(anomalies: &Value, name: &str) -> bool {
    let cases = anomalies.get(name).and_then(Value::as_list).unwrap_or_default();
    cases.iter().any(|case| case.get("tainted").is_some())
}

#[test]
fn what_failed_must_not_be_seen() {
    let history = serial(&[
        (0, Kind::Fail, "[[:append :x 1]]"),
        (1, Kind::Ok, "[[:append :x 2]]"),
        (2, Kind::Ok, "[[:r :x [1 2]]]"),
    ]);
    let outcome = judge(&history, "read-committed");
    assert_eq!(names(&outcome), ["G1a", "dirty-update"]);
    let titles: Vec<&str> = outcome.anomalies.iter().map(|a| a.title.as_str()).collect();
    assert_eq!(titles[0], "T2 read 1 in key :x, which T1 appended, but T1 failed");
    assert_eq!(titles[1], "T2 appended 2 to key :x after T1's 1, but T1 failed");
    assert_eq!(judge(&history, "read-uncommitted").verdict, Verdict::Held);
    // An unknown transaction in between does not hide it; nor is it a fault to have happened.
    let history = serial(&[
        (0, Kind::Fail, "[[:append :x 1]]"),
        (1, Kind::Info, "[[:append :x 2]]"),
        (2, Kind::Ok, "[[:append :x 3]]"),
        (3, Kind::Ok, "[[:r :x [1 2 3]]]"),
    ]);
    assert_eq!(names(&judge(&history, "read-committed")), ["G1a", "dirty-update"]);
}

#[test]
fn older_snapshots_by_process_and_by_time() {
    for (reader, model, class, title) in [
        (
            0,
            "strong-session-serializable",
            "G-single-item-process",
            "T2 missed T1's append of 1 to key :x, although T1 was done before T2 by one process",
        ),
        (
            0,
            "strict-serializable",
            "G-single-item-realtime",
            "T2 missed T1's append of 1 to key :x, although T1 had ended when T2 began",
        ),
        (
            1,
            "strong-snapshot-isolation",
            "G-single-item-realtime",
            "T2 missed T1's append of 1 to key :x, although T1 had ended when T2 began",
        ),
    ] {
        let txns = [(0, Kind::Ok, "[[:append :x 1]]"), (reader, Kind::Ok, "[[:r :x nil]]")];
        let outcome = judge(&serial(&txns), model);
        assert_eq!(names(&outcome), [class]);
        assert_eq!(outcome.anomalies[0].title, title);
        assert_eq!(judge(&serial(&txns), "serializable").verdict, Verdict::Held);
    }
    // A lost append.
    let history = serial(&[
        (0, Kind::Ok, "[[:append :x 1]]"),
        (1, Kind::Ok, "[[:append :x 2]]"),
        (2, Kind::Ok, "[[:append :x 3]]"),
        (3, Kind::Ok, "[[:r :x [1 3]]]"),
    ]);
    assert!(names(&judge(&history, "strict-serializable")).contains(&"G-single-item-realtime"));
    let order = serial(&[
        (0, Kind::Ok, "[[:append :x 1]]"),
        (1, Kind::Ok, "[[:append :x 2]]"),
        (2, Kind::Ok, "[[:r :x [2 1]]]"),
    ]);
    assert_eq!(names(&judge(&order, "strict-serializable")), ["G0-realtime"]);
}

#[test]
fn what_cannot_be_decided() {
    let twice = serial(&[(0, Kind::Ok, "[[:append :x 1]]"), (1, Kind::Ok, "[[:append :x 1]]")]);
    let outcome = judge(&twice, "serializable");
    assert_eq!(outcome.verdict, Verdict::Unknown);
    let reason = outcome.reason.expect("a reason");
    assert_eq!(reason.code.as_str(), "values-not-unique");
    assert_eq!(reason.numbers, [("first", 1), ("second", 3)]);
    // Whoever fails and tries again is not two writers.
    let again = serial(&[
        (0, Kind::Fail, "[[:append :x 1]]"),
        (0, Kind::Ok, "[[:append :x 1]]"),
        (1, Kind::Ok, "[[:r :x [1]]]"),
    ]);
    assert_eq!(judge(&again, "strict-serializable").verdict, Verdict::Held);

    let failed = serial(&[(0, Kind::Fail, "[[:append :x 1]]")]);
    let lonely = together(&["[[:append :x 1]]", "[[:r :y nil]]"]);
    for (history, text) in [
        (History::default(), "no transaction succeeded"),
        (failed, "no transaction succeeded"),
        (lonely, "no transaction depends on another"),
    ] {
        let outcome = judge(&history, "strict-serializable");
        assert_eq!(outcome.verdict, Verdict::NotExercised);
        assert_eq!(outcome.reason.as_ref().map(|reason| reason.text.as_str()), Some(text));
        assert_eq!(keywords(&outcome, "anomaly-types"), ["empty-transaction-graph"]);
    }

    let small = Options { edges_max: 1, ..Options::strict_serializable() };
    let outcome = list_append(&again, &small);
    assert_eq!(outcome.reason.map(|reason| reason.code.as_str()), Some("budget-memory"));
}

/// What can't be understood is never held against others, and never passes as held.
#[test]
fn malformed_transactions() {
    let good = [(0, Kind::Ok, "[[:append :x 1]]"), (1, Kind::Ok, "[[:r :x [1]]]")];
    for bad in ["7", "[[:r :x 3]]", "[[:cas :x 1]]", "[[:append :x]]", "[7]", "nil"] {
        let mut history = serial(&good);
        for kind in [Kind::Invoke, Kind::Ok] {
            history.push(Event::new(kind, Process::Client(9), "txn", value(bad)));
        }
        let outcome = judge(&history, "strict-serializable");
        assert_eq!(outcome.verdict, Verdict::Unknown, "{bad}");
        assert_eq!(outcome.problems.len(), 1, "{bad}");
    }
    // Somebody may have appended it.
    let mut history = serial(&[(1, Kind::Ok, "[[:r :x [1]]]")]);
    history.push(Event::new(Kind::Invoke, Process::Client(9), "txn", value("[[:what :x 1]]")));
    assert_eq!(judge(&history, "strict-serializable").verdict, Verdict::Unknown);
    // What was answered is not what was asked.
    let mut history = serial(&good);
    for (kind, text) in [(Kind::Invoke, "[[:append :x 2]]"), (Kind::Ok, "[[:append :x 3]]")] {
        history.push(Event::new(kind, Process::Client(9), "txn", value(text)));
    }
    let outcome = judge(&history, "read-uncommitted");
    assert_eq!((outcome.verdict, names(&outcome)), (Verdict::Broken, vec!["request-mismatch"]));
}

/// A cycle that needs a key with contradictory reads is told, but breaks nothing by itself.
#[test]
fn tainted_cycles_are_no_proof() {
    let history = together(&[
        "[[:append :x 1] [:append :y 1]]",
        "[[:append :x 2] [:append :y 2]]",
        "[[:r :x [1 2]] [:r :y [2 1]]]",
        "[[:r :x [2]]]",
    ]);
    let outcome = judge(&history, "read-uncommitted");
    assert_eq!((outcome.verdict, names(&outcome)), (Verdict::Unknown, vec!["G0"]));
    assert!(tainted(outcome.result.get("anomalies").expect("a map"), "G0"));
    assert_eq!(judge(&history, "read-committed").verdict, Verdict::Broken);
}

/// A right history whose reads are changed in one place.
#[test]
fn random_reads_that_miss_their_last_element() {
    let mut runner = TestRunner::deterministic();
    let (mut changed_count, mut lucky_count) = (0, 0);
    for _ in 0..600 {
        let tree = steps(16).new_tree(&mut runner).expect("steps");
        let mut history = history(Family::ListAppend, &tree.current(), 6, true);
        let ops = history.operations().list;
        let is_long = |mop: &(bool, &Value, &Value)| {
            !mop.0 && mop.2.as_list().is_some_and(|list| !list.is_empty())
        };
        let mut reads = ops.iter().filter(|op| op.outcome() == Kind::Ok).filter_map(|op| {
            let step = mops(op).iter().position(is_long)?;
            Some((op.end?, step))
        });
        let Some((place, step)) = reads.next_back() else { continue };
        let txn = history.events[place].value.as_list().expect("a transaction").iter();
        let txn = txn.enumerate().map(|(at, mop)| match mop.as_list() {
            Some([f, key, Value::List(items)]) if at == step => {
                let shorter = Value::list(items[..items.len() - 1].iter().cloned());
                Value::list([f.clone(), key.clone(), shorter])
            }
            _ => mop.clone(),
        });
        history.events[place].value = txn.collect();
        changed_count += 1;
        let is_explained = is_strictly_serializable(Family::ListAppend, &history);
        lucky_count += usize::from(is_explained);
        let outcome = judge(&history, "strict-serializable");
        assert_eq!(outcome.verdict == Verdict::Broken, !is_explained, "{:?}", history.events);
    }
    assert!(changed_count > 150, "{changed_count}");
    assert!(lucky_count * 10 < changed_count * 3, "{lucky_count} of {changed_count}");
}
