//! A counter: the last read is no sum of what was added.
//!
//! `cargo run -p squall-check --example counter`

#![expect(clippy::print_stdout, reason = "an example shows what it found")]

use squall_check::counter;
use squall_history::jsonl;

fn main() {
    let history = jsonl::read(HISTORY.as_bytes()).expect("a history").history;
    let outcome = counter::check(&history, &counter::Options::default());
    println!("{}", outcome.verdict.as_str());
    for anomaly in &outcome.anomalies {
        println!("{}: {}", anomaly.class.name, anomaly.title);
    }
}

const HISTORY: &str = r#"{"type":"invoke","process":0,"f":"add","value":3}
{"type":"ok","process":0,"f":"add","value":3}
{"type":"invoke","process":1,"f":"add","value":4}
{"type":"info","process":1,"f":"add","value":4}
{"type":"invoke","process":0,"f":"read","final":true}
{"type":"ok","process":0,"f":"read","value":4,"final":true}"#;
