//! What nodes print, right and wrong.

use squall_world::Finding;

use crate::stage::{ECHO, INIT, Stage, sh};

#[test]
fn an_echo_goes_there_and_back() {
    let outcome = Stage::of(&sh("", INIT, ECHO)).run();
    outcome.assert_held();
    let answer = r#"{"type":"echo_ok","in_reply_to":2}"#;
    assert_eq!(outcome.heard, [("n0".to_owned(), answer.to_owned())]);
    assert!(outcome.trace.contains("\"k\":\"recv\""));
    assert!(outcome.report.end_ns < 2_000_000_000, "{} ns", outcome.report.end_ns);
}

#[test]
fn the_environment_tells_what_a_node_may_know() {
    let tell = concat!(
        r#"[ -d "$SQUALL_DATA" ] && [ -z "$SQUALL_TIMER" ] && "#,
        r#"echo "$SQUALL $SQUALL_SEED $PWD" >&2"#,
    );
    let outcome = Stage::of(&sh(tell, INIT, ECHO)).run();
    outcome.assert_held();
    let place = std::env::temp_dir();
    assert_eq!(outcome.logs, [format!("1 0x7 {}\n", place.display())]);
    assert!(outcome.trace.contains("\"k\":\"line\""), "stderr is in the trace");
}

