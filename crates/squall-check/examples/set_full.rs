//! A set that everybody reads: an element that was acknowledged is gone.
//!
//! `cargo run -p squall-check --example set_full`

#![expect(clippy::print_stdout, reason = "an example shows what it found")]

use squall_check::set_full;
use squall_history::jsonl;

fn main() {
    let history = jsonl::read(HISTORY.as_bytes()).expect("a history").history;
    let outcome = set_full::check(&history, &set_full::Options::g_set());
    println!("{}", outcome.verdict.as_str());
    for anomaly in &outcome.anomalies {
        println!("{}: {}", anomaly.class.name, anomaly.title);
    }
}

const HISTORY: &str = r#"{"type":"invoke","process":0,"f":"add","value":1}
{"type":"ok","process":0,"f":"add","value":1}
{"type":"invoke","process":1,"f":"read"}
{"type":"ok","process":1,"f":"read","value":[1]}
{"type":"invoke","process":0,"f":"add","value":2}
{"type":"ok","process":0,"f":"add","value":2}
{"type":"invoke","process":1,"f":"read"}
{"type":"ok","process":1,"f":"read","value":[2]}"#;
