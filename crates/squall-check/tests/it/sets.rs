//! Set-full against its definition, read out quantifier by quantifier, and mutations of a right
//! history.

use std::collections::BTreeMap;

use proptest::prelude::*;
use squall_check::set_full::{Options, check};
use squall_check::{Outcome, Verdict};
use squall_history::{Event, History, Kind, Operation, Process, Value};

use crate::generate::{Step, cases, steps};

/// What the definitions say about one history, in the order of the first add.
#[derive(Debug, Default, PartialEq)]
struct Expected {
    stable: Vec<Value>,
    lost: Vec<Value>,
    never_read: Vec<Value>,
    stale: Vec<Value>,
    stable_latencies_ms: Vec<i64>,
    lost_latencies_ms: Vec<i64>,
    duplicated: BTreeMap<Value, usize>,
    phantom: Vec<Value>,
    not_converged: BTreeMap<Value, Vec<Value>>,
    /// Whether a read succeeded, and some element was proved by an add or a read.
    is_exercised: bool,
}

fn members<'h>(read: &Operation<'h>) -> &'h [Value] {
    read.value().as_list().expect("a list")
}

fn node(read: &Operation<'_>) -> Value {
    read.invocation.node.as_ref().map_or(Value::Nil, |node| Value::str(&**node))
}

/// The place of the first add that did not fail.
fn begin(adds: &[&Operation<'_>], e: &Value) -> Option<usize> {
    let mine = adds.iter().filter(|add| add.invocation.value == *e);
    mine.filter(|add| add.outcome() != Kind::Fail).map(|add| add.start).min()
}

/// What somebody tried to add, that of which every add failed last.
fn elements<'h>(adds: &[&'h Operation<'h>]) -> Vec<&'h Value> {
    let mut elements: Vec<&Value> = Vec::new();
    for has_failed in [false, true] {
        for add in adds.iter().filter(|add| (add.outcome() == Kind::Fail) == has_failed) {
            if !elements.contains(&&add.invocation.value) {
                elements.push(&add.invocation.value);
            }
        }
    }
    elements
}

/// What a read should not contain, or not so often.
fn intruders(adds: &[&Operation<'_>], reads: &[&Operation<'_>], expected: &mut Expected) {
    for read in reads {
        for e in members(read) {
            let count = members(read).iter().filter(|other| *other == e).count();
            if count > 1 {
                let worst = expected.duplicated.entry(e.clone()).or_default();
                *worst = count.max(*worst);
            }
            let is_possible = begin(adds, e).is_some_and(|begin| begin < read.end.expect("ok"));
            if !is_possible && !expected.phantom.contains(e) {
                expected.phantom.push(e.clone());
            }
        }
    }
}

/// Slow and obvious.
fn oracle(history: &History) -> Expected {
    let ops = history.operations().list;
    let adds: Vec<_> = ops.iter().filter(|op| op.f() == "broadcast").collect();
    let reads: Vec<_> =
        ops.iter().filter(|op| op.f() == "read" && op.outcome() == Kind::Ok).collect();
    let finals: Vec<_> = reads.iter().copied().filter(|read| read.is_final()).collect();
    let final_start = ops.iter().filter(|op| op.f() == "read" && op.is_final()).map(|op| op.start);
    let final_start = final_start.min().unwrap_or(usize::MAX);
    let has = |read: &Operation<'_>, e: &Value| members(read).contains(e);

    let mut expected = Expected::default();
    for e in elements(&adds) {
        let Some(begin) = begin(&adds, e) else {
            if !reads.iter().any(|read| has(read, e)) {
                expected.never_read.push(e.clone());
            }
            continue;
        };
        let relevant = || reads.iter().filter(|read| read.end.expect("ok") > begin);
        let present = relevant().filter(|read| has(read, e)).max_by_key(|read| read.start);
        let absent = relevant().filter(|read| !has(read, e)).max_by_key(|read| read.start);
        let proofs =
            adds.iter().filter(|add| add.outcome() == Kind::Ok && add.invocation.value == *e);
        let proofs = proofs.chain(relevant().filter(|read| has(read, e)));
        let known = proofs.min_by_key(|op| op.end.expect("ok"));
        let known_at = known.map(|op| op.end.expect("ok"));
        expected.is_exercised |= known.is_some() && !reads.is_empty();

        let lacking_known: Vec<_> = finals
            .iter()
            .filter(|read| known_at.is_some_and(|at| at < final_start) && !has(read, e))
            .collect();
        let lacking_other: Vec<_> = finals
            .iter()
            .filter(|read| begin < final_start && !has(read, e))
            .filter(|_| finals.iter().any(|other| has(other, e)))
            .collect();
        let mut nodes: Vec<Value> =
            lacking_known.iter().chain(&lacking_other).map(|read| node(read)).collect();
        nodes.sort();
        nodes.dedup();
        if !nodes.is_empty() {
            expected.not_converged.insert(e.clone(), nodes);
        }

        let at = |read: Option<&&Operation<'_>>| read.map(|read| read.start);
        let ms = |until: Option<&&Operation<'_>>| {
            let until = until.map_or(0, |read| read.invocation.time + 1);
            let known = known.expect("known").completion.expect("ok").time;
            i64::try_from(until.saturating_sub(known) / 1_000_000).expect("small")
        };
        let is_lost = known_at.is_some()
            && absent.is_some()
            && at(present) < at(absent)
            && known_at < at(absent);
        if is_lost || !lacking_known.is_empty() {
            expected.lost.push(e.clone());
            expected.lost_latencies_ms.push(ms(present));
        } else if present.is_some() && at(absent) < at(present) {
            expected.stable.push(e.clone());
            expected.stable_latencies_ms.push(ms(absent));
            if ms(absent) > 0 {
                expected.stale.push(e.clone());
            }
        } else {
            expected.never_read.push(e.clone());
        }
    }
    intruders(&adds, &reads, &mut expected);
    expected.stable_latencies_ms.sort_unstable();
    expected.lost_latencies_ms.sort_unstable();
    expected
}

