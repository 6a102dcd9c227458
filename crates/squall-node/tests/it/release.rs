//! The release rule: an answer leaves when everything that was written before it is durable.

use squall_node::{Ctx, Disk, DriverInput, Input, Position, Rules, Stepped};

use crate::rig::{CLIENT, N1, Puppet, Rig, puppet, word};

/// Votes once, and says so again when asked again.
fn voter(ctx: &mut Ctx<'_, Puppet>, input: &Input<Puppet>) {
    let Input::Message { from, body } = input else { return };
    if ctx.disk().get("vote").unwrap().is_none() {
        ctx.disk().put("vote", &body.1.to_le_bytes()).unwrap();
    }
    ctx.reply(*from, &word("voted", body.1));
}

/// The answers that leave before the sync has ended, and those that leave then.
fn asked_twice(rules: Rules) -> (Vec<String>, Vec<String>) {
    let mut rig = Rig::new(Puppet::new(voter), 0, rules);
    let mut early = rig.start();
    early.extend(rig.hear(N1, Some(7), ("vote", 5)));
    assert_eq!(rig.flush(), ["sync 1"]);
    // The repeated request writes nothing.
    early.extend(rig.hear(N1, Some(8), ("vote", 5)));
    assert!(rig.flush().is_empty(), "one sync at a time");
    (early, rig.synced(1))
}

#[test]
fn a_repeated_vote_does_not_overtake_the_sync_of_the_vote() {
    let (early, then) = asked_twice(Rules::default());
    assert!(early.is_empty(), "{early:?}");
    assert_eq!(then, ["@1 voted 5 re=7 held 2ms", "@1 voted 5 re=8 held 3ms"]);
}

#[test]
fn with_the_rule_off_it_does() {
    let (early, then) = asked_twice(Rules { release_before_sync: true, ..Rules::default() });
    assert_eq!(early, ["@1 voted 5 re=7", "@1 voted 5 re=8"]);
    assert!(then.is_empty());
}

#[test]
fn without_writes_everything_leaves_at_once() {
    let mut rig = puppet(|ctx, input| {
        if let Input::Message { from, .. } = input {
            ctx.reply(*from, &word("a", 1));
            ctx.send(N1, &word("b", 2));
        }
    });
    assert!(rig.start().is_empty());
    for id in 1..4 {
        assert_eq!(
            rig.hear(CLIENT, Some(id), ("go", 0)),
            [format!("@3 a 1 re={id}"), "@1 b 2".to_owned()]
        );
        assert!(rig.flush().is_empty());
    }
}

#[test]
fn writes_during_a_sync_wait_for_the_next_one() {
    let mut rig = puppet(voter);
    rig.start();
    rig.hear(CLIENT, Some(1), ("vote", 5));
    assert_eq!(rig.flush(), ["sync 1"]);
    rig.disk.cells.clear();
    rig.hear(CLIENT, Some(2), ("vote", 6));
    assert_eq!(rig.synced(1), ["@3 voted 5 re=1 held 2ms"]);
    assert_eq!(rig.flush(), ["sync 2"]);
    assert_eq!(rig.synced(2), ["@3 voted 6 re=2 held 3ms"]);
    assert!(rig.flush().is_empty());
}

#[test]
fn what_is_sent_after_a_position_waits_for_that_position_only() {
    let mut rig = puppet(|ctx, input| match input {
        Input::Message { body, .. } if body.0 == "write" => {
            ctx.disk().append("log", 0, 0, b"x").unwrap();
            ctx.send(N1, &word("wrote", ctx.position().0));
        }
        Input::Message { from, body } => {
            let position = Position(body.1);
            ctx.reply(*from, &word("all", 0));
            ctx.reply_after(position, *from, &word("after", body.1));
            ctx.send_after(position, N1, &word("after", body.1));
        }
        _ => {}
    });
    rig.start();
    assert!(rig.hear(CLIENT, None, ("write", 0)).is_empty());
    rig.flush();
    assert!(rig.hear(CLIENT, None, ("write", 0)).is_empty());
    // Position 0 is durable from the start: these two overtake everything.
    assert_eq!(rig.hear(CLIENT, Some(1), ("read", 0)), ["@3 after 0 re=1", "@1 after 0"]);
    // A position that was never written is as far as the node has written.
    assert!(rig.hear(CLIENT, Some(2), ("read", 1)).is_empty());
    assert!(rig.hear(CLIENT, Some(3), ("read", 99)).is_empty());
    assert_eq!(rig.driver.held_count(), 2 + 1 + 3 + 3);
    assert_eq!(
        rig.synced(1),
        ["@1 wrote 1 held 2ms", "@3 after 1 re=2 held 5ms", "@1 after 1 held 5ms"]
    );
    rig.flush();
    // In the order in which they were said.
    assert_eq!(
        rig.synced(2),
        [
            "@1 wrote 2 held 3ms",
            "@3 all 0 re=1 held 4ms",
            "@3 all 0 re=2 held 5ms",
            "@3 all 0 re=3 held 6ms",
            "@3 after 99 re=3 held 6ms",
            "@1 after 99 held 6ms",
        ]
    );
}

