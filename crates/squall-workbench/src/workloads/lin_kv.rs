//! `lin-kv`: registers that behave as if there were one copy of each.
//!
//! Workers form groups of 2 N. A group works on one key: N workers only read, the others write
//! and compare-and-set. A group takes the next key once more than `max(20, 2 N)` processes have
//! worked on it, so that no key's history grows without end.

use std::collections::{BTreeMap, BTreeSet};

use squall_check::Outcome;
use squall_check::checkers::Reading;
use squall_check::linear::NilRead;
use squall_node::Random;
use squall_world::Plan;

use super::{Evidence, Function, Machine, Request, Turn, Workload, field};
use crate::body::Body;

/// Registers that behave as if there were one copy of each.
pub(super) static LIN_KV: Workload = Workload {
    name: "lin-kv",
    help: "registers that behave as if there were one copy of each",
    functions: &[
        Function { name: "read", is_idempotent: true },
        Function { name: "write", is_idempotent: false },
        Function { name: "cas", is_idempotent: false },
    ],
    has_final: false,
    keeps_client: true,
    concurrency_per_node: 2,
    timeout_ms: Some(|latency_ms| (10 * latency_ms).max(1_000)),
    machine: |plan| Box::new(LinKv::new(plan)),
    check,
    figures: &[],
    promise: "every key behaves as one register: linearizable",
    rpcs: "read {\"key\":K} -> read_ok {\"value\":V}; write {\"key\":K,\"value\":V} -> write_ok; \
           cas {\"key\":K,\"from\":A,\"to\":B} -> cas_ok",
};

const VALUES: u64 = 5;

fn check(seen: &Evidence<'_>) -> Outcome {
    let is_initial = seen.plan.text_knob("nil_read") == Some("initial");
    let nil_read = if is_initial { NilRead::Initial } else { NilRead::Any };
    let reading = Reading { nil_read, is_keyed: Some(true), ..Reading::usual() };
    seen.judged_as("register", &reading)
}

#[derive(Clone)]
struct LinKv {
    nodes: usize,
    has_cas: bool,
    next_key: u64,
    groups: BTreeMap<usize, Group>,
}

#[derive(Clone)]
struct Group {
    key: u64,
    processes: BTreeSet<i64>,
}

impl LinKv {
    fn new(plan: &Plan) -> Self {
        let functions = plan.text_knob("functions").unwrap_or("read,write,cas");
        let has_cas = functions.split(',').any(|f| f == "cas");
        Self { nodes: plan.nodes.len(), has_cas, next_key: 0, groups: BTreeMap::new() }
    }

    fn key(&mut self, at: Turn) -> u64 {
        let size = 2 * self.nodes;
        let limit = size.max(20);
        let group = self.groups.entry(at.worker / size).or_insert_with(|| {
            self.next_key += 1;
            Group { key: self.next_key - 1, processes: BTreeSet::new() }
        });
        group.processes.insert(at.process);
        if group.processes.len() > limit {
            *group = Group { key: self.next_key, processes: [at.process].into() };
            self.next_key += 1;
        }
        group.key
    }
}

impl Machine for LinKv {
    fn next(&mut self, at: Turn, random: &mut Random) -> Option<Request> {
        let key = self.key(at);
        let is_reader = at.worker % (2 * self.nodes) < self.nodes;
        if is_reader {
            let fields = format!("\"key\":{key}");
            return Some(Request { f: "read", value: format!("[{key},null]"), fields });
        }
        let (writes, a, b) = (random.below(3) == 0, random.below(VALUES), random.below(VALUES));
        Some(if writes || !self.has_cas {
            let fields = format!("\"key\":{key},\"value\":{a}");
            Request { f: "write", value: format!("[{key},{a}]"), fields }
        } else {
            let fields = format!("\"key\":{key},\"from\":{a},\"to\":{b}");
            Request { f: "cas", value: format!("[{key},[{a},{b}]]"), fields }
        })
    }

    fn reply(&self, request: &Request, reply: &Body<'_>) -> Result<String, String> {
        if request.f != "read" {
            reply.only(&[])?;
            return Ok(request.value.clone());
        }
        let value = field(reply, "value")?.get();
        reply.only(&["value"])?;
        let key = request.value.split([',', '[']).nth(1).unwrap_or("null");
        Ok(format!("[{key},{value}]"))
    }

    fn copy(&self) -> Box<dyn Machine> {
        Box::new(self.clone())
    }
}
