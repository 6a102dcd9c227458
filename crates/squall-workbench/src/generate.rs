//! `seed → plan`: everything that chance decides about a run before it begins.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use squall_node::{Random, draw_key, hash_text};
use squall_world::faults::Fault;
use squall_world::{
    ClockKind, DiskPlan, EventPlan, GENERATOR, NetworkPlan, OpsPlan, PhasesPlan, Plan, node_id,
};

use crate::clients::slot_gap;
use crate::settings::{NodeChoice, Settings};

const DOMAIN_PLAN: u64 = 0x706c_616e_0000_0001;
/// A sync of an embedded node's disk takes between these, µs.
const SYNC_US: [u64; 2] = [200, 1_000];
/// And a read from it between these, µs: a flash drive that has the block nowhere in memory.
const READ_US: [u64; 2] = [50, 150];
/// A fault that would strike nobody, as some kinds do in a small cluster, is drawn again, so often
/// at most: a partition of one node never strikes.
const DRAWS_MAX: u32 = 16;

/// The plan of these settings and this seed.
#[must_use]
pub fn plan(settings: &Settings, seed: u64) -> Plan {
    Plan {
        format: "squall-plan".to_owned(),
        v: 1,
        generator: GENERATOR,
        workload: settings.workload.name.to_owned(),
        seed,
        clock: if settings.has_program() { ClockKind::Wall } else { ClockKind::Virtual },
        nodes: settings.nodes.clone(),
        knobs: knobs(settings),
        network: NetworkPlan {
            latency_us: settings.latency_ms.saturating_mul(1_000),
            dist: settings.dist,
        },
        disk: DiskPlan { sync_us: SYNC_US, read_us: READ_US },
        phases: PhasesPlan { main_ms: settings.time_limit_ms, recovery_ms: settings.recovery_ms },
        ops: ops(settings, seed),
        events: events(settings, seed),
        edits: Vec::new(),
        law_breaker: settings.law_breaker.clone(),
        expect: None,
    }
}

fn knobs(settings: &Settings) -> BTreeMap<String, Value> {
    let mut knobs = BTreeMap::new();
    let mut set = |name: &str, value: Value| knobs.insert(name.to_owned(), value);
    match &settings.node {
        NodeChoice::Embedded(node) => {
            set("impl", json!(node.name));
            if let Some(functions) = node.functions {
                set("functions", json!(functions.join(",")));
            }
        }
        NodeChoice::Program(path) => {
            set("bin", json!(path));
        }
    }
    if !settings.mixed.is_empty() {
        let mixed: BTreeMap<_, _> = settings.mixed.iter().cloned().collect();
        set("bins", json!(mixed));
    }
    if !settings.args.is_empty() {
        set("args", json!(settings.args));
    }
    if let Some(cwd) = &settings.node_cwd {
        set("node_cwd", json!(cwd));
    }
    set("topology", json!(settings.topology.name));
    set("concurrency", json!(settings.concurrency));
    set("nil_read", json!(if settings.nil_read_is_initial { "initial" } else { "any" }));
    set("init_timeout_ms", json!(settings.init_timeout_ms));
    set("rpc_timeout_ms", json!(settings.rpc_timeout()));
    set("availability_ppm", availability(settings));
    if !settings.asserts.is_empty() {
        let texts: Vec<_> = settings.asserts.iter().map(ToString::to_string).collect();
        set("asserts", json!(texts));
    }
    knobs
}

fn availability(settings: &Settings) -> Value {
    use squall_check::statistics::Target;
    match settings.availability {
        Target::None => Value::Null,
        Target::Total => json!(1_000_000),
        Target::Millionths(least) => json!(least),
    }
}

/// As many slots as fit: their gaps are drawn by number, so their times are known.
fn ops(settings: &Settings, seed: u64) -> OpsPlan {
    if settings.rate_millionths == 0 {
        return OpsPlan::default();
    }
    // Twice the mean gap: 10^9 ns · 10^6 · 2 / rate.
    let gap_max_ns = 2_000_000_000_000_000 / settings.rate_millionths;
    let limit = settings.time_limit_ms.saturating_mul(1_000_000);
    let (mut to, mut time) = (0, 0_u64);
    while to < OpsPlan::SLOTS_MAX {
        time = time.saturating_add(slot_gap(seed, to, gap_max_ns).0);
        if time >= limit {
            break;
        }
        to += 1;
    }
    OpsPlan { from: 0, to, gap_max_ns, without: Vec::new(), only: Vec::new() }
}

/// Faults begin and end in turn, with gaps uniform up to twice the interval; the first at the
/// start, unless its kind does not begin at once. Of several kinds one is drawn each time, and
/// begins or ends.
fn events(settings: &Settings, seed: u64) -> Vec<EventPlan> {
    let mut events: Vec<EventPlan> = Vec::new();
    // Where they are in the list, and when they began.
    let mut active: BTreeMap<&str, (usize, u64)> = BTreeMap::new();
    let end_us = settings.time_limit_ms.saturating_mul(1_000);
    let interval_us = settings.fault_interval_ms.saturating_mul(1_000).max(1);
    let mut at_us = 0;
    for turn in 0_u64.. {
        if at_us >= end_us {
            break;
        }
        let mut random = Random::new(draw_key(seed, DOMAIN_PLAN, 0, turn));
        let Some(fault) = random.pick(&settings.faults).copied() else { break };
        if turn == 0 && !fault.begins_at_once {
            at_us = random.below(2 * interval_us + 1).min(end_us - 1);
        }
        match active.remove(fault.name) {
            Some((begun, begun_us)) => events[begun].for_us = at_us - begun_us,
            None => {
                active.insert(fault.name, (events.len(), at_us));
                events.push(event(settings, seed, fault, &events, at_us));
            }
        }
        at_us = at_us.saturating_add(random.below(2 * interval_us + 1));
    }
    for (begun, begun_us) in active.into_values() {
        events[begun].for_us = end_us - begun_us;
    }
    events
}

fn event(
    settings: &Settings,
    seed: u64,
    fault: &'static Fault,
    before: &[EventPlan],
    at_us: u64,
) -> EventPlan {
    let of = |name: &str| node_id(&settings.nodes, name);
    let nth = before.iter().filter(|event| event.what == fault.name).count() as u64;
    let mut random = Random::new(draw_key(seed, DOMAIN_PLAN, hash_text(fault.name), nth));
    let (id, what) = (before.len() as u64 + 1, fault.name.to_owned());
    let mut event = EventPlan { id, what, ..EventPlan::at(at_us, 0) };
    for _ in 0..DRAWS_MAX {
        if let Value::Object(words) = (fault.draw)(&mut random, &settings.nodes) {
            event.words = words;
        }
        if event.load(&of).is_ok_and(|act| act.strikes()) {
            break;
        }
    }
    // Nothing here can make the files of a process forget, so no plan says that it will.
    let loses_power = event.words.get("power") == Some(&json!(true));
    if loses_power && !targets(&event.words).any(|name| is_embedded(settings, name)) {
        event.words.insert("power".to_owned(), json!(false));
    }
    event
}

fn targets(words: &serde_json::Map<String, Value>) -> impl Iterator<Item = &str> {
    let nodes = words.get("nodes").and_then(Value::as_array);
    nodes.into_iter().flatten().filter_map(Value::as_str)
}

fn is_embedded(settings: &Settings, node: &str) -> bool {
    matches!(settings.node, NodeChoice::Embedded(_))
        && settings.mixed.iter().all(|(name, _)| name != node)
}
