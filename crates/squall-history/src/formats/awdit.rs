//! The test form of AWDIT: sessions separated by lines of `=`, their transactions by lines of `-`.
//!
//! ```text
//! w 1 7
//! r 2 5
//! ---
//! r 1 7
//! ===
//! w 2 5
//! ```
//!
//! Keys and values are unsigned integers, and 0 is the value that every key has at first; it
//! becomes nil. There is no real time.

use super::sessions::Sessions;
use crate::jsonl::Read;
use crate::problem::{Problem, ProblemCode};
use crate::value::Value;

/// Whether a text looks like this.
#[must_use]
pub fn looks_like(text: &[u8]) -> bool {
    let mut lines = text.split(|&b| b == b'\n').map(<[u8]>::trim_ascii);
    let first = lines.find(|line| !line.is_empty());
    first.is_some_and(|line| is_run_of(line, b'=') || is_run_of(line, b'-') || op(line).is_ok())
}

/// Reads a whole text.
///
/// # Errors
/// The first line that is none of this form (E01).
pub fn read(text: &[u8]) -> Result<Read, Problem> {
    let mut sessions = Sessions::default();
    let (mut session, mut transaction) = (0, 0);
    for (number, line) in text.split(|&b| b == b'\n').enumerate() {
        let line = line.trim_ascii();
        if line.is_empty() {
            continue;
        }
        if is_run_of(line, b'=') {
            session += 1;
            continue;
        }
        if is_run_of(line, b'-') {
            transaction += 1;
            continue;
        }
        let (is_read, key, value) = op(line).map_err(|(column, hint)| {
            Problem::new(ProblemCode::E01, (number + 1, column), line, hint)
        })?;
        let value = if value == 0 { Value::Nil } else { Value::uint(value) };
        let transaction = sessions.transaction(session, transaction);
        if is_read {
            transaction.read(Value::uint(key), value);
        } else {
            transaction.write(Value::uint(key), value);
        }
    }
    Ok(sessions.into_read())
}

fn is_run_of(line: &[u8], byte: u8) -> bool {
    !line.is_empty() && line.iter().all(|&b| b == byte)
}

/// `r 1 7`; else the column and what is wrong there.
fn op(line: &[u8]) -> Result<(bool, u64, u64), (usize, &'static str)> {
    const HINT: &str = "expected r KEY VALUE, w KEY VALUE, or a line of - or =";
    let line = std::str::from_utf8(line).map_err(|error| (error.valid_up_to() + 1, HINT))?;
    let mut words = line.split_ascii_whitespace();
    let is_read = match words.next() {
        Some("r") => true,
        Some("w") => false,
        _ => return Err((1, HINT)),
    };
    let mut number = || {
        let word = words.next().ok_or((line.len(), HINT))?;
        word.parse().map_err(|_| (1 + line.find(word).unwrap_or(0), "expected an unsigned integer"))
    };
    let (key, value) = (number()?, number()?);
    if words.next().is_some() { Err((line.len(), HINT)) } else { Ok((is_read, key, value)) }
}
