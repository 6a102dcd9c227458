//! The trace: one JSON object a line, in the order of the World. It is the only record of a run;
//! history, statistics, pictures and stories are derived from it.
//!
//! No run number, date or path is in it, so that equal runs are equal bytes. Fields are only ever
//! added within a version. `docs/trace.md` is the format's description for people.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Version of the trace format.
pub const TRACE_VERSION: u32 = 1;

/// What an actor is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// A server node.
    Node,
    /// A client of the workload.
    Client,
    /// A service that any node may ask.
    Service,
    /// The source of faults.
    Fault,
}

/// First line of a trace.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Header {
    /// [`TRACE_VERSION`].
    pub v: u32,
    /// Always `trace`.
    #[serde(rename = "type")]
    pub kind: Cow<'static, str>,
    /// Version of the program that wrote it.
    pub squall: String,
    /// The workload.
    pub workload: String,
    /// The seed, as `0x…`.
    pub seed: String,
    /// Digest of the plan.
    pub plan: String,
    /// Version of the generator that made the plan.
    pub generator: u32,
    /// `virtual` or `wall`.
    pub clock: Cow<'static, str>,
    /// The actors that exist from the start. Clients come later, as they are needed.
    pub actors: Vec<Member>,
}

/// An actor of the header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub role: Role,
}

/// Kind of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A message leaves its sender.
    Send,
    /// A message is handed to its receiver.
    Recv,
    /// A message will never be handed over.
    Lost,
    /// A timer fires.
    Timer,
    /// The disk is written, or a sync begins or ends.
    Disk,
    /// A client's operation begins or ends.
    Op,
    /// A fault begins or ends.
    Fault,
    /// A node starts, is killed, or ends.
    Life,
    /// A remark of a node.
    Note,
    /// Named values of a node that changed.
    View,
    /// A line of a process that is no message.
    Line,
    /// A phase of the run begins.
    Phase,
    /// What was judged; the last line.
    Verdict,
}

/// One line. Every kind uses `e`, `t`, `k` and `a`; which others it uses is in `docs/trace.md`.
/// What is absent in the file is `None` here.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Line<'a> {
    /// Number of the line, from 0, without gaps.
    pub e: u64,
    /// Nanoseconds since the start.
    pub t: u64,
    /// Kind.
    pub k: Kind,
    /// The actor it happens at.
    #[serde(borrow)]
    pub a: Cow<'a, str>,
    /// The cause: the `e` of the event whose step did it. Absent for roots.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub c: Option<u64>,

    /// send: the receiver.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub to: Option<Cow<'a, str>>,
    /// send: the network's id. fault: the id of the plan event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<u64>,
    /// send: how many messages of this name the directed link has carried before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<u64>,
    /// send: name of the message. timer, note, phase: its name.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub name: Option<Cow<'a, str>>,
    /// send: `msg_id` of the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub msg_id: Option<u64>,
    /// send: `in_reply_to` of the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub re: Option<u64>,
    /// send: the body, as JSON or as `{"b64":…}`.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub body: Option<&'a RawValue>,
    /// send: when it is due.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due: Option<u64>,
    /// send: what became of it at once: `drop`, `cut` or `nowhere`.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub fate: Option<Cow<'a, str>>,
    /// send: which copy it is, of a duplicated message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub copy: Option<u64>,
    /// send: when it was said, if the release rule kept it until now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_from: Option<u64>,

    /// recv, lost: the `e` of the send.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of: Option<u64>,
    /// lost: `cut`, `down`, `queue` or `end`.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub why: Option<Cow<'a, str>>,

    /// timer: the `e` of the event whose step armed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub armed: Option<u64>,

    /// disk, op, fault, life: what is done.
    #[serde(rename = "do", borrow, skip_serializing_if = "Option::is_none")]
    pub what_is_done: Option<Cow<'a, str>>,
    /// disk: the file.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub file: Option<Cow<'a, str>>,
    /// disk: bytes written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// disk: the node's position.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<u64>,

    /// op: the process number of the history.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process: Option<i64>,
    /// op: the function.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub f: Option<Cow<'a, str>>,
    /// op: the value.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub value: Option<&'a RawValue>,
    /// op: why it failed or is unknown.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub error: Option<&'a RawValue>,
    /// op: set in the final phase.
    #[serde(rename = "final?", skip_serializing_if = "Option::is_none")]
    pub is_final: Option<bool>,
    /// op: its index in the history.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<u64>,

    /// fault: which kind.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub what: Option<Cow<'a, str>>,
    /// fault: the plan event's own words about its targets.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub targets: Option<&'a RawValue>,

    /// life: which life, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub incarnation: Option<u64>,
    /// life: whether a kill lost power.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub power: Option<bool>,
    /// life: how the process ended.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub status: Option<Cow<'a, str>>,

    /// note, view, verdict: named values.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub fields: Option<&'a RawValue>,
    /// line: the text.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub text: Option<Cow<'a, str>>,
    /// line: the code of the finding.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub code: Option<Cow<'a, str>>,
}

impl<'a> Line<'a> {
    /// A line of which only what every line has is set.
    #[must_use]
    pub const fn new(e: u64, t: u64, k: Kind, a: &'a str) -> Self {
        Self {
            e,
            t,
            k,
            a: Cow::Borrowed(a),
            c: None,
            to: None,
            id: None,
            link: None,
            name: None,
            msg_id: None,
            re: None,
            body: None,
            due: None,
            fate: None,
            copy: None,
            held_from: None,
            of: None,
            why: None,
            armed: None,
            what_is_done: None,
            file: None,
            bytes: None,
            position: None,
            process: None,
            f: None,
            value: None,
            error: None,
            is_final: None,
            index: None,
            what: None,
            targets: None,
            incarnation: None,
            power: None,
            status: None,
            fields: None,
            text: None,
            code: None,
        }
    }
}
