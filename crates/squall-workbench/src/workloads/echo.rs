//! `echo`: what is sent comes back.

use squall_check::echo;
use squall_node::Random;

use super::{Function, Machine, Request, Turn, Workload, field};
use crate::body::Body;

/// What is sent comes back.
pub(super) static ECHO: Workload = Workload {
    name: "echo",
    help: "what is sent comes back",
    functions: &[Function { name: "echo", is_idempotent: false }],
    has_final: false,
    keeps_client: false,
    concurrency_per_node: 1,
    timeout_ms: None,
    machine: |_| Box::new(Echo),
    check: |seen| echo::check(seen.history, &echo::Options { faults: seen.faults.to_vec() }),
    figures: &[],
    promise: "every echo comes back as it was sent",
    rpcs: "echo {\"echo\":any} -> echo_ok {\"echo\":the same}",
};

#[derive(Clone)]
struct Echo;

impl Machine for Echo {
    fn next(&mut self, _at: Turn, random: &mut Random) -> Option<Request> {
        let text = format!("\"Please echo {}\"", random.below(128));
        Some(Request { f: "echo", fields: format!("\"echo\":{text}"), value: text })
    }

    fn reply(&self, _request: &Request, reply: &Body<'_>) -> Result<String, String> {
        let echoed = field(reply, "echo")?.get();
        reply.only(&["echo"])?;
        let id = reply.field("in_reply_to").map_or("null", |id| id.get());
        Ok(format!("{{\"type\":\"echo_ok\",\"in_reply_to\":{id},\"echo\":{echoed}}}"))
    }

    fn copy(&self) -> Box<dyn Machine> {
        Box::new(self.clone())
    }
}
