//! The little JSON of the runtime, against a whole parser.

use proptest::prelude::*;
use serde_json::Value;
use squall_node::{Refusal, error_body, escape_into, scan_error, splice_ids};

fn spliced(body: &str, msg_id: Option<u64>, in_reply_to: Option<u64>) -> String {
    let mut out = Vec::new();
    splice_ids(body.as_bytes(), msg_id, in_reply_to, &mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn ids_come_first_and_nothing_else_moves() {
    assert_eq!(spliced(r#"{"type":"r"}"#, Some(7), None), r#"{"msg_id":7,"type":"r"}"#);
    assert_eq!(spliced(r#"{"type":"r"}"#, None, Some(0)), r#"{"in_reply_to":0,"type":"r"}"#);
    assert_eq!(
        spliced("{}", Some(1), Some(u64::MAX)),
        r#"{"msg_id":1,"in_reply_to":18446744073709551615}"#
    );
    assert_eq!(spliced("{ }", Some(1), None), r#"{"msg_id":1 }"#);
    assert_eq!(spliced("{}", None, None), "{}");
    assert_eq!(spliced("[]", Some(1), None), "[]");
}

/// What a parser finds: the last key of a name counts, what is not of its type does not.
fn scan_by_parser(body: &Value) -> Refusal {
    Refusal {
        code: body["code"].as_u64().unwrap_or(13),
        text: body["text"].as_str().unwrap_or_default().to_owned(),
    }
}

#[test]
fn strange_error_bodies_have_a_code_all_the_same() {
    for body in [
        r#"{"type":"error","code":20,"text":"no"}"#,
        r#"{"code":1.5}"#,
        r#"{"code":1e2}"#,
        r#"{"code":-5,"text":3}"#,
        r#"{"code":"11","text":null}"#,
        r#"{"code":1180591620717411303424}"#,
        r#"{"extra":{"code":1,"text":"x"},"list":["code",2,"text","y"],"code":30}"#,
        r#"{"text":"code","code":[7]}"#,
        r#"{"text":"\"code\":7,\\","code": 22 }"#,
        r#"{"text":"\ud83d\ude00\u00e9\n\t\b\f\/"}"#,
        r#"{"key":"text","text":"code"}"#,
        "{}",
    ] {
        let parsed: Value = serde_json::from_str(body).unwrap();
        assert_eq!(scan_error(body.as_bytes()), scan_by_parser(&parsed), "{body}");
    }
}

fn json() -> impl Strategy<Value = Value> {
    let text = prop_oneof![Just("code".to_owned()), Just("text".to_owned()), any::<String>()];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1000..1000_i32).prop_map(|n| Value::from(f64::from(n) / 8.0)),
        text.clone().prop_map(Value::from),
    ];
    let key = text;
    leaf.prop_recursive(4, 24, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..6)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn an_error_body_is_read_as_a_parser_reads_it(
        code in json(),
        text in json(),
        extra in json(),
        pretty: bool,
    ) {
        let body = serde_json::json!({ "a": extra, "code": code, "extra": extra, "text": text });
        let bytes = match pretty {
            true => serde_json::to_string_pretty(&body).unwrap(),
            false => body.to_string(),
        };
        prop_assert_eq!(scan_error(bytes.as_bytes()), scan_by_parser(&body));
    }

    #[test]
    fn an_error_body_comes_back(code: u64, text: String) {
        let refusal = Refusal { code, text };
        let mut body = Vec::new();
        error_body(&refusal, &mut body);
        prop_assert_eq!(scan_error(&body), refusal.clone());
        let parsed: Value = serde_json::from_slice(&body).unwrap();
        prop_assert_eq!(scan_by_parser(&parsed), refusal);
    }

    #[test]
    fn no_bytes_make_it_panic(
        bytes in prop::collection::vec(
            prop::sample::select(&b"{}[]\",:\\u0-9etx\xff code"[..]),
            0..60
        )
    ) {
        let read = scan_error(&bytes);
        prop_assert!(read.text.len() <= bytes.len() * 3);
    }

    #[test]
    fn a_string_is_escaped_as_json_wants_it(text: String) {
        let mut out = String::new();
        escape_into(&text, &mut out);
        prop_assert_eq!(serde_json::from_str::<String>(&out).unwrap(), text);
    }

    #[test]
    fn spliced_ids_are_read_back(body in json(), msg_id: Option<u64>, re: Option<u64>) {
        let Value::Object(mut expected) = body else { return Ok(()) };
        let text = Value::Object(expected.clone()).to_string();
        for (key, id) in [("msg_id", msg_id), ("in_reply_to", re)] {
            if let Some(id) = id {
                expected.insert(key.to_owned(), Value::from(id));
            }
        }
        let read: Value = serde_json::from_str(&spliced(&text, msg_id, re)).unwrap();
        prop_assert_eq!(read, Value::Object(expected));
    }
}
