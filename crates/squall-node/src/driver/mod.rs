//! The only implementation of the contract, without any I/O.
//!
//! A runtime calls [`Driver::step`] with each input and [`Driver::flush`] at the end of a turn
//! (a World: after every step; a process: after all lines that were waiting), and interprets the
//! [`Effects`]. Everything that the contract promises happens in between: the call table, quorum
//! calls, timers with generations, positions, held outputs, the release rule, refusals.

mod calls;
mod core;
mod timers;

use ::core::fmt;
use alloc::string::String;
use alloc::sync::Arc;

pub(crate) use self::core::{Core, Draws, Gate};
use crate::{
    ActorId, Ctx, Disk, DiskEvent, Effect, Effects, EventNo, Field, Form, Input, Instant, Lineage,
    Node, PeerHint, Position, Refusal, Roster, Sender, View, Wire, WireError, code,
};

/// When, why, and under which key a step happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The node's monotonic clock.
    pub now: Instant,
    /// The node's wall clock, nanoseconds since 1970.
    pub wall: u64,
    /// The number of the event that is being handled; it is the cause of what the step says.
    pub event: EventNo,
    /// The key of all draws of the step.
    pub lineage: Lineage,
}

/// What a runtime hands back when a timer is due. Opaque; a token of an earlier life or of a
/// replaced timer is stale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub u64);

/// A message as it came in.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// Who sent it.
    pub from: ActorId,
    /// Its own id.
    pub msg_id: Option<u64>,
    /// The id it answers. What is no integer on the wire is `None` here and never matches.
    pub in_reply_to: Option<u64>,
    /// Its name.
    pub name: &'a str,
    /// The form of its body.
    pub form: Form,
    /// Its body.
    pub body: &'a [u8],
}

/// An input as the runtime sees it.
#[derive(Debug)]
pub enum DriverInput<'a> {
    /// A life begins.
    Start,
    /// A message was delivered.
    Message(Arrival<'a>),
    /// A timer is due.
    Timer(Token),
    /// The sync that was asked for has ended well.
    Synced(Position),
    /// The sync that was asked for has failed.
    SyncFailed,
    /// The disk tells something.
    Disk(DiskEvent),
    /// A peer seems to be gone.
    PeerGone {
        /// The peer.
        peer: ActorId,
        /// The reason.
        hint: PeerHint,
    },
    /// The node is asked to end.
    Stop,
}

/// What became of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stepped {
    /// It was taken in, whether or not the node's handler had to be called for it.
    Taken,
    /// It came too late to mean anything: a replaced timer, a node that has halted. It counts
    /// as not having happened.
    Stale,
}

/// Laws that a run may switch off on purpose, to show that its tests have teeth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Rules {
    /// Breaks the release rule: outputs leave at the end of their step while the sync goes on.
    pub release_before_sync: bool,
    /// Key of `buggify`; `None` outside a World, where it never fires.
    pub buggify: Option<u64>,
}

/// A node and everything the contract promises it.
pub struct Driver<N: Node> {
    core: Core<N>,
    node: N,
    shown: View,
    halted: bool,
}

impl<N: Node> Driver<N> {
    /// A driver for one life of a node. `members` are all server nodes by ascending id.
    ///
    /// # Panics
    /// If the members are not in ascending order.
    #[must_use]
    pub fn new(node: N, identity: Identity, rules: Rules) -> Self {
        assert!(identity.members.is_sorted(), "members come by ascending id");
        Self { core: Core::new(identity, rules), node, shown: View::default(), halted: false }
    }

    /// Hands one input to the node and appends what it asks for to `fx`.
    pub fn step(
        &mut self,
        at: Moment,
        input: DriverInput<'_>,
        disk: &mut dyn Disk,
        fx: &mut Effects,
    ) -> Stepped {
        if self.halted {
            return Stepped::Stale;
        }
        self.core.begin(at);
        let stepped = self.take(input, disk, fx);
        while let Some(input) = self.core.ready.pop_front() {
            self.handle(input, disk, fx);
        }
        self.core.end(fx);
        if fx.observing && stepped == Stepped::Taken {
            self.show(fx);
        }
        stepped
    }

    /// Ends a turn: asks for a sync if there are writes without one and none is under way.
    pub fn flush(&mut self, fx: &mut Effects) {
        if !self.halted {
            self.core.flush(fx);
        }
    }

    /// The node, for those who look at it from outside.
    #[must_use]
    pub fn node(&self) -> &N {
        &self.node
    }

    /// How many outputs wait for a sync.
    #[must_use]
    pub fn held_count(&self) -> usize {
        self.core.held.len()
    }

    /// How many calls are open, those of quorums counted once.
    #[must_use]
    pub fn calls_count(&self) -> usize {
        self.core.calls.len()
    }

    /// Learns the name of an actor that speaks for the first time.
    pub fn meet(&mut self, name: &str) -> ActorId {
        match self.core.roster.id(name) {
            Some(id) => id,
            None => Arc::make_mut(&mut self.core.roster).add(name),
        }
    }

