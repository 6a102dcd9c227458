//! A lock that its holder may take twice: another takes it after only one release.
//!
//! `cargo run -p squall-check --example reentrant`

#![expect(clippy::print_stdout, reason = "an example shows what it found")]

use squall_check::{linear, lock};
use squall_history::jsonl;

fn main() {
    let history = jsonl::read(HISTORY.as_bytes()).expect("a history").history;
    let outcome = lock::check(&history, lock::Kind::Reentrant, &linear::Options::register());
    println!("{}", outcome.verdict.as_str());
    for anomaly in &outcome.anomalies {
        println!("{}: {}", anomaly.class.name, anomaly.title);
    }
}

const HISTORY: &str = r#"{"type":"invoke","process":0,"f":"acquire"}
{"type":"ok","process":0,"f":"acquire"}
{"type":"invoke","process":0,"f":"acquire"}
{"type":"ok","process":0,"f":"acquire"}
{"type":"invoke","process":0,"f":"release"}
{"type":"ok","process":0,"f":"release"}
{"type":"invoke","process":1,"f":"acquire"}
{"type":"ok","process":1,"f":"acquire"}"#;
