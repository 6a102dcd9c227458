//! Checkers by name, for those who have a history and nothing else.
//!
//! A checker is a line in [`CHECKERS`]. It can tell by the functions of a history whether that is
//! one of its own, and takes from a [`Reading`] what the form of the file leaves open.

use std::collections::BTreeSet;

use squall_history::{History, Kind, Value};

use crate::consistency::Model;
use crate::minimal::ties::{self, Traffics};
use crate::verdict::{Outcome, Reason, ReasonCode, Verdict};
use crate::{bank, counter, echo, isolation, kafka, linear, lock, minimal, set_full, unique_ids};

/// What the form of a history leaves open, or its owner knows better.
#[derive(Clone, Debug)]
pub struct Reading {
    /// See [`linear::NilRead`].
    pub nil_read: linear::NilRead,
    /// See [`linear::FailedCas`].
    pub failed_cas: linear::FailedCas,
    /// Whether values are pairs of a key and the value proper; `None`: the history tells.
    pub is_keyed: Option<bool>,
    /// Whether the order of the events is that of real time. Otherwise only the order within each
    /// process means something.
    pub has_real_time: bool,
    /// The consistency models that transactions were promised. If empty: strict serializability,
    /// or where there is no real time, strong session serializability.
    pub models: Vec<Model>,
    /// What is known of registers in transactions.
    pub registers: isolation::Registers,
    /// See [`linear::Options::steps_max`].
    pub steps_max: u64,
}

impl Reading {
    /// As of a history of Jepsen or of a run here: a read of nil says nothing, a failed
    /// compare-and-set did not happen, and the order of the events is that of real time.
    #[must_use]
    pub fn usual() -> Self {
        Self {
            nil_read: linear::NilRead::Any,
            failed_cas: linear::FailedCas::Drop,
            is_keyed: None,
            has_real_time: true,
            models: Vec::new(),
            registers: isolation::Registers::usual(),
            steps_max: linear::STEPS_USUAL,
        }
    }

    /// The models that are asked for.
    #[must_use]
    pub fn models(&self) -> Vec<Model> {
        if !self.models.is_empty() {
            return self.models.clone();
        }
        let session = Model::named("strong-session-serializable").expect("a name of `MODELS`");
        vec![if self.has_real_time { Model::STRICT_SERIALIZABLE } else { session }]
    }

    fn isolation(&self) -> isolation::Options {
        let usual = isolation::Options::models(self.models());
        isolation::Options { has_real_time: self.has_real_time, ..usual }
    }
}

/// What a history looks like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sight<'h> {
    /// The functions that its clients call.
    pub functions: BTreeSet<&'h str>,
    /// Whether a read returned a list or a set.
    pub reads_lists: bool,
    /// Whether a transaction appends to a list.
    pub appends: bool,
    /// Whether a transaction writes a register.
    pub writes: bool,
    /// Whether a lock was acquired with a token.
    pub acquires_tokens: bool,
    /// Whether a transaction sends to a log, or polls one.
    pub polls: bool,
}

impl<'h> Sight<'h> {
    /// Looks at a history.
    #[must_use]
    pub fn of(history: &'h History) -> Self {
        let mut sight = Self::default();
        for event in history.events.iter().filter(|event| event.process.is_client()) {
            sight.functions.insert(&event.f);
            let is_read = event.f == "read" && event.kind == Kind::Ok;
            let steps = event.value.as_list().unwrap_or_default().iter();
            for step in steps.filter_map(|step| step.as_list()?.first()?.as_text()) {
                sight.appends |= step == "append";
                sight.writes |= step == "w";
                sight.polls |= matches!(step, "send" | "poll");
            }
            let is_acquired = event.f == "acquire" && event.kind == Kind::Ok;
            let token = event.value.as_pair().map_or(&event.value, |(_, token)| token);
            sight.acquires_tokens |= is_acquired && token.as_int().is_some();
            sight.reads_lists |= is_read && matches!(event.value, Value::List(_) | Value::Set(_));
        }
        sight
    }

    /// Whether there are no other functions than these.
    fn has_only(&self, known: &[&str]) -> bool {
        self.functions.iter().all(|function| known.contains(function))
    }

    /// Whether one of these functions is there.
    fn has_one(&self, wanted: &[&str]) -> bool {
        wanted.iter().any(|function| self.functions.contains(function))
    }
}

