//! Why a line is no message, told so that its author can mend the program.

use std::fmt;

/// A line that is no message. It is to be skipped and reported; the lines after it are good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineError {
    /// What is wrong.
    pub fault: LineFault,
    /// Where: the byte in the line, from 1.
    pub column: usize,
}

/// What can be wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LineFault {
    /// Nothing but white space.
    Empty,
    /// A byte that does not belong to UTF-8.
    NotUtf8,
    /// No JSON; the reason.
    NotJson(String),
    /// The line ends within an object, or begins within one: it is a part of JSON that was printed
    /// over several lines.
    Piece,
    /// The body has more than [`DEPTH_MAX`](crate::DEPTH_MAX) levels.
    TooDeep,
    /// JSON, but of this kind instead of an object.
    NotObject(&'static str),
    /// This key is missing.
    Missing(&'static str),
    /// The value of a key is of the wrong kind.
    WrongKind {
        /// The key.
        key: &'static str,
        /// What it must be.
        expected: &'static str,
        /// What it is.
        found: &'static str,
    },
    /// A key beside `src`, `dest`, `body` and `id`.
    UnknownKey(String),
}

/// The keys of an envelope.
const ENVELOPE_KEYS: [&str; 4] = ["src", "dest", "body", "id"];
/// What else people call them.
const ALIASES: [(&str, &str); 9] = [
    ("from", "src"),
    ("source", "src"),
    ("sender", "src"),
    ("to", "dest"),
    ("dst", "dest"),
    ("target", "dest"),
    ("destination", "dest"),
    ("message", "body"),
    ("payload", "body"),
];
/// Keys that belong one level deeper.
const BODY_KEYS: [&str; 5] = ["type", "msg_id", "in_reply_to", "code", "text"];

impl LineError {
    /// The code under which the error is explained at length: SQ01 for what is no JSON, SQ04 for
    /// what is JSON of the wrong shape.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self.fault {
            LineFault::Empty | LineFault::NotUtf8 | LineFault::NotJson(_) | LineFault::Piece => {
                "SQ01"
            }
            LineFault::TooDeep
            | LineFault::NotObject(_)
            | LineFault::Missing(_)
            | LineFault::WrongKind { .. }
            | LineFault::UnknownKey(_) => "SQ04",
        }
    }

    /// One line that says what to do.
    #[must_use]
    pub fn hint(&self) -> String {
        const WIRE: &str = "stdout is the wire: print everything else to stderr";
        const SHAPE: &str = r#"a message is {"src":"n0","dest":"c1","body":{…}}"#;
        match &self.fault {
            LineFault::Empty | LineFault::NotJson(_) => WIRE.to_owned(),
            LineFault::Piece => {
                "one message is one line: print JSON without newlines and indentation".to_owned()
            }
            LineFault::NotUtf8 => "a line is one JSON object in UTF-8".to_owned(),
            LineFault::TooDeep => {
                "send flatter JSON, or the deep part of it as a string".to_owned()
            }
            LineFault::NotObject(_) | LineFault::WrongKind { key: "id", .. } => SHAPE.to_owned(),
            LineFault::Missing("src") | LineFault::WrongKind { key: "src", .. } => {
                "src is this node's own id, the node_id of init".to_owned()
            }
            LineFault::Missing("dest") | LineFault::WrongKind { key: "dest", .. } => {
                "dest of a reply is the src of its request".to_owned()
            }
            LineFault::Missing(_) | LineFault::WrongKind { .. } => SHAPE.to_owned(),
            LineFault::UnknownKey(key) if BODY_KEYS.contains(&key.as_str()) => {
                format!("`{key}` belongs inside `body`")
            }
            LineFault::UnknownKey(key) => match nearest(key) {
                Some(known) => format!("did you mean `{known}`?"),
                None => "an envelope has the keys src, dest, body and id only".to_owned(),
            },
        }
    }

    /// The key of an envelope that was probably meant by an unknown one.
    #[must_use]
    pub fn nearest(&self) -> Option<&'static str> {
        match &self.fault {
            LineFault::UnknownKey(key) => nearest(key),
            LineFault::Empty
            | LineFault::NotUtf8
            | LineFault::NotJson(_)
            | LineFault::Piece
            | LineFault::TooDeep
            | LineFault::NotObject(_)
            | LineFault::Missing(_)
            | LineFault::WrongKind { .. } => None,
        }
    }
}

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.fault {
            LineFault::Empty => f.write_str("the line is empty"),
            LineFault::NotUtf8 => write!(f, "the line is not UTF-8 at column {}", self.column),
            LineFault::NotJson(why) => {
                write!(f, "the line is not JSON at column {}: {why}", self.column)
            }
            LineFault::Piece => {
                write!(f, "the line is a piece of a JSON object, cut at column {}", self.column)
            }
            LineFault::TooDeep => {
                write!(f, "the body is nested deeper than {} levels", crate::DEPTH_MAX)
            }
            LineFault::NotObject(found) => {
                write!(f, "the line is JSON, but {found} instead of an object")
            }
            LineFault::Missing(key) => write!(f, "the message has no `{key}`"),
            LineFault::WrongKind { key, expected, found } => {
                write!(f, "`{key}` must be {expected}, and it is {found}")
            }
            LineFault::UnknownKey(key) => write!(f, "a message has no key `{key}`"),
        }
    }
}

impl std::error::Error for LineError {}

fn nearest(key: &str) -> Option<&'static str> {
    let lower = key.to_ascii_lowercase();
    if let Some(&(_, known)) = ALIASES.iter().find(|(alias, _)| *alias == lower) {
        return Some(known);
    }
    let close = ENVELOPE_KEYS.iter().map(|known| (distance(&lower, known), *known)).min()?;
    (close.0 <= 1 || (close.0 == 2 && lower.len() >= 3)).then_some(close.1)
}

/// Longer keys are not compared: no misspelling of ours is so long.
const KEY_BYTES_MAX: usize = 32;

/// Levenshtein's distance.
fn distance(a: &str, b: &str) -> usize {
    if a.len() > KEY_BYTES_MAX {
        return a.len();
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let substituted = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
