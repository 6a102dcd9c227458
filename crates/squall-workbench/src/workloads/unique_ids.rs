//! `unique-ids`: no id is given out twice.

use squall_check::checkers::Reading;
use squall_node::Random;

use super::{Function, Machine, Request, Turn, Workload, field};
use crate::body::Body;

/// No id is given out twice.
pub(super) static UNIQUE_IDS: Workload = Workload {
    name: "unique-ids",
    help: "no id is given out twice, whatever happens",
    functions: &[Function { name: "generate", is_idempotent: false }],
    has_final: false,
    keeps_client: true,
    concurrency_per_node: 1,
    timeout_ms: None,
    machine: |_| Box::new(UniqueIds),
    check: |seen| seen.judged_as("unique-ids", &Reading::usual()),
    figures: &[],
    promise: "no id is given out twice",
    rpcs: "generate -> generate_ok {\"id\":any}",
};

#[derive(Clone)]
struct UniqueIds;

impl Machine for UniqueIds {
    fn next(&mut self, _at: Turn, _random: &mut Random) -> Option<Request> {
        Some(Request { f: "generate", value: "null".to_owned(), fields: String::new() })
    }

    fn reply(&self, _request: &Request, reply: &Body<'_>) -> Result<String, String> {
        let id = field(reply, "id")?.get();
        reply.only(&["id"])?;
        Ok(id.to_owned())
    }

    fn copy(&self) -> Box<dyn Machine> {
        Box::new(self.clone())
    }
}
