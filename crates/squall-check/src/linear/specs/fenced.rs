//! A lock with tokens.

use squall_history::{Process, Value};

use super::integer;
use crate::linear::spec::{Call, Misfit, Spec};

/// A lock whose `acquire` → token, an integer larger than every token before; `release` by its
/// holder.
#[derive(Clone, Copy, Debug)]
pub struct Fenced;

/// An operation on a lock.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// This process took it with a token, which may be unknown.
    Acquire(Process, Option<i64>),
    /// This process gave it back.
    Release(Process),
}

/// Who holds the lock, and the last token.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    holder: Option<Process>,
    last: Option<i64>,
}

impl Spec for Fenced {
    type State = State;
    type Op = Op;

    fn initial(&self) -> State {
        State { holder: None, last: None }
    }

    fn read(&self, call: &Call<'_>) -> Result<Option<Op>, Misfit> {
        let process = call.process.clone();
        match (call.f, call.result) {
            ("acquire", None | Some(Value::Nil)) => Ok(Some(Op::Acquire(process, None))),
            ("acquire", Some(token)) => Ok(Some(Op::Acquire(process, Some(integer(token)?)))),
            ("release", _) => Ok(Some(Op::Release(process))),
            _ => Err("this lock has acquire and release only".into()),
        }
    }

    fn step(&self, state: &State, op: &Op) -> Option<State> {
        match op {
            Op::Acquire(process, token) => {
                // Of the tokens that an unknown one can be, the least leaves most to the others.
                let least = state.last.map_or(Some(i64::MIN), |last| last.checked_add(1))?;
                let token = token.unwrap_or(least);
                let is_legal = state.holder.is_none() && least <= token;
                is_legal.then(|| State { holder: Some(process.clone()), last: Some(token) })
            }
            Op::Release(process) => {
                let is_holder = state.holder.as_ref() == Some(process);
                is_holder.then_some(State { holder: None, last: state.last })
            }
        }
    }

    fn describe_state(&self, state: &State) -> String {
        let last = state.last.map_or_else(String::new, |last| format!(", last token {last}"));
        match &state.holder {
            None => format!("free{last}"),
            Some(holder) => format!("held by client {}{last}", holder.to_value().to_edn()),
        }
    }
}
