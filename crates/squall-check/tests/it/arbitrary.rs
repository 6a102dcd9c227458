//! Every checker on events that make no sense: an answer, the same one twice, and no panic.

use proptest::prelude::*;
use squall_check::linear::{FailedCas, NilRead};
use squall_check::{
    FaultSpan, Outcome, Verdict, answers, echo, isolation, linear, set_full, statistics, unique_ids,
};
use squall_history::{Event, History, Kind, Process, Value, name};

use crate::generate::cases;

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Nil),
        (0..4_i64).prop_map(Value::Int),
        Just(Value::from("x")),
        Just(Value::keyword("y")),
        (any::<bool>(), 0..3_i64).prop_map(|(appends, value)| {
            let f = if appends { "append" } else { "r" };
            let list = if appends { value.into() } else { Value::list([value.into()]) };
            Value::list([Value::list([f.into(), "x".into(), list])])
        }),
        prop::collection::vec((any::<bool>(), 0..3_i64), 1..4).prop_map(|mops| {
            let mop = |(writes, value): (bool, i64)| {
                Value::list([if writes { "w" } else { "r" }.into(), "x".into(), value.into()])
            };
            mops.into_iter().map(mop).collect()
        }),
        Just(Value::map([("echo".into(), Value::Int(1))])),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| prop::collection::vec(inner, 0..4).prop_map(Value::from))
}

fn event() -> impl Strategy<Value = Event> {
    let kind =
        prop::sample::select(vec![Kind::Invoke, Kind::Invoke, Kind::Ok, Kind::Fail, Kind::Info]);
    let process = prop_oneof![
        (0..4_i64).prop_map(Process::Client),
        Just(Process::NEMESIS),
        Just(Process::Missing),
    ];
    let functions = vec![
        "read",
        "write",
        "cas",
        "broadcast",
        "echo",
        "generate",
        "strange",
        "get",
        "put",
        "add",
        "append",
        "enqueue",
        "dequeue",
        "acquire",
        "release",
        "try-acquire",
        "next",
        "ts",
        "txn",
    ];
    let f = prop::sample::select(functions);
    (kind, process, f, value(), 0..5_u64, any::<bool>(), prop::option::of(value())).prop_map(
        |(kind, process, f, value, time, is_final, error)| {
            let mut event = Event::new(kind, process, name(f), value);
            event.time = time;
            event.is_final = is_final;
            event.exception = error.clone();
            event.error = error;
            event
        },
    )
}

fn all(history: &History) -> Vec<Outcome> {
    let faults = vec![FaultSpan { begin_ns: 1, end_ns: 2 }];
    let mut outcomes = vec![
        echo::check(history, &echo::Options { faults: faults.clone() }),
        unique_ids::check(history, &unique_ids::Options { is_monotonic: true, is_dense: true }),
        set_full::check(history, &set_full::Options::broadcast()),
        answers::check(history, &answers::Options { faults, ..answers::Options::default() }),
        statistics::check(history, &[]),
        statistics::availability(history, statistics::Target::Total),
        statistics::exceptions(history),
        isolation::list_append(history, &isolation::Options::strict_serializable()),
        isolation::rw_register(
            history,
            &isolation::Options::strict_serializable(),
            &isolation::Registers {
                sequential_keys: true,
                linearizable_keys: true,
                version_order: vec![("x".into(), vec![2.into(), Value::Nil, 1.into()])],
                initial: vec![("x".into(), Value::list([0.into()]))],
                ..isolation::Registers::usual()
            },
        ),
    ];
    for is_keyed in [false, true] {
        for failed_cas in [FailedCas::Drop, FailedCas::Observe] {
            let nil_read = if is_keyed { NilRead::Any } else { NilRead::Initial };
            let options =
                linear::Options { is_keyed, nil_read, failed_cas, ..linear::Options::register() };
            outcomes.push(linear::check(history, &options));
        }
        let options = linear::Options { is_keyed, ..linear::Options::register() };
        outcomes.extend(linear::SPECS.iter().map(|spec| spec.check(history, &options)));
    }
    outcomes
}

proptest! {
    #![proptest_config(cases(1000))]

    #[test]
    fn there_is_always_an_answer(events in prop::collection::vec(event(), 0..24)) {
        let history = History::new(events);
        let outcomes = all(&history);
        for outcome in &outcomes {
            prop_assert_eq!(outcome.result.get("valid?"), Some(&outcome.verdict.valid()));
            let is_open = matches!(outcome.verdict, Verdict::Unknown | Verdict::NotExercised);
            prop_assert_eq!(is_open, outcome.reason.is_some(), "{:?}", outcome);
            let text = outcome.to_value("any").to_json();
            prop_assert!(Value::from_json(&text).is_ok(), "{}", text);
            let pretty = outcome.result.to_edn_pretty();
            prop_assert!(Value::from_edn(&pretty).is_ok(), "{}", pretty);
        }
        prop_assert_eq!(outcomes, all(&history));
    }
}
