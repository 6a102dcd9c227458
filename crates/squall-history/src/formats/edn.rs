//! Histories in EDN, as Jepsen, Knossos and Maelstrom write them: maps in sequence, one a line or
//! not; or one vector or list of maps; with or without `#jepsen.history.Op`.
//!
//! ```edn
//! [{:process 0, :type :invoke, :f :cas, :value [1 2]}   ; a comment
//!  {:process 0, :type :fail,   :f :cas, :value [1 2]}]
//! ```

use crate::edn::EdnReader;
use crate::event::{Event, History};
use crate::jsonl::{Read, event_of_map, push};
use crate::problem::{ParseError, Problem, ProblemCode};
use crate::value::Value;

/// Whether a text looks like this: behind comments it begins with a map, a sequence or a tag.
#[must_use]
pub fn looks_like(text: &[u8]) -> bool {
    let mut lines = text.split(|&b| b == b'\n').map(<[u8]>::trim_ascii);
    let first = lines.find(|line| !line.is_empty() && !line.starts_with(b";"));
    first.is_some_and(|line| b"{[(#".contains(&line[0]))
}

/// Reads a whole file.
///
/// # Errors
/// The first place that is not EDN (E01) or a form that is not an event (E02).
pub fn read(text: &[u8]) -> Result<Read, Problem> {
    let mut reader = EdnReader::new(text);
    let mut read = Read::default();
    let in_sequence = reader.enter_sequence();
    loop {
        if in_sequence && reader.leave_sequence().map_err(|e| not_edn(text, &e))? {
            break;
        }
        let start = reader.offset();
        match reader.next_form().map_err(|e| not_edn(text, &e))? {
            Some(form) => {
                let event = event_of_map(&form).map_err(|hint| not_an_event(text, start, hint))?;
                push(&mut read.history, event);
            }
            None if in_sequence => {
                let end =
                    ParseError::at(text, text.len(), "a sequence without its closing bracket");
                return Err(not_edn(text, &end));
            }
            None => break,
        }
    }
    match reader.next_form() {
        Ok(None) => Ok(read),
        Ok(Some(_)) => Err(not_an_event(text, reader.offset(), "text after the sequence")),
        Err(error) => Err(not_edn(text, &error)),
    }
}

fn not_edn(text: &[u8], error: &ParseError) -> Problem {
    let raw = &text[error.offset.min(text.len())..];
    Problem::new(ProblemCode::E01, (error.line, error.column), raw, &error.message)
}

fn not_an_event(text: &[u8], offset: usize, hint: &'static str) -> Problem {
    let error = ParseError::at(text, offset, hint);
    Problem::new(ProblemCode::E02, (error.line, error.column), &text[error.offset..], hint)
}

/// Writes a history as `history.edn`: one map a line.
#[must_use]
pub fn write(history: &History) -> String {
    let mut out = String::new();
    for event in &history.events {
        write_event(event, &mut out);
    }
    out
}

/// Appends the line of an event: `{:index 0, :time 0, :type :invoke, :process 0, :f :read, :value
/// nil}`.
pub fn write_event(event: &Event, out: &mut String) {
    let value: Value = event.to_value();
    value.write_edn(out);
    out.push('\n');
}
