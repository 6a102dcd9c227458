//! How far behind real time polls were: a figure, and no promise.
//!
//! The **lag** of a key in a poll is how long before its invocation it was known that there is a
//! message beyond the last one that the process has seen. As long as a process sees nothing new on
//! a key its lag there grows, so only the last poll before each news is looked at.

use std::collections::BTreeMap;

use squall_history::{Process, Value};

use super::columns::{Act, Columns};
use super::walks::assigned;
use crate::isolation::Fate;

/// The worst lag of a history.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Lag {
    /// Nanoseconds.
    pub lag_ns: u64,
    /// When the poll was invoked.
    pub time_ns: u64,
    pub process: Value,
    pub key: u32,
}

/// By key: from when on an offset was known to be in use, both strictly rising.
struct Known(Vec<Vec<(u64, u64)>>);

impl Known {
    fn of(columns: &Columns<'_>) -> Self {
        let mut known: Vec<Vec<(u64, u64)>> = vec![Vec::new(); columns.keys_count()];
        for (op, step) in columns.all_steps() {
            let completion = columns.ops[op as usize].completion;
            if columns.fates[op as usize] != Fate::Failed
                && let (Some(completion), Some(offset)) = (completion, step.offset)
            {
                let key = columns.messages[step.message as usize].key;
                known[key as usize].push((completion.time, offset));
            }
        }
        for stairs in &mut known {
            stairs.sort_unstable_by_key(|&(time, offset)| (time, u64::MAX - offset));
            let mut highest = None;
            stairs.retain(|&(_, offset)| {
                let is_higher = highest.is_none_or(|highest| highest < offset);
                highest = highest.max(Some(offset));
                is_higher
            });
        }
        Self(known)
    }

    /// From when on something beyond an offset was known to be there.
    fn expired(&self, key: u32, seen: Option<u64>) -> Option<u64> {
        let stairs = &self.0[key as usize];
        let place = stairs.partition_point(|&(_, offset)| Some(offset) <= seen);
        stairs.get(place).map(|&(time, _)| time)
    }
}

/// Where a process is on a key: the highest offset seen, and the operation that began with that.
type Seen = BTreeMap<u32, Option<u64>>;

#[derive(Default)]
struct Reader {
    seen: Seen,
    /// When its last successful poll was invoked.
    polled_ns: Option<u64>,
}

/// The worst lag over all polls; `None` if no process polled a key that it was to read.
pub(super) fn worst(columns: &Columns<'_>) -> Option<Lag> {
    let mut lags = Lags { known: Known::of(columns), worst: None };
    let mut readers: BTreeMap<&Process, Reader> = BTreeMap::new();
    for (op, act) in (0..).zip(&columns.acts) {
        let operation = &columns.ops[op as usize];
        let fate = columns.fates[op as usize];
        let process = &operation.invocation.process;
        let reader = readers.entry(process).or_default();
        match act {
            Act::Moves if fate == Fate::Ok => {
                let polled = columns.steps_of(op).iter().filter(|step| !step.is_send);
                for step in polled {
                    let key = columns.messages[step.message as usize].key;
                    let seen = reader.seen.get(&key).copied().flatten();
                    if seen < step.offset {
                        lags.tell(process, key, reader);
                        reader.seen.insert(key, step.offset);
                    }
                }
                let mut asked = operation.invocation.value.as_list().unwrap_or_default().iter();
                let is_poll = |mop: &Value| {
                    let f = mop.as_list().and_then(<[Value]>::first);
                    f.and_then(Value::as_text) == Some("poll")
                };
                if asked.any(is_poll) {
                    reader.polled_ns = Some(operation.invocation.time);
                }
            }
            Act::Assigns if fate != Fate::Failed => {
                for key in reader.seen.keys() {
                    lags.tell(process, *key, reader);
                }
                let (keys, goes_back) = assigned(columns, operation);
                let seen = |key: u32| reader.seen.get(&key).copied().flatten();
                let seen = |key: u32| (key, if goes_back { None } else { seen(key) });
                let seen = keys.into_iter().map(seen).collect();
                *reader = Reader { seen, polled_ns: None };
            }
            Act::Moves | Act::Assigns | Act::Other => {}
        }
    }
    for (process, reader) in &readers {
        for key in reader.seen.keys() {
            lags.tell(process, *key, reader);
        }
    }
    lags.worst
}

struct Lags {
    known: Known,
    worst: Option<Lag>,
}

impl Lags {
    /// Looks at the last poll of a reader, which did not bring more of a key than it knows.
    fn tell(&mut self, process: &Process, key: u32, reader: &Reader) {
        let (Some(polled_ns), Some(&seen)) = (reader.polled_ns, reader.seen.get(&key)) else {
            return;
        };
        let expired = self.known.expired(key, seen);
        let lag_ns = expired.map_or(0, |expired| polled_ns.saturating_sub(expired));
        if self.worst.as_ref().is_none_or(|worst| worst.lag_ns < lag_ns) {
            let process = process.to_value();
            self.worst = Some(Lag { lag_ns, time_ns: polled_ns, process, key });
        }
    }
}
