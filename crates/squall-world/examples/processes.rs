//! What process nodes cost, with this program itself as the node. The last line is a JSON object.
//!
//! ```text
//! cargo run --release -p squall-world --example processes -- routed    messages/s of two nodes
//! cargo run --release -p squall-world --example processes -- echo      overhead of a run of 1 s
//! cargo run --release -p squall-world --example processes -- late [N]  lateness at N nodes
//! ```
#![allow(clippy::print_stdout, reason = "a program that measures prints figures")]
#![allow(clippy::disallowed_methods, reason = "a program that measures looks at the clock")]

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use squall_history::trace::{Header, Role, TRACE_VERSION};
use squall_node::{ActorId, Bytes, Form, Lineage, Moment, Outgoing, Token};
use squall_world::{
    Births, Bounds, ClockKind, DiskPlan, GENERATOR, Guard, Host, HostInput, Life, NetworkPlan,
    OpsPlan, Output, Outputs, Phase, PhasesPlan, Place, Plan, ProcessSpec, Processes, Progress,
    Report, Shape, World, guard_main,
};

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.first().map(String::as_str) {
        Some("node") => node().expect("the pipes are open"),
        Some("guard") => guard_main(io::stdin().lock()),
        Some("routed") => routed(),
        Some("echo") => echo(),
        Some("late") => late(words.get(1).and_then(|n| n.parse().ok()).unwrap_or(25)),
        _ => println!("routed, echo or late?"),
    }
}

