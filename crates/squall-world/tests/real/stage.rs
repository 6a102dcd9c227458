//! A stage for process nodes: scripts in a directory of their own, a client that asks them, and a
//! World that runs until the client is content.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use squall_history::trace::{Header, Role, TRACE_VERSION};
use squall_node::{ActorId, Bytes, Form, Lineage, Moment, Outgoing, Token};
use squall_world::{
    Births, Bounds, ClockKind, DiskPlan, EventPlan, Finding, GENERATOR, Guard, Host, HostInput,
    Life, NetworkPlan, Notice, OpsPlan, Output, Outputs, Phase, PhasesPlan, Place, Plan,
    ProcessHost, ProcessSpec, Processes, Progress, Report, Shape, World,
};

/// A directory that goes with its owner.
#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("squall-real-{}-{count}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a program.
    pub(crate) fn program(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

/// A node in `sh` that answers `init` and `echo` of client `c0`, and does something else too: at
/// its start, when `init` comes, and when an echo comes.
pub(crate) fn sh(at_start: &str, at_init: &str, at_echo: &str) -> String {
    format!(
        r#"#!/bin/sh
say() {{
  printf '{{"src":"%s","dest":"c0","body":{{"type":"%s","in_reply_to":%s}}}}\n' "$NAME" "$1" "$2"
}}
{at_start}
while read -r line; do
  case "$line" in
    *'"type":"init"'*) {at_init} ;;
    *) {at_echo} ;;
  esac
done
"#
    )
}

/// Answers and nothing else.
pub(crate) const INIT: &str = "say init_ok 1";
pub(crate) const ECHO: &str = "say echo_ok 2";

/// What a run is made of.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) folder: Folder,
    /// The program of each node.
    pub(crate) programs: Vec<PathBuf>,
    pub(crate) events: Vec<EventPlan>,
    /// Bodies that each node gets once it is initialised, from the second `msg_id` on.
    pub(crate) ask: Vec<String>,
    /// Bodies that the first node gets too.
    pub(crate) flood: Vec<String>,
    /// So many answers to these end the run.
    pub(crate) answers: usize,
    /// The run ends here at the latest.
    pub(crate) limit: Duration,
    /// The client panics at the first answer.
    pub(crate) panics: bool,
    pub(crate) guard: Option<Guard>,
    pub(crate) births: Births,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) report: Report,
    /// Bodies that the client got, by name of the node, without `init_ok`.
    pub(crate) heard: Vec<(String, String)>,
    pub(crate) logs: Vec<String>,
    pub(crate) trace: String,
    /// Processes that had left their groups.
    pub(crate) left: usize,
    pub(crate) run_mark: String,
    /// The most memory that this program had until the end of the run.
    pub(crate) peak_mib: u64,
}

/// The most memory that this program ever had.
fn peak_memory_mib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() >> 10
}

impl Stage {
    /// One node of this program text.
    pub(crate) fn of(text: &str) -> Self {
        Self::of_all(&[text])
    }

    pub(crate) fn of_all(texts: &[&str]) -> Self {
        let folder = Folder::new();
        let of = |(at, text): (usize, &&str)| folder.program(&format!("node{at}"), text);
        let programs = texts.iter().enumerate().map(of).collect();
        Self {
            folder,
            programs,
            events: Vec::new(),
            ask: vec![r#"{"msg_id":2,"type":"echo","echo":"hi"}"#.to_owned()],
            flood: Vec::new(),
            answers: texts.len(),
            limit: Duration::from_secs(30),
            panics: false,
            guard: None,
            births: Births::AmongOthers,
        }
    }

    pub(crate) fn run(mut self) -> Outcome {
        let names: Vec<String> = (0..self.programs.len()).map(|n| format!("n{n}")).collect();
        let plan = Arc::new(plan(&names, std::mem::take(&mut self.events)));
        let mut members: Vec<_> = names.iter().map(|name| (name.as_str(), Role::Node)).collect();
        members.push(("nemesis", Role::Fault));
        let mut world = World::new(Arc::clone(&plan), &members, Bounds::WORKBENCH).unwrap();
        let trace = self.folder.path().join("trace.jsonl");
        world.record(Box::new(fs::File::create(&trace).unwrap()), &header());
        let processes = Processes::new(self.guard.take(), self.births).unwrap();
        let run_mark = processes.run_mark().to_owned();
        let mut logs = Vec::new();
        for (at, program) in self.programs.iter().enumerate() {
            let actor = ActorId(u32::try_from(at).unwrap());
            let path = self.folder.path().join(format!("{}.log", names[at]));
            let log = fs::File::create(&path).unwrap();
            logs.push(path);
            let place = Place {
                actor,
                name: Arc::from(&*names[at]),
                doorbell: world.doorbell(),
                place: world.next_place(),
            };
            let spec = spec(program, &self.folder, &names[at]);
            let host = processes.host(spec, place, Box::new(log));
            world.settle(actor, Box::new(Pausing(host)));
        }
        let heard = Arc::default();
        world.settle_clients(Box::new(Client::new(&self, names, Arc::clone(&heard))));
        let report = world.run();
        let left = processes.end();
        let heard = heard.lock().unwrap().clone();
        let peak_mib = peak_memory_mib();
        let text = |path: &PathBuf| String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned();
        let logs = logs.iter().map(text).collect();
        Outcome { report, heard, logs, trace: text(&trace), left, run_mark, peak_mib }
    }
}

impl Outcome {
    pub(crate) fn findings(&self) -> Vec<&Finding> {
        self.report.findings.iter().map(|(_, finding)| finding).collect()
    }

