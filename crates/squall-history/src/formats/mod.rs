//! The forms in which histories are kept, ours and those of other tools.
//!
//! A form is one file and one line in [`FORMATS`]. It can tell whether a text looks like it, and
//! reads one. Whatever the form, the events and values are the same in the end, so that a checker
//! need not know where a history came from; what a form leaves open is in its [`Facts`].

pub mod awdit;
pub mod dbcop;
pub mod edn;
pub mod etcd_log;
pub mod json_array;
pub mod plume;
pub mod porcupine_kv;

mod sessions;

use crate::jsonl::{self, Read};
use crate::problem::Problem;
use crate::text;

/// A form of history files.
#[derive(Debug)]
pub struct Format {
    /// Its name on the command line.
    pub name: &'static str,
    /// What a file of it is, in words: `Porcupine's etcd log`.
    pub title: &'static str,
    /// Whether a text looks like it. The text is not empty.
    pub looks_like: fn(&[u8]) -> bool,
    /// Reads a whole text.
    pub read: fn(&[u8]) -> Result<Read, Problem>,
    /// What its texts leave open.
    pub facts: Facts,
}

/// Bad lines of one file that are left out.
const BAD_LINES_MAX: usize = 1_000;

impl Format {
    /// Reads a text as if the lines that cannot be read were not there. They are among the problems
    /// of what was read, and no history without them can be said to have held.
    ///
    /// # Errors
    /// There are more than a thousand of them, or it is not lines that are wrong.
    pub fn read_without_bad_lines(&self, text: &[u8]) -> Result<Read, Problem> {
        let mut text = text.to_vec();
        let mut bad = Vec::new();
        loop {
            match (self.read)(&text) {
                Ok(mut read) => {
                    read.lines_skipped += bad.len();
                    read.problems.extend(bad);
                    return Ok(read);
                }
                Err(problem) if bad.len() < BAD_LINES_MAX && blank(&mut text, problem.line) => {
                    bad.push(problem);
                }
                Err(problem) => return Err(problem),
            }
        }
    }
}

/// Empties a line, from 1; whether there was anything in it.
fn blank(text: &mut [u8], line: usize) -> bool {
    let Some(line) = text.split_mut(|&b| b == b'\n').nth(line.saturating_sub(1)) else {
        return false;
    };
    let is_blank = line.trim_ascii().is_empty();
    line.fill(b' ');
    !is_blank
}

/// What a form says about every history in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Whether a read of nil says that nothing was written yet. Otherwise its result is unknown.
    pub is_nil_initial: bool,
    /// Whether a failed compare-and-set was compared and found another value.
    pub is_failed_cas_observed: bool,
    /// Whether the order of the events is that of real time. Otherwise only the order within each
    /// process means something.
    pub has_real_time: bool,
}

impl Facts {
    /// Those of Jepsen's histories.
    const JEPSEN: Self =
        Self { is_nil_initial: false, is_failed_cas_observed: false, has_real_time: true };
    /// Those of forms that know sessions only.
    const SESSIONS: Self =
        Self { is_nil_initial: true, is_failed_cas_observed: false, has_real_time: false };
}

/// Every form there is; where a text looks like several, the first one is meant.
pub static FORMATS: &[Format] = &[
    Format {
        name: "jsonl",
        title: "squall's own history, JSON lines",
        looks_like: jsonl::looks_like,
        read: jsonl::read,
        facts: Facts::JEPSEN,
    },
    Format {
        name: "json",
        title: "a JSON array of events",
        looks_like: json_array::looks_like,
        read: json_array::read,
        facts: Facts::JEPSEN,
    },
    Format {
        name: "dbcop",
        title: "dbcop's JSON",
        looks_like: dbcop::looks_like,
        read: dbcop::read,
        facts: Facts::SESSIONS,
    },
    Format {
        name: "porcupine-kv",
        title: "Porcupine's log of a key-value store",
        looks_like: porcupine_kv::looks_like,
        read: porcupine_kv::read,
        facts: Facts { is_nil_initial: true, ..Facts::JEPSEN },
    },
    Format {
        name: "edn",
        title: "a history in EDN, as of Jepsen, Knossos or Elle",
        looks_like: edn::looks_like,
        read: edn::read,
        facts: Facts::JEPSEN,
    },
    Format {
        name: "etcd-log",
        title: "Porcupine's log of an etcd register",
        looks_like: etcd_log::looks_like,
        read: etcd_log::read,
        facts: Facts { is_nil_initial: true, is_failed_cas_observed: true, ..Facts::JEPSEN },
    },
    Format {
        name: "plume",
        title: "Plume's text of transactions",
        looks_like: plume::looks_like,
        read: plume::read,
        facts: Facts::SESSIONS,
    },
    Format {
        name: "awdit",
        title: "AWDIT's test form of transactions",
        looks_like: awdit::looks_like,
        read: awdit::read,
        facts: Facts::SESSIONS,
    },
    Format {
        name: "history-txt",
        title: "history.txt, which is for people",
        looks_like: text::looks_like,
        read: text::read,
        facts: Facts::JEPSEN,
    },
];

/// The form that a text has, if it looks like one.
#[must_use]
pub fn detect(text: &[u8]) -> Option<&'static Format> {
    let is_empty = text.trim_ascii().is_empty();
    FORMATS.iter().find(|format| !is_empty && (format.looks_like)(text))
}

/// The form of this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Format> {
    FORMATS.iter().find(|format| format.name == name)
}
