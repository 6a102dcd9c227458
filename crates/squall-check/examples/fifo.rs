//! A queue: what was enqueued second is dequeued first.
//!
//! `cargo run -p squall-check --example fifo`

#![expect(clippy::print_stdout, reason = "an example shows what it found")]

use squall_check::linear;
use squall_history::jsonl;

fn main() {
    let history = jsonl::read(HISTORY.as_bytes()).expect("a history").history;
    let outcome = linear::named("fifo")
        .expect("a specification")
        .check(&history, &linear::Options::register());
    println!("{}", outcome.verdict.as_str());
    for anomaly in &outcome.anomalies {
        println!("{}: {}", anomaly.class.name, anomaly.title);
    }
}

const HISTORY: &str = r#"{"type":"invoke","process":0,"f":"enqueue","value":1}
{"type":"ok","process":0,"f":"enqueue","value":1}
{"type":"invoke","process":0,"f":"enqueue","value":2}
{"type":"ok","process":0,"f":"enqueue","value":2}
{"type":"invoke","process":1,"f":"dequeue"}
{"type":"ok","process":1,"f":"dequeue","value":2}"#;
