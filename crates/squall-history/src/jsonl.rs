//! squall's own form of a history, `history.jsonl`: one JSON object a line.
//!
//! ```json
//! {"v":1,"type":"history","workload":"lin-kv","concurrency":10,"nodes":["n0","n1"]}
//! {"index":0,"time":1200340,"type":"invoke","process":0,"f":"cas","value":[3,[1,2]]}
//! {"index":1,"time":1900112,"type":"fail","process":0,"f":"cas","value":[3,[1,2]],"error":"abort"}
//! ```
//!
//! The header line is always written and may be missing. Unknown fields are kept. Keywords become
//! strings, sets sorted arrays, maps with keys that are not text arrays of pairs.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, Visitor};

use crate::event::{Event, Header, History, Kind, Name, Process, name};
use crate::json::{Exact, Fast, Memory, fast, push_display, utf8, write_string};
use crate::problem::{ParseError, Problem, ProblemCode};
use crate::value::Value;

/// One line of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// The first line: about the run.
    Header(Header),
    /// Any other line. Without an `"index"` its index is `u64::MAX`.
    Event(Box<Event>),
}

/// A history that was read, with what was wrong in a harmless way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Read {
    /// The history.
    pub history: History,
    /// E09 of a file that is still growing.
    pub problems: Vec<Problem>,
    /// Lines that are no events, in formats that allow such lines.
    pub lines_skipped: usize,
}

/// Whether a text looks like this: its first line is an object with a `type`, cut off or not.
#[must_use]
pub fn looks_like(text: &[u8]) -> bool {
    let line = text.trim_ascii_start().split(|&b| b == b'\n').next().unwrap_or_default();
    line.starts_with(b"{") && line.windows(6).any(|word| word == b"\"type\"")
}

/// Reads a whole file. A last line that is cut off (no newline, no JSON) is left out (E09).
///
/// # Errors
/// The first line that is not JSON (E01) or not an event (E02).
pub fn read(text: &[u8]) -> Result<Read, Problem> {
    let mut read = Read::default();
    let mut memory = Memory::of_file();
    let mut lines = text.split_inclusive(|&b| b == b'\n').enumerate();
    while let Some((number, raw)) = lines.next() {
        let line = raw.trim_ascii();
        if line.is_empty() {
            continue;
        }
        match parse_fields(line, number + 1, &mut memory) {
            Ok(fields) if fields.is_header() => read.history.header = fields.into_header(),
            Ok(fields) => {
                let event = fields.into_event();
                push(&mut read.history, event.map_err(|hint| no_event(line, number + 1, hint))?);
            }
            Err(mut problem)
                if problem.code == ProblemCode::E01 && !raw.ends_with(b"\n") && number > 0 =>
            {
                problem.code = ProblemCode::E09;
                "the last line is cut off and left out".clone_into(&mut problem.hint);
                read.problems.push(problem);
                debug_assert!(lines.next().is_none(), "only a last line has no newline");
            }
            Err(problem) => return Err(problem),
        }
    }
    Ok(read)
}

/// Appends an event; where the source gives no index its place is the index.
pub(crate) fn push(history: &mut History, mut event: Event) {
    if event.index == u64::MAX {
        event.index = history.events.len() as u64;
    }
    history.events.push(event);
}

/// Reads one line, which is the `number`-th of its file (from 1). For files that are read while
/// they grow.
///
/// # Errors
/// E01 if it is not a JSON object, E02 if it is neither a header nor an event.
pub fn parse_line(line: &[u8], number: usize) -> Result<Line, Problem> {
    let fields = parse_fields(line, number, &mut Memory::default())?;
    if fields.is_header() {
        return Ok(Line::Header(fields.into_header()));
    }
    let event = fields.into_event().map_err(|hint| no_event(line, number, hint))?;
    Ok(Line::Event(Box::new(event)))
}

fn parse_fields(line: &[u8], number: usize, memory: &mut Memory) -> Result<Fields, Problem> {
    utf8(line).and_then(|text| Fields::parse(text, memory)).map_err(|error| {
        Problem::new(ProblemCode::E01, (number, error.column), line, &error.message)
    })
}

