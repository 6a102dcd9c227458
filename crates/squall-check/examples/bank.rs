//! A bank: a read finds money that was not there before.
//!
//! `cargo run -p squall-check --example bank`

#![expect(clippy::print_stdout, reason = "an example shows what it found")]

use squall_check::bank;
use squall_history::jsonl;

fn main() {
    let history = jsonl::read(HISTORY.as_bytes()).expect("a history").history;
    let outcome = bank::check(&history, &bank::Options::default());
    println!("{}", outcome.verdict.as_str());
    for anomaly in &outcome.anomalies {
        println!("{}: {}", anomaly.class.name, anomaly.title);
    }
}

const HISTORY: &str = r#"{"type":"invoke","process":0,"f":"read"}
{"type":"ok","process":0,"f":"read","value":{"a":5,"b":5}}
{"type":"invoke","process":1,"f":"transfer","value":{"from":"a","to":"b","amount":2}}
{"type":"ok","process":1,"f":"transfer","value":{"from":"a","to":"b","amount":2}}
{"type":"invoke","process":0,"f":"read"}
{"type":"ok","process":0,"f":"read","value":{"a":5,"b":7}}"#;
