//! The engine: one queue of events, one loop, for virtual and for wall time.
//!
//! One event at a time: pop it, drop it if it has lost its meaning, hand it to the host of its
//! actor, interpret what the host says *in the order in which it says it*, and fold both into the
//! hash. The engine alone knows time, order, chance and the network.

mod busy;
mod life;
mod network;
mod outputs;
mod replicas;
mod triggers;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::io::Write;
use std::sync::Arc;

use squall_history::trace::{Header, Kind, Line, Role};
use squall_node::{
    ActorId, Effect, EventNo, Instant, Lineage, Moment, Position, Roster, Token, draw_key,
};

use self::network::Network;
use self::triggers::Triggers;
use crate::Envelope;
use crate::faults::Act;
use crate::host::{Finding, Host, HostInput, Notice, Op, Outputs, Phase, Progress};
use crate::journal::{ActorText, Journal, Rolling};
use crate::link::Latency;
use crate::plan::{ClockKind, EventPlan, Plan, PlanError};
use crate::queue::{Queue, SLOTS_MAX, Slot};
use crate::wall::{Clock, Doorbell, Ring};

use self::outputs::UNASKED;

pub use self::network::{Counts, Net};

/// Where virtual wall clocks begin: 2026-01-01T00:00:00Z, in ns since 1970.
const WALL_EPOCH_NS: u64 = 1_767_225_600_000_000_000;

const DOMAIN_START: u64 = 0x7374_6172_7400_0001;
const DOMAIN_FAULT: u64 = 0x6661_756c_7400_0001;
const DOMAIN_POWER: u64 = 0x706f_7765_7200_0001;

/// Where a run ends by force. Each bound has an end of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Events of a run; reaching it is [`End::EventStorm`].
    pub events_max: u64,
    /// Events at one instant of virtual time; reaching it is [`End::InstantStorm`].
    pub instant_events_max: u64,
    /// Events that wait; reaching it is [`End::QueueFull`]. A small message that waits takes about
    /// 200 bytes.
    pub queue_max: usize,
    /// Bytes of the bodies of all messages on their way; reaching it is [`End::QueueFull`].
    pub body_bytes_max: usize,
    /// Messages on their way on one directed link; beyond it the newest is dropped.
    pub link_queue_max: u32,
}

impl Bounds {
    /// For a run of the workbench. What waits takes less than 1 GB of memory.
    pub const WORKBENCH: Self = Self {
        events_max: 50_000_000,
        instant_events_max: 1_000_000,
        queue_max: 4_000_000,
        body_bytes_max: 256 << 20,
        link_queue_max: 1_000_000,
    };
    /// For one of many short runs.
    pub const SWARM: Self = Self { events_max: 400_000, ..Self::WORKBENCH };
}

/// A queue is full long before its slots are used up, even by one step that schedules very much.
const _: () = assert!(Bounds::WORKBENCH.queue_max < SLOTS_MAX / 4);

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The clients were done.
    Done,
    /// Nothing was left to happen, and the clients were not done.
    Quiet,
    /// Too many events.
    EventStorm,
    /// Too many events at one instant of virtual time: two actors keep each other busy without
    /// letting time pass.
    InstantStorm {
        /// The two that handled most of them, with their counts.
        busiest: Vec<(String, u64)>,
    },
    /// Too many events waited, or too large messages.
    QueueFull,
    /// Somebody asked the run to stop.
    Interrupted,
    /// This run differs from the one it was compared with, from this event on.
    Diverged {
        /// Number of the event, from 0.
        event: u64,
    },
}

/// Something that whoever judges the run has to know.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// Nanoseconds since the start.
    pub time_ns: u64,
    /// What it is.
    pub what: RecordedWhat,
}

/// What whoever judges the run has to know: operations and faults, which are its history, and
/// when the nodes that a fault took away were back.
#[derive(Clone, Debug)]
pub enum RecordedWhat {
    /// Begin or end of a client's operation.
    Op(Op),
    /// Begin or end of a fault.
    Fault {
        /// Place of the event in the plan.
        event: usize,
        /// Begin, not end.
        begins: bool,
        /// Whether it strikes anybody. One that does not is never in force.
        strikes: bool,
    },
    /// An edit of the plan has found its message, and is felt until then.
    Edited {
        /// Nanoseconds since the start.
        until_ns: u64,
    },
    /// The life of a node takes a turn.
    Life {
        /// The node.
        node: ActorId,
        /// What has happened to it.
        turn: Turn,
    },
}

