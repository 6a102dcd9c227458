//! Conversations with a process, through pipes of memory and a clock that the test moves.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod conversation;
mod disk;
mod outside;
