//! The registry of anomaly classes, and what is said about one that was found.

use std::collections::BTreeMap;

use squall_history::{Kind, Operation, Value};

use crate::minimal::Core;

/// Anomalies of one class that an outcome carries; the count stays exact.
const SHOWN_MAX: usize = 8;
/// Operations that one anomaly carries, and edges.
pub(crate) const OPS_MAX: usize = 64;

/// A kind of anomaly. Only those of [`ANOMALIES`] exist.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Class {
    /// The name in every output.
    pub name: &'static str,
    /// What it means, in one sentence.
    pub meaning: &'static str,
    /// 5: data lost or wrong; 1: cosmetic.
    pub severity: u8,
    /// A place to look; never a diagnosis.
    pub suggestion: &'static str,
}

macro_rules! classes {
    ($(
        $ident:ident: $name:literal, $severity:literal, $meaning:literal, $suggestion:literal;
    )*) => {
        $(
            #[doc = $meaning]
            pub(crate) static $ident: Class = Class {
                name: $name,
                meaning: $meaning,
                severity: $severity,
                suggestion: $suggestion,
            };
        )*
        /// Every class that a checker of this crate can name.
        pub static ANOMALIES: &[&Class] = &[$(&$ident),*];
    };
}

classes! {
    NO_ANSWER: "no-answer", 4,
        "A function was called while nothing was broken, and no call was ever answered.",
        "look whether the node has a handler for this message and sends its reply";
    REQUEST_MISMATCH: "request-mismatch", 4,
        "A reply does not belong to its request.",
        "look at how a reply finds its request";
    NOT_ANSWERED: "not-answered", 3,
        "A request got an error, or what cannot be read, or nothing while no fault was in force.",
        "look at what the node does between reading the request and writing the reply";
    UNAVAILABLE: "unavailable", 3,
        "Fewer operations succeeded than promised.",
        "look at the errors of the operations that did not succeed";
    DUPLICATE_ID: "duplicate-id", 5,
        "An id was given out more than once.",
        "look at what makes the ids of two nodes, or of two moments, differ";
    NON_MONOTONIC_ID: "non-monotonic-id", 4,
        "An id is not greater than one that had been given before it was asked for.",
        "look at whether a node can give ids of a range that others have already left behind";
    ID_GAP: "id-gap", 3,
        "Ids without gaps were promised, and more are missing than were asked for in vain.",
        "look at what becomes of an id that is taken and not given";
    LOST: "lost", 5,
        "An element that was acknowledged or seen is missing from every later read.",
        "look at what a node does with an element before it acknowledges it";
    NOT_CONVERGED: "not-converged", 4,
        "At the end a node lacks an element that others know.",
        "look at whether a message that was not delivered is sent again";
    DUPLICATED: "duplicated", 3,
        "A read contains an element more than once.",
        "look at whether an element that comes twice is stored twice";
    PHANTOM: "phantom", 5,
        "A read contains an element that nobody ever added.",
        "look at where the elements of a reply come from";
    COUNTER_OUT_OF_BOUNDS: "counter-out-of-bounds", 5,
        "A read of a counter is no sum of what was added.",
        "look at whether an add can count twice, or be lost when a node fails";
    NON_MONOTONIC_READ: "non-monotonic-read", 4,
        "A client read less of a growing counter than it had read before or added itself.",
        "look at whether a client can be answered from a state older than the one it knows";
    UNEXPECTED_KEY: "unexpected-key", 4,
        "A read has an account that does not exist.",
        "look at where the accounts of a reply come from";
    NIL_BALANCE: "nil-balance", 4,
        "An account was read without a balance.",
        "look at whether a read can come before the accounts are set up";
    WRONG_TOTAL: "wrong-total", 5,
        "A read found another total than there is.",
        "look at whether both sides of a transfer become visible at one moment";
    NEGATIVE_VALUE: "negative-value", 4,
        "A balance is below zero.",
        "look at whether the balance is tested in the transaction that takes from it";
    ABORTED_READ: "aborted-read", 5,
        "A read returned what only a failed operation wrote.",
        "look at what is undone when an operation is refused";
    FUTURE_READ: "future-read", 5,
        "A read returned a value before anybody began to write it.",
        "look at where the value of the reply comes from";
    THIN_AIR_READ: "thin-air-read", 5,
        "A read returned a value that nobody wrote.",
        "look at where the value of the reply comes from";
    NOT_LINEARIZABLE: "not-linearizable", 4,
        "No order of the operations explains what they returned.",
        "look at whether a read can be answered from a state that others have already replaced";
    G1A: "G1a", 5,
        "A committed transaction read what an aborted one wrote.",
        "look at what is undone when a transaction is refused, and at who can see it before that";
    G1B: "G1b", 4,
        "A transaction read what another wrote and then wrote over: a state in the middle of it.",
        "look at whether the writes of a transaction become visible all at once";
    INTERNAL: "internal", 5,
        "A transaction's read contradicts its own earlier reads or writes.",
        "look at whether a transaction reads through its own writes";
    DUPLICATE_ELEMENTS: "duplicate-elements", 5,
        "A read contains an element more than once.",
        "look at whether a write that is sent again is applied again";
    INCOMPATIBLE_ORDER: "incompatible-order", 5,
        "Reads show the writes of a key in orders that contradict each other or the writer.",
        "look at whether all replicas apply the writes of a key in one order";
    CYCLIC_VERSIONS: "cyclic-versions", 5,
        "What transactions read and wrote puts versions of a key before each other in a circle.",
        "look at whether all replicas apply the writes of a key in one order";
    DIRTY_UPDATE: "dirty-update", 5,
        "A committed transaction built on what an aborted one wrote.",
        "look at what is undone when a transaction is refused";
    LOST_UPDATE: "lost-update", 5,
        "Transactions read the same version of a key and each wrote the next.",
        "look at whether what a transaction read is compared again when it commits";
    G0: "G0", 5,
        "Writes of some transactions are ordered in a circle.",
        "look at whether the writes of a transaction are applied in one order on all keys";
    G1C: "G1c", 5,
        "Transactions saw each other's writes in a circle.",
        "look at whether a transaction's writes can be seen before it commits";
    G_SINGLE_ITEM: "G-single-item", 4,
        "A transaction missed one write, and saw or followed what comes after that write.",
        "look at whether all reads of a transaction come from one snapshot";
    G_NONADJACENT_ITEM: "G-nonadjacent-item", 4,
        "Transactions missed writes in a circle, and between the misses saw what others wrote.",
        "look at whether all transactions see commits in one order";
    G2_ITEM: "G2-item", 3,
        "Transactions missed each other's writes: in no order of them could all have done so.",
        "look at whether what a transaction read is compared again when it commits";
    G0_PROCESS: "G0-process", 4,
        "Writes are ordered in a circle together with the order of a process.",
        "look at whether a client's next transaction can be applied before its last one";
    G1C_PROCESS: "G1c-process", 4,
        "Transactions saw writes in a circle together with the order of a process.",
        "look at whether a client can see what comes after its own next transaction";
    G_SINGLE_ITEM_PROCESS: "G-single-item-process", 4,
        "A transaction missed a write that its process had seen or made before.",
        "look at whether a client can be answered from a state older than the one it knows";
    G_NONADJACENT_ITEM_PROCESS: "G-nonadjacent-item-process", 4,
        "Transactions missed writes in a circle together with the order of a process.",
        "look at whether a client can be answered from a state older than the one it knows";
    G2_ITEM_PROCESS: "G2-item-process", 3,
        "Transactions missed each other's writes, together with the order of a process.",
        "look at whether a client can be answered from a state older than the one it knows";
    G0_REALTIME: "G0-realtime", 4,
        "Writes are ordered against the order of real time.",
        "look at whether a transaction can be put before one that had already ended";
    G1C_REALTIME: "G1c-realtime", 4,
        "Transactions saw writes in a circle together with the order of real time.",
        "look at whether a transaction can be put before one that had already ended";
    G_SINGLE_ITEM_REALTIME: "G-single-item-realtime", 4,
        "A transaction missed a write that had been acknowledged before it began.",
        "look at whether a read can be answered from a state that others have already replaced";
    G_NONADJACENT_ITEM_REALTIME: "G-nonadjacent-item-realtime", 4,
        "Transactions missed writes in a circle together with the order of real time.",
        "look at whether a read can be answered from a state that others have already replaced";
    G2_ITEM_REALTIME: "G2-item-realtime", 3,
        "Transactions missed each other's writes, together with the order of real time.",
        "look at whether a read can be answered from a state that others have already replaced";
    DOUBLE_CAS: "double-cas", 5,
        "Two compare-and-sets took one value that was there once.",
        "look at whether another write can come between the comparison and the write";
    ORDER: "order", 4,
        "What came first did not stay first.",
        "look at what decides the order of two requests, and where it can be decided twice";
    EMPTY: "empty", 4,
        "Something was found empty that was empty at no moment.",
        "look at whether an answer can come from a replica that lags behind";
    DUPLICATE: "duplicate", 5,
        "What can be taken once was taken twice, or what was sent once stands in a log twice.",
        "look at whether a request that is sent again is done again";
    INCOMPARABLE_READS: "incomparable-reads", 4,
        "Of two reads of a set that only grows, each lacks an element of the other.",
        "look at whether two nodes can acknowledge what they have not told each other";
    MUTUAL_EXCLUSION: "mutual-exclusion", 5,
        "Two clients certainly held one lock at the same time.",
        "look at whether the lock can be given away while its holder may still be alive";
    FOREIGN_RELEASE: "foreign-release", 4,
        "A client released a lock that it certainly did not hold.",
        "look at whether a release is compared with the holder";
    TOKEN_NOT_INCREASING: "token-not-increasing", 5,
        "A token is not greater than one that had been given before it was asked for.",
        "look at where the next token comes from, and whether it survives a restart";
    TOKEN_REUSED: "token-reused", 5,
        "Two clients were given one token.",
        "look at whether two nodes can give out tokens at once";
    STALE_WRITE_ACCEPTED: "stale-write-accepted", 5,
        "A write was accepted although one with a greater token had been accepted before it.",
        "look at whether the store compares tokens, and remembers the greatest one";
    INCONSISTENT_OFFSETS: "inconsistent-offsets", 5,
        "One offset of a log holds different messages.",
        "look at what gives a message its offset, and whether two nodes can do so at once";
    LOST_WRITE: "lost-write", 5,
        "A message was never polled, although a later one of its log was.",
        "look at what a node does with a message before it acknowledges it";
    PRECOMMITTED_READ: "precommitted-read", 4,
        "An operation polled a message that it was about to send itself.",
        "look at whether a message can be seen before the operation that sends it has ended";
    POLL_SKIP: "poll-skip", 4,
        "A process polled a message, and next one that is not the next.",
        "look at what becomes of the messages between two polls";
    NONMONOTONIC_POLL: "nonmonotonic-poll", 4,
        "A process polled a message, and next one that does not come after it.",
        "look at whether a poll can be answered from an offset before the one asked for";
    INT_POLL_SKIP: "int-poll-skip", 4,
        "One poll returned messages between which others are missing.",
        "look at whether a poll returns all messages from an offset on";
    INT_NONMONOTONIC_POLL: "int-nonmonotonic-poll", 4,
        "One poll returned messages that are not in the order of their log.",
        "look at what orders the messages of an answer";
    NONMONOTONIC_SEND: "nonmonotonic-send", 4,
        "A process sent two messages, and the second stands before the first.",
        "look at whether a message can get an offset that is lower than one already given";
    INT_NONMONOTONIC_SEND: "int-nonmonotonic-send", 4,
        "One operation sent two messages, and the second stands before the first.",
        "look at whether the messages of an operation are appended in its order";
    INT_SEND_SKIP: "int-send-skip", 1,
        "Between two messages that one operation sent stand those of others.",
        "nothing needs to be done: messages of several operations may be mixed";
    UNSEEN: "unseen", 5,
        "A message was acknowledged, and nobody had polled it by the end.",
        "look at whether every node learns of a message that one has acknowledged";
    COMMITTED_REGRESSION: "committed-regression", 4,
        "A committed offset was forgotten, or replaced by a lower one.",
        "look at what orders the commits of two clients, and where they are kept";
}

