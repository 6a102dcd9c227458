//! Every row of the envelope's rules, as a line and what becomes of it.

use squall_wire::{Id, LineFault, parse_line, write_line, write_node_line};

#[test]
fn a_message_is_read_without_touching_its_body() {
    let body = concat!(
        r#"{"type":"echo", "msg_id":7 ,"#,
        r#""echo":[1.0,1180591620717411303424,"é\u00e9",{"msg_id":9}]}"#
    );
    let text = format!(r#" {{"id":3,"src":"n1","dest":"c2","body":{body}}}"#);
    let line = parse_line(text.as_bytes()).unwrap();
    assert_eq!((&*line.src, &*line.dest), ("n1", "c2"));
    assert_eq!(line.body, body);
    assert_eq!(line.head.name.as_deref(), Some("echo"));
    assert_eq!((line.head.msg_id, line.head.in_reply_to), (Id::Number(7), Id::Absent));
    assert!(line.rest.is_empty());
}

#[test]
fn an_id_is_an_integer_or_never_matches() {
    let table = [
        ("0", Id::Number(0)),
        ("18446744073709551615", Id::Number(u64::MAX)),
        ("18446744073709551616", Id::Other),
        ("1180591620717411303424", Id::Other),
        ("1.0", Id::Other),
        ("1e3", Id::Other),
        ("-1", Id::Other),
        ("\"1\"", Id::Other),
        ("[1]", Id::Other),
        ("true", Id::Other),
        ("null", Id::Null),
    ];
    for (written, expected) in table {
        let text = format!(
            r#"{{"src":"n1","dest":"c2","body":{{"in_reply_to":{written},"msg_id":{written}}}}}"#
        );
        let head = parse_line(text.as_bytes()).unwrap().head;
        assert_eq!((head.in_reply_to, head.msg_id), (expected, expected), "{written}");
        assert_eq!(head.msg_id.is_odd(), expected == Id::Other);
    }
}

#[test]
fn a_body_may_be_anything_between_nodes() {
    for body in ["null", "[]", "7", r#""text""#, "{}", r#"{"type":5}"#] {
        let text = format!(r#"{{"src":"n1","dest":"n2","body":{body}}}"#);
        let line = parse_line(text.as_bytes()).unwrap();
        assert_eq!((line.body, line.head), (body, squall_wire::Head::default()));
    }
}

#[test]
fn names_and_types_may_have_escapes() {
    let text = r#"{"src":"n\u0031","\u0064est":"c\"2","body":{"ty\u0070e":"e\u0063ho"}}"#;
    let line = parse_line(text.as_bytes()).unwrap();
    assert_eq!((&*line.src, &*line.dest), ("n1", "c\"2"));
    assert_eq!(line.head.name.as_deref(), Some("echo"));
}

/// A line, the code of what is wrong with it, its column, the message, and the hint.
const REFUSED: &[(&str, &str, usize, &str, &str)] = &[
    ("", "SQ01", 1, "the line is empty", "stdout is the wire"),
    (" \t\r\n", "SQ01", 1, "the line is empty", "stdout is the wire"),
    ("got init", "SQ01", 1, "is not JSON at column 1: expected value", "print everything else"),
    ("[info] started", "SQ01", 2, "is not JSON at column 2", "print everything else"),
    (r#"{"src":"n1","dest":"#, "SQ01", 19, "piece of a JSON object", "one message is one line"),
    ("{", "SQ01", 1, "piece of a JSON object", "without newlines"),
    (r#"{"src":"n1","dest":"c1","body":{"a":"hi"#, "SQ01", 39, "piece of", "one message is"),
    (r#"  "src": "n1","#, "SQ01", 3, "piece of a JSON object", "one message is one line"),
    (" },", "SQ01", 2, "piece of a JSON object", "one message is one line"),
    (r#"{"src":"n1" "dest":"c1"}"#, "SQ01", 13, "expected `,` or `}`", "print everything else"),
    (r"{'src':'n1'}", "SQ01", 2, "key must be a string", "print everything else"),
    ("[1,2]", "SQ04", 1, "JSON, but an array instead of an object", "a message is {"),
    ("null", "SQ04", 1, "but null instead", "a message is {"),
    ("12 messages", "SQ04", 1, "but an integer instead", "a message is {"),
    (r#""hi""#, "SQ04", 1, "but a string instead", "a message is {"),
    (r#" {"dest":"c1","body":{}}"#, "SQ04", 2, "has no `src`", "this node's own id"),
    (r#"{"src":"n1","body":{}}"#, "SQ04", 1, "has no `dest`", "the src of its request"),
    (r#"{"src":"n1","dest":"c1"}"#, "SQ04", 1, "has no `body`", "a message is {"),
    (
        r#"{"src":null,"dest":"c1","body":{}}"#,
        "SQ04",
        8,
        "`src` must be a string, and it is null",
        "node_id",
    ),
    (
        r#"{"src":"n1","dest":2,"body":{}}"#,
        "SQ04",
        20,
        "`dest` must be a string, and it is an integer",
        "src of its request",
    ),
    (
        r#"{"id":"x","src":"n1","dest":"c1","body":{}}"#,
        "SQ04",
        7,
        "`id` must be an integer, and it is a string",
        "a message is {",
    ),
    (
        r#"{"id":1.5,"src":"n1","dest":"c1","body":{}}"#,
        "SQ04",
        7,
        "it is a fraction",
        "a message is {",
    ),
    (r#"{"src":"n1","dst":"c1","body":{}}"#, "SQ04", 19, "no key `dst`", "did you mean `dest`?"),
    (r#"{"scr":"n1","dest":"c1","body":{}}"#, "SQ04", 8, "no key `scr`", "did you mean `src`?"),
    (r#"{"from":"n1","dest":"c1","body":{}}"#, "SQ04", 9, "no key `from`", "did you mean `src`?"),
    (
        r#"{"src":"n1","dest":"c1","type":"x","body":{}}"#,
        "SQ04",
        32,
        "no key `type`",
        "belongs inside `body`",
    ),
    (
        r#"{"src":"n1","dest":"c1","body":{},"colour":1}"#,
        "SQ04",
        44,
        "no key `colour`",
        "src, dest, body and id only",
    ),
];

#[test]
fn what_is_no_message_is_located_and_says_what_to_do() {
    for &(text, code, column, message, hint) in REFUSED {
        let error = parse_line(text.as_bytes()).unwrap_err();
        assert_eq!((error.code(), error.column), (code, column), "{text}: {error}");
        assert!(error.to_string().contains(message), "{text}: {error}");
        assert!(error.hint().contains(hint), "{text}: {}", error.hint());
    }
}

#[test]
fn bytes_that_are_not_utf8_are_located() {
    for text in [&b"{\"src\":\"n\xff\",\"dest\":\"c1\",\"body\":{}}"[..], b"hello \xff", b"\xff"] {
        let error = parse_line(text).unwrap_err();
        let at = text.iter().position(|&b| b == 0xff).unwrap() + 1;
        let expected = if text.starts_with(b"hello") { 1 } else { at };
        assert_eq!((error.code(), error.column), ("SQ01", expected), "{error}");
    }
}

#[test]
fn a_missing_newline_leaves_the_rest() {
    let first = r#"{"src":"n1","dest":"c1","body":{}}"#;
    let text = format!("{first} {first}debug\n");
    let line = parse_line(text.as_bytes()).unwrap();
    let again = parse_line(line.rest).unwrap();
    assert_eq!((&*again.src, again.rest), ("n1", &b"debug\n"[..]));
    assert_eq!(parse_line(again.rest).unwrap_err().code(), "SQ01");
}

#[test]
fn depth_is_bounded_and_located_wherever_it_is() {
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    let line = |body: &str| format!(r#"{{"src":"n1","dest":"c1","body":{body}}}"#);
    let deepest = line(&nested(127));
    let read = parse_line(deepest.as_bytes()).unwrap();
    assert!(serde_json::from_str::<serde_json::Value>(read.body).is_ok());
    for text in [line(&nested(128)), line(&nested(100_000))] {
        let error = parse_line(text.as_bytes()).unwrap_err();
        assert_eq!((&error.fault, error.column), (&LineFault::TooDeep, 32 + 127));
        assert_eq!(error.to_string(), "the body is nested deeper than 127 levels");
    }
    // Brackets inside strings are no levels.
    let strings = line(&format!(r#"["\"{}","\\{}"]"#, "[".repeat(500), "{".repeat(500)));
    assert!(parse_line(strings.as_bytes()).is_ok());
    for hostile in [
        nested(100_000),
        "[".repeat(1_000_000),
        format!(r#"{{"src":{}"#, "{\"a\":".repeat(300_000)),
        format!(r#"{{"src":{},"dest":"c1","body":{{}}}}"#, nested(100_000)),
    ] {
        parse_line(hostile.as_bytes()).unwrap_err();
    }
}

#[test]
fn a_hundred_megabytes_take_linear_time() {
    let long = format!(
        r#"{{"src":"n1","dest":"c1","body":{{"type":"echo","echo":"{}"}}}}"#,
        "x".repeat(100_000_000)
    );
    assert_eq!(parse_line(long.as_bytes()).unwrap().head.name.as_deref(), Some("echo"));
    let many = r#"{"src":"n1","dest":"c1","body":{}}"#.repeat(300_000);
    let (mut rest, mut count) = (many.as_bytes(), 0);
    while !rest.is_empty() {
        rest = parse_line(rest).unwrap().rest;
        count += 1;
    }
    assert_eq!(count, 300_000);
}

#[test]
fn written_lines_have_no_optional_white_space() {
    let mut out = Vec::new();
    write_line(&mut out, 0, "c0", "n0", br#"{"type":"init"}"#);
    write_node_line(&mut out, "n\"1\u{1}", "c0", b"{}");
    let expected = concat!(
        r#"{"id":0,"src":"c0","dest":"n0","body":{"type":"init"}}"#,
        "\n",
        r#"{"src":"n\"1\u0001","dest":"c0","body":{}}"#,
        "\n"
    );
    assert_eq!(String::from_utf8(out).unwrap(), expected);
}
