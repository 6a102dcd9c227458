//! Nodes that are processes: real pipes, real signals, real time, with short time-outs.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test ends where something is not as it set it up")]
#![allow(clippy::print_stdout, reason = "a test that plays another role tells on its stdout")]

mod roles;
mod stage;

mod ends;
mod leftovers;
mod lines;
mod lives;
mod memory;
mod pipes;
