//! What each broken history of registers must be called, and how it is told.

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use squall_check::consistency::Model;
use squall_check::isolation::{Options, Registers, ThinAir, rw_register};
use squall_check::{Outcome, Verdict};
use squall_history::formats::plume;
use squall_history::{History, Kind, Value};

use crate::isolation_mutations::{Txn, keywords, names, serial, together, value};
use crate::transactions::{Family, history, is_strictly_serializable, mops, steps};

fn judge(history: &History, model: &str, registers: &Registers) -> Outcome {
    let model = Model::named(model).expect("a model");
    rw_register(history, &Options::models([model]), registers)
}

fn usual(history: &History, model: &str) -> Outcome {
    judge(history, model, &Registers::usual())
}

fn linearizable_keys() -> Registers {
    Registers { linearizable_keys: true, ..Registers::usual() }
}

/// Transactions at one moment, the classes that they are, and the weakest models that these rule
/// out.
type Case = (&'static [&'static str], &'static [&'static str], &'static [&'static str]);

const CASES: &[Case] = &[
    // Each read the other's write.
    (&["[[:w :x 1] [:r :y 1]]", "[[:w :y 1] [:r :x 1]]"], &["G1c"], &["read-committed"]),
    // Each wrote over the other's write, on one of two keys.
    (
        &[
            "[[:r :x nil] [:w :x 1] [:r :y 2] [:w :y 1]]",
            "[[:r :x 1] [:w :x 2] [:r :y nil] [:w :y 2]]",
        ],
        &["G0"],
        &["read-committed"],
    ),
    // Both read both keys empty, each writes the other's.
    (&["[[:r :x nil] [:w :y 1]]", "[[:r :y nil] [:w :x 1]]"], &["G2-item"], &["repeatable-read"]),
    // A reader saw one of two writes of a transaction.
    (
        &["[[:w :x 1] [:w :y 1]]", "[[:r :x 1] [:r :y nil]]"],
        &["G-single-item"],
        &["consistent-view", "repeatable-read"],
    ),
    // Readers saw two writes in opposite order.
    (
        &["[[:w :x 1]]", "[[:w :y 1]]", "[[:r :x 1] [:r :y nil]]", "[[:r :x nil] [:r :y 1]]"],
        &["G-nonadjacent-item"],
        &["repeatable-read", "snapshot-isolation"],
    ),
    // Two transactions read a version, and both replaced it.
    (
        &["[[:r :x nil] [:w :x 1]]", "[[:r :x nil] [:w :x 2]]"],
        &["G2-item", "lost-update"],
        &["cursor-stability", "update-atomic"],
    ),
    (&["[[:r :x 1] [:w :x 1]]"], &["future-read"], &["read-committed"]),
    (&["[[:w :x 1] [:r :x nil]]"], &["internal"], &["read-atomic"]),
    (&["[[:w :x 1]]", "[[:r :x 1] [:r :x nil]]"], &["internal"], &["read-atomic"]),
    (&["[[:r :x 7]]"], &["thin-air-read"], &["read-committed"]),
    (&["[[:w :x 1] [:w :x 2]]", "[[:r :x 1]]"], &["G1b"], &["read-committed"]),
    // Each replaced what the other had written: one of them comes before itself.
    (
        &["[[:r :x 1] [:w :x 2]]", "[[:r :x 2] [:w :x 1]]"],
        &["G1c", "cyclic-versions"],
        &["read-committed"],
    ),
];

#[test]
fn each_class_is_named() {
    for (txns, named, weakest) in CASES {
        let outcome = usual(&together(txns), "strict-serializable");
        assert_eq!(outcome.verdict, Verdict::Broken, "{txns:?}");
        assert_eq!(names(&outcome), *named, "{txns:?}");
        assert_eq!(keywords(&outcome, "not"), *weakest, "{txns:?}");
    }
}

#[test]
fn how_a_cycle_is_told() {
    for (txns, title, why) in [
        (
            ["[[:w :x 1] [:w :y 1]]", "[[:r :x 1] [:r :y nil]]"].as_slice(),
            "T2 missed T1's write of 1 to key :y, but saw or followed another write of T1",
            ["T2 read 1 in key :x, which T1 wrote", "T2 read key :y before T1's 1 was there"]
                .as_slice(),
        ),
        (
            &["[[:w :x 1]]", "[[:r :x 1] [:w :x 2] [:w :y 1]]", "[[:r :y 1] [:r :x 1]]"],
            "T2 missed T1's write of 2 to key :x, but saw or followed another write of T1",
            &[
                "T2 read 1 in key :y, which T1 wrote",
                "T2 read 1 in key :x, as did T1, which then wrote 2",
            ],
        ),
    ] {
        let outcome = usual(&together(txns), "consistent-view");
        assert_eq!(outcome.anomalies[0].title, title);
        let told: Vec<&str> =
            outcome.anomalies[0].edges.iter().map(|edge| edge.why.as_str()).collect();
        assert_eq!(told, why);
    }
}

