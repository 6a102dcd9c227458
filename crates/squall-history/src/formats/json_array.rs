//! Events as one JSON array, with the keys of our own form: what tools write that keep Elle's
//! histories in JSON.
//!
//! ```json
//! [{"index":0,"type":"invoke","process":0,"value":[["append",253,1]]},
//!  {"index":1,"type":"ok","process":0,"value":[["append",253,1]]}]
//! ```

use crate::jsonl::{Read, event_of_map, push};
use crate::problem::{ParseError, Problem, ProblemCode};
use crate::value::Value;

/// Whether a text looks like this.
#[must_use]
pub fn looks_like(text: &[u8]) -> bool {
    let Some(rest) = text.trim_ascii_start().strip_prefix(b"[") else { return false };
    let Some(rest) = rest.trim_ascii_start().strip_prefix(b"{") else { return false };
    rest.trim_ascii_start().starts_with(b"\"")
}

/// Reads a whole text.
///
/// # Errors
/// The place where it is not JSON (E01), or an element that is not an event (E02).
pub fn read(text: &[u8]) -> Result<Read, Problem> {
    let value = Value::from_json(text).map_err(|error| not_json(text, &error))?;
    let Some(items) = value.as_list() else {
        let error = ParseError::at(text, 0, "expected an array of events");
        return Err(not_json(text, &error));
    };
    let mut read = Read::default();
    for (at, item) in items.iter().enumerate() {
        let event = event_of_map(item).map_err(|hint| {
            let hint = format!("element {at} of the array: {hint}");
            Problem::new(ProblemCode::E02, (1, 1), item.to_json().as_bytes(), &hint)
        })?;
        push(&mut read.history, event);
    }
    Ok(read)
}

pub(super) fn not_json(text: &[u8], error: &ParseError) -> Problem {
    let raw = &text[error.offset.min(text.len())..];
    Problem::new(ProblemCode::E01, (error.line, error.column), raw, &error.message)
}
