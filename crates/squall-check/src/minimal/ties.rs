//! Which operations must leave a history together, so that a right history stays right.

use std::collections::BTreeMap;

use squall_history::{Kind, Operation, Process, Value};

use crate::intern::FixedMap;

/// What an operation puts into the system, and what it meets there. Whoever leaves takes all with
/// it that meet what it has put.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    puts: Vec<Value>,
    meets: Vec<Value>,
    /// What it is done to: a key, or nil.
    key: Value,
    /// Whether it succeeds whatever was before, and leaves nothing of that.
    is_reset: bool,
}

impl Traffic {
    fn put(&mut self, key: &Value, value: &Value) {
        self.puts.push(Value::list([key.clone(), value.clone()]));
    }

    fn meet(&mut self, key: &Value, value: &Value) {
        self.meets.push(Value::list([key.clone(), value.clone()]));
    }

    /// It belongs to all others that do so.
    fn share(&mut self, key: &Value, value: &Value) {
        self.put(key, value);
        self.meet(key, value);
    }
}

/// Who depends on whom.
#[derive(Debug, Default)]
pub(crate) struct Ties {
    /// The names that each operation puts, and those that it meets.
    puts: Vec<Vec<usize>>,
    meets: Vec<Vec<usize>>,
    /// The operations that put a name, and those that meet it.
    putters: Vec<Vec<usize>>,
    meeters: Vec<Vec<usize>>,
    keys: Vec<Value>,
    is_reset: Vec<bool>,
}

impl Ties {
    /// Of operations, each with its traffic.
    pub(crate) fn of(all: Vec<Traffic>) -> Self {
        let mut ties = Self::default();
        let mut names: FixedMap<Value, usize> = FixedMap::default();
        for (op, traffic) in all.into_iter().enumerate() {
            let mut numbers = |values: Vec<Value>| -> Vec<usize> {
                let mut number = |value| {
                    let next = names.len();
                    *names.entry(value).or_insert(next)
                };
                values.into_iter().map(&mut number).collect()
            };
            let (puts, meets) = (numbers(traffic.puts), numbers(traffic.meets));
            ties.putters.resize(names.len(), Vec::new());
            ties.meeters.resize(names.len(), Vec::new());
            puts.iter().for_each(|&name| ties.putters[name].push(op));
            meets.iter().for_each(|&name| ties.meeters[name].push(op));
            ties.puts.push(puts);
            ties.meets.push(meets);
            ties.keys.push(traffic.key);
            ties.is_reset.push(traffic.is_reset);
        }
        ties
    }

    /// Adds to those that are gone all that must leave with them.
    pub(crate) fn complete(&self, gone: &mut [bool]) {
        let mut work: Vec<usize> = (0..gone.len()).filter(|&op| gone[op]).collect();
        let mut is_done = vec![false; self.meeters.len()];
        while let Some(op) = work.pop() {
            for &name in &self.puts[op] {
                if std::mem::replace(&mut is_done[name], true) {
                    continue;
                }
                for &meeter in &self.meeters[name] {
                    if !std::mem::replace(&mut gone[meeter], true) {
                        work.push(meeter);
                    }
                }
            }
        }
    }

