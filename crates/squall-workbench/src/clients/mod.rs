//! All clients of a run, as one host of the World.
//!
//! The host leads the run through its phases: every node gets `init`, then what the workload
//! wants it to know; operation slots come at their gaps; the cluster heals and recovers; every
//! worker asks once more. It is plain data and draws by the number of the slot, so that a run can
//! be cloned and a slot left out without disturbing the others.

mod calls;
mod phases;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use squall_node::{ActorId, Bytes, Duration, Lineage, Moment, Random, Token, draw_key, word};
use squall_world::{Finding, Host, HostInput, Life, Notice, Output, Outputs, Plan, Progress};

use crate::workloads::{Machine, Request, Workload};

const DOMAIN_SLOT: u64 = 0x736c_6f74_0000_0001;
const DOMAIN_INIT: u64 = 0x696e_6974_0000_0001;
const PURPOSE_KIND: u64 = 0;
const PURPOSE_GAP: u64 = 1;

/// Time-outs of the clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timeouts {
    /// Until a node must have answered `init`.
    pub(crate) init: Duration,
    /// Until an operation counts as unknown.
    pub(crate) rpc: Duration,
}

impl Timeouts {
    /// Those of a plan.
    pub(crate) fn of(plan: &Plan) -> Self {
        let ms =
            |knob: &str, usual: u64| Duration::from_millis(plan.number_knob(knob).unwrap_or(usual));
        Self { init: ms("init_timeout_ms", 10_000), rpc: ms("rpc_timeout_ms", 5_000) }
    }
}

/// How long after its input was closed a silent node may still say what it kept back.
const LAST_WORDS: Duration = Duration::from_millis(300);
/// How long a node may take over its `topology`.
const SETUP_TIMEOUT: Duration = Duration::from_secs(5);

/// The host of all clients.
pub(crate) struct Clients {
    plan: Arc<Plan>,
    workload: &'static Workload,
    machine: Box<dyn Machine>,
    timeouts: Timeouts,
    nodes: Vec<ActorId>,
    phase: Phase,

    next_actor: u32,
    next_name: u64,
    tokens: u64,
    due: BTreeMap<u64, Due>,
    calls: BTreeMap<ActorId, Call>,
    pasts: BTreeMap<ActorId, Past>,

    workers: Vec<Worker>,
    starts: BTreeMap<ActorId, u64>,
    /// Clients whose node did not answer `init` in time; it may still have its last words.
    silent: BTreeSet<ActorId>,
    /// Nodes that have ended by themselves.
    gone: BTreeSet<ActorId>,
    /// A slot that waits for a worker.
    waiting: Option<u64>,
    pending_setup: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Init,
    Setup,
    Main,
    /// The time is over, operations are still open.
    Ending,
    Heal,
    Final,
    Done,
}

/// What a timer of the clients is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    Slot(u64),
    MainOver,
    Recovered,
    /// A request has had its time.
    Timeout(ActorId, u64),
    /// A node whose input was closed has had its time. The client is that of its `init`.
    LastWords(ActorId),
}

/// A request that waits for its answer.
#[derive(Clone, Debug)]
struct Call {
    node: ActorId,
    msg_id: u64,
    request: Request,
    purpose: Purpose,
}

/// What a client has asked and heard so far.
#[derive(Clone, Debug, Default)]
struct Past {
    /// The id of its last request; the first one has 1.
    asked: u64,
    /// Ids of the requests that were answered.
    answered: BTreeSet<u64>,
    /// The last answer, with the id of its request: somebody may answer again.
    last_answer: Option<(u64, Bytes)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    Init,
    /// `init` of a node that has started again.
    InitAgain,
    Setup,
    Work(usize),
}

#[derive(Clone, Debug)]
struct Worker {
    process: i64,
    client: Option<ActorId>,
    msg_ids: u64,
    is_busy: bool,
    is_final: bool,
    has_finished: bool,
}

/// The generator of a slot's kind, key and value.
#[must_use]
pub(crate) fn slot_random(seed: u64, slot: u64) -> Random {
    Random::new(draw_key(seed, DOMAIN_SLOT, slot, PURPOSE_KIND))
}

/// The time from the slot before to this one.
#[must_use]
pub(crate) fn slot_gap(seed: u64, slot: u64, gap_max_ns: u64) -> Duration {
    let mut random = Random::new(word(draw_key(seed, DOMAIN_SLOT, slot, PURPOSE_GAP), 0, 0));
    Duration(random.below(gap_max_ns.saturating_add(1)))
}

