//! The registry of anomaly classes, and what is said about one that was found.

use std::collections::BTreeMap;

use squall_history::{Operation, Value};

/// Anomalies of one class that an outcome carries; the count stays exact.
const SHOWN_MAX: usize = 8;
/// Operations that one anomaly carries.
const OPS_MAX: usize = 64;

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
            text: last.text(),
        }
    }

    fn to_value(&self) -> Value {
        Value::record([
            ("index", Value::uint(self.index)),
            ("invoke", Value::uint(self.invoke)),
            ("process", self.process.clone()),
            ("f", Value::str(self.f.as_str())),
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
    /// More, by name; depends on the class.
    pub details: Value,
}

impl Anomaly {
    pub(crate) fn new(class: &'static Class, title: String, ops: Vec<OpRef>) -> Self {
        Self { class, title, count: 1, ops, details: Value::record([]) }
    }

    pub(crate) fn with_details(mut self, details: Value) -> Self {
        self.details = details;
        self
    }

    /// The anomaly as a map.
    #[must_use]
    pub fn to_value(&self) -> Value {
        Value::record([
            ("class", Value::str(self.class.name)),
            ("severity", Value::Int(self.class.severity.into())),
            ("count", Value::uint(self.count)),
            ("title", Value::str(self.title.as_str())),
            ("ops", self.ops.iter().map(OpRef::to_value).collect()),
            ("details", self.details.clone()),
            ("suggestion", Value::str(self.class.suggestion)),
        ])
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
