//! The same plan twice, the same node in two styles, and a copy of a World in the middle.

use serde_json::Value;
use squall_workbench::nodes::NODES;
use squall_workbench::{build, double_run};

use crate::bench::{plan_of, settings, trace, under};

#[test]
fn double_runs_do_not_differ() {
    for node in NODES {
        let settings = under(&["partition", "kill"], settings(node.name));
        let mut divergences = 0;
        for seed in 0..50 {
            if let Err(divergence) = double_run(&plan_of(&settings, seed)).unwrap() {
                divergences += 1;
                println!("{} seed {seed}: {divergence}", node.name);
            }
        }
        println!("{}: {divergences} of 50 double runs differed", node.name);
        assert_eq!(divergences, 0);
    }
}

/// What the nodes and clients say and hear: everything of these lines.
fn messages(node: &str, seed: u64) -> Vec<Value> {
    let mut settings = under(&["partition", "kill"], settings(node));
    settings.latency_ms = 20;
    settings.dist = squall_world::Shape::Exponential;
    let plan = plan_of(&settings, seed);
    let kept = |line: &Value| ["send", "recv", "lost"].contains(&line["k"].as_str().unwrap());
    let lines = trace(&plan);
    let sends = lines.iter().map(|line| line["id"].clone()).collect::<Vec<_>>();
    let mut kept: Vec<Value> = lines.into_iter().filter(kept).collect();
    // Numbers of lines may differ, if something else is told between them: what is received is
    // named by the message's own number.
    for line in &mut kept {
        let line = line.as_object_mut().unwrap();
        line.remove("e");
        line.remove("c");
        if let Some(of) = line.remove("of") {
            let id = sends[usize::try_from(of.as_u64().unwrap()).unwrap()].clone();
            line.insert("of".to_owned(), id);
        }
    }
    kept
}

#[test]
fn both_styles_say_the_same() {
    let mut count = 0;
    for seed in 0..50 {
        let (handler, futures) = (messages("abd", seed), messages("abd-async", seed));
        let differ = handler.iter().zip(&futures).find(|(a, b)| a != b);
        assert_eq!(differ, None, "seed {seed}");
        assert_eq!(handler.len(), futures.len(), "seed {seed}");
        count += handler.len();
    }
    println!("{count} lines of messages in both styles");
    assert!(count > 50_000, "only {count}");
}

#[test]
fn a_whole_workbench_can_be_copied() {
    for node in NODES.iter().filter(|node| node.name != "abd-async") {
        let settings = under(&["partition", "kill"], settings(node.name));
        let plan = plan_of(&settings, 3);
        let mut world = build(&plan).unwrap();
        world.boot();
        world.run_until(5_000_000_000);
        let copy = world.fork().expect("a node in handler style can be cloned");
        let [first, second] = [world, copy].map(|mut world| {
            while world.end().is_none() {
                world.turn();
            }
            (world.hash(), world.events())
        });
        assert_eq!(first, second, "{}", node.name);
    }
    let plan = plan_of(&settings("abd-async"), 3);
    assert!(build(&plan).unwrap().fork().is_none(), "futures cannot be cloned");
}
