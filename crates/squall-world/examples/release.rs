//! Measures what the release rule costs reads: one node on a disk whose sync takes 4 ms, asked
//! 2,000 times a virtual second by another one, 10 % writes, round trip 1 ms.
//!
//! Prints one JSON object: the 99th percentile of reads that wait for everything written before
//! them (`reply`), and of reads that wait for nothing but what they tell (`reply_after`), both in
//! the same run.
#![allow(clippy::print_stdout, reason = "an example prints")]

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use squall_history::trace::Role;
use squall_node::{
    ActorId, Ctx, Duration, Form, Input, Instant, Node, Outcome, Policy, Rules, Wire, WireError,
};
use squall_world::{
    Bounds, ClockKind, DiskPlan, GENERATOR, InProcess, NetworkPlan, OpsPlan, PhasesPlan, Plan,
    Shape, World,
};

const SERVER: ActorId = ActorId(0);
const BETWEEN: Duration = Duration(500_000);
const SECONDS: u64 = 60;

/// What is asked, and the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Word {
    Write,
    /// To be answered by `reply`.
    Read,
    /// To be answered by `reply_after`, from what is durable.
    ReadDurable,
    Ok,
}

const WORDS: [(Word, &str); 4] = [
    (Word::Write, "write"),
    (Word::Read, "read"),
    (Word::ReadDurable, "read-durable"),
    (Word::Ok, "ok"),
];

impl Wire for Word {
    fn name(&self) -> Cow<'static, str> {
        let found = WORDS.iter().find(|(word, _)| word == self);
        Cow::Borrowed(found.expect("all words are there").1)
    }

    fn form(&self) -> Form {
        Form::Binary
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.push(0);
    }

    fn decode(name: &str, _form: Form, _body: &[u8]) -> Result<Self, WireError> {
        let found = WORDS.iter().find(|(_, known)| *known == name);
        found.map(|(word, _)| *word).ok_or(WireError::UnknownName)
    }
}

/// What each request took, in ns.
type Latencies = Arc<Mutex<BTreeMap<Word, Vec<u64>>>>;

/// The server, and who asks it.
#[derive(Clone)]
struct Member {
    asked: u64,
    latencies: Latencies,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Ask;

impl Node for Member {
    type Message = Word;
    type Timer = Ask;
    type Pending = (Word, Instant);

    fn handle(&mut self, ctx: &mut Ctx<'_, Self>, input: Input<Self>) {
        match input {
            Input::Start if ctx.me() != SERVER => ctx.arm(BETWEEN, Ask),
            Input::Timer(Ask) => {
                self.asked += 1;
                let word = match (self.asked % 10, self.asked % 2) {
                    (0, _) => Word::Write,
                    (_, 0) => Word::Read,
                    _ => Word::ReadDurable,
                };
                let policy = Policy::once(Duration::from_secs(1));
                ctx.call(SERVER, &word, policy, (word, ctx.now()));
                ctx.arm(BETWEEN, Ask);
            }
            Input::Message { from, body: Word::Write } => {
                ctx.disk().put("value", &self.asked.to_le_bytes()).expect("a disk in memory");
                ctx.reply(from, &Word::Ok);
            }
            Input::Message { from, body: Word::Read } => ctx.reply(from, &Word::Ok),
            Input::Message { from, body: Word::ReadDurable } => {
                let durable = ctx.durable();
                ctx.reply_after(durable, from, &Word::Ok);
            }
            Input::Reply { pending: (word, begun), outcome: Outcome::Ok { .. } } => {
                let took = ctx.now().0 - begun.0;
                let mut latencies = self.latencies.lock().expect("one thread");
                latencies.entry(word).or_default().push(took);
            }
            _ => {}
        }
    }
}

fn main() {
    let plan = Arc::new(Plan {
        format: "squall-plan".to_owned(),
        v: 1,
        generator: GENERATOR,
        workload: "release".to_owned(),
        seed: 1,
        clock: ClockKind::Virtual,
        nodes: vec!["n0".to_owned(), "n1".to_owned()],
        knobs: BTreeMap::new(),
        network: NetworkPlan { latency_us: 500, dist: Shape::Constant },
        disk: DiskPlan { sync_us: [4_000, 4_000], read_us: [0, 0] },
        phases: PhasesPlan { main_ms: 0, recovery_ms: 0 },
        ops: OpsPlan::default(),
        events: Vec::new(),
        edits: Vec::new(),
        law_breaker: None,
        expect: None,
    });
    let members = [("n0", Role::Node), ("n1", Role::Node)];
    let mut world = World::new(plan, &members, Bounds::WORKBENCH).expect("a plan");
    let (roster, ids) = (Arc::new(world.roster()), Arc::from([SERVER, ActorId(1)]));
    let latencies = Latencies::default();
    for me in [SERVER, ActorId(1)] {
        let latencies = Arc::clone(&latencies);
        let factory = Arc::new(move || Member { asked: 0, latencies: Arc::clone(&latencies) });
        let (roster, ids) = (Arc::clone(&roster), Arc::clone(&ids));
        world.settle(me, Box::new(InProcess::new(me, roster, ids, factory, Rules::default())));
    }
    world.boot();
    world.run_until(SECONDS * 1_000_000_000);
    let mut latencies = latencies.lock().expect("one thread");
    let mut p99 = |word| {
        let all: &mut Vec<u64> = latencies.entry(word).or_default();
        all.sort_unstable();
        (all.len(), all.get(all.len() * 99 / 100).map_or(f64::NAN, |&ns| ns as f64 / 1e6))
    };
    let ((reads, reply), (_, after), (writes, _)) =
        (p99(Word::Read), p99(Word::ReadDurable), p99(Word::Write));
    println!(
        "{{\"reply_p99_ms\":{reply:.3},\"reply_after_p99_ms\":{after:.3},\"reads\":{reads},\
         \"writes\":{writes}}}"
    );
}