/// Why one operation must come before another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EdgeKind {
    /// The second wrote the version after the first's.
    Ww,
    /// The second read what the first wrote.
    Wr,
    /// The second wrote the version after the one that the first read.
    Rw,
    /// One process did both, in this order.
    Process,
    /// The first had ended when the second began.
    Realtime,
}

impl EdgeKind {
    /// The word in every output.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ww => "ww",
            Self::Wr => "wr",
            Self::Rw => "rw",
            Self::Process => "process",
            Self::Realtime => "realtime",
        }
    }
}

/// That one operation of an anomaly must come before another. The operations are called T1, T2, …
/// in the order of [`Anomaly::ops`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    /// Place of the first in [`Anomaly::ops`].
    pub from: usize,
    /// Place of the second.
    pub to: usize,
    /// Why.
    pub kind: EdgeKind,
    /// The key that it is about.
    pub key: Option<Value>,
    /// The value that it is about: written by the first, or for `rw` by the second.
    pub value: Option<Value>,
    /// Place of the micro-operation in the first.
    pub from_mop: Option<u32>,
    /// Place of the micro-operation in the second.
    pub to_mop: Option<u32>,
    /// Why, in one sentence.
    pub why: String,
}

impl Edge {
    fn to_value(&self) -> Value {
        let name = |place: usize| Value::str(format!("T{}", place + 1));
        let mop = |mop: Option<u32>| mop.map(|mop| Value::uint(mop.into()));
        let known = [
            ("from", Some(name(self.from))),
            ("to", Some(name(self.to))),
            ("kind", Some(Value::str(self.kind.as_str()))),
            ("key", self.key.clone()),
            ("value", self.value.clone()),
            ("from_mop", mop(self.from_mop)),
            ("to_mop", mop(self.to_mop)),
            ("why", Some(Value::str(self.why.as_str()))),
        ];
        let known = known.into_iter().filter_map(|(name, value)| Some((name, value?)));
        Value::record(known)
    }
}