fn list(outcome: &Outcome, key: &str) -> Vec<Value> {
    outcome.result.get(key).and_then(Value::as_list).expect(key).to_vec()
}

fn agree(history: &History) -> Result<(), TestCaseError> {
    let outcome = check(history, &Options::broadcast());
    let expected = oracle(history);
    let count = |key: &str| outcome.result.get(key).and_then(Value::as_int).expect("a count");
    prop_assert_eq!(list(&outcome, "lost"), expected.lost.clone());
    prop_assert_eq!(list(&outcome, "never-read"), expected.never_read.clone());
    prop_assert_eq!(list(&outcome, "stale"), expected.stale.clone());
    prop_assert_eq!(count("stable-count"), i64::try_from(expected.stable.len()).expect("few"));
    let mut phantom = list(&outcome, "phantom");
    phantom.sort();
    let mut expected_phantom = expected.phantom.clone();
    expected_phantom.sort();
    prop_assert_eq!(phantom, expected_phantom);
    let duplicated = expected.duplicated.iter().map(|(e, n)| (e.clone(), Value::uint(*n as u64)));
    prop_assert_eq!(outcome.result.get("duplicated"), Some(&Value::map(duplicated)));
    let not_converged = expected.not_converged.iter();
    let not_converged =
        not_converged.map(|(e, nodes)| (e.clone(), Value::set(nodes.iter().cloned())));
    prop_assert_eq!(outcome.result.get("not-converged"), Some(&Value::map(not_converged)));
    for (key, sorted) in [
        ("stable-latencies", &expected.stable_latencies_ms),
        ("lost-latencies", &expected.lost_latencies_ms),
    ] {
        let quantile = |percent: usize| {
            let at = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
            sorted.get(at).map_or(Value::Nil, |&ms| Value::Int(ms))
        };
        let quantiles = [("0", 0), ("0.5", 50), ("0.95", 95), ("0.99", 99), ("1", 100)];
        let map = Value::map(
            quantiles.map(|(name, q)| (Value::number(name).expect("a number"), quantile(q))),
        );
        let map = if sorted.is_empty() { None } else { Some(&map) };
        prop_assert_eq!(outcome.result.get(key), map);
    }
    let is_broken = !expected.lost.is_empty()
        || !expected.duplicated.is_empty()
        || !expected.phantom.is_empty()
        || !expected.not_converged.is_empty();
    prop_assert_eq!(outcome.verdict == Verdict::Broken, is_broken);
    prop_assert_eq!(!outcome.anomalies.is_empty(), is_broken);
    let is_idle = !is_broken && !expected.is_exercised;
    prop_assert_eq!(outcome.verdict == Verdict::NotExercised, is_idle);
    prop_assert_eq!(
        outcome.verdict == Verdict::Held,
        !is_broken && !expected.stable.is_empty() && {
            let operations = history.operations().list;
            let finals: Vec<_> =
                operations.iter().filter(|op| op.f() == "read" && op.is_final()).collect();
            finals.is_empty() || finals.iter().any(|op| op.outcome() == Kind::Ok)
        }
    );
    Ok(())
}

