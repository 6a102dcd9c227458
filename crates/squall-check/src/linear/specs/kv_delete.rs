//! A value per key that can be missing.

use squall_history::Value;

use super::boolean_answer;
use crate::linear::spec::{Call, Misfit, Spec};

/// A store whose keys come and go: `get` → value, nil if missing; `put`; `delete` → whether it was
/// there; `put-if-absent` → whether it was not; `get-and-set` → the value before. Values are pairs
/// of key and value proper; that is never nil.
#[derive(Clone, Copy, Debug)]
pub struct KvDelete;

/// An operation on one key. A result that nobody knows is `None`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// Returned this value; nil if missing.
    Get(Value),
    /// Set this value.
    Put(Value),
    /// Deleted it, and said whether it was there.
    Delete(Option<bool>),
    /// Set this value if there was none, and said whether it did.
    PutIfAbsent(Value, Option<bool>),
    /// Set this value, and returned the one before.
    GetAndSet(Value, Option<Value>),
}

fn present(value: &Value) -> Result<Value, Misfit> {
    if value.is_nil() { Err("a value that is stored is not nil".into()) } else { Ok(value.clone()) }
}

impl Spec for KvDelete {
    /// Nil if missing.
    type State = Value;
    type Op = Op;

    fn initial(&self) -> Value {
        Value::Nil
    }

    fn read(&self, call: &Call<'_>) -> Result<Option<Op>, Misfit> {
        Ok(Some(match call.f {
            "get" => match call.result {
                Some(result) => Op::Get(result.clone()),
                None => return Ok(None),
            },
            "put" => {
                call.answer()?;
                Op::Put(present(call.argument)?)
            }
            // It has no argument but its key.
            "delete" => match call.result {
                None | Some(Value::Nil) => Op::Delete(None),
                Some(existed) => Op::Delete(Some(super::boolean(existed)?)),
            },
            "put-if-absent" => Op::PutIfAbsent(present(call.argument)?, boolean_answer(call)?),
            "get-and-set" => Op::GetAndSet(present(call.argument)?, call.answer()?.cloned()),
            _ => return Err("it has get, put, delete, put-if-absent and get-and-set only".into()),
        }))
    }

    fn step(&self, state: &Value, op: &Op) -> Option<Value> {
        let is_there = !state.is_nil();
        match op {
            Op::Get(value) => (state == value).then(|| state.clone()),
            Op::Put(value) => Some(value.clone()),
            Op::Delete(existed) => existed.is_none_or(|e| e == is_there).then_some(Value::Nil),
            Op::PutIfAbsent(_, Some(won)) if *won == is_there => None,
            Op::PutIfAbsent(value, _) => Some(if is_there { state } else { value }.clone()),
            Op::GetAndSet(value, old) => {
                old.as_ref().is_none_or(|old| old == state).then(|| value.clone())
            }
        }
    }

    fn describe_state(&self, state: &Value) -> String {
        if state.is_nil() { "missing".to_owned() } else { state.to_edn() }
    }

    fn is_observer(&self, op: &Op) -> bool {
        matches!(op, Op::Get(_) | Op::Delete(Some(false)) | Op::PutIfAbsent(_, Some(false)))
    }

    fn is_keyed(&self) -> bool {
        true
    }
}
