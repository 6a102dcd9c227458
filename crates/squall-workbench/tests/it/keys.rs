//! Who works on which key, and which values are told.

use std::collections::{BTreeMap, BTreeSet};

use squall_history::{Event, Kind, Process};

use crate::bench::{judged, plan_of, settings, under, with_nodes};

fn process(event: &Event) -> u64 {
    match event.process {
        Process::Client(process) => u64::try_from(process).unwrap(),
        _ => panic!("no client"),
    }
}

#[test]
fn groups_work_on_a_key_until_enough_have() {
    for (nodes, groups) in [(5, 2), (11, 1), (3, 3)] {
        let mut settings = under(&["kill"], with_nodes(nodes, settings("lin-kv")));
        settings.concurrency = 2 * nodes * groups;
        settings.time_limit_ms = 30_000;
        settings.rate_millionths = 60_000_000;
        let judged = judged(&plan_of(&settings, 7));
        let mut processes: BTreeMap<i64, BTreeSet<u64>> = BTreeMap::new();
        let mut keys_of_group: BTreeMap<u64, Vec<i64>> = BTreeMap::new();
        let mut functions: BTreeMap<(u64, &str), u64> = BTreeMap::new();
        let invoked = |event: &&Event| event.process.is_client() && event.kind == Kind::Invoke;
        for event in judged.history.events.iter().filter(invoked) {
            let worker = process(event) % settings.concurrency;
            let group = worker / (2 * nodes);
            let key = event.value.as_list().unwrap()[0].as_int().unwrap();
            processes.entry(key).or_default().insert(process(event));
            let keys = keys_of_group.entry(group).or_default();
            if keys.last() != Some(&key) {
                keys.push(key);
            }
            // The first N of each group read, the others do not.
            assert_eq!(event.f == "read", worker % (2 * nodes) < nodes, "worker {worker}");
            *functions
                .entry((group, if event.f == "read" { "read" } else { "change" }))
                .or_default() += 1;
        }
        assert_eq!(keys_of_group.len() as u64, groups);
        assert!(processes.len() as u64 > groups, "{nodes} nodes: keys advance: {keys_of_group:?}");
        let limit = usize::try_from((2 * nodes).max(20)).unwrap();
        assert!(processes.values().all(|who| who.len() <= limit));
        // Keys are 0, 1, 2, …, each of one group, and no group goes back.
        assert!(processes.keys().copied().eq(0..i64::try_from(processes.len()).unwrap()));
        let mut all: Vec<i64> = keys_of_group.values().flatten().copied().collect();
        all.sort_unstable();
        assert!(all.iter().copied().eq(processes.keys().copied()), "{keys_of_group:?}");
        assert!(keys_of_group.values().all(|keys| keys.is_sorted()));
        assert_eq!(functions.len() as u64, 2 * groups, "readers in every group: {functions:?}");
    }
}

#[test]
fn every_value_is_told_once() {
    for seed in 0..20 {
        let settings = under(&["partition", "kill"], settings("broadcast"));
        let judged = judged(&plan_of(&settings, seed));
        let told = judged
            .history
            .events
            .iter()
            .filter(|event| event.f == "broadcast" && event.kind == Kind::Invoke);
        let told: Vec<i64> = told.map(|event| event.value.as_int().unwrap()).collect();
        assert!(told.len() > 10, "{}", told.len());
        assert!(told.windows(2).all(|pair| pair[0] < pair[1]), "seed {seed}: {told:?}");
    }
}

#[test]
fn a_register_without_compare_and_set_is_not_asked_for_it() {
    let count = |node: &str, f: &str| {
        let judged = judged(&plan_of(&settings(node), 3));
        judged.history.events.iter().filter(|event| event.f == f).count()
    };
    assert_eq!(count("abd", "cas"), 0);
    assert!(count("abd", "write") > 50 && count("abd", "read") > 50);
    assert!(count("lin-kv", "cas") > 50);
}
