//! JSON: text to [`Value`] and back, by `serde_json`.
//!
//! Two ways lead from a text to a value. The **fast** one is a single pass. It is told every number
//! that is neither an `i64` nor a `u64` as a float, with digits lost. There it gives up, as it does
//! where anything is wrong, and the **exact** way begins anew: every array and object is taken
//! apart into the texts of its members, and a number is read from its text. That is one pass for
//! each level of nesting, at most [`JSON_DEPTH_MAX`].
//!
//! Any bytes give a value or a [`ParseError`]. Of a key that occurs twice in an object the last one
//! wins.

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::io;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

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
        let text = utf8(text.as_ref())?;
        match fast(text, Fast { memory: &mut Memory::default() }) {
            Ok(value) => Ok(value),
            Err(error) => Exact::of(text, &error)?.value(),
        }
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
    serde_json::to_writer(Sink(out), text).expect("text is JSON, and memory takes it");
}

/// A string that takes what serde_json writes, which is text, piece by piece.
struct Sink<'s>(&'s mut String);

impl io::Write for Sink<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.push_str(std::str::from_utf8(bytes).map_err(io::Error::other)?);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Appends a displayed thing to a string, which cannot fail.
pub(crate) fn push_display(out: &mut String, thing: impl fmt::Display) {
    write!(out, "{thing}").expect("writing to a String cannot fail");
}

/// The bytes as text.
pub(crate) fn utf8(bytes: &[u8]) -> Result<&str, ParseError> {
    std::str::from_utf8(bytes).map_err(|e| ParseError::at(bytes, e.valid_up_to(), "not UTF-8"))
}

/// One JSON text in a single pass, with nothing but white space around it. An error may say no more
/// than that the exact way must be gone.
pub(crate) fn fast<'de, S: DeserializeSeed<'de>>(
    text: &'de str,
    seed: S,
) -> Result<S::Value, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = seed.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

/// Texts and lists that are kept to be used again.
const KEPT: usize = 1 << 12;
/// Longer texts are rarely the same.
const KEPT_BYTES_MAX: usize = 24;
/// Longer lists, too.
const KEPT_ITEMS_MAX: usize = 4;

/// What a reader remembers from line to line. The same short texts and lists come again and again:
/// the names of functions, and what an operation asked in what it was answered.
#[derive(Default)]
pub(crate) struct Memory {
    /// The members of the arrays that are still open; after an error something may be left.
    pub stack: Vec<Value>,
    /// By hash: the last text of each, and the last list. Empty: nothing is kept.
    texts: Vec<Value>,
    lists: Vec<Value>,
}

impl Memory {
    /// For a whole file.
    pub(crate) fn of_file() -> Self {
        let kept = || vec![Value::Nil; KEPT];
        Self { stack: Vec::new(), texts: kept(), lists: kept() }
    }

    fn text(&mut self, text: &str) -> Value {
        if self.texts.is_empty() || text.len() > KEPT_BYTES_MAX {
            return Value::str(text);
        }
        let place = place(text.as_bytes().chunks(8).map(|chunk| {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            u64::from_le_bytes(word)
        }));
        if !matches!(&self.texts[place], Value::Str(known) if **known == *text) {
            self.texts[place] = Value::str(text);
        }
        self.texts[place].clone()
    }

    /// The members from `start` on as a list.
    fn list(&mut self, start: usize) -> Value {
        let items = &self.stack[start..];
        let word = |item: &Value| match item {
            Value::Nil => Some(0),
            Value::Int(int) => Some(int.cast_unsigned()),
            // Kept texts are the same if they lie at the same place.
            Value::Str(text) if text.len() <= KEPT_BYTES_MAX => Some(text.as_ptr() as u64),
            _ => None,
        };
        let is_short = items.len() <= KEPT_ITEMS_MAX && !self.lists.is_empty();
        if !is_short || !items.iter().all(|item| word(item).is_some()) {
            return Value::list(self.stack.drain(start..));
        }
        let place = place(items.iter().filter_map(word));
        if !matches!(&self.lists[place], Value::List(known) if **known == *items) {
            self.lists[place] = Value::List(items.into());
        }
        self.stack.truncate(start);
        self.lists[place].clone()
    }
}

/// Where something with these words is kept.
fn place(words: impl Iterator<Item = u64>) -> usize {
    let mix =
        |sum: u64, word: u64| (sum.rotate_left(23) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    usize::try_from(words.fold(0, mix) >> 40).unwrap_or(0) % KEPT
}

/// Reads a value the fast way.
pub(crate) struct Fast<'s> {
    pub memory: &'s mut Memory,
}

