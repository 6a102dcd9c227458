//! One script runs through two lives of the same node, in a World and as a process on stdio, and
//! what the node says is compared line by line.

use std::cell::Cell;
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use squall_history::trace::Role;
use squall_node::task::Async;
use squall_node::{
    ActorId, Bytes, Duration, Form, Instant, Lineage, Moment, Node, Outgoing, Rules, Token,
};
use squall_stdio::{Options, Outside, serve_in};
use squall_workbench::nodes::{abd, abd_async, broadcast, echo, lin_kv, unique_ids};
use squall_world::{
    Bounds, Host, HostInput, InProcess, Life, Output, Outputs, Progress, Shape, World,
};

use crate::bench::{plan_of, settings};

/// Everybody around the node `n0`, which comes first.
const ACTORS: [&str; 5] = ["n0", "n1", "n2", "lin-kv", "c1"];
/// One way, ms.
const DELAY_MS: u64 = 5;
const END_MS: u64 = 5_000;

/// What somebody says to `n0`, by when, who and with which body.
type Script = Vec<(u64, &'static str, Value)>;

/// What the others answer at once. `n2` is deaf.
fn answer(who: &str, body: &Value) -> Option<Value> {
    let kind = body["type"].as_str()?;
    let answer = match (who, kind) {
        ("n1", "query") => json!({ "type": "held", "tag": [3, 1, 0], "value": "\"7\"" }),
        ("n1", "store") => json!({ "type": "stored" }),
        ("n1", "gossip" | "push" | "gather") => json!({ "type": format!("{kind}_ok") }),
        ("lin-kv", "read") if body["key"] == 2 => json!({ "type": "error", "code": 20 }),
        ("lin-kv", "read") => json!({ "type": "read_ok", "value": 41 }),
        ("lin-kv", "write") => json!({ "type": "write_ok" }),
        ("lin-kv", "cas") => json!({ "type": "error", "code": 22, "text": "no" }),
        _ => return None,
    };
    let mut answer = answer;
    answer["in_reply_to"] = body.get("msg_id")?.clone();
    Some(answer)
}

/// What `n0` said to each, in order.
type Said = BTreeMap<String, Vec<String>>;

fn line(said: &mut Said, to: &str, body: &Value) {
    said.entry(to.to_owned()).or_default().push(body.to_string());
}

// ---- in a World ----

struct Player {
    me: ActorId,
    name: &'static str,
    script: Script,
    said: Arc<Mutex<Said>>,
}

impl Player {
    fn say(&self, at: Moment, body: &Value, out: &mut Outputs) {
        let number = |key: &str| body.get(key).and_then(Value::as_u64);
        let message = Outgoing {
            to: ActorId(0),
            msg_id: number("msg_id"),
            in_reply_to: number("in_reply_to"),
            name: body["type"].as_str().unwrap().to_owned().into(),
            form: Form::Json,
            body: Bytes::from(body.to_string().as_bytes()),
            cause: at.event,
            lineage: at.lineage.child(1),
            held_from: None,
        };
        out.list.push(Output::Send { from: self.me, message });
    }
}

impl Host for Player {
    fn step(&mut self, at: Moment, input: HostInput<'_>, out: &mut Outputs) -> Progress {
        match input {
            HostInput::Message { envelope, .. } => {
                let body: Value = serde_json::from_slice(&envelope.body).unwrap();
                line(&mut self.said.lock().unwrap(), self.name, &body);
                if let Some(answer) = answer(self.name, &body) {
                    self.say(at, &answer, out);
                }
            }
            HostInput::Timer { token, .. } => {
                let body = self.script[usize::try_from(token.0).unwrap()].2.clone();
                self.say(at, &body, out);
            }
            _ => {}
        }
        Progress::Quiescent
    }

    fn life(&mut self, _at: Moment, actor: ActorId, life: Life, out: &mut Outputs) -> Progress {
        if let Life::Start { .. } = life {
            for (at, (ms, ..)) in (0..).zip(&self.script) {
                let (token, after) = (Token(at), Duration::from_millis(*ms));
                out.list.push(Output::Arm {
                    actor,
                    token,
                    after,
                    lineage: Lineage(at),
                    name: None,
                });
            }
        }
        Progress::Quiescent
    }

    fn fork(&self) -> Option<Box<dyn Host>> {
        None
    }
}

fn in_a_world<N: Node + 'static>(
    make: impl Fn() -> N + Send + Sync + 'static,
    script: &Script,
) -> Said {
    let mut settings = settings("lin-kv");
    settings.nodes = ACTORS[..3].iter().map(|&name| name.to_owned()).collect();
    settings.latency_ms = DELAY_MS;
    settings.dist = Shape::Constant;
    let mut plan = Arc::unwrap_or_clone(plan_of(&settings, 1));
    // A process syncs before it waits: nothing passes in between.
    plan.disk.sync_us = [0, 0];
    let members: Vec<_> = ACTORS
        .iter()
        .enumerate()
        .map(|(at, &name)| (name, if at < 3 { Role::Node } else { Role::Service }))
        .collect();
    let mut world = World::new(Arc::new(plan), &members, Bounds::SWARM).unwrap();
    let roster = Arc::new(world.roster());
    let said = Arc::new(Mutex::new(Said::new()));
    let ids: Arc<[ActorId]> = (0..3).map(ActorId).collect();
    let host = InProcess::new(ActorId(0), roster, ids, Arc::new(make), Rules::default());
    world.settle(ActorId(0), Box::new(host));
    for (at, &name) in (0..).zip(&ACTORS).skip(1) {
        let script = script.iter().filter(|(_, who, _)| *who == name).cloned().collect();
        let player = Player { me: ActorId(at), name, script, said: Arc::clone(&said) };
        world.settle(ActorId(at), Box::new(player));
    }
    world.boot();
    world.run_until((END_MS + DELAY_MS) * 1_000_000);
    drop(world);
    Arc::into_inner(said).unwrap().into_inner().unwrap()
}

