//! Pairing of events.

use squall_history::{Called, Event, History, Kind, ProblemCode, Process, Value, jsonl};

fn event(kind: Kind, process: i64, value: i64) -> Event {
    Event::new(kind, Process::Client(process), "write", Value::Int(value))
}

fn codes(history: &History) -> Vec<ProblemCode> {
    history.operations().problems.iter().map(|problem| problem.code).collect()
}

#[test]
fn intervals() {
    let mut nemesis = event(Kind::Info, 0, 0);
    nemesis.process = Process::NEMESIS;
    let history = History::new([
        event(Kind::Invoke, 0, 1),
        event(Kind::Invoke, 1, 2),
        nemesis,
        event(Kind::Info, 1, 2),
        event(Kind::Ok, 0, 1),
        event(Kind::Invoke, 0, 3),
        event(Kind::Fail, 0, 3),
        event(Kind::Invoke, 2, 4),
    ]);
    let paired = history.operations();
    assert!(paired.problems.is_empty());
    let seen: Vec<_> = paired.list.iter().map(|op| (op.start, op.end, op.outcome())).collect();
    let expected = [
        (0, Some(4), Kind::Ok),
        (1, None, Kind::Info),
        (5, Some(6), Kind::Fail),
        (7, None, Kind::Info),
    ];
    assert_eq!(seen, expected);
}

#[test]
fn malformed_orders() {
    let completion = History::new([event(Kind::Ok, 0, 1)]);
    assert_eq!(codes(&completion), [ProblemCode::E03]);
    let twice = History::new([event(Kind::Invoke, 0, 1), event(Kind::Invoke, 0, 2)]);
    assert_eq!(codes(&twice), [ProblemCode::E04]);
    assert_eq!(twice.operations().list.len(), 2);
    let retired = History::new([
        event(Kind::Invoke, 0, 1),
        event(Kind::Info, 0, 1),
        event(Kind::Invoke, 0, 2),
    ]);
    assert_eq!(codes(&retired), [ProblemCode::E07]);
    let mut order = History::new([event(Kind::Invoke, 0, 1), event(Kind::Ok, 0, 1)]);
    order.events[0].index = 9;
    assert_eq!(codes(&order), [ProblemCode::E06]);
    assert!(!ProblemCode::E06.caps_verdict());
}

#[test]
fn problems_name_the_place() {
    for (text, code, line, column) in [
        ("{\"type\":\"invoke\"}\n{\"type\":}\n", ProblemCode::E01, 2, 9),
        ("{\"type\":\"maybe\"}\n", ProblemCode::E02, 1, 1),
        ("{\"f\":\"read\"}\n", ProblemCode::E02, 1, 1),
        ("{\"type\":\"ok\",\"process\":1.5}\n", ProblemCode::E02, 1, 1),
        ("\0\0\n", ProblemCode::E01, 1, 1),
        ("[1]\n", ProblemCode::E01, 1, 1),
        ("{\"type\":\"ok\",\"f\":\"\u{fffd}\"}{}\n", ProblemCode::E01, 1, 24),
        ("{\"type", ProblemCode::E01, 1, 7),
        ("{\"type\":7,\"process\":0}\n", ProblemCode::E02, 1, 1),
        ("{\"type\":\"ok\",\"time\":0.5,\"value\":[}\n", ProblemCode::E01, 1, 34),
    ] {
        let problem = jsonl::read(text.as_bytes()).expect_err("a problem");
        assert_eq!((problem.code, problem.line, problem.column), (code, line, column), "{text}");
    }
    let bytes = b"{\"type\":\"ok\",\"f\":\"\xff\"}\n";
    let problem = jsonl::read(bytes).expect_err("not UTF-8");
    assert_eq!((problem.column, problem.hint.as_str()), (19, "not UTF-8"));
}

#[test]
fn a_growing_file() {
    let read =
        jsonl::read(b"{\"type\":\"invoke\",\"process\":0}\n{\"type\":\"o").expect("a history");
    assert_eq!(read.history.events.len(), 1);
    assert_eq!(read.problems[0].code, ProblemCode::E09);
    assert!(jsonl::read(b"").expect("an empty history").history.events.is_empty());
}

#[test]
fn calls_become_events_in_order_of_time() {
    let call = |process, from_ns, to_ns, answered: Option<i64>| Called {
        process,
        f: "read",
        asked: Value::Nil,
        answered: answered.map(Value::Int),
        from_ns,
        to_ns,
    };
    // In any order; two at one moment are concurrent; who goes on after a time-out is another.
    let calls = vec![call(1, 10, 20, Some(2)), call(0, 0, 10, None), call(0, 10, 15, Some(1))];
    let history = History::of_calls(calls);
    let operations = history.operations();
    assert!(operations.problems.is_empty(), "{:?}", operations.problems);
    let spans: Vec<_> = operations.list.iter().map(|op| (op.start, op.end, op.outcome())).collect();
    assert_eq!(spans[0], (0, None, Kind::Info));
    assert_eq!(spans.len(), 3);
    let [_, (first, Some(first_end), _), (second, Some(_), _)] = spans[..] else {
        panic!("{spans:?}")
    };
    assert!(second < first_end && first < second, "{spans:?}");
    // Calls that take no time at all, one after the other.
    let history = History::of_calls((0..3).map(|n| call(0, 7, 7, Some(n))));
    let values: Vec<_> = history.events.iter().map(|event| event.value.as_int()).collect();
    assert_eq!(values, [None, Some(0), None, Some(1), None, Some(2)]);
}
