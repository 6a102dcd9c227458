//! Every embedded node under every mix of faults, over seeds.

use std::sync::atomic::AtomicBool;

use squall_workbench::{Settings, Summary, Word, sweep};
use squall_world::Shape;

use crate::bench::{judged, plan_of, settings, under};

const SEEDS: u64 = 60;

fn held(node: &str) {
    let mixes: &[&[&str]] = &[
        &[],
        &["partition"],
        &["partition-one-way"],
        &["kill"],
        &["partition", "partition-one-way", "kill"],
    ];
    for mix in mixes {
        let settings = under(mix, settings(node));
        let mut summary = Summary::default();
        let mut wrong = Vec::new();
        let each = |row: squall_workbench::Row| {
            summary.add(&row);
            if !matches!(row.word, Word::Held | Word::NotExercised) {
                wrong.push((row.seed, row.word, row.why));
            }
        };
        sweep(&settings, 0..SEEDS, 2, &AtomicBool::new(false), each).unwrap();
        let (words, faults) = (&summary.words, &summary.faults);
        println!("{node} under {mix:?}: {words:?} of {SEEDS}, faults {faults:?}");
        assert!(wrong.is_empty(), "{node} under {mix:?}: {wrong:?}");
        assert_eq!(summary.total(), SEEDS);
        assert_eq!(summary.word(), Word::Held, "{node} under {mix:?}: {words:?}");
        assert!(mix.iter().all(|kind| faults.contains_key(*kind)), "all kinds of faults came");
    }
}

#[test]
fn echo_holds() {
    held("echo");
}

#[test]
fn unique_ids_hold() {
    held("unique-ids");
}

#[test]
fn broadcast_holds() {
    held("broadcast");
}

#[test]
fn the_proxy_holds() {
    held("lin-kv");
}

#[test]
fn the_quorum_register_holds() {
    held("abd");
}

#[test]
fn the_quorum_register_in_async_style_holds() {
    held("abd-async");
}

#[test]
fn rows_do_not_depend_on_the_number_of_threads() {
    let settings = under(&["partition", "kill"], settings("broadcast"));
    let rows = |jobs| {
        let mut rows = Vec::new();
        let stop = AtomicBool::new(false);
        sweep(&settings, 5..25, jobs, &stop, |row| rows.push(row.line())).unwrap();
        rows
    };
    let one = rows(1);
    assert_eq!(one.len(), 20);
    assert!(one[0].starts_with("{\"seed\":\"0x5\",\"verdict\":"), "{}", one[0]);
    assert_eq!(one, rows(3));
}

/// How slow the links are the nodes do not know. Clients of lin-kv wait ten times as long as a
/// message takes.
#[test]
fn slow_links_are_only_slow() {
    for (node, latency_ms) in [
        ("broadcast", 1_000),
        ("lin-kv", 450),
        ("lin-kv", 1_000),
        ("lin-kv", 10_000),
        ("abd", 450),
        ("abd", 1_000),
        ("abd", 10_000),
        ("abd-async", 1_000),
    ] {
        let settings = Settings { latency_ms, time_limit_ms: 60_000, ..settings(node) };
        for dist in [Shape::Constant, Shape::Exponential] {
            let judged = judged(&plan_of(&Settings { dist, ..settings.clone() }, 1));
            let word = judged.word.as_str();
            assert_eq!(word, "held", "{node} at {latency_ms} ms, {}", dist.name());
        }
    }
}
