//! What the kinds of faults draw.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::Value;
use squall_node::{ActorId, Random};
use squall_world::faults::{Act, find};

fn names(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("n{n}")).collect()
}

/// A draw of a fault, and what the engine makes of it.
fn draw(fault: &str, count: usize, key: u64) -> (Value, Act) {
    let (fault, nodes) = (find(fault).unwrap(), names(count));
    let words = (fault.draw)(&mut Random::new(key), &nodes);
    let of = |name: &str| {
        let at = nodes.iter().position(|node| node == name)?;
        Some(ActorId(u32::try_from(at).unwrap()))
    };
    let act = (fault.load)(&words, &of).unwrap();
    (words, act)
}

/// Whom each node hears, itself included.
fn hears(act: &Act, count: usize) -> Vec<BTreeSet<usize>> {
    let Act::Cut(cuts) = act else { panic!("a partition cuts, not {act:?}") };
    let mut hears: Vec<BTreeSet<usize>> = (0..count).map(|_| (0..count).collect()).collect();
    for (src, dest) in cuts {
        assert_ne!(src, dest, "nobody is cut from himself");
        hears[dest.index()].remove(&src.index());
    }
    hears
}

/// Sizes of the groups that hear each other, if the cut is symmetric; the smaller first.
fn sides(hears: &[BTreeSet<usize>]) -> (usize, usize) {
    let groups: BTreeSet<_> = hears.iter().collect();
    let sizes: Vec<usize> = groups.iter().map(|group| group.len()).collect();
    for (node, group) in hears.iter().enumerate() {
        assert!(group.iter().all(|&other| hears[other].contains(&node)), "both ways");
    }
    match sizes[..] {
        [all] => (0, all),
        [a, b] => (a.min(b), a.max(b)),
        _ => panic!("two groups, not {sizes:?}"),
    }
}

fn config() -> ProptestConfig {
    ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn partitions_are_of_the_four_kinds(count in 1_usize..=25, key in any::<u64>()) {
        let (words, act) = draw("partition", count, key);
        let hears = hears(&act, count);
        let majority = count / 2 + 1;
        match words["kind"].as_str().unwrap() {
            "one" if count == 1 => prop_assert_eq!(sides(&hears), (0, 1)),
            "one" => prop_assert_eq!(sides(&hears).0, 1),
            "minority-third" => prop_assert_eq!(sides(&hears).0, (count - 1) / 3),
            "majority" => prop_assert_eq!(sides(&hears).0, count / 2),
            "majorities-ring" => {
                for (node, heard) in hears.iter().enumerate() {
                    prop_assert!(heard.contains(&node));
                    prop_assert!(heard.len() >= majority, "{:?} of {}", heard, count);
                    // Up to five nodes hear no more than that.
                    prop_assert!(count > 5 || heard.len() == majority);
                }
                // With two nodes a majority is everybody.
                let different: BTreeSet<_> = hears.iter().collect();
                prop_assert!(count == 2 || count > 5 || different.len() == count);
                // And it is a partition: somebody is not heard.
                prop_assert!(count < 3 || hears.iter().all(|heard| heard.len() < count));
            }
            other => prop_assert!(false, "{}", other),
        }
    }

    #[test]
    fn one_way_cuts_leave_the_other_way_open(count in 2_usize..=25, key in any::<u64>()) {
        let (words, act) = draw("partition-one-way", count, key);
        let hears = hears(&act, count);
        let deaf: BTreeSet<usize> = (0..count).filter(|&n| hears[n].len() < count).collect();
        let kind = words["kind"].as_str().unwrap().to_owned();
        let few = match kind.rsplit_once('-').unwrap().0 {
            "one" => 1,
            "minority-third" => (count - 1) / 3,
            _ => count / 2,
        };
        let is_mute = kind.ends_with("mute");
        let expected = if is_mute && few > 0 { count - few } else { few };
        prop_assert_eq!(deaf.len(), expected);
        for node in 0..count {
            for other in 0..count {
                let both_cut = !hears[node].contains(&other) && !hears[other].contains(&node);
                prop_assert!(!both_cut, "{} and {} are cut both ways", node, other);
            }
        }
    }

    #[test]
    fn kills_strike_as_many_as_their_kind_says(count in 1_usize..=25, key in any::<u64>()) {
        let (words, act) = draw("kill", count, key);
        let Act::Down { nodes, power } = act else { return Err(TestCaseError::fail("no kill")) };
        prop_assert_eq!(words["power"].as_bool(), Some(power));
        prop_assert!(nodes.windows(2).all(|pair| pair[0] < pair[1]), "each once, in order");
        let majority = count / 2 + 1;
        let size = match words["kind"].as_str().unwrap() {
            "subset" => nodes.len().max(1),
            "one" => 1,
            "minority-third" => (count - 1) / 3,
            "minority" => majority - 1,
            "majority" => majority,
            _ => count,
        };
        prop_assert_eq!(nodes.len(), size);
    }
}

#[test]
fn every_kind_is_drawn_about_as_often() {
    for (fault, kinds) in [("partition", 4), ("partition-one-way", 6), ("kill", 6)] {
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        for key in 0..6_000 {
            let (words, _) = draw(fault, 5, squall_node::mix(key));
            *counts.entry(words["kind"].as_str().unwrap().to_owned()).or_default() += 1;
        }
        let expected = 6_000 / kinds;
        assert_eq!(counts.len() as u64, kinds, "{fault}: {counts:?}");
        assert!(
            counts.values().all(|n| n.abs_diff(expected) < expected / 5),
            "{fault}: {counts:?}"
        );
    }
}
