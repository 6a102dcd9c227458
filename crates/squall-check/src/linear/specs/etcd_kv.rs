//! A store with revisions, as etcd's.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use squall_history::Value;

use super::integer;
use crate::linear::spec::{Call, Misfit, Spec};

/// A store in which every change has a revision, from 1:
///
/// | function | argument | answer |
/// |---|---|---|
/// | `put` | `[key value]` | revision |
/// | `get` | key | `[value mod create version revision]`; a missing key is `[nil 0 0 0 revision]` |
/// | `delete` | key, or `[from to]` without `to` | `[how many, revision]` |
/// | `txn` | `[[comparison…] [then…] [else…]]` | `[whether then, revision, [result…]]` |
///
/// A comparison is `[what relation key with]`, *what* being `value`, `version`, `create` or `mod`
/// and the relation `=`, `!=`, `<` or `>`; a missing key has the value nil and zeros. What a
/// transaction does is `["put" key value]` → nil, `["get" key]` → `[value mod create version]`,
/// `["delete" key]` → how many. All its changes have one revision. It puts no key twice.
#[derive(Clone, Copy, Debug)]
pub struct EtcdKv;

/// A value with its revisions; all zero where there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Entry {
    value: Value,
    modified: i64,
    created: i64,
    version: i64,
}

/// The keys, and the revision of the last change.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    entries: BTreeMap<Value, Entry>,
    revision: i64,
}

/// A number of an entry, or its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Field {
    Value,
    Version,
    Created,
    Modified,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Relation {
    Equal,
    Unequal,
    Less,
    Greater,
}

/// What a transaction asks before it does anything.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Comparison {
    field: Field,
    relation: Relation,
    key: Value,
    with: Value,
}

/// One thing that is done.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Act {
    /// Sets a key.
    Put(Value, Value),
    /// Returns an entry.
    Get(Value),
    /// Deletes a key.
    Delete(Value),
}

/// An operation on the store. A result that nobody knows is `None`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// Set a key, with this revision.
    Put(Value, Value, Option<i64>),
    /// Returned this entry, at this revision.
    Get(Value, Entry, i64),
    /// Deleted the keys from the first up to the second, so many of them, with this revision. With
    /// one key only that.
    Delete(Value, Option<Value>, Option<(i64, i64)>),
    /// Did the one or the other.
    Txn(Box<Txn>),
}

/// A transaction.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Txn {
    compare: Vec<Comparison>,
    then: Vec<Act>,
    otherwise: Vec<Act>,
    answer: Option<TxnAnswer>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct TxnAnswer {
    has_succeeded: bool,
    revision: i64,
    results: Vec<Value>,
}

impl Comparison {
    fn of(value: &Value) -> Option<Self> {
        let [field, relation, key, with] = value.as_list()? else { return None };
        let field = match field.as_text()? {
            "value" => Field::Value,
            "version" => Field::Version,
            "create" => Field::Created,
            "mod" => Field::Modified,
            _ => return None,
        };
        let relation = match relation.as_text()? {
            "=" => Relation::Equal,
            "!=" => Relation::Unequal,
            "<" => Relation::Less,
            ">" => Relation::Greater,
            _ => return None,
        };
        Some(Self { field, relation, key: key.clone(), with: with.clone() })
    }

    fn holds(&self, state: &State) -> bool {
        let entry = state.entry(&self.key);
        let own = match self.field {
            Field::Value => entry.value,
            Field::Version => Value::Int(entry.version),
            Field::Created => Value::Int(entry.created),
            Field::Modified => Value::Int(entry.modified),
        };
        let order = own.cmp(&self.with);
        match self.relation {
            Relation::Equal => order == Ordering::Equal,
            Relation::Unequal => order != Ordering::Equal,
            Relation::Less => order == Ordering::Less,
            Relation::Greater => order == Ordering::Greater,
        }
    }
}

impl Act {
    fn of(value: &Value) -> Option<Self> {
        match value.as_list()? {
            [f, key, value] if f.as_text() == Some("put") => {
                Some(Self::Put(key.clone(), value.clone()))
            }
            [f, key] if f.as_text() == Some("get") => Some(Self::Get(key.clone())),
            [f, key] if f.as_text() == Some("delete") => Some(Self::Delete(key.clone())),
            _ => None,
        }
    }
}

/// Each member of a list, if all can be read.
fn each<T>(value: &Value, read: impl Fn(&Value) -> Option<T>) -> Option<Vec<T>> {
    value.as_list()?.iter().map(read).collect()
}

impl Txn {
    fn of(call: &Call<'_>) -> Result<Self, Misfit> {
        const SHAPE: Misfit = Misfit::Shape("a txn has lists of comparisons, then and else");
        let Some([compare, then, otherwise]) = call.argument.as_list() else { return Err(SHAPE) };
        let txn = Self {
            compare: each(compare, Comparison::of).ok_or(SHAPE)?,
            then: each(then, Act::of).ok_or(SHAPE)?,
            otherwise: each(otherwise, Act::of).ok_or(SHAPE)?,
            answer: call.answer()?.map(TxnAnswer::of).transpose()?,
        };
        for acts in [&txn.then, &txn.otherwise] {
            let mut keys: Vec<&Value> = Vec::new();
            keys.extend(acts.iter().filter_map(|act| match act {
                Act::Put(key, _) => Some(key),
                Act::Get(_) | Act::Delete(_) => None,
            }));
            keys.sort();
            if keys.windows(2).any(|pair| pair[0] == pair[1]) {
                return Err("a txn puts no key twice".into());
            }
        }
        Ok(txn)
    }

    fn is_observer(&self) -> bool {
        self.then.iter().chain(&self.otherwise).all(|act| matches!(act, Act::Get(_)))
    }
}

