//! A set of elements.

use std::collections::BTreeSet;

use squall_history::Value;

use super::{boolean, boolean_answer};
use crate::linear::spec::{Call, Misfit, Spec, Special, Timed};
use crate::linear::special::grow_only_set;

/// A set: `add` → whether it is new, `remove` → whether it was there, `contains` → whether it is
/// there, `read` → all elements. The first two may answer nothing.
#[derive(Clone, Copy, Debug)]
pub struct Set;

/// An operation on a set. A result that nobody knows is `None`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// Added an element, and said whether it was new.
    Add(Value, Option<bool>),
    /// Removed an element, and said whether it was there.
    Remove(Value, Option<bool>),
    /// Said whether an element is there.
    Contains(Value, bool),
    /// Returned all elements.
    Read(BTreeSet<Value>),
}

impl Spec for Set {
    type State = BTreeSet<Value>;
    type Op = Op;

    fn initial(&self) -> Self::State {
        BTreeSet::new()
    }

    fn read(&self, call: &Call<'_>) -> Result<Option<Op>, Misfit> {
        let element = || call.argument.clone();
        match (call.f, call.result) {
            ("add", _) => Ok(Some(Op::Add(element(), boolean_answer(call)?))),
            ("remove", _) => Ok(Some(Op::Remove(element(), boolean_answer(call)?))),
            ("contains" | "read", None) => Ok(None),
            ("contains", Some(_)) => {
                let answer = call.answer()?.ok_or(Misfit::Shape("it must have an answer"))?;
                Ok(Some(Op::Contains(element(), boolean(answer)?)))
            }
            ("read", Some(Value::List(items) | Value::Set(items))) => {
                Ok(Some(Op::Read(items.iter().cloned().collect())))
            }
            ("read", Some(_)) => Err("a read returns a list or a set".into()),
            _ => Err("a set has add, remove, contains and read only".into()),
        }
    }

    fn step(&self, state: &Self::State, op: &Op) -> Option<Self::State> {
        let mut after = state.clone();
        let is_legal = match op {
            Op::Add(element, new) => {
                let is_new = after.insert(element.clone());
                new.is_none_or(|new| new == is_new)
            }
            Op::Remove(element, was) => {
                let was_there = after.remove(element);
                was.is_none_or(|was| was == was_there)
            }
            Op::Contains(element, is_there) => state.contains(element) == *is_there,
            Op::Read(elements) => state == elements,
        };
        is_legal.then_some(after)
    }

    fn describe_state(&self, state: &Self::State) -> String {
        Value::set(state.iter().cloned()).to_edn()
    }

    fn is_observer(&self, op: &Op) -> bool {
        match op {
            Op::Add(_, said) | Op::Remove(_, said) => *said == Some(false),
            Op::Contains(..) | Op::Read(_) => true,
        }
    }

    fn partition(&self, op: &Op) -> Option<Vec<Value>> {
        match op {
            Op::Add(element, _) | Op::Remove(element, _) | Op::Contains(element, _) => {
                Some(vec![element.clone()])
            }
            Op::Read(_) => None,
        }
    }

    /// If nobody saw the element there, for an add; or missing, for a remove.
    fn is_droppable(&self, open: &Op, closed: &[&Op]) -> bool {
        let (element, is_added) = match open {
            Op::Add(element, _) => (element, true),
            Op::Remove(element, _) => (element, false),
            Op::Contains(..) | Op::Read(_) => return true,
        };
        let sees = |op: &&Op| match op {
            Op::Add(other, Some(is_new)) => other == element && *is_new != is_added,
            Op::Remove(other, Some(is_there)) | Op::Contains(other, is_there) => {
                other == element && *is_there == is_added
            }
            Op::Read(elements) => elements.contains(element) == is_added,
            Op::Add(_, None) | Op::Remove(_, None) => false,
        };
        !closed.iter().any(sees)
    }

    fn state_size(&self, state: &Self::State) -> usize {
        state.len() * 32
    }

    fn special_case(&self, ops: &[Timed<'_, Op>]) -> Special {
        grow_only_set(ops)
    }
}
