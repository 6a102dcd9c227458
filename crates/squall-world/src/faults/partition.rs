//! `partition`: the four kinds of Maelstrom, drawn uniformly.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use squall_node::Random;

use super::{Act, Fault, Finder, actors, shuffled};

pub(super) const PARTITION: Fault = Fault {
    name: "partition",
    help: "cuts the network in two, or so that every node sees another majority",
    ops: ("start-partition", "stop-partition"),
    begins_at_once: true,
    words: &["kind", "groups", "blocked"],
    draw,
    load,
    kind: |words| words["kind"].as_str().unwrap_or("partition").to_owned(),
};

fn draw(random: &mut Random, nodes: &[String]) -> Value {
    let all = shuffled(random, nodes);
    let cut = |kind: &str, size: usize| {
        let (some, rest) = all.split_at(size.min(all.len()));
        json!({ "kind": kind, "groups": [some, rest] })
    };
    match random.below(4) {
        0 => cut("one", 1),
        1 => cut("minority-third", nodes.len().saturating_sub(1) / 3),
        2 => cut("majority", nodes.len() / 2),
        _ => json!({ "kind": "majorities-ring", "blocked": ring(&all) }),
    }
}

/// For each node the nodes that it does not hear: every node sees a majority, and for up to five
/// nodes no two see the same.
///
/// Up to five nodes stand in a ring, and each keeps the window of a majority around it. Larger
/// clusters grow a graph by joining the least connected nodes until each sees a majority.
fn ring(order: &[String]) -> BTreeMap<&String, Vec<&String>> {
    let n = order.len();
    let majority = n / 2 + 1;
    let sees: Vec<Vec<bool>> = if n <= 5 {
        let window = |node: usize| {
            let before = majority / 2;
            let mut seen = vec![false; n];
            for step in 0..majority {
                seen[(node + n + step - before) % n] = true;
            }
            seen
        };
        (0..n).map(window).collect()
    } else {
        least_connected(n, majority)
    };
    let blocked = |node: usize| {
        let unseen = (0..n).filter(|&other| !sees[node][other]).map(|other| &order[other]);
        let mut unseen: Vec<_> = unseen.collect();
        unseen.sort();
        (&order[node], unseen)
    };
    (0..n).map(blocked).collect()
}

fn least_connected(n: usize, majority: usize) -> Vec<Vec<bool>> {
    let mut sees: Vec<Vec<bool>> = (0..n).map(|i| (0..n).map(|j| i == j).collect()).collect();
    let degree = |sees: &[Vec<bool>], node: usize| sees[node].iter().filter(|s| **s).count();
    loop {
        let by_degree = |a: &usize, b: &usize| (degree(&sees, *a), a).cmp(&(degree(&sees, *b), b));
        let Some(a) = (0..n).min_by(by_degree) else { return sees };
        if degree(&sees, a) >= majority {
            return sees;
        }
        let Some(b) = (0..n).filter(|&b| !sees[a][b]).min_by(by_degree) else { return sees };
        sees[a][b] = true;
        sees[b][a] = true;
    }
}

pub(super) fn load(words: &Value, of: Finder<'_>) -> Result<Act, String> {
    let mut cuts = Vec::new();
    if let Some(groups) = words["groups"].as_array() {
        let groups: Vec<_> = groups.iter().map(|g| actors(g, of)).collect::<Result<_, _>>()?;
        for (i, from) in groups.iter().enumerate() {
            for to in groups.iter().enumerate().filter(|(j, _)| *j != i).map(|(_, to)| to) {
                cuts.extend(from.iter().flat_map(|&src| to.iter().map(move |&dest| (src, dest))));
            }
        }
    } else if let Some(blocked) = words["blocked"].as_object() {
        for (node, sources) in blocked {
            let dest = of(node).ok_or_else(|| format!("there is no node {node}"))?;
            cuts.extend(actors(sources, of)?.into_iter().map(|src| (src, dest)));
        }
    } else {
        return Err("a partition needs \"groups\" or \"blocked\"".to_owned());
    }
    cuts.sort_unstable();
    Ok(Act::Cut(cuts))
}
