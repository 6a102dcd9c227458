//! A number that goes up and down.

use squall_history::Value;

use super::integer;
use crate::linear::spec::{Call, Misfit, Spec};

/// A counter from 0: `add` a number, `read` → its value, `add-and-get` → the value after.
#[derive(Clone, Copy, Debug)]
pub struct PnCounter;

/// An operation on a counter.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// Added this.
    Add(i64),
    /// Returned this.
    Read(i64),
    /// Added the first, and returned the second.
    AddAndGet(i64, i64),
}

impl Spec for PnCounter {
    /// No history has enough operations to overflow it.
    type State = i128;
    type Op = Op;

    fn initial(&self) -> i128 {
        0
    }

    fn read(&self, call: &Call<'_>) -> Result<Option<Op>, Misfit> {
        Ok(Some(match (call.f, call.result) {
            ("add", _) => {
                call.answer()?;
                Op::Add(integer(call.argument)?)
            }
            ("read", Some(result)) => Op::Read(integer(result)?),
            ("read", None) => return Ok(None),
            ("add-and-get", None) => Op::Add(integer(call.argument)?),
            ("add-and-get", Some(_)) => {
                let answer = call.answer()?.unwrap_or(&Value::Nil);
                Op::AddAndGet(integer(call.argument)?, integer(answer)?)
            }
            _ => return Err("a counter has add, read and add-and-get only".into()),
        }))
    }

    fn step(&self, state: &i128, op: &Op) -> Option<i128> {
        match *op {
            Op::Add(number) => Some(state + i128::from(number)),
            Op::Read(number) => (*state == i128::from(number)).then_some(*state),
            Op::AddAndGet(number, answer) => {
                let after = state + i128::from(number);
                (after == i128::from(answer)).then_some(after)
            }
        }
    }

    fn describe_state(&self, state: &i128) -> String {
        state.to_string()
    }

    fn is_observer(&self, op: &Op) -> bool {
        matches!(op, Op::Read(_) | Op::Add(0) | Op::AddAndGet(0, _))
    }
}
