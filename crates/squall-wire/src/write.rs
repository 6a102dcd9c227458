//! Messages as lines, without optional white space: the common Go library dies on long lines.

use std::io::Write;

/// Appends the line of a message to a node. `body` is JSON, and is written as it is.
pub fn write_line(out: &mut Vec<u8>, id: u64, src: &str, dest: &str, body: &[u8]) {
    out.extend_from_slice(b"{\"id\":");
    push_number(out, id);
    out.push(b',');
    envelope(out, src, dest, body);
}

/// Appends the line of a message from a node, which has no `id`.
pub fn write_node_line(out: &mut Vec<u8>, src: &str, dest: &str, body: &[u8]) {
    out.push(b'{');
    envelope(out, src, dest, body);
}

fn envelope(out: &mut Vec<u8>, src: &str, dest: &str, body: &[u8]) {
    out.reserve(src.len() + dest.len() + body.len() + 32);
    out.extend_from_slice(b"\"src\":");
    push_text(out, src);
    out.extend_from_slice(b",\"dest\":");
    push_text(out, dest);
    out.extend_from_slice(b",\"body\":");
    out.extend_from_slice(body);
    out.extend_from_slice(b"}\n");
}

/// Appends a JSON string.
pub(crate) fn push_text(out: &mut Vec<u8>, text: &str) {
    if text.bytes().all(|b| b >= b' ' && b != b'"' && b != b'\\') {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
        return;
    }
    serde_json::to_writer(out, text).expect("a string is JSON, and memory takes it");
}

/// Appends a number.
pub(crate) fn push_number(out: &mut Vec<u8>, number: u64) {
    write!(out, "{number}").expect("memory takes it");
}