/// A checker that can be asked for by name.
#[derive(Debug)]
pub struct Checker {
    /// Its name.
    pub name: &'static str,
    /// What it checks, in one sentence.
    pub promise: &'static str,
    /// Whether it judges transactions for the consistency models of [`Reading::models`].
    pub has_models: bool,
    /// Whether a history that looks so is one of its own.
    pub fits: fn(&Sight<'_>) -> bool,
    /// Which operations rest on which, for the search of a core; `None` if nothing can be left out
    /// of a history of this kind without making a right one wrong.
    pub(crate) traffic: Option<Traffics>,
    /// Judges a history.
    pub check: fn(&History, &Reading) -> Outcome,
}

impl Checker {
    /// Gives the first anomaly of each class in an outcome of this checker the smallest part of the
    /// history that is broken in the same way. Takes about as long as judging a million events.
    pub fn find_cores(&self, history: &History, reading: &Reading, outcome: &mut Outcome) {
        minimal::add_to(outcome, self, history, reading);
    }

    /// The history without these operations (indices of their invocations) and all that rest on
    /// them. If the history is right, so is this. `None`: what rests on what is not known.
    #[must_use]
    pub fn leave_out(&self, history: &History, reading: &Reading, gone: &[u64]) -> Option<History> {
        minimal::leave_out(self, history, reading, gone)
    }
}

/// Every checker that judges a history by itself.
pub static CHECKERS: &[Checker] = &[
    Checker {
        name: "register",
        promise: "every key behaves as one register: linearizable",
        has_models: false,
        fits: |sight| sight.has_only(&["read", "write", "cas"]) && sight.has_one(&["write", "cas"]),
        traffic: Some(ties::register),
        check: |history, reading| object("cas-register", history, reading),
    },
    Checker {
        name: "kv",
        promise: "every key behaves as one text with get, put and append: linearizable",
        has_models: false,
        fits: |sight| sight.has_only(&["get", "put", "append"]) && sight.has_one(&["get"]),
        traffic: Some(ties::state),
        check: |history, reading| object("kv", history, reading),
    },
    Checker {
        name: "list-append",
        promise: "transactions that append to lists are isolated from each other",
        has_models: true,
        fits: |sight| sight.has_only(&["txn", ""]) && sight.appends,
        traffic: Some(ties::transactions),
        check: |history, reading| isolation::list_append(history, &reading.isolation()),
    },
    Checker {
        name: "rw-register",
        promise: "transactions that write registers are isolated from each other",
        has_models: true,
        fits: |sight| sight.has_only(&["txn", ""]) && sight.writes,
        traffic: Some(ties::transactions),
        check: |history, reading| {
            isolation::rw_register(history, &reading.isolation(), &reading.registers)
        },
    },
    Checker {
        name: "kafka",
        promise: "what is sent to a log is polled, once and in its order",
        has_models: false,
        fits: |sight| {
            let moves = sight.has_one(&["send", "poll"]) || sight.polls;
            let consumers = sight.has_one(&["commit_offsets", "list_committed_offsets"]);
            sight.has_only(LOG) && (moves || consumers)
        },
        traffic: None,
        check: |history, _| kafka::check(history, &kafka::Options::default()),
    },
    Checker {
        name: "fifo",
        promise: "what is enqueued first is dequeued first: linearizable",
        has_models: false,
        fits: |sight| {
            sight.has_only(&["enqueue", "dequeue", "peek"]) && sight.has_one(&["enqueue"])
        },
        traffic: Some(ties::queue),
        check: |history, reading| object("fifo", history, reading),
    },
    Checker {
        name: "fenced",
        promise: "a lock is held by one client at a time, and each gets a greater token",
        has_models: false,
        fits: |sight| {
            sight.has_only(&["acquire", "release", "write"])
                && sight.has_one(&["acquire"])
                && sight.acquires_tokens
        },
        traffic: None,
        check: |history, reading| locks(lock::Kind::Fenced, history, reading),
    },
    Checker {
        name: "owner-mutex",
        promise: "a lock is held by one client at a time, who releases it: linearizable",
        has_models: false,
        fits: |sight| {
            let locks = ["acquire", "release", "try-acquire"];
            sight.has_only(&locks) && sight.has_one(&["acquire", "try-acquire"])
        },
        traffic: Some(ties::lock),
        check: |history, reading| locks(lock::Kind::Owner, history, reading),
    },
    Checker {
        name: "reentrant",
        promise: "a lock is held by one client at a time, twice at most: linearizable",
        has_models: false,
        // Nothing tells it from a lock that its holder may not take again.
        fits: |_| false,
        traffic: None,
        check: |history, reading| locks(lock::Kind::Reentrant, history, reading),
    },
    Checker {
        name: "mutex",
        promise: "a lock is taken by one client at a time, and anybody releases it: linearizable",
        has_models: false,
        // Nothing tells it from a lock that its holder releases.
        fits: |_| false,
        traffic: None,
        check: |history, reading| locks(lock::Kind::Mutex, history, reading),
    },
    Checker {
        name: "set-full",
        promise: "every acknowledged element is read in the end",
        has_models: false,
        fits: |sight| {
            let adds = ["add", "broadcast"];
            let is_set = sight.reads_lists || sight.has_one(&["broadcast"]);
            sight.has_only(&["add", "broadcast", "read"]) && sight.has_one(&adds) && is_set
        },
        traffic: Some(ties::set),
        check: |history, _| {
            let is_broadcast = history.events.iter().any(|event| event.f == "broadcast");
            let broadcast = set_full::Options::broadcast;
            let options = if is_broadcast { broadcast() } else { set_full::Options::g_set() };
            set_full::check(history, &options)
        },
    },
    Checker {
        name: "counter",
        promise: "what was added, and no more, is read in the end",
        has_models: false,
        fits: |sight| sight.has_only(&["add", "read"]) && sight.has_one(&["add"]),
        traffic: Some(ties::state),
        check: |history, _| counter::check(history, &counter::Options::default()),
    },
    Checker {
        name: "g-counter",
        promise: "what was added is read in the end, and no client reads less than before",
        has_models: false,
        // Nothing tells it from a counter that may shrink.
        fits: |_| false,
        traffic: Some(ties::state),
        check: |history, _| {
            let options = counter::Options { is_grow_only: true, ..counter::Options::default() };
            counter::check(history, &options)
        },
    },
    Checker {
        name: "bank",
        promise: "every read of all accounts finds the same total",
        has_models: false,
        fits: |sight| sight.has_only(&["transfer", "read"]) && sight.has_one(&["transfer"]),
        traffic: Some(ties::nothing),
        check: |history, _| bank::check(history, &bank::Options::default()),
    },
    Checker {
        name: "unique-ids",
        promise: "no id is given twice",
        has_models: false,
        fits: |sight| sight.has_only(&["generate"]),
        traffic: Some(ties::nothing),
        check: |history, _| unique_ids::check(history, &unique_ids::Options::default()),
    },
    Checker {
        name: "echo",
        promise: "a reply carries what was sent",
        has_models: false,
        fits: |sight| sight.has_only(&["echo"]),
        traffic: Some(ties::nothing),
        check: |history, _| echo::check(history, &echo::Options::default()),
    },
];

/// What the clients of a log do.
const LOG: &[&str] = &[
    "send",
    "poll",
    "txn",
    "assign",
    "subscribe",
    "crash",
    "commit_offsets",
    "list_committed_offsets",
    "debug-topic-partitions",
];

/// An object with a sequential specification.
fn object(name: &str, history: &History, reading: &Reading) -> Outcome {
    if !reading.has_real_time {
        return not_timed();
    }
    let is_keyed = reading.is_keyed.unwrap_or_else(|| name == "kv" || looks_keyed(history));
    let options = options(reading, is_keyed);
    linear::named(name).expect("a name of `SPECS`").check(history, &options)
}

/// A lock, one of its kind per key if values have keys.
fn locks(kind: lock::Kind, history: &History, reading: &Reading) -> Outcome {
    if !reading.has_real_time {
        return not_timed();
    }
    lock::check(history, kind, &options(reading, reading.is_keyed.unwrap_or(false)))
}

/// Which of two operations was first is what linearizability is about.
fn not_timed() -> Outcome {
    let text = "linearizability is about real time, and a history of this form has none: it knows \
                only the order within each session";
    let how = "record when operations begin and end; transactions are judged without, as \
               list-append or rw-register";
    let mut outcome = Outcome::new(Verdict::NotExercised, []);
    outcome.reason = Some(Reason::new(ReasonCode::NoRealTime, text, how));
    outcome
}

fn options(reading: &Reading, is_keyed: bool) -> linear::Options {
    let Reading { nil_read, failed_cas, steps_max, .. } = *reading;
    linear::Options { is_keyed, nil_read, failed_cas, steps_max, ..linear::Options::register() }
}

/// The checker of this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Checker> {
    CHECKERS.iter().find(|checker| checker.name == name)
}

/// The first checker that a history looks like one of.
#[must_use]
pub fn guess(history: &History) -> Option<&'static Checker> {
    let sight = Sight::of(history);
    CHECKERS.iter().find(|checker| !sight.functions.is_empty() && (checker.fits)(&sight))
}

/// Whether the values of a register's history are pairs of a key and the value proper: all of them
/// are, and a compare-and-set has a pair in its pair.
pub(crate) fn looks_keyed(history: &History) -> bool {
    let is_keyed = |f: &str, value: &Value| match value.as_pair() {
        Some((_, inner)) => f != "cas" || inner.as_pair().is_some(),
        None => false,
    };
    let mut clients = history.events.iter().filter(|event| event.process.is_client()).peekable();
    clients.peek().is_some() && clients.all(|event| is_keyed(&event.f, &event.value))
}
