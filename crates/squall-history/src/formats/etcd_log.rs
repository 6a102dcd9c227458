//! The etcd logs of Jepsen that Porcupine is tested with: one event a line, one register, initially
//! nil.
//!
//! ```text
//! INFO  jepsen.util - 0   :invoke :cas   [1 2]
//! INFO  jepsen.util - 0   :info   :cas   :timed-out
//! ```
//!
//! `:timed-out` becomes the error, and the argument of the invocation stays the value. A nil read
//! means that nothing was written yet; a failed cas was compared and found something else.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::event::{Event, Kind, Process, name};
use crate::jsonl::Read;
use crate::problem::{Problem, ProblemCode};
use crate::value::Value;

/// Whether a text looks like this: one of its first lines is an event.
#[must_use]
pub fn looks_like(text: &[u8]) -> bool {
    const LINES_LOOKED_AT: usize = 1_000;
    let is_event = |line: &[u8]| {
        let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        [words.next(), words.next(), words.next()]
            == [Some(&b"INFO"[..]), Some(b"jepsen.util"), Some(b"-")]
    };
    text.split(|&b| b == b'\n').take(LINES_LOOKED_AT).any(is_event)
}

/// Reads a log. Lines that do not begin like an event are skipped and counted.
///
/// # Errors
/// A line that begins like an event and is none (E01, E02).
pub fn read(text: &[u8]) -> Result<Read, Problem> {
    let mut read = Read::default();
    let mut arguments = BTreeMap::new();
    for (number, line) in text.split(|&b| b == b'\n').enumerate() {
        let line = line.trim_ascii();
        match parse_line(line, &mut arguments) {
            Ok(Some(event)) => {
                read.history.push(event);
            }
            Ok(None) => read.lines_skipped += usize::from(!line.is_empty()),
            Err((code, hint)) => return Err(Problem::new(code, (number + 1, 1), line, &hint)),
        }
    }
    Ok(read)
}

/// `arguments` holds the argument of the last invocation of each process.
fn parse_line(
    line: &[u8],
    arguments: &mut BTreeMap<i64, Value>,
) -> Result<Option<Event>, (ProblemCode, Cow<'static, str>)> {
    let Ok(line) = std::str::from_utf8(line) else { return Ok(None) };
    let mut words = line.split_ascii_whitespace();
    if [words.next(), words.next(), words.next()] != [Some("INFO"), Some("jepsen.util"), Some("-")]
    {
        return Ok(None);
    }
    let (Some(process), Some(kind), Some(f)) = (words.next(), words.next(), words.next()) else {
        return Ok(None);
    };
    // The log has lines of the nemesis as well, which say what they like.
    if process.starts_with(":nemesis") {
        return Ok(None);
    }
    let process = process.parse().map_err(|_| no_event("the process is no integer"))?;
    let kind = kind
        .strip_prefix(':')
        .and_then(Kind::parse)
        .ok_or_else(|| no_event("the type must be :invoke, :ok, :fail or :info"))?;
    let f = f.strip_prefix(':').ok_or_else(|| no_event("the function is no keyword"))?;
    let value: Vec<&str> = words.collect();
    let value =
        Value::from_edn(value.join(" ")).map_err(|error| (ProblemCode::E01, error.message))?;
    let mut event = Event::new(kind, Process::Client(process), name(f), value);
    if kind == Kind::Invoke {
        arguments.insert(process, event.value.clone());
    } else if matches!(event.value, Value::Keyword(_)) {
        let argument = arguments.get(&process).cloned().unwrap_or_default();
        event.error = Some(std::mem::replace(&mut event.value, argument));
    }
    Ok(Some(event))
}

fn no_event(hint: &'static str) -> (ProblemCode, Cow<'static, str>) {
    (ProblemCode::E02, hint.into())
}
