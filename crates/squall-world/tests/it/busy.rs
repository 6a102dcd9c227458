//! A step that reads from its disk takes as long as the reads.

use serde_json::{Value, json};

use crate::stage::{Stage, kill, say};

/// A vote reads a cell; the log of a node is read when it starts.
fn slow(lines: Vec<crate::stage::Line>) -> Stage {
    Stage { lines, read_us: [3_000, 3_000], sync_us: [1_000, 1_000], ..Stage::default() }
}

#[test]
fn what_a_step_says_leaves_when_its_reads_are_over() {
    let ran = slow(vec![say(10, 1, "vote", 7), say(30, 1, "vote", 8)]).run();
    // Nothing is there to be read the first time, but only a look at the disk tells that.
    assert_eq!(ran.answers()[&0].0, 14_000, "a read and a sync");
    assert_eq!(ran.answers()[&1].0, 33_000, "a read");
    let reads: Vec<_> =
        ran.at("disk", "n1").into_iter().filter(|line| line["do"] == "read").collect();
    let shown = |line: &Value| (line["t"].clone(), line["due"].clone(), line["bytes"].clone());
    let row = |t: u64, due: u64, bytes: u64| (json!(t), json!(due), json!(bytes));
    assert_eq!(
        reads.iter().map(shown).collect::<Vec<_>>(),
        [row(10_000_000, 13_000_000, 0), row(30_000_000, 33_000_000, 8)]
    );
}

