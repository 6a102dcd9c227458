//! Which form a text has, what each reader makes of it, and where it says that something is wrong.

use squall_history::formats::{self, FORMATS};
use squall_history::{Event, History, Kind, ProblemCode, Process, Value, jsonl, text};

/// A text of each form.
pub(crate) const TEXTS: &[(&str, &str)] = &[
    (
        "jsonl",
        "{\"v\":1,\"type\":\"history\"}\n{\"type\":\"invoke\",\"process\":0,\"f\":\"read\"}\n",
    ),
    ("jsonl", "\n  {\"index\":0,\"type\":\"ok\",\"process\":0,\"f\":\"read\"}"),
    ("json", "[ {\"index\":0,\"type\":\"invoke\",\"value\":[[\"append\",1,2]]} ]"),
    ("dbcop", "[[{\"events\":[{\"Write\":{\"variable\":0,\"version\":1}}],\"committed\":true}]]"),
    ("dbcop", "{\"params\":{\"id\":0},\n \"data\":[[]]}"),
    ("porcupine-kv", "{:process 0, :type :invoke, :f :get, :key \"1\", :value nil}"),
    ("edn", "{:process 0, :type :invoke, :f :read, :value nil}"),
    ("edn", "; of yesterday\n({:process 0, :type :invoke, :f :read, :value nil})"),
    ("edn", "#jepsen.history.Op{:process 0, :type :invoke, :f :read}"),
    ("etcd-log", "WARN  some words\nINFO  jepsen.util - 0\t:invoke\t:read\tnil\n"),
    ("plume", "w(1,7,0,0)\nr(1,7,1,1)\n"),
    ("awdit", "===\nw 1 7\n---\nr 1 7\n"),
    ("awdit", "r 1 0\n"),
    ("history-txt", "0\t:invoke\t:read\tnil\n"),
];

#[test]
fn every_form_is_recognised_and_no_other_is() {
    for (name, text) in TEXTS {
        let format = formats::detect(text.as_bytes());
        assert_eq!(format.map(|format| format.name), Some(*name), "{text}");
        let read = (formats::find(name).expect("a form").read)(text.as_bytes());
        assert!(read.is_ok(), "{name}: {read:?}");
    }
    for format in FORMATS {
        assert!(TEXTS.iter().any(|(name, _)| *name == format.name), "{} has no text", format.name);
    }
    for nothing in ["", " \n\n", "hello", "7", "\0\0\0", "r(x", "0\t1\t2", "<html>"] {
        assert!(formats::detect(nothing.as_bytes()).is_none(), "{nothing:?}");
    }
}

fn values(name: &str, text: &str) -> Vec<(Kind, i64, String)> {
    let format = formats::find(name).expect("a form");
    let history = (format.read)(text.as_bytes()).expect("a history").history;
    let row = |event: Event| {
        let Process::Client(process) = event.process else { panic!("{:?}", event.process) };
        (event.kind, process, event.value.to_edn())
    };
    history.events.into_iter().map(row).collect()
}

#[test]
fn sessions_become_processes_and_their_transactions_operations() {
    let expected = [
        (Kind::Invoke, 0, "[[\"w\" 1 7] [\"w\" 2 7]]"),
        (Kind::Ok, 0, "[[\"w\" 1 7] [\"w\" 2 7]]"),
        (Kind::Invoke, 1, "[[\"r\" 1 nil] [\"r\" 3 nil]]"),
        (Kind::Ok, 1, "[[\"r\" 1 7] [\"r\" 3 nil]]"),
    ];
    let expected = expected.map(|(kind, process, value)| (kind, process, value.to_owned()));
    // In Plume's text the lines of two transactions may take turns.
    assert_eq!(values("plume", "w(1,7,0,0)\nr(1,7,1,1)\nw(2,7,0,0)\n\nr(3,0,1,1)\n"), expected);
    assert_eq!(values("awdit", "w 1 7\nw 2 7\n====\nr 1 7\nr 3 0"), expected);
    let dbcop = r#"[[{"events":[{"Write":{"variable":1,"version":7}},
        {"Write":{"variable":2,"version":7}}],"committed":true}],
        [{"events":[{"Read":{"variable":1,"version":7}},{"Read":{"variable":3,"version":null}}],
        "committed":true}]]"#;
    assert_eq!(values("dbcop", dbcop), expected);
    // What was aborted has failed.
    assert_eq!(values("plume", "w(1,7,0,0)\nw(2,-1,0,0)")[1].0, Kind::Fail);
    let aborted = r#"[[{"events":[{"Write":{"variable":1,"version":7}}],"committed":false}]]"#;
    assert_eq!(values("dbcop", aborted)[1].0, Kind::Fail);
}

#[test]
fn a_key_value_store_has_pairs() {
    let log = "{:process 3, :type :invoke, :f :get, :key \"a b\", :value nil}
{:process 3, :type :ok, :f :get, :key \"a b\", :value \"x 1 y\"}";
    let expected = [
        (Kind::Invoke, 3, "[\"a b\" nil]".to_owned()),
        (Kind::Ok, 3, "[\"a b\" \"x 1 y\"]".to_owned()),
    ];
    assert_eq!(values("porcupine-kv", log), expected);
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    for (name, text, code, place, hint) in [
        ("plume", "w(1,7,0,0)\nw(1,x,0,0)", ProblemCode::E01, (2, 5), "integer"),
        ("plume", "w(1,7,0)", ProblemCode::E01, (1, 8), "four integers"),
        ("plume", "w(1,7,0,0,9)", ProblemCode::E01, (1, 11), "more"),
        ("plume", "x(1,7,0,0)", ProblemCode::E01, (1, 1), "r(…)"),
        ("awdit", "w 1 7\nw 1 -7", ProblemCode::E01, (2, 5), "unsigned"),
        ("awdit", "w 1 7 8", ProblemCode::E01, (1, 7), "KEY VALUE"),
        ("dbcop", "[[{\"events\":[{\"Scan\":1}]}]]", ProblemCode::E02, (1, 1), "\"Read\""),
        ("dbcop", "[[3]]", ProblemCode::E02, (1, 1), "transaction"),
        ("dbcop", "[[{\"events\":\n[", ProblemCode::E01, (2, 2), ""),
        ("json", "[{\"type\":\"what\"}]", ProblemCode::E02, (1, 1), "element 0"),
        ("history-txt", "0\t:invoke\t:read\t[1", ProblemCode::E01, (1, 19), ""),
        ("history-txt", "0\t:what\t:read\tnil", ProblemCode::E02, (1, 3), ":invoke"),
        ("history-txt", "0\t:ok\t:read", ProblemCode::E02, (1, 11), "a value"),
    ] {
        let problem = (formats::find(name).expect("a form").read)(text.as_bytes());
        let problem = problem.expect_err(text);
        assert_eq!(
            (problem.code, problem.line, problem.column),
            (code, place.0, place.1),
            "{text:?}"
        );
        assert!(problem.hint.contains(hint), "{text:?}: {}", problem.hint);
    }
}

#[test]
fn what_is_written_for_people_can_be_read() {
    let mut fail = Event::new(Kind::Fail, Process::Client(3), "cas", Value::from(vec![1, 2]));
    fail.error = Some(Value::list([Value::keyword("abort"), "no".into()]));
    let start = Event::new(Kind::Info, Process::NEMESIS, "start", Value::keyword("majority"));
    let history = History::new([fail, start]);
    assert_eq!(text::read(text::write(&history).as_bytes()).expect("a history").history, history);
    assert_eq!(
        jsonl::read(jsonl::write(&history).as_bytes()).expect("one").history.events.len(),
        2
    );
}