/// What happens in the life of a node that was started again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It was started.
    Started,
    /// It has said that it is back.
    Ready,
    /// It was killed, or has ended by itself.
    Ended,
}

/// Whether the hashes of a run are kept, or compared with those of another.
#[derive(Clone, Debug, Default)]
pub enum Chain {
    /// Neither.
    #[default]
    Off,
    /// One hash for each event.
    Keep(Vec<u64>),
    /// Stops at the first difference.
    Compare {
        /// The hashes of the other run.
        hashes: Arc<[u64]>,
        /// How many have been compared.
        compared: usize,
    },
}

/// What is scheduled.
#[derive(Clone, Debug)]
enum Event {
    Deliver {
        envelope: Envelope,
        sent: u64,
        /// Whether a client is at one of its ends.
        is_client: bool,
        /// Whether it has arrived, and waits for its receiver to be free.
        is_here: bool,
        /// The line of its sender's stdout, if that is a process; else 0.
        line_no: u32,
    },
    Timer {
        actor: ActorId,
        incarnation: u32,
        token: Token,
        armed: u64,
        lineage: Lineage,
        name: Option<Box<str>>,
    },
    Synced {
        actor: ActorId,
        incarnation: u32,
        upto: Position,
        cause: u64,
        lineage: Lineage,
        /// The line that has told of it, if its node was busy then.
        told: Option<u64>,
    },
    /// A step that reads from a disk is over: what it said takes effect.
    Read {
        actor: ActorId,
        incarnation: u32,
        effects: Vec<Effect>,
        cause: u64,
    },
    FaultBegin {
        fault: usize,
        cause: Option<u64>,
    },
    FaultEnd(usize),
}

/// Whether an actor takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Up,
    Down,
    Exited,
    Gone,
}

#[derive(Clone, Debug)]
struct Actor {
    name: Arc<str>,
    /// What lines of messages say of it.
    text: ActorText,
    role: Role,
    host: Option<usize>,
    incarnation: u32,
    state: State,
    /// Whether it is at a step that reads from its disk.
    is_busy: bool,
    /// What has come for it since that step began.
    inbox: VecDeque<Slot>,
    /// Whether it is as far as to take part: after a restart, once it has said that it is back.
    is_back: bool,
    downs: u32,
    /// Whether we have closed the input of its present life: that it then ends is our doing.
    is_closed: bool,
    spoken: u64,
    instant: (u64, u64),
}

/// A fault of the plan, as the engine keeps it.
#[derive(Clone, Debug)]
struct Planned {
    act: Act,
    words: Arc<str>,
    is_active: bool,
    is_over: bool,
    /// Whether it has struck anybody.
    strikes: bool,
}

/// A whole distributed system: actors, network, disks, faults, time and chance.
pub struct World {
    plan: Arc<Plan>,
    clock: Clock,
    now: u64,
    queue: Queue<Event>,
    actors: Vec<Actor>,
    names: BTreeMap<Arc<str>, ActorId>,
    hosts: Vec<Box<dyn Host>>,
    clients: Option<usize>,
    busy: Vec<bool>,
    /// Hosts that were handed something since the last flush, and may be more than once.
    unflushed: Vec<usize>,
    network: Network,
    faults: Vec<Planned>,
    triggers: Triggers,
    /// Which edits of the plan have found their message.
    edits_met: Vec<bool>,
    journal: Journal,
    hash: Rolling,
    chain: Chain,
    bounds: Bounds,
    out: Outputs,
    events: u64,
    instant_events: u64,
    phase: Option<Phase>,
    history: Vec<Recorded>,
    history_index: u64,
    findings: Vec<(u64, Finding)>,
    exits: Vec<(ActorId, String)>,
    marks: BTreeMap<String, u64>,
    end: Option<End>,
}

