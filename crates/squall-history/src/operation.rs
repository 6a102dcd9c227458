//! Pairing: from events to operations.

use std::collections::{BTreeMap, BTreeSet};

use crate::event::{Event, History, Kind, Process};
use crate::problem::{Problem, ProblemCode};
use crate::value::Value;

/// An invocation and, if there is one, its completion.
#[derive(Clone, Copy, Debug)]
pub struct Operation<'h> {
    /// Where it begins.
    pub invocation: &'h Event,
    /// Its `ok`, `fail` or `info`; `None` if it was still open at the end.
    pub completion: Option<&'h Event>,
    /// Place of the invocation in the history.
    pub start: usize,
    /// Place of the completion if that ends the operation, so only for `ok` and `fail`. *a*
    /// precedes *b* when `a.end < b.start`; without an end an operation is concurrent with
    /// everything after its start.
    pub end: Option<usize>,
}

impl<'h> Operation<'h> {
    /// How it ended: `Ok`, `Fail`, or `Info` for everything unknown, open operations included.
    #[must_use]
    pub fn outcome(&self) -> Kind {
        self.completion.map_or(Kind::Info, |completion| completion.kind)
    }

    /// The function.
    #[must_use]
    pub fn f(&self) -> &'h str {
        &self.invocation.f
    }

    /// The argument, with the result if it succeeded: the value of the `ok` event, else of the
    /// invocation.
    #[must_use]
    pub fn value(&self) -> &'h Value {
        match self.completion {
            Some(completion) if completion.kind == Kind::Ok => &completion.value,
            _ => &self.invocation.value,
        }
    }

    /// The error of its completion.
    #[must_use]
    pub fn error(&self) -> Option<&'h Value> {
        self.completion.and_then(|completion| completion.error.as_ref())
    }

    /// Whether it belongs to the final phase.
    #[must_use]
    pub fn is_final(&self) -> bool {
        self.invocation.is_final || self.completion.is_some_and(|completion| completion.is_final)
    }

    /// That its value does not have the shape which a checker needs (E05).
    #[must_use]
    pub fn misfit(&self, hint: &str) -> Problem {
        let event = self.last_event();
        Problem::of_event(ProblemCode::E05, event.index, &event.text(), hint)
    }

    /// The last event of the operation.
    #[must_use]
    pub fn last_event(&self) -> &'h Event {
        self.completion.unwrap_or(self.invocation)
    }
}

/// The operations of the clients in order of invocation, and what was wrong with the events.
#[derive(Clone, Debug, Default)]
pub struct Operations<'h> {
    /// In order of invocation.
    pub list: Vec<Operation<'h>>,
    /// E03, E04, E06 and E07; at most [`PROBLEMS_MAX`] of a code.
    pub problems: Vec<Problem>,
    /// How many there are of each code.
    pub problems_count: BTreeMap<ProblemCode, usize>,
}

/// Problems of one code that are kept with their text; the others are only counted.
pub const PROBLEMS_MAX: usize = 20;

impl History {
    /// Pairs invocations with completions. Events of the nemesis are left out.
    ///
    /// A completion without an invocation is dropped (E03). A second invocation of a process makes
    /// its earlier operation `info` (E04); a process that goes on after `info` is a problem as well
    /// (E07). All of that only widens intervals, so what is found broken stays broken.
    #[must_use]
    pub fn operations(&self) -> Operations<'_> {
        let mut paired = Operations::default();
        let mut open: BTreeMap<&Process, usize> = BTreeMap::new();
        let mut retired: BTreeSet<&Process> = BTreeSet::new();
        let mut index_last = None;
        for (place, event) in self.events.iter().enumerate() {
            if index_last.is_some_and(|last| event.index <= last) {
                paired.problem(ProblemCode::E06, event, "index out of order; file order is used");
            }
            index_last = Some(event.index);
            if !event.process.is_client() {
                continue;
            }
            if event.kind == Kind::Invoke {
                if open.insert(&event.process, paired.list.len()).is_some() {
                    paired.problem(ProblemCode::E04, event, "the process has an open operation");
                } else if retired.remove(&event.process) {
                    paired.problem(ProblemCode::E07, event, "the process went on after `info`");
                }
                paired.list.push(Operation {
                    invocation: event,
                    completion: None,
                    start: place,
                    end: None,
                });
                continue;
            }
            let Some(at) = open.remove(&event.process) else {
                paired.problem(ProblemCode::E03, event, "a completion without an invocation");
                continue;
            };
            let operation = &mut paired.list[at];
            operation.completion = Some(event);
            if event.kind == Kind::Info {
                retired.insert(&event.process);
            } else {
                operation.end = Some(place);
            }
        }
        paired
    }
}

impl Operations<'_> {
    fn problem(&mut self, code: ProblemCode, event: &Event, hint: &str) {
        let count = self.problems_count.entry(code).or_default();
        *count += 1;
        if *count <= PROBLEMS_MAX {
            self.problems.push(Problem::of_event(code, event.index, &event.text(), hint));
        }
    }
}
