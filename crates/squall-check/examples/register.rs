//! A register that two clients use: the second reads a value that was replaced before.
//!
//! `cargo run -p squall-check --example register`

#![expect(clippy::print_stdout, reason = "an example shows what it found")]

use squall_check::linear;
use squall_history::jsonl;

fn main() {
    let history = jsonl::read(HISTORY.as_bytes()).expect("a history").history;
    let outcome = linear::check(&history, &linear::Options::register());
    println!("{}", outcome.verdict.as_str());
    for anomaly in &outcome.anomalies {
        println!("{}: {}", anomaly.class.name, anomaly.title);
    }
}

const HISTORY: &str = r#"{"type":"invoke","process":0,"f":"write","value":1}
{"type":"ok","process":0,"f":"write","value":1}
{"type":"invoke","process":0,"f":"write","value":2}
{"type":"ok","process":0,"f":"write","value":2}
{"type":"invoke","process":1,"f":"read"}
{"type":"ok","process":1,"f":"read","value":1}"#;
