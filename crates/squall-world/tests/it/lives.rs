//! Kills, restarts, and what outlives them.

use serde_json::json;

use crate::stage::{Stage, kill, say};

fn one(lines: Vec<crate::stage::Line>, events: Vec<serde_json::Value>) -> Stage {
    Stage { nodes: 1, lines, events, ..Stage::default() }
}

#[test]
fn a_kill_without_power_loss_keeps_what_was_written() {
    // The kill comes 1 ms into the sync of 4 ms.
    let lines = || vec![say(0, 0, "claim", 5), say(100, 0, "get", 0)];
    let ran = one(lines(), vec![kill(1, 10, &["n0"], false)]).run();
    assert_eq!(ran.answers()[&1].1, json!(5));
    let ran = one(lines(), vec![kill(1, 10, &["n0"], true)]).run();
    let after_power_loss = ran.answers()[&1].1.clone();
    // Of what was not synced a random part survives: here, over seeds, now this, now that.
    let mut sums = std::collections::BTreeSet::from([after_power_loss.to_string()]);
    for seed in 2..30 {
        let ran = Stage { seed, ..one(lines(), vec![kill(1, 10, &["n0"], true)]) }.run();
        sums.insert(ran.answers()[&1].1.to_string());
    }
    assert_eq!(sums.into_iter().collect::<Vec<_>>(), ["0", "5"]);
}

#[test]
fn what_was_synced_survives_power_loss() {
    for seed in 0..50 {
        let lines = (0..20).map(|i| say(i * 3, 0, "put", 1 << i)).chain([say(500, 0, "get", 0)]);
        let stage = one(lines.collect(), vec![kill(31, 60, &["n0"], true)]);
        let ran = Stage { seed, ..stage }.run();
        let answers = ran.answers();
        let sum = answers[&20].1.as_u64().unwrap();
        for (line, (_, n)) in answers.iter().filter(|(line, _)| **line < 20) {
            let n = n.as_u64().unwrap();
            assert_eq!(sum & n, n, "seed {seed}: line {line} was acknowledged and is lost");
        }
        assert!(answers.len() > 2, "some were acknowledged before the kill");
    }
}

#[test]
fn lives_are_counted() {
    let mut second = kill(100, 50, &["n1"], true);
    second["id"] = json!(2);
    let events = vec![kill(10, 20, &["n1"], false), second];
    let ran = Stage { events, ..Stage::default() }.run();
    let life = |line: serde_json::Value| {
        (line["t"].as_u64().unwrap() / 1_000_000, line["do"].clone(), line["incarnation"].clone())
    };
    let lives: Vec<_> = ran.at("life", "n1").into_iter().map(life).collect();
    let row = |at: u64, what: &str, life: u64| (at, json!(what), json!(life));
    let expected = [
        row(0, "start", 0),
        row(10, "kill", 0),
        row(30, "start", 1),
        row(100, "kill", 1),
        row(150, "start", 2),
    ];
    assert_eq!(lives, expected);
    assert!(ran.report.exits.is_empty(), "a kill is no exit");
}

#[test]
fn two_kills_of_one_node_are_one_death() {
    let mut second = kill(20, 50, &["n0"], false);
    second["id"] = json!(2);
    let ran = one(Vec::new(), vec![kill(10, 20, &["n0"], false), second]).run();
    let lives = ran.at("life", "n0");
    let times: Vec<_> = lives.iter().map(|l| l["t"].as_u64().unwrap() / 1_000_000).collect();
    // Down until the last of the two is over.
    assert_eq!(times, [0, 10, 70]);
}

#[test]
fn power_lost_while_down_is_power_lost() {
    // The first kill leaves the machine's cache, the second one takes it. Both last until 30.
    let mut dark = kill(5, 25, &["n0"], true);
    dark["id"] = json!(2);
    let mut sums = std::collections::BTreeSet::new();
    for seed in 0..30 {
        let lines = vec![say(0, 0, "claim", 5), say(100, 0, "get", 0)];
        let stage = one(lines, vec![kill(1, 29, &["n0"], false), dark.clone()]);
        let ran = Stage { seed, ..stage }.run();
        sums.insert(ran.answers()[&1].1.to_string());
    }
    assert!(sums.contains("0"), "the unsynced write outlives every power loss: {sums:?}");
}

#[test]
fn timers_and_syncs_of_a_former_life_do_not_happen() {
    let killed = |events| {
        let lines = vec![say(0, 0, "ring", 100), say(0, 0, "put", 3)];
        one(lines, events).run()
    };
    let undisturbed = killed(Vec::new());
    assert_eq!(undisturbed.at("note", "n0").len(), 1);
    let ran = killed(vec![kill(1, 10, &["n0"], false)]);
    assert_eq!(ran.at("timer", "n0").len(), 0, "{}", ran.trace);
    assert!(!ran.answers().contains_key(&1), "the answer that was held died with its node");
    // One sync of the former life was asked for and never ended, one of the next life did.
    let disk = ran.at("disk", "n0").into_iter();
    let disk: Vec<_> = disk.map(|line| (line["do"].clone(), line["t"].as_u64().unwrap())).collect();
    let expected = [
        (json!("write"), 0),
        (json!("sync"), 0),
        (json!("sync"), 11_000_000),
        (json!("synced"), 15_000_000),
    ];
    assert_eq!(disk, expected);
    // Events: two starts, two timers of the client and its end, two messages, kill, start, sync.
    assert_eq!(ran.report.events, 2 + 3 + 2 + 1 + 1 + 1);
}

#[test]
fn messages_find_the_life_that_is_there_when_they_fall_due() {
    let stage = Stage {
        latency_us: 100_000,
        events: vec![kill(60, 60, &["n1"], true)],
        lines: vec![say(0, 0, "pass", 1), say(40, 0, "pass", 2), say(90, 0, "pass", 3)],
        ..Stage::default()
    };
    let ran = stage.run();
    let row = |n: u64, at_us: u64, why: &str| (n, at_us, why.to_owned());
    let expected = [row(1, 100_000, "down"), row(2, 140_000, "recv"), row(3, 190_000, "recv")];
    assert_eq!(ran.fates("ping", "n1"), expected);
}

#[test]
fn when_the_cluster_heals_everybody_is_back() {
    // The script ends at 100 ms; the kill would have lasted for ten seconds.
    let stage = Stage {
        end_us: 100_000,
        events: vec![kill(10, 10_000, &["n0"], true)],
        ..Stage::default()
    };
    let ran = stage.run();
    let lives = ran.at("life", "n0");
    assert_eq!(lives.last().unwrap()["do"], "start");
    assert_eq!(lives.last().unwrap()["t"], 100_000_000);
}
