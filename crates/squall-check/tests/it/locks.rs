//! Locks: every rule against what it says, the rules against the specification, and changes that
//! must be named.

use std::collections::BTreeSet;

use squall_check::linear::{self, Options};
use squall_check::lock::{Kind as Lock, check};
use squall_check::{Outcome, Verdict};
use squall_history::formats::edn;
use squall_history::{Event, History, Kind, Operation, Process, Value};

use crate::simulated::{self, Chance, Simulated};

fn names(outcome: &Outcome) -> BTreeSet<&'static str> {
    outcome.anomalies.iter().map(|anomaly| anomaly.class.name).collect()
}

fn is_acquire(op: &Operation<'_>) -> bool {
    matches!(op.f(), "acquire" | "try-acquire") && *op.value() != Value::Bool(false)
}

fn process<'h>(op: &Operation<'h>) -> &'h Process {
    &op.invocation.process
}

/// The rules about a lock that is held once, quantifier by quantifier.
fn rules(history: &History, has_tokens: bool) -> BTreeSet<&'static str> {
    let operations = history.operations().list;
    let all = || operations.iter().filter(|op| op.outcome() != Kind::Fail);
    let ok = || all().filter(|op| op.outcome() == Kind::Ok);
    let acquires = || ok().filter(|op| is_acquire(op));
    // Where the hold that an acquire began certainly ends.
    let end = |acquire: &Operation<'_>| {
        let mut own = all().filter(|op| op.f() == "release" && process(op) == process(acquire));
        own.find(|op| Some(op.start) > acquire.end).map_or(usize::MAX, |op| op.start)
    };
    let mut found = BTreeSet::new();
    for (number, b) in acquires().enumerate() {
        for a in acquires().take(number).chain(acquires().skip(number + 1)) {
            let is_inside = a.end <= b.end && b.end < Some(end(a));
            if is_inside && (process(a) == process(b) || a.end < Some(end(b))) {
                found.insert("mutual-exclusion");
            }
            if !has_tokens {
                continue;
            }
            let (one, other) = (a.value().as_int(), b.value().as_int());
            if a.end < Some(b.start) && one >= other {
                found.insert("token-not-increasing");
            }
            if one == other && process(a) != process(b) {
                found.insert("token-reused");
            }
        }
    }
    for release in ok().filter(|op| op.f() == "release") {
        let mut before = all().filter(|op| process(op) == process(release));
        let mut may_hold = false;
        before.by_ref().take_while(|op| op.start < release.start).for_each(|op| {
            may_hold = is_acquire(op) || may_hold && (op.f() != "release" || op.end.is_none());
        });
        if !may_hold {
            found.insert("foreign-release");
        }
    }
    found
}

/// Right histories and others, judged by the rules, the specification and the checker.
fn agree<T: Default>(kind: Lock, name: &str, simulated: &Simulated<T>) {
    let mut broken_count = 0;
    let mut named_count = 0;
    for seed in 0..2_500 {
        let history = simulated.history(&mut Chance(seed), 10, seed % 2 == 1);
        let outcome = check(&history, kind, &Options::register());
        let searched = linear::named(name).expect(name).check(&history, &Options::register());
        let text = || format!("{name}, seed {seed}: {outcome:#?}\n{}", edn::write(&history));
        assert_eq!(outcome.verdict, searched.verdict, "{}", text());
        let is_broken = outcome.verdict == Verdict::Broken;
        assert!(!is_broken || seed % 2 == 1, "a right lock: {}", text());
        broken_count += u64::from(is_broken);
        if matches!(kind, Lock::Owner | Lock::Fenced) {
            let expected = rules(&history, kind == Lock::Fenced);
            let found = names(&outcome);
            let left = BTreeSet::from(["not-linearizable"]);
            let is_same = found == expected || expected.is_empty() && found.is_subset(&left);
            assert!(is_same, "{expected:?}: {}", text());
            named_count += u64::from(!expected.is_empty());
        }
    }
    assert!((200..1_250).contains(&broken_count), "{name}: {broken_count} of 2500 are broken");
    let is_named = matches!(kind, Lock::Owner | Lock::Fenced);
    assert!(!is_named || named_count > 200, "{name}: {named_count} of {broken_count} are named");
}

#[test]
fn locks_agree_with_their_rules_and_their_specification() {
    agree(Lock::Owner, "owner-mutex", &simulated::owner_mutex(1));
    agree(Lock::Reentrant, "reentrant", &simulated::owner_mutex(2));
    agree(Lock::Mutex, "mutex", &simulated::mutex());
    agree(Lock::Fenced, "fenced", &simulated::fenced());
}

/// Changes 400 right histories of a lock with tokens: at most 30 % may offer no place, and in 95 %
/// of the others the class must be named.
fn is_named(class: &str, change: impl Fn(&mut History, &mut Chance) -> Option<()>) {
    let (mut discarded, mut named) = (0, 0);
    for seed in 0..400 {
        let chance = &mut Chance(seed);
        // Short histories without a place are drawn again.
        let found = (0..40).find_map(|_| {
            let mut history = simulated::fenced().history(chance, 40, false);
            assert_ne!(
                check(&history, Lock::Fenced, &Options::register()).verdict,
                Verdict::Broken
            );
            change(&mut history, chance).map(|()| history)
        });
        let Some(history) = found else {
            discarded += 1;
            continue;
        };
        let outcome = check(&history, Lock::Fenced, &Options::register());
        named += i32::from(names(&outcome).contains(class));
    }
    assert!(discarded * 100 < 400 * 30, "{class}: {discarded} of 400 are discarded");
    assert!(named * 100 >= (400 - discarded) * 95, "{class}: {named} of {}", 400 - discarded);
}

