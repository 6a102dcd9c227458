//! A plan is read strictly, and is the same after it has been written.

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};
use squall_history::trace::Role;
use squall_node::Random;
use squall_world::faults::FAULTS;
use squall_world::{Bounds, EventPlan, Plan, World, parse_seed};

use crate::stage::{Stage, cut, kill};

fn good() -> Value {
    let events = vec![cut(10, 20, json!([["n0"], ["n1", "n2"]])), kill(50, 10, &["n2"], true)];
    Stage { events, ..Stage::default() }.plan_value()
}

/// The message about a plan with one thing changed.
fn error(change: impl FnOnce(&mut Value)) -> String {
    let mut plan = good();
    change(&mut plan);
    Plan::parse(&plan.to_string()).expect_err("the plan is not in order").to_string()
}

fn begin(plan: &mut Value) -> &mut serde_json::Map<String, Value> {
    plan["events"][0].as_object_mut().unwrap()
}

/// The message about an event that waits for this.
fn waiting(when: Value) -> String {
    error(|plan| {
        begin(plan).remove("at_us");
        begin(plan).insert("when".to_owned(), when);
    })
}

/// The message about this edit.
fn edited(edit: Value) -> String {
    error(|plan| plan["edits"] = json!([edit]))
}

#[test]
fn what_is_unknown_is_named() {
    Plan::parse(&good().to_string()).unwrap();
    for (part, known) in [
        (error(|plan| plan["nodez"] = json!(3)), "nodez"),
        (error(|plan| plan["network"]["loss"] = json!(3)), "loss"),
        (error(|plan| plan["ops"]["upto"] = json!(3)), "upto"),
        (error(|plan| plan["phases"]["quiesce_ms"] = json!(3)), "quiesce_ms"),
        (error(|plan| plan["disk"]["tear"] = json!(3)), "tear"),
        (error(|plan| plan["network"]["dist"] = json!("pareto")), "pareto"),
        (error(|plan| plan["clock"] = json!("lunar")), "lunar"),
        (error(|plan| plan["expect"] = json!({ "verdict": "held", "mood": 1 })), "mood"),
        (error(|plan| plan["events"][0]["do"] = json!("flood")), "flood"),
        (error(|plan| plan["events"][0]["sides"] = json!([])), "sides"),
        (error(|plan| plan["events"][0]["groups"][0][0] = json!("n9")), "n9"),
        (error(|plan| plan["events"][0]["groups"][0][0] = json!("store")), "store"),
        (error(|plan| plan["events"][0]["groups"] = json!("n0")), "groups"),
        (error(|plan| plan["events"][1]["nodes"][0] = json!("c3")), "c3"),
        (error(|plan| plan["events"][1]["power"] = json!("yes")), "power"),
        (error(|plan| plan["events"][1]["node"] = json!("n1")), "node"),
        (error(|plan| plan["events"][1]["id"] = plan["events"][0]["id"].clone()), "two events"),
        (error(|plan| plan["nodes"] = json!([])), "no nodes"),
        (error(|plan| plan["nodes"][1] = json!("n0")), "n0 twice"),
        (error(|plan| plan["nodes"][1] = json!("..")), "\"..\""),
        (error(|plan| plan["nodes"][1] = json!("a/b")), "\"a/b\""),
        (error(|plan| plan["nodes"][1] = json!("c1")), "c1"),
        (error(|plan| plan["nodes"][1] = json!("lin-tso")), "lin-tso"),
        (error(|plan| plan["ops"]["to"] = json!(u64::MAX)), "18446744073709551615 slots"),
        (error(|plan| plan["disk"]["sync_us"] = json!([3, 2])), "[3,2]"),
        (error(|plan| plan["seed"] = json!("0xfast")), "0xfast"),
        (error(|plan| plan["format"] = json!("squall-map")), "squall-map"),
        (error(|plan| plan["v"] = json!(2)), "2"),
        (error(|plan| plan["generator"] = json!(99)), "99"),
        (error(|plan| drop(plan.as_object_mut().unwrap().remove("ops"))), "ops"),
        (error(|plan| drop(plan["events"][0].as_object_mut().unwrap().remove("for_us"))), "for_us"),
        (error(|plan| drop(plan["events"][1].as_object_mut().unwrap().remove("nodes"))), "nodes"),
    ] {
        assert!(part.contains(known), "{known:?} is not named in: {part}");
    }
    // What is wrong with an event says which one.
    assert!(error(|plan| plan["events"][1]["node"] = json!("n1")).contains("event 2"));
    assert!(Plan::parse("{").is_err());
}

