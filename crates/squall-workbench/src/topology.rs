//! Which node is told to talk to which, as Maelstrom draws it.

use squall_node::quoted;

/// A shape.
#[derive(Clone, Copy, Debug)]
pub struct Topology {
    /// Its name on the command line.
    pub name: &'static str,
    /// The neighbours of a node among so many.
    pub neighbours: fn(node: usize, count: usize) -> Vec<usize>,
}

/// Every shape.
pub const TOPOLOGIES: &[Topology] = &[
    Topology { name: "grid", neighbours: grid },
    Topology { name: "line", neighbours: line },
    Topology { name: "total", neighbours: total },
    Topology { name: "tree", neighbours: tree::<2> },
    Topology { name: "tree2", neighbours: tree::<2> },
    Topology { name: "tree3", neighbours: tree::<3> },
    Topology { name: "tree4", neighbours: tree::<4> },
];

/// The shape of this name.
#[must_use]
pub(crate) fn find(name: &str) -> Option<&'static Topology> {
    TOPOLOGIES.iter().find(|topology| topology.name == name)
}

/// Row by row in a square that is just large enough; below, above, right, left.
#[must_use]
pub(crate) fn grid(node: usize, count: usize) -> Vec<usize> {
    let side = (1..).find(|side| side * side >= count).unwrap_or(1);
    let (row, column) = (node / side, node % side);
    let below = Some(node + side);
    let above = row.checked_sub(1).map(|_| node - side);
    let right = (column + 1 < side).then_some(node + 1);
    let left = column.checked_sub(1).map(|_| node - 1);
    [below, above, right, left].into_iter().flatten().filter(|&other| other < count).collect()
}

fn line(node: usize, count: usize) -> Vec<usize> {
    let next = Some(node + 1).filter(|&next| next < count);
    [node.checked_sub(1), next].into_iter().flatten().collect()
}

fn total(node: usize, count: usize) -> Vec<usize> {
    (0..count).filter(|&other| other != node).collect()
}

/// A heap over the list of nodes, the first one its root; parent first, then children.
fn tree<const BRANCHES: usize>(node: usize, count: usize) -> Vec<usize> {
    let parent = node.checked_sub(1).map(|above| above / BRANCHES);
    let first = node * BRANCHES + 1;
    let children = (first..first + BRANCHES).filter(|&child| child < count);
    parent.into_iter().chain(children).collect()
}

/// The whole topology as JSON: `{"n0":["n1"],…}`.
#[must_use]
pub(crate) fn json(nodes: &[String], neighbours: fn(usize, usize) -> Vec<usize>) -> String {
    let row = |(at, node): (usize, &String)| {
        let names: Vec<_> = neighbours(at, nodes.len()).iter().map(|&n| &nodes[n]).collect();
        format!("{}:{}", quoted(node), serde_json::to_string(&names).unwrap_or_default())
    };
    let rows: Vec<_> = nodes.iter().enumerate().map(row).collect();
    format!("{{{}}}", rows.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str, node: usize, count: usize) -> Vec<usize> {
        (find(name).unwrap().neighbours)(node, count)
    }

    #[test]
    fn shapes_are_those_of_maelstrom() {
        assert_eq!(of("grid", 12, 25), [17, 7, 13, 11]);
        assert_eq!(of("grid", 0, 5), [3, 1]);
        assert_eq!(of("grid", 4, 5), [1, 3]);
        assert_eq!(of("line", 0, 3), [1]);
        assert_eq!(of("line", 1, 3), [0, 2]);
        assert!(of("line", 0, 1).is_empty());
        assert_eq!(of("total", 1, 3), [0, 2]);
        assert_eq!(of("tree", 1, 6), [0, 3, 4]);
        assert_eq!(of("tree4", 0, 25), [1, 2, 3, 4]);
        assert_eq!(of("tree4", 24, 25), [5]);
    }

    #[test]
    fn every_link_is_known_at_both_ends() {
        for shape in TOPOLOGIES {
            for count in 1..40 {
                for node in 0..count {
                    for other in (shape.neighbours)(node, count) {
                        let back = (shape.neighbours)(other, count);
                        assert!(back.contains(&node), "{} of {count}: {node} {other}", shape.name);
                    }
                }
            }
        }
    }
}
