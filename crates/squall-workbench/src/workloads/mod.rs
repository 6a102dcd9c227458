//! Workloads: what clients ask, and what they were promised.
//!
//! A workload is one file and one line in [`WORKLOADS`]. It is a deterministic machine: at an
//! operation slot it decides what the worker asks, from its own state and the draws of the slot.

mod broadcast;
mod echo;
mod lin_kv;
mod unique_ids;

use serde_json::value::RawValue;
use squall_check::checkers::{self, Reading};
use squall_check::{FaultSpan, Outcome};
use squall_history::History;
use squall_node::Random;
use squall_world::Plan;

use crate::body::Body;

/// Every workload, by name.
pub static WORKLOADS: &[&Workload] =
    &[&broadcast::BROADCAST, &echo::ECHO, &lin_kv::LIN_KV, &unique_ids::UNIQUE_IDS];

/// A workload.
#[derive(Clone, Copy, Debug)]
pub struct Workload {
    /// Its name on the command line.
    pub name: &'static str,
    /// One line for the help.
    pub help: &'static str,
    /// What its clients call.
    pub functions: &'static [Function],
    /// Whether workers ask once more after the cluster had time to recover.
    pub has_final: bool,
    /// Whether a worker keeps its client after an operation that nobody knows the end of.
    pub keeps_client: bool,
    /// Concurrency must be a multiple of this many times the node count; that is also the default.
    pub concurrency_per_node: u64,
    /// How long a client waits, in ms, for this mean latency in ms; `None`: as long as usual.
    pub timeout_ms: Option<fn(u64) -> u64>,
    /// Makes the machine of a run.
    pub machine: fn(&Plan) -> Box<dyn Machine>,
    /// Judges the history of a run.
    pub check: fn(&Evidence<'_>) -> Outcome,
    /// The figures that its checker gives, beside those that every run has.
    pub figures: &'static [&'static str],
    /// The promise, in the words of a report.
    pub promise: &'static str,
    /// What clients ask and nodes answer, in short: the help for an answer that is wrong.
    pub rpcs: &'static str,
}

/// What a run is judged by.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// What the run had read.
    pub plan: &'a Plan,
    /// What its clients saw.
    pub history: &'a History,
    /// When faults were in force. If the run was cut off, that counts as one: what was under way
    /// then proves nothing.
    pub faults: &'a [FaultSpan],
    /// Whether the run went to its end.
    pub is_whole: bool,
}

impl Evidence<'_> {
    /// What a checker says of the whole history, with the smallest part that is as broken.
    fn judged_as(&self, checker: &str, reading: &Reading) -> Outcome {
        let checker = checkers::find(checker).expect("a name of `CHECKERS`");
        let mut outcome = (checker.check)(self.history, reading);
        checker.find_cores(self.history, reading, &mut outcome);
        outcome
    }
}

/// What clients call.
#[derive(Clone, Copy, Debug)]
pub struct Function {
    /// Its name: the `type` of the request.
    pub name: &'static str,
    /// Whether it has no effect: an unknown end then counts as a failure.
    pub is_idempotent: bool,
}

/// The state of a workload in a run. Cloned with the World.
pub trait Machine {
    /// What every node is told before the first operation, as the fields of a request.
    fn setup(&self, node: usize) -> Option<Request> {
        let _: usize = node;
        None
    }

    /// What this worker asks at this slot; `None`: nothing, the slot passes.
    fn next(&mut self, at: Turn, random: &mut Random) -> Option<Request>;

    /// What this worker asks in the final phase.
    fn last(&mut self, at: Turn) -> Option<Request> {
        let _: Turn = at;
        None
    }

    /// The value of an operation that succeeded, from its request's value and the reply. The
    /// ids and the type of the reply have been looked at already.
    ///
    /// # Errors
    /// What is wrong with the reply, and at which field.
    fn reply(&self, request: &Request, reply: &Body<'_>) -> Result<String, String>;

    /// A copy.
    fn copy(&self) -> Box<dyn Machine>;
}

/// Whose turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Number of the slot.
    pub slot: u64,
    /// Number of the worker.
    pub worker: usize,
    /// Process number of the history.
    pub process: i64,
}

/// A request of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The function, `type` of the body.
    pub f: &'static str,
    /// The value in the history, as JSON.
    pub value: String,
    /// The further keys of the body, as JSON: `"echo":"hi"`. May be empty.
    pub fields: String,
}

impl Request {
    /// The body, with its id.
    #[must_use]
    pub fn body(&self, msg_id: u64) -> String {
        let comma = if self.fields.is_empty() { "" } else { "," };
        format!("{{\"type\":\"{}\",\"msg_id\":{msg_id}{comma}{}}}", self.f, self.fields)
    }
}

/// The workload of this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Workload> {
    WORKLOADS.iter().find(|workload| workload.name == name).copied()
}

/// A field of a reply that must be there.
fn field<'b>(reply: &Body<'b>, key: &str) -> Result<&'b RawValue, String> {
    reply.field(key).ok_or_else(|| format!("the reply has no {key:?}"))
}

/// A list of integers, where `null` is an empty list (Go's nil slices).
fn integers(raw: &RawValue, key: &str) -> Result<String, String> {
    let text = raw.get();
    if text == "null" {
        return Ok("[]".to_owned());
    }
    let items: Vec<&RawValue> = serde_json::from_str(text)
        .map_err(|_| format!("{key:?} must be a list of integers, got {}", shown(text)))?;
    if let Some(odd) = items.iter().find(|item| !is_integer(item.get())) {
        let odd = shown(odd.get());
        return Err(format!("{key:?} must be a list of integers, but holds {odd}"));
    }
    Ok(text.to_owned())
}

/// Whether a JSON text is an integer, of any size.
pub(crate) fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
}

/// A text for a message, shortened.
pub(crate) fn shown(text: &str) -> String {
    if text.chars().count() <= 80 {
        return text.to_owned();
    }
    let start: String = text.chars().take(77).collect();
    format!("{start}...")
}
