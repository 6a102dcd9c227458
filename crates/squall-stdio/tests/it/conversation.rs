//! What is said to what is heard, line by line.

use squall_stdio::Options;

use crate::outside::{INIT, Turn, lines, options, run};

const INIT_OK: &str = r#"{"src":"n2","dest":"c0","body":{"in_reply_to":1,"type":"init_ok"}}"#;
const BYE: &str = r#"{"src":"n2","dest":"n1","body":{"text":"","type":"bye"}}"#;

/// A line to the process.
fn from(src: &str, body: &str) -> String {
    format!(r#"{{"src":"{src}","dest":"n2","body":{body}}}"#)
}

/// A line of the process.
fn to(dest: &str, body: &str) -> String {
    format!(r#"{{"src":"n2","dest":"{dest}","body":{body}}}"#)
}

/// What a process says to each of these lines, `init` and the goodbye left out.
fn talk(script: &[&str]) -> Vec<String> {
    let said = run(&options(), lines(&[&[INIT], script].concat())).said;
    assert_eq!(said[0].trim_end(), INIT_OK);
    assert_eq!(said.last().unwrap().trim_end(), BYE);
    said[1..said.len() - 1].iter().map(|it| it.trim_end().to_owned()).collect()
}

#[test]
fn a_request_is_answered_to_its_sender() {
    let said = talk(&[
        &from("c9", r#"{"type":"echo","msg_id":4,"text":"hi\n"}"#),
        &from("n3", r#"{"type":"echo","text":"no id"}"#),
        &from("c9", r#"{"type":"who","msg_id":0}"#),
    ]);
    assert_eq!(
        said,
        [
            to("c9", r#"{"in_reply_to":4,"text":"hi\n","type":"echoed"}"#),
            to("n3", r#"{"text":"no id","type":"echoed"}"#),
            to("c9", r#"{"in_reply_to":0,"text":"n2 of n1,n2,n3 life 0","type":"i-am"}"#),
        ]
    );
}

#[test]
fn a_service_is_asked_by_name() {
    let said = talk(&[
        &from("c9", r#"{"type":"ask","msg_id":4,"text":"lin-kv"}"#),
        &from("lin-kv", r#"{"type":"read_ok","in_reply_to":1,"text":"5"}"#),
        &from("c9", r#"{"type":"ask","msg_id":5,"text":"seq-kv"}"#),
        &from("seq-kv", r#"{"type":"error","in_reply_to":2,"code":20,"text":"none"}"#),
        &from("seq-kv", r#"{"type":"read_ok","in_reply_to":2,"text":"late"}"#),
    ]);
    assert_eq!(
        said,
        [
            to("lin-kv", r#"{"msg_id":1,"text":"x","type":"read"}"#),
            to("c9", r#"{"in_reply_to":4,"text":"5","type":"asked"}"#),
            to("seq-kv", r#"{"msg_id":2,"text":"x","type":"read"}"#),
            to("c9", r#"{"in_reply_to":5,"text":"error 20: none","type":"asked"}"#),
            String::new(),
        ]
    );
}

#[test]
fn binary_words_travel_in_base64() {
    let said = talk(&[
        &from("n1", r#"{"type":"squall","msg_id":3,"name":"echo","b":"AAECA3s="}"#),
        &from("n1", r#"{"type":"squall","msg_id":4,"name":"echo","b":"!"}"#),
    ]);
    assert_eq!(
        said[0],
        to("n1", r#"{"in_reply_to":3,"type":"squall","name":"echoed","b":"AAECA3s="}"#)
    );
    assert!(said[1].contains(r#""in_reply_to":4,"type":"error","code":10"#), "{}", said[1]);
}

#[test]
fn what_is_no_word_or_no_line_stops_nothing() {
    let echo = |id: u32| from("c9", &format!(r#"{{"type":"echo","msg_id":{id},"text":"a"}}"#));
    let script = run(
        &options(),
        lines(&[
            "",
            "not json",
            INIT,
            INIT,
            &from("c9", r#"{"msg_id":1}"#),
            &from("c9", "[]"),
            &format!("{} {}junk", echo(2), echo(3)),
        ]),
    );
    assert!(script.said[3].contains(r#""in_reply_to":1,"type":"error","code":22"#));
    assert!(script.said[4].contains(r#""in_reply_to":1,"type":"error","code":10"#));
    assert_eq!(script.said[5], "");
    assert_eq!(script.said[6].lines().count(), 2);
    assert_eq!(script.remarks[0], "SQ01: the line is not JSON at column 2: expected ident");
    assert_eq!(
        script.remarks.last().unwrap(),
        "SQ01: the line is not JSON at column 1: expected value"
    );
}

#[test]
fn a_malformed_init_is_refused_and_a_good_one_still_comes() {
    let bad = r#"{"src":"c0","dest":"n2","body":{"type":"init","node_id":7,"msg_id":1}}"#;
    let said = run(&options(), lines(&[bad, INIT])).said;
    assert!(said[0].contains(r#""in_reply_to":1,"type":"error","code":12"#), "{}", said[0]);
    assert_eq!(said[1].trim_end(), INIT_OK);
}

#[test]
fn members_may_come_in_any_order_and_twice() {
    let init =
        r#"{"src":"c0","dest":"a","body":{"type":"init","node_id":"z","node_ids":["b","a","b"]}}"#;
    let who = r#"{"src":"c0","dest":"a","body":{"type":"who","msg_id":2}}"#;
    let said = run(&options(), lines(&[init, who])).said;
    assert!(said[1].contains("z of b,a life 0"), "{}", said[1]);
}

#[test]
fn what_comes_before_init_waits_for_it() {
    let early = r#"{"src":"n1","dest":"n2","body":{"type":"echo","msg_id":9,"text":"early"}}"#;
    let script = run(&options(), lines(&[early, INIT]));
    let expected =
        r#"{"src":"n2","dest":"n1","body":{"in_reply_to":9,"text":"early","type":"echoed"}}"#;
    assert_eq!(script.said[..2], [String::new(), format!("{INIT_OK}\n{expected}\n")]);
}

#[test]
fn all_waiting_lines_are_answered_in_one_write() {
    let keep = |n: u32| {
        format!(r#"{{"src":"c1","dest":"n2","body":{{"type":"keep","msg_id":{n},"text":"x"}}}}"#)
    };
    let many: String = (1..=5).map(|n| keep(n) + "\n").collect();
    // A line may come in pieces.
    let (head, tail) = many.split_at(many.len() - 10);
    let script = run(
        &options(),
        vec![
            Turn::Bytes(format!("{INIT}\n")),
            Turn::Bytes(head.to_owned()),
            Turn::Bytes(tail.to_owned()),
        ],
    );
    assert_eq!(script.said[1].lines().count(), 4);
    assert_eq!(script.said[2].lines().count(), 1);
    assert!(script.said[2].contains(r#""in_reply_to":5,"text":"5""#));
    let warnings = script.remarks.iter().filter(|it| it.contains("SQUALL_DATA")).count();
    assert_eq!(warnings, 1, "once: {:?}", script.remarks);
    assert!(script.remarks.contains(&r#"{"note":"kept","text":"x"}"#.to_owned()));
}

#[test]
fn the_last_line_needs_no_newline() {
    let echo = r#"{"src":"c1","dest":"n2","body":{"type":"echo","msg_id":5,"text":"x"}}"#;
    let turns = vec![Turn::Bytes(format!("{INIT}\n{echo}"))];
    let said = run(&options(), turns).said;
    assert!(said[1].contains("echoed") && said[1].contains("bye"), "{said:?}");
}

#[test]
fn timers_ring_when_they_are_due_and_in_order() {
    let ring = |ms: u64| {
        let line = format!(r#"{{"src":"c1","dest":"n2","body":{{"type":"ring","text":"{ms}"}}}}"#);
        Turn::Bytes(line + "\n")
    };
    let script = run(
        &options(),
        vec![
            Turn::Bytes(format!("{INIT}\n")),
            ring(30),
            ring(10),
            Turn::Pass(10),
            Turn::Pass(5),
            ring(10),
            Turn::Pass(50),
        ],
    );
    let rang = |n: u64| {
        format!(r#"{{"src":"n2","dest":"n1","body":{{"text":"{n}","type":"rang"}}}}"#) + "\n"
    };
    assert_eq!(script.said[3..7], [rang(10), String::new(), String::new(), rang(10) + &rang(30)]);
    assert_eq!(script.waits, [None, None, Some(30), Some(10), Some(30), Some(30), Some(25), None]);
}

#[test]
fn the_seed_decides_what_is_drawn() {
    let draw = r#"{"src":"c1","dest":"n2","body":{"type":"draw","msg_id":5}}"#;
    let drawn = |seed| run(&Options { seed, ..options() }, lines(&[INIT, draw])).said.remove(1);
    assert_eq!(drawn(1), drawn(1));
    assert_ne!(drawn(1), drawn(2));
}

#[test]
fn an_input_that_ends_before_init_is_no_error() {
    assert_eq!(run(&options(), Vec::new()).said, [""]);
}
