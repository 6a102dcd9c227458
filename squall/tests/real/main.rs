//! The binary with nodes that are processes, in real time. Time-outs are short, and what is waited
//! for is a condition with a deadline.
//!
//! The nodes are Python programs of this repository; without `python3` these tests are skipped
//! and say so.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test ends where something is not as it set it up")]
#![allow(clippy::print_stdout, reason = "what is skipped is said")]

#[path = "../it/shell.rs"]
#[allow(dead_code, reason = "the other binary of tests uses the rest")]
mod shell;

mod cluster;
mod hostile;
mod leftovers;
mod running;
mod switches;
