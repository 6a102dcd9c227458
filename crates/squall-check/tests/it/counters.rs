//! Counters and banks, against rules written down as plainly as can be.

use proptest::prelude::*;
use squall_check::{Outcome, Verdict, bank, counter};
use squall_history::{Event, History, Kind, Process, Value};

/// An operation: who, what, how it ended, and with which value.
#[derive(Clone, Debug)]
struct Op {
    f: &'static str,
    asked: i64,
    outcome: Kind,
    got: i64,
    is_final: bool,
    /// Places of its two events among all.
    span: (u8, u8),
}

fn history(ops: &[Op]) -> History {
    let mut events: Vec<(u8, usize, bool)> = Vec::new();
    for (at, op) in ops.iter().enumerate() {
        let (begin, end) = (op.span.0.min(op.span.1), op.span.0.max(op.span.1));
        events.push((begin, at, true));
        events.push((end, at, false));
    }
    // Of two events at one place invocations come first, so that they overlap.
    events.sort_by_key(|&(place, at, begins)| (place, !begins, at));
    let event = |(_, at, begins): (u8, usize, bool)| {
        let op = &ops[at];
        let asked = if op.f == "add" { Value::Int(op.asked) } else { Value::Nil };
        let got = if op.f == "add" { Value::Int(op.asked) } else { Value::Int(op.got) };
        let process = Process::Client(i64::try_from(at).expect("few"));
        let (kind, value) = if begins { (Kind::Invoke, asked) } else { (op.outcome, got) };
        let mut event = Event::new(kind, process, op.f, value);
        event.is_final = op.is_final;
        event
    };
    History::new(events.into_iter().map(event))
}

/// Every sum of the successful adds and some of the unknown ones.
fn acceptable(ops: &[Op]) -> Vec<i64> {
    let adds = |outcome| ops.iter().filter(move |op| op.f == "add" && op.outcome == outcome);
    let mut sums = vec![adds(Kind::Ok).map(|op| op.asked).sum()];
    for op in adds(Kind::Info) {
        sums.extend(sums.clone().iter().map(|sum: &i64| sum + op.asked));
    }
    sums
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let outcome = prop_oneof![4 => Just(Kind::Ok), 2 => Just(Kind::Info), 1 => Just(Kind::Fail)];
    let op = (any::<bool>(), -6_i64..7, outcome, -20_i64..21, any::<bool>(), any::<(u8, u8)>());
    let op = op.prop_map(|(is_add, asked, outcome, got, is_final, span)| {
        let f = if is_add { "add" } else { "read" };
        Op { f, asked, outcome, got, is_final: is_final && !is_add, span }
    });
    prop::collection::vec(op, 1..9)
}

/// What the rules say, quantifier by quantifier.
fn expected(ops: &[Op], is_bounded: bool) -> Verdict {
    let reads: Vec<&Op> =
        ops.iter().filter(|op| op.f == "read" && op.outcome == Kind::Ok).collect();
    let finals: Vec<&&Op> = reads.iter().filter(|op| op.is_final).collect();
    let sums = acceptable(ops);
    let span = |op: &Op| (op.span.0.min(op.span.1), op.span.0.max(op.span.1));
    let fits = |read: &Op| {
        let (mut low, mut high) = (0, 0);
        for add in ops.iter().filter(|op| op.f == "add" && op.outcome != Kind::Fail) {
            // Ends at one place are behind begins there, and in the order of the list.
            let is_before = add.outcome == Kind::Ok && span(add).1 < span(read).0;
            let is_begun = span(add).0 <= span(read).1;
            if add.asked > 0 {
                low += if is_before { add.asked } else { 0 };
                high += if is_begun { add.asked } else { 0 };
            } else {
                low += if is_begun { add.asked } else { 0 };
                high += if is_before { add.asked } else { 0 };
            }
        }
        (low..=high).contains(&read.got)
    };
    let is_broken =
        finals.iter().any(|read| !sums.contains(&read.got) || read.got != finals[0].got)
            || is_bounded && reads.iter().any(|read| !fits(read));
    match (is_broken, finals.is_empty()) {
        (true, _) => Verdict::Broken,
        (false, true) => Verdict::Unknown,
        (false, false) => Verdict::Held,
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 4_000, failure_persistence: None, ..ProptestConfig::default()
    })]

    #[test]
    fn counters_are_judged_as_the_rules_say(mut ops in ops(), is_right in any::<bool>()) {
        if is_right {
            // Half of the histories end with what was really added.
            let sum = *acceptable(&ops).last().expect("there is one");
            ops.iter_mut().filter(|op| op.is_final).for_each(|op| op.got = sum);
        }
        for is_bounded in [false, true] {
            let options = counter::Options { is_bounded, is_grow_only: false };
            let outcome = counter::check(&history(&ops), &options);
            prop_assert_eq!(outcome.verdict, expected(&ops, is_bounded), "{:?}", outcome.anomalies);
        }
    }

    #[test]
    fn acceptable_sums_are_listed(ops in ops()) {
        let outcome = counter::check(&history(&ops), &counter::Options::default());
        let ranges = outcome.result.get("acceptable").and_then(Value::as_list).expect("ranges");
        let mut listed = Vec::new();
        for range in ranges {
            let (first, last) = range.as_pair().expect("a pair");
            listed.extend(first.as_int().expect("one")..=last.as_int().expect("one"));
        }
        let mut sums = acceptable(&ops);
        sums.sort_unstable();
        sums.dedup();
        prop_assert_eq!(listed, sums);
    }
}