/// What is left of a run.
#[derive(Debug)]
pub struct Report {
    /// How it ended.
    pub end: End,
    /// The rolling hash of all events.
    pub hash: u64,
    /// Events that were handled.
    pub events: u64,
    /// When it ended, ns since the start.
    pub end_ns: u64,
    /// Lines of the trace: the number that the line of the verdict will have.
    pub lines: u64,
    /// Operations, faults, and the lives that they began, in order.
    pub history: Vec<Recorded>,
    /// Counts of messages.
    pub net: Net,
    /// What was wrong, with the number of its line in the trace.
    pub findings: Vec<(u64, Finding)>,
    /// Nodes that ended without a fault of ours, and how.
    pub exits: Vec<(String, String)>,
    /// Goals and places that nodes reported, with how often they were met; 0: a goal that was not.
    pub marks: BTreeMap<String, u64>,
    /// What the plan waited for or meant to change and never came, in words.
    pub unmet: Vec<String>,
    /// Hashes of all events, if they were kept.
    pub chain: Chain,
    /// The first error while the trace was written.
    pub trace_error: Option<std::io::Error>,
    /// Excess of each delivery over its deadline, ns; wall time only.
    pub late_ns: Vec<u64>,
}

impl World {
    /// A World for this plan. `members` are the actors in the order of their ids: the nodes of
    /// the plan, then services, then the source of faults. Clients come later.
    ///
    /// # Errors
    /// If the plan cannot be run: it names a fault or node that does not exist, for example.
    pub fn new(
        plan: Arc<Plan>,
        members: &[(&str, Role)],
        bounds: Bounds,
    ) -> Result<Self, PlanError> {
        plan.check()?;
        let mut names = BTreeMap::new();
        let mut actors = Vec::new();
        for &(name, role) in members {
            let id = ActorId(u32::try_from(actors.len()).expect("fewer than 2^32 actors"));
            let name: Arc<str> = Arc::from(name);
            names.insert(Arc::clone(&name), id);
            actors.push(Actor::new(name, role));
        }
        // Faults strike nodes only: services and the source of faults are never cut or killed.
        let is_node = |id: &ActorId| members.get(id.index()).is_some_and(|m| m.1 == Role::Node);
        let of = |name: &str| names.get(name).copied().filter(is_node);
        let mut faults = Vec::new();
        for event in &plan.events {
            let words = serde_json::to_string(&event.words).unwrap_or_default();
            let act = event.load(&of)?;
            let words = words.into();
            let (is_active, is_over, strikes) = (false, false, false);
            faults.push(Planned { act, words, is_active, is_over, strikes });
        }
        let latency = Latency {
            mean_ns: plan.network.latency_us.saturating_mul(1_000),
            shape: plan.network.dist,
        };
        let out = outputs_for(&plan);
        Ok(Self {
            edits_met: vec![false; plan.edits.len()],
            clock: Clock::new(plan.clock),
            now: 0,
            queue: Queue::new(),
            network: Network::new(plan.seed, latency),
            plan,
            actors,
            names,
            hosts: Vec::new(),
            clients: None,
            busy: Vec::new(),
            unflushed: Vec::new(),
            faults,
            triggers: Triggers::default(),
            journal: Journal::default(),
            hash: Rolling::default(),
            chain: Chain::Off,
            bounds,
            out,
            events: 0,
            instant_events: 0,
            phase: None,
            history: Vec::new(),
            history_index: 0,
            findings: Vec::new(),
            exits: Vec::new(),
            marks: BTreeMap::new(),
            end: None,
        })
    }

    /// The names of all actors so far, with the ids that they have here.
    #[must_use]
    pub fn roster(&self) -> Roster {
        let mut roster = Roster::new();
        for actor in &self.actors {
            roster.add(&actor.name);
        }
        roster
    }

    /// Lets an actor live in a host of its own.
    pub fn settle(&mut self, actor: ActorId, host: Box<dyn Host>) {
        self.actors[actor.index()].host = Some(self.hosts.len());
        self.busy.push(false);
        self.hosts.push(host);
    }

    /// The host of all clients: it opens them one by one.
    pub fn settle_clients(&mut self, host: Box<dyn Host>) {
        self.clients = Some(self.hosts.len());
        self.busy.push(false);
        self.hosts.push(host);
    }

    /// Writes the trace of the run to `sink`.
    pub fn record(&mut self, sink: Box<dyn Write>, header: &Header) {
        self.journal = Journal::to(sink, header);
        self.out.effects.observing = true;
    }

    /// Keeps or compares the hashes of this run.
    pub fn chain(&mut self, chain: Chain) {
        self.chain = chain;
    }

    /// What a process host rings when it has something to say, and what stops a run from outside.
    #[must_use]
    pub fn doorbell(&self) -> Doorbell {
        self.clock.doorbell()
    }

