//! Removing one cause leaves the draws of everything else alone.

use squall_node::{Ctx, Effect, Input, Lineage};

use crate::rig::{CLIENT, N1, N2, Puppet, Rig, puppet, word};

/// Passes a message on, twice to one and once to the other, with a draw of its own.
fn forwarder(ctx: &mut Ctx<'_, Puppet>, input: &Input<Puppet>) {
    let Input::Message { body, .. } = input else { return };
    let draw = ctx.random().below(1_000_000);
    ctx.send(N1, &word("hop", draw));
    if body.0 == "both" {
        ctx.send(N1, &word("aside", 0));
    }
    ctx.send(N1, &word("hop", ctx.random().below(1_000_000)));
    ctx.send(N2, &word("hop", 0));
}

fn hear(rig: &mut Rig<Puppet>, name: &str, lineage: u64) -> Vec<(String, Lineage)> {
    rig.lineage = lineage;
    let lines = rig.hear(CLIENT, None, (name, 0));
    let sent = rig.effects.iter().map(|effect| match effect {
        Effect::Send(message) => message.lineage,
        other => panic!("{other:?}"),
    });
    lines.into_iter().zip(sent).collect()
}

#[test]
fn a_message_draws_by_what_caused_it_and_not_by_what_else_happened() {
    let mut all = puppet(forwarder);
    let first = hear(&mut all, "go", 100);
    let second = hear(&mut all, "go", 200);
    let mut without = puppet(forwarder);
    assert_eq!(hear(&mut without, "go", 200), second);
    assert!(first.iter().zip(&second).all(|(a, b)| a.1 != b.1));
}

#[test]
fn siblings_are_told_apart_by_receiver_name_and_ordinal() {
    let mut rig = puppet(forwarder);
    let plain = hear(&mut rig, "go", 100);
    let mut distinct: Vec<_> = plain.iter().map(|it| it.1).collect();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), plain.len());
    // Something said in between leaves the siblings as they were.
    let mut more = hear(&mut rig, "both", 100);
    more.remove(1);
    assert_eq!(more, plain);
}
