//! Echo, unique ids, answers and statistics.

use std::collections::BTreeMap;

use proptest::prelude::*;
use squall_check::statistics::{self, Target};
use squall_check::{ANOMALIES, FaultSpan, Verdict, answers, echo, unique_ids};
use squall_history::{Event, History, Kind, Process, Value};

use crate::generate::cases;

/// One operation of a client of its own: when it was invoked, how it ended and when, and its error.
type Row = (&'static str, Value, u64, Kind, Value, u64, Option<&'static str>);

fn history(rows: &[Row]) -> History {
    let mut events = Vec::new();
    for (client, row) in (0..).zip(rows) {
        let (f, sent, begin, kind, got, end, error) = row;
        let mut invocation = Event::new(Kind::Invoke, Process::Client(client), *f, sent.clone());
        invocation.time = *begin;
        events.push(invocation);
        // `Invoke` as an end: none.
        if *kind != Kind::Invoke {
            let mut completion = Event::new(*kind, Process::Client(client), *f, got.clone());
            completion.time = *end;
            completion.error = error.map(Value::keyword);
            events.push(completion);
        }
    }
    events.sort_by_key(|event| event.time);
    History::new(events)
}

fn reply(echo: &str) -> Value {
    Value::map([("type".into(), "echo_ok".into()), ("echo".into(), echo.into())])
}

const FAULT: FaultSpan = FaultSpan { begin_ns: 100, end_ns: 200 };

#[test]
fn echo_is_judged() {
    let ok: Row = ("echo", "a".into(), 0, Kind::Ok, reply("a"), 1, None);
    let wrong: Row = ("echo", "a".into(), 0, Kind::Ok, reply("b"), 1, None);
    let bare: Row = ("echo", "a".into(), 0, Kind::Ok, Value::Nil, 1, None);
    let timeout: Row = ("echo", "a".into(), 10, Kind::Info, "a".into(), 90, Some("net-timeout"));
    let cut: Row = ("echo", "a".into(), 10, Kind::Info, "a".into(), 100, Some("net-timeout"));
    let open: Row = ("echo", "a".into(), 10, Kind::Invoke, Value::Nil, 0, None);
    let late: Row = ("echo", "a".into(), 201, Kind::Fail, "a".into(), 202, Some("abort"));
    for (rows, verdict, class) in [
        (vec![ok.clone()], Verdict::Held, None),
        (vec![ok.clone(), wrong], Verdict::Broken, Some("request-mismatch")),
        (vec![bare], Verdict::Broken, Some("request-mismatch")),
        (vec![ok.clone(), timeout], Verdict::Broken, Some("not-answered")),
        (vec![ok.clone(), cut.clone()], Verdict::Held, None),
        (vec![ok.clone(), open], Verdict::Held, None),
        (vec![ok, late], Verdict::Broken, Some("not-answered")),
        (vec![cut], Verdict::NotExercised, None),
        (vec![], Verdict::NotExercised, None),
    ] {
        let outcome = echo::check(&history(&rows), &echo::Options { faults: vec![FAULT] });
        assert_eq!(outcome.verdict, verdict, "{rows:?}");
        assert_eq!(outcome.anomalies.first().map(|anomaly| anomaly.class.name), class);
        assert_eq!(outcome.reason.is_some(), verdict == Verdict::NotExercised);
    }
    let wrong: Row = ("echo", "a".into(), 0, Kind::Ok, reply("b"), 1, None);
    let outcome = echo::check(&history(&[wrong]), &echo::Options::default());
    let errors = "[[\"Expected a message with :echo\" \"a\" \"But received\" \
                  {\"type\" \"echo_ok\", \"echo\" \"b\"}]]";
    assert_eq!(outcome.result.get("errors").expect("errors").to_edn(), errors);
}

#[test]
fn what_was_answered_wrongly_was_answered_whatever_was_in_force() {
    for (kind, error, part) in [
        (Kind::Info, "malformed-reply", "an error in answer to"),
        (Kind::Fail, "temporarily-unavailable", "temporarily-unavailable"),
        (Kind::Info, "crash", "crash"),
        (Kind::Info, "timeout", "timeout"),
    ] {
        let right: Row = ("echo", "a".into(), 0, Kind::Ok, reply("a"), 1, None);
        let wrong: Row = ("echo", "a".into(), 110, kind, "a".into(), 120, Some(error));
        let options = echo::Options { faults: vec![FAULT] };
        let outcome = echo::check(&history(&[right, wrong]), &options);
        assert_eq!(outcome.verdict, Verdict::Broken, "{error}");
        let title = &outcome.anomalies[0].title;
        assert!(title.contains(part), "{title}");
    }
}