/// Three nodes that tell each other what they know at every step of luck 7, and lie if the steps
/// say so.
pub(crate) fn history(steps: &[Step], lies: bool, final_reads: bool) -> History {
    let mut history = History::default();
    let mut nodes: Vec<Vec<i64>> = vec![Vec::new(); 3];
    let mut pending: Vec<Option<(&'static str, i64)>> = vec![None; 4];
    let mut ids = [0, 1, 2, 3];
    let mut next_element = 0;
    let mut time = 0;
    let mut push = |history: &mut History, kind, client, f, value, node: usize| {
        let mut event = Event::new(kind, Process::Client(client), f, value);
        time += 999_999;
        event.time = time;
        event.node = Some(format!("n{node}").into());
        history.push(event);
    };
    for step in steps {
        let worker = step.process;
        let node = worker % 3;
        match pending[worker].take() {
            None if step.f == 0 => {
                push(&mut history, Kind::Invoke, ids[worker], "read", Value::Nil, node);
                pending[worker] = Some(("read", 0));
            }
            None => {
                // Now and then the same element again.
                let element = if step.luck == 1 { next_element / 2 } else { next_element };
                next_element += 1;
                push(&mut history, Kind::Invoke, ids[worker], "broadcast", element.into(), node);
                pending[worker] = Some(("broadcast", element));
            }
            Some(("read", _)) => {
                let mut seen = nodes[node].clone();
                if lies && step.luck < 2 {
                    lie(&mut seen, step);
                }
                let kind = if step.outcome == 0 { Kind::Fail } else { Kind::Ok };
                push(&mut history, kind, ids[worker], "read", seen.into(), node);
            }
            Some((f, element)) => {
                let kind = match step.outcome {
                    0 => Kind::Fail,
                    1 | 2 => Kind::Info,
                    _ => Kind::Ok,
                };
                let takes_effect = kind == Kind::Ok || (kind == Kind::Info && step.luck > 3);
                if takes_effect && !nodes[node].contains(&element) {
                    nodes[node].push(element);
                }
                push(&mut history, kind, ids[worker], f, element.into(), node);
                ids[worker] += if kind == Kind::Info { 10 } else { 0 };
            }
        }
        if step.luck == 7 {
            share(&mut nodes);
        }
    }
    if final_reads {
        if !lies || steps.len().is_multiple_of(2) {
            share(&mut nodes);
        }
        for (node, (client, seen)) in (1000..).zip(&nodes).enumerate() {
            for (kind, value) in [(Kind::Invoke, Value::Nil), (Kind::Ok, seen.clone().into())] {
                push(&mut history, kind, client, "read", value, node);
                history.events.last_mut().expect("an event").is_final = true;
            }
        }
    }
    history
}

fn lie(seen: &mut Vec<i64>, step: &Step) {
    match step.a {
        0 => drop(seen.pop()),
        1 => seen.extend(seen.clone().first()),
        _ => seen.push(step.b * 4),
    }
}

fn share(nodes: &mut [Vec<i64>]) {
    let mut all: Vec<i64> = nodes.concat();
    all.sort_unstable();
    all.dedup();
    nodes.fill(all);
}

proptest! {
    #![proptest_config(cases(2000))]

    #[test]
    fn agrees_with_the_definition(
        steps in steps(4, 40),
        lies in any::<bool>(),
        final_reads in any::<bool>(),
    ) {
        agree(&history(&steps, lies, final_reads))?;
    }

    /// Nodes that share everything before the final reads are never broken then, unless a node
    /// forgot.
    #[test]
    fn right_nodes_converge(steps in steps(4, 40)) {
        let outcome = check(&history(&steps, false, true), &Options::broadcast());
        let not_converged = outcome.result.get("not-converged-count").and_then(Value::as_int);
        prop_assert_eq!(not_converged, Some(0));
    }
}

/// Six adds, a read after each by node n0, and a final read of each of three nodes.
fn right() -> History {
    let mut history = History::default();
    let mut add = |kind, process, f: &'static str, value: Value, node: &'static str, is_final| {
        let mut event = Event::new(kind, Process::Client(process), f, value);
        event.node = Some(node.into());
        event.is_final = is_final;
        history.push(event);
    };
    for element in 0..6 {
        add(Kind::Invoke, 1, "broadcast", element.into(), "n1", false);
        add(Kind::Ok, 1, "broadcast", element.into(), "n1", false);
        add(Kind::Invoke, 0, "read", Value::Nil, "n0", false);
        add(Kind::Ok, 0, "read", (0..=element).collect::<Vec<i64>>().into(), "n0", false);
    }
    for (process, node) in [(0, "n0"), (1, "n1"), (2, "n2")] {
        add(Kind::Invoke, process, "read", Value::Nil, node, true);
        add(Kind::Ok, process, "read", (0..6).collect::<Vec<i64>>().into(), node, true);
    }
    history
}

fn change(history: &mut History, event: usize, change: impl Fn(&mut Vec<Value>)) {
    let value = &mut history.events[event].value;
    let mut items = value.as_list().expect("a read").to_vec();
    change(&mut items);
    *value = items.into();
}

fn classes(history: &History) -> Vec<&'static str> {
    let outcome = check(history, &Options::broadcast());
    outcome.anomalies.iter().map(|anomaly| anomaly.class.name).collect()
}

