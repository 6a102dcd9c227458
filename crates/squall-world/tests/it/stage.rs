//! A small cluster of keepers, a client with a script, and what is left of a run.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::rc::Rc;
use std::sync::Arc;

use serde_json::{Value, json};
use squall_history::trace::{Header, Member, Role, TRACE_VERSION};
use squall_node::{
    ActorId, Bytes, Ctx, Duration, Form, Input, Lineage, Moment, Never, Node, Outgoing, Position,
    Roster, Rules, Token, View, Wire, WireError,
};
use squall_world::{
    Bounds, Envelope, Factory, GENERATOR, Host, HostInput, InProcess, Life, Op, Output, Outputs,
    Phase, Plan, PlanError, Progress, Report, Stage as OpStage, World,
};

/// A word with a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Word(pub(crate) Cow<'static, str>, pub(crate) u64);

impl Wire for Word {
    fn name(&self) -> Cow<'static, str> {
        self.0.clone()
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(format!(r#"{{"type":"{}","n":{}}}"#, self.0, self.1).as_bytes());
    }

    fn decode(name: &str, _form: Form, body: &[u8]) -> Result<Self, WireError> {
        if name == "gibberish" {
            return Err(WireError::UnknownName);
        }
        let body: Value = serde_json::from_slice(body)
            .map_err(|error| WireError::Malformed(error.to_string()))?;
        let n = body["n"].as_u64().ok_or_else(|| WireError::Malformed("no n".to_owned()))?;
        Ok(Self(Cow::Owned(name.to_owned()), n))
    }
}

/// A node that does what it is told. Its words:
///
/// - `put` keeps a number durably, then says so; `claim` says so before it is durable;
///   `get` says the sum of all that is kept.
/// - `vote` votes for the first number it hears, once and for all.
/// - `pass` sends `ping` to the next node, `pass-back` to the one before, `mine` to itself,
///   `serve` to the service, `haunt` to the source of faults; `flood` passes so many.
/// - `ball` throws a ball to and fro until its number is 0.
/// - `ring` lets a timer ring after so many ms; `spin` and `toss` keep the World busy without
///   letting time pass; `clog` arms timers without end.
/// - `share` lets it say that a number is replicated; `blind` lets it panic when it is looked into.
/// - `check` reads twice, asserts that the number is zero, and panics if it is 42.
/// - `boom` panics; `odd` sends the next node what it cannot decode; `wrong` breaks an assertion.
#[derive(Clone, Debug, Default)]
pub(crate) struct Keeper {
    kept: BTreeMap<u64, Position>,
    heard: u64,
    shared: Option<u64>,
    is_blind: bool,
}

const LOG: &str = "kept";
const CELL: &str = "vote";

impl Keeper {
    fn beside(ctx: &Ctx<'_, Self>, step: usize) -> ActorId {
        let members = ctx.members();
        let at = members.iter().position(|&id| id == ctx.me()).unwrap_or(0);
        members[(at + step) % members.len()]
    }

    fn say(ctx: &mut Ctx<'_, Self>, to: ActorId, name: &'static str, n: u64) {
        ctx.send(to, &Word(name.into(), n));
    }

    fn keep(&mut self, ctx: &mut Ctx<'_, Self>, n: u64) {
        ctx.disk().append(LOG, 0, 0, &n.to_le_bytes()).expect("the disk has no end");
        self.kept.insert(n, ctx.position());
    }

    fn vote(ctx: &mut Ctx<'_, Self>, n: u64) -> u64 {
        let cast = ctx.disk().get(CELL).expect("the disk can be read");
        if let Some(cast) = cast {
            return u64::from_le_bytes(cast.try_into().expect("eight bytes"));
        }
        ctx.disk().put(CELL, &n.to_le_bytes()).expect("the disk has no end");
        n
    }