    /// The place that the next settled host will have; a process host rings with it.
    #[must_use]
    pub fn next_place(&self) -> usize {
        self.hosts.len()
    }

    /// A copy of everything but the trace; `None` if a host cannot be cloned. Virtual time only.
    #[must_use]
    pub fn fork(&self) -> Option<Self> {
        if self.plan.clock == ClockKind::Wall {
            return None;
        }
        let hosts = self.hosts.iter().map(|host| host.fork()).collect::<Option<Vec<_>>>()?;
        Some(Self {
            plan: Arc::clone(&self.plan),
            clock: Clock::new(self.plan.clock),
            now: self.now,
            queue: self.queue.clone(),
            actors: self.actors.clone(),
            names: self.names.clone(),
            hosts,
            clients: self.clients,
            busy: self.busy.clone(),
            unflushed: Vec::new(),
            network: self.network.clone(),
            faults: self.faults.clone(),
            triggers: self.triggers.clone(),
            edits_met: self.edits_met.clone(),
            journal: Journal::default(),
            hash: self.hash.clone(),
            chain: self.chain.clone(),
            bounds: self.bounds,
            out: outputs_for(&self.plan),
            events: self.events,
            instant_events: self.instant_events,
            phase: self.phase,
            history: self.history.clone(),
            history_index: self.history_index,
            findings: self.findings.clone(),
            exits: self.exits.clone(),
            marks: self.marks.clone(),
            end: self.end.clone(),
        })
    }

    /// Runs to the end.
    pub fn run(mut self) -> Report {
        self.boot();
        self.run_on()
    }

    /// Runs a World that was booted on to the end.
    pub fn run_on(mut self) -> Report {
        while self.end.is_none() {
            self.turn();
        }
        self.report()
    }

    /// Starts all nodes, then the clients.
    pub fn boot(&mut self) {
        for id in 0..self.actors.len() {
            if self.actors[id].host.is_some() {
                self.start(ActorId(u32::try_from(id).expect("few actors")), None);
            }
        }
        if let Some(host) = self.clients {
            let lineage = Lineage(draw_key(self.plan.seed, DOMAIN_START, u64::MAX, 0));
            let e = self.journal.next();
            let mut line = Line::new(e, self.now, Kind::Phase, "nemesis");
            line.name = Some("setup".into());
            self.journal.line(&line);
            self.step(host, HostInput::Begin, e, lineage);
        }
    }

    /// Lets the next thing happen: an event that is due, or what a process has said.
    pub fn turn(&mut self) {
        let due = self.queue.next_time();
        if !self.unflushed.is_empty() && due.is_none_or(|due| due > self.now) {
            self.flush();
        }
        match self.clock.wait(self.now, due) {
            Ring::Due(now) => {
                if now > self.now {
                    (self.now, self.instant_events) = (now, 0);
                }
                if let Some((due, slot)) = self.queue.pop()
                    && let Some(free) = self.handle(slot, due)
                {
                    self.empty_inbox(free);
                }
            }
            Ring::Host(now, host) => {
                self.now = self.now.max(now);
                self.collect(host);
            }
            Ring::Stop => self.end = Some(End::Interrupted),
            Ring::Nothing => self.end = Some(End::Quiet),
        }
    }

    /// Runs until an event at or after `until_ns` is next, or the end.
    pub fn run_until(&mut self, until_ns: u64) {
        while self.end.is_none() && self.queue.next_time().is_some_and(|next| next < until_ns) {
            self.turn();
        }
    }

    /// Virtual time, ns since the start.
    #[must_use]
    pub const fn now_ns(&self) -> u64 {
        self.now
    }

    /// The hash of everything that has happened so far.
    #[must_use]
    pub const fn hash(&self) -> u64 {
        self.hash.value()
    }

    /// How many events have been handled.
    #[must_use]
    pub const fn events(&self) -> u64 {
        self.events
    }

    /// How the run ended, if it has.
    #[must_use]
    pub const fn end(&self) -> Option<&End> {
        self.end.as_ref()
    }

