//! The context of a task: the same verbs, those that wait as futures.

use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

use super::command::{Command, DiskCommand, Done};
use super::{Async, AsyncNode, OpId, Shared};
use crate::driver::Draws;
use crate::{
    ActorId, Ctx, DiskError, Duration, Instant, Need, Outcome, Policy, Position, QuorumOutcome,
    Random, Roster, Sender, View,
};

/// What a task may ask for and know. A cheap handle: clone it freely.
pub struct Cx<A: AsyncNode>(Rc<RefCell<Shared<A>>>);

/// A record of a log, with its payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRecord {
    /// Place in the log, from 1.
    pub index: u64,
    /// A number of the node's own.
    pub term: u64,
    /// A mark of the node's own.
    pub kind: u8,
    /// The record itself.
    pub payload: Vec<u8>,
}

/// What tasks know of where they are, copied from the context before each poll.
#[derive(Default)]
pub(crate) struct Here {
    me: Option<ActorId>,
    members: Option<Arc<[ActorId]>>,
    roster: Option<Arc<Roster>>,
    now: Instant,
    wall: u64,
    written: Position,
    durable: Position,
    incarnation: u32,
    observing: bool,
    draws: Draws,
}

impl Here {
    pub(super) fn enter<A: AsyncNode>(&mut self, ctx: &Ctx<'_, Async<A>>) {
        self.me = Some(ctx.me());
        self.members.get_or_insert_with(|| Arc::clone(&ctx.core.members));
        self.roster = Some(Arc::clone(&ctx.core.roster));
        (self.now, self.wall) = (ctx.now(), ctx.wall());
        (self.written, self.durable) = (ctx.position(), ctx.durable());
        self.incarnation = ctx.incarnation();
        self.observing = ctx.fx.observing;
        self.draws = ctx.core.draws();
    }

    pub(super) fn leave<A: AsyncNode>(&self, ctx: &Ctx<'_, Async<A>>) {
        ctx.core.set_draws(self.draws);
    }
}

impl<A: AsyncNode> Cx<A> {
    pub(super) fn new(shared: Rc<RefCell<Shared<A>>>) -> Self {
        Self(shared)
    }

    /// Looks at and changes the node's state.
    ///
    /// # Panics
    /// If `look` itself uses this context.
    pub fn with<T>(&self, look: impl FnOnce(&mut A) -> T) -> T {
        look(&mut self.0.borrow_mut().state)
    }

    /// This node.
    #[must_use]
    pub fn me(&self) -> ActorId {
        self.0.borrow().here.me.expect("a task runs only within a step")
    }

    /// All server nodes of the cluster, this one included, by ascending id.
    #[must_use]
    pub fn members(&self) -> Arc<[ActorId]> {
        let shared = self.0.borrow();
        shared.here.members.clone().expect("a task runs only within a step")
    }

    /// The actor of a name: a node or a service.
    #[must_use]
    pub fn actor(&self, name: &str) -> Option<ActorId> {
        self.0.borrow().here.roster.as_ref().and_then(|roster| roster.id(name))
    }

    /// Which life this is, from 0.
    #[must_use]
    pub fn incarnation(&self) -> u32 {
        self.0.borrow().here.incarnation
    }

