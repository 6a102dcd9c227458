//! Error answers: codes, their names, and which of them are certain.

use squall_node::Refusal;

use crate::body::Body;
use crate::workloads::shown;

/// An error answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Error {
    /// Its code and text.
    pub refusal: Refusal,
    /// Its name in histories.
    pub name: &'static str,
    /// What is wrong with the code, if it is missing, no integer, or none of the protocol's.
    pub wrong: Option<String>,
}

const NAMES: &[(u64, &str)] = &[
    (0, "timeout"),
    (1, "node-not-found"),
    (10, "not-supported"),
    (11, "temporarily-unavailable"),
    (12, "malformed-request"),
    (13, "crash"),
    (14, "abort"),
    (20, "key-does-not-exist"),
    (21, "key-already-exists"),
    (22, "precondition-failed"),
    (30, "txn-conflict"),
];

/// Reads an error answer. Total: what is missing becomes `unknown`.
#[must_use]
pub(crate) fn read(body: &Body<'_>) -> Error {
    let raw = body.field("code").map(|code| code.get());
    let code = raw.and_then(|code| code.parse::<u64>().ok());
    let text = body.text("text").unwrap_or_default();
    let known = NAMES.iter().find(|(known, _)| Some(*known) == code);
    // Codes from 1000 on are the program's own.
    let is_own = code.is_some_and(|code| code >= 1_000);
    let wrong = match raw {
        _ if known.is_some() || is_own => None,
        Some(raw) => Some(format!("error code {} is not one of the protocol's", shown(raw))),
        None => Some("the error has no \"code\"".to_owned()),
    };
    Error {
        refusal: Refusal { code: code.unwrap_or(squall_node::code::CRASH), text },
        name: known.map_or("unknown", |(_, name)| name),
        wrong,
    }
}
