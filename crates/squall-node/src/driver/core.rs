//! The state behind the verbs: identity, positions, held outputs, and how a message leaves.

use alloc::borrow::Cow;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cell::Cell;
use core::{iter, mem};

use super::calls::{Call, CallId};
use super::timers::Due;
use super::{Identity, Moment, Rules, Token};
use crate::ctx::name_of;
use crate::{
    ActorId, Bytes, Effect, Effects, EventNo, Form, Input, Instant, Lineage, Node, Outgoing,
    Position, Random, Refusal, Roster, Sender, Wire, draw_key, error_body, hash_text, mix,
    splice_ids, word,
};

/// What an output waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gate {
    /// Nothing.
    Now,
    /// All writes up to the end of this step.
    All,
    /// The writes up to here.
    After(Position),
}

/// An output that waits for a sync.
#[derive(Clone)]
pub(crate) struct Held {
    position: Position,
    since: Instant,
    message: Outgoing,
}

const DOMAIN_STEP: u64 = 0x6e6f_6465_5f73_7465;
const DOMAIN_BUGGIFY: u64 = 0x6275_6767_6966_7931;
const TAG_TIMER: u64 = 0x7469_6d65_7200_0000;
const TAG_SYNC: u64 = 0x7379_6e63_0000_0000;

/// Invariants:
/// - `durable <= written`; `syncing` lies between them.
/// - A held output has a position above `durable`.
/// - Every id in `by_msg` belongs to a call in `calls`.
/// - Every timer in `timers` has its token in `due`.
pub(crate) struct Core<N: Node> {
    pub(crate) me: ActorId,
    pub(crate) roster: Arc<Roster>,
    pub(crate) members: Arc<[ActorId]>,
    pub(crate) incarnation: u32,
    pub(crate) rules: Rules,

    pub(crate) at: Moment,
    draws: Cell<u64>,
    armed: u64,
    buggified: BTreeMap<&'static str, u64>,
    names: NameHash,
    /// Goals that were told to exist.
    pub(crate) goals: BTreeSet<&'static str>,
    said: Vec<(ActorId, u64, u64)>,
    gated: Vec<(usize, Gate)>,

    pub(crate) written: Position,
    pub(crate) durable: Position,
    syncing: Option<Position>,
    tell: bool,
    told_at: Vec<Position>,
    pub(super) held: Vec<Held>,

    pub(super) tokens: u64,
    pub(super) timers: BTreeMap<N::Timer, Token>,
    pub(super) due: BTreeMap<Token, Due<N::Timer>>,

    pub(super) msg_ids: u64,
    pub(super) call_ids: u64,
    pub(super) calls: BTreeMap<CallId, Call<N::Pending, N::Message>>,
    pub(super) by_msg: BTreeMap<u64, CallId>,
    pub(super) fresh: Vec<CallId>,

    pub(super) ready: VecDeque<Input<N>>,
    pub(super) scratch: Vec<u8>,
    spliced: Vec<u8>,
}

/// Where the generators of one step come from: one for each time a node asks.
#[derive(Clone, Copy, Default)]
pub(crate) struct Draws {
    pub(crate) lineage: u64,
    pub(crate) actor: u64,
    pub(crate) next: u64,
}

impl Draws {
    pub(crate) const fn random(self) -> Random {
        Random::new(draw_key(self.lineage, DOMAIN_STEP, self.actor, self.next))
    }
}

/// The hash of the last static name: a node says the same few names again and again.
#[derive(Clone, Copy, Default)]
struct NameHash {
    place: (usize, usize),
    hash: u64,
}

impl NameHash {
    #[allow(clippy::ptr_arg, reason = "only a static text has an address that stands for it")]
    fn hash(&mut self, name: &Cow<'static, str>) -> u64 {
        let Cow::Borrowed(fixed) = name else { return hash_text(name) };
        let place = (fixed.as_ptr() as usize, fixed.len());
        if self.place != place {
            *self = Self { place, hash: hash_text(fixed) };
        }
        self.hash
    }
}

/// A body that is not yet bound to a receiver.
#[derive(Clone)]
pub(super) struct Draft {
    pub(super) name: Cow<'static, str>,
    pub(super) form: Form,
    /// Without ids.
    pub(super) body: Vec<u8>,
}

