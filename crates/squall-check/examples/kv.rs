//! Texts by key: an append that was acknowledged is missing from a later get.
//!
//! `cargo run -p squall-check --example kv`

#![expect(clippy::print_stdout, reason = "an example shows what it found")]

use squall_check::linear;
use squall_history::jsonl;

fn main() {
    let history = jsonl::read(HISTORY.as_bytes()).expect("a history").history;
    let outcome = linear::named("kv")
        .expect("a specification")
        .check(&history, &linear::Options { is_keyed: true, ..linear::Options::register() });
    println!("{}", outcome.verdict.as_str());
    for anomaly in &outcome.anomalies {
        println!("{}: {}", anomaly.class.name, anomaly.title);
    }
}

const HISTORY: &str = r#"{"type":"invoke","process":0,"f":"put","value":["x","a"]}
{"type":"ok","process":0,"f":"put","value":["x","a"]}
{"type":"invoke","process":0,"f":"append","value":["x","b"]}
{"type":"ok","process":0,"f":"append","value":["x","b"]}
{"type":"invoke","process":1,"f":"get","value":["x",null]}
{"type":"ok","process":1,"f":"get","value":["x","a"]}"#;
