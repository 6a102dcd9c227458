//! Wrong nodes are found: a switch in a right node, a law switched off.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use squall_workbench::{Row, Settings, Summary, Word, sweep};
use squall_world::Shape;

use crate::bench::{settings, under, with_nodes};

/// The first seed that is broken, and why.
fn first_broken(settings: &Settings, seeds: Range<u64>) -> Option<(u64, String)> {
    let stop = AtomicBool::new(false);
    let mut found: Option<(u64, String)> = None;
    let each = |row: Row| {
        if row.word == Word::Broken && found.is_none() {
            stop.store(true, Ordering::Relaxed);
            found = Some((row.seed, row.why.unwrap_or_default()));
        }
    };
    sweep(settings, seeds, 2, &stop, each).unwrap();
    found
}

/// With its switch off it is held: over enough seeds to say so, and up to the one that was broken.
fn assert_held(right: &Settings, broken: u64) {
    let mut summary = Summary::default();
    let seeds = 0..(broken + 1).max(60);
    sweep(right, seeds, 2, &AtomicBool::new(false), |row| summary.add(&row)).unwrap();
    assert_eq!(summary.word(), Word::Held, "{:?}", summary.words);
}

fn exponential(node: &str) -> Settings {
    let settings = under(&["partition", "kill"], settings(node));
    Settings { latency_ms: 20, dist: Shape::Exponential, ..settings }
}

#[test]
fn reads_that_do_not_write_back_are_found() {
    for node in ["abd", "abd-async"] {
        let right = exponential(node);
        let wrong = Settings { args: vec!["--no-write-back".to_owned()], ..right.clone() };
        let (seed, why) = first_broken(&wrong, 0..1_000).expect("within 1,000 seeds");
        println!("{node} without write-back: broken at seed {seed}: {why}");
        assert_held(&right, seed);
    }
}

#[test]
fn answers_before_the_sync_are_found() {
    // A kill must come within the millisecond of a sync, and take the only copy: many writes,
    // many kills, one node, clients that soon ask again.
    let right = Settings {
        rate_millionths: 200_000_000,
        fault_interval_ms: 250,
        time_limit_ms: 5_000,
        rpc_timeout_ms: Some(20),
        ..under(&["kill"], with_nodes(1, settings("broadcast")))
    };
    let law_breaker = Some("release-before-sync".to_owned());
    let wrong = Settings { law_breaker, ..right.clone() };
    let (seed, why) = first_broken(&wrong, 0..100).expect("within 100 seeds");
    println!("broadcast with release before sync: broken at seed {seed}: {why}");
    assert_held(&right, seed);
}

#[test]
fn a_law_that_does_not_exist_is_named() {
    let law_breaker = Some("gravity".to_owned());
    let plan = crate::bench::plan_of(&Settings { law_breaker, ..settings("echo") }, 1);
    let error = squall_workbench::run(&plan, None).expect_err("there is no such law").to_string();
    assert!(error.contains("gravity") && error.contains("release-before-sync"), "{error}");
}