#[test]
fn mutations_are_named() {
    let right = right();
    assert_eq!(check(&right, &Options::broadcast()).verdict, Verdict::Held);
    let reads: Vec<usize> = (0..right.events.len())
        .filter(|&at| right.events[at].kind == Kind::Ok && right.events[at].f == "read")
        .collect();

    // An element is missing from all reads after the one that follows its add.
    let mut lost = right.clone();
    for &read in &reads[2..] {
        change(&mut lost, read, |items| items.retain(|item| *item != Value::Int(1)));
    }
    assert_eq!(classes(&lost), ["lost"]);

    // Only from the final read of one node, and not of the last one.
    let mut unequal = right.clone();
    change(&mut unequal, reads[7], |items| drop(items.pop()));
    assert_eq!(classes(&unequal), ["not-converged"]);
    let outcome = check(&unequal, &Options::broadcast());
    assert_eq!(outcome.result.get("lost"), Some(&Value::from(vec![5])));
    assert_eq!(outcome.anomalies[0].title, "at the end #{\"n1\"} lack 5");

    let mut duplicated = right.clone();
    change(&mut duplicated, reads[3], |items| items.push(Value::Int(0)));
    assert_eq!(classes(&duplicated), ["duplicated"]);

    let mut phantom = right.clone();
    change(&mut phantom, reads[3], |items| items.push("what".into()));
    assert_eq!(classes(&phantom), ["phantom"]);

    let mut early = right.clone();
    change(&mut early, reads[3], |items| items.push(Value::Int(5)));
    assert_eq!(classes(&early), ["future-read"]);

    let mut refused = right.clone();
    refused.events[1].kind = Kind::Fail;
    assert_eq!(classes(&refused), ["aborted-read"]);
}

