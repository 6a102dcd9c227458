//! What a node of a distributed system is, to squall: a value that takes one input at a time
//! and answers with effects.
//!
//! ```text
//! trait Node { fn handle(&mut self, ctx: &mut Ctx<Self>, input: Input<Self>); }
//! ```
//!
//! A node owns no socket, file, clock, thread or source of chance. It asks for effects with the
//! verbs of [`Ctx`]: [`Ctx::send`], [`Ctx::reply`], [`Ctx::call`], [`Ctx::call_quorum`],
//! [`Ctx::arm`], [`Ctx::disk`], [`Ctx::note`] and a few more. Whoever runs the node hands in
//! the next [`Input`]. The same node therefore lives three lives, unchanged: in a simulated
//! World, as a process on stdin and stdout, and as a member of a real cluster.
//!
//! # The driver
//!
//! [`Driver`] is the only implementation of the contract. It holds the table of open calls, the
//! quorum calls, the timers with their generations, the positions of disk writes, and the
//! outputs that wait for them. It does no I/O; the three runtimes are thin shells around it.
//!
//! # The release rule
//!
//! What [`Ctx::send`] and [`Ctx::reply`] say leaves the node when *every write that the node has
//! made so far* is durable. A repeated vote request writes nothing, and its answer still must
//! not overtake the sync of the vote. A node that knows better says so: [`Ctx::send_early`] does
//! not wait at all, [`Ctx::send_after`] and [`Ctx::reply_after`] wait for one position only.
//!
//! # What this does not do
//!
//! - No codec: [`Wire`] is a trait, and the JSON of a message is its author's (or serde's).
//!   The one exception is the error body of Maelstrom's protocol, which the driver writes and
//!   reads itself so that no node has to.
//! - No threads: an `async` style exists ([`task`]), but its futures are polled only by
//!   the inputs of their node.
//! - No ordered links: messages may be lost, repeated and reordered.
#![no_std]

extern crate alloc;

mod actor;
mod time;

mod ctx;
mod input;
mod node;

mod disk;
mod refusal;
mod wire;

mod driver;
mod effect;
mod view;

mod bytes;
mod json;
mod quorum;
mod random;

pub mod clock;
pub mod task;

pub use actor::{ActorId, EventNo, Lineage, Roster, Sender};
pub use bytes::Bytes;
pub use ctx::{Ask, Ctx, Files};
pub use disk::{Bounds, Disk, DiskError, NoDisk, Position, READ_BYTES_MAX, Record};
pub use driver::{Arrival, Driver, DriverInput, Identity, Moment, Rules, Stepped, Token};
pub use effect::{Check, Effect, Effects, Outgoing, Reads};
pub use input::{
    CallError, DiskEvent, Input, Need, Outcome, PeerHint, Policy, QuorumOutcome, QuorumResult,
};
pub use json::{error_body, escape_into, quoted, scan_error, splice_ids};
pub use node::{Never, Node};
pub use quorum::Quorum;
pub use random::{Random, draw_key, hash_text, mix, scale, word};
pub use refusal::{Refusal, code};
pub use time::{Duration, Instant};
pub use view::{Field, View};
pub use wire::{Form, Wire, WireError};
