//! Transactions on lists: one misses an append that had been acknowledged when it began.
//!
//! `cargo run -p squall-check --example list_append`

#![expect(clippy::print_stdout, reason = "an example shows what it found")]

use squall_check::isolation::{self, Options};
use squall_history::jsonl;

fn main() {
    let history = jsonl::read(HISTORY.as_bytes()).expect("a history").history;
    let outcome = isolation::list_append(&history, &Options::strict_serializable());
    println!("{}", outcome.verdict.as_str());
    for anomaly in &outcome.anomalies {
        println!("{}: {}", anomaly.class.name, anomaly.title);
    }
}

const HISTORY: &str = r#"{"type":"invoke","process":0,"f":"txn","value":[["append","x",1]]}
{"type":"ok","process":0,"f":"txn","value":[["append","x",1]]}
{"type":"invoke","process":1,"f":"txn","value":[["r","x",null],["append","x",2]]}
{"type":"ok","process":1,"f":"txn","value":[["r","x",[1]],["append","x",2]]}
{"type":"invoke","process":2,"f":"txn","value":[["r","x",null]]}
{"type":"ok","process":2,"f":"txn","value":[["r","x",[1]]]}
{"type":"invoke","process":3,"f":"txn","value":[["r","x",null]]}
{"type":"ok","process":3,"f":"txn","value":[["r","x",[1,2]]]}"#;