/// An operation that takes part in an anomaly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpRef {
    /// Index of its completion, or of its invocation if it has none.
    pub index: u64,
    /// Index of its invocation.
    pub invoke: u64,
    /// Who: the process as in the history.
    pub process: Value,
    /// The function.
    pub f: String,
    /// How it ended; `Info` if nobody knows.
    pub outcome: Kind,
    /// The operation in one phrase of at most 120 characters.
    pub text: String,
}

impl OpRef {
    /// What is shown of an operation.
    #[must_use]
    pub fn of(operation: &Operation<'_>) -> Self {
        let last = operation.last_event();
        Self {
            index: last.index,
            invoke: operation.invocation.index,
            process: operation.invocation.process.to_value(),
            f: operation.f().to_owned(),
            outcome: operation.outcome(),
            text: last.text(),
        }
    }

    fn to_value(&self) -> Value {
        Value::record([
            ("index", Value::uint(self.index)),
            ("invoke", Value::uint(self.invoke)),
            ("process", self.process.clone()),
            ("f", Value::str(self.f.as_str())),
            ("outcome", Value::str(self.outcome.as_str())),
            ("text", Value::str(self.text.as_str())),
        ])
    }
}

/// One thing that must not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anomaly {
    /// Which kind.
    pub class: &'static Class,
    /// What happened, in one sentence.
    pub title: String,
    /// How many of this class the history has; not all of them are carried along.
    pub count: u64,
    /// The operations that prove it.
    pub ops: Vec<OpRef>,
    /// Why some of them must come before others; a circle, if there are any.
    pub edges: Vec<Edge>,
    /// The smallest part of the history that is broken in the same way, if it was looked for.
    pub core: Option<Core>,
    /// More, by name; depends on the class.
    pub details: Value,
}