    /// What of `kept` may leave all at once because `reset` wipes it out: the operations on its key
    /// that had ended before it began, and those beside it that only look. Nothing if `reset` wipes
    /// nothing out, or if something beside it rests on what was before.
    pub(crate) fn wiped_out(
        &self,
        operations: &[Operation<'_>],
        kept: &[usize],
        reset: usize,
    ) -> Vec<usize> {
        let (start, Some(end)) = (operations[reset].start, operations[reset].end) else {
            return Vec::new();
        };
        let mut gone = Vec::new();
        let is_beside = |&op: &usize| op != reset && self.keys[op] == self.keys[reset];
        for op in kept.iter().copied().filter(is_beside) {
            let operation = &operations[op];
            let has_ended = operation.end.is_some_and(|end| end < start);
            let only_looks = self.puts[op].is_empty();
            if has_ended || operation.start < end && only_looks {
                gone.push(op);
            } else if operation.start < end && operation.end.is_some() && !self.is_reset[op] {
                return Vec::new();
            }
        }
        if self.is_reset[reset] { gone } else { Vec::new() }
    }

    /// These operations and all that put what they meet, in order.
    pub(crate) fn rested_on(&self, ops: &[usize]) -> Vec<usize> {
        let mut is_in = vec![false; self.puts.len()];
        let mut work = ops.to_vec();
        while let Some(op) = work.pop() {
            if !std::mem::replace(&mut is_in[op], true) {
                let names = self.meets[op].iter();
                work.extend(names.flat_map(|&name| self.putters[name].iter().copied()));
            }
        }
        (0..is_in.len()).filter(|&op| is_in[op]).collect()
    }
}

/// What the operations of a history put and meet, given whether its values are keyed. Of each
/// checker its own.
pub(crate) type Traffics = fn(&[Operation<'_>], bool) -> Vec<Traffic>;

/// Each operation is judged by itself or beside others, and gives none of them anything.
pub(crate) fn nothing(operations: &[Operation<'_>], _: bool) -> Vec<Traffic> {
    operations.iter().map(|_| Traffic::default()).collect()
}

/// `read` and `get` only look; everything else changes what they find, and what each other does.
pub(crate) fn state(operations: &[Operation<'_>], is_keyed: bool) -> Vec<Traffic> {
    let traffic = |operation: &Operation<'_>| {
        let (key, _) = split(&operation.invocation.value, is_keyed);
        let mut traffic = Traffic::default();
        match operation.f() {
            "read" | "get" => traffic.meet(key, &Value::Nil),
            _ if operation.outcome() == Kind::Fail => {}
            f => {
                traffic.share(key, &Value::Nil);
                traffic.is_reset = f == "put";
            }
        }
        traffic.key = key.clone();
        traffic
    };
    operations.iter().map(traffic).collect()
}

/// Registers: a write gives its value, to reads and to compare-and-sets that expect it. A write
/// that failed may have been read all the same.
pub(crate) fn register(operations: &[Operation<'_>], is_keyed: bool) -> Vec<Traffic> {
    let traffic = |operation: &Operation<'_>| {
        let (key, argument) = split(&operation.invocation.value, is_keyed);
        let mut traffic = Traffic::default();
        let has_failed = operation.outcome() == Kind::Fail;
        traffic.key = key.clone();
        match operation.f() {
            "write" => {
                traffic.put(key, argument);
                traffic.is_reset = !has_failed;
            }
            "cas" => {
                if let Some((expected, new)) = argument.as_pair() {
                    traffic.meet(key, expected);
                    traffic.put(key, new);
                }
                // That a value was not there depends on every write.
                if has_failed {
                    traffic.meets = vec![key.clone()];
                }
            }
            _ if operation.outcome() == Kind::Ok => {
                let (_, found) = split(operation.value(), is_keyed);
                traffic.meet(key, found);
            }
            _ => {}
        }
        if !has_failed && operation.f() != "read" {
            traffic.puts.push(key.clone());
        }
        traffic
    };
    operations.iter().map(traffic).collect()
}

/// Queues: a value comes and goes with all that had it. Who took something that nobody knows
/// belongs to everybody.
pub(crate) fn queue(operations: &[Operation<'_>], is_keyed: bool) -> Vec<Traffic> {
    let traffic = |operation: &Operation<'_>| {
        let mut traffic = Traffic::default();
        let outcome = operation.outcome();
        let (key, value) = split(operation.value(), is_keyed);
        match operation.f() {
            "enqueue" => traffic.share(key, value),
            "peek" if outcome == Kind::Ok => traffic.meet(key, value),
            "dequeue" if outcome == Kind::Ok && !value.is_nil() => traffic.share(key, value),
            "dequeue" if outcome == Kind::Info => traffic.puts.push(key.clone()),
            _ => {}
        }
        traffic.meets.push(key.clone());
        traffic
    };
    operations.iter().map(traffic).collect()
}

/// Locks with an owner: taking and giving back belong together. That a lock was taken rests on
/// all who took it.
pub(crate) fn lock(operations: &[Operation<'_>], is_keyed: bool) -> Vec<Traffic> {
    let mut turns: BTreeMap<(&Value, &Process), i64> = BTreeMap::new();
    let mut all = Vec::new();
    for operation in operations {
        let mut traffic = Traffic::default();
        let (key, _) = split(&operation.invocation.value, is_keyed);
        let process = &operation.invocation.process;
        let turn = turns.entry((key, process)).or_default();
        let hold = Value::list([process.to_value(), Value::Int(*turn)]);
        match (operation.f(), operation.outcome()) {
            (_, Kind::Fail) => {}
            ("try-acquire", Kind::Ok) if is_refused(operation.value()) => {
                traffic.meets.push(key.clone());
            }
            (f, _) => {
                traffic.share(key, &hold);
                traffic.puts.push(key.clone());
                *turn += i64::from(f == "release");
            }
        }
        all.push(traffic);
    }
    all
}

fn is_refused(value: &Value) -> bool {
    matches!(value, Value::Bool(false)) || value.as_pair().is_some_and(|(_, got)| is_refused(got))
}

/// Sets that grow: an element belongs to all that have it, as nobody would miss it in a read if
/// nobody else had read it.
pub(crate) fn set(operations: &[Operation<'_>], is_keyed: bool) -> Vec<Traffic> {
    let traffic = |operation: &Operation<'_>| {
        let mut traffic = Traffic::default();
        let (key, value) = split(operation.value(), is_keyed);
        match (operation.f(), value) {
            ("read", Value::List(found) | Value::Set(found)) => {
                found.iter().for_each(|element| traffic.share(key, element));
            }
            ("read", _) => {}
            _ => traffic.share(key, split(&operation.invocation.value, is_keyed).1),
        }
        traffic
    };
    operations.iter().map(traffic).collect()
}

/// Transactions: what is written or appended is given to all that read it.
pub(crate) fn transactions(operations: &[Operation<'_>], _: bool) -> Vec<Traffic> {
    let traffic = |operation: &Operation<'_>| {
        let mut traffic = Traffic::default();
        for mop in operation.value().as_list().unwrap_or_default() {
            match mop.as_list() {
                Some([f, key, found]) if f.as_text() == Some("r") => match found {
                    Value::List(items) | Value::Set(items) => {
                        items.iter().for_each(|item| traffic.meet(key, item));
                    }
                    _ => traffic.meet(key, found),
                },
                Some([_, key, value]) => traffic.put(key, value),
                _ => {}
            }
        }
        traffic
    };
    operations.iter().map(traffic).collect()
}

/// Key and value proper.
fn split(value: &Value, is_keyed: bool) -> (&Value, &Value) {
    match value.as_pair() {
        Some(pair) if is_keyed => pair,
        _ => (&Value::Nil, value),
    }
}
