//! The cases that have a target.

use std::time::Instant;

use squall_check::linear::{self, NilRead};
use squall_check::{Outcome, isolation, kafka, set_full};
use squall_history::History;

use crate::histories::{Registers, log, registers, set, transactions};

struct Case {
    name: &'static str,
    history: fn() -> History,
    check: fn(&History) -> Outcome,
}

const MILLION: usize = 1_000_000;
const UNIQUE: Registers = Registers { clients: 30, is_unique: true, ..Registers::ONE };

fn register(history: &History) -> Outcome {
    let usual = linear::Options::register();
    linear::check(history, &linear::Options { nil_read: NilRead::Initial, ..usual })
}

fn list_append(history: &History) -> Outcome {
    isolation::list_append(history, &isolation::Options::strict_serializable())
}

const CASES: &[Case] = &[
    Case {
        name: "registers-1000-keys",
        history: || registers(MILLION, Registers { clients: 30, keys: 1_000, ..Registers::ONE }),
        check: |history| {
            let usual = linear::Options::lin_kv();
            linear::check(history, &linear::Options { nil_read: NilRead::Initial, ..usual })
        },
    },
    Case {
        name: "register-unique-values",
        history: || registers(MILLION, UNIQUE),
        check: register,
    },
    Case {
        name: "register-unique-values-broken",
        history: || registers(MILLION, Registers { is_wrong: true, ..UNIQUE }),
        check: register,
    },
    Case {
        name: "register-cas-10-clients",
        history: || registers(MILLION / 10, Registers::ONE),
        check: register,
    },
    Case {
        name: "register-cas-30-clients",
        history: || registers(MILLION / 10, Registers { clients: 30, ..Registers::ONE }),
        check: register,
    },
    Case {
        name: "register-cas-10-clients-broken",
        history: || registers(MILLION / 10, Registers { is_wrong: true, ..Registers::ONE }),
        check: register,
    },
    Case {
        name: "list-append",
        history: || transactions(MILLION, 10, None, false),
        check: list_append,
    },
    Case {
        name: "rw-register-linearizable-keys",
        history: || transactions(MILLION / 10, 10, None, true),
        check: |history| {
            let usual = isolation::Registers::usual();
            let known = isolation::Registers { linearizable_keys: true, ..usual };
            isolation::rw_register(history, &isolation::Options::strict_serializable(), &known)
        },
    },
    Case {
        name: "set-full",
        history: || set(MILLION),
        check: |history| set_full::check(history, &set_full::Options::broadcast()),
    },
    Case {
        name: "kafka",
        history: || log(MILLION),
        check: |history| kafka::check(history, &kafka::Options::default()),
    },
];

/// Checks a case three times; the least time counts, the others were disturbed.
pub(crate) fn run(name: &str) {
    let Some(case) = CASES.iter().find(|case| case.name == name) else {
        CASES.iter().for_each(|case| println!("{}", case.name));
        return;
    };
    let history = (case.history)();
    let mut least = f64::INFINITY;
    let mut verdict = "";
    for _ in 0..3 {
        let begin = Instant::now();
        verdict = (case.check)(&history).verdict.as_str();
        least = least.min(begin.elapsed().as_secs_f64() * 1_000.0);
    }
    println!("{least:.2} {verdict}");
}

/// Writes the history of a case to a file, as JSON lines.
pub(crate) fn write(name: &str, path: &str) -> std::io::Result<()> {
    let case = CASES.iter().find(|case| case.name == name);
    let history = case.map(|case| (case.history)()).unwrap_or_default();
    std::fs::write(path, squall_history::jsonl::write(&history))
}
