//! Ids: one was given twice.
//!
//! `cargo run -p squall-check --example unique_ids`

#![expect(clippy::print_stdout, reason = "an example shows what it found")]

use squall_check::unique_ids;
use squall_history::jsonl;

fn main() {
    let history = jsonl::read(HISTORY.as_bytes()).expect("a history").history;
    let outcome = unique_ids::check(&history, &unique_ids::Options::default());
    println!("{}", outcome.verdict.as_str());
    for anomaly in &outcome.anomalies {
        println!("{}: {}", anomaly.class.name, anomaly.title);
    }
}

const HISTORY: &str = r#"{"type":"invoke","process":0,"f":"generate"}
{"type":"ok","process":0,"f":"generate","value":"n0-1"}
{"type":"invoke","process":1,"f":"generate"}
{"type":"ok","process":1,"f":"generate","value":"n1-1"}
{"type":"invoke","process":0,"f":"generate"}
{"type":"ok","process":0,"f":"generate","value":"n1-1"}"#;
