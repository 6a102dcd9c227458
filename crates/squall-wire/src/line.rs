//! One line of a process, as a message.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::head::{Head, Text, text_of};
use crate::{LineError, LineFault};

/// How many levels a body may have, itself counted: what `serde_json` reads by recursion.
pub const DEPTH_MAX: usize = 127;

/// A message as a process wrote it. Nothing is copied unless it has escapes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// Who says it. Not compared with the process that printed it.
    pub src: Cow<'a, str>,
    /// Whom it is for.
    pub dest: Cow<'a, str>,
    /// The body, byte for byte: JSON of any kind, an object if a client or service is addressed.
    pub body: &'a str,
    /// A parsed copy of the keys of the body that belong to the protocol.
    pub head: Head<'a>,
    /// What follows on the same line without its first white space: a newline is missing. It can
    /// be parsed as a line again.
    pub rest: &'a [u8],
}

/// Reads the first message of a line. The newline at its end may be there or not.
///
/// # Errors
/// If the line does not begin with an envelope; nothing of it is to be delivered then.
pub fn parse_line(line: &[u8]) -> Result<Line<'_>, LineError> {
    let Some(start) = line.iter().position(|b| !b.is_ascii_whitespace()) else {
        return Err(LineError { fault: LineFault::Empty, column: 1 });
    };
    if line[start] != b'{' {
        return Err(no_object(line, start));
    }
    let mut values = serde_json::Deserializer::from_slice(line).into_iter::<Envelope<'_>>();
    let envelope = match values.next() {
        Some(Ok(envelope)) => envelope,
        Some(Err(error)) => return Err(no_json(line, &error)),
        None => return Err(LineError { fault: LineFault::Empty, column: 1 }),
    };
    let rest = line[values.byte_offset()..].trim_ascii_start();
    let place = |raw: &RawValue| column(line, raw.get());
    envelope.check(&place, start + 1).map(|checked| Line { rest, ..checked })
}

/// The keys of an envelope as they were found; the last one counts, as in Maelstrom.
#[derive(Default)]
struct Envelope<'a> {
    src: Option<&'a RawValue>,
    dest: Option<&'a RawValue>,
    body: Option<&'a RawValue>,
    id: Option<&'a RawValue>,
    /// The first key that is none of ours, and its value.
    unknown: Option<(Cow<'a, str>, &'a RawValue)>,
}

impl<'a> Envelope<'a> {
    fn check(
        self,
        place: &dyn Fn(&RawValue) -> usize,
        start: usize,
    ) -> Result<Line<'a>, LineError> {
        let missing = |key| LineError { fault: LineFault::Missing(key), column: start };
        let wrong = |key, expected, raw: &RawValue| LineError {
            fault: LineFault::WrongKind { key, expected, found: kind(raw.get()) },
            column: place(raw),
        };
        if let Some((key, value)) = self.unknown {
            let fault = LineFault::UnknownKey(key.into_owned());
            return Err(LineError { fault, column: place(value) });
        }
        let name = |key, raw: Option<&'a RawValue>| {
            let raw = raw.ok_or_else(|| missing(key))?;
            text_of(raw).ok_or_else(|| wrong(key, "a string", raw))
        };
        let src = name("src", self.src)?;
        let dest = name("dest", self.dest)?;
        if let Some(id) = self.id.filter(|raw| kind(raw.get()) != "an integer") {
            return Err(wrong("id", "an integer", id));
        }
        let raw = self.body.ok_or_else(|| missing("body"))?;
        let body = raw.get();
        if let Some(at) = too_deep(body.as_bytes()) {
            return Err(LineError { fault: LineFault::TooDeep, column: place(raw) + at });
        }
        Ok(Line { src, dest, body, head: Head::of_text(body), rest: &[] })
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Envelope<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(EnvelopeVisitor)
    }
}

struct EnvelopeVisitor;

impl<'de> Visitor<'de> for EnvelopeVisitor {
    type Value = Envelope<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a message")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Envelope<'de>, M::Error> {
        let mut envelope = Envelope::default();
        while let Some(Text(key)) = map.next_key()? {
            let value = map.next_value()?;
            match &*key {
                "src" => envelope.src = Some(value),
                "dest" => envelope.dest = Some(value),
                "body" => envelope.body = Some(value),
                "id" => envelope.id = Some(value),
                _ => {
                    envelope.unknown.get_or_insert((key, value));
                }
            }
        }
        Ok(envelope)
    }
}

/// A line that does not begin with an object: other JSON, or none.
fn no_object(line: &[u8], start: usize) -> LineError {
    if matches!(line[start], b'}' | b']') {
        return LineError { fault: LineFault::Piece, column: start + 1 };
    }
    let mut values = serde_json::Deserializer::from_slice(line).into_iter::<IgnoredAny>();
    match values.next() {
        Some(Err(error)) => no_json(line, &error),
        Some(Ok(_)) | None => {
            let end = values.byte_offset().max(start);
            let (text, rest) = line.split_at(end);
            let text = &text[start..];
            if text.starts_with(b"\"") && rest.trim_ascii_start().starts_with(b":") {
                return LineError { fault: LineFault::Piece, column: start + 1 };
            }
            let found = kind(&String::from_utf8_lossy(text));
            LineError { fault: LineFault::NotObject(found), column: start + 1 }
        }
    }
}

fn no_json(line: &[u8], error: &serde_json::Error) -> LineError {
    let column = error.column().max(1);
    if let Err(broken) = std::str::from_utf8(line)
        && (broken.valid_up_to() < column || error.is_eof())
    {
        return LineError { fault: LineFault::NotUtf8, column: broken.valid_up_to() + 1 };
    }
    if error.is_eof() && line.trim_ascii_start().starts_with(b"{") {
        return LineError { fault: LineFault::Piece, column };
    }
    let text = error.to_string();
    // The column is told beside it.
    let why = text.split(" at line ").next().unwrap_or_default().to_owned();
    LineError { fault: LineFault::NotJson(why), column }
}

/// The column of a part of the line.
fn column(line: &[u8], part: &str) -> usize {
    part.as_ptr().addr().saturating_sub(line.as_ptr().addr()) + 1
}

/// What a piece of JSON is, for people.
fn kind(text: &str) -> &'static str {
    match text.as_bytes().first() {
        Some(b'{') => "an object",
        Some(b'[') => "an array",
        Some(b'"') => "a string",
        Some(b't' | b'f') => "a boolean",
        Some(b'n') => "null",
        _ if text.bytes().any(|b| matches!(b, b'.' | b'e' | b'E')) => "a fraction",
        _ => "an integer",
    }
}

/// Where a body, which is JSON, goes deeper than [`DEPTH_MAX`] levels.
fn too_deep(body: &[u8]) -> Option<usize> {
    let is_open = |byte: u8| matches!(byte, b'{' | b'[');
    // Nearly every body ends here, without a look at its strings.
    if body.iter().map(|&b| usize::from(is_open(b))).sum::<usize>() <= DEPTH_MAX {
        return None;
    }
    let (mut depth, mut in_string, mut at) = (0_usize, false, 0);
    while at < body.len() {
        match body[at] {
            b'\\' if in_string => at += 1,
            b'"' => in_string = !in_string,
            byte if !in_string && is_open(byte) => {
                depth += 1;
                if depth > DEPTH_MAX {
                    return Some(at);
                }
            }
            b'}' | b']' if !in_string => depth -= 1,
            _ => {}
        }
        at += 1;
    }
    None
}
