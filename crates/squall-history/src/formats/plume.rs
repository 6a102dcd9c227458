//! The text of Plume, which PolySI and AWDIT read too: one read or write a line, of a key, a value,
//! a session and a transaction. All are unsigned integers.
//!
//! ```text
//! w(1,7,0,0)      key 1, value 7, session 0, transaction 0
//! r(1,7,1,3)
//! w(2,-1,1,3)     transaction 3 was aborted
//! ```
//!
//! 0 is the value that every key has at first; it becomes nil. There is no real time: transactions
//! of a session follow each other in the order in which they turn up.

use std::borrow::Cow;

use super::sessions::Sessions;
use crate::jsonl::Read;
use crate::problem::{Problem, ProblemCode};
use crate::value::Value;

/// What stands for an aborted transaction.
const ABORTED: i64 = -1;

/// Whether a text looks like this.
#[must_use]
pub fn looks_like(text: &[u8]) -> bool {
    let line = text.trim_ascii_start();
    let is_op = line.starts_with(b"r(") || line.starts_with(b"w(");
    is_op && line.get(2).is_some_and(|b| b.is_ascii_digit())
}

/// Reads a whole text.
///
/// # Errors
/// The first line that is no read or write of four integers (E01).
pub fn read(text: &[u8]) -> Result<Read, Problem> {
    let mut sessions = Sessions::default();
    for (number, line) in text.split(|&b| b == b'\n').enumerate() {
        let line = line.trim_ascii();
        if line.is_empty() {
            continue;
        }
        let wrong = |(column, hint): (usize, Cow<'_, str>)| {
            Problem::new(ProblemCode::E01, (number + 1, column), line, &hint)
        };
        let (is_read, [key, value, session, transaction]) = op(line).map_err(wrong)?;
        let transaction = sessions.transaction(session, transaction);
        let written = if value == 0 { Value::Nil } else { Value::Int(value) };
        if is_read {
            transaction.read(Value::Int(key), written);
        } else if value == ABORTED {
            transaction.is_aborted = true;
        } else {
            transaction.write(Value::Int(key), written);
        }
    }
    Ok(sessions.into_read())
}

/// `r(1,7,1,3)`; else the column and what is wrong there.
fn op(line: &[u8]) -> Result<(bool, [i64; 4]), (usize, Cow<'static, str>)> {
    let is_read = match line.first() {
        Some(b'r') => true,
        Some(b'w') => false,
        _ => return Err((1, "expected r(…) or w(…)".into())),
    };
    let inner = line[1..].strip_prefix(b"(").and_then(|rest| rest.strip_suffix(b")"));
    let inner = inner.ok_or((2, Cow::from("expected (key,value,session,transaction)")))?;
    let mut numbers = [0; 4];
    let mut parts = inner.split(|&b| b == b',');
    let mut column = 3;
    for number in &mut numbers {
        let part = parts.next().ok_or((line.len(), Cow::from("expected four integers")))?;
        let digits = std::str::from_utf8(part).ok().map(str::trim);
        *number = digits
            .and_then(|digits| digits.parse().ok())
            .ok_or((column, Cow::from("expected an integer")))?;
        column += part.len() + 1;
    }
    match parts.next() {
        None => Ok((is_read, numbers)),
        Some(_) => Err((column, "expected four integers, and here are more".into())),
    }
}