impl TxnAnswer {
    fn of(value: &Value) -> Result<Self, Misfit> {
        match value.as_list() {
            Some([branch, revision, results]) => Ok(Self {
                has_succeeded: super::boolean(branch)?,
                revision: integer(revision)?,
                results: results.as_list().unwrap_or_default().to_vec(),
            }),
            _ => Err("a txn answers with a branch, a revision and a list".into()),
        }
    }
}

impl Entry {
    fn to_value(&self) -> Value {
        let numbers = [self.modified, self.created, self.version].map(Value::Int);
        [self.value.clone()].into_iter().chain(numbers).collect()
    }
}

impl State {
    fn entry(&self, key: &Value) -> Entry {
        self.entries.get(key).cloned().unwrap_or_default()
    }

    /// Sets a key with a change that has this revision.
    fn put(&mut self, key: &Value, value: &Value, revision: i64) {
        let entry = self.entries.entry(key.clone()).or_default();
        if entry.version == 0 {
            entry.created = revision;
        }
        entry.value = value.clone();
        entry.modified = revision;
        entry.version += 1;
    }

    /// Deletes keys; how many.
    fn delete(&mut self, from: &Value, to: Option<&Value>) -> i64 {
        let before = self.entries.len();
        match to {
            None => drop(self.entries.remove(from)),
            Some(to) => self.entries.retain(|key, _| key < from || to <= key),
        }
        i64::try_from(before - self.entries.len()).unwrap_or(i64::MAX)
    }

    /// Does one branch of a transaction: the results, and whether anything changed.
    fn run(&mut self, acts: &[Act], revision: i64) -> (Vec<Value>, bool) {
        let mut has_changed = false;
        let mut results = Vec::with_capacity(acts.len());
        for act in acts {
            results.push(match act {
                Act::Put(key, value) => {
                    self.put(key, value, revision);
                    has_changed = true;
                    Value::Nil
                }
                Act::Get(key) => self.entry(key).to_value(),
                Act::Delete(key) => {
                    let count = self.delete(key, None);
                    has_changed |= 0 < count;
                    Value::Int(count)
                }
            });
        }
        (results, has_changed)
    }

    fn txn(&self, txn: &Txn) -> Option<Self> {
        let has_succeeded = txn.compare.iter().all(|comparison| comparison.holds(self));
        let acts = if has_succeeded { &txn.then } else { &txn.otherwise };
        let mut after = self.clone();
        let (results, has_changed) = after.run(acts, self.revision + 1);
        after.revision += i64::from(has_changed);
        let answer = TxnAnswer { has_succeeded, revision: after.revision, results };
        txn.answer.as_ref().is_none_or(|own| *own == answer).then_some(after)
    }
}

impl Spec for EtcdKv {
    type State = State;
    type Op = Op;

    fn initial(&self) -> State {
        State { entries: BTreeMap::new(), revision: 1 }
    }

    fn read(&self, call: &Call<'_>) -> Result<Option<Op>, Misfit> {
        let answer = call.answer()?;
        match call.f {
            "put" => {
                let (key, value) =
                    call.argument.as_pair().ok_or(Misfit::Shape("a put has a key and a value"))?;
                Ok(Some(Op::Put(key.clone(), value.clone(), answer.map(integer).transpose()?)))
            }
            "get" => match answer.map(|answer| answer.as_list()) {
                None => Ok(None),
                Some(Some([value, modified, created, version, revision])) => {
                    let entry = Entry {
                        value: value.clone(),
                        modified: integer(modified)?,
                        created: integer(created)?,
                        version: integer(version)?,
                    };
                    Ok(Some(Op::Get(call.argument.clone(), entry, integer(revision)?)))
                }
                Some(_) => Err("a get answers with a value and four numbers".into()),
            },
            "delete" => {
                let (from, to) = match call.argument.as_pair() {
                    None => (call.argument, None),
                    Some((from, to)) => (from, Some(to.clone())),
                };
                let answer = match answer.map(Value::as_pair) {
                    None => None,
                    Some(None) => return Err("a delete answers with two numbers".into()),
                    Some(Some((count, revision))) => Some((integer(count)?, integer(revision)?)),
                };
                Ok(Some(Op::Delete(from.clone(), to, answer)))
            }
            "txn" => Ok(Some(Op::Txn(Box::new(Txn::of(call)?)))),
            _ => Err("this store has put, get, delete and txn only".into()),
        }
    }

    fn step(&self, state: &State, op: &Op) -> Option<State> {
        let mut after = state.clone();
        match op {
            Op::Put(key, value, revision) => {
                after.revision += 1;
                after.put(key, value, after.revision);
                revision.is_none_or(|own| own == after.revision).then_some(after)
            }
            Op::Get(key, entry, revision) => {
                (*revision == state.revision && *entry == state.entry(key)).then_some(after)
            }
            Op::Delete(from, to, answer) => {
                let count = after.delete(from, to.as_ref());
                after.revision += i64::from(0 < count);
                answer.is_none_or(|own| own == (count, after.revision)).then_some(after)
            }
            Op::Txn(txn) => state.txn(txn),
        }
    }

    fn describe_state(&self, state: &State) -> String {
        let entries = state.entries.iter().map(|(key, entry)| (key.clone(), entry.to_value()));
        format!("{} at revision {}", Value::map(entries).to_edn(), state.revision)
    }

    fn is_observer(&self, op: &Op) -> bool {
        match op {
            Op::Get(..) | Op::Delete(_, _, Some((0, _))) => true,
            Op::Txn(txn) => txn.is_observer(),
            Op::Put(..) | Op::Delete(..) => false,
        }
    }

    fn state_size(&self, state: &State) -> usize {
        state.entries.len() * (size_of::<Entry>() + size_of::<Value>())
    }
}
