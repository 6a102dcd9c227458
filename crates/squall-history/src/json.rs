//! JSON: text to [`Value`] and back.
//!
//! The reader is written here because numbers must keep their digits, strings must be checked where
//! they stand, and a line nested 100,000 deep must be an error and not the end of the process. Any
//! bytes give a value or a [`ParseError`]. Of a key that occurs twice in an object the last one
//! wins.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::problem::ParseError;
use crate::value::Value;

/// Deepest nesting of arrays and objects that is read.
pub const JSON_DEPTH_MAX: usize = 128;

impl Value {
    /// Reads one JSON text, with nothing but white space around it.
    ///
    /// # Errors
    /// Says where the text stops to be JSON, or is nested deeper than [`JSON_DEPTH_MAX`].
    pub fn from_json(text: impl AsRef<[u8]>) -> Result<Self, ParseError> {
        let mut reader = JsonReader::new(text.as_ref());
        let value = reader.value()?;
        reader.end()?;
        Ok(value)
    }

    /// The value as JSON on one line: keywords and symbols as strings, sets as sorted arrays, map
    /// keys as strings (a key that is not text: its EDN text).
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut out = String::new();
        self.write_json(&mut out);
        out
    }

    /// Appends what [`Value::to_json`] returns.
    pub fn write_json(&self, out: &mut String) {
        write(self, out, false);
    }

    /// As [`Value::write_json`], but a map with a key that is not text becomes an array of pairs,
    /// so that histories lose nothing.
    pub fn write_json_pairs(&self, out: &mut String) {
        write(self, out, true);
    }
}

fn write(value: &Value, out: &mut String, pairs: bool) {
    match value {
        Value::Nil => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Int(int) => push_display(out, int),
        Value::Number(number) => out.push_str(number.as_str()),
        Value::Str(text) | Value::Keyword(text) | Value::Symbol(text) => write_string(text, out),
        Value::List(items) => write_array(items.iter(), out, pairs),
        Value::Set(items) => {
            let mut items: Vec<&Value> = items.iter().collect();
            items.sort();
            write_array(items.into_iter(), out, pairs);
        }
        Value::Map(members) if pairs && members.iter().any(|(k, _)| k.as_text().is_none()) => {
            let list = members.iter().map(|(k, v)| Value::list([k.clone(), v.clone()])).collect();
            write(&list, out, pairs);
        }
        Value::Map(members) => {
            for (i, (key, value)) in members.iter().enumerate() {
                out.push(if i == 0 { '{' } else { ',' });
                match key.as_text() {
                    Some(text) => write_string(text, out),
                    None => write_string(&key.to_edn(), out),
                }
                out.push(':');
                write(value, out, pairs);
            }
            out.push_str(if members.is_empty() { "{}" } else { "}" });
        }
    }
}

fn write_array<'v>(items: impl Iterator<Item = &'v Value>, out: &mut String, pairs: bool) {
    out.push('[');
    for (i, item) in items.enumerate() {
        if i > 0 {
            out.push(',');
        }
        write(item, out, pairs);
    }
    out.push(']');
}

/// Appends `text` as a JSON string.
pub(crate) fn write_string(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0'..='\x1f' => push_display(out, format_args!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
}

/// Appends a displayed thing to a string, which cannot fail.
pub(crate) fn push_display(out: &mut String, thing: impl std::fmt::Display) {
    write!(out, "{thing}").expect("writing to a String cannot fail");
}

/// A cursor over JSON bytes. Objects are read member by member, so that a caller who knows the keys
/// builds no map.
pub(crate) struct JsonReader<'a> {
    bytes: &'a [u8],
    at: usize,
    depth: usize,
}

