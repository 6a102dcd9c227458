//! The World: a whole distributed system inside one loop, with a seed.
//!
//! Everything in a run is an actor in one [`World`]: nodes, services, clients, faults. The World
//! alone knows time, order, chance, the network and the disks. It reads a [`Plan`] and writes a
//! trace; the same plan gives the same bytes.
//!
//! - Two clocks: virtual time jumps to the next event, wall time is slept. The loop is the same.
//! - Two kinds of [`Host`]: [`InProcess`] nodes, and processes that speak JSON lines. They may be
//!   mixed in one cluster.
//! - One hook at send and one at delivery; every fault acts there, and nothing else in the engine
//!   knows a fault.
//!
//! # What this does not do
//!
//! - It judges nothing: checkers know histories only.
//! - It does not know what clients say: a workload is a host like any other.
//! - The engine has no thread, lock or global: parallelism is over runs, never inside one. What is
//!   outside of it has three of them, each for a reason. [`Processes`] has one thread, which reads
//!   from all of them, and shares pipes and inboxes with the World's thread behind locks. A
//!   [`Doorbell`] is a channel, since that thread and Ctrl-C ring it. And while an embedded node's
//!   own code runs, its thread is marked in a thread-local, so that a panic hook can ask
//!   [`is_in_node`].

mod edit;
mod plan;
mod trigger;
mod world;

mod envelope;
mod host;
mod link;
mod queue;

pub mod faults;

mod journal;
mod wall;

pub use edit::{Edit, Longer, Which};
pub use envelope::{Envelope, SYMBOLS_MAX, Symbol};
pub use host::{
    Births, Guard, LINE_BYTES_MAX, LOG_BYTES_MAX, Place, ProcessHost, ProcessSpec, Processes,
    Unstartable, WRITE_QUEUE_BYTES_MAX, guard_main,
};
pub use host::{
    Factory, Finding, Host, HostInput, InProcess, Life, Line, Notice, Op, Output, Outputs, Phase,
    Progress, Spoken, Stage, is_in_node,
};
pub use link::{Latency, Shape};
pub use plan::{
    ClockKind, DiskPlan, EventPlan, Expectation, GENERATOR, NetworkPlan, OpsPlan, PhasesPlan, Plan,
    PlanError, check_node_name, node_id, parse_seed,
};
pub use trigger::Trigger;
pub use wall::Doorbell;
pub use world::{Bounds, Chain, Counts, End, Net, Recorded, RecordedWhat, Report, Turn, World};