/// Two nodes that throw 256 messages to and fro.
fn routed() {
    let seconds = 3;
    let report = run(2, 0, Duration::from_secs(seconds), r#"{"type":"go","msg_id":2,"n":256}"#);
    println!("{{\"routed\":{}}}", report.net.servers.recv / seconds);
}

/// Five nodes, one echo each, a second.
fn echo() {
    let begin = Instant::now();
    let body = r#"{"type":"echo","msg_id":2,"echo":"hi"}"#;
    let report = run(5, 0, Duration::from_secs(1), body);
    let overhead = begin.elapsed() - Duration::from_secs(1);
    let (overhead, messages) = (milliseconds(overhead), report.net.all.recv);
    println!("{{\"overhead_ms\":{overhead:.3},\"messages\":{messages}}}");
}

/// Nodes with four messages each on their way for up to 20 ms, beside a bare sleep.
fn late(nodes: usize) {
    let mut slept = Vec::new();
    for _ in 0..200 {
        let begin = Instant::now();
        std::thread::sleep(Duration::from_millis(10));
        slept.push(begin.elapsed() - Duration::from_millis(10));
    }
    slept.sort();
    let body = r#"{"type":"go","msg_id":2,"n":4}"#;
    let mut report = run(nodes, 10_000, Duration::from_secs(3), body);
    report.late_ns.sort_unstable();
    let of = |at: usize| Duration::from_nanos(report.late_ns[report.late_ns.len() * at / 1_000]);
    let [p50, p99, p999] = [500, 990, 999].map(|at| milliseconds(of(at)));
    let (slept, n) = ([100, 198].map(|at| milliseconds(slept[at])), report.late_ns.len());
    println!(
        "{{\"sleep_p50_ms\":{:.3},\"sleep_p99_ms\":{:.3},\"deliveries\":{n},\
         \"late_p50_ms\":{p50:.3},\"late_p99_ms\":{p99:.3},\"late_p999_ms\":{p999:.3}}}",
        slept[0], slept[1]
    );
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

fn run(nodes: usize, latency_us: u64, limit: Duration, ask: &str) -> Report {
    let names: Vec<String> = (0..nodes).map(|n| format!("n{n}")).collect();
    let mut members: Vec<_> = names.iter().map(|name| (name.as_str(), Role::Node)).collect();
    members.push(("nemesis", Role::Fault));
    let plan = Arc::new(plan(&names, latency_us));
    let mut world = World::new(plan, &members, Bounds::WORKBENCH).expect("a plan without faults");
    let folder = std::env::temp_dir().join(format!("squall-load-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a directory for temporary files");
    let trace = File::create(folder.join("trace.jsonl")).expect("a file");
    world.record(Box::new(trace), &header());
    let program = std::env::current_exe().expect("this program");
    let mut guard = std::process::Command::new(&program);
    guard.arg("guard");
    let guard = Guard::spawn(guard).expect("this program runs");
    let processes = Processes::new(Some(guard), Births::Alone).expect("a thread");
    for (at, name) in names.iter().enumerate() {
        let actor = ActorId(u32::try_from(at).expect("few nodes"));
        let place = Place {
            actor,
            name: Arc::from(&**name),
            doorbell: world.doorbell(),
            place: world.next_place(),
        };
        let spec = ProcessSpec {
            program: program.clone(),
            args: vec!["node".into()],
            directory: None,
            data: folder.join(name),
            seed: 1,
            env: Vec::new(),
        };
        let log = File::create(folder.join(format!("{name}.log"))).expect("a file");
        world.settle(actor, Box::new(processes.host(spec, place, Box::new(log))));
    }
    world.settle_clients(Box::new(Client { names, limit, ask: ask.to_owned() }));
    let report = world.run();
    processes.end();
    std::fs::remove_dir_all(&folder).ok();
    for (_, finding) in &report.findings {
        println!("{finding}");
    }
    report
}

fn plan(names: &[String], latency_us: u64) -> Plan {
    Plan {
        format: "squall-plan".into(),
        v: 1,
        generator: GENERATOR,
        workload: "echo".into(),
        seed: 1,
        clock: ClockKind::Wall,
        nodes: names.to_vec(),
        knobs: BTreeMap::new(),
        network: NetworkPlan { latency_us, dist: Shape::Uniform },
        disk: DiskPlan { sync_us: [0, 0], read_us: [0, 0] },
        phases: PhasesPlan { main_ms: 1_000, recovery_ms: 0 },
        ops: OpsPlan::default(),
        events: Vec::new(),
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

/// Initialises every node, then asks each of them once, and ends after a while.
struct Client {
    names: Vec<String>,
    limit: Duration,
    ask: String,
}

impl Client {
    fn send(&self, to: ActorId, body: &str, at: Moment, out: &mut Outputs) {
        let id = ActorId(u32::try_from(self.names.len()).expect("few nodes") + 1);
        let message = Outgoing {
            to,
            msg_id: Some(1),
            in_reply_to: None,
            name: if body.contains("init") { "init" } else { "ask" }.into(),
            form: Form::Json,
            body: Bytes::from(body.as_bytes()),
            cause: at.event,
            lineage: at.lineage.child(out.list.len() as u64),
            held_from: None,
        };
        out.list.push(Output::Send { from: id, message });
    }
}

impl Host for Client {
    fn step(&mut self, at: Moment, input: HostInput<'_>, out: &mut Outputs) -> Progress {
        match input {
            HostInput::Begin => {
                let actor = ActorId(u32::try_from(self.names.len()).expect("few nodes") + 1);
                out.list.push(Output::Open { actor, name: "c0".into() });
                out.list.push(Output::Phase(Phase::Main));
                let limit = u64::try_from(self.limit.as_nanos()).expect("seconds");
                let after = squall_node::Duration(limit);
                let (token, lineage, name) = (Token(0), Lineage(0), None);
                out.list.push(Output::Arm { actor, token, after, lineage, name });
                let all = self.names.join("\",\"");
                for (to, name) in (0_u32..).zip(&self.names) {
                    let body = format!(
                        r#"{{"type":"init","msg_id":1,"node_id":"{name}","node_ids":["{all}"]}}"#
                    );
                    self.send(ActorId(to), &body, at, out);
                }
            }
            HostInput::Message { envelope, name: "init_ok", .. } => {
                self.send(envelope.src, &self.ask, at, out);
            }
            HostInput::Timer { .. } => out.list.push(Output::Done),
            _ => {}
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

/// A node that does as little as a node can: it throws every message on to the next node.
fn node() -> io::Result<()> {
    let (mut buffer, mut pending, mut out) = (vec![0; 1 << 16], Vec::new(), Vec::new());
    let (mut me, mut next) = (String::new(), String::new());
    loop {
        let n = io::stdin().lock().read(&mut buffer)?;
        if n == 0 {
            return Ok(());
        }
        pending.extend_from_slice(&buffer[..n]);
        let mut from = 0;
        while let Some(end) = pending[from..].iter().position(|&byte| byte == b'\n') {
            let line = &pending[from..from + end];
            from += end + 1;
            let has = |text: &str| line.windows(text.len()).any(|part| part == text.as_bytes());
            let say = |out: &mut Vec<u8>, dest: &str, body: &str| {
                writeln!(out, r#"{{"src":"{me}","dest":"{dest}","body":{body}}}"#)
            };
            if has("\"src\":\"n") {
                say(&mut out, &next, r#"{"type":"ping","n":1}"#)?;
            } else if has("\"init\"") {
                let text = String::from_utf8_lossy(line).into_owned();
                me = cut(&text, "\"node_id\":\"").to_owned();
                let all: Vec<&str> =
                    text.rsplit('[').next().unwrap_or_default().split('"').collect();
                let at = all.iter().position(|name| *name == me).unwrap_or_default();
                next = (*all.get(at + 2).unwrap_or(&all[1])).to_owned();
                let body = r#"{"type":"init_ok","in_reply_to":1}"#;
                writeln!(out, r#"{{"src":"{me}","dest":"c0","body":{body}}}"#)?;
            } else if has("\"go\"") {
                let text = String::from_utf8_lossy(line).into_owned();
                let count: usize = cut(&text, "\"n\":").trim_end_matches('}').parse().unwrap_or(1);
                for _ in 0..count {
                    say(&mut out, &next, r#"{"type":"ping","n":1}"#)?;
                }
            } else {
                say(&mut out, "c0", r#"{"type":"echo_ok","in_reply_to":1,"echo":"hi"}"#)?;
            }
        }
        pending.drain(..from);
        io::stdout().lock().write_all(&out)?;
        io::stdout().lock().flush()?;
        out.clear();
    }
}

/// What follows `mark` up to the next quote or the end.
fn cut<'a>(text: &'a str, mark: &str) -> &'a str {
    let rest = text.split_once(mark).map_or("", |(_, rest)| rest);
    rest.split('"').next().unwrap_or_default()
}
