//! Lives that faults end, suspend and begin again.

use std::time::Duration;

use squall_world::EventPlan;

use crate::stage::{ECHO, INIT, Stage, kill, kill_with_power_loss, sh, spec};

#[test]
fn a_killed_node_comes_back_with_its_data_and_is_initialised_again() {
    let node = sh(
        "",
        &format!("echo life >> \"$SQUALL_DATA/lives\"; {INIT}"),
        "wc -l < \"$SQUALL_DATA/lives\" >&2; say echo_ok 2",
    );
    let stage = Stage::of(&node);
    let data = spec(&stage.programs[0], &stage.folder, "n0").data;
    std::fs::create_dir_all(&data).unwrap();
    std::fs::write(data.join("lives"), "of a former run\n").unwrap();
    let outcome = Stage { events: vec![kill(150, 50)], answers: 2, ..stage }.run();
    outcome.assert_held();
    assert_eq!(outcome.heard.len(), 2);
    assert_eq!(outcome.logs, ["1\n2\n"]);
    assert_eq!(outcome.trace.matches(r#""do":"start""#).count(), 2);
    // Faults and timers fall due as well, and are no deliveries.
    let deliveries = outcome.report.net.all.recv;
    assert_eq!(outcome.report.late_ns.len() as u64, deliveries, "one figure for each");
}

#[test]
fn a_process_is_killed_by_what_it_has_said() {
    let when = serde_json::json!({ "sent": "echo_ok", "from": "n0" });
    let when = Some(serde_json::from_value(when).unwrap());
    let event = EventPlan { at_us: None, when, ..kill(0, 50) };
    let stage = Stage::of(&sh("", INIT, ECHO));
    let outcome = Stage { events: vec![event], answers: 2, ..stage }.run();
    outcome.assert_held();
    assert_eq!(outcome.heard.len(), 2, "it is heard, and asked again when it is back");
    let lines: Vec<_> = outcome.trace.lines().collect();
    let begin = lines.iter().find(|line| line.contains(r#""do":"begin""#)).unwrap();
    let begin: serde_json::Value = serde_json::from_str(begin).unwrap();
    let cause = format!(r#"{{"e":{},"#, begin["c"]);
    let cause = lines.iter().find(|line| line.starts_with(&cause)).unwrap();
    assert!(cause.contains(r#""k":"send""#) && cause.contains("echo_ok"), "{cause}");
}

#[test]
fn a_process_loses_no_power_and_the_trace_does_not_claim_it() {
    // The second event falls into the first: there is no power to lose in a life that is over.
    let mut again = kill_with_power_loss(200, 30);
    again.id = 1;
    let events = vec![kill_with_power_loss(150, 100), again];
    let stage = Stage::of(&sh("", INIT, ECHO));
    let outcome = Stage { events, answers: 2, ..stage }.run();
    outcome.assert_held();
    let lives = outcome.trace.lines().filter(|line| line.contains(r#""k":"life""#));
    let kills: Vec<_> = lives.filter(|line| line.contains(r#""do":"kill""#)).collect();
    assert_eq!(kills.len(), 1, "{kills:?}");
    assert!(kills[0].contains(r#""power":false"#), "{kills:?}");
}

#[test]
fn a_node_that_takes_long_to_die_is_dead_before_it_comes_back() {
    // Freeing so much memory takes longer than the World waits.
    let node = r#"#!/usr/bin/env python3
import sys
memory = bytearray(200 << 20)
for line in sys.stdin:
    kind, to = ("init_ok", 1) if '"type":"init"' in line else ("echo_ok", 2)
    body = '{"type":"%s","in_reply_to":%d}' % (kind, to)
    print('{"src":"n0","dest":"c0","body":%s}' % body, flush=True)
"#;
    let stage = Stage { events: vec![kill(1_500, 1)], answers: 2, ..Stage::of(node) };
    let outcome = Stage { limit: Duration::from_secs(15), ..stage }.run();
    outcome.assert_held();
    assert_eq!(outcome.trace.matches(r#""do":"start""#).count(), 2);
}

#[test]
fn what_was_printed_whole_before_a_kill_counts() {
    // Half a message is in the pipe when the kill comes, and is not held against the node.
    let node = sh("", INIT, "say echo_ok 2; printf '{\"src\":'; sleep 60");
    let outcome = Stage { events: vec![kill(300, 50)], answers: 2, ..Stage::of(&node) }.run();
    outcome.assert_held();
    assert_eq!(outcome.heard.len(), 2);
}

#[test]
fn a_paused_node_is_silent_until_it_is_resumed() {
    let ask = |names: &[&str]| {
        names.iter().map(|name| format!(r#"{{"type":"{name}","msg_id":2}}"#)).collect()
    };
    let stage = Stage::of(&sh("", INIT, ECHO));
    let limit = Duration::from_millis(400);
    let outcome = Stage { ask: ask(&["pause", "echo"]), limit, ..stage }.run();
    assert!(outcome.heard.is_empty(), "{:?}", outcome.heard);
    assert!(outcome.findings().is_empty());
    outcome.assert_nothing_left();
    let stage = Stage::of(&sh("", INIT, ECHO));
    Stage { ask: ask(&["pause", "echo", "resume"]), ..stage }.run().assert_held();
}

#[test]
fn nothing_comes_before_init() {
    // The first node tells the second one something before anybody else has spoken.
    let early = "printf '{\"src\":\"n0\",\"dest\":\"n1\",\"body\":{\"type\":\"early\"}}\\n'";
    let later = "#!/bin/sh\nread -r first\nread -r second\n\
                 echo \"$first\" >&2\necho \"$second\" >&2\nsleep 5\n";
    let stage = Stage::of_all(&[&sh(early, INIT, ECHO), later]);
    let outcome = Stage { answers: 2, limit: Duration::from_millis(1_500), ..stage }.run();
    let mut lines = outcome.logs[1].lines();
    assert!(lines.next().unwrap().contains("\"init\""), "{}", outcome.logs[1]);
    assert!(lines.next().unwrap().contains("\"early\""), "{}", outcome.logs[1]);
}