    /// The name of an actor.
    #[must_use]
    pub fn name(&self, actor: ActorId) -> Option<&str> {
        self.core.roster.name(actor)
    }

    #[inline(always)]
    fn handle(&mut self, input: Input<N>, disk: &mut dyn Disk, fx: &mut Effects) {
        self.node.handle(&mut Ctx { core: &mut self.core, disk, fx }, input);
        self.core.settle();
    }

    /// What an input means to the node: something to handle now, perhaps, and perhaps more that
    /// is ready after it.
    #[inline(always)]
    fn take(&mut self, input: DriverInput<'_>, disk: &mut dyn Disk, fx: &mut Effects) -> Stepped {
        match input {
            DriverInput::Message(arrival) => self.message(&arrival, disk, fx),
            // A new life. What the former one left unsynced counts as its first write.
            DriverInput::Start => {
                self.core.adopt(disk.is_dirty());
                self.handle(Input::Start, disk, fx);
            }
            // A timer is due, unless it was replaced, disarmed, or its call has ended.
            DriverInput::Timer(token) => return self.core.timer(token, fx),
            // The disk caught up: outputs leave, quorums may now count this node.
            DriverInput::Synced(upto) => self.core.synced(upto, fx),
            // The disk failed: nothing held may ever leave, since it may rest on lost writes.
            DriverInput::SyncFailed => {
                self.core.held.clear();
                self.halted = true;
                fx.list.push(Effect::Halt { reason: "a sync of the disk failed".into() });
            }
            DriverInput::Disk(event) => self.handle(Input::Disk(event), disk, fx),
            DriverInput::PeerGone { peer, hint } => {
                self.handle(Input::PeerGone { peer, hint }, disk, fx);
            }
            DriverInput::Stop => self.handle(Input::Stop, disk, fx),
        }
        Stepped::Taken
    }

    /// A message came: an answer to a call of ours, or a word of the node's language.
    #[inline(always)]
    fn message(&mut self, arrival: &Arrival<'_>, disk: &mut dyn Disk, fx: &mut Effects) {
        if let Some(id) = arrival.in_reply_to {
            return self.core.answer(id, arrival, fx);
        }
        match N::Message::decode(arrival.name, arrival.form, arrival.body) {
            Ok(body) => {
                let from = Sender { actor: arrival.from, msg_id: arrival.msg_id };
                self.handle(Input::Message { from, body }, disk, fx);
            }
            Err(error) => self.not_ours(arrival, error, fx),
        }
    }

    /// Bytes that are no word of ours: whoever waits for an answer gets a definite error.
    fn not_ours(&mut self, arrival: &Arrival<'_>, error: WireError, fx: &mut Effects) {
        if arrival.msg_id.is_some() {
            let code = match error {
                WireError::UnknownName => code::NOT_SUPPORTED,
                WireError::Malformed(_) => code::MALFORMED_REQUEST,
            };
            let text = alloc::format!("{}: {error}", arrival.name);
            let from = Sender { actor: arrival.from, msg_id: arrival.msg_id };
            self.core.refuse(from, &Refusal { code, text }, fx);
        }
        let name = arrival.name.into();
        fx.list.push(Effect::Undecodable { from: arrival.from, name, error });
    }

    /// The named values of the node as they are now.
    pub fn view(&self) -> View {
        let mut view = View::default();
        self.node.view(&mut view);
        view
    }

    /// Tells the named values that changed or have gone.
    fn show(&mut self, fx: &mut Effects) {
        let view = self.view();
        if view == self.shown {
            return;
        }
        let mut changed = view.clone();
        changed.fields.retain(|field| !self.shown.fields.contains(field));
        changed.replicated.retain(|digest| !self.shown.replicated.contains(digest));
        for name in self.shown.names().filter(|name| !view.names().any(|still| still == *name)) {
            changed.set(String::from(name), Field::Gone);
        }
        self.shown = view;
        fx.list.push(Effect::View(changed));
    }
}

/// Who a node is in its cluster.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The node.
    pub me: ActorId,
    /// The names that it knows.
    pub roster: Arc<Roster>,
    /// All server nodes by ascending id.
    pub members: Arc<[ActorId]>,
    /// Which life this is, from 0.
    pub incarnation: u32,
}

impl<N: Node + Clone> Clone for Driver<N>
where
    N::Message: Clone,
{
    fn clone(&self) -> Self {
        Self {
            core: self.core.clone(),
            node: self.node.clone(),
            shown: self.shown.clone(),
            halted: self.halted,
        }
    }
}

impl<N: Node> fmt::Debug for Driver<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver")
            .field("me", &self.core.me)
            .field("incarnation", &self.core.incarnation)
            .field("written", &self.core.written)
            .field("durable", &self.core.durable)
            .field("held", &self.core.held.len())
            .field("calls", &self.core.calls.len())
            .finish_non_exhaustive()
    }
}
