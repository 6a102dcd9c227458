//! `kill`: nodes die at once, with or without power loss, and come back when the event ends.
//!
//! Power is lost by embedded nodes only. A process keeps its files in the system, which goes on: no
//! kill makes it forget what was not synced.

use serde_json::{Value, json};
use squall_node::Random;

use super::{Act, Fault, Finder, actors, shuffled};

pub(super) const KILL: Fault = Fault {
    name: "kill",
    help: "kills nodes, embedded ones with or without power loss, and starts them again",
    ops: ("kill", "start"),
    begins_at_once: false,
    words: &["kind", "nodes", "power"],
    draw,
    load,
    kind: |words| {
        let power = if words["power"] == Value::Bool(true) { "-power" } else { "" };
        format!("{}{power}", words["kind"].as_str().unwrap_or("kill"))
    },
};

/// Targets as Maelstrom draws them: a random non-empty subset, one, a third, a minority, a
/// majority, or all.
fn draw(random: &mut Random, nodes: &[String]) -> Value {
    let all = shuffled(random, nodes);
    let n = all.len();
    let majority = n / 2 + 1;
    let (kind, size) = match random.below(6) {
        0 => ("subset", usize::try_from(random.range(1..n as u64 + 1)).unwrap_or(1)),
        1 => ("one", 1),
        2 => ("minority-third", n.saturating_sub(1) / 3),
        3 => ("minority", majority - 1),
        4 => ("majority", majority),
        _ => ("all", n),
    };
    let mut targets = all[..size.min(n)].to_vec();
    targets.sort();
    json!({ "kind": kind, "nodes": targets, "power": random.below(2) == 0 })
}

fn load(words: &Value, of: Finder<'_>) -> Result<Act, String> {
    let power = words["power"]
        .as_bool()
        .ok_or_else(|| "a kill needs \"power\": true or false".to_owned())?;
    let mut nodes = actors(&words["nodes"], of)?;
    nodes.sort_unstable();
    Ok(Act::Down { nodes, power })
}