fn no_event(line: &[u8], number: usize, hint: &str) -> Problem {
    Problem::new(ProblemCode::E02, (number, 1), line, hint)
}

/// The fields of a line while it is read.
#[derive(Default)]
struct Fields {
    index: Option<u64>,
    time: u64,
    word: Word,
    process: Value,
    f: Name,
    value: Value,
    error: Option<Value>,
    exception: Option<Value>,
    is_final: bool,
    node: Option<Name>,
    other: Vec<(Name, Value)>,
}

/// What stands under `type`.
#[derive(Clone, Copy, Default)]
enum Word {
    #[default]
    Missing,
    Kind(Kind),
    Header,
    Unknown,
}

impl Word {
    fn of(text: &str) -> Self {
        match Kind::parse(text) {
            Some(kind) => Self::Kind(kind),
            None if text == "history" => Self::Header,
            None => Self::Unknown,
        }
    }
}

/// A name of a field.
enum Key {
    Index,
    Time,
    Type,
    Process,
    F,
    Value,
    Error,
    Exception,
    Final,
    Node,
    Other(Name),
}

impl Key {
    fn of(text: &str) -> Self {
        match text {
            "index" => Self::Index,
            "time" => Self::Time,
            "type" => Self::Type,
            "process" => Self::Process,
            "f" => Self::F,
            "value" => Self::Value,
            "error" => Self::Error,
            "exception" => Self::Exception,
            "final?" | "final" => Self::Final,
            "node" => Self::Node,
            other => Self::Other(name(other)),
        }
    }
}

impl Fields {
    fn parse(text: &str, memory: &mut Memory) -> Result<Self, ParseError> {
        memory.stack.clear();
        let mut fields = Self::default();
        let Err(error) = fast(text, Object { fields: &mut fields, memory }) else {
            return Ok(fields);
        };
        fields = Self::default();
        for (key, part) in Exact::of(text, &error)?.members()? {
            fields.set(Key::of(&key), part.value()?);
        }
        Ok(fields)
    }

    fn set_text(&mut self, key: &Key, text: &str) {
        match key {
            Key::Type => self.word = Word::of(text),
            Key::F => self.f = name(text),
            _ => self.node = Some(name(text)),
        }
    }

    fn set(&mut self, key: Key, value: Value) {
        match key {
            Key::Type | Key::F | Key::Node => {
                if let Some(text) = value.as_text() {
                    self.set_text(&key, text);
                }
            }
            Key::Index => self.index = value.as_int().and_then(|i| u64::try_from(i).ok()),
            Key::Time => {
                self.time = value.as_int().and_then(|t| u64::try_from(t).ok()).unwrap_or(0);
            }
            Key::Process => self.process = value,
            Key::Value => self.value = value,
            Key::Error => self.error = Some(value).filter(|value| !value.is_nil()),
            Key::Exception => self.exception = Some(value).filter(|value| !value.is_nil()),
            Key::Final => self.is_final = value == Value::Bool(true),
            Key::Other(name) => self.other.push((name, value)),
        }
    }

    fn is_header(&self) -> bool {
        matches!(self.word, Word::Header)
    }

    fn into_event(self) -> Result<Event, &'static str> {
        let kind = match self.word {
            Word::Kind(kind) => kind,
            Word::Missing => return Err("an event without `type`"),
            Word::Header | Word::Unknown => return Err("`type` must be invoke, ok, fail or info"),
        };
        let process = Process::of_value(&self.process);
        Ok(Event {
            index: self.index.unwrap_or(u64::MAX),
            time: self.time,
            kind,
            process: process.ok_or("`process` must be an integer or a name")?,
            f: self.f,
            value: self.value,
            error: self.error,
            exception: self.exception,
            is_final: self.is_final,
            node: self.node,
            other: self.other,
        })
    }

    fn into_header(self) -> Header {
        let field = |key: &str| self.other.iter().find(|(k, _)| k == key).map(|(_, value)| value);
        let uint = |key| field(key).and_then(Value::as_int).and_then(|i| u64::try_from(i).ok());
        let nodes = field("nodes").and_then(Value::as_list).unwrap_or(&[]);
        Header {
            workload: field("workload").and_then(Value::as_text).map(name),
            run: uint("run"),
            concurrency: uint("concurrency"),
            nodes: nodes.iter().filter_map(Value::as_text).map(name).collect(),
        }
    }
}

