//! The context: the verbs of a node.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::driver::{Core, Gate};
use crate::{
    ActorId, Bounds, Check, Disk, DiskError, Duration, Effect, Effects, Instant, Need, Node,
    Policy, Position, Random, Record, Refusal, Sender, View, Wire,
};

/// What a node may ask for and know while it handles one input.
///
/// Effects happen after the handler has returned, in the order of the calls.
pub struct Ctx<'a, N: Node> {
    pub(crate) core: &'a mut Core<N>,
    pub(crate) disk: &'a mut dyn Disk,
    pub(crate) fx: &'a mut Effects,
}

/// Who and where.
impl<N: Node> Ctx<'_, N> {
    /// This node.
    #[must_use]
    pub fn me(&self) -> ActorId {
        self.core.me
    }

    /// All server nodes of the cluster, this one included, by ascending id.
    #[must_use]
    pub fn members(&self) -> &[ActorId] {
        &self.core.members
    }

    /// All server nodes but this one, by ascending id.
    #[must_use]
    pub fn peers(&self) -> Vec<ActorId> {
        self.core.members.iter().copied().filter(|&id| id != self.core.me).collect()
    }

    /// The name of an actor, if it is known here. Nodes and services are; clients may not be.
    #[must_use]
    pub fn name(&self, actor: ActorId) -> Option<&str> {
        self.core.roster.name(actor)
    }

    /// The actor of a name: a node or a service.
    #[must_use]
    pub fn actor(&self, name: &str) -> Option<ActorId> {
        self.core.roster.id(name)
    }

    /// Which life this is: 0, then 1 after the first restart.
    #[must_use]
    pub fn incarnation(&self) -> u32 {
        self.core.incarnation
    }
}

/// Time and chance.
impl<N: Node> Ctx<'_, N> {
    /// The node's own monotonic clock. It may run fast or slow, never backwards.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.core.at.now
    }

    /// The node's wall clock: nanoseconds since 1970. It may jump either way; no promise may
    /// depend on it.
    #[must_use]
    pub fn wall(&self) -> u64 {
        self.core.at.wall
    }

    /// A generator of its own for each call, keyed by what caused this step. It borrows nothing:
    /// `ctx.arm(Duration(ctx.random().below(9)), timer)` compiles.
    #[must_use]
    pub fn random(&self) -> Random {
        self.core.random()
    }

    /// Hands `timer` back after this long. An equal timer that is armed already is replaced.
    pub fn arm(&mut self, after: Duration, timer: N::Timer) {
        self.core.arm(after, timer, self.fx);
    }

    /// Forgets a timer. It saves work; correctness never rests on it.
    pub fn disarm(&mut self, timer: N::Timer) {
        self.core.disarm(timer);
    }
}

