//! Right register histories with one thing changed: each change must be named. And changes that
//! must change nothing.

use std::cell::Cell;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use squall_check::linear::{NilRead, Options, check};
use squall_check::{Outcome, Verdict};
use squall_history::formats::edn;
use squall_history::{Event, History, Kind, Operation, Process, Value, jsonl};

use crate::generate::{Shape, cases, register, steps};

fn options() -> Options {
    Options { nil_read: NilRead::Initial, ..Options::register() }
}

/// Up to thirty operations of four clients, every value written once, as a correct register
/// answers.
fn right(runner: &mut TestRunner) -> History {
    let steps = steps(4, 70).new_tree(runner).expect("steps").current();
    register(&steps, Shape { unique: true, keys: 1, ops_max: 30, lies: false })
}

/// Changes 300 right histories; `change` returns the index of the operation that must be named, if
/// it found a place. At most 30 % of the histories may offer none.
fn each_is_named(class: &str, change: impl Fn(&mut History) -> Option<u64>) {
    let mut runner = TestRunner::deterministic();
    let discarded = Cell::new(0);
    for _ in 0..300 {
        // Short histories without a place are drawn again.
        let found = (0..20).find_map(|_| {
            let mut history = right(&mut runner);
            assert_ne!(check(&history, &options()).verdict, Verdict::Broken);
            change(&mut history).map(|index| (history, index))
        });
        let Some((history, index)) = found else {
            discarded.set(discarded.get() + 1);
            continue;
        };
        let outcome = check(&history, &options());
        assert_eq!(outcome.verdict, Verdict::Broken, "{}", edn::write(&history));
        assert_eq!(outcome.anomalies[0].class.name, class);
        assert_eq!(blocked_index(&outcome), index, "{}", edn::write(&history));
    }
    assert!(discarded.get() < 90, "{class}: {discarded:?}");
}

fn blocked_index(outcome: &Outcome) -> u64 {
    let op = outcome.result.get("op").expect("the operation");
    let index = op.get("index").and_then(Value::as_int).expect("an index");
    u64::try_from(index).expect("a place")
}

fn is_ok(f: &'static str) -> impl Fn(&&Operation<'_>) -> bool {
    move |op| op.f() == f && op.outcome() == Kind::Ok
}

/// Replaces the value of the event at a place.
fn set(history: &mut History, place: usize, value: Value) -> Option<u64> {
    history.events[place].value = value;
    Some(history.events[place].index)
}

#[test]
fn stale_reads() {
    each_is_named("not-linearizable", |history| {
        let ops = history.operations().list;
        let writes: Vec<_> = ops.iter().filter(is_ok("write")).collect();
        let stale = ops.iter().filter(is_ok("read")).rev().find_map(|read| {
            let newer = writes.iter().rev().find(|write| write.end < Some(read.start))?;
            let older = writes.iter().rev().find(|write| write.end < Some(newer.start))?;
            Some((read.end?, older.value().clone()))
        });
        let (place, value) = stale?;
        set(history, place, value)
    });
}

#[test]
fn reads_before_the_write() {
    each_is_named("future-read", |history| {
        let ops = history.operations().list;
        let early = ops.iter().filter(is_ok("read")).find_map(|read| {
            let later = |op: &&Operation<'_>| op.f() == "write" && Some(op.start) > read.end;
            let later = ops.iter().filter(later).find(|write| write.outcome() != Kind::Fail)?;
            Some((read.end?, later.value().clone()))
        });
        let (place, value) = early?;
        set(history, place, value)
    });
}

#[test]
fn reads_of_nothing_and_of_what_was_refused() {
    each_is_named("thin-air-read", |history| {
        let place =
            history.operations().list.iter().find(is_ok("read")).and_then(|read| read.end)?;
        set(history, place, Value::Int(999))
    });
    each_is_named("aborted-read", |history| {
        let ops = history.operations().list;
        let refused = ops.iter().find(|op| op.f() == "cas" && op.outcome() == Kind::Fail)?;
        let value = refused.value().as_pair()?.1.clone();
        let place = ops.iter().find(is_ok("read")).and_then(|read| read.end)?;
        set(history, place, value)
    });
}

#[test]
fn compare_and_sets_that_must_not_win() {
    // It expects what was never there.
    each_is_named("thin-air-read", |history| {
        let ops = history.operations().list;
        let cas = ops.iter().find(is_ok("cas"))?;
        let (start, end) = (cas.start, cas.end?);
        let value = Value::list([Value::Int(998), cas.value().as_pair()?.1.clone()]);
        set(history, start, value.clone());
        set(history, end, value)
    });
    // Two win from one value that was there once.
    let mut runner = TestRunner::deterministic();
    let mut changed_count = 0;
    for _ in 0..1000 {
        let mut history = right(&mut runner);
        let ops = history.operations().list;
        let wins: Vec<_> = ops.iter().filter(is_ok("cas")).collect();
        let [first, second, ..] = wins[..] else { continue };
        let from = first.value().as_pair().expect("a pair").0.clone();
        let to = second.value().as_pair().expect("a pair").1.clone();
        let (start, end) = (second.start, second.end.expect("ok"));
        let value = Value::list([from, to]);
        set(&mut history, start, value.clone());
        set(&mut history, end, value);
        assert_eq!(check(&history, &options()).verdict, Verdict::Broken);
        changed_count += 1;
    }
    assert!(changed_count > 300, "{changed_count}");
}