/// Reads the fields of a line in one pass.
struct Object<'s> {
    fields: &'s mut Fields,
    memory: &'s mut Memory,
}

impl<'de> DeserializeSeed<'de> for Object<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Object<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while let Some(key) = members.next_key_seed(ByText(Key::of))? {
            match key {
                Key::Type | Key::F | Key::Node => {
                    let fields = &mut *self.fields;
                    members.next_value_seed(ByText(|text: &str| fields.set_text(&key, text)))?;
                }
                key => {
                    let value = members.next_value_seed(Fast { memory: self.memory })?;
                    self.fields.set(key, value);
                }
            }
        }
        Ok(())
    }
}

/// Reads a string, and keeps only what a function makes of it.
struct ByText<F>(F);

impl<'de, T, F: FnOnce(&str) -> T> DeserializeSeed<'de> for ByText<F> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<T, F: FnOnce(&str) -> T> Visitor<'_> for ByText<F> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        Ok((self.0)(text))
    }
}

/// An event from a map with the keys of this format, be they strings or keywords; the problem's
/// hint otherwise.
pub(crate) fn event_of_map(map: &Value) -> Result<Event, &'static str> {
    let Value::Map(pairs) = map else { return Err("an event must be a map") };
    let mut fields = Fields::default();
    for (key, value) in pairs.iter() {
        if let Some(key) = key.as_text() {
            fields.set(Key::of(key), value.clone());
        }
    }
    fields.into_event()
}

/// Writes a whole history.
#[must_use]
pub fn write(history: &History) -> String {
    let mut out = String::new();
    write_header(&history.header, &mut out);
    for event in &history.events {
        write_event(event, &mut out);
    }
    out
}

/// Appends the header line.
pub fn write_header(header: &Header, out: &mut String) {
    out.push_str("{\"v\":1,\"type\":\"history\"");
    if let Some(workload) = &header.workload {
        out.push_str(",\"workload\":");
        write_string(workload, out);
    }
    if let Some(run) = header.run {
        push_display(out, format_args!(",\"run\":{run}"));
    }
    if let Some(concurrency) = header.concurrency {
        push_display(out, format_args!(",\"concurrency\":{concurrency}"));
    }
    if !header.nodes.is_empty() {
        out.push_str(",\"nodes\":");
        Value::list(header.nodes.iter().map(|node| Value::str(&**node))).write_json(out);
    }
    out.push_str("}\n");
}

/// Appends the line of an event.
pub fn write_event(event: &Event, out: &mut String) {
    push_display(out, format_args!("{{\"index\":{},\"time\":{}", event.index, event.time));
    push_display(out, format_args!(",\"type\":\"{}\",\"process\":", event.kind.as_str()));
    event.process.to_value().write_json(out);
    out.push_str(",\"f\":");
    write_string(&event.f, out);
    out.push_str(",\"value\":");
    event.value.write_json_pairs(out);
    for (key, value) in [("error", &event.error), ("exception", &event.exception)] {
        if let Some(value) = value {
            push_display(out, format_args!(",\"{key}\":"));
            value.write_json_pairs(out);
        }
    }
    if event.is_final {
        out.push_str(",\"final?\":true");
    }
    if let Some(node) = &event.node {
        out.push_str(",\"node\":");
        write_string(node, out);
    }
    for (key, value) in &event.other {
        out.push(',');
        write_string(key, out);
        out.push(':');
        value.write_json_pairs(out);
    }
    out.push_str("}\n");
}
