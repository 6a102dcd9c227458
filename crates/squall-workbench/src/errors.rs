//! Error answers: codes, their names, and which of them are certain.

use squall_node::Refusal;

use crate::body::Body;

/// An error answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Error {
    /// Its code and text.
    pub refusal: Refusal,
    /// Its name in histories.
    pub name: &'static str,
    /// Whether the code is missing, no integer, or none of the protocol's.
    pub is_unknown: bool,
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
    let code = body.field("code").and_then(|code| code.get().parse::<u64>().ok());
    let text = body.text("text").unwrap_or_default();
    let known = NAMES.iter().find(|(known, _)| Some(*known) == code);
    // Codes from 1000 on are the program's own.
    let is_own = code.is_some_and(|code| code >= 1_000);
    Error {
        refusal: Refusal { code: code.unwrap_or(squall_node::code::CRASH), text },
        name: known.map_or("unknown", |(_, name)| name),
        is_unknown: known.is_none() && !is_own,
    }
}
