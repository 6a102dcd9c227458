//! Histories of programs that keep no log of events, only what they called and when.

use std::collections::BTreeMap;

use crate::event::{Event, History, Kind, Process};
use crate::value::Value;

/// A call, as a program knows it once it is over. A call that certainly did not happen is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Called {
    /// The thread or client. It does one thing at a time.
    pub process: i64,
    /// The function.
    pub f: &'static str,
    /// The argument.
    pub asked: Value,
    /// The value of an `ok` event: the argument, the result, or the pair of both, as the checker
    /// wants it. `None`: nobody knows whether it happened.
    pub answered: Option<Value>,
    /// When it was called, on one clock for all; nanoseconds.
    pub from_ns: u64,
    /// When it was over.
    pub to_ns: u64,
}

impl History {
    /// The history of these calls, in whatever order they are. Of two things at one moment the call
    /// comes first: they count as concurrent, unless one process did both. A process of which
    /// nobody knows what became of a call goes on under another name.
    #[must_use]
    pub fn of_calls(calls: impl IntoIterator<Item = Called>) -> Self {
        let mut calls: Vec<Called> = calls.into_iter().collect();
        calls.sort_by_key(|call| (call.from_ns, call.to_ns));
        // How many calls of a process ended unknown, and when and in which turn the last one ended.
        let mut lives: BTreeMap<i64, (u64, Option<(u64, u32)>)> = BTreeMap::new();
        let mut events = Vec::new();
        for call in calls {
            let (life, last) = lives.entry(call.process).or_default();
            let process = match *life {
                0 => Process::Client(call.process),
                life => Process::of_name(&format!("{} after {life} unknown", call.process)),
            };
            // What a process does at the moment in which it has done something comes after that.
            let begin = match *last {
                Some((ns, turn)) if ns == call.from_ns => turn + 1,
                _ => 0,
            };
            let end = if call.to_ns == call.from_ns { begin + 1 } else { 1 };
            *last = Some((call.to_ns, end));
            let (kind, value) = match call.answered {
                Some(value) => (Kind::Ok, value),
                None => {
                    *life += 1;
                    (Kind::Info, call.asked.clone())
                }
            };
            let invocation = Event::new(Kind::Invoke, process.clone(), call.f, call.asked);
            events.push((begin, Event { time: call.from_ns, ..invocation }));
            let completion = Event::new(kind, process, call.f, value);
            events.push((end, Event { time: call.to_ns, ..completion }));
        }
        events.sort_by_key(|(turn, event)| (event.time, *turn));
        Self::new(events.into_iter().map(|(_, event)| event))
    }
}
