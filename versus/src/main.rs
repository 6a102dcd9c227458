//! squall's checkers beside those of others, on the same histories: do they agree, and if not, who
//! is right?
//!
//! ```console
//! cargo run --release -- transactions [HISTORIES]   # adya, on histories of its own simulator
//! cargo run --release -- registers [HISTORIES]      # porcupine-rs and todc-utils
//! ```
//!
//! Each prints a line for every kind of disagreement with its count and one seed, then a line of
//! JSON. A disagreement has a name in `EXPLAINED`, with the reason, or the program ends with 1.
#![allow(clippy::print_stdout, reason = "a program that prints what it has measured")]

mod registers;
mod tally;
mod transactions;

use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let histories = match args.get(1).map(|text| text.parse()) {
        None => 10_000,
        Some(Ok(histories)) => histories,
        Some(Err(_)) => return usage(),
    };
    let tally = match args.first().map(String::as_str) {
        Some("transactions") => transactions::run(histories),
        Some("registers") => registers::run(histories),
        _ => return usage(),
    };
    tally.tell();
    if tally.is_explained() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn usage() -> ExitCode {
    println!("usage: versus transactions|registers [HISTORIES]");
    ExitCode::from(64)
}
