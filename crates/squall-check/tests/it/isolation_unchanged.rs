//! What must not change the verdict about transactions, and what may change it in one direction
//! only; for both families.

use std::collections::BTreeSet;

use proptest::prelude::*;
use squall_check::consistency::Model;
use squall_check::isolation::{Options, Registers, list_append, rw_register};
use squall_check::{Outcome, Verdict};
use squall_history::formats::edn;
use squall_history::{Event, History, Kind, Process, Value, jsonl};

use crate::generate::cases;
use crate::transactions::{Family, history, steps};

pub(crate) fn judge(family: Family, history: &History, options: &Options) -> Outcome {
    match family {
        Family::ListAppend => list_append(history, options),
        Family::RwRegister => rw_register(history, options, &Registers::usual()),
    }
}

fn strict(family: Family, history: &History) -> Outcome {
    judge(family, history, &Options::strict_serializable())
}

/// Classes with their counts.
type Counts = BTreeSet<(&'static str, u64)>;

/// Everything that may be compared: verdict, classes, models.
fn essence(outcome: &Outcome) -> (Verdict, Counts, [Option<&Value>; 2]) {
    let classes = outcome.anomalies.iter().map(|found| (found.class.name, found.count)).collect();
    (outcome.verdict, classes, ["not", "also-not"].map(|key| outcome.result.get(key)))
}

/// The same history with every name changed, order kept.
fn renamed(history: &History) -> History {
    let mop = |mop: &Value| {
        let parts = mop.as_list().expect("a micro-operation");
        let key = Value::str(format!("key {}", parts[1].to_edn()));
        let rename = |value: &Value| match value.as_int() {
            Some(int) => Value::Int(int * 1_000_003 + 7),
            None => value.clone(),
        };
        let value = match parts[2].as_list() {
            Some(items) => items.iter().map(rename).collect(),
            None => rename(&parts[2]),
        };
        Value::list([Value::str(parts[0].as_text().expect("a name")), key, value])
    };
    let event = |event: &Event| {
        let process = match &event.process {
            Process::Client(id) => Process::Named(format!("client {id}").into()),
            other => other.clone(),
        };
        let value = event.value.as_list().expect("a transaction").iter().map(mop).collect();
        Event { process, value, ..event.clone() }
    };
    History::new(history.events.iter().map(event))
}

/// A transaction on a key of its own.
fn apart(family: Family, key: i64, client: i64) -> [Event; 2] {
    let write = if family == Family::ListAppend { "append" } else { "w" };
    [Kind::Invoke, Kind::Ok].map(|kind| {
        let seen = if kind == Kind::Ok { family.shown(&[key.into()]) } else { Value::Nil };
        let write = Value::list([write.into(), key.into(), key.into()]);
        let read = Value::list(["r".into(), key.into(), seen]);
        Event::new(kind, Process::Client(client), "txn", Value::list([write, read]))
    })
}

/// The same history with such a transaction between any two events.
fn interleaved(family: Family, history: &History) -> History {
    let between = |(at, event): (i64, &Event)| {
        apart(family, 99 + at, 50 + at).into_iter().chain([event.clone()])
    };
    History::new((0..).zip(&history.events).flat_map(between))
}

/// The same history with events that say nothing: failed writes and open reads.
fn with_nothing(family: Family, history: &History) -> History {
    let write = if family == Family::ListAppend { "append" } else { "w" };
    let mut events = Vec::new();
    for (at, event) in (0..).zip(&history.events) {
        let failed = Value::list([Value::list([write.into(), 0.into(), (900 + at).into()])]);
        for kind in [Kind::Invoke, Kind::Fail] {
            events.push(Event::new(kind, Process::Client(500 + at), "txn", failed.clone()));
        }
        let read = Value::list([Value::list(["r".into(), 0.into(), Value::Nil])]);
        events.push(Event::new(Kind::Invoke, Process::Client(700 + at), "txn", read));
        events.push(event.clone());
    }
    History::new(events)
}

/// The same history with neighbouring invocations the other way round.
fn permuted(history: &History) -> History {
    let mut events = history.events.clone();
    for run in events.chunk_by_mut(|a, b| a.kind == b.kind) {
        if run[0].kind == Kind::Invoke {
            run.reverse();
        }
    }
    History::new(events.into_iter().map(|event| Event { index: 0, ..event }))
}

/// The same history, told later and with other numbers.
fn moved(history: &History) -> History {
    let mut moved = history.clone();
    for event in &mut moved.events {
        (event.index, event.time) = (event.index + 1000, event.time + 77);
    }
    moved
}

/// The same history, of which one successful transaction has an unknown end instead.
fn forgotten(history: &History, which: usize) -> Option<History> {
    let ok = history.events.iter().enumerate().filter(|(_, event)| event.kind == Kind::Ok);
    let places: Vec<usize> = ok.map(|(place, _)| place).collect();
    let place = *places.get(which % places.len().max(1))?;
    let mut changed = history.clone();
    changed.events.remove(place);
    let process = history.events[place].process.clone();
    // Its client goes on under another name.
    for event in changed.events[place..].iter_mut().filter(|event| event.process == process) {
        event.process = Process::Client(800);
    }
    Some(changed)
}

/// The same history, of which one transaction ends later.
fn extended(history: &History, which: usize) -> Option<History> {
    let place = which % history.events.len().max(1);
    let event = history.events.get(place).filter(|event| event.kind != Kind::Invoke)?;
    let mut events = history.events.clone();
    let moved = events.remove(place);
    let next = events[place..].iter().position(|other| other.process == event.process);
    events.insert(next.map_or(events.len(), |next| place + next), moved);
    Some(History::new(events.into_iter().map(|event| Event { index: 0, ..event })))
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn what_must_not_change_anything(steps in steps(18)) {
        for family in Family::BOTH {
            let history = history(family, &steps, 8, false);
            let outcome = strict(family, &history);
            let expected = essence(&outcome);
            prop_assert_eq!(&outcome, &strict(family, &history));
            let told = jsonl::read(jsonl::write(&history).as_bytes()).expect("JSON").history;
            let spoken = edn::read(edn::write(&history).as_bytes()).expect("EDN").history;
            for other in [
                renamed(&history),
                with_nothing(family, &history),
                permuted(&history),
                moved(&history),
                told,
                spoken,
            ] {
                let changed = strict(family, &other);
                prop_assert_eq!(&expected, &essence(&changed), "{:?}", other.events);
            }
            // Transactions on other keys are transactions that depend on something.
            let among_others = strict(family, &interleaved(family, &history));
            let (verdict, classes, _) = essence(&among_others);
            prop_assert_eq!(expected.0 == Verdict::Broken, verdict == Verdict::Broken);
            let names =
                |all: &Counts| -> BTreeSet<&str> { all.iter().map(|class| class.0).collect() };
            prop_assert_eq!(names(&expected.1), names(&classes));
        }
    }

    #[test]
    fn what_says_less_breaks_nothing(steps in steps(18), which in 0..40_usize) {
        for family in Family::BOTH {
            for is_right in [true, false] {
                let history = history(family, &steps, 8, is_right);
                let is_broken = |history: &History| {
                    strict(family, history).verdict == Verdict::Broken
                };
                if is_broken(&history) {
                    continue;
                }
                for other in [forgotten(&history, which), extended(&history, which)] {
                    let Some(other) = other else { continue };
                    prop_assert!(!is_broken(&other), "{:?}\n{:?}", history.events, other.events);
                }
            }
        }
    }

    #[test]
    fn what_a_strong_model_allows_weaker_ones_allow(steps in steps(18)) {
        for family in Family::BOTH {
            for has_real_time in [true, false] {
                let history = history(family, &steps, 8, false);
                let judge = |model: Model| {
                    let options = Options { has_real_time, ..Options::models([model]) };
                    judge(family, &history, &options).verdict
                };
                let verdicts: Vec<(Model, Verdict)> = Model::all().map(|m| (m, judge(m))).collect();
                for (strong, _) in verdicts.iter().filter(|(_, v)| *v == Verdict::Held) {
                    let weaker = verdicts.iter().filter(|(weak, _)| strong.implies(*weak));
                    for (weak, weaker) in weaker {
                        prop_assert_eq!(*weaker, Verdict::Held, "{:?} {:?}", strong, weak);
                    }
                }
                for (model, verdict) in &verdicts {
                    let needs_more = !has_real_time && model.needs_real_time();
                    prop_assert!(!needs_more || *verdict != Verdict::Held, "{:?}", model);
                }
            }
        }
    }
}