#[test]
fn what_failed_must_not_be_seen() {
    let history = serial(&[(0, Kind::Fail, "[[:w :x 1]]"), (1, Kind::Ok, "[[:r :x 1]]")]);
    let outcome = usual(&history, "read-committed");
    assert_eq!(names(&outcome), ["G1a"]);
    let title = "T2 read 1 in key :x, which T1 wrote, but T1 failed";
    assert_eq!(outcome.anomalies[0].title, title);
    // Nor what was there at first, but that is no reason to blame an unknown one.
    let history = serial(&[(0, Kind::Info, "[[:w :x 1]]"), (1, Kind::Ok, "[[:r :x 1]]")]);
    assert_eq!(usual(&history, "strict-serializable").verdict, Verdict::Held);
}

#[test]
fn older_versions_by_process_and_by_time() {
    let txns = |reader| -> [Txn<'static>; 2] {
        [(0, Kind::Ok, "[[:w :x 1]]"), (reader, Kind::Ok, "[[:r :x nil]]")]
    };
    for (reader, model, class) in [
        (0, "strong-session-serializable", "G-single-item-process"),
        (0, "strict-serializable", "G-single-item-realtime"),
        (1, "strong-snapshot-isolation", "G-single-item-realtime"),
    ] {
        let outcome = usual(&serial(&txns(reader)), model);
        assert_eq!(names(&outcome), [class]);
        assert_eq!(usual(&serial(&txns(reader)), "serializable").verdict, Verdict::Held);
    }
    // A key goes back to an older value: seen only if keys are assumed to be linearizable.
    let back = serial(&[
        (0, Kind::Ok, "[[:w :x 1]]"),
        (1, Kind::Ok, "[[:w :x 2]]"),
        (2, Kind::Ok, "[[:r :x 2]]"),
        (3, Kind::Ok, "[[:r :x 1]]"),
    ]);
    assert_eq!(usual(&back, "serializable").verdict, Verdict::Held);
    let outcome = judge(&back, "serializable", &linearizable_keys());
    assert_eq!(names(&outcome), ["cyclic-versions"]);
    let title = "the versions 1, 2 of key :x come before each other in a circle, if each key is \
                 linearizable";
    assert_eq!(outcome.anomalies[0].title, title);
    assert_eq!(keywords(&outcome, "assumed"), ["linearizable-keys"]);
    // By processes alone nothing is wrong.
    let sequential = Registers { sequential_keys: true, ..Registers::usual() };
    assert_eq!(judge(&back, "serializable", &sequential).verdict, Verdict::Held);
    // Somebody knows the order.
    let order = vec![(value(":x"), vec![value("2"), value("1")])];
    let given = Registers { version_order: order, ..Registers::usual() };
    let outcome = judge(&back, "strict-serializable", &given);
    assert_eq!(names(&outcome), ["G-single-item-realtime", "G0-realtime"]);
    let why = "T1 wrote 1 to key :x after T2's 2, by the order that was given";
    let mut edges = outcome.anomalies.iter().flat_map(|anomaly| &anomaly.edges);
    assert!(edges.any(|edge| edge.why == why), "{outcome:#?}");
}

/// What follows from reads that precede writes says nothing below read-committed.
#[test]
fn read_uncommitted_is_not_judged_by_what_it_does_not_promise() {
    let history = together(CASES[1].0);
    let outcome = usual(&history, "read-uncommitted");
    assert_eq!((outcome.verdict, names(&outcome)), (Verdict::Held, vec![]));
    assert_eq!(usual(&history, "read-committed").verdict, Verdict::Broken);
}

#[test]
fn what_was_there_at_first() {
    let history = serial(&[(0, Kind::Ok, "[[:r :x 3]]"), (1, Kind::Ok, "[[:w :x 4] [:r :x 4]]")]);
    assert_eq!(names(&usual(&history, "read-committed")), ["thin-air-read"]);
    let lenient = Registers { thin_air: ThinAir::Initial, ..Registers::usual() };
    assert_ne!(judge(&history, "strict-serializable", &lenient).verdict, Verdict::Broken);
    let initial = vec![(value(":x"), value("3"))];
    let known = Registers { initial, ..Registers::usual() };
    assert_eq!(judge(&history, "strict-serializable", &known).verdict, Verdict::Held);
    // Then it must not come back.
    let back = serial(&[(1, Kind::Ok, "[[:w :x 4]]"), (0, Kind::Ok, "[[:r :x 3]]")]);
    let outcome = judge(&back, "strict-serializable", &known);
    assert_eq!(names(&outcome), ["G-single-item-realtime"]);
}