#[test]
fn the_first_impossible_read_is_named() {
    let text = "{:type :invoke :process 0 :f :read} {:type :invoke :process 1 :f :read}
                {:type :ok :process 1 :f :read :value 8} {:type :ok :process 0 :f :read :value 9}";
    let history = edn::read(text.as_bytes()).expect("a history").history;
    let outcome = check(&history, &options());
    assert_eq!(outcome.anomalies[0].title, "client 1 met 8, but nobody wrote it");
}

#[test]
fn a_reply_to_another_request() {
    let text =
        "{:type :invoke :process 0 :f :write :value 1} {:type :ok :process 0 :f :write :value 2}
                {:type :invoke :process 0 :f :read} {:type :ok :process 0 :f :read :value 2}";
    let history = edn::read(text.as_bytes()).expect("a history").history;
    let outcome = check(&history, &options());
    assert_eq!(outcome.verdict, Verdict::Broken);
    assert_eq!(outcome.anomalies[0].class.name, "request-mismatch");
}

/// The same history with every integer changed by `rename`, and other processes.
fn renamed(history: &History, rename: impl Fn(i64) -> Value + Copy) -> History {
    fn value(of: &Value, rename: impl Fn(i64) -> Value + Copy) -> Value {
        match of {
            Value::Int(int) => rename(*int),
            Value::List(items) => items.iter().map(|item| value(item, rename)).collect(),
            other => other.clone(),
        }
    }
    let mut history = history.clone();
    for event in &mut history.events {
        event.value = value(&event.value, rename);
        if let Process::Client(client) = event.process {
            event.process = Process::Named(format!("client {client}").into());
        }
        event.index = event.index * 3 + 5;
        event.time += 1_000_000;
    }
    history
}

/// With seventy clients that write one value which nobody reads, from before the start until after
/// the end.
fn crowded(history: &History) -> History {
    let crowd = |kind| {
        let client = (1000..1070).map(Process::Client);
        client.map(move |process| Event::new(kind, process, "write", Value::Int(777)))
    };
    let events = history.events.iter().cloned();
    History::new(crowd(Kind::Invoke).chain(events).chain(crowd(Kind::Ok)))
}

/// With operations that failed or are open, and must not matter.
fn littered(history: &History) -> History {
    let mut all = Vec::new();
    for (number, event) in (2000..).step_by(2).zip(&history.events) {
        let process = Process::Client(number);
        all.push(Event::new(Kind::Invoke, process.clone(), "write", Value::Int(number)));
        all.push(Event::new(Kind::Fail, process, "write", Value::Int(number)));
        all.push(Event::new(Kind::Invoke, Process::Client(number + 1), "read", Value::Nil));
        all.push(event.clone());
    }
    History::new(all)
}

/// Adds a key to every value, and a second, right key beside it.
fn keyed(history: &History) -> History {
    let mut all = Vec::new();
    for event in &history.events {
        let mut event = event.clone();
        event.value = Value::list(["x".into(), event.value]);
        all.push(event);
    }
    for kind in [Kind::Invoke, Kind::Ok] {
        let value = Value::list(["y".into(), Value::Int(1)]);
        all.push(Event::new(kind, Process::Client(-1), "write", value));
    }
    History::new(all)
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn what_must_not_change_the_verdict(steps in steps(4, 40), unique in any::<bool>()) {
        let shape = Shape { unique, keys: 1, ops_max: 16, lies: true };
        let history = register(&steps, shape);
        let verdict = check(&history, &options()).verdict;
        let same = |name: &str, other: &History, options: &Options| {
            let outcome = check(other, options);
            prop_assert_eq!(outcome.verdict, verdict, "{} {:?}", name, outcome);
            Ok(())
        };
        same("renamed", &renamed(&history, |int| format!("v{int}").into()), &options())?;
        same("renamed", &renamed(&history, |int| Value::Int(1 - int)), &options())?;
        same("littered", &littered(&history), &options())?;
        same("crowded", &crowded(&history), &options())?;
        same("keyed", &keyed(&history), &Options { is_keyed: true, ..options() })?;
        let json = jsonl::read(jsonl::write(&history).as_bytes()).expect("our own form").history;
        same("json", &json, &options())?;
        let edn = edn::read(edn::write(&history).as_bytes()).expect("our own form").history;
        same("edn", &edn, &options())?;
        prop_assert_eq!(check(&edn, &options()), check(&history, &options()));
    }

    /// Knowing less never breaks what held.
    #[test]
    fn unknown_results_only_help(steps in steps(4, 40), which in any::<prop::sample::Index>()) {
        let shape = Shape { unique: false, keys: 1, ops_max: 16, lies: true };
        let history = register(&steps, shape);
        prop_assume!(!history.events.is_empty());
        prop_assume!(check(&history, &options()).verdict != Verdict::Broken);
        let mut less = history.clone();
        let at = which.index(history.events.len());
        less.events[at].kind = match history.events[at].kind {
            Kind::Ok => Kind::Info,
            kind => kind,
        };
        prop_assert_ne!(check(&less, &options()).verdict, Verdict::Broken);
    }
}