    fn word(&mut self, ctx: &mut Ctx<'_, Self>, from: squall_node::Sender, word: &Word) {
        let Word(name, n) = word;
        let n = *n;
        let next = Self::beside(ctx, 1);
        match name.as_ref() {
            "put" => {
                self.keep(ctx, n);
                ctx.reply(from, &Word("put_ok".into(), n));
            }
            "claim" => {
                self.keep(ctx, n);
                ctx.reply_after(Position(0), from, &Word("claim_ok".into(), n));
            }
            "get" => ctx.reply(from, &Word("get_ok".into(), self.kept.keys().sum())),
            // A number that was kept long ago need not wait for the sync of another.
            "get-one" => {
                let at = self.kept.get(&n).copied().unwrap_or(Position(0));
                ctx.reply_after(at, from, &Word("get-one_ok".into(), n));
            }
            "vote" => {
                let cast = Self::vote(ctx, n);
                ctx.reply(from, &Word("vote_ok".into(), cast));
            }
            "pass" => Self::say(ctx, next, "ping", n),
            "pass-back" => {
                let before = Self::beside(ctx, ctx.members().len() - 1);
                Self::say(ctx, before, "ping", n);
            }
            "mine" => Self::say(ctx, ctx.me(), "ping", n),
            "serve" => {
                let service = ctx.actor("store").expect("there is a service");
                Self::say(ctx, service, "ping", n);
            }
            "haunt" => {
                let ghost = ctx.actor("nemesis").expect("there is a source of faults");
                Self::say(ctx, ghost, "ping", n);
            }
            "flood" => (0..n).for_each(|n| Self::say(ctx, next, "ping", n)),
            "ball" if n > 0 => {
                let to = if from.msg_id.is_some() { next } else { from.actor };
                Self::say(ctx, to, "ball", n - 1);
            }
            "ring" => ctx.arm(Duration::from_millis(n), n),
            "spin" => Self::say(ctx, ctx.me(), "spin", n),
            "toss" => Self::say(ctx, next, "toss", n),
            "clog" => (0..n).for_each(|n| ctx.arm(Duration::from_secs(n + 1), n)),
            "share" => self.shared = Some(n),
            "blind" => self.is_blind = true,
            "check" => {
                ctx.disk().get(CELL).expect("the disk can be read");
                ctx.disk().get(CELL).expect("the disk can be read");
                ctx.always(n == 0, "the number is zero");
                assert!(n != 42, "boom {n}");
                ctx.reply(from, &Word("check_ok".into(), n));
            }
            "boom" => panic!("boom {n}"),
            "odd" => Self::say(ctx, next, "gibberish", n),
            "goal" => ctx.sometimes(n == 0, "the number was zero once"),
            "wrong" => ctx.always(n == 0, "the number is zero"),
            _ => self.heard += 1,
        }
    }
}

impl Node for Keeper {
    type Message = Word;
    type Timer = u64;
    type Pending = Never;

    fn handle(&mut self, ctx: &mut Ctx<'_, Self>, input: Input<Self>) {
        match input {
            // A life begins with what the disk has kept.
            Input::Start => {
                let kept = &mut self.kept;
                let read = |record: squall_node::Record<'_>| {
                    let n = record.payload.try_into().expect("eight bytes");
                    kept.insert(u64::from_le_bytes(n), Position(1));
                };
                ctx.disk().read_all(LOG, read).expect("the log can be read");
                if self.kept.is_empty() && ctx.incarnation() == 0 {
                    return;
                }
                let sum: u64 = self.kept.keys().sum();
                ctx.note("woke", |fields| fields.set("sum", sum));
            }
            Input::Message { from, body } => self.word(ctx, from, &body),
            Input::Timer(n) => ctx.note("rang", |fields| fields.set("n", n)),
            _ => {}
        }
    }

    fn view(&self, out: &mut View) {
        assert!(!self.is_blind, "nothing to be seen");
        out.set("kept", self.kept.len());
        out.set("heard", self.heard);
        if let Some(n) = self.shared {
            out.replicated("shared", n);
        }
    }
}

/// What the client says: when, to which node, which word with which number.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) at_us: u64,
    pub(crate) node: usize,
    pub(crate) name: String,
    pub(crate) n: u64,
}

