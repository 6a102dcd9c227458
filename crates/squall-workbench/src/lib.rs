//! A run of the workbench: a workload, nodes, services and faults in one World; what the clients
//! saw is judged, and the run is kept.
//!
//! ```text
//! Settings + seed → plan → World → report → history → verdict → store
//! ```
//!
//! - What clients do is a [`workloads`] entry, what nodes may ask is a [`services`] entry, and
//!   each workload has correct [`nodes`] of its own.
//! - A run reads its plan and nothing else, so that a plan file can be run again anywhere.

mod run;
mod settings;

mod generate;
mod knobs;

mod clients;
mod doomed;
pub mod workloads;

pub mod nodes;
pub mod services;

mod in_force;
mod judge;
mod results;

mod asserts;
mod difference;
mod double;
mod store;
mod sweep;

mod body;
mod errors;
mod topology;

pub use asserts::{Assertion, figure};
pub use body::Body;
pub use difference::Difference;
pub use double::{Divergence, compare, double_run, trace_of};
pub use generate::plan;
pub use judge::{Asserted, Judged, judge};
pub use results::Word;
pub use run::{
    Build, Habitat, LAW_BREAKERS, RunError, build, build_processes, check_plan, header, run,
};
pub use settings::{NodeChoice, Settings};
pub use squall_node::mix;
pub use store::{Kept, Store, StoreError};
pub use sweep::{Row, Summary, TWICE_EVERY, sweep, sweep_twice};
pub use topology::{TOPOLOGIES, Topology};