    /// Handles an event. If that makes an actor free which was busy, says so: it has an inbox.
    #[inline(always)]
    fn handle(&mut self, slot: Slot, due: u64) -> Option<ActorId> {
        let before = self.events;
        // Who is too busy to take it in, and who has just become free.
        let (mut busy, mut free) = (None, None);
        match *self.queue.event(&slot) {
            Event::Deliver { .. } => busy = self.deliver(&slot, due),
            Event::Timer { actor, incarnation, token, armed, lineage, .. } => {
                if self.is_live(actor, incarnation) {
                    if self.actors[actor.index()].is_busy {
                        busy = Some(actor);
                    } else {
                        self.timer((actor, token), (armed, lineage), &slot);
                    }
                }
            }
            Event::Synced { actor, incarnation, upto, cause, lineage, told } => {
                if self.is_live(actor, incarnation) {
                    if self.actors[actor.index()].is_busy {
                        self.sync_ends_behind(actor, upto, &slot);
                        busy = Some(actor);
                    } else {
                        self.synced((actor, upto), (cause, lineage), told);
                    }
                }
            }
            Event::Read { actor, incarnation, cause, .. } => {
                if self.is_live(actor, incarnation) {
                    self.has_read(actor, &slot, cause);
                    free = Some(actor);
                }
            }
            Event::FaultBegin { fault, cause } => self.fault_begins(fault, cause),
            Event::FaultEnd(fault) => self.fault_ends(fault),
        }
        match busy {
            Some(actor) => self.actors[actor.index()].inbox.push_back(slot),
            None => self.queue.release(slot),
        }
        self.begin_what_was_met();
        if self.events > before {
            self.link_chain();
        }
        free
    }

    /// Whether what was scheduled for this life still means something. Timers of clients belong
    /// to their host, which knows itself.
    fn is_live(&self, actor: ActorId, incarnation: u32) -> bool {
        let actor = &self.actors[actor.index()];
        if actor.role == Role::Client {
            return true;
        }
        actor.incarnation == incarnation && actor.state == State::Up
    }

    fn timer(
        &mut self,
        (id, token): (ActorId, Token),
        (armed, lineage): (u64, Lineage),
        slot: &Slot,
    ) {
        let Some(host) = self.host_of(id) else { return };
        let e = self.journal.next();
        if self.ask(host, HostInput::Timer { actor: id, token }, e, lineage) {
            return;
        }
        if self.journal.is_on() {
            let mut line = Line::new(e, self.now, Kind::Timer, &self.actors[id.index()].name);
            line.armed = Some(armed).filter(|&armed| armed != UNASKED);
            if let Event::Timer { name: Some(name), .. } = self.queue.event(slot) {
                line.name = Some(name.as_ref().into());
            }
            self.journal.line(&line);
        } else {
            self.journal.skip();
        }
        self.fold(1, id, lineage.0);
        self.interpret(e);
    }

    /// Hands an input to a host that needs no line of its own.
    fn step(&mut self, host: usize, input: HostInput<'_>, e: u64, lineage: Lineage) {
        if !self.ask(host, input, e, lineage) {
            self.interpret(e);
        }
    }

    /// Hands an input to a host; its outputs wait in `self.out`. Says whether it was stale.
    fn ask(&mut self, host: usize, input: HostInput<'_>, e: u64, lineage: Lineage) -> bool {
        self.out.clear();
        let at = self.moment(e, lineage);
        let progress = self.hosts[host].step(at, input, &mut self.out);
        self.busy[host] = progress == Progress::Busy;
        self.out.stale
    }

    /// Everything that was due at this moment has been handed to its host.
    fn flush(&mut self) {
        for host in self.unflushed.drain(..) {
            self.hosts[host].flush();
        }
    }

    fn collect(&mut self, host: usize) {
        self.out.clear();
        let at = self.moment(self.journal.next(), Lineage::default());
        let progress = self.hosts[host].collect(at, &mut self.out);
        self.busy[host] = progress == Progress::Busy;
        self.interpret(UNASKED);
        self.begin_what_was_met();
        // Processes that speak without being asked are no events, and may fill the queue.
        self.check_bounds();
    }

    fn moment(&self, e: u64, lineage: Lineage) -> Moment {
        let wall = WALL_EPOCH_NS.saturating_add(self.now);
        Moment { now: Instant(self.now), wall, event: EventNo(e), lineage }
    }

    fn host_of(&self, actor: ActorId) -> Option<usize> {
        self.home(self.actors.get(actor.index())?)
    }

    /// Where an actor lives.
    fn home(&self, actor: &Actor) -> Option<usize> {
        if actor.role == Role::Client { self.clients } else { actor.host }
    }