/// Many writes at once, and a read that none of them explains, but that has a source.
fn hard(writes: i64) -> History {
    let event =
        |kind, client, f: &'static str, value| Event::new(kind, Process::Client(client), f, value);
    let mut events = Vec::new();
    for kind in [Kind::Invoke, Kind::Ok] {
        events.push(event(kind, 0, "write", Value::Int(-1)));
    }
    events.extend((1..writes).map(|n| event(Kind::Invoke, n, "write", Value::Int(n))));
    events.push(event(Kind::Invoke, 0, "write", Value::Int(-2)));
    events.push(event(Kind::Ok, 0, "write", Value::Int(-2)));
    events.push(event(Kind::Invoke, 0, "read", Value::Nil));
    events.push(event(Kind::Ok, 0, "read", Value::Int(-1)));
    // It comes too late, but a look at what is left does not tell.
    events.push(event(Kind::Invoke, 0, "write", Value::Int(-1)));
    events.extend((1..writes).map(|n| event(Kind::Ok, n, "write", Value::Int(n))));
    History::new(events)
}

#[test]
fn a_budget_that_is_used_up() {
    for (steps_max, memo_bytes_max, code) in
        [(1000, 512 << 20, "budget-steps"), (u64::MAX, 1 << 20, "budget-memory")]
    {
        let tight = Options { steps_max, memo_bytes_max, ..options() };
        let outcome = check(&hard(30), &tight);
        assert_eq!(outcome.verdict, Verdict::Unknown);
        let reason = outcome.reason.expect("a reason");
        assert_eq!(reason.code.as_str(), code);
        assert!(!reason.how_to_decide.is_empty());
        assert_eq!(outcome.result.get("valid?"), Some(&Value::keyword("unknown")));
    }
    assert_eq!(check(&hard(8), &options()).verdict, Verdict::Broken);
}

#[test]
fn events_that_do_not_fit_together() {
    let read = |text: &str| edn::read(text.as_bytes()).expect("a history").history;
    let open_twice = read(
        "{:type :invoke :process 0 :f :write :value 1} {:type :invoke :process 0 :f :read}
         {:type :ok :process 0 :f :read :value 1}",
    );
    let outcome = check(&open_twice, &options());
    assert_eq!((outcome.verdict, outcome.problems.len()), (Verdict::Unknown, 1));
    // Somebody wrote something that can't be read: nothing can be said against the others.
    let unreadable = read(
        "{:type :invoke :process 0 :f :cas :value 7} {:type :ok :process 0 :f :cas :value 7}
         {:type :invoke :process 0 :f :read} {:type :ok :process 0 :f :read :value 3}",
    );
    assert_eq!(check(&unreadable, &options()).verdict, Verdict::Unknown);
    let nothing = check(&History::default(), &Options::lin_kv());
    assert_eq!(nothing.verdict, Verdict::NotExercised);
    let nil =
        read("{:type :invoke :process 0 :f :read} {:type :ok :process 0 :f :read :value nil}");
    assert_eq!(check(&nil, &Options::register()).verdict, Verdict::NotExercised);
    assert_eq!(check(&nil, &options()).verdict, Verdict::Held);
}

#[test]
fn the_result_of_a_broken_key() {
    let text = "{:type :invoke :process 0 :f :write :value [3 1]}
        {:type :ok :process 0 :f :write :value [3 1]}
        {:type :invoke :process 0 :f :write :value [3 2]}
        {:type :ok :process 0 :f :write :value [3 2]}
        {:type :invoke :process 1 :f :read :value [3 nil]}
        {:type :ok :process 1 :f :read :value [3 1]}
        {:type :invoke :process 1 :f :read :value [4 nil]}
        {:type :ok :process 1 :f :read :value [4 nil]}";
    let history = edn::read(text.as_bytes()).expect("a history").history;
    let outcome = check(&history, &Options::lin_kv());
    let expected = "{:valid? false,
 :results
  {3
    {:linearizable
      {:valid? false,
       :op {:index 5, :time 0, :type :ok, :process 1, :f :read, :value [3 1]},
       :previous-ok
        {:index 3, :time 0, :type :ok, :process 0, :f :write, :value [3 2]},
       :last-op
        {:index 3,";
    let pretty = outcome.result.to_edn_pretty();
    assert!(pretty.starts_with(expected), "{pretty}");
    assert!(pretty.ends_with(" :failures [3]}"), "{pretty}");
    let anomaly = &outcome.anomalies[0];
    let title = "key 3: no order explains read [3 1] of client 1: the value was 2";
    assert_eq!(anomaly.title, title);
    assert_eq!(anomaly.ops.iter().map(|op| op.index).collect::<Vec<_>>(), [5, 3]);
}