// ---- as a process ----

/// Stdin and stdout of a process whose clock the script moves.
struct Pipes {
    now: Cell<u64>,
    /// Lines that will come in, by time and order.
    due: VecDeque<(u64, String)>,
    said: Said,
}

impl Pipes {
    fn schedule(&mut self, at_ns: u64, src: &str, body: &Value) {
        let line = json!({ "src": src, "dest": "n0", "body": body });
        let place = self.due.iter().position(|(due, _)| *due > at_ns).unwrap_or(self.due.len());
        self.due.insert(place, (at_ns, format!("{line}\n")));
    }
}

impl Outside for Pipes {
    fn now(&self) -> Instant {
        Instant(self.now.get())
    }

    fn wall(&self) -> u64 {
        self.now.get()
    }

    fn wait(&mut self, until: Option<Instant>, into: &mut Vec<u8>) -> io::Result<bool> {
        let line_ns = self.due.front().map_or(u64::MAX, |(due, _)| *due);
        let timer_ns = until.map_or(u64::MAX, |until| until.0);
        let now = line_ns.min(timer_ns).max(self.now.get());
        if now > END_MS * 1_000_000 {
            return Ok(false);
        }
        self.now.set(now);
        if line_ns <= now
            && let Some((_, line)) = self.due.pop_front()
        {
            into.extend_from_slice(line.as_bytes());
        }
        Ok(true)
    }

    fn say(&mut self, lines: &[u8]) -> io::Result<()> {
        for text in String::from_utf8(lines.to_vec()).unwrap().lines() {
            let message: Value = serde_json::from_str(text).unwrap();
            assert_eq!(message["src"], "n0");
            let (to, body) = (message["dest"].as_str().unwrap(), &message["body"]);
            if body["type"] == "init_ok" {
                continue;
            }
            line(&mut self.said, to, body);
            if let Some(answer) = answer(to, body) {
                self.schedule(self.now.get() + 2 * DELAY_MS * 1_000_000, to, &answer);
            }
        }
        Ok(())
    }

    fn remark(&mut self, _line: &str) {}
}

