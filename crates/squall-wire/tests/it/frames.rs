//! Frames and binary bodies at their bounds.

use squall_wire::{
    FRAME_BYTES_MAX, Frame, decode_binary, parse_line, read_frame, write_binary, write_frame,
};

#[test]
fn a_frame_waits_until_it_is_complete() {
    let mut bytes = Vec::new();
    write_frame(&mut bytes, b"hello").unwrap();
    write_frame(&mut bytes, b"").unwrap();
    for cut in 0..9 {
        assert_eq!(read_frame(&bytes[..cut]), Ok(None), "{cut}");
    }
    let Frame { payload, rest } = read_frame(&bytes).unwrap().unwrap();
    assert_eq!((payload, read_frame(rest).unwrap().unwrap().payload), (&b"hello"[..], &b""[..]));
}

#[test]
fn a_frame_above_the_bound_is_neither_written_nor_waited_for() {
    let mut out = Vec::new();
    let error = write_frame(&mut out, &vec![0; FRAME_BYTES_MAX + 1]).unwrap_err();
    assert_eq!((error.length, out.len()), (FRAME_BYTES_MAX + 1, 0));
    assert!(read_frame(&u32::MAX.to_le_bytes()).is_err());
}

#[test]
fn a_binary_body_looks_like_any_other_message() {
    let mut body = Vec::new();
    write_binary(&mut body, "append", Some(4), Some(0), &[0, 255, 10]);
    let text = r#"{"msg_id":4,"in_reply_to":0,"type":"squall","name":"append","b":"AP8K"}"#;
    assert_eq!(std::str::from_utf8(&body).unwrap(), text);
    let line = format!(r#"{{"src":"n1","dest":"n2","body":{text}}}"#);
    let head = parse_line(line.as_bytes()).unwrap().head;
    assert_eq!(head.name.as_deref(), Some(squall_wire::BINARY_NAME));
    assert_eq!(decode_binary(&body), Ok(("append".into(), vec![0, 255, 10])));
}

#[test]
fn a_broken_binary_body_is_an_error() {
    for body in ["{}", r#"{"name":"x"}"#, r#"{"name":"x","b":"***"}"#, r#"{"name":1,"b":""}"#, "7"]
    {
        assert!(decode_binary(body.as_bytes()).is_err(), "{body}");
    }
}
