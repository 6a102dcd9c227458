//! The JSON of dbcop: sessions of transactions.
//!
//! ```json
//! {"params":{}, "data":[[{"events":[{"Write":{"variable":0,"version":1}},
//!                                   {"Read":{"variable":1,"version":null}}],"committed":true}]]}
//! ```
//!
//! The array of sessions may stand alone. A version of null is what every variable has at first. A
//! transaction that was not committed has failed. There is no real time.

use super::json_array::not_json;
use super::sessions::Sessions;
use crate::jsonl::Read;
use crate::problem::{Problem, ProblemCode};
use crate::value::Value;

/// Whether a text looks like this.
#[must_use]
pub fn looks_like(text: &[u8]) -> bool {
    let text = text.trim_ascii_start();
    if let Some(rest) = text.strip_prefix(b"[") {
        return rest.trim_ascii_start().starts_with(b"[");
    }
    let head = &text[..text.len().min(1 << 12)];
    text.starts_with(b"{")
        && !head.windows(6).any(|word| word == b"\"type\"")
        && [&b"\"params\""[..], b"\"data\""]
            .iter()
            .any(|key| head.windows(key.len()).any(|word| word == *key))
}

/// Reads a whole text.
///
/// # Errors
/// The place where it is not JSON (E01), or a session, transaction or event that is none (E02).
pub fn read(text: &[u8]) -> Result<Read, Problem> {
    let value = Value::from_json(text).map_err(|error| not_json(text, &error))?;
    let data = value.get("data").unwrap_or(&value);
    let mut sessions = Sessions::default();
    let mut number = 0;
    for (session, transactions) in list(data, "an array of sessions")?.iter().enumerate() {
        for source in list(transactions, "a session, which is an array of transactions")? {
            let session = i64::try_from(session).unwrap_or(i64::MAX);
            let transaction = sessions.transaction(session, number);
            number += 1;
            transaction.is_aborted = source.get("committed") == Some(&Value::Bool(false));
            let events = source.get("events").unwrap_or(source);
            for event in list(events, "a transaction with \"events\"")? {
                let of = |kind: &str| event.get(kind);
                let (is_read, inner) = match (of("Read"), of("Write")) {
                    (Some(inner), None) => (true, inner),
                    (None, Some(inner)) => (false, inner),
                    _ => return Err(wrong(event, "expected {\"Read\":…} or {\"Write\":…}")),
                };
                let (Some(key), version) = (inner.get("variable"), inner.get("version")) else {
                    return Err(wrong(event, "expected a \"variable\""));
                };
                let version = version.cloned().unwrap_or_default();
                if is_read {
                    transaction.read(key.clone(), version);
                } else {
                    transaction.write(key.clone(), version);
                }
            }
        }
    }
    Ok(sessions.into_read())
}

fn list<'v>(value: &'v Value, what: &str) -> Result<&'v [Value], Problem> {
    value.as_list().ok_or_else(|| wrong(value, &format!("expected {what}")))
}

fn wrong(value: &Value, hint: &str) -> Problem {
    Problem::new(ProblemCode::E02, (1, 1), value.to_json().as_bytes(), hint)
}