impl<'a> JsonReader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, depth: 0 }
    }

    /// One value of any kind.
    pub(crate) fn value(&mut self) -> Result<Value, ParseError> {
        match self.peek() {
            Some(b'{') => {
                let mut pairs = Vec::new();
                self.object(|reader, key| {
                    pairs.push((Value::Str(key.into()), reader.value()?));
                    Ok(())
                })?;
                Ok(Value::map(pairs))
            }
            Some(b'[') => self.array(),
            Some(b'"') => Ok(Value::Str(self.string()?.into())),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'n') => self.word("null", Value::Nil),
            Some(_) => Err(self.error("expected a JSON value")),
            None => Err(self.error("the text ends where a JSON value should be")),
        }
    }

    /// An object; `member` is called after each key and reads the value.
    pub(crate) fn object(
        &mut self,
        mut member: impl FnMut(&mut Self, Cow<'a, str>) -> Result<(), ParseError>,
    ) -> Result<(), ParseError> {
        self.open(b'{', "expected an object")?;
        if self.take(b'}') {
            self.depth -= 1;
            return Ok(());
        }
        loop {
            if self.peek() != Some(b'"') {
                return Err(self.error("expected a key in double quotes"));
            }
            let key = self.string()?;
            if !self.take(b':') {
                return Err(self.error("expected `:` after a key"));
            }
            member(self, key)?;
            if self.take(b'}') {
                self.depth -= 1;
                return Ok(());
            }
            if !self.take(b',') {
                return Err(self.error("expected `,` or `}` in an object"));
            }
        }
    }

    /// Checks that only white space is left.
    pub(crate) fn end(&mut self) -> Result<(), ParseError> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.error("text after the end of the JSON value")),
        }
    }

    fn array(&mut self) -> Result<Value, ParseError> {
        self.open(b'[', "expected an array")?;
        let mut items = Vec::new();
        if !self.take(b']') {
            loop {
                items.push(self.value()?);
                if self.take(b']') {
                    break;
                }
                if !self.take(b',') {
                    return Err(self.error("expected `,` or `]` in an array"));
                }
            }
        }
        self.depth -= 1;
        Ok(items.into_iter().collect())
    }

    fn open(&mut self, bracket: u8, message: &'static str) -> Result<(), ParseError> {
        if !self.take(bracket) {
            return Err(self.error(message));
        }
        self.depth += 1;
        if self.depth > JSON_DEPTH_MAX {
            return Err(self.error("nested more than 128 deep"));
        }
        Ok(())
    }

    fn word(&mut self, word: &'static str, value: Value) -> Result<Value, ParseError> {
        if !self.bytes[self.at..].starts_with(word.as_bytes()) {
            return Err(self.error("expected a JSON value"));
        }
        self.at += word.len();
        Ok(value)
    }

    fn number(&mut self) -> Result<Value, ParseError> {
        let start = self.at;
        let is_part = |b: &u8| matches!(b, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
        self.at += self.bytes[start..].iter().take_while(|b| is_part(b)).count();
        let text = std::str::from_utf8(&self.bytes[start..self.at]).unwrap_or("");
        let digits = text.strip_prefix('-').unwrap_or(text);
        let leading_zero =
            digits.len() > 1 && digits.starts_with('0') && digits.as_bytes()[1].is_ascii_digit();
        let value = if leading_zero { None } else { Value::number(text) };
        value.ok_or_else(|| ParseError::at(self.bytes, start, "not a number of JSON"))
    }

    /// Whether a string is next.
    pub(crate) fn is_at_string(&mut self) -> bool {
        self.peek() == Some(b'"')
    }

    /// A string, borrowed when it has no escapes. The cursor must be at its quote.
    pub(crate) fn string(&mut self) -> Result<Cow<'a, str>, ParseError> {
        self.at += 1;
        let plain = self.plain()?;
        if self.bytes.get(self.at) == Some(&b'"') {
            self.at += 1;
            return Ok(Cow::Borrowed(plain));
        }
        let mut text = plain.to_owned();
        while self.bytes.get(self.at) == Some(&b'\\') {
            text.push(self.escape()?);
            text.push_str(self.plain()?);
        }
        if self.bytes.get(self.at) != Some(&b'"') {
            return Err(self.error("a string without its closing quote"));
        }
        self.at += 1;
        Ok(Cow::Owned(text))
    }

    /// Characters up to the next quote, escape or end.
    fn plain(&mut self) -> Result<&'a str, ParseError> {
        let start = self.at;
        let size = self.bytes[start..]
            .iter()
            .take_while(|b| !matches!(b, b'"' | b'\\' | 0..=0x1f))
            .count();
        self.at = start + size;
        if self.bytes.get(self.at).is_some_and(|&b| b < 0x20) {
            return Err(self.error("a control character inside a string"));
        }
        std::str::from_utf8(&self.bytes[start..self.at])
            .map_err(|e| ParseError::at(self.bytes, start + e.valid_up_to(), "not UTF-8"))
    }

    fn escape(&mut self) -> Result<char, ParseError> {
        let c = self.bytes.get(self.at + 1).copied();
        self.at += 2;
        Ok(match c {
            Some(b'n') => '\n',
            Some(b't') => '\t',
            Some(b'r') => '\r',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(c @ (b'"' | b'\\' | b'/')) => char::from(c),
            Some(b'u') => return self.unicode_escape(),
            _ => return Err(self.error("an unknown escape in a string")),
        })
    }

    fn unicode_escape(&mut self) -> Result<char, ParseError> {
        let first = self.hex4()?;
        let mut code = first;
        if (0xd800..0xdc00).contains(&first) && self.bytes[self.at..].starts_with(b"\\u") {
            self.at += 2;
            let second = self.hex4()?;
            if (0xdc00..0xe000).contains(&second) {
                code = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
            }
        }
        char::from_u32(code).ok_or_else(|| self.error("half of a surrogate pair"))
    }

    fn hex4(&mut self) -> Result<u32, ParseError> {
        let digits = self.bytes.get(self.at..self.at + 4).unwrap_or(&[]);
        let text = std::str::from_utf8(digits).unwrap_or("");
        if text.len() != 4 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(self.error("`\\u` without four hexadecimal digits"));
        }
        self.at += 4;
        Ok(u32::from_str_radix(text, 16).unwrap_or(0))
    }

    /// The next byte that is not white space.
    fn peek(&mut self) -> Option<u8> {
        while matches!(self.bytes.get(self.at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
        self.bytes.get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    pub(crate) fn error(&self, message: &'static str) -> ParseError {
        ParseError::at(self.bytes, self.at, message)
    }
}
