//! `history.txt`: a history for people, one event a line: process, type, function, value and error,
//! with tabs between. It has no times; it is read where there is nothing better.

use crate::event::{Event, History, Kind, Process, name, named_error};
use crate::jsonl::Read;
use crate::problem::{Problem, ProblemCode};
use crate::value::Value;

/// Whether a text looks like this: the second field of its first line is a type.
#[must_use]
pub fn looks_like(text: &[u8]) -> bool {
    let line = text.trim_ascii_start().split(|&b| b == b'\n').next().unwrap_or_default();
    let mut fields = line.split(|&b| b == b'\t');
    fields.nth(1).is_some_and(|field| kind(field).is_some()) && fields.next().is_some()
}

/// Reads a whole text.
///
/// # Errors
/// A field that is not EDN (E01), or a line that is no event (E02), each with its column.
pub fn read(text: &[u8]) -> Result<Read, Problem> {
    let mut read = Read::default();
    for (number, line) in text.split(|&b| b == b'\n').enumerate() {
        if line.trim_ascii().is_empty() {
            continue;
        }
        let event = event(line).map_err(|(code, column, hint)| {
            Problem::new(code, (number + 1, column), line, &hint)
        })?;
        read.history.push(event);
    }
    Ok(read)
}

fn kind(field: &[u8]) -> Option<Kind> {
    std::str::from_utf8(field).ok()?.trim().strip_prefix(':').and_then(Kind::parse)
}

fn event(line: &[u8]) -> Result<Event, (ProblemCode, usize, String)> {
    let mut column = 1;
    let mut fields = line.split(|&b| b == b'\t').map(|field| {
        let at = column;
        column += field.len() + 1;
        (at, field)
    });
    let mut next = |what: &str| {
        let missing = || (ProblemCode::E02, line.len(), format!("expected {what} behind a tab"));
        fields.next().ok_or_else(missing)
    };
    let form = |(at, field): (usize, &[u8])| {
        Value::from_edn(field)
            .map_err(|error| (ProblemCode::E01, at + error.column - 1, error.message.into_owned()))
    };
    let process = next("a process")?;
    let word = next("a type")?;
    let (f, value) = (next("a function")?, next("a value")?);
    let wrong = |at: usize, hint: &str| (ProblemCode::E02, at, hint.to_owned());
    let process = Process::of_value(&form(process)?)
        .ok_or_else(|| wrong(process.0, "the process must be an integer or a name"))?;
    let kind = kind(word.1)
        .ok_or_else(|| wrong(word.0, "the type must be :invoke, :ok, :fail or :info"))?;
    let function = form(f)?;
    let function =
        function.as_text().ok_or_else(|| wrong(f.0, "the function must be a keyword"))?;
    let mut event = Event::new(kind, process, name(function), form(value)?);
    event.error = fields.next().map(form).transpose()?;
    Ok(event)
}

/// Writes a whole history.
#[must_use]
pub fn write(history: &History) -> String {
    let mut out = String::new();
    for event in &history.events {
        write_event(event, &mut out);
    }
    out
}

/// Appends the line of an event.
pub fn write_event(event: &Event, out: &mut String) {
    event.process.to_value().write_edn(out);
    for field in [Value::keyword(event.kind.as_str()), Value::keyword(&*event.f)] {
        out.push('\t');
        field.write_edn(out);
    }
    out.push('\t');
    event.value.write_edn(out);
    if let Some(error) = &event.error {
        out.push('\t');
        named_error(error).write_edn(out);
    }
    out.push('\n');
}