#[test]
fn what_is_sent_early_waits_for_nothing_and_durability_is_told() {
    let mut rig = puppet(|ctx, input| match input {
        Input::Message { body, .. } if body.0 == "append" => {
            ctx.send(N1, &word("held", 1));
            ctx.disk().append("log", 0, 0, b"x").unwrap();
            ctx.send_early(N1, &word("early", 2));
        }
        Input::Message { .. } => ctx.tell_when_durable(),
        Input::Synced(position) => ctx.send(N1, &word("synced", position.0)),
        _ => {}
    });
    rig.start();
    assert_eq!(rig.hear(CLIENT, None, ("append", 0)), ["@1 early 2"]);
    rig.flush();
    assert!(rig.hear(CLIENT, None, ("tell", 0)).is_empty());
    assert_eq!(rig.synced(1), ["@1 held 1 held 2ms", "@1 synced 1"]);
    assert_eq!(rig.heard().last().unwrap(), "Synced 1");
    // Everything is durable: nothing more will be told.
    assert!(rig.hear(CLIENT, None, ("tell", 0)).is_empty());
    assert!(rig.flush().is_empty());
    assert!(rig.heard().iter().all(|it| !it.starts_with("Synced")));
}

#[test]
fn a_life_that_inherits_unsynced_writes_answers_after_a_sync() {
    fn echo(ctx: &mut Ctx<'_, Puppet>, input: &Input<Puppet>) {
        if let Input::Message { from, .. } = input {
            let vote = ctx.disk().get("vote").unwrap();
            ctx.reply(*from, &word("voted", vote.map_or(0, |it| u64::from(it[0]))));
        }
    }
    let mut disk = crate::rig::Maps::default();
    disk.put("vote", &[5]).unwrap();
    // Killed and restarted, again and again, before any sync ends.
    for life in 1..4 {
        let mut rig = Rig::new(Puppet::new(echo), life, Rules::default());
        rig.disk = disk.clone();
        assert!(rig.start().is_empty());
        assert!(rig.hear(CLIENT, Some(1), ("ask", 0)).is_empty(), "the vote may still be lost");
        assert_eq!(rig.flush(), ["sync 1"]);
        assert!(rig.hear(CLIENT, Some(2), ("ask", 0)).is_empty());
        if life == 3 {
            let held = ["@3 voted 5 re=1 held 2ms", "@3 voted 5 re=2 held 3ms"];
            assert_eq!(rig.synced(1), held);
        }
    }
}

#[test]
fn a_failed_sync_halts_the_node_for_good() {
    let mut rig = puppet(voter);
    rig.start();
    rig.hear(CLIENT, Some(1), ("vote", 5));
    rig.flush();
    assert_eq!(rig.step(DriverInput::SyncFailed), ["halt: a sync of the disk failed"]);
    assert_eq!(rig.driver.held_count(), 0);
    for again in [rig.synced(1), rig.hear(CLIENT, Some(2), ("vote", 5)), rig.timer(1)] {
        assert!(again.is_empty());
        assert_eq!(rig.last, Stepped::Stale);
    }
    assert!(rig.flush().is_empty());
}

#[test]
fn a_refusal_waits_like_a_reply() {
    let mut rig = puppet(|ctx, input| {
        if let Input::Message { from, .. } = input {
            ctx.disk().put("vote", b"x").unwrap();
            ctx.refuse(*from, 22, "not \"equal\"");
        }
    });
    rig.start();
    assert!(rig.hear(CLIENT, Some(4), ("cas", 0)).is_empty());
    rig.flush();
    assert_eq!(rig.synced(1), ["@3 error 22 re=4 held 2ms"]);
}

#[test]
fn strange_words_get_a_definite_error_if_anybody_waits() {
    let mut rig = puppet(|_, _| {});
    rig.start();
    assert_eq!(
        rig.hear(CLIENT, Some(4), ("gibberish", 0)),
        ["@3 error 10 re=4", "no word @3 gibberish: no message of this type is understood here"]
    );
    let effects = rig.hear(CLIENT, None, ("gibberish", 0));
    assert_eq!(effects.len(), 1, "nobody waits: {effects:?}");
    assert_eq!(rig.heard(), ["Start"]);
}