/// A line of a script.
pub(crate) fn say(at_ms: u64, node: usize, name: &str, n: u64) -> Line {
    Line { at_us: at_ms * 1_000, node, name: name.to_owned(), n }
}

/// The host of one client, `c0`, that says its lines at their times and ends the run.
#[derive(Clone, Debug)]
struct Script {
    client: ActorId,
    lines: Arc<[Line]>,
    end_us: u64,
    open: BTreeMap<u64, usize>,
}

const DONE: Token = Token(u64::MAX);
/// The end of a script that never says that it is done.
pub(crate) const NEVER_US: u64 = u64::MAX;

impl Script {
    fn op(&self, at: usize, stage: OpStage, n: &str) -> Output {
        let line = &self.lines[at];
        Output::Op(Op {
            actor: self.client,
            stage,
            process: i64::try_from(at).expect("few lines"),
            f: line.name.clone().into(),
            value: n.into(),
            error: None,
            is_final: false,
            node: Some(ActorId(u32::try_from(line.node).expect("few nodes"))),
        })
    }

    fn arm(&self, out: &mut Outputs, token: Token, at_us: u64) {
        let (actor, lineage) = (self.client, Lineage(token.0));
        let name = out.observing().then(|| "line".to_owned());
        let after = Duration::from_micros(at_us);
        out.list.push(Output::Arm { actor, token, after, lineage, name });
    }

    fn begin(&self, out: &mut Outputs) {
        out.list.push(Output::Open { actor: self.client, name: "c0".into() });
        out.list.push(Output::Phase(Phase::Main));
        for (at, line) in self.lines.iter().enumerate() {
            self.arm(out, Token(at as u64), line.at_us);
        }
        if self.end_us < NEVER_US {
            self.arm(out, DONE, self.end_us);
        }
    }

