//! Errors as clients see them: a code, a text, and whether the request certainly had no effect.

use alloc::string::String;
use core::fmt;

/// The error codes of Maelstrom's protocol. Codes from 1000 on are free for users.
pub mod code {
    /// Indefinite: the request timed out.
    pub const TIMEOUT: u64 = 0;
    /// Definite: the node addressed does not exist.
    pub const NODE_NOT_FOUND: u64 = 1;
    /// Definite: the request is not supported.
    pub const NOT_SUPPORTED: u64 = 10;
    /// Definite: not now; try again.
    pub const TEMPORARILY_UNAVAILABLE: u64 = 11;
    /// Definite: the request does not have the shape of its type.
    pub const MALFORMED_REQUEST: u64 = 12;
    /// Indefinite: something went wrong, perhaps after the effect.
    pub const CRASH: u64 = 13;
    /// Definite: given up.
    pub const ABORT: u64 = 14;
    /// Definite: the key does not exist.
    pub const KEY_DOES_NOT_EXIST: u64 = 20;
    /// Definite: the key exists already.
    pub const KEY_ALREADY_EXISTS: u64 = 21;
    /// Definite: the expected value was not met.
    pub const PRECONDITION_FAILED: u64 = 22;
    /// Definite: the transaction lost against another one.
    pub const TXN_CONFLICT: u64 = 30;
}

/// An error answer, as received or as it will be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// One of [`code`], or the program's own from 1000 on.
    pub code: u64,
    /// For people.
    pub text: String,
}

impl Refusal {
    /// Whether the request certainly did not and will not take effect. Unknown codes are
    /// indefinite.
    #[must_use]
    pub const fn is_definite(&self) -> bool {
        matches!(self.code, 1 | 10 | 11 | 12 | 14 | 20 | 21 | 22 | 30)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error {}: {}", self.code, self.text)
    }
}
