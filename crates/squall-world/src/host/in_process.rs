//! A node inside this process: the thin shell of a World around the one driver.

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use squall_disk::{MemoryDevice, Store, SyncMark};
use squall_node::{
    ActorId, Arrival, Bytes, DiskError, Driver, DriverInput, Effect, Form, Identity, Moment, Node,
    Outgoing, Roster, Rules, Stepped, View,
};

use super::{Finding, Host, HostInput, Life, Line, Output, Outputs, Progress};
use crate::Envelope;

/// Copies a host whose node can be cloned.
type Fork<N> = fn(&InProcess<N>) -> Box<dyn Host>;

/// Makes the value of each life of a node.
pub type Factory<N> = Arc<dyn Fn() -> N + Send + Sync>;

thread_local! {
    /// Set while a node's own code runs: a panic there is the node's.
    static IN_NODE: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread is inside a node's own code. For panic hooks: a panic there is caught,
/// and told as a finding of that node.
#[must_use]
pub fn is_in_node() -> bool {
    IN_NODE.get()
}

/// One node or service that lives inside this process, with a disk of its own.
pub struct InProcess<N: Node> {
    me: ActorId,
    roster: Arc<Roster>,
    members: Arc<[ActorId]>,
    factory: Factory<N>,
    rules: Rules,
    driver: Option<Driver<N>>,
    disk: Store<MemoryDevice>,
    syncing: Option<SyncMark>,
    /// How a sync has ended of which the node has not heard yet.
    ended: Option<Result<(), DiskError>>,
    fork: Option<Fork<N>>,
    node: PhantomData<N>,
}

/// Runs a node's own code.
fn guarded<T>(run: impl FnOnce() -> T) -> std::thread::Result<T> {
    IN_NODE.set(true);
    let result = catch_unwind(AssertUnwindSafe(run));
    IN_NODE.set(false);
    result
}

impl<N: Node + 'static> InProcess<N> {
    /// A node that can be replayed, but not cloned.
    #[must_use]
    pub fn new(
        me: ActorId,
        roster: Arc<Roster>,
        members: Arc<[ActorId]>,
        factory: Factory<N>,
        rules: Rules,
    ) -> Self {
        let disk = Store::new(MemoryDevice::new());
        Self {
            me,
            roster,
            members,
            factory,
            rules,
            driver: None,
            disk,
            syncing: None,
            ended: None,
            fork: None,
            node: PhantomData,
        }
    }

    /// A node that can be cloned, and with it its World.
    #[must_use]
    pub fn cloneable(self) -> Self
    where
        N: Clone,
        N::Message: Clone,
    {
        Self { fork: Some(Self::duplicate), ..self }
    }

    fn duplicate(&self) -> Box<dyn Host>
    where
        N: Clone,
        N::Message: Clone,
    {
        Box::new(Self {
            me: self.me,
            roster: Arc::clone(&self.roster),
            members: Arc::clone(&self.members),
            factory: Arc::clone(&self.factory),
            rules: self.rules,
            driver: self.driver.clone(),
            disk: self.disk.clone(),
            syncing: self.syncing,
            ended: self.ended.clone(),
            fork: self.fork,
            node: PhantomData,
        })
    }

    /// One step of the node, its effects as outputs. The input is put together where the node's
    /// own code begins: it is too large to be carried there.
    fn drive<'i>(
        &mut self,
        at: Moment,
        input: impl FnOnce() -> DriverInput<'i>,
        out: &mut Outputs,
    ) {
        let Some(driver) = &mut self.driver else {
            out.stale = true;
            return;
        };
        let (disk, fx) = (&mut self.disk, &mut out.effects);
        let stepped = guarded(|| {
            let stepped = driver.step(at, input(), disk, fx);
            driver.flush(fx);
            stepped
        });
        (out.from, out.lineage) = (self.me, at.lineage);
        match stepped {
            Ok(stepped) => out.stale = stepped == Stepped::Stale,
            Err(panic) => self.panicked(&panic, out),
        }
        // A sync, if there is one, comes last: a turn ends with it.
        if let Some(Effect::Sync { .. }) = out.effects.list.last() {
            self.syncing = Some(self.disk.begin_sync());
        }
    }

    fn finding(&self, code: &'static str, raw: &str, what: String, help: &str) -> Finding {
        Finding {
            code,
            node: self.roster.name(self.me).unwrap_or("?").to_owned(),
            line_no: None,
            column: None,
            raw: raw.to_owned(),
            what,
            help: help.to_owned(),
        }
    }

    /// The node's own code has panicked: that ends it like a crash.
    fn panicked(&mut self, panic: &Box<dyn std::any::Any + Send>, out: &mut Outputs) {
        self.driver = None;
        out.effects.clear();
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
        let what = format!("the node panicked: {text}");
        let help = "a panic ends the node like a crash; the trace shows what it was handling";
        let finding = Some(self.finding("SQ06", &text, what.clone(), help));
        out.list.push(Output::Line(Line { actor: self.me, text: what, finding }));
        out.list.push(Output::Exit { actor: self.me, status: "panicked".to_owned() });
    }

    /// The answer to Maelstrom's `init`: the host has started the node already.
    fn init_ok(&self, at: Moment, envelope: &Envelope, out: &mut Outputs) {
        let id = envelope.msg_id.unwrap_or(0);
        let body = format!("{{\"type\":\"init_ok\",\"in_reply_to\":{id}}}");
        let message = Outgoing {
            to: envelope.src,
            msg_id: None,
            in_reply_to: Some(id),
            name: "init_ok".into(),
            form: Form::Json,
            body: Bytes::from(body.as_bytes()),
            cause: at.event,
            lineage: at.lineage.child(0),
            held_from: None,
        };
        out.list.push(Output::Send { from: self.me, message });
    }
}

