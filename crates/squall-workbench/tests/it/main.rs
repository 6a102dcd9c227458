//! Whole runs of the workbench in virtual time: embedded nodes under faults, clients against
//! nodes that lie, plans, and the store.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "sweeps print their counts")]

mod bench;
mod liar;

mod broken;
mod clients;
mod faults;
mod figures;
mod interrupted;
mod keys;
mod lives;
mod plans;
mod replies;
mod restarts;
mod slots;
mod store;
mod sweeps;
mod twice;
