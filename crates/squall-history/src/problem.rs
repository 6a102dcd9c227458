//! What can be wrong with a history file, with the place and a hint. Never a panic, never a guess.

use std::borrow::Cow;
use std::fmt;

/// Bytes of the offending text that a [`Problem`] keeps.
const RAW_BYTES_MAX: usize = 200;

/// Where a text stops to be JSON or EDN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// Bytes before the place.
    pub offset: usize,
    /// Line, from 1.
    pub line: usize,
    /// Column in bytes, from 1.
    pub column: usize,
    /// What was expected, or what is wrong.
    pub message: Cow<'static, str>,
}

impl ParseError {
    /// The error at `offset` bytes of `text`.
    pub(crate) fn at(text: &[u8], offset: usize, message: impl Into<Cow<'static, str>>) -> Self {
        let offset = offset.min(text.len());
        let before = &text[..offset];
        let line = 1 + before.iter().filter(|&&b| b == b'\n').count();
        let column = 1 + before.iter().rev().take_while(|&&b| b != b'\n').count();
        Self { offset, line, column, message: message.into() }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.message)
    }
}

impl std::error::Error for ParseError {}

/// Codes of the problems of a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProblemCode {
    /// Not JSON, or not EDN, at this place.
    E01,
    /// A missing or unknown `type`.
    E02,
    /// A completion without an open invocation: dropped.
    E03,
    /// A second invocation while one is open: the earlier one becomes `info`.
    E04,
    /// A value that does not have the shape the checker needs.
    E05,
    /// Index out of order: the order of the file is used.
    E06,
    /// A process that answered `info` invokes again.
    E07,
    /// The last line is cut off: ignored.
    E09,
}

impl ProblemCode {
    /// Whether a verdict of *held* must become *unknown* because of it.
    #[must_use]
    pub fn caps_verdict(self) -> bool {
        !matches!(self, Self::E06 | Self::E09)
    }
}

/// One problem: where, what, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Which rule.
    pub code: ProblemCode,
    /// Line of the file from 1; for a problem of an event in memory: its index + 1.
    pub line: usize,
    /// Column in bytes from 1, or 0 where there is none.
    pub column: usize,
    /// The text it is about, at most 200 bytes.
    pub raw: String,
    /// One sentence: what is wrong and what helps.
    pub hint: String,
}

impl Problem {
    pub(crate) fn new(code: ProblemCode, place: (usize, usize), raw: &[u8], hint: &str) -> Self {
        let raw = &raw[..raw.len().min(RAW_BYTES_MAX)];
        let raw = match std::str::from_utf8(raw) {
            Ok(raw) => raw.to_owned(),
            Err(e) if e.error_len().is_none() => {
                String::from_utf8_lossy(&raw[..e.valid_up_to()]).into_owned()
            }
            Err(_) => raw.escape_ascii().to_string().chars().take(RAW_BYTES_MAX).collect(),
        };
        Self { code, line: place.0, column: place.1, raw, hint: hint.to_owned() }
    }

    /// A problem with an event: `index` is its index, `text` how it reads.
    #[must_use]
    pub fn of_event(code: ProblemCode, index: u64, text: &str, hint: &str) -> Self {
        let line = usize::try_from(index).unwrap_or(usize::MAX).saturating_add(1);
        Self::new(code, (line, 0), text.as_bytes(), hint)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} at line {}", self.code, self.line)?;
        if self.column > 0 {
            write!(f, ", column {}", self.column)?;
        }
        write!(f, ": {}: {}", self.hint, self.raw)
    }
}

impl std::error::Error for Problem {}