impl<N: Node + 'static> Host for InProcess<N> {
    fn step(&mut self, at: Moment, input: HostInput<'_>, out: &mut Outputs) -> Progress {
        match input {
            HostInput::Message { envelope, name: "init", .. } if envelope.msg_id.is_some() => {
                self.init_ok(at, envelope, out);
            }
            HostInput::Message { envelope, name, .. } => {
                let arrival = || Arrival {
                    from: envelope.src,
                    msg_id: envelope.msg_id,
                    in_reply_to: envelope.in_reply_to,
                    name,
                    form: envelope.form,
                    body: &envelope.body,
                };
                self.drive(at, || DriverInput::Message(arrival()), out);
                out.stale = false;
            }
            HostInput::Timer { token, .. } => self.drive(at, || DriverInput::Timer(token), out),
            // The disk has caught up, or it could not: then nothing that waits may leave.
            HostInput::Synced { upto, .. } => {
                if self.ended.is_none() {
                    self.end_sync();
                }
                let is_durable = !matches!(self.ended.take(), Some(Err(_)));
                let input =
                    || if is_durable { DriverInput::Synced(upto) } else { DriverInput::SyncFailed };
                self.drive(at, input, out);
            }
            HostInput::Begin | HostInput::Notice { .. } => {}
        }
        Progress::Quiescent
    }

    fn life(&mut self, at: Moment, _actor: ActorId, change: Life, out: &mut Outputs) -> Progress {
        match change {
            Life::Start { incarnation, key: _ } => {
                let identity = Identity {
                    me: self.me,
                    roster: Arc::clone(&self.roster),
                    members: Arc::clone(&self.members),
                    incarnation,
                };
                self.disk.restart();
                self.driver = Some(Driver::new((self.factory)(), identity, self.rules));
                self.drive(at, || DriverInput::Start, out);
            }
            Life::Kill { power } => {
                self.driver = None;
                (self.syncing, self.ended) = (None, None);
                if let Some(key) = power {
                    self.disk.power_loss(key);
                }
            }
            Life::Pause | Life::Resume | Life::CloseInput | Life::End => {}
        }
        Progress::Quiescent
    }

    fn has_disk(&self) -> bool {
        true
    }

    fn end_sync(&mut self) {
        self.ended = self.syncing.take().map(|mark| self.disk.end_sync(mark));
    }

    fn view(&mut self, out: &mut Outputs) -> View {
        let Some(driver) = &self.driver else { return View::default() };
        let view = guarded(|| driver.view());
        view.unwrap_or_else(|panic| {
            self.panicked(&panic, out);
            View::default()
        })
    }

    fn fork(&self) -> Option<Box<dyn Host>> {
        self.fork.map(|fork| fork(self))
    }
}

impl<N: Node> fmt::Debug for InProcess<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InProcess").field("driver", &self.driver).finish_non_exhaustive()
    }
}
