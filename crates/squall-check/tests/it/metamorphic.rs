//! Changes to a history that must not change what is said of it, and changes that may only help,
//! for every checker of the registry.
//!
//! A family has histories (half of them wrong) and says which changes fit it: what an operation
//! that failed or is still open looks like, whether keys and values may have other names, and
//! whether knowing less can only help. The last is not so where something must be read in the end.

use std::collections::BTreeMap;

use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;
use squall_check::checkers::{self, CHECKERS, Reading};
use squall_check::linear::NilRead;
use squall_check::{Outcome, Verdict};
use squall_history::formats::edn;
use squall_history::{Event, History, Kind, Process, Value, jsonl};

use crate::generate::Step;
use crate::logs;
use crate::sets;
use crate::simulated::{self, Chance, Simulated};
use crate::transactions;

/// Histories of a family.
const HISTORIES: u64 = 2_000;

/// A function and its argument.
type Asked = (&'static str, Value);

pub(crate) struct Family {
    /// The checker.
    pub(crate) name: &'static str,
    /// The history of a seed; one of an odd seed may be wrong.
    pub(crate) history: fn(u64) -> History,
    /// An operation whose failure must not matter, with a fresh number in it.
    failed: Option<fn(i64) -> Asked>,
    /// An operation that may stay open.
    open: Option<Asked>,
    /// A new name for the integers of a value; `None`: they are amounts or places.
    rename: Option<fn(i64) -> i64>,
    /// Whether a success of which nobody knows never hurts.
    may_know_less: bool,
    /// Whether the order of two invocations without anything between never matters.
    may_swap: bool,
    /// Whether operations that take longer never hurt.
    may_take_longer: bool,
}

fn object<T: Default>(simulated: &Simulated<T>, seed: u64) -> History {
    simulated.history(&mut Chance(seed), 8, seed % 2 == 1)
}

fn choices(seed: u64) -> Vec<Step> {
    let chance = &mut Chance(seed);
    let small = |chance: &mut Chance, bound| i64::try_from(chance.below(bound)).expect("small");
    let byte = |chance: &mut Chance, bound| u8::try_from(chance.below(bound)).expect("small");
    let step = |_| Step {
        process: chance.below(4),
        f: chance.below(3),
        a: small(chance, 3),
        b: small(chance, 3),
        outcome: byte(chance, 10),
        luck: byte(chance, 8),
    };
    (0..30).map(step).collect()
}

fn list_append(seed: u64) -> History {
    transactions_of(transactions::Family::ListAppend, seed)
}

fn rw_register(seed: u64) -> History {
    transactions_of(transactions::Family::RwRegister, seed)
}

fn transactions_of(family: transactions::Family, seed: u64) -> History {
    thread_local! {
        static RUNNER: std::cell::RefCell<TestRunner> = TestRunner::deterministic().into();
    }
    let steps = RUNNER.with_borrow_mut(|runner| transactions::steps(14).new_tree(runner));
    transactions::history(family, &steps.expect("steps").current(), 6, seed.is_multiple_of(2))
}

fn kafka(seed: u64) -> History {
    let chance = &mut Chance(seed);
    let shape = logs::Shape { keys: 2, ops: 8, has_faults: true, has_end: seed % 4 < 2 };
    let mut calls = logs::right(chance, shape);
    if seed % 2 == 1 {
        let at = chance.below(calls.len());
        let offset = i64::try_from(chance.below(6)).expect("small");
        calls[at].moves_mut().into_iter().take(1).for_each(|step| step.offset = Some(offset));
    }
    logs::history(&calls)
}

/// What two clients asked and were told, one operation after the other; the answer depends on how
/// many there were before, and on whether it may be wrong.
fn serial(
    seed: u64,
    call: impl Fn(&mut Chance, i64, bool) -> (&'static str, Value, Value),
) -> History {
    let chance = &mut Chance(seed);
    let mut history = History::default();
    for number in 0..8 {
        let process = Process::Client(i64::try_from(chance.below(2)).expect("small"));
        let (f, asked, answered) = call(chance, number, seed % 2 == 1);
        for (kind, value) in [(Kind::Invoke, asked), (Kind::Ok, answered)] {
            let mut event = Event::new(kind, process.clone(), f, value);
            event.is_final = number > 5;
            history.push(event);
        }
    }
    history
}

fn counter(seed: u64) -> History {
    serial(seed, |chance, number, lies| {
        let is_wrong = lies && chance.below(6) == 0;
        if number < 4 {
            return ("add", Value::Int(number), Value::Int(number));
        }
        ("read", Value::Nil, Value::Int(if is_wrong { 7 } else { 6 }))
    })
}

fn bank(seed: u64) -> History {
    serial(seed, |chance, number, lies| {
        let debt = if lies && chance.below(6) == 0 { 1 } else { 0 };
        let balances = [(1, 50 - number), (2, 50 + number + debt)];
        let balances = balances.map(|(account, balance)| (account.into(), balance.into()));
        ("read", Value::Nil, Value::map(balances))
    })
}

fn unique_ids(seed: u64) -> History {
    serial(seed, |chance, number, lies| {
        let id = if lies && chance.below(6) == 0 { 3 } else { number };
        ("generate", Value::Nil, Value::Int(id))
    })
}

fn echo(seed: u64) -> History {
    serial(seed, |chance, number, lies| {
        let got = if lies && chance.below(6) == 0 { -1 } else { number };
        let reply = Value::map([("echo".into(), Value::Int(got))]);
        ("echo", Value::Int(number), reply)
    })
}

const PLAIN: Family = Family {
    name: "",
    history: |_| History::default(),
    failed: None,
    open: None,
    rename: None,
    may_know_less: true,
    may_swap: true,
    may_take_longer: true,
};

/// A name for every number, in another order.
const fn other(int: i64) -> i64 {
    1_000 - 3 * int
}

/// A name for every number, in the same order.
const fn larger(int: i64) -> i64 {
    3 * int + 7
}

fn pair(a: impl Into<Value>, b: impl Into<Value>) -> Value {
    Value::list([a.into(), b.into()])
}

pub(crate) fn families() -> Vec<Family> {
    [objects(), transactions_and_logs(), locks(), sums_and_sets()].into_iter().flatten().collect()
}

fn objects() -> Vec<Family> {
    vec![
        Family {
            name: "register",
            history: |seed| object(&simulated::register(), seed),
            failed: Some(|fresh| ("write", fresh.into())),
            open: Some(("read", Value::Nil)),
            rename: Some(other),
            ..PLAIN
        },
        Family {
            name: "kv",
            history: |seed| object(&simulated::kv(), seed),
            failed: Some(|fresh| ("put", pair("x", fresh.to_string()))),
            open: Some(("get", pair("x", Value::Nil))),
            ..PLAIN
        },
        Family {
            name: "fifo",
            history: |seed| object(&simulated::fifo(true), seed),
            failed: Some(|fresh| ("enqueue", fresh.into())),
            open: Some(("peek", Value::Nil)),
            rename: Some(other),
            ..PLAIN
        },
    ]
}

fn transactions_and_logs() -> Vec<Family> {
    let mop = |f: &str, rest: &[Value]| {
        let mop = [Value::from(f)].into_iter().chain(rest.iter().cloned());
        Value::list([Value::list(mop)])
    };
    vec![
        Family {
            name: "list-append",
            history: list_append,
            failed: Some(|fresh| {
                let append = Value::list(["append".into(), 0.into(), fresh.into()]);
                ("txn", Value::list([append]))
            }),
            open: Some(("txn", mop("r", &[0.into(), Value::Nil]))),
            rename: Some(other),
            ..PLAIN
        },
        Family {
            name: "rw-register",
            history: rw_register,
            failed: Some(|fresh| {
                let write = Value::list(["w".into(), 0.into(), fresh.into()]);
                ("txn", Value::list([write]))
            }),
            open: Some(("txn", mop("r", &[0.into(), Value::Nil]))),
            rename: Some(other),
            ..PLAIN
        },
        Family {
            name: "kafka",
            history: kafka,
            failed: Some(|fresh| {
                let send = Value::list(["send".into(), 0.into(), fresh.into()]);
                ("send", Value::list([send]))
            }),
            open: Some(("poll", mop("poll", &[]))),
            rename: Some(larger),
            may_know_less: false,
            ..PLAIN
        },
    ]
}

fn locks() -> Vec<Family> {
    let lock = |name, history| Family {
        name,
        history,
        // One that is open may have taken it for good.
        failed: Some(|_| ("acquire", Value::Nil)),
        may_know_less: false,
        ..PLAIN
    };
    vec![
        lock("owner-mutex", |seed| object(&simulated::owner_mutex(1), seed)),
        lock("reentrant", |seed| object(&simulated::owner_mutex(2), seed)),
        lock("mutex", |seed| object(&simulated::mutex(), seed)),
        Family {
            rename: Some(larger),
            ..lock("fenced", |seed| object(&simulated::fenced(), seed))
        },
    ]
}

fn sums_and_sets() -> Vec<Family> {
    vec![
        Family {
            name: "set-full",
            history: |seed| sets::history(&choices(seed), seed % 2 == 1, seed % 4 < 2),
            failed: Some(|fresh| ("broadcast", fresh.into())),
            open: Some(("read", Value::Nil)),
            rename: Some(other),
            may_know_less: false,
            // Of two reads at once the one that was invoked later is the later one.
            may_swap: false,
            may_take_longer: false,
        },
        Family {
            name: "counter",
            history: counter,
            failed: Some(|fresh| ("add", fresh.into())),
            open: Some(("read", Value::Nil)),
            ..PLAIN
        },
        Family {
            name: "g-counter",
            history: counter,
            failed: Some(|fresh| ("add", fresh.into())),
            open: Some(("read", Value::Nil)),
            ..PLAIN
        },
        Family {
            name: "bank",
            history: bank,
            failed: Some(|fresh| {
                (
                    "transfer",
                    Value::map([("from".into(), 1.into()), ("amount".into(), fresh.into())]),
                )
            }),
            open: Some(("read", Value::Nil)),
            ..PLAIN
        },
        Family {
            name: "unique-ids",
            history: unique_ids,
            failed: Some(|_| ("generate", Value::Nil)),
            open: Some(("generate", Value::Nil)),
            rename: Some(other),
            ..PLAIN
        },
        // An echo that fails, or is not answered, is wrong while no fault is in force.
        Family { name: "echo", history: echo, rename: Some(other), may_know_less: false, ..PLAIN },
    ]
}

pub(crate) fn reading() -> Reading {
    Reading { nil_read: NilRead::Initial, ..Reading::usual() }
}

/// What must stay: the verdict, and the classes with their counts.
fn said(outcome: &Outcome) -> (Verdict, BTreeMap<&'static str, u64>) {
    let counts = outcome.anomalies.iter().map(|anomaly| (anomaly.class.name, anomaly.count));
    (outcome.verdict, counts.collect())
}

fn each(history: &History, change: impl Fn(&mut Event)) -> History {
    let mut history = history.clone();
    history.events.iter_mut().for_each(change);
    history
}

fn renamed(value: &Value, rename: fn(i64) -> i64) -> Value {
    match value {
        Value::Int(int) => Value::Int(rename(*int)),
        Value::List(items) => items.iter().map(|item| renamed(item, rename)).collect(),
        Value::Map(pairs) => {
            let pair = |(k, v): &(Value, Value)| (renamed(k, rename), renamed(v, rename));
            Value::map(pairs.iter().map(pair))
        }
        other => other.clone(),
    }
}

/// With every client under another name, and times and indices moved.
fn relabelled(history: &History) -> History {
    each(history, |event| {
        if let Process::Client(client) = event.process {
            event.process = Process::Named(format!("client {client}").into());
        }
        event.index = event.index * 3 + 5;
        event.time += 1_000_000;
    })
}

/// With invocations that follow each other in the other order.
fn swapped(history: &History) -> History {
    let mut history = history.clone();
    let mut at = 0;
    while at + 1 < history.events.len() {
        let pair = &mut history.events[at..at + 2];
        let are_open = pair.iter().all(|event| event.kind == Kind::Invoke);
        if are_open && pair[0].process != pair[1].process {
            pair.swap(0, 1);
            at += 1;
        }
        at += 1;
    }
    History::new(history.events)
}

/// With a failed operation before each event, and one that stays open.
fn littered(history: &History, family: &Family) -> History {
    let mut all = Vec::new();
    for (number, event) in (2_000..).zip(&history.events) {
        let client = Process::Client(number);
        let time = event.time;
        let mut push = |kind, f, value| {
            let mut event = Event::new(kind, client.clone(), f, value);
            event.time = time;
            all.push(event);
        };
        if let Some(failed) = family.failed
            && number % 2 == 0
        {
            let (f, value) = failed(number);
            push(Kind::Invoke, f, value.clone());
            push(Kind::Fail, f, value);
        } else if let Some((f, value)) = &family.open {
            push(Kind::Invoke, *f, value.clone());
        }
        all.push(event.clone());
    }
    History::new(all)
}

/// With one completion later, behind all events of others up to the next of its process.
fn longer(history: &History, which: usize) -> History {
    let mut events = history.events.clone();
    if !events.is_empty() {
        let at = which % events.len();
        let is_end = events[at].kind != Kind::Invoke;
        let mut later = events[at + 1..].iter();
        let next = later.position(|event| event.process == events[at].process);
        let to = next.map_or(events.len(), |next| at + 1 + next);
        if is_end {
            events[at..to].rotate_left(1);
        }
    }
    History::new(events)
}

/// With one success of which nobody knows any more.
fn vaguer(history: &History, which: usize) -> History {
    let mut history = history.clone();
    let count = history.events.len().max(1);
    if let Some(event) = history.events.get_mut(which % count)
        && event.kind == Kind::Ok
    {
        event.kind = Kind::Info;
        let process = event.process.clone();
        // Its process goes on under a new name.
        for later in &mut history.events[which % count + 1..] {
            if later.process == process {
                later.process = Process::Named("another".into());
            }
        }
    }
    history
}

fn judge(family: &Family) {
    let checker = checkers::find(family.name).expect(family.name);
    let reading = reading();
    let check = |history: &History| (checker.check)(history, &reading);
    let mut broken_count = 0;
    for seed in 0..HISTORIES {
        let history = (family.history)(seed);
        let expected = said(&check(&history));
        broken_count += u64::from(expected.0 == Verdict::Broken);
        let same = |what: &str, changed: &History| {
            let found = said(&check(changed));
            let text = || format!("{}\n\n{}", edn::write(&history), edn::write(changed));
            assert_eq!(found, expected, "{} {what}, seed {seed}:\n{}", family.name, text());
        };
        same("relabelled", &relabelled(&history));
        if family.may_swap {
            same("swapped", &swapped(&history));
        }
        same("littered", &littered(&history, family));
        let text = jsonl::write(&history);
        same("JSON", &jsonl::read(text.as_bytes()).expect("our own form").history);
        let text = edn::write(&history);
        same("EDN", &edn::read(text.as_bytes()).expect("our own form").history);
        if let Some(rename) = family.rename {
            same("renamed", &each(&history, |e| e.value = renamed(&e.value, rename)));
        }
        if expected.0 == Verdict::Broken {
            continue;
        }
        let which = Chance(seed).below(64);
        let mut helped = Vec::new();
        if family.may_know_less {
            helped.push(("vaguer", vaguer(&history, which)));
        }
        if family.may_take_longer {
            helped.push(("longer", longer(&history, which)));
        }
        for (what, changed) in helped {
            let outcome = check(&changed);
            let text = || format!("{}\n\n{}", edn::write(&history), edn::write(&changed));
            let is_broken = outcome.verdict == Verdict::Broken;
            assert!(!is_broken, "{} {what}, seed {seed}: {outcome:?}\n{}", family.name, text());
        }
    }
    let share = broken_count * 100 / HISTORIES;
    assert!((4..70).contains(&share), "{}: {share} % are broken", family.name);
}

#[test]
fn what_must_not_change_the_verdict_and_what_may_only_help() {
    let families = families();
    for checker in CHECKERS {
        let family = families.iter().find(|family| family.name == checker.name);
        judge(family.unwrap_or_else(|| panic!("no family for {}", checker.name)));
    }
}
