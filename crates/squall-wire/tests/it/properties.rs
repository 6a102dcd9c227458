//! Any bytes give a value or an error, and what is written is read again.

use proptest::prelude::*;
use squall_wire::{
    Id, decode_binary, parse_line, read_frame, write_binary, write_frame, write_line,
};

/// Bytes that look enough like a line to get past the first checks.
fn nearly_a_line() -> impl Strategy<Value = Vec<u8>> {
    const PARTS: [&[u8]; 20] = [
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b":",
        b"\"src\":",
        b"\"dest\":",
        b"\"body\":",
        b"\"id\":",
        b"\"n1\"",
        b"null",
        b"1e9",
        b"-",
        b"\\",
        b"\"",
        b"\xff",
        b"\\u12",
        b" ",
        b"\n",
    ];
    let part = prop::sample::select(&PARTS[..]);
    prop::collection::vec(part, 0..24).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn reading_is_total(
        bytes in prop_oneof![nearly_a_line(), prop::collection::vec(any::<u8>(), 0..64)]
    ) {
        match parse_line(&bytes) {
            Ok(line) => prop_assert!(line.rest.len() < bytes.len()),
            Err(error) => {
                prop_assert!(error.column >= 1 && error.column <= bytes.len() + 1);
                prop_assert!(!error.hint().is_empty() && !error.to_string().is_empty());
            }
        }
        // No bytes are a frame, or make these panic.
        let is_frame = read_frame(&bytes).is_ok_and(|frame| frame.is_some());
        prop_assert!(!bytes.is_empty() || (decode_binary(&bytes).is_err() && !is_frame));
    }

    #[test]
    fn a_line_comes_back(id: u64, src: String, dest: String, msg_id: u64, text: String) {
        let body = serde_json::json!({ "type": text, "msg_id": msg_id, "deep": [{ "type": 1 }] });
        let body = body.to_string();
        let mut out = Vec::new();
        write_line(&mut out, id, &src, &dest, body.as_bytes());
        let line = parse_line(&out).unwrap();
        prop_assert_eq!((&*line.src, &*line.dest, line.body), (&*src, &*dest, &*body));
        prop_assert_eq!(line.head.name.as_deref(), Some(&*text));
        prop_assert_eq!(line.head.msg_id, Id::Number(msg_id));
        prop_assert!(line.rest.is_empty());
    }

    #[test]
    fn a_binary_body_comes_back(
        name: String,
        id: Option<u64>,
        bytes in prop::collection::vec(any::<u8>(), 0..64)
    ) {
        let mut body = Vec::new();
        write_binary(&mut body, &name, id, id, &bytes);
        let (read_name, read) = decode_binary(&body).unwrap();
        prop_assert_eq!((&*read_name, &read), (&*name, &bytes));
        prop_assert_eq!(squall_wire::Head::of(&body).msg_id.number(), id);
        let mut frame = Vec::new();
        write_frame(&mut frame, &bytes).unwrap();
        prop_assert_eq!(read_frame(&frame).unwrap().unwrap().payload, &bytes[..]);
    }
}
