//! The same plan twice, the same node in two styles, and a copy of a World in the middle.

use std::cell::Cell;
use std::sync::Arc;

use serde_json::Value;
use squall_node::{ActorId, Moment, Rules};
use squall_workbench::nodes::{NODES, Seat};
use squall_workbench::{Build, build, compare, double_run, header};
use squall_world::{Bounds, Host, HostInput, Life, Outputs, Progress};

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

/// A host that takes no notice of one message, in the second World that is made and later ones.
struct Fickle {
    inner: Box<dyn Host>,
    deaf_at: Option<u64>,
    heard: u64,
}

impl Host for Fickle {
    fn step(&mut self, at: Moment, input: HostInput<'_>, out: &mut Outputs) -> Progress {
        if matches!(input, HostInput::Message { .. }) {
            self.heard += 1;
            if Some(self.heard) == self.deaf_at {
                return Progress::Quiescent;
            }
        }
        self.inner.step(at, input, out)
    }

    fn life(&mut self, at: Moment, actor: ActorId, life: Life, out: &mut Outputs) -> Progress {
        self.inner.life(at, actor, life, out)
    }

    fn fork(&self) -> Option<Box<dyn Host>> {
        None
    }
}

#[test]
fn what_differs_is_told_by_its_event() {
    let plan = plan_of(&settings("broadcast"), 5);
    let made = Cell::new(0);
    let make = || {
        let mut build = Build::new(&plan, Bounds::WORKBENCH)?;
        let node = NODES.iter().find(|node| node.name == "broadcast").unwrap();
        for at in 0..5 {
            let seat = Seat {
                me: ActorId(at),
                roster: Arc::new(build.world.roster()),
                members: (0..5).map(ActorId).collect(),
                rules: Rules::default(),
                args: Vec::new(),
            };
            // Worlds one and three are those of a right node, two and four are not.
            let deaf_at = Some(20).filter(|_| at == 2 && made.get() % 2 == 1);
            let inner = (node.host)(seat).unwrap();
            build.world.settle(ActorId(at), Box::new(Fickle { inner, deaf_at, heard: 0 }));
        }
        made.set(made.get() + 1);
        Ok(build.world)
    };
    let divergence = compare(&make, &header(&plan)).unwrap().unwrap_err();
    let text = divergence.to_string();
    println!("{text}");
    assert!(0 < divergence.event && divergence.event < divergence.events);
    let difference = divergence.difference.expect("the traces differ as well");
    assert!(difference.same.is_some());
    assert_ne!(difference.first, difference.second);
    for part in ["same until", "run 1", "run 2", "differs in", "state of n", "last step of"] {
        assert!(text.contains(part), "{part}");
    }
    // Two right Worlds: nothing to tell.
    let plain = || {
        made.set(0);
        make()
    };
    compare(&plain, &header(&plan)).unwrap().unwrap();
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
