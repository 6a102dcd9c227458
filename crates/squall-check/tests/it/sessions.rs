//! Ids that grow and have no gaps, counters that only grow, replies to other requests: rules about
//! what one client sees after another, read out quantifier by quantifier.

use squall_check::{Outcome, Verdict, bank, counter, kafka, set_full, unique_ids};
use squall_history::formats::edn;
use squall_history::{Event, History, Kind, Operation, Process, Value};

use crate::simulated::Chance;

/// Up to `ops` operations of three clients, each on its node. `ask` gives function and argument,
/// `answer` what comes back; an eighth of the operations end unknown, as many fail.
fn history(
    chance: &mut Chance,
    ops: usize,
    ask: impl Fn(&mut Chance) -> (&'static str, Value),
    mut answer: impl FnMut(&mut Chance, &str, &Value) -> Value,
) -> History {
    let mut history = History::default();
    let mut open: Vec<Option<(&'static str, Value)>> = vec![None; 3];
    let mut ids = [0_i64, 1, 2];
    for _ in 0..ops * 2 {
        let at = chance.below(3);
        let process = Process::Client(ids[at]);
        let Some((f, asked)) = open[at].take() else {
            let (f, asked) = ask(chance);
            history.push(Event::new(Kind::Invoke, process, f, asked.clone()));
            open[at] = Some((f, asked));
            continue;
        };
        let (kind, value) = match chance.below(8) {
            0 => (Kind::Fail, asked),
            1 => {
                // Half of those happened.
                if chance.below(2) == 0 {
                    answer(chance, f, &asked);
                }
                ids[at] += 10;
                (Kind::Info, asked)
            }
            _ => (Kind::Ok, answer(chance, f, &asked)),
        };
        history.push(Event::new(kind, process, f, value));
    }
    history
}

fn has(outcome: &Outcome, class: &str) -> bool {
    outcome.anomalies.iter().any(|anomaly| anomaly.class.name == class)
}

fn int(op: &Operation<'_>) -> i64 {
    op.value().as_int().expect("an integer")
}

#[test]
fn ids_that_grow_without_gaps() {
    let mut counts = [0; 3];
    for seed in 0..2_500 {
        let chance = &mut Chance(seed);
        let mut next = 0;
        let lies = seed % 2 == 1;
        let history = history(
            chance,
            10,
            |_| ("generate", Value::Nil),
            |chance, _, _| {
                next += 1;
                let moved =
                    if lies { i64::try_from(chance.below(3)).expect("small") - 1 } else { 0 };
                next += if lies && chance.below(8) == 0 { 4 } else { 0 };
                Value::Int(next + moved)
            },
        );
        let options = unique_ids::Options { is_monotonic: true, is_dense: true };
        let outcome = unique_ids::check(&history, &options);
        let operations = history.operations().list;
        let ok = || operations.iter().filter(|op| op.outcome() == Kind::Ok);
        let falls = ok().any(|b| ok().any(|a| a.end < Some(b.start) && int(b) <= int(a)));
        let (low, high) = (ok().map(int).min().unwrap_or(0), ok().map(int).max().unwrap_or(-1));
        let is_missing = |id: &i64| ok().all(|op| int(op) != *id);
        let missing_count = (low..=high).filter(is_missing).count();
        let has_gap = missing_count > operations.len() - ok().count();
        let is_same = |a: &Operation<'_>, b: &Operation<'_>| a.start != b.start && int(a) == int(b);
        let is_double = ok().any(|a| ok().any(|b| is_same(a, b)));
        let expected = [falls, has_gap, is_double];
        let classes = ["non-monotonic-id", "id-gap", "duplicate-id"];
        for ((class, expected), count) in classes.into_iter().zip(expected).zip(&mut counts) {
            let text = || format!("{class}, seed {seed}: {outcome:#?}\n{}", edn::write(&history));
            assert_eq!(has(&outcome, class), expected, "{}", text());
            assert!(lies || !expected, "a right source: {}", text());
            *count += u64::from(expected);
        }
        assert_eq!(outcome.verdict == Verdict::Broken, expected.contains(&true));
        // What is not promised is not judged.
        let free = unique_ids::check(&history, &unique_ids::Options::default());
        assert_eq!(free.verdict == Verdict::Broken, is_double);
    }
    assert!(counts.iter().all(|count| *count > 100), "{counts:?}");
}

#[test]
fn ids_that_are_no_integers_have_no_gaps() {
    let mut history = History::default();
    for (kind, value) in [(Kind::Invoke, Value::Nil), (Kind::Ok, "a".into())] {
        history.push(Event::new(kind, Process::Client(0), "generate", value));
    }
    let options = unique_ids::Options { is_dense: true, ..unique_ids::Options::default() };
    let outcome = unique_ids::check(&history, &options);
    assert_eq!((outcome.verdict, outcome.problems.len()), (Verdict::Unknown, 1));
}

/// Adds and reads of a counter that only grows; with lies some reads come from an old state.
fn growing(seed: u64, lies: bool) -> History {
    let mut states = vec![0];
    let ask = |chance: &mut Chance| match chance.below(2) {
        0 => ("read", Value::Nil),
        _ => ("add", Value::Int(i64::try_from(chance.below(4)).expect("small"))),
    };
    history(&mut Chance(seed), 12, ask, |chance, f, asked| {
        let now = *states.last().expect("a state");
        if f == "add" {
            states.push(now + asked.as_int().expect("an amount"));
            return asked.clone();
        }
        let is_old = lies && chance.below(3) == 0;
        Value::Int(if is_old { states[chance.below(states.len())] } else { now })
    })
}

#[test]
fn counters_that_only_grow() {
    let mut broken_count = 0;
    for seed in 0..2_500 {
        let history = growing(seed, seed % 2 == 1);
        let options = counter::Options { is_grow_only: true, is_bounded: false };
        let outcome = counter::check(&history, &options);
        let operations = history.operations().list;
        let of = |f: &'static str| {
            operations.iter().filter(move |op| op.f() == f && op.outcome() == Kind::Ok)
        };
        let is_before = |a: &Operation<'_>, b: &Operation<'_>| {
            a.start < b.start && a.invocation.process == b.invocation.process
        };
        let falls = of("read").any(|read| {
            let own: i64 = of("add").filter(|add| is_before(add, read)).map(int).sum();
            int(read) < own || of("read").any(|a| is_before(a, read) && int(read) < int(a))
        });
        let text = || format!("seed {seed}: {outcome:#?}\n{}", edn::write(&history));
        assert_eq!(has(&outcome, "non-monotonic-read"), falls, "{}", text());
        assert!(!falls || seed % 2 == 1, "{}", text());
        broken_count += u64::from(falls);
        let certain = |read: &Operation<'_>| -> i64 {
            of("add").filter(|add| add.end < Some(read.start)).map(int).sum()
        };
        let stale = of("read").filter(|read| int(read) < certain(read)).count();
        let counted = outcome.result.get("stale-read-count").and_then(Value::as_int);
        assert_eq!(counted.map(i64::unsigned_abs), Some(stale as u64), "{}", text());
    }
    assert!(broken_count > 200, "{broken_count}");
    let shrinking = [(Kind::Invoke, -1), (Kind::Ok, -1)]
        .map(|(kind, delta)| Event::new(kind, Process::Client(0), "add", Value::Int(delta)));
    let options = counter::Options { is_grow_only: true, is_bounded: false };
    assert_eq!(counter::check(&History::new(shrinking), &options).problems.len(), 1);
}