/// Messages.
impl<N: Node> Ctx<'_, N> {
    /// Says `message` when every write of this node so far, those of this step included, is
    /// durable.
    pub fn send(&mut self, to: ActorId, message: &N::Message) {
        self.core.say(to, None, message, Gate::All, self.fx);
    }

    /// Says `message` at the end of this step, durable or not, and asks as
    /// [`Ctx::tell_when_durable`] does.
    pub fn send_early(&mut self, to: ActorId, message: &N::Message) {
        self.core.say(to, None, message, Gate::Now, self.fx);
        self.core.tell_when_durable();
    }

    /// Says `message` when the writes up to `position` are durable, without waiting for later
    /// ones. It may overtake an earlier [`Ctx::send`].
    pub fn send_after(&mut self, position: Position, to: ActorId, message: &N::Message) {
        self.core.say(to, None, message, Gate::After(position), self.fx);
    }

    /// Answers a request when every write of this node so far, those of this step included, is
    /// durable. To a sender without `msg_id` it is a plain message.
    pub fn reply(&mut self, to: Sender, message: &N::Message) {
        self.core.say(to.actor, to.msg_id, message, Gate::All, self.fx);
    }

    /// Answers a request when the writes up to `position` are durable.
    pub fn reply_after(&mut self, position: Position, to: Sender, message: &N::Message) {
        self.core.say(to.actor, to.msg_id, message, Gate::After(position), self.fx);
    }

    /// Answers a request with an error; see [`code`](crate::code). It waits like a reply.
    pub fn refuse(&mut self, to: Sender, code: u64, text: impl Into<String>) {
        let refusal = Refusal { code, text: text.into() };
        self.core.refuse(to, &refusal, self.fx);
    }

    /// Asks `to` and remembers `pending`: exactly one [`Input::Reply`](crate::Input::Reply)
    /// follows, unless the node restarts first. The request waits like a [`Ctx::send`]; its
    /// time-out runs from this step.
    pub fn call(&mut self, to: ActorId, message: &N::Message, policy: Policy, pending: N::Pending) {
        self.core.call(to, message, policy, pending, self.fx);
    }

    /// Asks all `peers`, by ascending id, until `need` is met: exactly one
    /// [`Input::Quorum`](crate::Input::Quorum) follows, unless the node restarts first.
    ///
    /// The caller is never sent a message. If it is a member of the need (or, with
    /// [`Need::Count`], among the peers), it counts from the moment at which the writes of this
    /// step are durable.
    pub fn call_quorum(
        &mut self,
        peers: &[ActorId],
        message: &N::Message,
        need: Need,
        policy: Policy,
        pending: N::Pending,
    ) {
        self.call_quorum_where(Ask { peers, need, policy, counts: None }, message, pending);
    }

    /// As [`Ctx::call_quorum`], with a say in which answers count. One that does not count is a
    /// refusal of that peer.
    pub fn call_quorum_where(
        &mut self,
        ask: Ask<'_, N>,
        message: &N::Message,
        pending: N::Pending,
    ) {
        self.core.call_quorum(ask, message, pending, self.fx);
    }
}

/// Disk.
impl<N: Node> Ctx<'_, N> {
    /// The node's files.
    pub fn disk(&mut self) -> Files<'_> {
        Files { written: &mut self.core.written, disk: self.disk, fx: self.fx }
    }

    /// How far this node has written.
    #[must_use]
    pub fn position(&self) -> Position {
        self.core.written
    }

    /// How far its writes are durable.
    #[must_use]
    pub fn durable(&self) -> Position {
        self.core.durable
    }

    /// Asks for an [`Input::Synced`](crate::Input::Synced) once all writes up to the end of this
    /// step are durable. If they are already, none comes: [`Ctx::durable`] tells.
    pub fn tell_when_durable(&mut self) {
        self.core.tell_when_durable();
    }
}

/// Remarks. They have no influence on the run.
impl<N: Node> Ctx<'_, N> {
    /// Makes a remark. `fields` is called only if somebody observes.
    pub fn note(&mut self, name: &'static str, fields: impl FnOnce(&mut View)) {
        let mut view = View::default();
        if self.fx.observing {
            fields(&mut view);
        }
        self.fx.list.push(Effect::Note { name, fields: view });
    }

    /// Records a finding if `condition` is false.
    pub fn always(&mut self, condition: bool, name: &'static str) {
        if !condition {
            self.fx.list.push(Effect::Check { check: Check::Violated, name });
        }
    }

    /// Records that a goal was met if `condition` is true. A sweep that never meets one says so.
    pub fn sometimes(&mut self, condition: bool, name: &'static str) {
        if condition {
            self.fx.list.push(Effect::Check { check: Check::Met, name });
        } else if self.core.goals.insert(name) {
            self.fx.list.push(Effect::Check { check: Check::Named, name });
        }
    }

    /// Records that this place was passed.
    pub fn reached(&mut self, name: &'static str) {
        self.fx.list.push(Effect::Check { check: Check::Reached, name });
    }

    /// Whether to misbehave here, in a way that the protocol must survive. Decided by the seed:
    /// a site is enabled in a quarter of the runs and then fires a quarter of the time, at other
    /// turns in every life. Always false outside a World.
    pub fn buggify(&mut self, name: &'static str) -> bool {
        self.core.buggify(name)
    }
}

impl<N: Node> fmt::Debug for Ctx<'_, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ctx of {:?} at {:?}", self.core.me, self.core.at.now)
    }
}

/// A quorum call in full.
pub struct Ask<'p, N: Node> {
    /// Whom to ask.
    pub peers: &'p [ActorId],
    /// How many must agree.
    pub need: Need,
    /// How long to wait, and how often to ask again those that have not answered.
    pub policy: Policy,
    /// Which answers count; `None`: all that are no error.
    pub counts: Option<fn(&N::Message) -> bool>,
}

