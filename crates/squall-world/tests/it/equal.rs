//! Equal plans are equal bytes; observing changes nothing; copies go on like their originals.

use std::sync::Arc;

use serde_json::json;
use squall_node::task::{Async, AsyncNode, Cx};
use squall_node::{ActorId, Sender};
use squall_world::{Chain, End, Factory, Host, InProcess};

use crate::stage::{Stage, Word, kill, say};

/// A cluster to which a lot happens.
fn busy(seed: u64) -> Stage {
    let lines = (0..60).map(|i| {
        let word = ["put", "pass", "ball", "vote", "ring", "get", "serve"][i % 7];
        say(i as u64 * 7, i % 3, word, 1 + i as u64 % 9)
    });
    let mut partition = crate::stage::cut(100, 200, json!([["n0"], ["n1", "n2"]]));
    partition["id"] = json!(2);
    Stage {
        seed,
        latency_us: 20_000,
        dist: "exponential",
        sync_us: [200, 3_000],
        events: vec![kill(50, 100, &["n1"], true), partition],
        lines: lines.collect(),
        ..Stage::default()
    }
}

#[test]
fn equal_plans_give_equal_bytes() {
    for seed in 0..20 {
        let (first, second) = (busy(seed).run(), busy(seed).run());
        assert_eq!(first.trace, second.trace);
        assert_eq!(first.report.hash, second.report.hash);
        assert!(first.trace.lines().count() > 300, "something happens");
    }
    assert_ne!(busy(1).run().report.hash, busy(2).run().report.hash);
}

#[test]
fn observing_changes_nothing() {
    for seed in 0..20 {
        let (seen, unseen) = (busy(seed).run().report, busy(seed).world().run());
        assert_eq!((seen.hash, seen.events), (unseen.hash, unseen.events));
        assert_eq!((seen.end_ns, seen.net), (unseen.end_ns, unseen.net));
        assert_eq!(seen.history.len(), unseen.history.len());
    }
}

#[test]
fn a_copy_goes_on_like_its_original() {
    for seed in 0..10 {
        let mut world = busy(seed).world();
        world.boot();
        // In the middle of a partition, a life, a sync.
        world.run_until(60_000_000 + seed * 20_000_000);
        let copy = world.fork().expect("all hosts can be cloned");
        assert_eq!((copy.hash(), copy.now_ns()), (world.hash(), world.now_ns()));
        let [first, second] = [world, copy].map(|mut world| {
            while world.end().is_none() {
                world.turn();
            }
            (world.hash(), world.events(), world.now_ns(), world.end().cloned())
        });
        assert_eq!(first, second);
        assert_eq!(first.0, busy(seed).world().run().hash, "and like a run that was not copied");
    }
}

/// A node in async style.
struct Dreamer;

impl AsyncNode for Dreamer {
    type Message = Word;

    async fn handle(cx: Cx<Self>, from: Sender, body: Word) {
        cx.reply(from, Word("put_ok".into(), body.1));
    }
}

#[test]
fn what_cannot_be_cloned_says_so() {
    let stage = Stage { lines: vec![say(1, 0, "put", 5)], ..Stage::default() };
    let with = |host: fn(InProcess<Async<Dreamer>>) -> Box<dyn Host>| {
        stage.world_with(|me, names, members| {
            let factory: Factory<Async<Dreamer>> = Arc::new(|| Async::new(Dreamer));
            let (names, members) = (Arc::clone(names), Arc::clone(members));
            let node = InProcess::new(me, names, members, factory, stage.rules);
            (me == ActorId(0)).then(|| host(node))
        })
    };
    let world = with(|node| Box::new(node));
    assert!(world.fork().is_none());
    let ran = stage.run_world(world);
    assert_eq!(ran.answers()[&0], (1_000, json!(5)), "it runs all the same");
}

#[test]
fn a_chain_of_hashes_finds_the_first_difference() {
    let stage =
        Stage { lines: (0..10).map(|i| say(i * 10, 0, "put", i)).collect(), ..Stage::default() };
    let keep = || {
        let mut world = stage.world();
        world.chain(Chain::Keep(Vec::new()));
        match world.run().chain {
            Chain::Keep(hashes) => hashes,
            other => panic!("{other:?}"),
        }
    };
    let hashes = keep();
    assert_eq!(hashes, keep());

    // The same again.
    let compare = |mut world: squall_world::World| {
        world.chain(Chain::Compare { hashes: hashes.clone().into(), compared: 0 });
        world.run().end
    };
    assert_eq!(compare(stage.world()), End::Done);

    // A host that carries something over from run to run: it knows the number 4 already, and
    // does not write it. Each put before is four events: the client's timer, the message, the
    // sync, the answer. The fifth begins in the same way, and then no sync comes.
    let other = stage.world_with(|me, names, members| {
        let factory: Factory<Forgetful> = Arc::new(|| Forgetful);
        let (names, members) = (Arc::clone(names), Arc::clone(members));
        let node = InProcess::new(me, names, members, factory, stage.rules);
        (me == ActorId(0)).then(|| Box::new(node) as Box<dyn Host>)
    });
    assert_eq!(compare(other), End::Diverged { event: 4 * 4 + 1 });
}

/// A keeper that does not do what it should with the number 4.
#[derive(Clone, Default)]
struct Forgetful;

impl squall_node::Node for Forgetful {
    type Message = Word;
    type Timer = u64;
    type Pending = squall_node::Never;

    fn handle(&mut self, ctx: &mut squall_node::Ctx<'_, Self>, input: squall_node::Input<Self>) {
        let squall_node::Input::Message { from, body } = input else { return };
        if body.1 != 4 {
            let kept = ctx.disk().append("kept", 0, 0, &body.1.to_le_bytes());
            assert!(kept.is_ok(), "the disk has no end");
        }
        ctx.reply(from, &Word("put_ok".into(), body.1));
    }
}
