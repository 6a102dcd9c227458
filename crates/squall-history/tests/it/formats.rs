//! Each format: a text that people write, and the round trip of what squall writes.

use proptest::prelude::*;
use squall_history::formats::{FORMATS, edn, etcd_log};
use squall_history::{Event, History, Kind, Process, Value, jsonl, name, text};

use crate::values::json_value;

fn event() -> impl Strategy<Value = Event> {
    let kind = prop::sample::select(vec![Kind::Invoke, Kind::Ok, Kind::Fail, Kind::Info]);
    let process = prop_oneof![
        any::<i64>().prop_map(Process::Client),
        Just(Process::NEMESIS),
        Just(Process::Missing),
        "[a-m]{1,3}".prop_map(|text| Process::of_name(&text)),
    ];
    let some = prop::option::of;
    let fields = (kind, process, "[a-z-]{1,5}", json_value(), some("[a-z]{1,3}"), any::<bool>());
    (fields, 0..=i64::MAX.unsigned_abs(), some("n[0-9]{1,2}")).prop_map(|(fields, time, node)| {
        let (kind, process, f, value, error, is_final) = fields;
        let mut event = Event::new(kind, process, name(&f), value);
        event.time = time;
        event.error = error.map(Value::from);
        event.is_final = is_final;
        event.node = node.as_deref().map(name);
        event
    })
}

/// What EDN does not keep of an event: the node, and the difference between names and strings.
fn as_edn_keeps(mut event: Event) -> Event {
    event.node = None;
    event.error = event.error.as_ref().map(squall_history::named_error);
    event
}

proptest! {
    #[test]
    fn jsonl_round_trip(events in prop::collection::vec(event(), 0..8)) {
        let mut history = History::new(events);
        history.header.workload = Some("lin-kv".into());
        history.header.concurrency = Some(10);
        history.header.nodes = vec!["n0".into(), "n11".into()];
        let file = jsonl::write(&history);
        let read = jsonl::read(file.as_bytes()).expect("our own form");
        prop_assert_eq!(&read.history, &history);
        prop_assert_eq!(jsonl::write(&read.history), file);
    }

    #[test]
    fn edn_round_trip(events in prop::collection::vec(event(), 0..8)) {
        let file = edn::write(&History::new(events.clone()));
        let read = edn::read(file.as_bytes()).expect("our own form");
        prop_assert_eq!(read.history, History::new(events.into_iter().map(as_edn_keeps)));
    }

    #[test]
    fn readers_are_total(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        for format in FORMATS {
            let _any = ((format.looks_like)(&bytes), (format.read)(&bytes));
        }
    }

    #[test]
    fn readers_are_total_on_damaged_files(
        events in prop::collection::vec(event(), 1..4),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let history = History::new(events);
        for file in [jsonl::write(&history), edn::write(&history)] {
            let mut bytes = file.into_bytes();
            let place = at.index(bytes.len());
            bytes[place] = byte;
            let _both = (jsonl::read(&bytes), edn::read(&bytes));
            bytes.truncate(place);
            let _both = (jsonl::read(&bytes), edn::read(&bytes));
        }
    }
}

#[test]
fn etcd_logs() {
    let log = b"INFO  jepsen.util - 0\t:invoke\t:read\tnil
WARN  something else
INFO  jepsen.util - 1\t:invoke\t:cas\t[1 4]
INFO  jepsen.util - 0\t:ok\t:read\tnil
INFO  jepsen.util - :nemesis\t:info\t:start\tnil
INFO  jepsen.util - 1\t:info\t:cas\t:timed-out
";
    let read = etcd_log::read(log).expect("a log");
    assert_eq!(read.lines_skipped, 2);
    let last = read.history.events.last().expect("events");
    assert_eq!(last.value, Value::from(vec![1, 4]));
    assert_eq!(last.error, Some(Value::keyword("timed-out")));
    assert!(etcd_log::read(b"INFO  jepsen.util - 0 :what :read nil").is_err());
}

#[test]
fn edn_forms_of_a_history() {
    let forms = [
        "{:type :invoke, :process 0, :f :read}\n{:type :ok, :process 0, :f :read, :value 3}",
        "[{:type :invoke :process 0 :f :read} ; comment
          {:type :ok :process 0 :f :read :value 3}]",
        "({:type :invoke :process 0 :f :read} #_ x {:type :ok :process 0 :f :read :value 3} #_ y)",
        "#jepsen.history.Op{:index 0, :type :invoke, :process 0, :f :read}
         #jepsen.history.Op{:index 1, :type :ok, :process 0, :f :read, :value 3}",
    ];
    let read = |text: &str| edn::read(text.as_bytes()).expect("a history").history;
    for form in forms {
        assert_eq!(read(form), read(forms[0]), "{form}");
    }
    for bad in ["[{:type :ok}", "[{:type :ok}] x", "{:type :what}", "7", "[{:type :ok}}"] {
        assert!(edn::read(bad.as_bytes()).is_err(), "{bad}");
    }
    let side = read("{:type :info, :process :nemesis-2, :f :kill, :clock-offsets {:a 1}}");
    assert!(!side.events[0].process.is_client());
    assert_eq!(side.events[0].other[0].0, "clock-offsets");
}

#[test]
fn texts_for_people() {
    let mut fail = Event::new(Kind::Fail, Process::Client(3), "cas", Value::from(vec![1, 2]));
    fail.error = Some(Value::list(["abort".into(), "no".into()]));
    let mut last = Event::new(Kind::Invoke, Process::Client(0), "read", Value::Nil);
    last.is_final = true;
    let start =
        Event::new(Kind::Info, Process::NEMESIS, "start-partition", Value::keyword("majority"));
    let history = History::new([fail, last, start]);
    let expected = "3\t:fail\t:cas\t[1 2]\t[:abort \"no\"]
0\t:invoke\t:read\tnil
:nemesis\t:info\t:start-partition\t:majority
";
    assert_eq!(text::write(&history), expected);
    let expected = "{:index 0, :time 0, :type :fail, :process 3, :f :cas, :value [1 2], \
                    :error [:abort \"no\"]}
{:index 1, :time 0, :type :invoke, :process 0, :f :read, :value nil, :final? true}
{:index 2, :time 0, :type :info, :process :nemesis, :f :start-partition, :value :majority}
";
    assert_eq!(edn::write(&history), expected);
    assert_eq!(history.events[0].text(), "cas [1 2]");
    let long = Event::new(Kind::Ok, Process::Client(0), "echo", "x".repeat(500).into());
    assert_eq!(long.text().chars().count(), 119);
}