    /// The only finding.
    pub(crate) fn finding(&self) -> &Finding {
        let findings = self.findings();
        assert_eq!(findings.len(), 1, "{findings:#?}");
        findings[0]
    }

    /// Everything was answered, nothing was wrong, and nothing is left.
    pub(crate) fn assert_held(&self) {
        assert!(self.findings().is_empty(), "{:#?}", self.findings());
        assert_eq!(self.report.exits, []);
        assert!(!self.heard.is_empty());
        self.assert_nothing_left();
    }

    pub(crate) fn assert_nothing_left(&self) {
        assert_eq!(marked(&self.run_mark), Vec::<u32>::new());
    }
}

pub(crate) fn spec(program: &Path, folder: &Folder, name: &str) -> ProcessSpec {
    ProcessSpec {
        program: program.to_owned(),
        args: Vec::new(),
        directory: None,
        data: folder.path().join("data").join(name),
        seed: 7,
        env: vec![("NAME".into(), name.into())],
    }
}

/// All processes that have the mark of this run. Looks again while a process shows no environment,
/// as one does that is just becoming another program.
pub(crate) fn marked(mark: &str) -> Vec<u32> {
    let entry = format!("SQUALL_RUN={mark}");
    for _ in 0..500 {
        let folders = fs::read_dir("/proc").unwrap().flatten();
        let pids = folders.filter_map(|folder| folder.file_name().to_str()?.parse().ok());
        let (mut marked, mut is_unsure) = (Vec::new(), false);
        for pid in pids {
            let Ok(environment) = fs::read(format!("/proc/{pid}/environ")) else { continue };
            if environment.split(|&byte| byte == 0).any(|known| known == entry.as_bytes()) {
                marked.push(pid);
            }
            let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
            is_unsure |= environment.is_empty() && status.contains("VmSize");
        }
        if !marked.is_empty() || !is_unsure {
            return marked;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    Vec::new()
}

/// Waits for a condition. Panics when it does not come.
#[allow(clippy::disallowed_methods, reason = "the deadline of a test of real processes")]
pub(crate) fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !condition() {
        assert!(begin.elapsed() < Duration::from_secs(40), "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// An event of the fault `kill` for node `n0`.
pub(crate) fn kill(at_ms: u64, for_ms: u64) -> EventPlan {
    kill_with(at_ms, for_ms, false)
}

/// The same, with power loss.
pub(crate) fn kill_with_power_loss(at_ms: u64, for_ms: u64) -> EventPlan {
    kill_with(at_ms, for_ms, true)
}

fn kill_with(at_ms: u64, for_ms: u64, power: bool) -> EventPlan {
    let words = serde_json::json!({ "kind": "one", "nodes": ["n0"], "power": power });
    let serde_json::Value::Object(words) = words else { unreachable!("a map") };
    EventPlan { what: "kill".into(), words, ..EventPlan::at(at_ms * 1_000, for_ms * 1_000) }
}

fn plan(names: &[String], events: Vec<EventPlan>) -> Plan {
    Plan {
        format: "squall-plan".into(),
        v: 1,
        generator: GENERATOR,
        workload: "echo".into(),
        seed: 7,
        clock: ClockKind::Wall,
        nodes: names.to_vec(),
        knobs: BTreeMap::new(),
        network: NetworkPlan { latency_us: 0, dist: Shape::Constant },
        disk: DiskPlan { sync_us: [0, 0], read_us: [0, 0] },
        phases: PhasesPlan { main_ms: 1_000, recovery_ms: 0 },
        ops: OpsPlan::default(),
        events,
        edits: Vec::new(),
        law_breaker: None,
        expect: None,
    }
}

fn header() -> Header {
    Header {
        v: TRACE_VERSION,
        kind: "trace".into(),
        squall: String::new(),
        workload: "echo".into(),
        seed: String::new(),
        plan: String::new(),
        generator: GENERATOR,
        clock: "wall".into(),
        actors: Vec::new(),
    }
}

/// A client that initialises every node in every life, asks, and counts answers.
struct Client {
    names: Vec<String>,
    ask: Vec<String>,
    flood: Vec<String>,
    answers: usize,
    limit: Duration,
    panics: bool,
    heard: Arc<Mutex<Vec<(String, String)>>>,
}

impl Client {
    fn new(stage: &Stage, names: Vec<String>, heard: Arc<Mutex<Vec<(String, String)>>>) -> Self {
        let (ask, flood) = (stage.ask.clone(), stage.flood.clone());
        let (answers, limit, panics) = (stage.answers, stage.limit, stage.panics);
        Self { names, ask, flood, answers, limit, panics, heard }
    }

    fn id(&self) -> ActorId {
        ActorId(u32::try_from(self.names.len()).unwrap() + 1)
    }

    /// Sends a body. What is no JSON is a binary one, with the name `blob`.
    fn send(&self, to: ActorId, body: &str, at: Moment, out: &mut Outputs) {
        let form = if body.starts_with('{') { Form::Json } else { Form::Binary };
        let message = Outgoing {
            to,
            msg_id: Some(1),
            in_reply_to: None,
            name: name_of(body).to_owned().into(),
            form,
            body: Bytes::from(body.as_bytes()),
            cause: at.event,
            lineage: at.lineage.child(out.list.len() as u64),
            held_from: None,
        };
        out.list.push(Output::Send { from: self.id(), message });
    }

    fn init(&self, node: ActorId, at: Moment, out: &mut Outputs) {
        let name = &self.names[node.index()];
        let body =
            format!(r#"{{"type":"init","node_id":"{name}","node_ids":["{name}"],"msg_id":1}}"#);
        self.send(node, &body, at, out);
    }
}

/// `type` of a body of a test.
fn name_of(body: &str) -> &str {
    let rest = body.split_once("\"type\":\"").map_or("blob\"", |(_, rest)| rest);
    rest.split('"').next().unwrap_or_default()
}

impl Host for Client {
    fn step(&mut self, at: Moment, input: HostInput<'_>, out: &mut Outputs) -> Progress {
        match input {
            HostInput::Begin => {
                out.list.push(Output::Open { actor: self.id(), name: "c0".into() });
                out.list.push(Output::Phase(Phase::Main));
                let after = squall_node::Duration::from_millis(
                    u64::try_from(self.limit.as_millis()).unwrap(),
                );
                let (token, lineage) = (Token(0), Lineage(0));
                out.list.push(Output::Arm { actor: self.id(), token, after, lineage, name: None });
                for node in 0..self.names.len() {
                    self.init(ActorId(u32::try_from(node).unwrap()), at, out);
                }
            }
            HostInput::Message { envelope, name: "init_ok", .. } => {
                let flood = if envelope.src == ActorId(0) { &self.flood[..] } else { &[] };
                for body in self.ask.iter().chain(flood) {
                    self.send(envelope.src, body, at, out);
                }
            }
            HostInput::Message { .. } if self.panics => panic!("as this test wants it"),
            HostInput::Message { envelope, src, .. } => {
                let body = String::from_utf8_lossy(&envelope.body).into_owned();
                let mut heard = self.heard.lock().unwrap();
                heard.push((src.to_owned(), body));
                if heard.len() == self.answers {
                    out.list.push(Output::Done);
                }
            }
            HostInput::Timer { .. } => out.list.push(Output::Done),
            HostInput::Notice { node, notice: Notice::Started } => self.init(node, at, out),
            HostInput::Notice { .. } | HostInput::Synced { .. } => {}
        }
        Progress::Quiescent
    }

    fn life(&mut self, _: Moment, _: ActorId, _: Life, _: &mut Outputs) -> Progress {
        Progress::Quiescent
    }

    fn fork(&self) -> Option<Box<dyn Host>> {
        None
    }
}

/// A process that messages named `pause`, `resume` and `close` suspend, wake and deprive of input.
struct Pausing(ProcessHost);

impl Host for Pausing {
    fn step(&mut self, at: Moment, input: HostInput<'_>, out: &mut Outputs) -> Progress {
        let HostInput::Message { to, name, .. } = input else { return Progress::Quiescent };
        match name {
            "pause" => self.0.life(at, to, Life::Pause, out),
            "resume" => self.0.life(at, to, Life::Resume, out),
            "close" => self.0.life(at, to, Life::CloseInput, out),
            _ => self.0.step(at, input, out),
        }
    }

    fn flush(&mut self) {
        self.0.flush();
    }

    fn collect(&mut self, at: Moment, out: &mut Outputs) -> Progress {
        self.0.collect(at, out)
    }

    fn life(&mut self, at: Moment, id: ActorId, change: Life, out: &mut Outputs) -> Progress {
        self.0.life(at, id, change, out)
    }

    fn fork(&self) -> Option<Box<dyn Host>> {
        None
    }
}
