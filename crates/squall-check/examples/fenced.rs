//! A lock with tokens: a store accepts a write of a client that has lost the lock.
//!
//! `cargo run -p squall-check --example fenced`

#![expect(clippy::print_stdout, reason = "an example shows what it found")]

use squall_check::{linear, lock};
use squall_history::jsonl;

fn main() {
    let history = jsonl::read(HISTORY.as_bytes()).expect("a history").history;
    let outcome = lock::check(&history, lock::Kind::Fenced, &linear::Options::register());
    println!("{}", outcome.verdict.as_str());
    for anomaly in &outcome.anomalies {
        println!("{}: {}", anomaly.class.name, anomaly.title);
    }
}

const HISTORY: &str = r#"{"type":"invoke","process":0,"f":"acquire"}
{"type":"ok","process":0,"f":"acquire","value":1}
{"type":"invoke","process":0,"f":"release"}
{"type":"ok","process":0,"f":"release"}
{"type":"invoke","process":1,"f":"acquire"}
{"type":"ok","process":1,"f":"acquire","value":2}
{"type":"invoke","process":1,"f":"write","value":[2,"new"]}
{"type":"ok","process":1,"f":"write","value":[2,"new"]}
{"type":"invoke","process":0,"f":"write","value":[1,"old"]}
{"type":"ok","process":0,"f":"write","value":[1,"old"]}"#;