#[test]
fn too_little_happened() {
    let mut history = right();
    history.events.retain(|event| event.f != "read");
    let outcome = check(&history, &Options::broadcast());
    assert_eq!(outcome.verdict, Verdict::NotExercised);

    // Every add ends unknown or fails, and no read contains anything.
    for kind in [Kind::Info, Kind::Fail] {
        let mut idle = right();
        for event in idle.events.iter_mut().filter(|event| event.kind == Kind::Ok) {
            match &*event.f {
                "broadcast" => event.kind = kind,
                _ => event.value = Value::list([]),
            }
        }
        let mut client = 100;
        for event in idle.events.iter_mut().filter(|event| event.f == "broadcast") {
            event.process = Process::Client(client);
            client += i64::from(event.kind != Kind::Invoke);
        }
        let outcome = check(&idle, &Options::broadcast());
        assert_eq!(outcome.verdict, Verdict::NotExercised);
        assert_eq!(outcome.result.get("valid?"), Some(&Value::keyword("unknown")));
        let reason = outcome.reason.expect("a reason");
        assert_eq!(reason.code.as_str(), "empty");
        assert!(reason.text.starts_with("no value was ever acknowledged"), "{}", reason.text);
    }

    // One add is acknowledged, but no read that could show it began after that: it is undecided.
    let mut undecided = right();
    undecided.events.truncate(4);
    undecided.events.swap(1, 2);
    undecided.events[3].value = Value::list([]);
    let outcome = check(&History::new(undecided.events), &Options::broadcast());
    assert_eq!(outcome.verdict, Verdict::Unknown);
    assert_eq!(outcome.reason.expect("a reason").code.as_str(), "undecided");

    let mut silent = right();
    for event in &mut silent.events {
        if event.is_final && event.kind == Kind::Ok {
            event.kind = Kind::Fail;
        }
    }
    let outcome = check(&silent, &Options::broadcast());
    assert_eq!(outcome.verdict, Verdict::Unknown);
    assert_eq!(outcome.reason.expect("a reason").code.as_str(), "no-final-read");

    let mut odd = right();
    odd.events[3].value = "no list".into();
    let outcome = check(&odd, &Options::broadcast());
    assert_eq!(outcome.verdict, Verdict::Unknown);
    assert_eq!(outcome.problems.len(), 1);
    assert_eq!(outcome.result.get("valid?"), Some(&Value::keyword("unknown")));
}

/// `right()` with a seventh element whose add begins at one place and is acknowledged at another,
/// and which the final reads of n1 and n2 contain.
fn with_a_late_element(begin: usize, end: usize) -> History {
    let mut events = right().events;
    for read in [27, 29] {
        let items = events[read].value.as_list().expect("a read").iter().cloned();
        events[read].value = items.chain([Value::Int(6)]).collect();
    }
    let add = |kind| Event::new(kind, Process::Client(3), "broadcast", Value::Int(6));
    events.insert(begin, add(Kind::Invoke));
    events.insert(end, add(Kind::Ok));
    History::new(events)
}

#[test]
fn what_is_added_in_the_final_phase_may_be_missed() {
    // The final phase begins at place 24; n0 answers at 25.
    let during = with_a_late_element(25, 26);
    assert_eq!(during.events[24].value, Value::Nil);
    assert!(during.events[24].is_final);
    assert_eq!(check(&during, &Options::broadcast()).verdict, Verdict::Held);

    // Begun before it and acknowledged within it: it need not be there, but the reads differ.
    let across = with_a_late_element(24, 26);
    assert_eq!(classes(&across), ["not-converged"]);
    let options = Options { final_reads_agree: false, ..Options::broadcast() };
    assert_eq!(check(&across, &options).verdict, Verdict::Held);
}

#[test]
fn the_greatest_multiplicity_counts() {
    let mut history = right();
    change(&mut history, 3, |items| items.extend([Value::Int(0)]));
    change(&mut history, 7, |items| items.extend([Value::Int(0), Value::Int(0)]));
    let outcome = check(&history, &Options::broadcast());
    assert_eq!(outcome.result.get("duplicated").expect("a map").to_edn(), "{0 3}");
}