#[test]
fn what_can_never_happen_is_named() {
    for (part, known) in [
        (error(|plan| plan["events"][0]["when"] = json!({ "sent": "ping" })), "both"),
        (error(|plan| plan["events"][0]["after_us"] = json!(1)), "\"after_us\""),
        (error(|plan| drop(begin(plan).remove("at_us"))), "neither"),
        (waiting(json!({})), "none of them"),
        (waiting(json!({ "sent": "ping", "note": "woke" })), "sent and note"),
        (waiting(json!({ "sended": "ping" })), "sended"),
        (waiting(json!({ "sent": 3 })), "integer"),
        (waiting(json!({ "sent": "ping", "from": "n7" })), "n7"),
        (waiting(json!({ "sent": "ping", "node": "n1" })), "\"node\""),
        (waiting(json!({ "note": "woke", "to": "n1" })), "\"to\""),
        (waiting(json!({ "note": "woke", "node": "n7" })), "n7"),
        (waiting(json!({ "sync_end": "n7" })), "n7"),
        (waiting(json!({ "sync_end": "n1", "node": "n1" })), "\"node\""),
        (waiting(json!({ "sent": "ping", "nth": 0 })), "from 1"),
        (edited(json!({ "drip": {} })), "drip"),
        (edited(json!({ "drop": { "from": "n0", "to": "n1", "k": 0 } })), "name"),
        (edited(json!({ "drop": { "from": "n0", "to": "n7", "name": "a", "k": 0 } })), "n7"),
        (edited(json!({ "delay": { "from": "n0", "to": "n1", "name": "a", "k": 0 } })), "by_us"),
        (edited(json!({ "drop": { "from": "cat", "to": "n1", "name": "a", "k": 0 } })), "\"cat\""),
        (waiting(json!({ "sent": "ping", "to": "nemesis" })), "nemesis"),
        (waiting(json!({ "sent": "ping", "to": "" })), "\"\""),
        (error(|plan| plan["events"][0]["at_us"] = json!(u64::MAX)), "event 1 of the plan: at_us"),
        (error(|plan| plan["events"][0]["for_us"] = json!(u64::MAX)), "for_us"),
        (error(|plan| plan["disk"]["read_us"] = json!([3, u64::MAX])), "read_us"),
        (error(|plan| plan["disk"]["sync_us"] = json!([3, u64::MAX])), "sync_us"),
        (error(|plan| plan["network"]["latency_us"] = json!(u64::MAX)), "latency_us"),
        (error(|plan| plan["phases"]["recovery_ms"] = json!(u64::MAX)), "recovery_ms"),
        (error(|plan| plan["phases"]["main_ms"] = json!(u64::MAX)), "main_ms"),
        (error(|plan| plan["ops"]["gap_max_ns"] = json!(u64::MAX)), "gap_max_ns"),
        (error(|plan| plan["disk"]["read_us"] = json!([3, 2])), "[3,2]"),
    ] {
        assert!(part.contains(known), "{known:?} is not named in: {part}");
    }
}

