//! The contract, as a runtime sees it: inputs in, effects out, in the words of [`rig`].

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod rig;

mod calls;
mod quorum;
mod release;
mod shown;
mod tasks;
mod timers;

mod chance;
mod json;
mod lineage;