impl<N: Node> Core<N> {
    pub(super) fn new(identity: Identity, rules: Rules) -> Self {
        let Identity { me, roster, members, incarnation } = identity;
        let at =
            Moment { now: Instant::ZERO, wall: 0, event: EventNo(0), lineage: Lineage::default() };
        Self {
            me,
            roster,
            members,
            incarnation,
            rules,
            at,
            draws: Cell::new(0),
            armed: 0,
            buggified: BTreeMap::new(),
            names: NameHash::default(),
            goals: BTreeSet::new(),
            said: Vec::new(),
            gated: Vec::new(),
            written: Position(0),
            durable: Position(0),
            syncing: None,
            tell: false,
            told_at: Vec::new(),
            held: Vec::new(),
            tokens: 0,
            timers: BTreeMap::new(),
            due: BTreeMap::new(),
            // Ids of different lives must not meet: an answer to an earlier life would match.
            msg_ids: (u64::from(incarnation) << 32).max(1),
            call_ids: 0,
            calls: BTreeMap::new(),
            by_msg: BTreeMap::new(),
            fresh: Vec::new(),
            ready: VecDeque::new(),
            scratch: Vec::new(),
            spliced: Vec::new(),
        }
    }

    pub(super) fn begin(&mut self, at: Moment) {
        debug_assert!(self.ready.is_empty(), "a step ends with nothing left to handle");
        debug_assert!(self.gated.is_empty(), "a step ends with every output left or held");
        self.at = at;
        self.draws.set(0);
        self.armed = 0;
        self.said.clear();
    }

    pub(crate) fn random(&self) -> Random {
        let draws = self.draws();
        self.set_draws(Draws { next: draws.next + 1, ..draws });
        draws.random()
    }

    pub(crate) fn draws(&self) -> Draws {
        let actor = u64::from(self.me.0);
        Draws { lineage: self.at.lineage.0, actor, next: self.draws.get() }
    }

    pub(crate) fn set_draws(&self, draws: Draws) {
        self.draws.set(draws.next);
    }

    pub(crate) fn buggify(&mut self, name: &'static str) -> bool {
        let Some(seed) = self.rules.buggify else { return false };
        // Counts begin again with each life, which is to see other draws than the one before.
        let life = u64::from(self.incarnation) << 32 | u64::from(self.me.0);
        let site = draw_key(seed, DOMAIN_BUGGIFY, hash_text(name), life);
        let count = self.buggified.entry(name).or_insert(0);
        *count += 1;
        let enabled = draw_key(seed, DOMAIN_BUGGIFY, hash_text(name), u64::MAX) >> 62 == 0;
        enabled && word(site, *count, 0) >> 62 == 0
    }

    // ---- disk positions and the release rule ----

    /// A disk with unsynced writes of the former life counts them as the first write of this one.
    pub(super) fn adopt(&mut self, is_dirty: bool) {
        if is_dirty {
            self.written = Position(1);
        }
    }

    pub(crate) fn tell_when_durable(&mut self) {
        self.tell = true;
    }

    /// Ends a step: what need not wait stays among the effects, the rest is held.
    pub(super) fn end(&mut self, fx: &mut Effects) {
        if mem::take(&mut self.tell) && self.written > self.durable {
            self.told_at.push(self.written);
        }
        if self.written <= self.durable || self.rules.release_before_sync {
            self.gated.clear();
        }
        let Some(&(first, _)) = self.gated.first() else { return };
        let mut gates = self.gated.drain(..).peekable();
        for (offset, effect) in fx.list.split_off(first).into_iter().enumerate() {
            let gate = gates.next_if(|&(place, _)| place == first + offset);
            let position = match gate {
                None | Some((_, Gate::Now)) => Position(0),
                Some((_, Gate::All)) => self.written,
                Some((_, Gate::After(position))) => position.min(self.written),
            };
            match effect {
                Effect::Send(message) if position > self.durable => {
                    self.held.push(Held { position, since: self.at.now, message });
                }
                effect => fx.list.push(effect),
            }
        }
    }

    pub(super) fn flush(&mut self, fx: &mut Effects) {
        if self.written > self.durable && self.syncing.is_none() {
            self.syncing = Some(self.written);
            fx.list.push(self.sync_effect(self.written));
        }
    }

    fn sync_effect(&self, upto: Position) -> Effect {
        Effect::Sync { upto, lineage: self.at.lineage.child(TAG_SYNC ^ u64::from(self.me.0)) }
    }

