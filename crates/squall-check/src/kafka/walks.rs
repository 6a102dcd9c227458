//! Movements along a key: within one operation, and from one operation of a process to its next.
//!
//! Two successive messages should be one index apart. More is a skip, less than one is a step
//! back; a message without an index is taken to be in its place.

use std::collections::BTreeMap;

use squall_history::{Name, Operation, Process, Value};

use super::columns::{Act, Columns, Step};
use super::orders::Orders;
use crate::isolation::{Fate, NONE, number};

/// A movement that should not be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Jump {
    /// How many indices.
    pub delta: i64,
    /// The operations, which are one if the movement is within it, and their messages.
    pub from: (u32, u32),
    pub to: (u32, u32),
}

/// The movements of one kind, skips by largest delta first, the others by smallest.
#[derive(Default)]
pub(super) struct Jumps {
    pub inner_skips: Vec<Jump>,
    pub inner_backs: Vec<Jump>,
    pub skips: Vec<Jump>,
    pub backs: Vec<Jump>,
}

impl Jumps {
    fn sort(&mut self) {
        for skips in [&mut self.inner_skips, &mut self.skips] {
            skips.sort_by_key(|jump| (-jump.delta, jump.from, jump.to));
        }
        for backs in [&mut self.inner_backs, &mut self.backs] {
            backs.sort_unstable();
        }
    }
}

/// Whose movements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Along {
    /// Messages that were polled. Only a successful operation moves its process.
    Polls,
    /// Messages that were sent. An operation that may have happened moves its process.
    Sends,
}

impl Along {
    fn has(self, step: Step) -> bool {
        step.is_send == (self == Self::Sends)
    }

    /// Whether an operation that ended so is compared with the one before it.
    fn compares(self, fate: Fate) -> bool {
        self == Self::Polls || fate != Fate::Failed
    }

    fn moves(self, fate: Fate) -> bool {
        fate == Fate::Ok || self == Self::Sends && fate == Fate::Unknown
    }
}

/// Where a process is on each key: the last operation that moved it, and its last message.
type Positions = BTreeMap<u32, (u32, u32)>;

/// Finds the movements of all processes.
pub(super) fn jumps(columns: &Columns<'_>, orders: &Orders, along: Along) -> Jumps {
    let mut walk = Walk {
        columns,
        orders,
        along,
        found: Jumps::default(),
        ends: vec![(NONE, NONE); columns.keys_count()],
        touched: Vec::new(),
    };
    let mut positions: BTreeMap<&Process, Positions> = BTreeMap::new();
    for (op, act) in (0..).zip(&columns.acts) {
        let operation = &columns.ops[op as usize];
        let fate = columns.fates[op as usize];
        match act {
            Act::Moves => {
                walk.within(op);
                let process = positions.entry(&operation.invocation.process).or_default();
                walk.between(op, fate, process);
            }
            Act::Assigns if fate != Fate::Failed => {
                let process = positions.entry(&operation.invocation.process).or_default();
                let (kept, goes_back) = assigned(columns, operation);
                process.retain(|key, _| !goes_back && kept.binary_search(key).is_ok());
            }
            Act::Assigns | Act::Other => {}
        }
    }
    walk.found.sort();
    walk.found
}

/// The keys of an assignment in ascending order, and whether the process goes back to their
/// beginning, by its field `seek-to-beginning?`. If it does not, it stays where it is on a key that
/// it had.
pub(super) fn assigned(columns: &Columns<'_>, operation: &Operation<'_>) -> (Vec<u32>, bool) {
    let other = operation.invocation.other.iter().chain(&operation.last_event().other);
    let is_true = |(name, value): &(Name, Value)| {
        name.trim_end_matches('?') == "seek-to-beginning" && *value == Value::Bool(true)
    };
    let mut keys = keys_of(columns, operation.value());
    keys.sort_unstable();
    keys.dedup();
    (keys, other.into_iter().any(is_true))
}

fn keys_of(columns: &Columns<'_>, names: &Value) -> Vec<u32> {
    let names: &[Value] = match names {
        Value::List(names) | Value::Set(names) => names,
        _ => &[],
    };
    names.iter().filter_map(|name| columns.key_number(name)).collect()
}

/// The keys that were given to or taken from a process during an operation, by its field
/// `rebalance-log`: a list of maps with `keys`.
fn rebalanced(columns: &Columns<'_>, operation: &Operation<'_>) -> Vec<u32> {
    let other = &operation.last_event().other;
    let log = other.iter().find(|(name, _)| name == "rebalance-log").map(|(_, log)| log);
    let entries = log.and_then(Value::as_list).unwrap_or_default().iter();
    let keys = entries.filter_map(|entry| entry.get("keys"));
    keys.flat_map(|keys| keys_of(columns, keys)).collect()
}

struct Walk<'a, 'h> {
    columns: &'a Columns<'h>,
    orders: &'a Orders,
    along: Along,
    found: Jumps,
    /// By key: the first and the last message of the operation at hand.
    ends: Vec<(u32, u32)>,
    /// The keys that have any.
    touched: Vec<u32>,
}

impl Walk<'_, '_> {
    /// Compares successive messages of one operation, and notes the ends.
    fn within(&mut self, op: u32) {
        for key in self.touched.drain(..) {
            self.ends[key as usize] = (NONE, NONE);
        }
        let along = self.along;
        let steps = self.columns.steps_of(op).iter().copied().filter(|step| along.has(*step));
        let exempt = match along {
            Along::Polls => rebalanced(self.columns, &self.columns.ops[op as usize]),
            Along::Sends => Vec::new(),
        };
        for Step { message, .. } in steps {
            let key = self.columns.messages[message as usize].key;
            let (first, last) = &mut self.ends[key as usize];
            let before = std::mem::replace(last, message);
            if before == NONE {
                *first = message;
                self.touched.push(key);
                continue;
            }
            let delta = self.orders.distance(before, message);
            let jump = Jump { delta, from: (op, before), to: (op, message) };
            if delta != 1 && !exempt.contains(&key) {
                let found = &mut self.found;
                let list = if delta > 1 { &mut found.inner_skips } else { &mut found.inner_backs };
                list.push(jump);
            }
        }
    }

    /// Compares with where the process was, and moves it.
    fn between(&mut self, op: u32, fate: Fate, positions: &mut Positions) {
        self.touched.sort_unstable();
        for &key in &self.touched {
            let (first, last) = self.ends[key as usize];
            if let Some(&from) = positions.get(&key)
                && self.along.compares(fate)
            {
                let delta = self.orders.distance(from.1, first);
                let jump = Jump { delta, from, to: (op, first) };
                match delta {
                    1 => {}
                    2.. => self.found.skips.push(jump),
                    _ => self.found.backs.push(jump),
                }
            }
            if self.along.moves(fate) {
                positions.insert(key, (op, last));
            }
        }
    }
}

/// The messages that a skip passed over, as many as are told.
pub(super) fn skipped(
    columns: &Columns<'_>,
    orders: &Orders,
    jump: &Jump,
    max: usize,
) -> Vec<Value> {
    let key = columns.messages[jump.to.1 as usize].key;
    let (Some(from), Some(to)) = (orders.last_index(jump.from.1), orders.last_index(jump.to.1))
    else {
        return Vec::new();
    };
    let indices = (from + 1..to.min(from.saturating_add(number(max) + 1))).take(max);
    let at = indices.filter_map(|index| orders.at(key, index).first());
    at.map(|entry| columns.messages[entry.message as usize].value.clone()).collect()
}
