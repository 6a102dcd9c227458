//! Quorum calls, and the arithmetic behind them against its definition.

use proptest::prelude::*;
use squall_node::{
    ActorId, Ask, Ctx, Duration, Input, Need, Policy, Quorum, QuorumOutcome, QuorumResult,
};

use crate::rig::{CLIENT, ME, N1, N2, Puppet, Rig, puppet, word};

/// Asks in the way that the name of the message says; its number 1 writes first.
fn asker(ctx: &mut Ctx<'_, Puppet>, input: &Input<Puppet>) {
    match input {
        Input::Message { body, .. } => {
            if body.1 == 1 {
                ctx.disk().put("x", b"x").unwrap();
            }
            let all = [N2, ME, N1, N2];
            let need = match &*body.0 {
                "count" => Need::Count(2),
                "others" => Need::Count(2),
                "joint" => Need::Joint(vec![ME, N1], vec![N2, ME]),
                "alone" => Need::Majority(vec![ME]),
                _ => Need::Majority(vec![ME, N1, N2]),
            };
            let peers = if body.0 == "others" { &[N1, N2][..] } else { &all[..] };
            let counts: Option<fn(&crate::rig::Word) -> bool> =
                (body.0 == "even").then_some(|answer| answer.1 % 2 == 0);
            let policy = Policy::once(Duration::from_millis(10));
            ctx.call_quorum_where(Ask { peers, need, policy, counts }, &word("ask", 0), "round");
        }
        Input::Quorum { outcome: QuorumOutcome { result, answers, refusals }, .. } => {
            let name = match result {
                QuorumResult::Reached => "reached",
                QuorumResult::Impossible => "impossible",
                QuorumResult::TimedOut => "timed-out",
            };
            ctx.send(CLIENT, &word(name, (answers.len() * 10 + refusals.len()) as u64));
        }
        _ => {}
    }
}

fn ask(kind: &'static str, writes: u64) -> (Rig<Puppet>, Vec<String>) {
    let mut rig = puppet(asker);
    rig.start();
    let effects = rig.hear(CLIENT, None, (kind, writes));
    (rig, effects)
}

const BOTH: [&str; 3] = ["@1 ask 0 id=1", "@2 ask 0 id=2", "arm 1 10ms"];

#[test]
fn peers_are_asked_by_ascending_id_and_the_caller_never() {
    for kind in ["majority", "count", "others", "joint"] {
        assert_eq!(ask(kind, 0).1, BOTH);
    }
}

#[test]
fn the_caller_counts_when_its_writes_are_durable() {
    let (mut rig, effects) = ask("majority", 0);
    assert_eq!(effects, BOTH);
    assert_eq!(rig.answer(N2, 2, ("ok", 0)), ["@3 reached 10"], "nothing was written");
    assert_eq!(rig.answer(N1, 1, ("ok", 0)), ["late @1 re=1"]);

    let (mut rig, effects) = ask("majority", 1);
    assert_eq!(effects, ["arm 1 10ms"], "the requests are held");
    rig.flush();
    // Nobody can answer what has not left, but a World may try.
    assert!(rig.answer(N2, 2, ("ok", 0)).is_empty());
    assert_eq!(rig.synced(1)[2..], ["@3 reached 10"]);

    let (mut rig, _) = ask("alone", 1);
    rig.flush();
    assert_eq!(rig.synced(1).last().unwrap(), "@3 reached 0");
    assert_eq!(ask("alone", 0).1.last().unwrap(), "@3 reached 0", "in the same step");
}

#[test]
fn only_peers_that_were_asked_are_counted_and_once() {
    let (mut rig, _) = ask("others", 0);
    assert!(rig.answer(N1, 1, ("ok", 0)).is_empty());
    assert_eq!(rig.answer(N1, 1, ("ok", 0)), ["late @1 re=1"]);
    assert_eq!(rig.answer(CLIENT, 2, ("ok", 0)), ["late @3 re=2"]);
    assert_eq!(rig.answer(N2, 2, ("ok", 0)), ["@3 reached 20"]);
}