#[test]
fn a_delta_added_to_a_final_read() {
    let (mut tried, mut discarded) = (0, 0);
    for seed in 0..400 {
        let chance = &mut Chance(seed);
        let mut history = growing(seed, false);
        let operations = history.operations().list;
        let adds =
            |kind| operations.iter().filter(move |op| op.f() == "add" && op.outcome() == kind);
        let mut sums: Vec<i64> = vec![adds(Kind::Ok).map(int).sum()];
        for add in adds(Kind::Info) {
            sums.extend(sums.clone().iter().map(|sum| sum + int(add)));
        }
        let delta = i64::try_from(1 + chance.below(3)).expect("small");
        let wrong = sums[0] + delta * if chance.below(2) == 0 { 1 } else { -1 };
        for (kind, value) in [(Kind::Invoke, Value::Nil), (Kind::Ok, Value::Int(wrong))] {
            let mut event = Event::new(kind, Process::Client(1000), "read", value);
            event.is_final = true;
            history.push(event);
        }
        let outcome = counter::check(&history, &counter::Options::default());
        tried += 1;
        // An add of which nobody knows may explain it.
        discarded += u64::from(sums.contains(&wrong));
        assert_eq!(has(&outcome, "counter-out-of-bounds"), !sums.contains(&wrong), "seed {seed}");
    }
    assert!(discarded * 100 < tried * 30, "{discarded} of {tried} are discarded");
}

