//! A lock that its holder may take again.

use squall_history::Process;

use super::{Ask, lock_call};
use crate::linear::spec::{Call, Misfit, Spec};

/// A lock that its holder may take up to `limit` times, and must give back as often. `try-acquire`
/// → whether it was got.
#[derive(Clone, Copy, Debug)]
pub struct Reentrant {
    /// How often it can be held at once; at least 1 to be of use.
    pub limit: u32,
}

/// An operation on a lock.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// This process took it.
    Acquire(Process),
    /// This process gave it back once.
    Release(Process),
    /// This process was refused: somebody else holds it, or it does as often as it may.
    Busy(Process),
}

impl Spec for Reentrant {
    /// Who holds it, and how often.
    type State = Option<(Process, u32)>;
    type Op = Op;

    fn initial(&self) -> Self::State {
        None
    }

    fn read(&self, call: &Call<'_>) -> Result<Option<Op>, Misfit> {
        let process = call.process.clone();
        Ok(Some(match lock_call(call)? {
            Ask::Acquire => Op::Acquire(process),
            Ask::Release => Op::Release(process),
            Ask::Busy => Op::Busy(process),
        }))
    }

    fn step(&self, state: &Self::State, op: &Op) -> Option<Self::State> {
        let acquired = |process: &Process| match state {
            None => (0 < self.limit).then(|| Some((process.clone(), 1))),
            Some((holder, count)) => (holder == process && *count < self.limit)
                .then(|| Some((process.clone(), count + 1))),
        };
        match (op, state) {
            (Op::Acquire(process), _) => acquired(process),
            (Op::Release(process), Some((holder, 1))) if holder == process => Some(None),
            (Op::Release(process), Some((holder, count))) if holder == process => {
                Some(Some((process.clone(), count - 1)))
            }
            (Op::Release(_), _) => None,
            (Op::Busy(process), _) => acquired(process).is_none().then(|| state.clone()),
        }
    }

    fn describe_state(&self, state: &Self::State) -> String {
        match state {
            None => "free".to_owned(),
            Some((holder, count)) => {
                format!("held by client {}, {count} times", holder.to_value().to_edn())
            }
        }
    }

    fn is_observer(&self, op: &Op) -> bool {
        matches!(op, Op::Busy(_))
    }
}
