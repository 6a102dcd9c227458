//! A log: a message was acknowledged, and only the one behind it is ever polled.
//!
//! `cargo run -p squall-check --example kafka`

#![expect(clippy::print_stdout, reason = "an example shows what it found")]

use squall_check::kafka;
use squall_history::jsonl;

fn main() {
    let history = jsonl::read(HISTORY.as_bytes()).expect("a history").history;
    let outcome = kafka::check(&history, &kafka::Options::default());
    println!("{}", outcome.verdict.as_str());
    for anomaly in &outcome.anomalies {
        println!("{}: {}", anomaly.class.name, anomaly.title);
    }
}

const HISTORY: &str = r#"{"type":"invoke","process":0,"f":"send","value":[["send","x",7]]}
{"type":"ok","process":0,"f":"send","value":[["send","x",[0,7]]]}
{"type":"invoke","process":0,"f":"send","value":[["send","x",8]]}
{"type":"ok","process":0,"f":"send","value":[["send","x",[1,8]]]}
{"type":"invoke","process":1,"f":"poll","value":[["poll"]]}
{"type":"ok","process":1,"f":"poll","value":[["poll",{"x":[[1,8]]}]]}"#;
