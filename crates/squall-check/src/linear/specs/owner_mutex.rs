//! A lock with an owner.

use squall_history::Process;

use super::{Ask, lock_call};
use crate::linear::spec::{Call, Misfit, Spec};

/// A lock that only its holder may release: `acquire` when it is free, `release`, `try-acquire` →
/// whether it was got. The holder is the process.
#[derive(Clone, Copy, Debug)]
pub struct OwnerMutex;

/// An operation on a lock.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// This process took it.
    Acquire(Process),
    /// This process gave it back.
    Release(Process),
    /// Somebody found it taken.
    Busy,
}

impl Spec for OwnerMutex {
    /// Who holds it.
    type State = Option<Process>;
    type Op = Op;

    fn initial(&self) -> Self::State {
        None
    }

    fn read(&self, call: &Call<'_>) -> Result<Option<Op>, Misfit> {
        Ok(Some(match lock_call(call)? {
            Ask::Acquire => Op::Acquire(call.process.clone()),
            Ask::Release => Op::Release(call.process.clone()),
            Ask::Busy => Op::Busy,
        }))
    }

    fn step(&self, holder: &Self::State, op: &Op) -> Option<Self::State> {
        match op {
            Op::Acquire(process) => holder.is_none().then(|| Some(process.clone())),
            Op::Release(process) => (holder.as_ref() == Some(process)).then_some(None),
            Op::Busy => holder.is_some().then(|| holder.clone()),
        }
    }

    fn describe_state(&self, holder: &Self::State) -> String {
        holder.as_ref().map_or_else(
            || "free".to_owned(),
            |holder| format!("held by client {}", holder.to_value().to_edn()),
        )
    }

    fn is_observer(&self, op: &Op) -> bool {
        *op == Op::Busy
    }
}
