//! [`Value`] to EDN: on one line, and over several lines for people.

use crate::json::push_display;
use crate::value::Value;

/// Width that the pretty printer tries to keep.
const WIDTH: usize = 80;

impl Value {
    /// The value as EDN on one line, as Clojure's `pr` writes it. Sets are sorted.
    #[must_use]
    pub fn to_edn(&self) -> String {
        let mut out = String::new();
        self.write_edn(&mut out);
        out
    }

    /// Appends what [`Value::to_edn`] returns.
    pub fn write_edn(&self, out: &mut String) {
        match self {
            Self::Nil => out.push_str("nil"),
            Self::Bool(bool) => push_display(out, bool),
            Self::Int(int) => push_display(out, int),
            Self::Number(number) => {
                out.push_str(number.as_str());
                if number.is_integer() {
                    out.push('N');
                }
            }
            Self::Str(text) => write_string(text, out),
            Self::Keyword(name) if is_keyword_name(name) => {
                out.push(':');
                out.push_str(name);
            }
            Self::Keyword(name) => write_string(name, out),
            Self::Symbol(name) => out.push_str(name),
            Self::List(items) => write_items("[", items.iter(), "]", out),
            Self::Set(items) => write_items("#{", sorted(items).into_iter(), "}", out),
            Self::Map(pairs) => {
                out.push('{');
                for (i, (key, value)) in pairs.iter().enumerate() {
                    if i > 0 {
                        out.push_str(", ");
                    }
                    key.write_edn(out);
                    out.push(' ');
                    value.write_edn(out);
                }
                out.push('}');
            }
        }
    }

    /// The value as EDN for people: what does not fit into 80 columns is broken, one member a line,
    /// aligned. Ends without a newline.
    #[must_use]
    pub fn to_edn_pretty(&self) -> String {
        let mut out = String::new();
        write_pretty(self, 0, 0, &mut out);
        out
    }
}

/// Writes `value` from column `indent`; `closing` brackets of its ancestors will follow on its last
/// line.
fn write_pretty(value: &Value, indent: usize, closing: usize, out: &mut String) {
    let line = value.to_edn();
    if indent + line.chars().count() + closing <= WIDTH {
        out.push_str(&line);
        return;
    }
    match value {
        Value::List(items) => {
            let items: Vec<&Value> = items.iter().collect();
            write_pretty_items("[", &items, "]", (indent, closing), out);
        }
        Value::Set(items) => write_pretty_items("#{", &sorted(items), "}", (indent, closing), out),
        Value::Map(pairs) => {
            out.push('{');
            for (i, (key, value)) in pairs.iter().enumerate() {
                if i > 0 {
                    new_line(",", indent + 1, out);
                }
                let key = key.to_edn();
                out.push_str(&key);
                let rest = if i + 1 == pairs.len() { closing + 1 } else { 1 };
                let after_key = indent + 2 + key.chars().count();
                if is_long_for(value, after_key, rest) {
                    new_line("", indent + 2, out);
                    write_pretty(value, indent + 2, rest, out);
                } else {
                    out.push(' ');
                    write_pretty(value, after_key, rest, out);
                }
            }
            out.push('}');
        }
        _ => out.push_str(&line),
    }
}

/// Whether a collection neither fits behind its key nor is well placed there.
fn is_long_for(value: &Value, column: usize, closing: usize) -> bool {
    let is_collection = matches!(value, Value::List(_) | Value::Set(_) | Value::Map(_));
    is_collection && column + value.to_edn().chars().count() + closing > WIDTH
}

fn write_pretty_items(
    open: &str,
    items: &[&Value],
    close: &str,
    (indent, closing): (usize, usize),
    out: &mut String,
) {
    out.push_str(open);
    let indent = indent + open.len();
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            new_line("", indent, out);
        }
        let closing = if i + 1 == items.len() { closing + 1 } else { 0 };
        write_pretty(item, indent, closing, out);
    }
    out.push_str(close);
}

fn new_line(before: &str, indent: usize, out: &mut String) {
    out.push_str(before);
    out.push('\n');
    out.extend(std::iter::repeat_n(' ', indent));
}

fn write_items<'v>(
    open: &str,
    items: impl Iterator<Item = &'v Value>,
    close: &str,
    out: &mut String,
) {
    out.push_str(open);
    for (i, item) in items.enumerate() {
        if i > 0 {
            out.push(' ');
        }
        item.write_edn(out);
    }
    out.push_str(close);
}

fn sorted(items: &[Value]) -> Vec<&Value> {
    let mut items: Vec<&Value> = items.iter().collect();
    items.sort();
    items
}

fn write_string(text: &str, out: &mut String) {
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

/// Whether a keyword of this name can be written and read again.
pub(super) fn is_keyword_name(name: &str) -> bool {
    !name.is_empty() && !name.starts_with(':') && name.bytes().all(super::read::is_symbol_byte)
}
