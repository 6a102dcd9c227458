//! `partition-one-way`: the shapes of a partition, in one direction only.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use squall_node::Random;

use super::{Fault, partition, shuffled};

pub(super) const PARTITION_ONE_WAY: Fault = Fault {
    name: "partition-one-way",
    help: "cuts one direction: some nodes are heard no more by the others, or hear them no more",
    ops: ("start-partition-one-way", "stop-partition-one-way"),
    begins_at_once: true,
    words: &["kind", "groups", "blocked"],
    draw,
    load: partition::load,
    kind: |words| words["kind"].as_str().unwrap_or("one-way").to_owned(),
};

fn draw(random: &mut Random, nodes: &[String]) -> Value {
    let all = shuffled(random, nodes);
    let (kind, size) = match random.below(3) {
        0 => ("one", 1),
        1 => ("minority-third", nodes.len().saturating_sub(1) / 3),
        _ => ("majority", nodes.len() / 2),
    };
    let (some, rest) = all.split_at(size.min(all.len()));
    let is_mute = random.below(2) == 0;
    let (silent, deaf) = if is_mute { (some, rest) } else { (rest, some) };
    let blocked: BTreeMap<&String, &[String]> = deaf.iter().map(|node| (node, silent)).collect();
    let kind = format!("{kind}-{}", if is_mute { "mute" } else { "deaf" });
    json!({ "kind": kind, "blocked": blocked })
}
