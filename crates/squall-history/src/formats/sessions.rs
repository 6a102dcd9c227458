//! Histories of sessions: transactions in the order of each session, without real time.

use std::collections::BTreeMap;

use crate::event::{Event, Kind, Process};
use crate::jsonl::Read;
use crate::value::Value;

/// A transaction of a session, as it is read.
#[derive(Default)]
pub(super) struct Transaction {
    /// Its reads and writes: `["r", key, value]`, `["w", key, value]`.
    pub(super) ops: Vec<Value>,
    pub(super) is_aborted: bool,
}

impl Transaction {
    pub(super) fn read(&mut self, key: Value, value: Value) {
        self.ops.push(Value::list(["r".into(), key, value]));
    }

    pub(super) fn write(&mut self, key: Value, value: Value) {
        self.ops.push(Value::list(["w".into(), key, value]));
    }
}

/// Transactions as they turn up, each with the session it is of.
#[derive(Default)]
pub(super) struct Sessions {
    list: Vec<(i64, Transaction)>,
    places: BTreeMap<(i64, i64), usize>,
}

impl Sessions {
    /// The transaction with this number in this session, a new one if there is none.
    pub(super) fn transaction(&mut self, session: i64, number: i64) -> &mut Transaction {
        let list = &mut self.list;
        let place = *self.places.entry((session, number)).or_insert_with(|| {
            list.push((session, Transaction::default()));
            list.len() - 1
        });
        &mut list[place].1
    }

    /// One after the other, in the order in which they turned up. That order is no order of time.
    pub(super) fn into_read(self) -> Read {
        let mut read = Read::default();
        for (session, transaction) in self.list {
            let asked = Value::list(transaction.ops.iter().map(asked));
            let done = if transaction.is_aborted { Kind::Fail } else { Kind::Ok };
            let value = Value::list(transaction.ops);
            let process = Process::Client(session);
            read.history.push(Event::new(Kind::Invoke, process.clone(), "txn", asked));
            read.history.push(Event::new(done, process, "txn", value));
        }
        read
    }
}

/// What was asked: a read without its result.
fn asked(op: &Value) -> Value {
    match op.as_list() {
        Some([f, key, _]) if f.as_text() == Some("r") => {
            Value::list([f.clone(), key.clone(), Value::Nil])
        }
        _ => op.clone(),
    }
}
