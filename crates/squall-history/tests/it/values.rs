//! Round trips, order and equality of values, and the bounds of both readers.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use proptest::prelude::*;
use squall_history::{EdnReader, Value};

/// Text of a number with any digits.
fn number() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<i64>().prop_map(Value::Int),
        (-5_i64..5).prop_map(Value::Int),
        "-?[1-9][0-9]{0,30}".prop_map(|text| Value::number(&text).expect("an integer")),
        "-?[0-9]{1,4}\\.[0-9]{1,4}(e-?[0-9]{1,3})?"
            .prop_map(|text| Value::number(&text).expect("a number")),
    ]
}

/// A value that JSON can hold.
pub(crate) fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Nil),
        any::<bool>().prop_map(Value::Bool),
        number(),
        ".{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((".{0,3}", inner), 0..5)
                .prop_map(|pairs| Value::map(pairs.into_iter().map(|(k, v)| (k.into(), v)))),
        ]
    })
}

/// A value that EDN can hold.
fn edn_value() -> impl Strategy<Value = Value> {
    let name = "[a-z][a-z0-9.?*-]{0,4}(/[a-z]{1,3})?";
    let leaf = prop_oneof![
        Just(Value::Nil),
        any::<bool>().prop_map(Value::Bool),
        number(),
        ".{0,6}".prop_map(Value::from),
        name.prop_map(Value::keyword),
        "s[a-z.]{0,4}".prop_map(|text| Value::Symbol(text.into())),
        Just(Value::Symbol("##Inf".into())),
        Just(Value::Symbol("-3/4".into())),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::set),
            prop::collection::vec((inner.clone(), inner), 0..5).prop_map(Value::map),
        ]
    })
}

