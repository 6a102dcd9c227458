//! Transactions on a map.

use std::collections::BTreeMap;

use squall_history::Value;

use crate::linear::spec::{Call, Misfit, Spec};

/// A map on which transactions run at one moment each (strict serializability): `txn` with a list
/// of `["r" key value]`, `["w" key value]` and `["append" key value]`. A missing key reads nil, and
/// what is appended to it becomes a list. A transaction sees its own writes.
#[derive(Clone, Copy, Debug)]
pub struct TxnMap;

/// One access of a transaction.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// Returned this value.
    Read(Value, Value),
    /// Set this value.
    Write(Value, Value),
    /// Appended this value.
    Append(Value, Value),
}

impl Access {
    fn of(value: &Value) -> Result<Self, Misfit> {
        let parts = value.as_list().and_then(|parts| match parts {
            [f, key, value] => Some((f.as_text()?, key.clone(), value.clone())),
            _ => None,
        });
        match parts {
            Some(("r", key, value)) => Ok(Self::Read(key, value)),
            Some(("w", key, value)) => Ok(Self::Write(key, value)),
            Some(("append", key, value)) => Ok(Self::Append(key, value)),
            _ => Err("an access is a list of r, w or append, a key and a value".into()),
        }
    }

    fn key(&self) -> &Value {
        let (Self::Read(key, _) | Self::Write(key, _) | Self::Append(key, _)) = self;
        key
    }

    fn is_read(&self) -> bool {
        matches!(self, Self::Read(..))
    }
}

fn accesses(value: &Value) -> Result<Vec<Access>, Misfit> {
    let items = value.as_list().ok_or(Misfit::Shape("a transaction is a list of accesses"))?;
    items.iter().map(Access::of).collect()
}

impl Spec for TxnMap {
    type State = BTreeMap<Value, Value>;
    type Op = Vec<Access>;

    fn initial(&self) -> Self::State {
        BTreeMap::new()
    }

    fn read(&self, call: &Call<'_>) -> Result<Option<Vec<Access>>, Misfit> {
        if call.f != "txn" {
            return Err("this map has txn only".into());
        }
        let mut asked = accesses(call.argument)?;
        let Some(result) = call.result else {
            asked.retain(|access| !access.is_read());
            return Ok(Some(asked).filter(|asked| !asked.is_empty()));
        };
        let answered = accesses(result)?;
        let is_same = |(asked, answered): (&Access, &Access)| match (asked, answered) {
            (Access::Read(a, _), Access::Read(b, _)) => a == b,
            (a, b) => a == b,
        };
        if asked.len() != answered.len() || !asked.iter().zip(&answered).all(is_same) {
            return Err(Misfit::Mismatch);
        }
        Ok(Some(answered))
    }

    fn step(&self, state: &Self::State, op: &Vec<Access>) -> Option<Self::State> {
        let mut after = state.clone();
        for access in op {
            match access {
                Access::Read(key, value) => {
                    if after.get(key).unwrap_or(&Value::Nil) != value {
                        return None;
                    }
                }
                Access::Write(key, value) => {
                    after.insert(key.clone(), value.clone());
                }
                Access::Append(key, value) => {
                    let list = match after.get(key) {
                        None | Some(Value::Nil) => &[],
                        Some(list) => list.as_list()?,
                    };
                    let list = list.iter().cloned().chain([value.clone()]).collect();
                    after.insert(key.clone(), list);
                }
            }
        }
        Some(after)
    }

    fn describe_state(&self, state: &Self::State) -> String {
        Value::map(state.iter().map(|(key, value)| (key.clone(), value.clone()))).to_edn()
    }

    fn is_observer(&self, op: &Vec<Access>) -> bool {
        op.iter().all(Access::is_read)
    }

    fn partition(&self, op: &Vec<Access>) -> Option<Vec<Value>> {
        Some(op.iter().map(|access| access.key().clone()).collect())
    }

    fn state_size(&self, state: &Self::State) -> usize {
        state.values().map(|value| 64 + 24 * value.as_list().map_or(0, <[_]>::len)).sum()
    }
}
