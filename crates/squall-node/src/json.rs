//! The little JSON that belongs to the runtime: the two ids, and the error body.
//!
//! Everything else in a body is the node's (or serde's) business. A whole parser is not wanted
//! here: this crate has no dependencies, and a body is passed on byte for byte.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Write;

use crate::Refusal;

/// Writes `body`, the text of a JSON object, into `out` with the ids as its first keys.
///
/// `{"type":"read"}` with `msg_id` 7 becomes `{"msg_id":7,"type":"read"}`.
pub fn splice_ids(body: &[u8], msg_id: Option<u64>, in_reply_to: Option<u64>, out: &mut Vec<u8>) {
    let Some(rest) = body.strip_prefix(b"{") else {
        out.extend_from_slice(body);
        return;
    };
    let mut text = Digits::default();
    out.push(b'{');
    let before = out.len();
    for (key, id) in [(&b"\"msg_id\":"[..], msg_id), (&b"\"in_reply_to\":"[..], in_reply_to)] {
        let Some(id) = id else { continue };
        out.extend_from_slice(key);
        out.extend_from_slice(text.of(id));
        out.push(b',');
    }
    if rest.trim_ascii_start().first() == Some(&b'}') && out.len() > before {
        out.pop();
    }
    out.extend_from_slice(rest);
}

/// Decimal digits without an allocation.
#[derive(Default)]
struct Digits([u8; 20]);

impl Digits {
    fn of(&mut self, mut n: u64) -> &[u8] {
        let mut at = self.0.len();
        loop {
            at -= 1;
            self.0[at] = b'0' + u8::try_from(n % 10).expect("a digit");
            n /= 10;
            if n == 0 {
                return &self.0[at..];
            }
        }
    }
}

/// Appends the body of an error answer, without ids.
pub fn error_body(refusal: &Refusal, out: &mut Vec<u8>) {
    let mut text = String::with_capacity(refusal.text.len() + 48);
    text.push_str("{\"type\":\"error\",\"code\":");
    text.push_str(&refusal.code.to_string());
    text.push_str(",\"text\":");
    escape_into(&refusal.text, &mut text);
    text.push('}');
    out.extend_from_slice(text.as_bytes());
}

/// `text` as a JSON string, quotes included.
#[must_use]
pub fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    escape_into(text, &mut out);
    out
}

/// Appends `text` as a JSON string, quotes included (RFC 8259 §7).
pub fn escape_into(text: &str, out: &mut String) {
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if u32::from(c) < 0x20 => {
                write!(out, "\\u{:04x}", u32::from(c)).expect("writing to a string cannot fail");
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// Finds `code` and `text` at the first level of an error body. Total: whatever is missing or
/// not of its type is left at its default, code 13 (crash, indefinite) and an empty text.
#[must_use]
pub fn scan_error(body: &[u8]) -> Refusal {
    let mut refusal = Refusal { code: crate::code::CRASH, text: String::new() };
    let mut at = 0;
    let mut depth = 0_u32;
    let mut key: Option<&[u8]> = None;
    while at < body.len() {
        match body[at] {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b',' => key = None,
            b'"' => {
                let end = string_end(body, at + 1);
                let content = body.get(at + 1..end).unwrap_or_default();
                match key {
                    None if depth == 1 => key = Some(content),
                    Some(b"text") if depth == 1 => refusal.text = unescape(content),
                    _ => {}
                }
                at = end;
            }
            b'0'..=b'9' if depth == 1 && key == Some(b"code") => {
                let digits = body[at..].iter().take_while(|b| b.is_ascii_digit()).count();
                let whole = !matches!(body.get(at + digits), Some(b'.' | b'e' | b'E'));
                let negative = at > 0 && body[at - 1] == b'-';
                let number = core::str::from_utf8(&body[at..at + digits]).ok();
                if let (true, false, Some(code)) =
                    (whole, negative, number.and_then(|n| n.parse().ok()))
                {
                    refusal.code = code;
                }
                key = Some(b"");
                at += digits - 1;
            }
            _ => {}
        }
        at += 1;
    }
    refusal
}

/// Where the string that began before `from` ends: at its closing quote, or the end of input.
fn string_end(body: &[u8], from: usize) -> usize {
    let mut at = from;
    while at < body.len() {
        match body[at] {
            b'"' => return at,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    body.len()
}

/// The text of a JSON string's content. Broken escapes become the replacement character.
fn unescape(content: &[u8]) -> String {
    let text = String::from_utf8_lossy(content);
    let mut out = String::with_capacity(text.len());
    let mut letters = text.chars();
    let mut units: Vec<u16> = Vec::new();
    while let Some(letter) = letters.next() {
        let escaped = if letter == '\\' { letters.next() } else { None };
        if escaped == Some('u') {
            let hex: String = letters.by_ref().take(4).collect();
            units.push(u16::from_str_radix(&hex, 16).unwrap_or(0xFFFD));
            continue;
        }
        out.extend(char::decode_utf16(units.drain(..)).map(|c| c.unwrap_or('\u{FFFD}')));
        out.push(match escaped {
            Some('n') => '\n',
            Some('t') => '\t',
            Some('r') => '\r',
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some(other) => other,
            None => letter,
        });
    }
    out.extend(char::decode_utf16(units.drain(..)).map(|c| c.unwrap_or('\u{FFFD}')));
    out
}