fn adds(deltas: &[(i64, Kind)], last: i64) -> Outcome {
    let mut ops: Vec<Op> = deltas
        .iter()
        .zip(0..)
        .map(|(&(asked, outcome), at)| Op {
            f: "add",
            asked,
            outcome,
            got: 0,
            is_final: false,
            span: (at, at),
        })
        .collect();
    let (f, asked, outcome, span) = ("read", 0, Kind::Ok, (250, 251));
    ops.push(Op { f, asked, outcome, got: last, is_final: true, span });
    counter::check(&history(&ops), &counter::Options::default())
}

#[test]
fn the_example_of_the_documentation_of_maelstrom() {
    let uncertain = [5, -1, -1].map(|delta| (delta, Kind::Info));
    let deltas = [&[(10, Kind::Ok)][..], &uncertain].concat();
    let acceptable = |last| adds(&deltas, last).result.get("acceptable").map(Value::to_edn);
    assert_eq!(acceptable(8).as_deref(), Some("[[8 10] [13 15]]"));
    for (last, verdict) in [(8, Verdict::Held), (10, Verdict::Held), (11, Verdict::Broken)] {
        assert_eq!(adds(&deltas, last).verdict, verdict, "{last}");
    }
    let title = &adds(&deltas, 12).anomalies[0].title;
    assert!(
        title.ends_with("10 is certain and 3 uncertain adds allow 8 to 10, 13 to 15"),
        "{title}"
    );
}

#[test]
fn very_large_amounts_are_decided_as_far_as_possible() {
    let huge = [(i64::MAX, Kind::Info), (i64::MAX, Kind::Ok), (6, Kind::Info)];
    assert_eq!(adds(&huge, i64::MAX).verdict, Verdict::Unknown, "it may be, and is not worked out");
    assert_eq!(adds(&huge, -1).verdict, Verdict::Broken);
    let even = [(4_000_000_000, Kind::Info), (6, Kind::Info)];
    assert_eq!(adds(&even, 3).verdict, Verdict::Broken, "all sums are even");
    assert_eq!(adds(&even, 8).verdict, Verdict::Unknown);
    assert!(adds(&even, 8).reason.expect("a reason").text.contains("too many sums"));
}

fn balances(reads: &[&str], options: &bank::Options) -> Outcome {
    let events = reads.iter().flat_map(|read| {
        let value = Value::from_edn(read).expect("EDN");
        let client = Process::Client(1);
        [
            Event::new(Kind::Invoke, client.clone(), "read", Value::Nil),
            Event::new(Kind::Ok, client, "read", value),
        ]
    });
    bank::check(&History::new(events), options)
}

#[test]
fn the_total_of_a_bank_stays() {
    let usual = bank::Options::default();
    for (reads, class) in [
        (&["{0 5, 1 5}", "{0 3, 1 7}"][..], None),
        (&["{0 5, 1 5}", "{0 3, 1 8}"], Some("wrong-total")),
        (&["{0 5, 1 5}", "{0 -1, 1 11}"], Some("negative-value")),
        (&["{0 5, 1 5}", "{0 5, 1 nil}"], Some("nil-balance")),
        (&["{0 5, 1 5}", "{0 5, 2 5}"], Some("unexpected-key")),
    ] {
        let outcome = balances(reads, &usual);
        let found = outcome.anomalies.first().map(|anomaly| anomaly.class.name);
        assert_eq!(found, class, "{reads:?}");
        let verdict = if class.is_some() { Verdict::Broken } else { Verdict::Held };
        assert_eq!(outcome.verdict, verdict);
    }
    let total = bank::Options { total: Some(9), ..bank::Options::default() };
    assert_eq!(balances(&["{0 5, 1 5}"], &total).verdict, Verdict::Broken);
    let debts = bank::Options { may_be_negative: true, ..bank::Options::default() };
    assert_eq!(balances(&["{0 5, 1 5}", "{0 -1, 1 11}"], &debts).verdict, Verdict::Held);
    assert_eq!(balances(&[], &usual).verdict, Verdict::NotExercised);
    assert_eq!(balances(&["[1 2]"], &usual).verdict, Verdict::Unknown, "no map, and nothing else");
}