#[test]
fn what_is_there_twice_is_named() {
    for (old, new) in [
        ("\"groups\":", "\"groups\":[],\"groups\":"),
        ("\"knobs\":{", "\"knobs\":{\"a\":1,\"a\":1,"),
        ("\"nodes\":", "\"nodes\":[],\"nodes\":"),
    ] {
        let mut plan = good();
        plan["knobs"] = json!({ "b": 1 });
        let text = plan.to_string();
        assert!(text.contains(old), "{old} is not in {text}");
        let why = Plan::parse(&text.replacen(old, new, 1)).expect_err("a key twice").to_string();
        assert!(why.contains("twice") || why.contains("duplicate field"), "{why}");
    }
}

#[test]
fn a_plan_that_was_not_read_strikes_nodes_only() {
    // Made by a program, it has not gone through `Plan::parse`.
    for stranger in ["store", "nemesis", "n9"] {
        let events = vec![cut(10, 20, json!([["n0"], ["n1", "n2"]]))];
        let mut plan = Stage { events, ..Stage::default() }.plan().unwrap();
        plan.events[0].words["groups"][1][0] = json!(stranger);
        let members = [("n0", Role::Node), ("n1", Role::Node), ("n2", Role::Node)];
        let others = [("store", Role::Service), ("nemesis", Role::Fault)];
        let members = [&members[..], &others[..]].concat();
        let error = World::new(Arc::new(plan), &members, Bounds::SWARM).unwrap_err();
        assert!(error.to_string().contains(stranger), "{error}");
    }
}

#[test]
fn seeds_are_texts() {
    assert_eq!(parse_seed("0x5eed_0042"), Some(0x5eed_0042));
    assert_eq!(parse_seed("18446744073709551615"), Some(u64::MAX));
    assert_eq!(parse_seed("0xffff_ffff_ffff_ffff"), Some(u64::MAX));
    for wrong in ["", "0x", "-1", "1.5", "x5", "18446744073709551616", "_"] {
        assert_eq!(parse_seed(wrong), None, "{wrong:?}");
    }
}

fn arbitrary() -> impl Strategy<Value = Plan> {
    let event = (0..FAULTS.len(), any::<u64>(), 0_u64..1 << 40, 0_u64..1 << 40);
    let slots = prop::collection::vec(any::<u64>(), 0..4);
    let numbers = (any::<u64>(), any::<u64>(), any::<[u64; 2]>(), 0_usize..3, 1_usize..8);
    (numbers, prop::collection::vec(event, 0..5), slots.clone(), slots).prop_map(
        |((seed, latency, sync, dist, nodes), events, without, only)| {
            let stage = Stage {
                nodes,
                seed,
                latency_us: latency >> 13,
                sync_us: [sync[0].min(sync[1]) >> 13, sync[0].max(sync[1]) >> 13],
                dist: ["constant", "uniform", "exponential"][dist],
                ..Stage::default()
            };
            let mut plan = stage.plan().unwrap();
            plan.ops.without = without;
            plan.ops.only = only;
            plan.law_breaker = latency.is_multiple_of(2).then(|| "release-before-sync".to_owned());
            plan.knobs.insert("knob".to_owned(), json!({ "a": [latency, null, "ü\n"] }));
            for (id, (fault, key, at_us, for_us)) in events.into_iter().enumerate() {
                let words = (FAULTS[fault].draw)(&mut Random::new(key), &plan.nodes);
                let Value::Object(words) = words else { panic!("words are an object") };
                let what = FAULTS[fault].name.to_owned();
                let id = id as u64;
                plan.events.push(EventPlan { id, what, words, ..EventPlan::at(at_us, for_us) });
            }
            plan
        },
    )
}

fn config() -> ProptestConfig {
    ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_plan_is_the_same_after_it_was_written(plan in arbitrary()) {
        let read = Plan::parse(&plan.text()).unwrap();
        prop_assert_eq!(&read, &plan);
        prop_assert_eq!(read.digest(), plan.digest());
        let mut other = plan.clone();
        other.seed ^= 1;
        prop_assert_ne!(other.digest(), plan.digest());
    }
}
