//! History in, verdict out.
//!
//! A checker reads a [`History`] and answers with an [`Outcome`]: a [`Verdict`], the result map
//! that the workbench keeps, the [`Anomaly`]s it found, and, when it could not decide, the
//! [`Reason`] and how to decide. A checker has no I/O, clock, thread or randomness: equal histories
//! give equal bytes. It is **sound**: it never says *broken* of a history that has an explanation.
//! Where it is also complete, its module says so.
//!
//! | module | promise |
//! |---|---|
//! | [`answers`] | every function was answered, and did something |
//! | [`echo`] | a reply carries what was sent |
//! | [`unique_ids`] | no id is given twice |
//! | [`set_full`] | what was added is read by everybody from some moment on |
//! | [`counter`] | what was added, and no more, is read in the end |
//! | [`bank`] | every read of all accounts finds the same total |
//! | [`lock`] | a lock has one holder at a time, and its tokens grow |
//! | [`linear`] | each key is a linearizable register, or any object with a specification |
//! | [`isolation`] | transactions see each other as their consistency model allows |
//! | [`kafka`] | what is sent to a log is polled, once and in its order |
//! | [`statistics`] | counts, availability, exceptions |
//!
//! [`checkers`] has those by name that need nothing but a history.
//!
//! ```
//! use squall_check::{Verdict, linear};
//! use squall_history::{Called, History, Value};
//!
//! let calls = vec![
//!     Called { process: 0, f: "write", asked: 1.into(), answered: Some(1.into()),
//!              from_ns: 0, to_ns: 4 },
//!     Called { process: 0, f: "write", asked: 2.into(), answered: Some(2.into()),
//!              from_ns: 5, to_ns: 9 },
//!     Called { process: 1, f: "read", asked: Value::Nil, answered: Some(1.into()),
//!              from_ns: 10, to_ns: 12 },
//! ];
//! let outcome = linear::check(&History::of_calls(calls), &linear::Options::register());
//! assert_eq!(outcome.verdict, Verdict::Broken);
//! assert_eq!(outcome.anomalies[0].class.name, "not-linearizable");
//! ```
//!
//! What this does not do yet: leases, and judging a history while it grows.

mod verdict;

mod anomaly;

mod faults;

mod requests;

pub mod answers;

pub mod echo;

pub mod unique_ids;

pub mod counter;

pub mod bank;

pub mod set_full;

pub mod lock;

pub mod linear;

pub mod consistency;

pub mod isolation;

pub mod kafka;

pub mod statistics;

pub mod checkers;

mod minimal;

mod intern;

pub use anomaly::{ANOMALIES, Anomaly, Class, Edge, EdgeKind, OpRef};
pub use faults::{FaultSpan, in_force};
pub use minimal::Core;
#[doc(no_inline)]
pub use squall_history::History;
pub use verdict::{Outcome, Reason, ReasonCode, Verdict};
