//! Measures the engine against a bare heap loop that moves the same bytes, in the same run.
//!
//! Prints one JSON object: messages per second, and ratios. Five nodes keep a fixed number of
//! messages under way; every message is encoded, delayed, delivered, decoded and answered.
#![allow(clippy::disallowed_methods, reason = "an example that measures needs a clock")]
#![allow(clippy::print_stdout, reason = "an example prints")]

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::io::BufWriter;
use std::sync::Arc;
use std::time::Instant;

use squall_history::trace::{Header, Role, TRACE_VERSION};
use squall_node::{
    ActorId, Ctx, Duration, Form, Input, Never, Node, Random, Rules, Wire, WireError,
};
use squall_world::{
    Bounds, ClockKind, DiskPlan, GENERATOR, InProcess, NetworkPlan, OpsPlan, PhasesPlan, Plan,
    Shape, World,
};

const NODES: u32 = 5;
/// Messages under way for each node.
const WINDOW: u64 = 8;
/// Bytes of a message.
const BYTES: usize = 32;

#[derive(Clone, Debug)]
enum Ping {
    Binary(u64),
    Json(u64),
}

impl Wire for Ping {
    fn name(&self) -> Cow<'static, str> {
        Cow::Borrowed("ping")
    }

    fn form(&self) -> Form {
        match self {
            Self::Binary(_) => Form::Binary,
            Self::Json(_) => Form::Json,
        }
    }

    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Binary(n) => {
                out.extend_from_slice(&n.to_le_bytes());
                out.resize(BYTES, 7);
            }
            Self::Json(n) => {
                let body = format!("{{\"type\":\"ping\",\"n\":{n}}}");
                out.extend_from_slice(body.as_bytes());
            }
        }
    }

    fn decode(_name: &str, form: Form, body: &[u8]) -> Result<Self, WireError> {
        let malformed = || WireError::Malformed("no ping".to_owned());
        match form {
            Form::Binary => {
                let (head, _) = body.split_first_chunk().ok_or_else(malformed)?;
                Ok(Self::Binary(u64::from_le_bytes(*head)))
            }
            Form::Json => {
                #[derive(serde::Deserialize)]
                struct Fields {
                    n: u64,
                }
                let Fields { n } = serde_json::from_slice(body).map_err(|_| malformed())?;
                Ok(Self::Json(n))
            }
        }
    }
}

/// Sends every message on to the next node.
#[derive(Clone)]
struct Pinger {
    is_json: bool,
    window: u64,
    tick: Option<Duration>,
}

impl Pinger {
    fn say(&self, ctx: &mut Ctx<'_, Self>, n: u64) {
        let next = ActorId((ctx.me().0 + 1) % NODES);
        let ping = if self.is_json { Ping::Json(n) } else { Ping::Binary(n) };
        ctx.send(next, &ping);
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Tick;

impl Node for Pinger {
    type Message = Ping;
    type Timer = Tick;
    type Pending = Never;

    fn handle(&mut self, ctx: &mut Ctx<'_, Self>, input: Input<Self>) {
        match input {
            Input::Start => match self.tick {
                Some(tick) => ctx.arm(tick, Tick),
                None => (0..self.window).for_each(|n| self.say(ctx, n)),
            },
            Input::Message { body: Ping::Binary(n) | Ping::Json(n), .. } if self.tick.is_none() => {
                self.say(ctx, n + 1);
            }
            Input::Timer(Tick) => {
                self.say(ctx, 0);
                ctx.arm(Duration::from_secs(1), Tick);
            }
            _ => {}
        }
    }
}

fn plan(latency_us: u64) -> Arc<Plan> {
    Arc::new(Plan {
        format: "squall-plan".to_owned(),
        v: 1,
        generator: GENERATOR,
        workload: "ping".to_owned(),
        seed: 1,
        clock: ClockKind::Virtual,
        nodes: (0..NODES).map(|n| format!("n{n}")).collect(),
        knobs: std::collections::BTreeMap::new(),
        network: NetworkPlan { latency_us, dist: Shape::Uniform },
        disk: DiskPlan { sync_us: [200, 1_000], read_us: [0, 0] },
        phases: PhasesPlan { main_ms: 0, recovery_ms: 0 },
        ops: OpsPlan::default(),
        events: Vec::new(),
        edits: Vec::new(),
        law_breaker: None,
        expect: None,
    })
}

fn world(node: &Pinger, latency_us: u64) -> World {
    let plan = plan(latency_us);
    let members: Vec<_> = plan.nodes.iter().map(|name| (name.as_str(), Role::Node)).collect();
    let mut world = World::new(Arc::clone(&plan), &members, Bounds::WORKBENCH).expect("a plan");
    let roster = Arc::new(world.roster());
    let ids: Arc<[ActorId]> = (0..NODES).map(ActorId).collect();
    for &me in &*ids {
        let node = node.clone();
        let factory = Arc::new(move || node.clone());
        let rules = Rules::default();
        let host =
            InProcess::new(me, Arc::clone(&roster), Arc::clone(&ids), factory, rules).cloneable();
        world.settle(me, Box::new(host));
    }
    world
}

fn header() -> Header {
    Header {
        v: TRACE_VERSION,
        kind: "trace".into(),
        squall: String::new(),
        workload: "ping".to_owned(),
        seed: "0x1".to_owned(),
        plan: String::new(),
        generator: GENERATOR,
        clock: "virtual".into(),
        actors: Vec::new(),
    }
}

/// Messages per second of wall time, saturated.
fn saturated(is_json: bool, messages: u64, trace: Option<Box<dyn std::io::Write>>) -> f64 {
    let node = Pinger { is_json, window: WINDOW, tick: None };
    let mut world = world(&node, 500);
    if let Some(sink) = trace {
        world.record(sink, &header());
    }
    world.boot();
    let begun = Instant::now();
    let before = world.events();
    while world.events() - before < messages {
        world.turn();
    }
    messages as f64 / begun.elapsed().as_secs_f64()
}

/// A message in the bare loop.
struct Bare {
    time: u64,
    seq: u64,
    src: u32,
    dest: u32,
    body: Arc<[u8]>,
}

impl Ord for Bare {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.time, other.seq).cmp(&(self.time, self.seq))
    }
}