    fn line(&mut self, at: Moment, token: Token, out: &mut Outputs) {
        if token == DONE {
            out.list.push(Output::Phase(Phase::Heal));
            out.list.push(Output::Done);
            return;
        }
        let place = usize::try_from(token.0).expect("few lines");
        let line = &self.lines[place];
        let msg_id = token.0 + 1;
        self.open.insert(msg_id, place);
        out.list.push(self.op(place, OpStage::Invoke, &line.n.to_string()));
        let body = format!(r#"{{"type":"{}","msg_id":{msg_id},"n":{}}}"#, line.name, line.n);
        // A word with a question mark comes without its number.
        let body = match line.name.strip_suffix('?') {
            Some(name) => format!(r#"{{"type":"{name}","msg_id":{msg_id}}}"#),
            None => body,
        };
        let message = Outgoing {
            to: ActorId(u32::try_from(line.node).expect("few nodes")),
            msg_id: Some(msg_id),
            in_reply_to: None,
            name: line.name.trim_end_matches('?').to_owned().into(),
            form: Form::Json,
            body: Bytes::from(body.as_bytes()),
            cause: at.event,
            lineage: at.lineage.child(0),
            held_from: None,
        };
        out.list.push(Output::Send { from: self.client, message });
    }

    fn answer(&mut self, envelope: &Envelope, name: &str, out: &mut Outputs) {
        let id = envelope.in_reply_to.and_then(|id| self.open.remove(&id));
        let Some(place) = id else { return };
        let body: Value = serde_json::from_slice(&envelope.body).expect("nodes say JSON");
        let stage = if name == "error" { OpStage::Fail } else { OpStage::Ok };
        out.list.push(self.op(place, stage, &body["n"].to_string()));
    }
}

impl Host for Script {
    fn step(&mut self, at: Moment, input: HostInput<'_>, out: &mut Outputs) -> Progress {
        match input {
            HostInput::Begin => self.begin(out),
            HostInput::Timer { token, .. } => self.line(at, token, out),
            HostInput::Message { envelope, name, .. } => self.answer(envelope, name, out),
            HostInput::Synced { .. } | HostInput::Notice { .. } => {}
        }
        Progress::Quiescent
    }

    fn life(&mut self, _: Moment, _: ActorId, _: Life, _: &mut Outputs) -> Progress {
        Progress::Quiescent
    }

    fn fork(&self) -> Option<Box<dyn Host>> {
        Some(Box::new(self.clone()))
    }
}

/// A cluster and its script. Node `i` is `n<i>`; a service `store` is there too.
#[derive(Clone, Debug)]
pub(crate) struct Stage {
    pub(crate) nodes: usize,
    pub(crate) seed: u64,
    pub(crate) latency_us: u64,
    pub(crate) dist: &'static str,
    pub(crate) sync_us: [u64; 2],
    pub(crate) read_us: [u64; 2],
    pub(crate) recovery_ms: u64,
    pub(crate) events: Vec<Value>,
    pub(crate) edits: Vec<Value>,
    pub(crate) lines: Vec<Line>,
    pub(crate) end_us: u64,
    pub(crate) bounds: Bounds,
    pub(crate) rules: Rules,
}

impl Default for Stage {
    fn default() -> Self {
        Self {
            nodes: 3,
            seed: 1,
            latency_us: 0,
            dist: "constant",
            sync_us: [4_000, 4_000],
            read_us: [0, 0],
            recovery_ms: 0,
            events: Vec::new(),
            edits: Vec::new(),
            lines: Vec::new(),
            end_us: 1_000_000,
            bounds: Bounds::SWARM,
            rules: Rules::default(),
        }
    }
}

/// What is left of a run.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) report: Report,
    pub(crate) trace: String,
}

impl Stage {
    pub(crate) fn plan_value(&self) -> Value {
        let names: Vec<_> = (0..self.nodes).map(|n| format!("n{n}")).collect();
        // No plan lasts longer than a hundred years.
        let main_ms = (self.end_us / 1_000).min(1 << 40);
        let mut events = self.events.clone();
        for (at, event) in events.iter_mut().enumerate() {
            event["id"] = json!(at + 1);
        }
        json!({
            "format": "squall-plan", "v": 1, "generator": GENERATOR, "workload": "keepers",
            "seed": format!("0x{:x}", self.seed), "clock": "virtual", "nodes": names,
            "network": { "latency_us": self.latency_us, "dist": self.dist },
            "disk": { "sync_us": self.sync_us, "read_us": self.read_us },
            "phases": { "main_ms": main_ms, "recovery_ms": self.recovery_ms },
            "ops": { "from": 0, "to": self.lines.len(), "gap_max_ns": 0 },
            "events": events,
            "edits": self.edits,
        })
    }

    pub(crate) fn plan(&self) -> Result<Plan, PlanError> {
        Plan::parse(&self.plan_value().to_string())
    }

    /// The World, with one node from the test where it wants one.
    pub(crate) fn world_with(
        &self,
        mut host: impl FnMut(ActorId, &Arc<Roster>, &Arc<[ActorId]>) -> Option<Box<dyn Host>>,
    ) -> World {
        let plan = Arc::new(self.plan().expect("the plan is in order"));
        let members = members(&plan);
        let bounds = self.bounds;
        let mut world = World::new(Arc::clone(&plan), &members, bounds).expect("a good plan");
        let roster = Arc::new(world.roster());
        let actor = |at: usize| ActorId(u32::try_from(at).expect("few actors"));
        let nodes: Arc<[ActorId]> = (0..self.nodes).map(actor).collect();
        for me in (0..=self.nodes).map(actor) {
            let factory: Factory<Keeper> = Arc::new(Keeper::default);
            let (names, members) = (Arc::clone(&roster), Arc::clone(&nodes));
            let keeper = InProcess::new(me, names, members, factory, self.rules).cloneable();
            let own = host(me, &roster, &nodes);
            world.settle(me, own.unwrap_or_else(|| Box::new(keeper)));
        }
        let client = actor(members.len());
        let (lines, end_us) = (self.lines.clone().into(), self.end_us);
        let script = Script { client, lines, end_us, open: BTreeMap::new() };
        world.settle_clients(Box::new(script));
        world
    }

    pub(crate) fn world(&self) -> World {
        self.world_with(|_, _, _| None)
    }

    /// Runs with the trace.
    pub(crate) fn run(&self) -> Ran {
        self.run_world(self.world())
    }

