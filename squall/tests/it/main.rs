//! The binary as a user meets it, in virtual time: what it says to wrong words, how it ends, what
//! it keeps, and that it does the same again.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test ends where something is not as it set it up")]

#[allow(dead_code, reason = "the other binary of tests uses the rest")]
mod shell;

mod bad_files;
mod checks;
mod explained;
mod keeping;
mod replays;
mod sweeps;
mod usage;
mod verdicts;
