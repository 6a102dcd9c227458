//! What each broken log must be called, told by hand; what is told and not broken; and results.

use squall_check::checkers::guess;
use squall_check::kafka::{Options, check};
use squall_check::{Outcome, Verdict};
use squall_history::{Event, History, Kind, Process, Value};

/// A process, how its operation ended, what it was, and its value: asked and answered.
type Row<'t> = (i64, Kind, &'static str, &'t str, &'t str);

fn value(text: &str) -> Value {
    Value::from_edn(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// One after the other.
fn serial(rows: &[Row<'_>]) -> History {
    let mut history = History::default();
    for &(process, kind, f, asked, answered) in rows {
        history.push(Event::new(Kind::Invoke, Process::Client(process), f, value(asked)));
        history.push(Event::new(kind, Process::Client(process), f, value(answered)));
    }
    for (time, event) in (0..).step_by(1_000_000_000).zip(&mut history.events) {
        event.time = time;
    }
    history
}

fn judge(rows: &[Row<'_>]) -> Outcome {
    check(&serial(rows), &Options::default())
}

fn names(outcome: &Outcome) -> Vec<&'static str> {
    let mut names: Vec<&str> = outcome.anomalies.iter().map(|found| found.class.name).collect();
    names.dedup();
    names
}

const SENT: [Row<'_>; 3] = [
    (0, Kind::Ok, "send", "[[:send :x 1]]", "[[:send :x [0 1]]]"),
    (0, Kind::Ok, "send", "[[:send :x 2]]", "[[:send :x [5 2]]]"),
    (0, Kind::Ok, "send", "[[:send :x 3]]", "[[:send :x [6 3]]]"),
];

fn with(more: &[Row<'_>]) -> Outcome {
    judge(&[&SENT[..], more].concat())
}

const fn poll(process: i64, answered: &'static str) -> Row<'static> {
    (process, Kind::Ok, "poll", "[[:poll]]", answered)
}

const ALL: &str = "[[:poll {:x [[0 1] [5 2] [6 3]]}]]";

/// What follows on three right sends, the class that it must be called, and how it is told.
type Case = (&'static [Row<'static>], &'static str, &'static str);

const CASES: &[Case] = &[
    (
        &[poll(1, "[[:poll {:x [[0 1] [6 3]]}]]")],
        "lost-write",
        "client 0 sent 2 to key :x, offset 5; client 1 polled 3 of key :x, offset 6, and \
             nobody polled the 2",
    ),
    (
        &[poll(1, ALL), poll(2, "[[:poll {:x [[7 2]]}]]")],
        "duplicate",
        "2 is in key :x at offset 5 and again at offset 7",
    ),
    (
        &[poll(1, ALL), poll(2, "[[:poll {:x [[5 3]]}]]")],
        "inconsistent-offsets",
        "offset 5 of key :x holds 2 to client 0, and 3 to client 2",
    ),
    (
        &[
            (3, Kind::Fail, "send", "[[:send :x 4]]", "[[:send :x 4]]"),
            poll(1, "[[:poll {:x [[0 1] [5 2] [6 3] [9 4]]}]]"),
        ],
        "G1a",
        "client 1 polled 4 of key :x, offset 9, which client 3 failed to send",
    ),
    (
        &[poll(1, "[[:poll {:x [[0 1] [5 2] [6 3] [9 4]]}]]")],
        "phantom",
        "client 1 polled 4 of key :x, offset 9, which nobody sent",
    ),
    (
        &[
            poll(1, ALL),
            (2, Kind::Ok, "poll", "[[:poll]]", "[[:poll {:x [[0 1]]}]]"),
            (2, Kind::Ok, "poll", "[[:poll]]", "[[:poll {:x [[6 3]]}]]"),
        ],
        "poll-skip",
        "client 2 polled 1 at offset 0 of key :x, and next 3 at offset 6, passing over 1",
    ),
    (
        &[poll(1, ALL), poll(1, "[[:poll {:x [[6 3]]}]]")],
        "nonmonotonic-poll",
        "client 1 polled 3 at offset 6 of key :x, and next 3 at offset 6, once more",
    ),
    (
        &[poll(1, ALL), poll(2, "[[:poll {:x [[0 1] [6 3]]}]]")],
        "int-poll-skip",
        "client 2 in one operation polled 1 at offset 0 of key :x, and next 3 at offset 6, \
             passing over 1",
    ),
    (
        &[poll(1, "[[:poll {:x [[5 2] [0 1]]}]]"), poll(2, ALL)],
        "int-nonmonotonic-poll",
        "client 1 in one operation polled 2 at offset 5 of key :x, and next 1 at offset 0, \
             which comes before it",
    ),
    (
        &[
            (0, Kind::Ok, "send", "[[:send :x 4]]", "[[:send :x [3 4]]]"),
            poll(1, "[[:poll {:x [[0 1] [3 4] [5 2] [6 3]]}]]"),
        ],
        "nonmonotonic-send",
        "client 0 sent 3 at offset 6 of key :x, and next 4 at offset 3, which comes before it",
    ),
    (
        &[
            (
                1,
                Kind::Ok,
                "txn",
                "[[:send :x 4] [:send :x 5]]",
                "[[:send :x [8 4]] [:send :x [7 5]]]",
            ),
            poll(2, "[[:poll {:x [[0 1] [5 2] [6 3] [7 5] [8 4]]}]]"),
        ],
        "int-nonmonotonic-send",
        "client 1 in one operation sent 4 at offset 8 of key :x, and next 5 at offset 7, \
             which comes before it",
    ),
    (
        &[(
            1,
            Kind::Ok,
            "txn",
            "[[:send :x 4] [:poll]]",
            "[[:send :x [7 4]] [:poll {:x [[0 1] [5 2] [6 3] [7 4]]}]]",
        )],
        "precommitted-read",
        "client 1 polled 4 of key :x, offset 7 in the operation that sent it",
    ),
    (
        &[
            poll(1, ALL),
            (1, Kind::Ok, "commit_offsets", "{:x 6}", "{:x 6}"),
            (2, Kind::Ok, "list_committed_offsets", "[:x]", "{:x 5}"),
        ],
        "committed-regression",
        "client 1 committed offset 6 of key :x, and later client 2 was told 5",
    ),
    (
        &[
            poll(1, "[[:poll {:x [[0 1] [5 2] [6 3] [7 4]]}]]"),
            (2, Kind::Ok, "send", "[[:send :x 4]]", "[[:send :x [7 4]]]"),
        ],
        "G1c-realtime",
        "T1 polled 4 of key :x, and had ended when T2, which sent it, began",
    ),
    (
        &[
            (1, Kind::Ok, "send", "[[:send :x 4]]", "[[:send :x [9 5]]]"),
            poll(2, "[[:poll {:x [[0 1] [5 2] [6 3] [9 4]]}]]"),
        ],
        "request-mismatch",
        "client 1 asked for send [[:send :x 4]] and was answered send [[:send :x [9 5]]]",
    ),
];

#[test]
fn each_class_is_told_with_client_key_offset_and_value() {
    for (rows, class, title) in CASES {
        let outcome = with(rows);
        assert_eq!(outcome.verdict, Verdict::Broken, "{class}");
        let anomaly = outcome.anomalies.iter().find(|anomaly| anomaly.class.name == *class);
        assert_eq!(anomaly.map(|anomaly| &anomaly.title[..]), Some(*title), "{outcome:?}");
        let types = outcome.result.get("bad-error-types").and_then(Value::as_list);
        assert!(types.expect("types").contains(&Value::keyword(*class)));
        assert!(outcome.result.get(class).expect(class).get("errs").is_some());
    }
}

#[test]
fn two_that_polled_each_others_messages() {
    let mut history = History::default();
    for (kind, rows) in [
        (Kind::Invoke, ["[[:send :x 1] [:poll]]", "[[:send :y 2] [:poll]]"]),
        (
            Kind::Ok,
            ["[[:send :x [0 1]] [:poll {:y [[0 2]]}]]", "[[:send :y [0 2]] [:poll {:x [[0 1]]}]]"],
        ),
    ] {
        for (process, row) in (0..).zip(rows) {
            history.push(Event::new(kind, Process::Client(process), "txn", value(row)));
        }
    }
    let outcome = check(&history, &Options::default());
    assert_eq!((outcome.verdict, names(&outcome)), (Verdict::Broken, vec!["G1c"]));
    let why: Vec<&str> = outcome.anomalies[0].edges.iter().map(|edge| &edge.why[..]).collect();
    let expected = ["T2 polled 1 of key :x, which T1 sent", "T1 polled 2 of key :y, which T2 sent"];
    assert_eq!(why, expected);
    // If the order of a key counts, a real log allows that.
    let options = Options { ww_deps: true, ..Options::default() };
    assert_eq!(check(&history, &options).verdict, Verdict::Held);
    // Without real time nothing orders operations of two processes.
    let rows = [poll(1, "[[:poll {:x [[0 1]]}]]"), SENT[0]];
    let options = Options { is_realtime: false, ..Options::default() };
    assert_eq!(check(&serial(&rows), &options).verdict, Verdict::Held);
    assert_eq!(check(&serial(&rows), &Options::default()).verdict, Verdict::Broken);
}

#[test]
fn what_is_told_and_not_broken() {
    // Between the two of one operation stands another's.
    let outcome = with(&[
        (1, Kind::Ok, "txn", "[[:send :x 4] [:send :x 6]]", "[[:send :x [7 4]] [:send :x [9 6]]]"),
        (2, Kind::Ok, "send", "[[:send :x 5]]", "[[:send :x [8 5]]]"),
        poll(3, "[[:poll {:x [[0 1] [5 2] [6 3] [7 4] [8 5] [9 6]]}]]"),
    ]);
    assert_eq!((outcome.verdict, names(&outcome)), (Verdict::Held, vec!["int-send-skip"]));
    assert_eq!(outcome.result.get("bad-error-types"), Some(&Value::list([])));
    // Who subscribes may lose a key and get it back.
    let again = [poll(1, ALL), poll(1, "[[:poll {:x [[0 1]]}]]")];
    let subscribe = (1, Kind::Ok, "subscribe", "[:x]", "[:x]");
    assert_eq!(with(&again).verdict, Verdict::Broken);
    assert_eq!(with(&[subscribe, again[0], again[1]]).verdict, Verdict::Held);
    // Orders of two keys that contradict each other, if orders count.
    let txn = |kind, a: &str, b: &str| {
        [(1, a), (2, b)].map(|(p, v)| Event::new(kind, Process::Client(p), "txn", value(v)))
    };
    let asked = ["[[:send :x 1] [:send :y 1]]", "[[:send :x 2] [:send :y 2]]"];
    let answered = ["[[:send :x [0 1]] [:send :y [1 1]]]", "[[:send :x [1 2]] [:send :y [0 2]]]"];
    let all = "[[:poll {:x [[0 1] [1 2]], :y [[0 2] [1 1]]}]]";
    let client = Process::Client(3);
    let polls = [
        Event::new(Kind::Invoke, client.clone(), "poll", value("[[:poll]]")),
        Event::new(Kind::Ok, client, "poll", value(all)),
    ];
    let events = txn(Kind::Invoke, asked[0], asked[1]).into_iter();
    let events = events.chain(txn(Kind::Ok, answered[0], answered[1])).chain(polls);
    let history = History::new(events);
    let options = Options { ww_deps: true, ..Options::default() };
    let outcome = check(&history, &options);
    assert_eq!((outcome.verdict, names(&outcome)), (Verdict::Held, vec!["G0"]));
    let why = &outcome.anomalies[0].edges[0].why;
    assert_eq!(why, "T2's 2 comes right after T1's 1 in key :x");
    assert!(names(&check(&history, &Options::default())).is_empty());
}

#[test]
fn who_goes_back_to_the_beginning_or_changes_keys_begins_again() {
    let again = "[[:poll {:x [[0 1] [5 2]]}]]";
    for (assign, answered, seeks, is_right) in [
        ("[:x]", again, true, true),
        ("[:x]", again, false, false),
        ("[:y]", again, false, true),
        ("[:y]", "[[:poll {:x [[5 2] [6 3]]}]]", false, true),
    ] {
        let rows = [poll(1, ALL), (1, Kind::Ok, "assign", assign, assign), poll(1, answered)];
        let mut history = serial(&[&SENT[..], &rows].concat());
        if seeks {
            let assigns = history.events.iter_mut().filter(|event| event.f == "assign");
            assigns.for_each(|e| e.other = vec![("seek-to-beginning?".into(), Value::Bool(true))]);
        }
        let outcome = check(&history, &Options::default());
        assert_eq!(outcome.verdict == Verdict::Held, is_right, "{assign} {answered} {outcome:?}");
    }
    // What a poll tells is excused where it says that its keys changed meanwhile.
    let rows = [poll(1, ALL), poll(2, "[[:poll {:x [[5 2] [0 1]]}]]")];
    let mut history = serial(&[&SENT[..], &rows].concat());
    assert_eq!(check(&history, &Options::default()).verdict, Verdict::Broken);
    let last = history.events.last_mut().expect("a poll");
    last.other = vec![("rebalance-log".into(), value("[{:keys [:x]}]"))];
    assert_eq!(check(&history, &Options::default()).verdict, Verdict::Held);
}

#[test]
fn commits_that_may_have_come_later_excuse_a_lower_offset() {
    let commit =
        |process, kind, offset: &'static str| (process, kind, "commit_offsets", offset, offset);
    let list = |answered| (9, Kind::Ok, "list_committed_offsets", "[:x]", answered);
    for (rows, verdict) in [
        (vec![commit(1, Kind::Ok, "{:x 6}"), list("{:x 6}")], Verdict::Held),
        (vec![commit(1, Kind::Ok, "{:x 6}"), list("{}")], Verdict::Broken),
        (vec![commit(1, Kind::Info, "{:x 6}"), list("{}")], Verdict::Held),
        (vec![commit(1, Kind::Fail, "{:x 6}"), list("{}")], Verdict::Held),
        (vec![list("{}"), commit(1, Kind::Ok, "{:x 6}")], Verdict::Held),
        (
            vec![commit(1, Kind::Ok, "{:x 6}"), commit(2, Kind::Ok, "{:x 5}"), list("{:x 5}")],
            Verdict::Held,
        ),
        (
            vec![commit(2, Kind::Ok, "{:x 5}"), commit(1, Kind::Ok, "{:x 6}"), list("{:x 5}")],
            Verdict::Broken,
        ),
        (
            vec![commit(2, Kind::Info, "{:x 5}"), commit(1, Kind::Ok, "{:x 6}"), list("{:x 5}")],
            Verdict::Held,
        ),
    ] {
        let rows = [vec![poll(1, ALL)], rows].concat();
        assert_eq!(with(&rows).verdict, verdict, "{rows:?}");
    }
}

#[test]
fn what_nobody_polled_counts_if_there_is_a_final_phase() {
    let rows = [&SENT[..], &[poll(1, "[[:poll {:x [[0 1]]}]]")]].concat();
    let mut history = serial(&rows);
    let outcome = check(&history, &Options::default());
    assert_eq!((outcome.verdict, names(&outcome)), (Verdict::Unknown, vec!["unseen"]));
    assert_eq!(outcome.reason.expect("a reason").code.as_str(), "no-final-read");
    history.events.last_mut().expect("a poll").is_final = true;
    let outcome = check(&history, &Options::default());
    assert_eq!(outcome.verdict, Verdict::Broken);
    let title = "2 acknowledged messages of key :x were never polled, the first of them 2, which \
                 client 0 sent";
    assert_eq!(outcome.anomalies[0].title, title);
    let unseen = outcome.result.get("unseen").expect("unseen").to_edn();
    assert_eq!(unseen, "{:time 7.0, :unseen {:x 2}, :messages {:x [2 3]}}");
}

#[test]
fn figures_and_histories_that_do_not_decide() {
    // It was behind for the 2 seconds from the end of the second send to its own begin.
    let rows = [
        SENT[0],
        (1, Kind::Ok, "assign", "[:x]", "[:x]"),
        SENT[1],
        (2, Kind::Ok, "assign", "[:x]", "[:x]"),
        poll(1, "[[:poll {:x [[0 1]]}]]"),
        poll(1, "[[:poll {:x [[5 2]]}]]"),
        (3, Kind::Info, "send", "[[:send :y 8]]", "[[:send :y 8]]"),
    ];
    let mut history = serial(&rows);
    history.events.last_mut().expect("an event").error = Some("net-timeout".into());
    let outcome = check(&history, &Options::default());
    assert_eq!(outcome.verdict, Verdict::Held);
    let text = |key: &str| outcome.result.get(key).expect(key).to_edn();
    let lag = "{:time 8.0, :process 1, :key :x, :lag 3.0}";
    assert_eq!(text("worst-realtime-lag"), lag);
    assert_eq!(text("info-txn-causes"), "[:net-timeout]");

    let twice = judge(&[SENT[0], (1, Kind::Ok, "send", "[[:send :x 1]]", "[[:send :x [1 1]]]")]);
    assert_eq!(twice.verdict, Verdict::Unknown);
    assert!(twice.reason.expect("a reason").text.starts_with("1 was sent to key :x by operation"));
    let huge = "[[:send :x [9007199254740992 1]]]";
    let polled = poll(1, "[[:poll {:x [[9007199254740992 1]]}]]");
    assert_eq!(
        judge(&[(0, Kind::Ok, "send", "[[:send :x 1]]", huge), polled]).verdict,
        Verdict::Held
    );
    let strange = [SENT[0], poll(1, "[[:poll {:x [[0 1]]}]]"), poll(2, "[[:poll {:x [[-1 1]]}]]")];
    assert_eq!(judge(&strange).verdict, Verdict::Unknown, "no offset");
    assert_eq!(judge(&SENT).verdict, Verdict::NotExercised, "nothing was polled");
    let tight = Options { edges_max: 1, ..Options::default() };
    assert_eq!(check(&history, &tight).verdict, Verdict::Unknown);
}

#[test]
fn a_log_is_recognised() {
    for rows in [
        vec![SENT[0]],
        vec![(0, Kind::Ok, "txn", "[[:poll]]", "[[:poll {}]]")],
        vec![(0, Kind::Ok, "commit_offsets", "{:x 1}", "{:x 1}")],
    ] {
        assert_eq!(guess(&serial(&rows)).map(|checker| checker.name), Some("kafka"));
    }
    let append = [(0, Kind::Ok, "txn", "[[:append 1 1]]", "[[:append 1 1]]")];
    assert_eq!(guess(&serial(&append)).map(|checker| checker.name), Some("list-append"));
}