impl<'de> DeserializeSeed<'de> for Fast<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Fast<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Nil)
    }

    fn visit_bool<E>(self, bool: bool) -> Result<Value, E> {
        Ok(Value::Bool(bool))
    }

    fn visit_i64<E>(self, int: i64) -> Result<Value, E> {
        Ok(Value::Int(int))
    }

    fn visit_u64<E>(self, int: u64) -> Result<Value, E> {
        Ok(Value::uint(int))
    }

    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<Value, E> {
        Err(E::custom("a number of which only the text is exact"))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(self.memory.text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let start = self.memory.stack.len();
        while let Some(item) = items.next_element_seed(Fast { memory: self.memory })? {
            self.memory.stack.push(item);
        }
        Ok(self.memory.list(start))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut pairs = Vec::new();
        while let Some(Text(key)) = members.next_key()? {
            let value = members.next_value_seed(Fast { memory: self.memory })?;
            pairs.push((Value::str(key), value));
        }
        Ok(Value::map(pairs))
    }
}

/// A string, borrowed when it has no escapes.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// A part of a text, to be read the exact way. It is known to be JSON, except that a string in it
/// may hold half of a surrogate pair.
pub(crate) struct Exact<'a> {
    whole: &'a str,
    part: &'a RawValue,
    /// How many arrays and objects it is in.
    depth: usize,
}

impl<'a> Exact<'a> {
    /// The whole text; `error` is why the fast way was given up.
    pub(crate) fn of(text: &'a str, error: &serde_json::Error) -> Result<Self, ParseError> {
        match serde_json::from_str(text) {
            Ok(part) => Ok(Self { whole: text, part, depth: 0 }),
            // What is too deep is too deep, no matter how it ends.
            Err(_) if message(error).starts_with("recursion limit") => {
                Err(ParseError { message: TOO_DEEP.into(), ..located(text, text, error) })
            }
            Err(error) => Err(located(text, text, &error)),
        }
    }

    /// The value of any kind.
    pub(crate) fn value(self) -> Result<Value, ParseError> {
        let text = self.part.get();
        match text.as_bytes().first() {
            Some(b'[') => {
                let items: Vec<&RawValue> = self.inside(serde_json::from_str(text))?;
                let items = items.into_iter().map(|part| self.member(part).value());
                Ok(Value::list(items.collect::<Result<Vec<Value>, _>>()?))
            }
            Some(b'{') => {
                let members = self.members()?.into_iter();
                let pairs = members.map(|(key, part)| Ok((Value::str(key), part.value()?)));
                Ok(Value::map(pairs.collect::<Result<Vec<_>, _>>()?))
            }
            Some(b'-' | b'0'..=b'9') => {
                Value::number(text).ok_or_else(|| self.error("not a number of JSON"))
            }
            _ => fast(text, Fast { memory: &mut Memory::default() })
                .map_err(|error| located(self.whole, text, &error)),
        }
    }

    /// The members of an object, in their order.
    pub(crate) fn members(&self) -> Result<Vec<(Cow<'a, str>, Self)>, ParseError> {
        let text = self.part.get();
        if !text.starts_with('{') {
            return Err(self.error("expected an object"));
        }
        let Members(members) = self.inside(serde_json::from_str(text))?;
        Ok(members.into_iter().map(|(key, part)| (key, self.member(part))).collect())
    }

    /// What is inside, unless that is too deep.
    fn inside<T>(&self, parsed: Result<T, serde_json::Error>) -> Result<T, ParseError> {
        if self.depth == JSON_DEPTH_MAX {
            return Err(self.error(TOO_DEEP));
        }
        parsed.map_err(|error| located(self.whole, self.part.get(), &error))
    }

    fn member(&self, part: &'a RawValue) -> Self {
        Self { whole: self.whole, part, depth: self.depth + 1 }
    }

    fn error(&self, message: &'static str) -> ParseError {
        ParseError::at(self.whole.as_bytes(), offset(self.whole, self.part.get()), message)
    }
}

/// The members of an object, each with its text.
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Self(Vec::new()))
    }
}

impl<'de: 'a, 'a> Visitor<'de> for Members<'a> {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<Self, A::Error> {
        while let Some((Text(key), part)) = members.next_entry()? {
            self.0.push((key, part));
        }
        Ok(self)
    }
}

const TOO_DEEP: &str = "nested more than 128 deep";
const _: () = assert!(JSON_DEPTH_MAX == 128, "the message says so");

/// Where `part` begins in the text that it is a slice of.
fn offset(whole: &str, part: &str) -> usize {
    part.as_ptr().addr() - whole.as_ptr().addr()
}

/// An error of serde_json about `part`, with its place in `whole`.
fn located(whole: &str, part: &str, error: &serde_json::Error) -> ParseError {
    let inside = if error.is_eof() {
        part.len()
    } else {
        // Columns count the bytes up to the offending one; that may be a newline.
        let lines = part.split_inclusive('\n').take(error.line().saturating_sub(1));
        let before: usize = lines.map(str::len).sum();
        (before + error.column()).saturating_sub(1)
    };
    ParseError::at(whole.as_bytes(), offset(whole, part) + inside, message(error))
}

/// What serde_json says, without the place.
fn message(error: &serde_json::Error) -> String {
    let mut text = error.to_string();
    text.truncate(text.rfind(" at line ").unwrap_or(text.len()));
    text
}
