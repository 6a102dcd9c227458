//! `history.txt`: a history for people, one event a line: process, type, function, value and error,
//! with tabs between.

use crate::event::{Event, History, named_error};
use crate::value::Value;

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