#[test]
fn holds_that_overlap_and_tokens_that_fall() {
    is_named("mutual-exclusion", |history, _| {
        // The release between two holds fails.
        let ops = history.operations().list;
        let acquires: Vec<_> =
            ops.iter().filter(|op| is_acquire(op) && op.outcome() == Kind::Ok).collect();
        let release = acquires.iter().find_map(|first| {
            let own = |op: &&Operation<'_>| process(op) == process(first);
            let mut later = ops.iter().filter(own).filter(|op| Some(op.start) > first.end);
            let release = later.find(|op| op.f() == "release" && op.outcome() == Kind::Ok)?;
            let is_next = |op: &&&Operation<'_>| process(op) != process(first);
            let next = acquires.iter().filter(is_next).find(|op| op.end > release.end);
            let is_last = later.next().is_none();
            (next.is_some() && is_last).then_some(release.end)?
        })?;
        history.events[release].kind = Kind::Fail;
        Some(())
    });
    is_named("token-not-increasing", |history, chance| {
        let ops = history.operations().list;
        let is_given = |op: &&Operation<'_>| op.f() == "acquire" && op.outcome() == Kind::Ok;
        let given: Vec<_> = ops.iter().filter(is_given).collect();
        let mut pairs = given.windows(2).rev();
        let pair = pairs.find(|pair| pair[0].end < Some(pair[1].start))?;
        let (lower, place) = (pair[0].value().as_int()?, pair[1].end?);
        let by = i64::try_from(chance.below(3)).expect("small");
        history.events[place].value = Value::Int(lower - by);
        Some(())
    });
}

/// One after the other.
fn serial(rows: &[(i64, Kind, &'static str, Value)]) -> History {
    let events = rows.iter().flat_map(|(process, kind, f, value)| {
        let process = Process::Client(*process);
        let asked = if *f == "write" { value.clone() } else { Value::Nil };
        let invocation = Event::new(Kind::Invoke, process.clone(), *f, asked);
        [invocation, Event::new(*kind, process, *f, value.clone())]
    });
    History::new(events)
}

#[test]
fn what_each_case_is_called() {
    let (ok, info) = (Kind::Ok, Kind::Info);
    let acquire = |client, token: i64| (client, ok, "acquire", Value::Int(token));
    let release = |client, kind| (client, kind, "release", Value::Nil);
    let write = |client, token: i64| (client, ok, "write", Value::from(vec![token, 7]));
    for (rows, class, title) in [
        (
            vec![acquire(1, 1), acquire(2, 2)],
            "mutual-exclusion",
            "client 1 held the lock when client 2 was given it",
        ),
        (
            vec![acquire(1, 1), acquire(1, 2)],
            "mutual-exclusion",
            "client 1 was given the lock that it already held",
        ),
        (
            vec![acquire(1, 1), release(2, ok)],
            "foreign-release",
            "client 2 released a lock that it had never taken",
        ),
        (
            vec![acquire(1, 1), release(1, ok), release(1, ok)],
            "foreign-release",
            "client 1 released a lock that it had given back",
        ),
        (
            vec![acquire(1, 5), release(1, ok), acquire(2, 4)],
            "token-not-increasing",
            "client 1 was given the token 5, and later client 2 4",
        ),
        (
            vec![acquire(1, 5), release(1, info), acquire(2, 5)],
            "token-reused",
            "the token 5 was given to client 1 and client 2",
        ),
        (
            vec![acquire(1, 1), release(1, ok), acquire(2, 2), write(2, 2), write(1, 1)],
            "stale-write-accepted",
            "a write of client 1 with the token 1 was accepted after one of client 2 with 2",
        ),
    ] {
        let history = serial(&rows);
        let outcome = check(&history, Lock::Fenced, &Options::register());
        assert_eq!(outcome.verdict, Verdict::Broken, "{class}");
        let anomaly = outcome.anomalies.iter().find(|anomaly| anomaly.class.name == class);
        assert_eq!(anomaly.map(|anomaly| &anomaly.title[..]), Some(title), "{outcome:?}");
        let named = squall_check::checkers::guess(&history).map(|checker| checker.name);
        assert_eq!(named, Some("fenced"));
    }
    let right = [acquire(1, 1), write(1, 1), release(1, ok), acquire(2, 2), write(2, 2)];
    let outcome = check(&serial(&right), Lock::Fenced, &Options::register());
    assert_eq!(outcome.verdict, Verdict::Held, "{outcome:?}");
    assert_eq!(outcome.result.get("acquire-count"), Some(&Value::Int(2)));
    // Two keys are two locks.
    let mut history = serial(&[acquire(1, 1), acquire(2, 2)]);
    for (event, key) in history.events.iter_mut().zip([1, 1, 2, 2]) {
        event.value = Value::list([Value::Int(key), event.value.clone()]);
    }
    let keyed = Options { is_keyed: true, ..Options::register() };
    assert_eq!(check(&history, Lock::Fenced, &keyed).verdict, Verdict::Held);
    assert_eq!(check(&history, Lock::Owner, &Options::register()).verdict, Verdict::Broken);
}