fn hash(value: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// The same value with every map and set turned round.
fn turned(value: &Value) -> Value {
    match value {
        Value::List(items) => items.iter().map(turned).collect(),
        Value::Set(items) => Value::Set(items.iter().rev().map(turned).collect()),
        Value::Map(pairs) => {
            Value::Map(pairs.iter().rev().map(|(k, v)| (turned(k), turned(v))).collect())
        }
        leaf => leaf.clone(),
    }
}

proptest! {
    #[test]
    fn json_round_trip(value in json_value()) {
        let text = value.to_json();
        prop_assert!(!text.contains('\n'));
        prop_assert_eq!(Value::from_json(&text).expect("our own JSON"), value);
    }

    #[test]
    fn edn_round_trip(value in edn_value()) {
        let line = value.to_edn();
        prop_assert_eq!(&Value::from_edn(&line).expect("our own EDN"), &value, "{}", line);
        let pretty = value.to_edn_pretty();
        prop_assert_eq!(&Value::from_edn(&pretty).expect("our own EDN"), &value, "{}", pretty);
    }

    #[test]
    fn readers_are_total(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        let _either = (Value::from_json(&bytes), Value::from_edn(&bytes));
    }

    #[test]
    fn readers_are_total_on_likely_text(
        text in "[\\[\\](){}#_:;,\\\\\"a-z0-9.\\-/MNe \nué]{0,40}",
    ) {
        let _either = (Value::from_json(&text), Value::from_edn(&text));
        let mut reader = EdnReader::new(text.as_bytes());
        while let Ok(Some(_)) = reader.next_form() {}
    }

    #[test]
    fn maps_and_sets_have_no_order(value in edn_value()) {
        let turned = turned(&value);
        prop_assert_eq!(&turned, &value);
        prop_assert_eq!(hash(&turned), hash(&value));
    }

    #[test]
    fn the_order_is_total(a in edn_value(), b in edn_value(), c in edn_value()) {
        prop_assert_eq!(a.cmp(&b), b.cmp(&a).reverse());
        if a <= b && b <= c {
            prop_assert!(a <= c);
        }
    }
}

#[test]
fn kinds_and_spellings_of_numbers() {
    let json = |text: &str| Value::from_json(text).expect("JSON");
    assert_ne!(json("1"), json("1.0"));
    assert_ne!(json("1"), json("\"1\""));
    assert_eq!(json("1.50"), json("15e-1"));
    assert_eq!(json("1180591620717411303424").to_json(), "1180591620717411303424");
    assert_eq!(json("1180591620717411303424").to_edn(), "1180591620717411303424N");
    let mut sorted: Vec<Value> =
        ["[1]", "\"a\"", "2", "1.0", "-1e30", "1", "null", "{\"a\":1}", "true", "9e99"]
            .map(json)
            .into();
    sorted.sort();
    let texts: Vec<String> = sorted.iter().map(Value::to_json).collect();
    let expected =
        ["null", "true", "-1.0e30", "1", "1.0", "2", "9.0e99", "\"a\"", "[1]", "{\"a\":1}"];
    assert_eq!(texts, expected);
}

#[test]
fn edn_becomes_json() {
    let edn = "{:valid? :unknown, :set #{3 1 :b}, \"s\" (1 nil), 7 foo, [1 2] 1.5}";
    let value = Value::from_edn(edn).expect("EDN");
    let expected = r#"{"valid?":"unknown","set":[1,3,"b"],"s":[1,null],"7":"foo","[1 2]":1.5}"#;
    assert_eq!(value.to_json(), expected);
    let mut pairs = String::new();
    Value::from_edn("{7 1, [1] 2}").expect("EDN").write_json_pairs(&mut pairs);
    assert_eq!(pairs, "[[7,1],[[1],2]]");
}

#[test]
fn json_bounds_and_errors() {
    for (text, message) in [
        ("[".repeat(100_000), "nested more than 128 deep"),
        ("{\"a\":".repeat(100_000), "nested more than 128 deep"),
        ("[0.5,]".to_owned(), "expected value"),
        ("01".to_owned(), "invalid number"),
        ("[1.]".to_owned(), "invalid number"),
        ("nu1".to_owned(), "expected ident"),
        ("\"\\ud800\"".to_owned(), "unexpected end of hex escape"),
        ("{\"\\ud800\":0.5}".to_owned(), "unexpected end of hex escape"),
        ("\"\\uzzzz\"".to_owned(), "invalid escape"),
        ("\"a\nb\"".to_owned(), "control character (\\u0000-\\u001F) found while parsing a string"),
        ("{\"a\":1} x".to_owned(), "trailing characters"),
        (String::new(), "EOF while parsing a value"),
    ] {
        let error = Value::from_json(&text).expect_err("no JSON");
        assert_eq!(error.message, message, "{}", &text[..text.len().min(20)]);
    }
    let pair = Value::from_json("\"\\ud83d\\ude00\"").expect("JSON");
    assert_eq!(pair, Value::from("😀"));
    let twice = Value::from_json("{\"a\":1,\"b\":2,\"a\":3}").expect("JSON");
    assert_eq!(twice.to_json(), "{\"b\":2,\"a\":3}");
    let deepest = format!("{}{}", "[".repeat(128), "]".repeat(128));
    assert!(Value::from_json(deepest).is_ok());
    let wide = format!("[{}]", vec!["[]"; 1000].join(","));
    assert!(Value::from_json(wide).is_ok());
}

#[test]
fn json_errors_have_a_place() {
    let deep = |inner: &str| format!("\n{}{inner}{}", "[".repeat(128), "]".repeat(128));
    assert!(Value::from_json(deep("0.5")).is_ok());
    for (text, place) in [
        ("[1,\n  x]".to_owned(), (2, 3)),
        ("[1,\n  0.5,\n \"a\\x\"]".to_owned(), (3, 5)),
        ("[1,\n \"é".to_owned(), (2, 5)),
        ("[0.5,\n [\"é\", \"\\ud800\"]]".to_owned(), (2, 16)),
        ("[0.5,\n {\"\\ud800\": 1}]".to_owned(), (2, 10)),
        (deep("[]"), (2, 129)),
        (deep("{}"), (2, 129)),
    ] {
        let error = Value::from_json(&text).expect_err("no JSON");
        assert_eq!((error.line, error.column), place, "{error}: {text}");
        let line = text.split_inclusive('\n').take(error.line - 1).map(str::len).sum::<usize>();
        assert_eq!(error.offset, line + error.column - 1, "{text}");
    }
    let error = Value::from_json(b"[0.5,\n \"\xff\"]").expect_err("no text");
    assert_eq!((error.line, error.column, &*error.message), (2, 3, "not UTF-8"));
}

/// A number that fits no machine's may stand anywhere, and everything around it stays what it is.
#[test]
fn numbers_keep_their_text_wherever_they_are() {
    for (number, kept) in [
        ("-0", "0"),
        ("-0.0", "-0.0"),
        ("18446744073709551615", "18446744073709551615"),
        ("-9223372036854775808", "-9223372036854775808"),
        ("-9223372036854775809", "-9223372036854775809"),
        ("0.1000000000000000055511151231257827", "0.1000000000000000055511151231257827"),
        ("1e400", "1.0e400"),
        ("-1E-400", "-1.0e-400"),
    ] {
        let text = format!(r#" {{"a\t": [null, {number}, "\u00e9"], "b": {{}}, "c": [[],true]}} "#);
        let expected = format!(r#"{{"a\t":[null,{kept},"é"],"b":{{}},"c":[[],true]}}"#);
        assert_eq!(Value::from_json(&text).expect("JSON").to_json(), expected);
        let twice = format!(r#"{{"a":1,"b":{number},"\u0061":[2]}}"#);
        let expected = format!(r#"{{"b":{kept},"a":[2]}}"#);
        assert_eq!(Value::from_json(&twice).expect("JSON").to_json(), expected);
        let long = "9".repeat(10_000);
        assert_eq!(Value::from_json(&long).expect("JSON").to_json(), long);
    }
}

#[test]
fn edn_reads() {
    for (text, expected) in [
        ("; c\n #_ #_ a b [1,2 #_3] ; d", "[1 2]"),
        ("#inst \"2020\"", "\"2020\""),
        ("#object[a.B 0x \"x\"]", "none"),
        ("#jepsen.history.Op{:index 0}", "{:index 0}"),
        ("#:jepsen.foo{:a 1, :_/b 2}", "{:a 1, :b 2}"),
        ("[\\a \\newline \\space \\u0041 \\(]", "[\"a\" \"\\n\" \" \" \"A\" \"(\"]"),
        ("[1N 1.5M 2M 3/4 +7 -0 ##-Inf]", "[1 1.5 2.0 3/4 7 0 ##-Inf]"),
        ("(a :b/c :final? ...)", "[a :b/c :final? ...]"),
        ("#{2 1 2}", "#{1 2}"),
        ("{:a 1 :a 2}", "{:a 2}"),
        ("\"\\t\\u00e9\"", "\"\\té\""),
    ] {
        let read = Value::from_edn(text).map_or("none".to_owned(), |value| value.to_edn());
        assert_eq!(read, expected, "{text}");
    }
    for text in ["017", "0x1F", "2r101", "{:a}", "[1", ")", "#", ":", "\\zzz", "1 2", "#_", "[1}"] {
        assert!(Value::from_edn(text).is_err(), "{text}");
    }
    for open in ["[", "{", "#{", "#a ", "#_ ", "#_ #a "] {
        let error = Value::from_edn(open.repeat(100_000)).expect_err("too deep");
        assert_eq!(error.message, "nested more than 64 deep", "{open}");
    }
}

#[test]
fn results_are_pretty() {
    let number = |n: i64| Value::Int(n);
    let counts = [("count", number(1200)), ("ok-count", number(1100)), ("fail-count", number(100))];
    let stats = Value::record([
        ("valid?", true.into()),
        ("count", number(1200)),
        ("by-f", Value::record([("read", Value::record(counts.clone()))])),
        ("list", (0..40).collect::<Vec<i64>>().into()),
    ]);
    let expected = "{:valid? true,
 :count 1200,
 :by-f {:read {:count 1200, :ok-count 1100, :fail-count 100}},
 :list
  [0";
    assert!(stats.to_edn_pretty().starts_with(expected), "{}", stats.to_edn_pretty());
}