    pub(crate) fn run_world(&self, mut world: World) -> Ran {
        let sink = Sink::default();
        world.record(Box::new(sink.clone()), &self.header());
        let report = world.run();
        Ran { report, trace: sink.text() }
    }

    pub(crate) fn header(&self) -> Header {
        let plan = self.plan().expect("the plan is in order");
        let member = |(name, role): &(&str, Role)| Member { name: (*name).to_owned(), role: *role };
        Header {
            v: TRACE_VERSION,
            kind: "trace".into(),
            squall: "0".to_owned(),
            workload: "keepers".to_owned(),
            seed: format!("0x{:x}", self.seed),
            plan: format!("{:016x}", plan.digest()),
            generator: GENERATOR,
            clock: "virtual".into(),
            actors: members(&plan).iter().map(member).collect(),
        }
    }
}

fn members(plan: &Plan) -> Vec<(&str, Role)> {
    let nodes = plan.nodes.iter().map(|name| (name.as_str(), Role::Node));
    nodes.chain([("store", Role::Service), ("nemesis", Role::Fault)]).collect()
}

impl Ran {
    /// The lines of the trace behind its header.
    pub(crate) fn lines(&self) -> Vec<Value> {
        let read = |line: &str| serde_json::from_str(line).expect("each line is JSON");
        self.trace.lines().skip(1).map(read).collect()
    }

    /// The lines of a kind at an actor.
    pub(crate) fn at(&self, kind: &str, actor: &str) -> Vec<Value> {
        let lines = self.lines().into_iter();
        lines.filter(|line| line["k"] == kind && line["a"] == actor).collect()
    }

    /// The answers of the client's lines: place in the script, time in µs, number.
    pub(crate) fn answers(&self) -> BTreeMap<u64, (u64, Value)> {
        let ops = self.at("op", "c0").into_iter().filter(|op| op["do"] == "ok");
        let row = |op: Value| {
            let time_us = op["t"].as_u64().expect("a time") / 1_000;
            (op["process"].as_u64().expect("a number"), (time_us, op["value"].clone()))
        };
        ops.map(row).collect()
    }

    /// What became of the messages of this name to a node: its number, when, and why not.
    pub(crate) fn fates(&self, name: &str, node: &str) -> Vec<(u64, u64, String)> {
        let lines = self.lines();
        let ended =
            lines.iter().filter(|l| (l["k"] == "recv" || l["k"] == "lost") && l["a"] == node);
        let row = |line: &Value| {
            let of = usize::try_from(line["of"].as_u64()?).ok()?;
            let send = &lines[of];
            let n = send["body"]["n"].as_u64()?;
            let why = line["why"].as_str().unwrap_or("recv").to_owned();
            (send["name"] == name).then_some((n, line["t"].as_u64()? / 1_000, why))
        };
        ended.filter_map(row).collect()
    }
}

/// Keeps what is written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sink(Rc<RefCell<Vec<u8>>>);

impl Sink {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.borrow().clone()).expect("traces are UTF-8")
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What becomes of an event if it waits for a trigger instead of a time.
pub(crate) fn when(mut event: Value, when: Value, after_us: u64) -> Value {
    let keys = event.as_object_mut().expect("an event is an object");
    keys.remove("at_us");
    keys.insert("when".to_owned(), when);
    if after_us > 0 {
        keys.insert("after_us".to_owned(), json!(after_us));
    }
    event
}

/// A partition into groups, for these ms.
pub(crate) fn cut(at_ms: u64, for_ms: u64, groups: Value) -> Value {
    json!({ "at_us": at_ms * 1_000, "do": "partition", "for_us": for_ms * 1_000,
            "kind": "groups", "groups": groups })
}

/// A kill of nodes, for these ms.
pub(crate) fn kill(at_ms: u64, for_ms: u64, nodes: &[&str], power: bool) -> Value {
    json!({ "at_us": at_ms * 1_000, "do": "kill", "for_us": for_ms * 1_000,
            "kind": "one", "nodes": nodes, "power": power })
}