impl Anomaly {
    pub(crate) fn new(class: &'static Class, title: String, ops: Vec<OpRef>) -> Self {
        Self {
            class,
            title,
            count: 1,
            ops,
            edges: Vec::new(),
            core: None,
            details: Value::record([]),
        }
    }

    pub(crate) fn with_edges(mut self, edges: Vec<Edge>) -> Self {
        self.edges = edges;
        self
    }

    pub(crate) fn with_details(mut self, details: Value) -> Self {
        self.details = details;
        self
    }

    /// The anomaly as a map.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let edges: Value = self.edges.iter().map(Edge::to_value).collect();
        let edges = (!self.edges.is_empty()).then_some(("edges", edges));
        let before = [
            ("class", Value::str(self.class.name)),
            ("severity", Value::Int(self.class.severity.into())),
            ("count", Value::uint(self.count)),
            ("title", Value::str(self.title.as_str())),
            ("ops", self.ops.iter().map(OpRef::to_value).collect()),
        ];
        let core = self.core.as_ref().map(|core| ("core", core.to_value()));
        let after =
            [("details", self.details.clone()), ("suggestion", Value::str(self.class.suggestion))];
        Value::record(before.into_iter().chain(edges).chain(core).chain(after))
    }
}

/// Collects anomalies: keeps the first eight of each class, counts all.
#[derive(Default)]
pub(crate) struct Anomalies {
    by_class: BTreeMap<(u8, &'static str), (u64, Vec<Anomaly>)>,
}

impl Anomalies {
    /// Adds one; it is built only if it will be shown.
    pub(crate) fn add(&mut self, class: &'static Class, build: impl FnOnce() -> Anomaly) {
        let (count, shown) =
            self.by_class.entry((u8::MAX - class.severity, class.name)).or_default();
        *count += 1;
        if shown.len() < SHOWN_MAX {
            let mut anomaly = build();
            debug_assert_eq!(anomaly.class, class);
            anomaly.ops.truncate(OPS_MAX);
            shown.push(anomaly);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.by_class.is_empty()
    }

    /// The gravest first, then by class and in the order they were added.
    pub(crate) fn into_vec(self) -> Vec<Anomaly> {
        let mut all = Vec::new();
        for (count, shown) in self.by_class.into_values() {
            all.extend(shown.into_iter().map(|anomaly| Anomaly { count, ..anomaly }));
        }
        all
    }
}