#[test]
fn commits_that_are_forgotten() {
    let offsets = |offset: i64| Value::map([("x".into(), Value::Int(offset))]);
    let offset = |value: &Value| value.get("x").and_then(Value::as_int);
    let mut broken_count = 0;
    for seed in 0..2_500 {
        let ask = |chance: &mut Chance| match chance.below(2) {
            0 => ("list_committed_offsets", Value::list(["x".into()])),
            _ => ("commit_offsets", offsets(i64::try_from(chance.below(6)).expect("small"))),
        };
        // Some stores keep the last offset, some the highest, and wrong ones any.
        let mut states = vec![Value::map([])];
        let history = history(&mut Chance(seed), 12, ask, |chance, f, asked| {
            let now = states.last().expect("a state").clone();
            if f == "commit_offsets" {
                let is_kept = seed % 4 < 2 || offset(&now) < offset(asked);
                states.push(if is_kept { asked.clone() } else { now });
                return asked.clone();
            }
            let is_old = seed % 2 == 1 && chance.below(3) == 0;
            if is_old { states[chance.below(states.len())].clone() } else { now }
        });
        let operations = history.operations().list;
        let of = |f: &'static str| {
            operations.iter().filter(move |op| op.f() == f && op.outcome() != Kind::Fail)
        };
        let listings = of("list_committed_offsets").filter(|op| op.outcome() == Kind::Ok);
        let is_forgotten = |listing: &&Operation<'_>| {
            let listed = offset(listing.value());
            let is_before = |op: &&Operation<'_>| op.end.is_some() && op.end < Some(listing.start);
            let before = of("commit_offsets").filter(is_before);
            let Some(highest) = before.max_by_key(|op| (offset(op.value()), op.end)) else {
                return false;
            };
            let may_follow = |op: &Operation<'_>| op.end.is_none_or(|end| highest.start <= end);
            let is_as_low = |op: &Operation<'_>| offset(op.value()) <= listed;
            listed < offset(highest.value())
                && !of("commit_offsets").any(|op| is_as_low(op) && may_follow(op))
        };
        let count = listings.filter(is_forgotten).count();
        let outcome = kafka::check(&history, &kafka::Options::default());
        let mut found = outcome.anomalies.iter();
        let found = found.find(|found| found.class.name == "committed-regression");
        let text = || format!("seed {seed}: {outcome:#?}\n{}", edn::write(&history));
        assert_eq!(found.map_or(0, |found| found.count), count as u64, "{}", text());
        assert!(count == 0 || seed % 2 == 1, "a right store: {}", text());
        broken_count += u64::from(count > 0);
    }
    assert!(broken_count > 100, "{broken_count}");
}

#[test]
fn an_answer_to_another_request() {
    let history = |f: &'static str, asked: &str, answered: &str| {
        let rows = [(Kind::Invoke, asked), (Kind::Ok, answered)];
        let value = |text| Value::from_edn(text).expect("EDN");
        History::new(rows.map(|(kind, v)| Event::new(kind, Process::Client(0), f, value(v))))
    };
    let transfer = ["{:from 1, :to 2, :amount 3}", "{:to 2, :from 1, :amount 3}"];
    for (outcome, is_wrong) in [
        (set_full::check(&history("add", "1", "2"), &set_full::Options::g_set()), true),
        (set_full::check(&history("add", "1", "1"), &set_full::Options::g_set()), false),
        (counter::check(&history("add", "1", "2"), &counter::Options::default()), true),
        (counter::check(&history("add", "1", "1"), &counter::Options::default()), false),
        (bank::check(&history("transfer", transfer[0], "{}"), &bank::Options::default()), true),
        (
            bank::check(&history("transfer", transfer[0], transfer[1]), &bank::Options::default()),
            false,
        ),
    ] {
        assert_eq!(has(&outcome, "request-mismatch"), is_wrong, "{outcome:?}");
        assert_eq!(outcome.verdict == Verdict::Broken, is_wrong);
        assert_eq!(outcome.result.get("valid?"), Some(&outcome.verdict.valid()));
    }
}