fn as_a_process<N: Node>(make: impl Fn() -> N, script: &Script) -> Said {
    let mut pipes = Pipes { now: Cell::new(0), due: VecDeque::new(), said: Said::new() };
    let init = json!({
        "type": "init", "msg_id": 1, "node_id": "n0", "node_ids": ["n0", "n1", "n2"],
    });
    pipes.schedule(0, "c0", &init);
    for (ms, who, body) in script {
        pipes.schedule((ms + DELAY_MS) * 1_000_000, who, body);
    }
    let options = Options { data: None, seed: 1, notes: false };
    serve_in(&mut pipes, make, &options).unwrap();
    pipes.said
}

fn compare<N: Node + 'static>(
    name: &str,
    make: impl Fn() -> N + Clone + Send + Sync + 'static,
    least: usize,
    script: &Script,
) {
    let process = as_a_process(make.clone(), script);
    let world = in_a_world(make, script);
    let count: usize = world.values().map(Vec::len).sum();
    println!("{name}: {count} lines");
    for actor in ACTORS {
        let of = |said: &Said| said.get(actor).cloned().unwrap_or_default();
        for (at, (a, b)) in of(&world).iter().zip(&of(&process)).enumerate() {
            assert_eq!(a, b, "{name}: line {at} to {actor}, in a World and as a process");
        }
        assert_eq!(of(&world).len(), of(&process).len(), "{name}: lines to {actor}");
    }
    assert!(count >= least, "{name} said {count} lines only");
}

/// A body with its id.
fn ask(id: u64, mut body: Value) -> Value {
    body["msg_id"] = id.into();
    body
}

#[test]
fn a_node_says_the_same_in_a_world_and_as_a_process() {
    let odd = [
        (300, "c1", ask(30, json!({ "type": "nonsense" }))),
        (310, "c1", ask(31, json!({ "type": "read", "key": { "a": 1 } }))),
        (320, "n1", json!({ "type": "echo_ok", "in_reply_to": 999 })),
        (330, "c1", json!({ "type": "echo", "echo": "nobody waits" })),
    ];
    let with_odd = |mut script: Script| -> Script {
        script.extend(odd.iter().cloned());
        script
    };
    let echo_script =
        with_odd(vec![(10, "c1", ask(1, json!({ "type": "echo", "echo": [1, {}] })))]);
    compare("echo", || echo::Echo::new(&[]).unwrap(), 3, &echo_script);

    let ids = (0..5).map(|n| (10 + n, "c1", ask(n, json!({ "type": "generate" })))).collect();
    compare("unique-ids", || unique_ids::UniqueIds::new(&[]).unwrap(), 7, &with_odd(ids));

    let mut said = vec![(
        1,
        "c1",
        ask(
            1,
            json!({
                "type": "topology", "topology": { "n0": ["n1"], "n1": ["n0", "n2"], "n2": ["n1"] },
            }),
        ),
    )];
    said.extend(
        (0..6).map(|n| {
            (100 + 90 * n, "c1", ask(2 + n, json!({ "type": "broadcast", "message": n })))
        }),
    );
    said.push((2_000, "c1", ask(9, json!({ "type": "read" }))));
    compare("broadcast", || broadcast::Broadcast::new(&[]).unwrap(), 12, &with_odd(said));

    let kv: Script = (0..12)
        .map(|n| {
            let (key, from) = (n % 3, json!(n));
            let body = match n % 4 {
                0 | 1 => json!({ "type": "read", "key": key }),
                2 => json!({ "type": "write", "key": key, "value": n }),
                _ => json!({ "type": "cas", "key": key, "from": from, "to": 5 }),
            };
            (10 + 40 * n, "c1", ask(1 + n, body))
        })
        .collect();
    let kv = with_odd(kv);
    compare("lin-kv", || lin_kv::Proxy::new(&[]).unwrap(), 24, &kv);
    compare("abd", || abd::Abd::new(&[]).unwrap(), 40, &kv);
    let futures = || Async::new(abd_async::Abd::new(abd::Options::parse(&[]).unwrap()));
    compare("abd-async", futures, 40, &kv);
}
