//! The call table: requests, retries, answers, quorums.

use alloc::format;
use alloc::vec::Vec;

use super::core::{Core, Draft, Gate};
use super::timers::Due;
use super::{Arrival, Token};
use crate::ctx::{Ask, name_of};
use crate::{
    ActorId, CallError, Duration, Effect, Effects, Input, Node, Policy, Position, Quorum,
    QuorumOutcome, QuorumResult, Refusal, Wire, code, scan_error,
};

/// Number of a call within one life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct CallId(u64);

/// Answers to older attempts than the last so many count as late.
const ATTEMPTS_REMEMBERED_MAX: usize = 256;

/// An open call.
#[derive(Clone)]
pub(super) struct Call<P, M> {
    pending: P,
    draft: Draft,
    policy: Policy,
    /// What the first attempt waited for, and every later one still waits for.
    position: Option<Position>,
    attempts: u32,
    msg_ids: Vec<u64>,
    timer: Option<Token>,
    hedge: Option<Token>,
    whom: Whom<M>,
}

/// Who is asked.
#[derive(Clone)]
enum Whom<M> {
    One(ActorId),
    Many(Round<M>),
}

/// A quorum call.
#[derive(Clone)]
struct Round<M> {
    peers: Vec<ActorId>,
    quorum: Quorum,
    /// Whether the caller's own word is still to be counted.
    awaits_self: bool,
    counts: Option<fn(&M) -> bool>,
    answers: Vec<(ActorId, M)>,
    refusals: Vec<(ActorId, Refusal)>,
}

impl<N: Node> Core<N> {
    pub(crate) fn call(
        &mut self,
        to: ActorId,
        message: &N::Message,
        policy: Policy,
        pending: N::Pending,
        fx: &mut Effects,
    ) {
        self.open(Whom::One(to), message, policy, pending, fx);
    }

    pub(crate) fn call_quorum(
        &mut self,
        ask: Ask<'_, N>,
        message: &N::Message,
        pending: N::Pending,
        fx: &mut Effects,
    ) {
        let awaits_self = ask.peers.contains(&self.me) || ask.need.has_member(self.me);
        let mut peers: Vec<_> = ask.peers.iter().copied().filter(|&p| p != self.me).collect();
        peers.sort_unstable();
        peers.dedup();
        let round = Round {
            quorum: Quorum::new(ask.need, peers.len() + usize::from(awaits_self)),
            peers,
            awaits_self,
            counts: ask.counts,
            answers: Vec::new(),
            refusals: Vec::new(),
        };
        self.open(Whom::Many(round), message, ask.policy, pending, fx);
    }

    fn open(
        &mut self,
        whom: Whom<N::Message>,
        message: &N::Message,
        policy: Policy,
        pending: N::Pending,
        fx: &mut Effects,
    ) {
        let mut body = Vec::new();
        message.encode(&mut body);
        let draft = Draft { name: name_of(message), form: message.form(), body };
        self.call_ids += 1;
        let id = CallId(self.call_ids);
        let call = Call {
            pending,
            draft,
            policy,
            position: None,
            attempts: 0,
            msg_ids: Vec::new(),
            timer: None,
            hedge: None,
            whom,
        };
        self.calls.insert(id, call);
        self.fresh.push(id);
        self.attempt(id, fx);
    }

