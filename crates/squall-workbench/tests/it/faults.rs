//! Faults that strike nobody, and what a run under them is worth.

use std::collections::BTreeMap;

use serde_json::json;
use squall_workbench::Settings;
use squall_world::EventPlan;

use crate::bench::{judged, plan_of, settings, under, with_nodes};
use crate::liar::lie;

fn alone(node: &str) -> Settings {
    let settings = with_nodes(1, settings(node));
    let settings = Settings { fault_interval_ms: 60_000, rpc_timeout_ms: Some(500), ..settings };
    under(&["partition"], settings)
}

#[test]
fn a_partition_of_one_node_excuses_nothing() {
    for node in ["echo", "unique-ids", "broadcast", "lin-kv"] {
        let lied = lie(&alone(node), |_, _, _, _| Vec::new());
        assert_eq!(lied.judged.word.as_str(), "broken", "{node}: nobody answered");
        assert!(lied.codes().iter().any(|(code, _)| *code == "SQ07"), "{node}: {:?}", lied.codes());
        assert_eq!(lied.judged.faults, BTreeMap::new(), "{node}");
    }
}

#[test]
fn if_no_fault_took_effect_nothing_is_claimed() {
    let judged = judged(&plan_of(&alone("echo"), 1));
    assert_eq!(judged.word.as_str(), "not exercised");
    let (_, outcome) = judged.promises.last().unwrap();
    let reason = outcome.reason.as_ref().unwrap();
    assert_eq!(reason.text, "no fault struck anybody: partition");
    assert!(reason.how_to_decide.contains("--node-count"), "{}", reason.how_to_decide);
}

#[test]
fn only_faults_that_strike_are_counted() {
    let event = |id, at_us, what: &str, words: serde_json::Value| {
        let serde_json::Value::Object(words) = words else { unreachable!() };
        EventPlan { id, what: what.into(), words, ..EventPlan::at(at_us, 1_000_000) }
    };
    let mut plan = (*plan_of(&with_nodes(3, settings("echo")), 1)).clone();
    let third = json!({ "kind": "minority-third", "groups": [[], ["n0", "n1", "n2"]] });
    let one = json!({ "kind": "one", "groups": [["n0"], ["n1", "n2"]] });
    let kill = |nodes: &[&str]| json!({ "kind": "minority-third", "nodes": nodes, "power": true });
    plan.events = vec![
        event(1, 1_000_000, "partition", third),
        event(2, 3_000_000, "partition", one),
        event(3, 5_000_000, "kill", kill(&[])),
        event(4, 7_000_000, "kill", kill(&["n1"])),
    ];
    let judged = judged(&plan.into());
    assert_eq!(judged.word.as_str(), "held");
    let counts = [("partition".to_owned(), 1), ("kill".to_owned(), 1)];
    assert_eq!(judged.faults, BTreeMap::from(counts));
}

#[test]
fn small_clusters_are_struck_too() {
    for (fault, count) in
        [("partition", 2), ("partition", 3), ("partition-one-way", 2), ("kill", 1), ("kill", 3)]
    {
        let settings = with_nodes(count, under(&[fault], settings("echo")));
        for seed in 0..20 {
            let plan = plan_of(&settings, seed);
            let struck = judged(&plan).faults[fault];
            assert_eq!(struck, plan.events.len() as u64, "{fault} of {count}, seed {seed}");
        }
    }
}

#[test]
fn what_an_edit_does_is_not_told_of_the_node() {
    let mut plan = (*plan_of(&with_nodes(3, settings("echo")), 1)).clone();
    // Whichever of the first clients asks n0.
    let edit = |client: u64| {
        let from = format!("c{client}");
        let which = json!({ "from": from, "to": "n0", "name": "echo", "k": 0 });
        serde_json::from_value(json!({ "drop": which })).unwrap()
    };
    plan.edits = (0..10).map(edit).collect();
    let judged = judged(&plan.into());
    let lost = judged.faults["edit"];
    assert!(lost >= 1 && judged.unmet.len() as u64 == 10 - lost, "{:?}", judged.unmet);
    let timeouts = judged.history.events.iter().filter(|event| event.error.is_some()).count();
    assert_eq!(timeouts as u64, lost);
    assert!(judged.findings.is_empty(), "{:?}", judged.findings);
    assert_eq!(judged.word.as_str(), "held");
}