#[test]
fn too_many_refusals_make_it_impossible() {
    let (mut rig, _) = ask("majority", 0);
    assert!(rig.answer(N1, 1, ("error", 11)).is_empty());
    assert_eq!(rig.answer(N2, 2, ("error", 11)), ["@3 impossible 2"]);
    let (mut rig, _) = ask("others", 0);
    assert_eq!(rig.answer(N1, 1, ("error", 11)), ["@3 impossible 1"]);
}

#[test]
fn an_answer_that_does_not_count_is_a_refusal() {
    let (mut rig, _) = ask("even", 0);
    assert!(rig.answer(N1, 1, ("ok", 3)).is_empty());
    assert_eq!(rig.answer(N2, 2, ("ok", 4)), ["@3 reached 11"]);
}

#[test]
fn a_joint_quorum_needs_both_majorities() {
    let (mut rig, _) = ask("joint", 0);
    assert!(rig.answer(N1, 1, ("ok", 0)).is_empty());
    assert_eq!(rig.answer(N2, 2, ("ok", 0)), ["@3 reached 20"]);
    let (mut rig, _) = ask("joint", 0);
    assert_eq!(rig.answer(N2, 2, ("error", 1)), ["@3 impossible 1"]);
}

#[test]
fn it_times_out_with_the_answers_so_far() {
    let (mut rig, _) = ask("others", 0);
    rig.answer(N1, 1, ("ok", 0));
    assert_eq!(rig.timer(1), ["@3 timed-out 10"]);
    assert_eq!(rig.answer(N2, 2, ("ok", 0)), ["late @2 re=2"]);
}

/// Ids of a small cluster, in any order, perhaps twice.
fn members() -> impl Strategy<Value = Vec<ActorId>> {
    prop::collection::vec((0..7_u32).prop_map(ActorId), 0..7)
}

/// Whether more than half of the distinct members are among `yes`.
fn is_majority(members: &[ActorId], yes: &[ActorId]) -> bool {
    let mut distinct = members.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    distinct.iter().filter(|it| yes.contains(it)).count() * 2 > distinct.len()
}

proptest! {
    /// By definition: reached if those who said yes suffice; impossible if those who said yes
    /// and all who have said nothing would not.
    #[test]
    fn the_arithmetic_is_its_definition(
        kind in 0..3_u8,
        (count, old, new) in (0..8_usize, members(), members()),
        words in prop::collection::vec((0..7_u32, any::<bool>()), 0..12),
    ) {
        let everybody: Vec<_> = (0..7).map(ActorId).collect();
        let need = match kind {
            0 => Need::Count(count),
            1 => Need::Majority(old.clone()),
            _ => Need::Joint(old.clone(), new.clone()),
        };
        let suffice = |yes: &[ActorId]| match kind {
            0 => yes.len() >= count,
            1 => is_majority(&old, yes),
            _ => is_majority(&old, yes) && is_majority(&new, yes),
        };
        let mut quorum = Quorum::new(need, everybody.len());
        let (mut yes, mut no) = (Vec::new(), Vec::new());
        for (member, agrees) in words {
            let member = ActorId(member);
            let is_first = !yes.contains(&member) && !no.contains(&member);
            prop_assert_eq!(quorum.has_heard(member), !is_first);
            match agrees {
                true => quorum.yes(member),
                false => quorum.no(member),
            }
            if is_first {
                (if agrees { &mut yes } else { &mut no }).push(member);
            }
            let best: Vec<_> = everybody.iter().copied().filter(|it| !no.contains(it)).collect();
            prop_assert_eq!(quorum.is_reached(), suffice(&yes));
            prop_assert_eq!(quorum.is_impossible(), !suffice(&best));
        }
    }
}