impl<N: Node> fmt::Debug for Ask<'_, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ask {:?} of {:?}", self.need, self.peers)
    }
}

/// The files of a node, with the writes numbered. See [`Disk`] for what each verb promises.
pub struct Files<'a> {
    written: &'a mut Position,
    disk: &'a mut dyn Disk,
    fx: &'a mut Effects,
}

impl Files<'_> {
    /// Replaces the value of a cell.
    ///
    /// # Errors
    /// As [`Disk::put`].
    pub fn put(&mut self, cell: &str, value: &[u8]) -> Result<Position, DiskError> {
        self.disk.put(cell, value)?;
        Ok(self.wrote(cell, value.len()))
    }

    /// The value of a cell.
    ///
    /// # Errors
    /// As [`Disk::get`].
    pub fn get(&mut self, cell: &str) -> Result<Option<Vec<u8>>, DiskError> {
        let value = self.disk.get(cell);
        let bytes = value.as_ref().map_or(0, |value| value.as_ref().map_or(0, Vec::len));
        self.was_read(bytes);
        value
    }

    /// Appends a record and says its index.
    ///
    /// # Errors
    /// As [`Disk::append`].
    pub fn append(
        &mut self,
        log: &str,
        term: u64,
        kind: u8,
        payload: &[u8],
    ) -> Result<u64, DiskError> {
        let index = self.disk.append(log, term, kind, payload)?;
        self.wrote(log, payload.len());
        Ok(index)
    }

    /// Removes the record at `index` and all after it.
    ///
    /// # Errors
    /// As [`Disk::truncate_from`].
    pub fn truncate_from(&mut self, log: &str, index: u64) -> Result<Position, DiskError> {
        self.disk.truncate_from(log, index)?;
        Ok(self.wrote(log, 0))
    }

    /// Forgets all records up to and including `index`.
    ///
    /// # Errors
    /// As [`Disk::compact`].
    pub fn compact(&mut self, log: &str, index: u64) -> Result<Position, DiskError> {
        self.disk.compact(log, index)?;
        Ok(self.wrote(log, 0))
    }

    /// Which records a log holds.
    ///
    /// # Errors
    /// As [`Disk::bounds`].
    pub fn bounds(&mut self, log: &str) -> Result<Bounds, DiskError> {
        self.disk.bounds(log)
    }

    /// Hands out records; see [`Disk::read`].
    ///
    /// # Errors
    /// As [`Disk::read`].
    pub fn read(
        &mut self,
        log: &str,
        from: u64,
        upto: u64,
        mut sink: impl FnMut(Record<'_>),
    ) -> Result<u64, DiskError> {
        let mut bytes = 0;
        let next = self.disk.read(log, from, upto, &mut |record| {
            bytes += record.payload.len();
            sink(record);
        });
        self.was_read(bytes);
        next
    }

    /// Hands out every record that a log holds, in pieces of the largest size allowed.
    ///
    /// # Errors
    /// As [`Disk::read`].
    pub fn read_all(
        &mut self,
        log: &str,
        mut sink: impl FnMut(Record<'_>),
    ) -> Result<(), DiskError> {
        let Bounds { first, next } = self.disk.bounds(log)?;
        let mut from = first;
        while from < next {
            from = self.read(log, from, next, &mut sink)?;
        }
        Ok(())
    }

    /// How far the node has written.
    #[must_use]
    pub fn position(&self) -> Position {
        *self.written
    }

    fn was_read(&mut self, bytes: usize) {
        self.fx.reads.calls = self.fx.reads.calls.saturating_add(1);
        self.fx.reads.bytes += bytes as u64;
    }

    fn wrote(&mut self, file: &str, bytes: usize) -> Position {
        self.written.0 += 1;
        let position = *self.written;
        if self.fx.observing {
            self.fx.list.push(Effect::Wrote { file: String::from(file), bytes, position });
        }
        position
    }
}

impl fmt::Debug for Files<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Files written up to {}", self.written.0)
    }
}

/// The name of a message, for tables.
pub(crate) fn name_of<M: Wire>(message: &M) -> Cow<'static, str> {
    message.name()
}
