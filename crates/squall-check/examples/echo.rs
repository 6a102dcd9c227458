//! Echo: a client gets the reply to another request.
//!
//! `cargo run -p squall-check --example echo`

#![expect(clippy::print_stdout, reason = "an example shows what it found")]

use squall_check::echo;
use squall_history::jsonl;

fn main() {
    let history = jsonl::read(HISTORY.as_bytes()).expect("a history").history;
    let outcome = echo::check(&history, &echo::Options::default());
    println!("{}", outcome.verdict.as_str());
    for anomaly in &outcome.anomalies {
        println!("{}: {}", anomaly.class.name, anomaly.title);
    }
}

const HISTORY: &str = r#"{"type":"invoke","process":0,"f":"echo","value":"hello"}
{"type":"ok","process":0,"f":"echo","value":{"type":"echo_ok","echo":"hello"}}
{"type":"invoke","process":1,"f":"echo","value":"there"}
{"type":"ok","process":1,"f":"echo","value":{"type":"echo_ok","echo":"hello"}}"#;