#[test]
fn what_comes_meanwhile_waits_in_its_order() {
    // A timer, messages and the end of a sync fall into the time of the read.
    let lines = vec![
        say(8, 1, "ring", 4),
        say(9, 1, "put", 1),
        say(10, 1, "vote", 7),
        say(11, 1, "get", 0),
        say(12, 1, "put", 2),
        say(40, 1, "get", 0),
    ];
    let ran = Stage { sync_us: [2_000, 2_000], ..slow(lines) }.run();
    let free_ns = 13_000_000;
    let of_node = |kind: &str| ran.at(kind, "n1");
    let heard = |name: &str| {
        let lines = ran.lines();
        let is_it = |line: &Value| {
            line["k"] == "recv"
                && line["a"] == "n1"
                && lines[usize::try_from(line["of"].as_u64().unwrap()).unwrap()]["name"] == name
        };
        let times: Vec<_> = lines.iter().filter(|line| is_it(line)).collect();
        times.iter().map(|line| line["t"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(heard("get"), [free_ns, 40_000_000]);
    assert_eq!(heard("put"), [9_000_000, free_ns]);
    let order: Vec<_> = ran
        .lines()
        .into_iter()
        .filter(|line| line["a"] == "n1" && line["t"] == free_ns)
        .filter(|line| ["recv", "timer"].contains(&line["k"].as_str().unwrap()))
        .map(|line| line["k"].clone())
        .collect();
    // The get came at 11, the put and the timer both at 12, the timer armed long before.
    assert_eq!(order, ["recv", "timer", "recv"]);
    let synced: Vec<_> =
        of_node("disk").into_iter().filter(|line| line["do"] == "synced").collect();
    assert_eq!(synced[0]["t"], 11_000_000, "the sync of the first put ends in the read");
    assert_eq!(ran.answers()[&1].0, 13_000, "and its node hears of it afterwards");
    assert_eq!(ran.answers()[&3].1, json!(1), "the get comes before the second put");
    assert_eq!(ran.answers().len(), 5, "all but the timer are answered");
}

#[test]
fn a_kill_ends_the_read_and_what_waits_for_it_is_lost() {
    let lines = vec![say(10, 1, "vote", 7), say(11, 1, "get", 0), say(50, 1, "vote", 8)];
    let events = vec![kill(12, 8, &["n1"], false)];
    let ran = Stage { events, ..slow(lines) }.run();
    assert_eq!(ran.answers().into_keys().collect::<Vec<_>>(), [2]);
    assert_eq!(ran.fates("get", "n1"), [(0, 12_000, "down".to_owned())]);
    let writes = ran.at("disk", "n1").into_iter().filter(|line| line["do"] == "write");
    assert_eq!(writes.map(|line| line["t"].clone()).collect::<Vec<_>>(), [json!(10_000_000)]);
    // The vote was written before the kill, and a kill without power loss forgets nothing.
    assert_eq!(ran.answers()[&2].1, json!(7));
}

#[test]
fn a_recovery_takes_as_long_as_it_reads() {
    let lines = vec![say(10, 1, "put", 5), say(30, 1, "get", 0), say(32, 1, "get", 1)];
    let events = vec![kill(20, 10, &["n1"], false)];
    let ran = Stage { events, ..slow(lines) }.run();
    // It starts at 30 and reads its log in one piece.
    let [first, second] = [1, 2].map(|line| ran.answers()[&line].clone());
    assert_eq!((first, second), ((33_000, json!(5)), (33_000, json!(5))));
}

#[test]
fn a_cut_that_begins_later_does_not_reach_what_has_arrived() {
    let lines = vec![say(10, 1, "vote", 7), say(11, 0, "pass", 3), say(12, 0, "pass", 4)];
    let events = vec![crate::stage::cut(11, 500, json!([["n0"], ["n1", "n2"]]))];
    let stage = Stage { events, ..slow(lines) };
    let stage = Stage { latency_us: 0, ..stage };
    let ran = stage.run();
    let fates = ran.fates("ping", "n1");
    // At the same instant the fault, planned before, comes first.
    assert_eq!(fates, [(3, 11_000, "cut".to_owned()), (4, 12_000, "cut".to_owned())]);
    let events = vec![crate::stage::cut(12, 500, json!([["n0"], ["n1", "n2"]]))];
    let ran = Stage { events, ..stage }.run();
    let fates = ran.fates("ping", "n1");
    assert_eq!(fates, [(4, 12_000, "cut".to_owned()), (3, 13_000, "recv".to_owned())]);
}

#[test]
fn what_the_dead_had_in_its_inbox_does_not_reach_its_next_life() {
    // Killed and back within the time of the read.
    let lines = vec![say(10, 1, "vote", 7), say(11, 1, "put", 5), say(40, 1, "get", 0)];
    for for_ms in [0, 1] {
        let events = vec![kill(12, for_ms, &["n1"], false)];
        let ran = Stage { events, read_us: [9_000, 9_000], ..slow(lines.clone()) }.run();
        assert_eq!(ran.fates("put", "n1"), [(5, 12_000, "down".to_owned())]);
        assert_eq!(ran.answers().into_iter().collect::<Vec<_>>(), [(2, (40_000, json!(0)))]);
    }
}

#[test]
fn what_arrives_at_the_end_of_a_read_comes_after_what_waited() {
    // The ping is under way for 3 ms and falls due just when the read is over.
    let lines = vec![say(10, 1, "vote", 7), say(10, 0, "pass", 4), say(11, 1, "get", 0)];
    let ran = Stage { latency_us: 3_000, ..slow(lines) }.run();
    let heard = ran.at("recv", "n1");
    let lines = ran.lines();
    let names: Vec<_> = heard
        .iter()
        .map(|line| lines[usize::try_from(line["of"].as_u64().unwrap()).unwrap()]["name"].clone())
        .collect();
    assert_eq!(names, ["vote", "get", "ping"]);
}

#[test]
fn each_read_counts_and_is_drawn_by_what_caused_it() {
    let ran = slow(vec![say(10, 1, "check", 0)]).run();
    assert_eq!(ran.answers()[&0].0, 16_000, "two reads");
    let second = |first: &str| {
        let lines = vec![say(10, 1, first, 0), say(50, 1, "check", 0)];
        Stage { read_us: [1, 9_000], ..slow(lines) }.run().answers()[&1].0
    };
    assert_eq!(second("check"), second("get"), "another read before changes nothing");
    let both = vec![say(10, 1, "check", 0), say(10, 2, "check", 0)];
    let answers = Stage { read_us: [1, 9_000], ..slow(both) }.run().answers();
    assert_ne!(answers[&0].0, answers[&1].0, "two causes at one moment");
    let stage =
        |seed: u64| Stage { seed, read_us: [1, 9_000], ..slow(vec![say(10, 1, "check", 0)]) };
    assert_ne!(stage(1).run().answers(), stage(2).run().answers());
}

#[test]
fn what_a_step_found_wrong_is_told_whatever_becomes_of_it() {
    // Killed in the read, or cut off by the end of the run.
    let lines = vec![say(10, 1, "check", 5)];
    let events = vec![kill(12, 8, &["n1"], false)];
    for stage in [Stage { events, ..slow(lines.clone()) }, Stage { end_us: 12_000, ..slow(lines) }]
    {
        let ran = stage.run();
        let codes: Vec<_> = ran.report.findings.iter().map(|(_, f)| f.code).collect();
        assert_eq!(codes, ["always"]);
    }
    let ran = slow(vec![say(10, 1, "check", 42)]).run();
    let codes: Vec<_> = ran.report.findings.iter().map(|(_, f)| f.code).collect();
    assert_eq!(codes, ["SQ06"], "a step that panicked has said nothing");
    assert!(ran.at("disk", "n1").is_empty());
}

#[test]
fn a_power_loss_in_a_read_spares_what_was_synced_before() {
    // The sync of the put ends at 11.5; the power goes at 13, while n1 still reads.
    let lines = vec![say(10, 1, "put", 5), say(11, 1, "vote", 7), say(40, 1, "get", 0)];
    let events = vec![kill(13, 8, &["n1"], true)];
    let ran = Stage { events, sync_us: [1_500, 1_500], ..slow(lines) }.run();
    assert_eq!(ran.answers().into_iter().collect::<Vec<_>>(), [(2, (40_000, json!(5)))]);
}

#[test]
fn a_run_with_reads_is_the_same_unobserved_and_forked() {
    let lines =
        (0..60).map(|n| say(n * 2, 1, if n % 3 == 0 { "put" } else { "vote" }, n)).collect();
    let events = vec![kill(31, 9, &["n1"], true), kill(71, 9, &["n1"], false)];
    let stage = Stage { lines, events, read_us: [100, 3_000], ..Stage::default() };
    let observed = stage.run();
    assert_eq!(stage.world().run().hash, observed.report.hash);
    for at_ms in [5, 7, 33, 41, 80] {
        let mut world = stage.world();
        world.boot();
        world.run_until(at_ms * 1_000_000);
        let forked = world.fork().expect("keepers can be cloned").run_on();
        assert_eq!(forked.hash, observed.report.hash, "forked at {at_ms} ms");
    }
}
