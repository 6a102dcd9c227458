//! What clients saw, and the forms in which that is kept.
//!
//! A **history** is a list of **events** in one total order: a client invokes an operation, and
//! later, perhaps, it completes with `ok`, `fail` (it certainly did not happen) or `info` (nobody
//! knows). Checkers read histories and nothing else. This crate holds
//!
//! - [`Value`]: any datum of any format, with one structural equality and one total order;
//! - [`Event`], [`History`] and the pairing of events to [`Operation`]s;
//! - the forms: [`jsonl`] (our own), [`formats`] (those of Jepsen's world), [`text`] (for people).
//!
//! Every reader is total: any bytes give a history or a [`Problem`] with its place and a hint.
//!
//! ```
//! use squall_history::{jsonl, Kind};
//!
//! let file = br#"{"type":"invoke","process":0,"f":"write","value":3}
//! {"type":"ok","process":0,"f":"write","value":3}"#;
//! let history = jsonl::read(file).expect("a history").history;
//! let operations = history.operations();
//! assert_eq!(operations.list[0].outcome(), Kind::Ok);
//! ```

mod value;

mod number;

mod event;

mod operation;

mod called;

mod problem;

mod json;

mod edn;

pub mod jsonl;

pub mod formats;

pub mod text;

pub mod trace;

pub use called::Called;
pub use edn::{EDN_DEPTH_MAX, EdnReader};
pub use event::{Event, Header, History, Kind, Name, Process, name, named_error};
pub use json::JSON_DEPTH_MAX;
pub use number::{Number, Parsed};
pub use operation::{Operation, Operations, PROBLEMS_MAX};
pub use problem::{ParseError, Problem, ProblemCode};
pub use value::Value;
