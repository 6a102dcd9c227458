//! A queue: first in, first out.

use std::collections::VecDeque;

use squall_history::Value;

use crate::linear::spec::{Call, Misfit, Spec, Special, Timed};
use crate::linear::special::queue;

/// A queue: `enqueue` a value that is not nil, `dequeue` → the oldest, `peek` → the oldest, which
/// stays. Nil is what an empty queue gives.
#[derive(Clone, Copy, Debug)]
pub struct Fifo;

/// An operation on a queue.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// Put this value at the end.
    Enqueue(Value),
    /// Took this value, nil if there was none.
    Dequeue(Value),
    /// Took the oldest value, and nobody knows which.
    DequeueUnknown,
    /// Saw this value, nil if there was none.
    Peek(Value),
}

impl Spec for Fifo {
    type State = VecDeque<Value>;
    type Op = Op;

    fn initial(&self) -> Self::State {
        VecDeque::new()
    }

    fn read(&self, call: &Call<'_>) -> Result<Option<Op>, Misfit> {
        match (call.f, call.result) {
            ("enqueue", _) if call.argument.is_nil() => Err("nil cannot be enqueued".into()),
            ("enqueue", _) => {
                call.answer()?;
                Ok(Some(Op::Enqueue(call.argument.clone())))
            }
            ("dequeue", Some(result)) => Ok(Some(Op::Dequeue(result.clone()))),
            ("dequeue", None) => Ok(Some(Op::DequeueUnknown)),
            ("peek", result) => Ok(result.map(|result| Op::Peek(result.clone()))),
            _ => Err("a queue has enqueue, dequeue and peek only".into()),
        }
    }

    fn step(&self, state: &Self::State, op: &Op) -> Option<Self::State> {
        let oldest = state.front().unwrap_or(&Value::Nil);
        let mut after = state.clone();
        match op {
            Op::Enqueue(value) => after.push_back(value.clone()),
            Op::Peek(value) if value == oldest => {}
            Op::Dequeue(value) if value == oldest => drop(after.pop_front()),
            Op::DequeueUnknown => drop(after.pop_front()),
            Op::Peek(_) | Op::Dequeue(_) => return None,
        }
        Some(after)
    }

    fn describe_state(&self, state: &Self::State) -> String {
        Value::list(state.iter().cloned()).to_edn()
    }

    fn is_observer(&self, op: &Op) -> bool {
        matches!(op, Op::Peek(_) | Op::Dequeue(Value::Nil))
    }

    /// If nobody got the value: an order in which an unknown dequeue took it is one without both.
    fn is_droppable(&self, open: &Op, closed: &[&Op]) -> bool {
        let Op::Enqueue(value) = open else { return false };
        !closed.iter().any(|op| matches!(op, Op::Dequeue(got) | Op::Peek(got) if got == value))
    }

    fn state_size(&self, state: &Self::State) -> usize {
        state.len() * size_of::<Value>()
    }

    fn special_case(&self, ops: &[Timed<'_, Op>]) -> Special {
        queue(ops)
    }
}