    /// The node's own monotonic clock.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.0.borrow().here.now
    }

    /// The node's wall clock: nanoseconds since 1970.
    #[must_use]
    pub fn wall(&self) -> u64 {
        self.0.borrow().here.wall
    }

    /// A generator of its own for each call, as [`Ctx::random`].
    #[must_use]
    pub fn random(&self) -> Random {
        let draws = &mut self.0.borrow_mut().here.draws;
        draws.next += 1;
        Draws { next: draws.next - 1, ..*draws }.random()
    }

    /// How far the node had written when this task was polled.
    #[must_use]
    pub fn position(&self) -> Position {
        self.0.borrow().here.written
    }

    /// How far its writes were durable when this task was polled.
    #[must_use]
    pub fn durable(&self) -> Position {
        self.0.borrow().here.durable
    }

    /// As [`Ctx::send`].
    pub fn send(&self, to: ActorId, message: A::Message) {
        self.command(Command::Send(to, message));
    }

    /// As [`Ctx::send_early`], without the news of durability.
    pub fn send_early(&self, to: ActorId, message: A::Message) {
        self.command(Command::SendEarly(to, message));
    }

    /// As [`Ctx::send_after`].
    pub fn send_after(&self, position: Position, to: ActorId, message: A::Message) {
        self.command(Command::SendAfter(position, to, message));
    }

    /// As [`Ctx::reply`].
    pub fn reply(&self, to: Sender, message: A::Message) {
        self.command(Command::Reply(to, message));
    }

    /// As [`Ctx::reply_after`].
    pub fn reply_after(&self, position: Position, to: Sender, message: A::Message) {
        self.command(Command::ReplyAfter(position, to, message));
    }

    /// As [`Ctx::refuse`].
    pub fn refuse(&self, to: Sender, code: u64, text: impl Into<String>) {
        self.command(Command::Refuse(to, code, text.into()));
    }

    /// As [`Ctx::always`].
    pub fn always(&self, condition: bool, name: &'static str) {
        self.command(Command::Always { condition, name });
    }

    /// As [`Ctx::sometimes`].
    pub fn sometimes(&self, condition: bool, name: &'static str) {
        self.command(Command::Sometimes { condition, name });
    }

    /// As [`Ctx::reached`].
    pub fn reached(&self, name: &'static str) {
        self.command(Command::Reached { name });
    }

    /// As [`Ctx::note`].
    pub fn note(&self, name: &'static str, fields: impl FnOnce(&mut View)) {
        let mut view = View::default();
        if self.0.borrow().here.observing {
            fields(&mut view);
        }
        self.command(Command::Note { name, fields: view });
    }

    /// Asks `to` and waits for the end of the call.
    pub fn call(
        &self,
        to: ActorId,
        message: A::Message,
        policy: Policy,
    ) -> impl Future<Output = Outcome<A::Message>> + use<A> {
        self.ask(
            |op| Command::Call { op, to, message, policy },
            |done| match done {
                Done::Reply(outcome) => Some(outcome),
                _ => None,
            },
        )
    }

    /// Asks all `peers` and waits until the need is met, or cannot be.
    pub fn call_quorum(
        &self,
        peers: &[ActorId],
        message: A::Message,
        need: Need,
        policy: Policy,
    ) -> impl Future<Output = QuorumOutcome<A::Message>> + use<A> {
        let peers = peers.to_vec();
        self.ask(
            |op| Command::Quorum { op, peers, message, need, policy },
            |done| match done {
                Done::Quorum(outcome) => Some(outcome),
                _ => None,
            },
        )
    }

    /// Waits this long on the node's own clock.
    pub fn sleep(&self, after: Duration) -> impl Future<Output = ()> + use<A> {
        self.ask(
            |op| Command::Sleep { op, after },
            |done| matches!(done, Done::Slept).then_some(()),
        )
    }

    /// Runs a task beside this one.
    pub fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        self.0.borrow_mut().spawned.push(Box::pin(task));
    }

    /// As [`Files::put`](crate::Files::put); resolves within the same step.
    pub fn put(
        &self,
        cell: &str,
        value: &[u8],
    ) -> impl Future<Output = Result<Position, DiskError>> + use<A> {
        self.write(DiskCommand::Put { cell: cell.into(), value: value.into() })
    }

    /// As [`Files::get`](crate::Files::get); resolves within the same step.
    pub fn get(
        &self,
        cell: &str,
    ) -> impl Future<Output = Result<Option<Vec<u8>>, DiskError>> + use<A> {
        self.disk(DiskCommand::Get { cell: cell.into() }, |done| match done {
            Done::Value(value) => Some(value),
            _ => None,
        })
    }

    /// As [`Files::append`](crate::Files::append); resolves within the same step.
    pub fn append(
        &self,
        log: &str,
        term: u64,
        kind: u8,
        payload: &[u8],
    ) -> impl Future<Output = Result<u64, DiskError>> + use<A> {
        let payload = payload.to_vec();
        self.disk(DiskCommand::Append { log: log.into(), term, kind, payload }, |done| match done {
            Done::Index(index) => Some(index),
            _ => None,
        })
    }

    /// As [`Files::truncate_from`](crate::Files::truncate_from).
    pub fn truncate_from(
        &self,
        log: &str,
        index: u64,
    ) -> impl Future<Output = Result<Position, DiskError>> + use<A> {
        self.write(DiskCommand::TruncateFrom { log: log.into(), index })
    }

    /// As [`Files::compact`](crate::Files::compact).
    pub fn compact(
        &self,
        log: &str,
        index: u64,
    ) -> impl Future<Output = Result<Position, DiskError>> + use<A> {
        self.write(DiskCommand::Compact { log: log.into(), index })
    }

    /// As [`Files::read_all`](crate::Files::read_all); resolves within the same step.
    pub fn read_all(
        &self,
        log: &str,
    ) -> impl Future<Output = Result<Vec<StoredRecord>, DiskError>> + use<A> {
        self.disk(DiskCommand::ReadAll { log: log.into() }, |done| match done {
            Done::Records(records) => Some(records),
            _ => None,
        })
    }

    fn write(
        &self,
        command: DiskCommand,
    ) -> impl Future<Output = Result<Position, DiskError>> + use<A> {
        self.disk(command, |done| match done {
            Done::Wrote(position) => Some(position),
            _ => None,
        })
    }

    fn disk<T>(&self, command: DiskCommand, take: fn(Done<A::Message>) -> Option<T>) -> Wait<A, T> {
        self.ask(|op| Command::Disk { op, command }, take)
    }

    fn ask<T>(
        &self,
        command: impl FnOnce(OpId) -> Command<A::Message>,
        take: fn(Done<A::Message>) -> Option<T>,
    ) -> Wait<A, T> {
        let op = {
            let mut shared = self.0.borrow_mut();
            shared.op_ids += 1;
            let op = shared.op_ids;
            let running = shared.running;
            // Known as waited for from now on: the answer may come in this very step.
            shared.waiting.insert(op, running);
            op
        };
        self.command(command(op));
        Wait { shared: Rc::clone(&self.0), op, take }
    }

    fn command(&self, command: Command<A::Message>) {
        self.0.borrow_mut().commands.push(command);
    }
}

/// Waits for the end of one operation.
struct Wait<A: AsyncNode, T> {
    shared: Rc<RefCell<Shared<A>>>,
    op: OpId,
    take: fn(Done<A::Message>) -> Option<T>,
}

impl<A: AsyncNode, T> Future for Wait<A, T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<T> {
        let mut shared = self.shared.borrow_mut();
        match shared.done.remove(&self.op).and_then(self.take) {
            Some(value) => Poll::Ready(value),
            None => {
                let running = shared.running;
                shared.waiting.insert(self.op, running);
                Poll::Pending
            }
        }
    }
}

impl<A: AsyncNode, T> Drop for Wait<A, T> {
    fn drop(&mut self) {
        // Not reachable only if a future is dropped inside `Cx::with`; its end is then ignored
        // when it comes.
        if let Ok(mut shared) = self.shared.try_borrow_mut() {
            shared.waiting.remove(&self.op);
            shared.done.remove(&self.op);
        }
    }
}

impl<A: AsyncNode> Clone for Cx<A> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

impl<A: AsyncNode> fmt::Debug for Cx<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cx")
    }
}