impl PartialOrd for Bare {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Bare {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Bare {}

/// The least that an engine has to do: one heap of messages in order of time, each with the same
/// bytes, encoded when it is sent and decoded when it arrives, delayed by a keyed draw.
fn heap_loop(messages: u64) -> f64 {
    let mut heap: BinaryHeap<Bare> = BinaryHeap::new();
    let mut random = Random::new(1);
    let mut scratch = Vec::new();
    let mut send = |heap: &mut BinaryHeap<Bare>, (now, seq): (u64, u64), src: u32, n: u64| {
        scratch.clear();
        Ping::Binary(n).encode(&mut scratch);
        let body = Arc::from(&scratch[..]);
        let time = now + random.below(1_000_000);
        heap.push(Bare { time, seq, src, dest: (src + 1) % NODES, body });
    };
    let window = u64::from(NODES) * WINDOW;
    for seq in 0..window {
        send(&mut heap, (0, seq), u32::try_from(seq).expect("few") % NODES, seq);
    }
    let begun = Instant::now();
    let mut sum = 0_u64;
    for seq in window..window + messages {
        let Some(Bare { time, src, dest, body, .. }) = heap.pop() else { break };
        let Ok(Ping::Binary(n) | Ping::Json(n)) = Ping::decode("ping", Form::Binary, &body) else {
            break;
        };
        sum = sum.wrapping_add(n ^ u64::from(src));
        send(&mut heap, (time, seq), dest, n + 1);
    }
    std::hint::black_box(sum);
    messages as f64 / begun.elapsed().as_secs_f64()
}

/// Simulated seconds per second of wall time at one message per node and second.
fn idle(seconds: u64) -> f64 {
    let node = Pinger { is_json: false, window: 0, tick: Some(Duration::from_millis(1)) };
    let mut world = world(&node, 500);
    world.boot();
    let begun = Instant::now();
    world.run_until(seconds * 1_000_000_000);
    seconds as f64 / begun.elapsed().as_secs_f64()
}

fn median(mut measure: impl FnMut() -> f64) -> f64 {
    let mut values: Vec<f64> = (0..5).map(|_| measure()).collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() {
    // For profilers: only one load, so many messages.
    if let [_, load, messages, ..] = &std::env::args().collect::<Vec<_>>()[..] {
        let messages = messages.parse().expect("a number of messages");
        let sink = || Some(Box::new(std::io::sink()) as Box<dyn std::io::Write>);
        let rate = match load.as_str() {
            "heap" => heap_loop(messages),
            "traced" => saturated(false, messages, sink()),
            "file" => {
                let path = std::env::args().nth(3).expect("a path");
                let file = std::fs::File::create(path).expect("a file");
                saturated(false, messages, Some(Box::new(file)))
            }
            "json" => saturated(true, messages, None),
            _ => saturated(false, messages, None),
        };
        println!("{rate:.0}");
        return;
    }
    let is_quick = std::env::args().any(|arg| arg == "--quick");
    let messages = if is_quick { 400_000 } else { 3_000_000 };
    // Bare loop and engine in turn, so that both see the same weather.
    let mut pairs: Vec<(f64, f64)> =
        (0..5).map(|_| (heap_loop(messages), saturated(false, messages, None))).collect();
    pairs.sort_by(|a, b| (a.1 / a.0).total_cmp(&(b.1 / b.0)));
    let (bare, engine) = pairs[pairs.len() / 2];
    let path = std::env::temp_dir().join(format!("squall-engine-{}.jsonl", std::process::id()));
    let traced = median(|| {
        let file = std::fs::File::create(&path).expect("a temporary file");
        saturated(false, messages / 2, Some(Box::new(BufWriter::new(file))))
    });
    std::fs::remove_file(&path).ok();
    let json = median(|| saturated(true, messages / 2, None));
    let idle = median(|| idle(if is_quick { 20_000 } else { 200_000 }));
    println!(
        "{{\"bare_heap\":{bare:.0},\"engine\":{engine:.0},\"ratio\":{:.3},\"traced\":{traced:.0},\
         \"json\":{json:.0},\"idle_seconds\":{idle:.0}}}",
        engine / bare
    );
}
