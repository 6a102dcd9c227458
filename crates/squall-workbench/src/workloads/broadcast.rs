//! `broadcast`: what one node was told, all nodes know in the end.

use std::collections::BTreeMap;

use squall_check::set_full;
use squall_node::Random;
use squall_world::Plan;

use super::{Function, Machine, Request, Turn, Workload, field, integers};
use crate::body::Body;
use crate::clients::slot_random;
use crate::topology;

/// What one node was told, all nodes know in the end.
pub(super) static BROADCAST: Workload = Workload {
    name: "broadcast",
    help: "what one node was told, all nodes know in the end",
    functions: &[
        Function { name: "broadcast", is_idempotent: false },
        Function { name: "read", is_idempotent: true },
    ],
    has_final: true,
    keeps_client: false,
    concurrency_per_node: 1,
    timeout_ms: None,
    machine: |plan| Box::new(Broadcast::new(plan)),
    check: |seen| {
        let is_whole = seen.is_whole;
        set_full::check(
            seen.history,
            &set_full::Options { is_whole, ..set_full::Options::broadcast() },
        )
    },
    figures: &[
        "stable-p50",
        "stable-p95",
        "stable-p99",
        "stable-max",
        "stable-count",
        "lost-count",
    ],
    promise: "every acknowledged value is known to every node in the end",
    rpcs: "broadcast {\"message\":int} -> broadcast_ok; read -> read_ok {\"messages\":[int]}; \
           topology {\"topology\":{node:[node]}} -> topology_ok",
};

#[derive(Clone)]
struct Broadcast {
    topology: String,
    /// The value of each slot that tells one: 0, 1, 2, … over all slots of the plan, so that a
    /// slot that is left out leaves the values of the others alone.
    values: BTreeMap<u64, u64>,
}

impl Broadcast {
    fn new(plan: &Plan) -> Self {
        let shape = plan.text_knob("topology").unwrap_or("grid");
        let neighbours =
            topology::find(shape).map_or(topology::grid as _, |found| found.neighbours);
        let tells = (plan.ops.from..plan.ops.to).filter(|&slot| !is_read(plan.seed, slot));
        let values = tells.zip(0..).collect();
        Self { topology: topology::json(&plan.nodes, neighbours), values }
    }
}

/// Half of the slots read.
fn is_read(seed: u64, slot: u64) -> bool {
    slot_random(seed, slot).below(2) == 0
}

const READ: Request = Request { f: "read", value: String::new(), fields: String::new() };

impl Machine for Broadcast {
    fn setup(&self, _node: usize) -> Option<Request> {
        let fields = format!("\"topology\":{}", self.topology);
        Some(Request { f: "topology", value: String::new(), fields })
    }

    fn next(&mut self, at: Turn, _random: &mut Random) -> Option<Request> {
        let Some(value) = self.values.get(&at.slot) else {
            return Some(Request { value: "null".to_owned(), ..READ });
        };
        let value = value.to_string();
        Some(Request { f: "broadcast", fields: format!("\"message\":{value}"), value })
    }

    fn last(&mut self, _at: Turn) -> Option<Request> {
        Some(Request { value: "null".to_owned(), ..READ })
    }

    fn reply(&self, request: &Request, reply: &Body<'_>) -> Result<String, String> {
        if request.f == "broadcast" {
            reply.only(&[])?;
            return Ok(request.value.clone());
        }
        let messages = integers(field(reply, "messages")?, "messages")?;
        reply.only(&["messages"])?;
        Ok(messages)
    }

    fn copy(&self) -> Box<dyn Machine> {
        Box::new(self.clone())
    }
}
