//! What people read on stderr.

use std::fmt::Write;

use squall_node::{Field, View, escape_into};

/// A remark of the node as a line: `{"note":"elected","term":4}`.
pub(crate) fn note(name: &str, fields: &View) -> String {
    let mut line = String::from("{\"note\":");
    escape_into(name, &mut line);
    for (key, value) in &fields.fields {
        line.push(',');
        escape_into(key, &mut line);
        line.push(':');
        let written = match value {
            Field::Text(text) => {
                escape_into(text, &mut line);
                Ok(())
            }
            Field::Int(n) => write!(line, "{n}"),
            Field::Count(n) => write!(line, "{n}"),
            Field::Flag(flag) => write!(line, "{flag}"),
            Field::Gone => write!(line, "null"),
        };
        written.expect("writing to a string cannot fail");
    }
    line.push('}');
    line
}