#[test]
fn numbers_in_an_echo_keep_their_kind() {
    let big = Value::from_json("[1180591620717411303424, 1.0]").expect("JSON");
    let same = Value::from_json(r#"{"echo": [1180591620717411303424, 1.00]}"#).expect("JSON");
    let other = Value::from_json(r#"{"echo": [1180591620717411303424, 1]}"#).expect("JSON");
    for (got, verdict) in [(same, Verdict::Held), (other, Verdict::Broken)] {
        let history = history(&[("echo", big.clone(), 0, Kind::Ok, got, 1, None)]);
        assert_eq!(echo::check(&history, &echo::Options::default()).verdict, verdict);
    }
}

/// Ids that are easily equal, and some that only look so.
fn id() -> impl Strategy<Value = Value> {
    prop_oneof![
        (0..6_i64).prop_map(Value::Int),
        (0..3_i64).prop_map(|n| Value::number(&format!("{n}.0")).expect("a number")),
        (0..3_i64).prop_map(|n| Value::from(n.to_string())),
        (0..3_i64).prop_map(|n| Value::from(vec![n])),
        Just(Value::Nil),
    ]
}

proptest! {
    #![proptest_config(cases(2000))]

    #[test]
    fn unique_ids_agree_with_the_definition(
        given in prop::collection::vec((id(), 0..5_u8), 0..9)
    ) {
        let rows: Vec<Row> = given
            .iter()
            .zip(1..)
            .map(|((id, outcome), time)| {
                let kind = match outcome { 0 => Kind::Fail, 1 => Kind::Info, _ => Kind::Ok };
                ("generate", Value::Nil, time, kind, id.clone(), time + 3, None)
            })
            .collect();
        let outcome = unique_ids::check(&history(&rows), &unique_ids::Options::default());
        let ok: Vec<&Value> =
            given.iter().filter(|(_, outcome)| *outcome > 1).map(|(id, _)| id).collect();
        let mut duplicated = BTreeMap::new();
        for id in &ok {
            let count = ok.iter().filter(|other| other == &id).count();
            if count > 1 {
                duplicated.insert((*id).clone(), Value::uint(count as u64));
            }
        }
        let verdict = match (ok.is_empty(), duplicated.is_empty()) {
            (true, _) => Verdict::NotExercised,
            (_, true) => Verdict::Held,
            (_, false) => Verdict::Broken,
        };
        prop_assert_eq!(outcome.verdict, verdict);
        prop_assert_eq!(outcome.result.get("duplicated"), Some(&Value::map(duplicated)));
        let ends = [ok.iter().min(), ok.iter().max()];
        let ends = ends.map(|end| end.map_or(Value::Nil, |id| (*id).clone()));
        prop_assert_eq!(outcome.result.get("range"), Some(&Value::list(ends)));
    }
}

#[test]
fn at_most_48_duplicates_are_listed() {
    let rows: Vec<Row> = (0..120_i64)
        .map(|n| ("generate", Value::Nil, n.unsigned_abs(), Kind::Ok, Value::Int(n / 2), 900, None))
        .chain([("generate", Value::Nil, 1, Kind::Ok, Value::Int(55), 900, None)])
        .collect();
    let outcome = unique_ids::check(&history(&rows), &unique_ids::Options::default());
    let Some(Value::Map(listed)) = outcome.result.get("duplicated") else { panic!("a map") };
    assert_eq!(listed.len(), 48);
    assert_eq!(listed[0], (Value::Int(55), Value::Int(3)));
    assert_eq!(outcome.result.get("duplicated-count"), Some(&Value::Int(60)));
    assert_eq!((outcome.anomalies.len(), outcome.anomalies[0].count), (8, 60));
    assert_eq!(outcome.anomalies[0].class.name, "duplicate-id");
}

#[test]
fn answers_are_judged() {
    let call = |begin, kind, error| -> Row {
        ("cas", Value::Nil, begin, kind, Value::Nil, begin + 5, error)
    };
    let read: Row = ("read", Value::Nil, 0, Kind::Ok, Value::Nil, 1, None);
    for (rows, verdict) in [
        (vec![call(0, Kind::Ok, None)], Verdict::Held),
        (vec![call(150, Kind::Ok, None)], Verdict::Held),
        // A refused compare-and-set is a result; a refused read is none.
        (vec![call(0, Kind::Fail, Some("precondition-failed"))], Verdict::Held),
        (vec![call(0, Kind::Info, Some("net-timeout"))], Verdict::Broken),
        (vec![call(0, Kind::Fail, Some("net-timeout"))], Verdict::Broken),
        (vec![call(0, Kind::Invoke, None)], Verdict::Broken),
        (vec![call(150, Kind::Info, Some("net-timeout"))], Verdict::NotExercised),
        (vec![call(0, Kind::Info, Some("crash"))], Verdict::NotExercised),
        (vec![call(0, Kind::Fail, Some("crash"))], Verdict::NotExercised),
        (vec![], Verdict::NotExercised),
    ] {
        let mut rows = rows;
        rows.push(read.clone());
        let options = answers::Options {
            functions: vec!["read".into(), "cas".into()],
            refusals_count: vec!["cas".into()],
            faults: vec![FAULT],
        };
        let outcome = answers::check(&history(&rows), &options);
        assert_eq!(outcome.verdict, verdict, "{rows:?}");
        let class = outcome.anomalies.first().map(|anomaly| anomaly.class.name);
        assert_eq!(class, (verdict == Verdict::Broken).then_some("no-answer"));
    }
    let refused: Row = ("read", Value::Nil, 0, Kind::Fail, Value::Nil, 1, Some("abort"));
    let outcome = answers::check(&history(&[refused]), &answers::Options::default());
    assert_eq!(outcome.verdict, Verdict::NotExercised);
}

#[test]
fn statistics_are_counted() {
    let mut crash = Event::new(Kind::Info, Process::Client(9), "write", Value::Nil);
    crash.exception = Some(Value::record([("class", "malformed-reply".into())]));
    let mut history = history(&[
        ("read", Value::Nil, 0, Kind::Ok, Value::Nil, 1, None),
        ("read", Value::Nil, 2, Kind::Fail, Value::Nil, 3, None),
        ("cas", Value::Nil, 4, Kind::Fail, Value::Nil, 5, None),
        ("cas", Value::Nil, 6, Kind::Invoke, Value::Nil, 0, None),
    ]);
    let stats = statistics::check(&history, &[]);
    let expected = "{:valid? :unknown, :count 3, :ok-count 1, :fail-count 2, :info-count 0, :by-f \
        {:cas {:valid? :unknown, :count 1, :ok-count 0, :fail-count 1, :info-count 0}, \
        :read {:valid? true, :count 2, :ok-count 1, :fail-count 1, :info-count 0}}}";
    assert_eq!(stats.result.to_edn(), expected);
    assert_eq!(statistics::check(&history, &["cas".into()]).verdict, Verdict::Held);

    for (target, verdict) in [
        (Target::None, Verdict::Held),
        (Target::Total, Verdict::Broken),
        (Target::Millionths(250_000), Verdict::Held),
        (Target::Millionths(250_001), Verdict::Broken),
    ] {
        let outcome = statistics::availability(&history, target);
        assert_eq!(outcome.verdict, verdict);
        assert_eq!(outcome.anomalies.len(), usize::from(verdict == Verdict::Broken));
        assert_eq!(outcome.result.get("ok-fraction").expect("a number").to_edn(), "0.25");
    }
    let empty = statistics::availability(&History::default(), Target::Total);
    assert_eq!(empty.result.to_edn(), "{:valid? true, :ok-fraction 1.0}");

    assert_eq!(statistics::exceptions(&history).result.to_edn(), "{:valid? true}");
    history.push(crash);
    let outcome = statistics::exceptions(&history);
    let group = &outcome.result.get("exceptions").and_then(Value::as_list).expect("a list")[0];
    assert_eq!(group.get("class"), Some(&Value::from("malformed-reply")));
}

#[test]
fn the_registry_is_in_order() {
    for class in ANOMALIES {
        assert!(
            (1..=5).contains(&class.severity) && class.meaning.ends_with('.'),
            "{}",
            class.name
        );
        assert_eq!(ANOMALIES.iter().filter(|other| other.name == class.name).count(), 1);
    }
    assert_eq!(Verdict::Held.merge(Verdict::NotExercised), Verdict::NotExercised);
    assert_eq!(Verdict::Unknown.merge(Verdict::NotExercised), Verdict::Unknown);
    assert_eq!(Verdict::Unknown.merge(Verdict::Broken), Verdict::Broken);
}