    /// A sync has ended: everything that waited for it leaves, in the order in which it was said.
    pub(super) fn synced(&mut self, upto: Position, fx: &mut Effects) {
        debug_assert!(upto <= self.written, "no sync covers writes to come");
        self.syncing = None;
        self.durable = self.durable.max(upto);
        let mut kept = Vec::new();
        for held in self.held.drain(..) {
            if held.position > self.durable {
                kept.push(held);
                continue;
            }
            let mut message = held.message;
            message.held_from = Some(held.since);
            fx.list.push(Effect::Send(message));
        }
        self.held = kept;
        let asked = self.told_at.len();
        self.told_at.retain(|&position| position > self.durable);
        if self.told_at.len() < asked {
            self.ready.push_back(Input::Synced(self.durable));
        }
        self.count_self();
    }

    // ---- how a message leaves ----

    pub(crate) fn say(
        &mut self,
        to: ActorId,
        in_reply_to: Option<u64>,
        message: &N::Message,
        gate: Gate,
        fx: &mut Effects,
    ) {
        let mut body = mem::take(&mut self.scratch);
        body.clear();
        message.encode(&mut body);
        let ids = (None, in_reply_to);
        self.leave((to, gate), ids, (name_of(message), message.form()), &body, fx);
        self.scratch = body;
    }

    pub(crate) fn refuse(&mut self, to: Sender, refusal: &Refusal, fx: &mut Effects) {
        let mut body = Vec::new();
        error_body(refusal, &mut body);
        let kind = ("error".into(), Form::Json);
        self.leave((to.actor, Gate::All), (None, to.msg_id), kind, &body, fx);
    }

    /// A message joins the effects. It is put together where it will lie: it is too large to be
    /// moved for nothing.
    #[inline(always)]
    pub(super) fn leave(
        &mut self,
        (to, gate): (ActorId, Gate),
        (msg_id, in_reply_to): (Option<u64>, Option<u64>),
        (name, form): (Cow<'static, str>, Form),
        body: &[u8],
        fx: &mut Effects,
    ) {
        if gate != Gate::Now {
            self.gated.push((fx.list.len(), gate));
        }
        let mut body = match form {
            Form::Json if msg_id.is_some() || in_reply_to.is_some() => {
                self.spliced.clear();
                splice_ids(body, msg_id, in_reply_to, &mut self.spliced);
                Bytes::from(&self.spliced[..])
            }
            Form::Json | Form::Binary => Bytes::from(body),
        };
        let name_hash = self.names.hash(&name);
        let lineage = self.descend(to, name_hash);
        let cause = self.at.event;
        fx.list.extend(iter::once_with(|| {
            let body = mem::take(&mut body);
            let held_from = None;
            Effect::Send(Outgoing {
                to,
                msg_id,
                in_reply_to,
                name,
                form,
                body,
                cause,
                lineage,
                held_from,
            })
        }));
    }

    /// The lineage of a message: that of the step, the receiver, the hash of its name, and how
    /// many of this name to this receiver the step has said before.
    fn descend(&mut self, to: ActorId, name: u64) -> Lineage {
        let ordinal = match self.said.iter_mut().find(|(a, n, _)| (*a, *n) == (to, name)) {
            Some((_, _, count)) => {
                *count += 1;
                *count
            }
            None => {
                self.said.push((to, name, 0));
                0
            }
        };
        self.at.lineage.child(mix(name ^ mix(u64::from(to.0))).wrapping_add(ordinal))
    }

    pub(super) fn next_token(&mut self) -> (Token, Lineage) {
        self.tokens += 1;
        self.armed += 1;
        let tag = TAG_TIMER ^ mix(u64::from(self.me.0)).wrapping_add(self.armed);
        (Token(self.tokens), self.at.lineage.child(tag))
    }
}

impl<N: Node> Clone for Core<N>
where
    N::Message: Clone,
{
    fn clone(&self) -> Self {
        Self {
            me: self.me,
            roster: Arc::clone(&self.roster),
            members: Arc::clone(&self.members),
            incarnation: self.incarnation,
            rules: self.rules,
            at: self.at,
            draws: self.draws.clone(),
            armed: self.armed,
            buggified: self.buggified.clone(),
            names: self.names,
            goals: self.goals.clone(),
            said: self.said.clone(),
            gated: self.gated.clone(),
            written: self.written,
            durable: self.durable,
            syncing: self.syncing,
            tell: self.tell,
            told_at: self.told_at.clone(),
            held: self.held.clone(),
            tokens: self.tokens,
            timers: self.timers.clone(),
            due: self.due.clone(),
            msg_ids: self.msg_ids,
            call_ids: self.call_ids,
            calls: self.calls.clone(),
            by_msg: self.by_msg.clone(),
            fresh: self.fresh.clone(),
            ready: self.ready.clone(),
            scratch: Vec::new(),
            spliced: Vec::new(),
        }
    }
}