#[test]
fn what_cannot_be_decided() {
    // Written twice, and read: by whom, nobody knows.
    let twice = serial(&[
        (0, Kind::Ok, "[[:w :x 1] [:w :y 1]]"),
        (1, Kind::Ok, "[[:w :x 1]]"),
        (2, Kind::Ok, "[[:r :x 1] [:r :y 1]]"),
    ]);
    let outcome = usual(&twice, "serializable");
    let reason = outcome.reason.expect("a reason");
    assert_eq!((outcome.verdict, reason.code.as_str()), (Verdict::Unknown, "values-not-unique"));
    assert_eq!(reason.numbers, [("first", 1), ("second", 3)]);
    // The rest is judged nevertheless.
    let broken = serial(&[
        (0, Kind::Ok, "[[:w :x 1] [:w :y 1]]"),
        (1, Kind::Ok, "[[:w :x 1]]"),
        (2, Kind::Ok, "[[:r :x 1] [:r :y nil]]"),
    ]);
    assert_eq!(names(&usual(&broken, "strict-serializable")), ["G-single-item-realtime"]);
    // Nil was there at first.
    let nil = serial(&[
        (0, Kind::Ok, "[[:w :x 1]]"),
        (1, Kind::Ok, "[[:w :x nil]]"),
        (2, Kind::Ok, "[[:r :x nil]]"),
    ]);
    let outcome = usual(&nil, "strict-serializable");
    assert_eq!(outcome.verdict, Verdict::Unknown, "{outcome:#?}");
    // Whoever fails and tries again is not two writers.
    let again = serial(&[
        (0, Kind::Fail, "[[:w :x 1]]"),
        (0, Kind::Ok, "[[:w :x 1]]"),
        (1, Kind::Ok, "[[:r :x 1]]"),
    ]);
    assert_eq!(usual(&again, "strict-serializable").verdict, Verdict::Held);
    // Too large a graph keeps nobody from seeing what can be seen without.
    let small = Options { edges_max: 0, ..Options::strict_serializable() };
    let verdict = |history: &History| {
        let outcome = rw_register(history, &small, &Registers::usual());
        (outcome.verdict, outcome.reason.map(|reason| reason.code.as_str()))
    };
    assert_eq!(verdict(&again), (Verdict::Unknown, Some("budget-memory")));
    let air = serial(&[(0, Kind::Ok, "[[:w :x 1]]"), (1, Kind::Ok, "[[:r :x 2]]")]);
    assert_eq!(verdict(&air), (Verdict::Broken, None));
    for bad in ["7", "[[:append :x 1]]", "[[:w :x]]", "nil"] {
        let txns = [(0, Kind::Ok, "[[:w :x 1]]"), (1, Kind::Ok, "[[:r :x 1]]")];
        let mut history = serial(&txns);
        for kind in [Kind::Invoke, Kind::Ok] {
            let process = squall_history::Process::Client(9);
            history.push(squall_history::Event::new(kind, process, "txn", value(bad)));
        }
        assert_eq!(usual(&history, "strict-serializable").verdict, Verdict::Unknown, "{bad}");
    }
}

/// Sessions without real time can be broken by what needs none, and held by no model that does.
#[test]
fn histories_without_real_time() {
    let good = plume::read(b"w(1,7,0,0)\nr(1,7,1,3)\n").expect("a history").history;
    let fractured = plume::read(b"w(1,7,0,0)\nw(2,7,0,0)\nr(1,7,1,3)\nr(2,0,1,3)\n");
    let fractured = fractured.expect("a history").history;
    // Session 1 read the old version; in the file that comes after the write.
    let late = plume::read(b"w(1,7,0,0)\nr(1,0,1,3)\nr(1,7,1,4)\n").expect("a history").history;
    for (history, model, verdict) in [
        (&good, "strict-serializable", Verdict::NotExercised),
        (&good, "linearizable", Verdict::NotExercised),
        (&good, "strong-read-committed", Verdict::NotExercised),
        (&good, "strong-session-serializable", Verdict::Held),
        (&good, "serializable", Verdict::Held),
        (&late, "strong-session-serializable", Verdict::Held),
        (&late, "strict-serializable", Verdict::NotExercised),
        (&fractured, "strict-serializable", Verdict::Broken),
        (&fractured, "read-committed", Verdict::Held),
        (&good, "sequential", Verdict::Unknown),
    ] {
        let model = Model::named(model).expect("a model");
        let options = Options { has_real_time: false, ..Options::models([model]) };
        let outcome = rw_register(history, &options, &Registers::usual());
        assert_eq!(outcome.verdict, verdict, "{model:?} {outcome:#?}");
        let code = outcome.reason.map(|reason| reason.code.as_str());
        assert_eq!(code == Some("no-real-time"), verdict == Verdict::NotExercised);
    }
}

