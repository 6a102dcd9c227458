//! What the checkers cost at 10 k, 100 k and 1 M operations, in wall time.
//!
//! `cargo run --release -p squall-check --example cost [OPERATIONS…]` prints a row per checker and
//! size: name, operations, milliseconds, verdict. `… cost case NAME` checks one of the cases that
//! have a target, and prints milliseconds and verdict; its peak of memory is that of the process,
//! the history included. `… cost write NAME FILE` writes its history.

#![expect(clippy::print_stdout, reason = "printing a table is what it is for")]
#![allow(clippy::disallowed_methods, reason = "an example that measures needs a clock")]

mod cases;
mod histories;

use std::time::Instant;

use squall_check::{Outcome, isolation, kafka, linear, set_full, unique_ids};
use squall_history::formats::edn;
use squall_history::{History, jsonl};

use crate::histories::{Registers, ids, log, registers, set, transactions};

fn measure(name: &str, operations: usize, history: &History, check: impl Fn(&History) -> Outcome) {
    let begin = Instant::now();
    let outcome = check(history);
    let ms = begin.elapsed().as_secs_f64() * 1_000.0;
    println!("{name:24} {operations:>9} {ms:>9.2} ms  {}", outcome.verdict.as_str());
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match &words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["case", name] => return cases::run(name),
        ["write", name, path] => return cases::write(name, path).expect("a file to write to"),
        _ => {}
    }
    let mut sizes: Vec<usize> = std::env::args().skip(1).filter_map(|n| n.parse().ok()).collect();
    if sizes.is_empty() {
        sizes = vec![10_000, 100_000, 1_000_000];
    }
    let options =
        linear::Options { nil_read: linear::NilRead::Initial, ..linear::Options::register() };
    for &size in &sizes {
        for (name, clients, unknown) in
            [("register", 10, 0), ("register-1%-unknown", 10, 10), ("register-100-clients", 100, 0)]
        {
            let shape = Registers { clients, unknown, ..Registers::ONE };
            let history = registers(size, shape);
            measure(name, size, &history, |history| linear::check(history, &options));
        }
        let history = registers(size, Registers::ONE);
        for (name, text) in [("jsonl", jsonl::write(&history)), ("edn", edn::write(&history))] {
            let begin = Instant::now();
            let read = match name {
                "jsonl" => jsonl::read(text.as_bytes()),
                _ => edn::read(text.as_bytes()),
            };
            let (ms, mb) = (begin.elapsed().as_millis(), text.len() >> 20);
            let events = read.expect("what was written").history.events.len();
            println!("read {name:19} {size:>9} {ms:>7} ms  {mb} MiB, {events} events");
        }
        measure("set-full", size, &set(size), |history| {
            set_full::check(history, &set_full::Options::broadcast())
        });
        for (name, stale) in [
            ("list-append", None),
            ("list-append-stale", Some(1_000)),
            ("list-append-half-stale", Some(2)),
        ] {
            measure(name, size, &transactions(size, 10, stale, false), |history| {
                isolation::list_append(history, &isolation::Options::strict_serializable())
            });
        }
        let options = isolation::Options::strict_serializable();
        let usual = isolation::Registers::usual();
        let assuming = isolation::Registers { linearizable_keys: true, ..usual.clone() };
        for (name, stale, registers) in [
            ("rw-register", None, &usual),
            ("rw-register-linearizable", None, &assuming),
            ("rw-register-stale", Some(1_000), &usual),
        ] {
            measure(name, size, &transactions(size, 10, stale, true), |history| {
                isolation::rw_register(history, &options, registers)
            });
        }
        measure("kafka", size, &log(size), |history| {
            kafka::check(history, &kafka::Options::default())
        });
        measure("unique-ids", size, &ids(size), |history| {
            unique_ids::check(history, &unique_ids::Options::default())
        });
    }
}
