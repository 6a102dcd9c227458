//! A lock without an owner.

use super::{Ask, lock_call};
use crate::linear::spec::{Call, Misfit, Spec};

/// A lock that anybody may release: `acquire` when it is free, `release` when it is taken,
/// `try-acquire` → whether it was got.
#[derive(Clone, Copy, Debug)]
pub struct Mutex;

/// An operation on a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// Took it.
    Acquire,
    /// Gave it back.
    Release,
    /// Found it taken.
    Busy,
}

impl Spec for Mutex {
    /// Whether it is taken.
    type State = bool;
    type Op = Op;

    fn initial(&self) -> bool {
        false
    }

    fn read(&self, call: &Call<'_>) -> Result<Option<Op>, Misfit> {
        Ok(Some(match lock_call(call)? {
            Ask::Acquire => Op::Acquire,
            Ask::Release => Op::Release,
            Ask::Busy => Op::Busy,
        }))
    }

    fn step(&self, is_taken: &bool, op: &Op) -> Option<bool> {
        match op {
            Op::Acquire => (!is_taken).then_some(true),
            Op::Release => is_taken.then_some(false),
            Op::Busy => is_taken.then_some(true),
        }
    }

    fn describe_state(&self, is_taken: &bool) -> String {
        if *is_taken { "taken".to_owned() } else { "free".to_owned() }
    }

    fn is_observer(&self, op: &Op) -> bool {
        *op == Op::Busy
    }
}