    /// Makes the next attempt of a call: to one, or to all that have not answered yet.
    pub(super) fn attempt(&mut self, id: CallId, fx: &mut Effects) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        call.attempts = call.attempts.saturating_add(1);
        let (timeout, is_first) = (call.policy.timeout, call.attempts == 1);
        let hedge_after = call.policy.hedge_after.filter(|_| is_first);
        let label = fx.observing.then(|| format!("timeout of {}", call.draft.name));
        self.copy(id, fx);
        let timer = self.arm_due(timeout, Due::Attempt(id), label, fx);
        let hedge =
            hedge_after.map(|after| self.arm_due(after, Due::Hedge(id), Some("hedge".into()), fx));
        if let Some(call) = self.calls.get_mut(&id) {
            call.timer = Some(timer);
            call.hedge = hedge.or(call.hedge);
        }
    }

    /// Sends the request with fresh ids.
    pub(super) fn copy(&mut self, id: CallId, fx: &mut Effects) {
        let Some(mut call) = self.calls.remove(&id) else { return };
        let gate = call.position.map_or(Gate::All, Gate::After);
        let to: Vec<ActorId> = match &call.whom {
            Whom::One(to) => [*to].into(),
            Whom::Many(round) => {
                let silent = |peer: &&ActorId| !round.quorum.has_heard(**peer);
                round.peers.iter().filter(silent).copied().collect()
            }
        };
        for to in to {
            let msg_id = self.msg_ids;
            self.msg_ids += 1;
            call.msg_ids.push(msg_id);
            self.by_msg.insert(msg_id, id);
            let Draft { name, form, body } = &call.draft;
            self.leave((to, gate), (Some(msg_id), None), (name.clone(), *form), body, fx);
        }
        let too_many = call.msg_ids.len().saturating_sub(ATTEMPTS_REMEMBERED_MAX);
        for forgotten in call.msg_ids.drain(..too_many) {
            self.by_msg.remove(&forgotten);
        }
        self.calls.insert(id, call);
    }

    /// The time of an attempt is over: try again after a pause, or give up.
    pub(super) fn attempt_over(&mut self, id: CallId, fx: &mut Effects) {
        let Some(call) = self.calls.get(&id) else { return };
        let policy = call.policy;
        if call.attempts > policy.retries && policy.retries != Policy::FOREVER {
            self.finish(id, QuorumResult::TimedOut, Err(CallError::Timeout));
            return;
        }
        let doublings = (call.attempts - 1).min(32);
        let whole = policy.backoff_min.times(1 << doublings).min(policy.backoff_max);
        if whole == Duration::ZERO {
            self.attempt(id, fx);
            return;
        }
        let half = whole.0 / 2;
        let pause = Duration(half + self.random().below(whole.0 - half + 1));
        let timer = self.arm_due(pause, Due::Retry(id), Some("retry".into()), fx);
        if let Some(call) = self.calls.get_mut(&id) {
            call.timer = Some(timer);
        }
    }

    /// An answer came.
    pub(super) fn answer(&mut self, msg_id: u64, arrival: &Arrival<'_>, fx: &mut Effects) {
        let from = arrival.from;
        let Some(&id) = self.by_msg.get(&msg_id) else {
            fx.list.push(Effect::Late { from, in_reply_to: msg_id });
            return;
        };
        let said = if arrival.name == "error" {
            Err(CallError::Refused(scan_error(arrival.body)))
        } else {
            N::Message::decode(arrival.name, arrival.form, arrival.body).map_err(|error| {
                let text = format!("{}: {error}", arrival.name);
                fx.list.push(Effect::Undecodable { from, name: arrival.name.into(), error });
                CallError::Malformed(text)
            })
        };
        let Some(call) = self.calls.get_mut(&id) else { return };
        match &mut call.whom {
            Whom::One(_) => {
                let outcome = said.map(|message| (from, message));
                self.finish(id, QuorumResult::Reached, outcome);
            }
            Whom::Many(round) if !round.peers.contains(&from) || round.quorum.has_heard(from) => {
                fx.list.push(Effect::Late { from, in_reply_to: msg_id });
            }
            Whom::Many(round) => {
                round.hear(from, said);
                self.judge(id);
            }
        }
    }

    /// Ends the part of a step in which handlers ran: fresh calls learn what they wait for.
    pub(super) fn settle(&mut self) {
        if self.fresh.is_empty() {
            return;
        }
        let written = self.written;
        for id in core::mem::take(&mut self.fresh) {
            if let Some(call) = self.calls.get_mut(&id) {
                call.position = Some(written);
            }
        }
        self.count_self();
    }

    /// Counts this node in every quorum call whose step is durable by now.
    pub(super) fn count_self(&mut self) {
        let (me, durable) = (self.me, self.durable);
        let mut changed = Vec::new();
        for (&id, call) in &mut self.calls {
            let is_durable = call.position.is_some_and(|position| position <= durable);
            let Whom::Many(round) = &mut call.whom else { continue };
            if is_durable {
                if core::mem::take(&mut round.awaits_self) {
                    round.quorum.yes(me);
                }
                changed.push(id);
            }
        }
        for id in changed {
            self.judge(id);
        }
    }

    /// Ends a quorum call that is decided.
    fn judge(&mut self, id: CallId) {
        let Some(call) = self.calls.get(&id) else { return };
        let Whom::Many(round) = &call.whom else { return };
        if round.quorum.is_reached() {
            self.finish(id, QuorumResult::Reached, Err(CallError::Timeout));
        } else if round.quorum.is_impossible() {
            self.finish(id, QuorumResult::Impossible, Err(CallError::Timeout));
        }
    }

    /// Closes a call and hands its end to the node.
    fn finish(
        &mut self,
        id: CallId,
        result: QuorumResult,
        outcome: Result<(ActorId, N::Message), CallError>,
    ) {
        let Some(call) = self.calls.remove(&id) else { return };
        for msg_id in &call.msg_ids {
            self.by_msg.remove(msg_id);
        }
        for token in [call.timer, call.hedge].into_iter().flatten() {
            self.due.remove(&token);
        }
        let pending = call.pending;
        self.ready.push_back(match call.whom {
            Whom::One(_) => Input::Reply { pending, outcome },
            Whom::Many(Round { answers, refusals, .. }) => {
                Input::Quorum { pending, outcome: QuorumOutcome { result, answers, refusals } }
            }
        });
    }
}

impl<M> Round<M> {
    /// Takes the first word of a peer.
    fn hear(&mut self, from: ActorId, said: Result<M, CallError>) {
        let refused = |code, text: &str| Refusal { code, text: text.into() };
        match said {
            Ok(message) if self.counts.is_none_or(|counts| counts(&message)) => {
                self.quorum.yes(from);
                self.answers.push((from, message));
            }
            Ok(_) => {
                self.quorum.no(from);
                self.refusals.push((from, refused(code::ABORT, "the answer does not count")));
            }
            Err(CallError::Refused(refusal)) => {
                self.quorum.no(from);
                self.refusals.push((from, refusal));
            }
            Err(CallError::Malformed(text)) => {
                self.quorum.no(from);
                self.refusals.push((from, refused(code::CRASH, &text)));
            }
            Err(CallError::Timeout) => {}
        }
    }
}
