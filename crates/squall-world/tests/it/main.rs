//! The World in virtual time: small clusters of [`stage::Keeper`]s and a client with a script.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod stage;
mod transcript;

mod bounds;
mod busy;
mod edits;
mod equal;
mod faults;
mod findings;
mod golden;
mod lines;
mod lives;
mod network;
mod plans;
mod release;
mod scripts;
mod triggers;