/// A right history in which one read is changed to something that is wrong.
#[test]
fn random_reads_that_are_changed() {
    let mut runner = TestRunner::deterministic();
    let mut counts = [(0, 0, 0); 5];
    for _ in 0..2000 {
        let tree = steps(16).new_tree(&mut runner).expect("steps");
        let right = history(Family::RwRegister, &tree.current(), 6, true);
        for (how, count) in counts.iter_mut().enumerate() {
            let Some((changed, class)) = changed(&right, how) else { continue };
            let outcome = judge(&changed, "strict-serializable", &Registers::usual());
            if is_strictly_serializable(Family::RwRegister, &changed) {
                assert_ne!(outcome.verdict, Verdict::Broken);
                count.2 += 1;
                continue;
            }
            count.0 += 1;
            count.1 += usize::from(names(&outcome).iter().any(|name| class.contains(name)));
        }
    }
    for (how, (changed, named, lucky)) in counts.into_iter().enumerate() {
        assert!(changed > 100, "{how}: {changed}");
        assert!(named * 100 >= changed * 95, "{how}: {named} of {changed}");
        assert!(lucky * 10 < (changed + lucky) * 3, "{how}: {lucky} of {changed}");
    }
}

/// The last read that can be changed in a way, and what it must be called.
fn changed(right: &History, how: usize) -> Option<(History, &'static [&'static str])> {
    let ops = right.operations().list;
    let ok = || ops.iter().filter(|op| op.outcome() == Kind::Ok);
    let written = |kind: Kind, key: &Value, final_only: bool| -> Vec<Value> {
        let of_kind = ops.iter().filter(move |op| op.outcome() == kind);
        let all = of_kind.flat_map(|op| {
            let mops = mops(op);
            let writes: Vec<(usize, Value)> = mops
                .iter()
                .enumerate()
                .filter(|(_, mop)| mop.0 && mop.1 == key)
                .map(|(at, mop)| (at, mop.2.clone()))
                .collect();
            let last = writes.last().map(|last| last.0);
            writes.into_iter().filter(move |write| final_only == (Some(write.0) == last))
        });
        all.map(|write| write.1).collect()
    };
    let mut found = None;
    for op in ok() {
        let mops = mops(op);
        for (step, &(writes, key, old)) in mops.iter().enumerate() {
            let is_first = !mops[..step].iter().any(|mop| mop.1 == key);
            if writes || (is_first == (how == 3)) {
                continue;
            }
            let new = match how {
                0 => written(Kind::Fail, key, true).pop(),
                1 => written(Kind::Ok, key, false)
                    .pop()
                    .filter(|value| !mops.iter().any(|mop| mop.2 == value)),
                2 => Some(Value::Int(999)),
                3 => Some(Value::Int(998)),
                // Nothing, although the version that was read had been there before.
                _ => (!old.is_nil()
                    && ok().any(|other| {
                        other.end.is_some_and(|end| end < op.start)
                            && crate::transactions::mops(other)
                                .iter()
                                .any(|mop| mop.1 == key && (mop.2 == old))
                    }))
                .then_some(Value::Nil),
            };
            found = new.map(|new| (op.end, step, new)).or(found);
        }
    }
    let (place, step, new) = found?;
    let mut history = right.clone();
    let event = &mut history.events[place?];
    let txn = event.value.as_list()?.iter().enumerate().map(|(at, mop)| match mop.as_list() {
        Some([f, key, _]) if at == step => Value::list([f.clone(), key.clone(), new.clone()]),
        _ => mop.clone(),
    });
    event.value = txn.collect();
    let classes: [&[&str]; 5] = [
        &["G1a"],
        &["G1b"],
        &["thin-air-read"],
        &["internal"],
        &["G-single-item-realtime", "G-single-item", "lost-update", "G1c", "cyclic-versions"],
    ];
    Some((history, classes[how]))
}
