//! Pipes that are flooded, closed, or never read.

use std::time::Duration;

use crate::stage::{ECHO, INIT, Stage, sh};

#[test]
fn a_flood_of_stderr_ends_at_the_bound_of_the_log() {
    let flood =
        format!("yes 'a line of a log that nobody will ever read' | head -c 200000000 >&2; {ECHO}");
    let outcome = Stage::of(&sh("", INIT, &flood)).run();
    outcome.assert_held();
    let log = &outcome.logs[0];
    assert!(log.ends_with("squall: this log ends at 64 MiB\n"));
    assert!(log.len() <= (64 << 20) + 100);
    assert!(outcome.trace.len() < 1 << 20, "{} bytes of trace", outcome.trace.len());
    assert!(outcome.trace.contains("only in its log"));
}

#[test]
fn a_closed_stdout_is_a_finding_and_the_node_lives_on() {
    let stage = Stage::of(&sh("", &format!("{INIT}; exec >&-"), "echo still here >&2"));
    let outcome = Stage { limit: Duration::from_secs(2), ..stage }.run();
    let finding = outcome.finding();
    assert_eq!(finding.code, "SQ07");
    assert!(finding.what.contains("closed its stdout"), "{}", finding.what);
    assert!(outcome.report.exits.is_empty());
    assert!(outcome.logs[0].contains("still here"));
    outcome.assert_nothing_left();
}

#[test]
fn a_closed_stderr_is_noted() {
    let stage = Stage::of(&sh("exec 2>&-", INIT, "sleep 0.4; say echo_ok 2"));
    let outcome = stage.run();
    outcome.assert_held();
    assert!(outcome.trace.contains("closed its stderr"));
}

#[test]
fn a_closed_stdin_is_a_finding() {
    let node = format!(
        "#!/bin/sh\nread -r line\n{}\nexec <&-\nsleep 5\n",
        r#"printf '{"src":"n0","dest":"c0","body":{"type":"init_ok"}}\n'"#
    );
    let stage = Stage::of(&node);
    let ask = vec![r#"{"type":"echo"}"#.to_owned(); 3];
    let outcome = Stage { limit: Duration::from_secs(2), ask, ..stage }.run();
    assert!(outcome.finding().what.contains("closed its stdin"), "{}", outcome.finding().what);
    outcome.assert_nothing_left();
}

#[test]
fn a_node_that_never_reads_holds_up_nobody_and_is_told() {
    // 90 MB for the first node, which reads nothing but `init`; the second one answers meanwhile.
    let deaf = format!(
        "#!/bin/sh\nread -r line\n{}\nsleep 60\n",
        r#"printf '{"src":"n0","dest":"c0","body":{"type":"init_ok"}}\n'"#
    );
    let big = format!(r#"{{"type":"echo","msg_id":2,"pad":"{}"}}"#, "x".repeat(1 << 20));
    let stage = Stage::of_all(&[&deaf, PYTHON]);
    let outcome = Stage { flood: vec![big; 90], answers: 1, ..stage }.run();
    let finding = outcome.finding();
    assert_eq!((finding.code, &*finding.node), ("SQ07", "n0"));
    assert!(finding.what.contains("does not read its stdin"), "{}", finding.what);
    assert_eq!(outcome.heard.len(), 1);
    assert!(outcome.heard.iter().all(|(from, _)| from == "n1"));
    outcome.assert_nothing_left();
}

#[test]
fn a_flood_of_messages_to_nobody_fills_neither_findings_nor_trace() {
    let flood = "yes '{\"src\":\"n0\",\"dest\":\"n7\",\"body\":{\"type\":\"x\"}}'";
    let stage = Stage::of_all(&[&sh("", INIT, flood), &sh("", INIT, ECHO)]);
    let outcome = Stage { answers: 2, limit: Duration::from_secs(1), ..stage }.run();
    assert!(outcome.heard.iter().any(|(from, _)| from == "n1"));
    assert_eq!(outcome.findings().len(), 10_000);
    assert!(outcome.trace.len() < 4 << 20, "{} bytes of trace", outcome.trace.len());
}

#[test]
fn a_flood_of_messages_leaves_the_others_their_turn() {
    let flood = "yes '{\"src\":\"n0\",\"dest\":\"n1\",\"body\":{\"type\":\"x\"}}'";
    let slow = sh("", INIT, "case \"$line\" in *echo*) say echo_ok 2;; esac");
    let stage = Stage::of_all(&[&sh("", INIT, flood), &slow, &sh("", INIT, ECHO)]);
    let outcome = Stage { answers: 1, ..stage }.run();
    assert!(!outcome.heard.is_empty(), "nobody was heard");
    assert!(outcome.report.end_ns < 3_000_000_000, "{} ns", outcome.report.end_ns);
    outcome.assert_nothing_left();
}

/// Reads fast, and answers so late that the other one has its lines.
const PYTHON: &str = r#"#!/usr/bin/env python3
import sys, time
for line in sys.stdin:
    kind, to = ("init_ok", 1) if '"type":"init"' in line else ("echo_ok", 2)
    if to == 2: time.sleep(0.5)
    body = '{"type":"%s","in_reply_to":%d}' % (kind, to)
    print('{"src":"n1","dest":"c0","body":%s}' % body, flush=True)
"#;
