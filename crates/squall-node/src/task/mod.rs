//! The `async` style: `let v = kv.read(k).await?` inside a node.
//!
//! [`Async`] makes a [`Node`] of a type that handles each message by a future. The futures sit
//! in a table and are polled only by the inputs of their node, in ascending order of the task,
//! with a waker that does nothing. There is no other source of progress, so a node in this style
//! is as deterministic as one in handler style and says the same messages.
//!
//! State is reached only through [`Cx::with`], so that no borrow lives across an `.await`. Disk
//! verbs are awaited, and resolve inside the same step.
//!
//! A node in this style can be replayed from the start but not cloned, and is not `Send`.

mod command;
mod cx;

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};

use self::command::{Command, Done};
pub use self::cx::{Cx, StoredRecord};
use crate::{Ctx, Input, Node, Sender, View, Wire};

/// A node whose handlers are futures. Implementors may write `async fn`.
pub trait AsyncNode: Sized + 'static {
    /// What it says and understands.
    type Message: Wire + Clone + fmt::Debug + 'static;

    /// Begins every life. Messages that come before it has ended are handled beside it.
    fn start(cx: Cx<Self>) -> impl Future<Output = ()> + 'static {
        drop(cx);
        async {}
    }

    /// Handles one message.
    fn handle(
        cx: Cx<Self>,
        from: Sender,
        body: Self::Message,
    ) -> impl Future<Output = ()> + 'static;

    /// Writes a few named values that tell the node's state.
    fn view(&self, out: &mut View) {
        let _: &mut View = out;
    }
}

/// Number of an operation that a task waits for.
pub(crate) type OpId = u64;
type TaskId = u64;
type Task = Pin<Box<dyn Future<Output = ()>>>;

/// A node in `async` style, as a [`Node`].
pub struct Async<A: AsyncNode> {
    shared: Rc<RefCell<Shared<A>>>,
    tasks: BTreeMap<TaskId, Task>,
    task_ids: TaskId,
}

/// What the node and its tasks share. It is borrowed only within one verb.
pub(crate) struct Shared<A: AsyncNode> {
    pub(crate) state: A,
    pub(crate) here: cx::Here,
    pub(crate) op_ids: OpId,
    pub(crate) commands: Vec<Command<A::Message>>,
    pub(crate) spawned: Vec<Task>,
    pub(crate) done: BTreeMap<OpId, Done<A::Message>>,
    pub(crate) running: TaskId,
    /// Which task waits for which operation; a future that is dropped leaves.
    pub(crate) waiting: BTreeMap<OpId, TaskId>,
    /// Tasks to poll, since something they wait for has ended.
    pub(crate) woken: BTreeSet<TaskId>,
}

impl<A: AsyncNode> Async<A> {
    /// A node that begins with this state.
    #[must_use]
    pub fn new(state: A) -> Self {
        let shared = Shared {
            state,
            here: cx::Here::default(),
            op_ids: 0,
            commands: Vec::new(),
            spawned: Vec::new(),
            done: BTreeMap::new(),
            running: 0,
            waiting: BTreeMap::new(),
            woken: BTreeSet::new(),
        };
        Self { shared: Rc::new(RefCell::new(shared)), tasks: BTreeMap::new(), task_ids: 0 }
    }

    fn add(&mut self, task: Task) -> TaskId {
        self.task_ids += 1;
        self.tasks.insert(self.task_ids, task);
        self.task_ids
    }

    /// Polls a task, and then whatever its commands have completed, until nothing moves.
    fn run(&mut self, first: TaskId, ctx: &mut Ctx<'_, Self>) {
        let mut next = Some(first);
        while let Some(id) = next {
            self.poll(id, ctx);
            let spawned = core::mem::take(&mut self.shared.borrow_mut().spawned);
            for task in spawned {
                let id = self.add(task);
                self.shared.borrow_mut().woken.insert(id);
            }
            next = self.shared.borrow_mut().woken.pop_first();
        }
    }

    fn poll(&mut self, id: TaskId, ctx: &mut Ctx<'_, Self>) {
        let Some(task) = self.tasks.get_mut(&id) else { return };
        {
            let mut shared = self.shared.borrow_mut();
            shared.running = id;
            shared.here.enter(ctx);
        }
        let polled = task.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        if polled == Poll::Ready(()) {
            self.tasks.remove(&id);
        }
        let commands = {
            let mut shared = self.shared.borrow_mut();
            shared.here.leave(ctx);
            core::mem::take(&mut shared.commands)
        };
        for command in commands {
            if let Some((op, done)) = command.carry_out(ctx) {
                self.shared.borrow_mut().wake(op, done);
            }
        }
    }

    /// An operation has ended: its task goes on, unless nobody waits for it any more.
    fn complete(&mut self, op: OpId, done: Done<A::Message>, ctx: &mut Ctx<'_, Self>) {
        self.shared.borrow_mut().wake(op, done);
        let woken = self.shared.borrow_mut().woken.pop_first();
        if let Some(task) = woken {
            self.run(task, ctx);
        }
    }
}

impl<A: AsyncNode> Shared<A> {
    /// Keeps the end of an operation for the task that waits for it, if one still does.
    fn wake(&mut self, op: OpId, done: Done<A::Message>) {
        if let Some(&task) = self.waiting.get(&op) {
            self.done.insert(op, done);
            self.woken.insert(task);
        }
    }
}

impl<A: AsyncNode> Node for Async<A> {
    type Message = A::Message;
    type Timer = OpId;
    type Pending = OpId;

    fn handle(&mut self, ctx: &mut Ctx<'_, Self>, input: Input<Self>) {
        let cx = Cx::new(Rc::clone(&self.shared));
        match input {
            Input::Start => {
                let task = self.add(Box::pin(A::start(cx)));
                self.run(task, ctx);
            }
            Input::Message { from, body } => {
                let task = self.add(Box::pin(A::handle(cx, from, body)));
                self.run(task, ctx);
            }
            Input::Timer(op) => self.complete(op, Done::Slept, ctx),
            Input::Reply { pending: op, outcome } => {
                self.complete(op, Done::Reply(outcome), ctx);
            }
            Input::Quorum { pending: op, outcome } => {
                self.complete(op, Done::Quorum(outcome), ctx);
            }
            Input::Synced(_) | Input::Disk(_) | Input::PeerGone { .. } | Input::Stop => {}
        }
    }

    fn view(&self, out: &mut View) {
        self.shared.borrow().state.view(out);
    }
}

impl<A: AsyncNode> fmt::Debug for Async<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Async with {} tasks", self.tasks.len())
    }
}