impl Clients {
    /// The clients of a plan. `first` is the first id that no other actor has.
    pub(crate) fn new(
        plan: &Arc<Plan>,
        workload: &'static Workload,
        nodes: Vec<ActorId>,
        first: ActorId,
    ) -> Self {
        let concurrency = plan.number_knob("concurrency").unwrap_or(nodes.len() as u64);
        let worker = |process| Worker {
            process,
            client: None,
            msg_ids: 0,
            is_busy: false,
            is_final: false,
            has_finished: false,
        };
        let concurrency = i64::try_from(concurrency).unwrap_or(i64::MAX);
        Self {
            workload,
            machine: (workload.machine)(plan),
            plan: Arc::clone(plan),
            timeouts: Timeouts::of(plan),
            nodes,
            phase: Phase::Init,
            next_actor: first.0,
            next_name: 0,
            tokens: 0,
            due: BTreeMap::new(),
            calls: BTreeMap::new(),
            pasts: BTreeMap::new(),
            workers: (0..concurrency).map(worker).collect(),
            starts: BTreeMap::new(),
            silent: BTreeSet::new(),
            gone: BTreeSet::new(),
            waiting: None,
            pending_setup: 0,
        }
    }

    /// A new client.
    fn open(&mut self, out: &mut Outputs) -> ActorId {
        let actor = ActorId(self.next_actor);
        let name = format!("c{}", self.next_name);
        self.next_actor += 1;
        self.next_name += 1;
        out.list.push(Output::Open { actor, name: name.into() });
        actor
    }

    fn close(&mut self, client: ActorId, out: &mut Outputs) {
        self.calls.remove(&client);
        self.silent.remove(&client);
        self.pasts.remove(&client);
        out.list.push(Output::Close { actor: client });
    }

    fn arm(&mut self, after: Duration, due: Due, lineage: Lineage, out: &mut Outputs) {
        self.tokens += 1;
        self.due.insert(self.tokens, due);
        let name = out.observing().then(|| due.name());
        // Timers of clients belong to no single actor; any of theirs will do.
        let actor = ActorId(self.next_actor.saturating_sub(1));
        let lineage = lineage.child(self.tokens);
        out.list.push(Output::Arm { actor, token: Token(self.tokens), after, lineage, name });
    }

    fn find(&self, node: ActorId, finding: Finding, out: &mut Outputs) {
        let text = finding.what.clone();
        let finding = Some(finding);
        out.list.push(Output::Line(squall_world::Line { actor: node, text, finding }));
    }

    fn node_name(&self, node: ActorId) -> &str {
        self.plan.nodes.get(node.index()).map_or("?", String::as_str)
    }
}

impl Due {
    fn name(self) -> String {
        match self {
            Self::Slot(slot) => format!("slot {slot}"),
            Self::MainOver => "time limit".to_owned(),
            Self::Recovered => "recovery over".to_owned(),
            Self::Timeout(..) => "client time-out".to_owned(),
            Self::LastWords(_) => "last words".to_owned(),
        }
    }
}

impl Host for Clients {
    fn step(&mut self, at: Moment, input: HostInput<'_>, out: &mut Outputs) -> Progress {
        match input {
            HostInput::Begin => self.begin(at, out),
            HostInput::Message { to, envelope, name, .. } => {
                self.message(at, to, envelope, name, out);
            }
            HostInput::Timer { token, .. } => match self.due.remove(&token.0) {
                Some(due) => self.timer(at, due, out),
                None => out.stale = true,
            },
            HostInput::Notice { node, notice: Notice::Started } => {
                self.gone.remove(&node);
                self.init(at, node, Purpose::InitAgain, out);
            }
            HostInput::Notice { node, notice: Notice::Killed } => self.killed(node, out),
            HostInput::Notice { node, notice: Notice::Exited } => self.exited(node, out),
            HostInput::Synced { .. } => {}
        }
        Progress::Quiescent
    }

    fn life(&mut self, _: Moment, _: ActorId, _: Life, _: &mut Outputs) -> Progress {
        Progress::Quiescent
    }

    fn fork(&self) -> Option<Box<dyn Host>> {
        Some(Box::new(Self {
            plan: Arc::clone(&self.plan),
            workload: self.workload,
            machine: self.machine.copy(),
            timeouts: self.timeouts,
            nodes: self.nodes.clone(),
            phase: self.phase,
            next_actor: self.next_actor,
            next_name: self.next_name,
            tokens: self.tokens,
            due: self.due.clone(),
            calls: self.calls.clone(),
            pasts: self.pasts.clone(),
            workers: self.workers.clone(),
            starts: self.starts.clone(),
            silent: self.silent.clone(),
            gone: self.gone.clone(),
            waiting: self.waiting,
            pending_setup: self.pending_setup,
        }))
    }
}

impl fmt::Debug for Clients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clients").field("phase", &self.phase).finish_non_exhaustive()
    }
}