#[test]
fn a_binary_body_travels_in_a_wrapper() {
    let wrapper = r#"{"type":"squall","name":"pong","b":"aGk="}"#;
    let answer = format!(r#"echo '{{"src":"n0","dest":"c0","body":{wrapper}}}'"#);
    let stage = Stage::of(&sh("", INIT, &format!("echo \"$line\" >&2; {answer}")));
    let outcome = Stage { ask: vec!["ho".to_owned()], ..stage }.run();
    outcome.assert_held();
    assert_eq!(outcome.heard, [("n0".to_owned(), "hi".to_owned())]);
    let line = r#"{"msg_id":1,"type":"squall","name":"blob","b":"aG8="}"#;
    assert!(outcome.logs[0].contains(line), "{}", outcome.logs[0]);
    assert!(outcome.trace.contains(r#"{"b64":"aGk="}"#));
}

/// A node whose first echo prints `bad` too has one finding, and all its answers count.
fn one_bad_line(bad: &str, code: &str, column: Option<u64>, what: &str, help: &str) {
    let outcome = Stage::of(&sh("", INIT, &format!("{bad}; {ECHO}"))).run();
    let finding = outcome.finding();
    assert_eq!((finding.code, &*finding.node, finding.line_no), (code, "n0", Some(2)), "{bad}");
    assert_eq!(finding.column, column, "{bad}");
    assert!(finding.what.contains(what), "{bad}: {}", finding.what);
    assert!(finding.help.contains(help), "{bad}: {}", finding.help);
    assert!(finding.raw.len() <= 400, "{bad}");
    assert_eq!(outcome.heard.len(), 1, "{bad}");
}

#[test]
fn a_bad_line_is_located_and_the_next_one_is_read() {
    let wire = "echo … >&2";
    one_bad_line("echo got a message", "SQ01", Some(1), "not JSON", "stdout is the wire");
    one_bad_line("echo", "SQ01", Some(1), "empty", "stdout is the wire");
    one_bad_line("printf '{\"a\":\\377}\\n'", "SQ01", Some(6), "not UTF-8", "");
    one_bad_line("echo 17", "SQ04", Some(1), "an integer", "stdout is the wire");
    one_bad_line(
        r#"echo '{"src":"n0","body":{}}'"#,
        "SQ04",
        Some(1),
        "`dest`",
        "src of its request",
    );
    one_bad_line(
        r#"echo '{"src":"n0","dst":"c0","body":{}}'"#,
        "SQ04",
        Some(19),
        "`dst`",
        "did you mean `dest`?",
    );
    let nobody = r#"echo '{"src":"n0","dest":"c7","body":{}}'"#;
    one_bad_line(nobody, "SQ04", None, "\"c7\", which does not exist", "known actors");
    let stranger = r#"echo '{"src":"n8","dest":"c0","body":{}}'"#;
    one_bad_line(stranger, "SQ04", None, "\"n8\", which does not exist", "node_id");
    let text = r#"echo '{"src":"n0","dest":"c0","body":"hi"}'"#;
    one_bad_line(text, "SQ04", None, "the body of the message to c0 is no object", "a body is {");
    let outcome = Stage::of_all(&[&sh("", INIT, &format!("echo debug; {ECHO}"))]);
    let program = outcome.folder.program("node.sh", &sh("", INIT, &format!("echo debug; {ECHO}")));
    let outcome = Stage { programs: vec![program], ..outcome }.run();
    assert!(outcome.finding().help.contains(wire), "{}", outcome.finding().help);
}

#[test]
fn json_over_several_lines_is_told_once_for_each_message() {
    let pretty = r#"printf '{\n  "src": "n0",\n\n  "body": {\n    "a": [\n      -1,\n      "{"\n'
        printf '    ]\n  },\n  "dest": "c0"\n}\n'"#;
    let what = "a piece of a JSON object";
    one_bad_line(pretty, "SQ01", Some(1), what, "one message is one line");
    let node = sh("", INIT, &format!("{pretty}; {pretty}; echo '{{'; {ECHO}; echo hi; {ECHO}"));
    let outcome = Stage { answers: 2, ..Stage::of(&node) }.run();
    let found: Vec<_> = outcome.findings().iter().map(|f| (f.line_no, &*f.raw)).collect();
    let told = [(Some(2), "{"), (Some(13), "{"), (Some(24), "{"), (Some(26), "hi")];
    assert_eq!(found, told);
}

#[test]
fn what_is_nested_too_deep_is_told_with_the_bound() {
    let deep = format!("{}{}", "[".repeat(128), "]".repeat(128));
    let line = format!(r#"echo '{{"src":"n0","dest":"c0","body":{{"a":{deep}}}}}'"#);
    one_bad_line(&line, "SQ04", Some(163), "deeper than 127 levels", "flatter");
}

#[test]
fn two_messages_on_a_line_both_count() {
    let both = concat!(
        r#"printf '{"src":"n0","dest":"c0","body":{"type":"a"}}"#,
        r#"{"src":"n0","dest":"c0","body":{"type":"b"}}\n'"#,
    );
    let outcome = Stage { answers: 2, ..Stage::of(&sh("", INIT, both)) }.run();
    assert_eq!(outcome.heard.len(), 2);
    assert!(outcome.finding().what.contains("newline is missing"));
    assert_eq!(outcome.finding().column, Some(45));
}

#[test]
fn a_message_whose_newline_never_comes_counts() {
    let answer = r#"printf '{"src":"n0","dest":"c0","body":{"type":"a"}}'"#;
    let outcome = Stage::of(&sh("", INIT, answer)).run();
    assert_eq!(outcome.heard.len(), 1);
    assert!(outcome.finding().what.contains("newline is missing"));
}

#[test]
fn hostile_lines_are_lines_like_others() {
    let outcome = Stage::of(HOSTILE).run();
    let codes: Vec<_> = outcome.findings().iter().map(|f| (f.code, f.line_no.unwrap())).collect();
    assert_eq!(codes, [("SQ01", 2), ("SQ01", 3), ("SQ04", 4), ("SQ04", 5)]);
    assert!(outcome.findings()[0].what.contains("more than 16 MiB"));
    assert!(outcome.heard[0].1.contains("1180591620717411303424"), "{:?}", outcome.heard);
    outcome.assert_nothing_left();
}

#[test]
fn a_flood_of_bad_lines_is_counted() {
    let flood = format!("yes debug | head -n 20000; {ECHO}");
    let outcome = Stage::of(&sh("", INIT, &flood)).run();
    assert_eq!(outcome.heard.len(), 1);
    let findings = outcome.findings();
    assert_eq!(findings.len(), 101);
    assert!(findings[100].what.contains("19900 more lines"), "{}", findings[100].what);
}

#[test]
fn lines_without_end_take_nothing_from_other_nodes() {
    let endless = sh("", INIT, "head -c 16777216 /dev/zero | tr '\\0' x");
    // A line of the last node straddles two reads when the others have begun all of theirs.
    let halves = concat!(
        r#"sleep 1.5; printf '{"src":"n6",'; sleep 0.2; "#,
        r#"printf '"dest":"c0","body":{"type":"echo_ok","in_reply_to":2}}\n'"#,
    );
    let right = sh("", INIT, halves);
    let mut nodes = vec![endless.as_str(); 6];
    nodes.push(&right);
    let outcome = Stage { answers: 1, ..Stage::of_all(&nodes) }.run();
    assert_eq!(outcome.heard.len(), 1, "{:#?}", outcome.findings());
    let findings = outcome.findings();
    assert!(findings.iter().all(|finding| finding.node != "n6"), "{findings:#?}");
    let told = |finding: &&&Finding| finding.what.contains("other nodes do not end");
    assert!(findings.iter().filter(told).count() > 0, "not all of these lines fit: {findings:#?}");
    outcome.assert_nothing_left();
}

/// All lines that nobody should print.
pub(crate) const HOSTILE: &str = r#"#!/usr/bin/env python3
import sys
out = sys.stdout.buffer
def say(body): out.write(b'{"src":"n0","dest":"c0","body":' + body + b'}\n'); out.flush()
for line in sys.stdin:
    if '"init"' in line: say(b'{"type":"init_ok","in_reply_to":1}'); continue
    out.write(b"x" * 100_000_000 + b"\n")
    out.write(b"\xff\xfe\x00\n")
    out.write(b"[" * 100_000 + b"]" * 100_000 + b"\n")
    say(b'{"type":"deep","v":' + b"[" * 100_000 + b"]" * 100_000 + b"}")
    say(b'{"type":"echo_ok","in_reply_to":2,"echo":1180591620717411303424}')
"#;
