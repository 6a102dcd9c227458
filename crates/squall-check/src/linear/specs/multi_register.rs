//! Several registers that are read and written together.

use std::collections::BTreeMap;

use squall_history::Value;

use crate::linear::NilRead;
use crate::linear::spec::{Call, Misfit, Spec};

/// Registers with names: `read` and `write` take lists of `[key value]` and do all at one moment.
/// A register that nobody has written is nil.
#[derive(Clone, Copy, Debug)]
pub struct MultiRegister {
    nil_read: NilRead,
}

impl MultiRegister {
    /// `nil_read`: what a nil in a successful read says.
    #[must_use]
    pub fn new(nil_read: NilRead) -> Self {
        Self { nil_read }
    }
}

/// Keys with values.
type Pairs = Vec<(Value, Value)>;

/// An operation on several registers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// Returned these values.
    Read(Pairs),
    /// Set these values.
    Write(Pairs),
}

fn pairs(value: &Value) -> Result<Pairs, Misfit> {
    let pair = |item: &Value| item.as_pair().map(|(key, value)| (key.clone(), value.clone()));
    let pairs = value.as_list().and_then(|items| items.iter().map(pair).collect());
    pairs.ok_or(Misfit::Shape("the value must be a list of pairs: key and value"))
}

impl Spec for MultiRegister {
    type State = BTreeMap<Value, Value>;
    type Op = Op;

    fn initial(&self) -> Self::State {
        BTreeMap::new()
    }

    fn read(&self, call: &Call<'_>) -> Result<Option<Op>, Misfit> {
        match (call.f, call.result) {
            ("read", None) => Ok(None),
            ("read", Some(result)) => {
                let keys = |pairs: &Pairs| -> Vec<Value> {
                    pairs.iter().map(|(key, _)| key.clone()).collect()
                };
                let mut read = pairs(result)?;
                if keys(&pairs(call.argument)?) != keys(&read) {
                    return Err(Misfit::Mismatch);
                }
                if self.nil_read == NilRead::Any {
                    read.retain(|(_, value)| !value.is_nil());
                }
                Ok(Some(Op::Read(read)))
            }
            ("write", _) => {
                call.answer()?;
                Ok(Some(Op::Write(pairs(call.argument)?)))
            }
            _ => Err(Misfit::Shape("these registers have read and write only")),
        }
    }

    fn step(&self, state: &Self::State, op: &Op) -> Option<Self::State> {
        match op {
            Op::Read(pairs) => {
                let is_there = |(key, value): &(Value, Value)| {
                    state.get(key).map_or(value.is_nil(), |own| own == value)
                };
                pairs.iter().all(is_there).then(|| state.clone())
            }
            Op::Write(pairs) => {
                let mut after = state.clone();
                after.extend(pairs.iter().cloned());
                Some(after)
            }
        }
    }

    fn describe_state(&self, state: &Self::State) -> String {
        Value::map(state.iter().map(|(key, value)| (key.clone(), value.clone()))).to_edn()
    }

    fn is_observer(&self, op: &Op) -> bool {
        matches!(op, Op::Read(_))
    }

    fn partition(&self, op: &Op) -> Option<Vec<Value>> {
        let (Op::Read(pairs) | Op::Write(pairs)) = op;
        Some(pairs.iter().map(|(key, _)| key.clone()).collect())
    }

    /// If no read returned any of its values.
    fn is_droppable(&self, open: &Op, closed: &[&Op]) -> bool {
        let Op::Write(written) = open else { return true };
        !closed.iter().any(|op| match op {
            Op::Read(read) => written.iter().any(|pair| read.contains(pair)),
            Op::Write(_) => false,
        })
    }

    fn state_size(&self, state: &Self::State) -> usize {
        state.len() * 64
    }
}