    /// Counts an event and takes it into the hash.
    #[inline(always)]
    fn fold(&mut self, kind: u64, id: ActorId, payload: u64) {
        let actor = &mut self.actors[id.index()];
        let who = kind << 56 | u64::from(actor.incarnation) << 32 | u64::from(id.0);
        self.hash.fold_all([self.now, who, payload]);
        self.instant_events += 1;
        self.events += 1;
        // Who is busy matters only once an instant has become suspiciously long.
        if self.instant_events > self.bounds.instant_events_max / 2 {
            let instant = if actor.instant.0 == self.now { actor.instant.1 } else { 0 };
            actor.instant = (self.now, instant + 1);
        }
        self.check_bounds();
    }

    #[inline(always)]
    fn check_bounds(&mut self) {
        let is_beyond = self.events > self.bounds.events_max
            || self.queue.len() > self.bounds.queue_max
            || self.network.body_bytes > self.bounds.body_bytes_max
            || self.instant_events > self.bounds.instant_events_max;
        if is_beyond {
            self.end_at_a_bound();
        }
    }

    /// The first bound that is reached is the end.
    #[cold]
    fn end_at_a_bound(&mut self) {
        if self.end.is_some() {
            return;
        }
        let is_large = self.network.body_bytes > self.bounds.body_bytes_max;
        if self.events > self.bounds.events_max {
            self.end = Some(End::EventStorm);
        } else if self.queue.len() > self.bounds.queue_max || is_large {
            self.end = Some(End::QueueFull);
        } else if self.plan.clock == ClockKind::Virtual {
            self.end = Some(End::InstantStorm { busiest: self.busiest() });
        }
    }

    /// The end of an event: its hash is kept or compared.
    fn link_chain(&mut self) {
        let hash = self.hash.value();
        match &mut self.chain {
            Chain::Off => {}
            Chain::Keep(hashes) => hashes.push(hash),
            Chain::Compare { hashes, compared } => {
                if hashes.get(*compared) != Some(&hash) {
                    self.end = Some(End::Diverged { event: *compared as u64 });
                }
                *compared += 1;
            }
        }
    }

    fn busiest(&self) -> Vec<(String, u64)> {
        let mut counts: Vec<_> = self
            .actors
            .iter()
            .filter(|actor| actor.instant.0 == self.now)
            .map(|actor| (actor.name.to_string(), actor.instant.1))
            .collect();
        counts.sort_by_key(|(name, count)| (u64::MAX - count, name.clone()));
        counts.truncate(2);
        counts
    }

    fn report(mut self) -> Report {
        self.lose_the_rest();
        self.compare_replicas();
        self.end_hosts();
        let exits = self.exits.iter().map(|(id, how)| (self.name(*id).to_owned(), how.clone()));
        Report {
            unmet: self.unmet(),
            exits: exits.collect(),
            end: self.end.unwrap_or(End::Quiet),
            hash: self.hash.value(),
            events: self.events,
            end_ns: self.now,
            lines: self.journal.next(),
            history: self.history,
            late_ns: std::mem::take(&mut self.network.late_ns),
            net: self.network.net,
            findings: self.findings,
            marks: self.marks,
            chain: self.chain,
            trace_error: self.journal.close(),
        }
    }

    fn name(&self, id: ActorId) -> &str {
        self.actors.get(id.index()).map_or("?", |actor| &actor.name)
    }

    fn tell_clients(&mut self, node: ActorId, notice: Notice, e: u64, lineage: Lineage) {
        if let Some(host) = self.clients {
            self.step(host, HostInput::Notice { node, notice }, e, lineage);
        }
    }
}

/// Only who observes hears of writes.
fn outputs_for(plan: &Plan) -> Outputs {
    let mut out = Outputs::default();
    out.effects.observing = plan.events.iter().any(EventPlan::waits_for_write);
    out
}

impl Actor {
    fn new(name: Arc<str>, role: Role) -> Self {
        Self {
            text: ActorText::new(&name),
            name,
            role,
            host: None,
            incarnation: 0,
            state: State::Up,
            is_busy: false,
            inbox: VecDeque::new(),
            is_back: true,
            downs: 0,
            is_closed: false,
            spoken: 0,
            instant: (0, 0),
        }
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World")
            .field("now_ns", &self.now)
            .field("actors", &self.actors.len())
            .field("events", &self.events)
            .field("waiting", &self.queue.len())
            .finish_non_exhaustive()
    }
}
