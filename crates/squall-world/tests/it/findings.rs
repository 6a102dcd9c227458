//! What is wrong with a node is located, and the run goes on.

use serde_json::json;
use squall_world::Bounds;

use crate::stage::{Stage, kill, say};

#[test]
fn a_panic_is_the_nodes_and_the_run_goes_on() {
    let lines =
        vec![say(1, 1, "boom", 42), say(2, 1, "put", 1), say(2, 0, "put", 2), say(3, 0, "pass", 3)];
    let ran = Stage { lines, ..Stage::default() }.run();
    let [(e, finding)] = &ran.report.findings[..] else { panic!("{:?}", ran.report.findings) };
    assert_eq!((finding.code, finding.node.as_str()), ("SQ06", "n1"));
    assert!(finding.what.contains("boom 42"), "{}", finding.what);
    // It is located: the line of the trace, caused by the message that the node was handling.
    let lines = ran.lines();
    let line = &lines[usize::try_from(*e).unwrap()];
    assert_eq!(
        (&line["k"], &line["a"], &line["code"]),
        (&json!("line"), &json!("n1"), &json!("SQ06"))
    );
    let cause = usize::try_from(line["c"].as_u64().expect("a cause")).unwrap();
    assert_eq!((&lines[cause]["k"], &lines[cause]["a"]), (&json!("recv"), &json!("n1")));
    assert_eq!(ran.report.exits, [("n1".to_owned(), "panicked".to_owned())]);
    // The others go on; what is said to it is lost.
    assert_eq!(ran.answers().keys().copied().collect::<Vec<_>>(), [2]);
    assert_eq!(ran.fates("ping", "n1"), [(3, 6_000, "down".to_owned())]);
}

#[test]
fn a_node_that_panicked_is_not_brought_back_by_a_kill() {
    let stage = Stage {
        lines: vec![say(1, 1, "boom", 42), say(50, 1, "put", 1)],
        events: vec![kill(10, 10, &["n1"], true)],
        ..Stage::default()
    };
    let ran = stage.run();
    let lives: Vec<_> = ran.at("life", "n1").into_iter().map(|line| line["do"].clone()).collect();
    assert_eq!(lives, [json!("start"), json!("exit")]);
    assert!(ran.answers().is_empty());
}

#[test]
fn what_cannot_be_decoded_is_a_finding() {
    // A name that n1 does not know, and a body without its number.
    let lines = vec![say(1, 0, "odd", 1), say(2, 0, "put?", 0), say(3, 0, "put", 7)];
    let ran = Stage { lines, ..Stage::default() }.run();
    let found: Vec<_> = ran
        .report
        .findings
        .iter()
        .map(|(_, f)| (f.code, f.node.as_str(), f.raw.as_str()))
        .collect();
    assert_eq!(found, [("SQ04", "n1", "gibberish"), ("SQ04", "n0", "put")]);
    assert!(ran.report.findings[0].1.what.starts_with("n0 sent"));
    assert!(ran.report.findings[1].1.what.contains("no n"));
    // Whoever waits for an answer gets a definite error.
    let failed: Vec<_> = ran.at("op", "c0").into_iter().filter(|op| op["do"] == "fail").collect();
    assert_eq!(failed.len(), 1);
    let error = ran.at("send", "n0").into_iter().find(|send| send["name"] == "error").unwrap();
    assert_eq!(error["body"]["code"], 12);
    assert_eq!(ran.answers()[&2].1, json!(7), "and the run goes on");
}

#[test]
fn a_nodes_own_assertion_is_a_finding() {
    let lines = vec![say(1, 2, "wrong", 0), say(2, 2, "wrong", 1)];
    let ran = Stage { lines, ..Stage::default() }.run();
    let [(_, finding)] = &ran.report.findings[..] else { panic!("{:?}", ran.report.findings) };
    assert_eq!((finding.code, finding.node.as_str()), ("always", "n2"));
    assert_eq!(finding.raw, "the number is zero");
}

#[test]
fn a_goal_that_was_never_met_is_known() {
    let goals = |numbers: &[u64]| {
        let at = |(ms, n): (usize, &u64)| say(ms as u64 + 1, 1, "goal", *n);
        let lines = numbers.iter().enumerate().map(at).collect();
        Stage { lines, ..Stage::default() }.run().report.marks
    };
    let name = "the number was zero once".to_owned();
    assert_eq!(goals(&[]).get(&name), None);
    assert_eq!(goals(&[1, 2, 3]).get(&name), Some(&0), "told once, and not met");
    assert_eq!(goals(&[1, 0, 2, 0]).get(&name), Some(&2));
}

#[test]
fn what_is_replicated_is_equal_in_the_end() {
    let shares = |numbers: [u64; 3]| {
        let at = |(node, n): (usize, u64)| say(1, node, "share", n);
        let lines = numbers.into_iter().enumerate().map(at).collect();
        Stage { lines, recovery_ms: 10, ..Stage::default() }
    };
    assert!(shares([4, 4, 4]).run().report.findings.is_empty());
    let ran = shares([4, 5, 4]).run();
    let [(e, finding)] = &ran.report.findings[..] else { panic!("{:?}", ran.report.findings) };
    assert_eq!((finding.code, finding.node.as_str()), ("replicated", "n1"));
    assert_eq!(finding.raw, "0000000000000004  n0, n2\n0000000000000005  n1");
    let line = &ran.lines()[usize::try_from(*e).unwrap()];
    assert_eq!((&line["a"], &line["code"]), (&json!("n1"), &json!("replicated")));
    // Without time to heal nobody promised anything, and who is not there has no say.
    assert!(Stage { recovery_ms: 0, ..shares([4, 5, 4]) }.run().report.findings.is_empty());
    let mut stage = shares([4, 5, 4]);
    stage.lines.push(say(2, 1, "boom", 0));
    let codes: Vec<_> = stage.run().report.findings.iter().map(|(_, f)| f.code).collect();
    assert_eq!(codes, ["SQ06"]);
}

#[test]
fn who_has_not_healed_is_not_compared() {
    let lines = vec![say(1, 0, "share", 4), say(1, 1, "share", 4), say(50, 2, "share", 5)];
    let stage = Stage { lines, recovery_ms: 10, ..Stage::default() };
    let count = |stage: &Stage| stage.run().report.findings.len();
    assert_eq!(count(&stage), 1);
    // A run that was cut off at its last event, and a node that has not said that it is back.
    let bounds = Bounds { events_max: 10, ..Bounds::SWARM };
    assert_eq!(count(&Stage { bounds, ..stage.clone() }), 0);
    let events = vec![kill(10, 10, &["n2"], false)];
    assert_eq!(count(&Stage { events, ..stage }), 0);
}

#[test]
fn a_node_that_panics_when_it_is_looked_into_ends_alone() {
    let lines = vec![say(1, 1, "blind", 0)];
    let report = Stage { lines, recovery_ms: 10, ..Stage::default() }.world().run();
    let [(_, finding)] = &report.findings[..] else { panic!("{:?}", report.findings) };
    assert_eq!((finding.code, finding.node.as_str()), ("SQ06", "n1"));
    assert_eq!(report.exits, [("n1".to_owned(), "panicked".to_owned())]);
}
