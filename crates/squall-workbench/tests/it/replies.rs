//! What the clients make of answers: right ones, errors, and what nobody should say.

use serde_json::json;
use squall_check::statistics::Target;
use squall_workbench::{Assertion, Settings};

use crate::bench::{settings, under, with_nodes};
use crate::liar::{Lied, lie, lie_from_birth};

fn one(node: &str) -> Settings {
    Settings { time_limit_ms: 1_000, recovery_ms: 100, ..with_nodes(1, settings(node)) }
}

/// All nodes answer every request so; `ID` is the id of the request.
fn answer(settings: &Settings, reply: &str) -> Lied {
    let reply = reply.to_owned();
    lie(settings, move |_, id, _, _| vec![reply.replace("ID", &id.to_string())])
}

#[test]
fn malformed_replies_are_unknown_and_told() {
    for (reply, wrong) in [
        (r#"{"type":"echo_ok","in_reply_to":ID,"echo":1,"extra":2}"#, "extra"),
        (r#"{"type":"echo_ok","in_reply_to":ID}"#, "no \\\"echo"),
        (r#"{"type":"echo_ok","in_reply_to":ID,"echo":1,"msg_id":null}"#, "msg_id"),
        (r#"{"type":"echo_ok","in_reply_to":ID,"echo":1,"msg_id":1.0}"#, "1.0"),
        (r#"{"type":"echo_ok","in_reply_to":ID,"echo":1,"msg_id":"7"}"#, "msg_id"),
        (r#"{"type":"echo","in_reply_to":ID,"echo":1}"#, "echo_ok"),
        (r#"{"in_reply_to":ID,"echo":1}"#, "type\\\" is missing"),
        (r#"{"type":7,"in_reply_to":ID,"echo":1}"#, "echo_ok"),
    ] {
        let lied = answer(&one("echo"), reply);
        let ends = lied.ends();
        assert!(ends.len() > 5, "{reply}: {ends:?}");
        for end in &ends {
            assert!(end.starts_with("info [\"malformed-reply\""), "{reply}: {end}");
            assert!(end.contains(wrong), "{reply}: {end} does not name {wrong}");
        }
        assert_eq!(lied.codes(), [("SQ04", ends.len() as u64)], "{reply}");
        let exceptions = lied.judged.results.get("exceptions").unwrap().to_json();
        assert!(exceptions.contains("malformed-reply"), "{exceptions}");
    }
}

#[test]
fn lists_of_integers_are_lists_of_integers() {
    for (messages, is_right) in [
        ("[]", true),
        ("[1,2,3]", true),
        ("null", true),
        ("[9223372036854775808]", true),
        ("[1.0]", false),
        ("[\"1\"]", false),
        ("[null]", false),
        ("{}", false),
        ("7", false),
    ] {
        let lied = lie(&one("broadcast"), move |name, id, _, _| match name {
            "read" => {
                vec![format!(r#"{{"type":"read_ok","in_reply_to":{id},"messages":{messages}}}"#)]
            }
            _ => vec![format!(r#"{{"type":"broadcast_ok","in_reply_to":{id}}}"#)],
        });
        let reads: Vec<_> = lied.ops().into_iter().filter(|op| op["f"] == "read").collect();
        let ends: Vec<_> = reads.iter().filter(|op| op["do"] != "invoke").collect();
        let expected = if is_right { "ok" } else { "info" };
        assert!(ends.len() > 3 && ends.iter().all(|op| op["do"] == expected), "{messages}");
        assert_eq!(lied.codes().is_empty(), is_right, "{messages}");
    }
}

#[test]
fn error_codes_say_whether_it_happened() {
    let definite = [
        (1, "node-not-found"),
        (10, "not-supported"),
        (11, "temporarily-unavailable"),
        (12, "malformed-request"),
        (14, "abort"),
        (20, "key-does-not-exist"),
        (21, "key-already-exists"),
        (22, "precondition-failed"),
        (30, "txn-conflict"),
    ];
    let indefinite = [(0, "timeout"), (13, "crash")];
    let cases = definite.map(|(code, name)| (code.to_string(), name, "fail", false));
    let cases = cases
        .into_iter()
        .chain(indefinite.map(|(code, name)| (code.to_string(), name, "info", false)));
    // Unlisted, missing, no integer; from 1000 on they are free.
    let odd = ["2", "15", "999", "-1", "20.0", "\"20\"", "null", "MISSING"];
    let cases = cases.chain(odd.map(|code| (code.to_owned(), "unknown", "info", true)));
    let own = ["1000", "4711"].map(|code| (code.to_owned(), "unknown", "info", false));
    for (code, name, stage, is_told) in cases.chain(own) {
        let code = match code.as_str() {
            "MISSING" => String::new(),
            code => format!(r#""code":{code},"#),
        };
        let reply = format!(r#"{{"type":"error","in_reply_to":ID,{code}"text":"why","more":1}}"#);
        let lied = answer(&one("lin-kv"), &reply);
        let mut functions = std::collections::BTreeSet::new();
        for op in lied.ops().into_iter().filter(|op| op["do"] != "invoke") {
            // A read has no effect: what did not succeed did not happen.
            let expected = if op["f"] == "read" { "fail" } else { stage };
            assert_eq!(op["do"], expected, "{reply}: {op}");
            assert_eq!(op["error"], json!([name, "why"]), "{reply}");
            functions.insert(op["f"].to_string());
        }
        assert_eq!(functions.len(), 3, "{reply}: read, write and cas");
        let codes: Vec<_> = lied.codes().into_iter().map(|(code, _)| code).collect();
        assert_eq!(codes, if is_told { vec!["SQ10"] } else { vec![] }, "{reply}");
    }
}

#[test]
fn an_odd_error_code_is_shown_as_it_came() {
    for (code, shown) in [("15", "15"), ("\"20\"", "\"20\""), ("20.0", "20.0")] {
        let reply = format!(r#"{{"type":"error","in_reply_to":ID,"code":{code}}}"#);
        let lied = answer(&one("echo"), &reply);
        let what = &lied.judged.findings[0].0.what;
        assert!(what.contains(shown), "{code}: {what}");
    }
    let lied = answer(&one("echo"), r#"{"type":"error","in_reply_to":ID,"text":"no"}"#);
    let what = &lied.judged.findings[0].0.what;
    assert!(what.contains("no \"code\""), "{what}");
}

#[test]
fn a_second_answer_is_told_and_ignored() {
    let lied = lie(&one("echo"), |_, id, body, _| {
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        let first = format!(r#"{{"type":"echo_ok","in_reply_to":{id},"echo":{}}}"#, body["echo"]);
        let second = format!(r#"{{"type":"echo_ok","in_reply_to":{id},"echo":"other"}}"#);
        vec![first, second]
    });
    let ends = lied.ends();
    assert!(ends.iter().all(|end| end == "ok null"), "{ends:?}");
    assert_eq!(lied.codes(), [("SQ05", ends.len() as u64)]);
    let (finding, _) = &lied.judged.findings[0];
    assert!(finding.what.contains("answered twice"), "{}", finding.what);
    assert_eq!(finding.node, "n0");
}

#[test]
fn answers_to_nothing_are_told() {
    let with = |extra: &'static str, is_open: bool| {
        let settings = one("echo");
        lie(&settings, move |_, id, body, _| {
            let body: serde_json::Value = serde_json::from_str(body).unwrap();
            let right =
                format!(r#"{{"type":"echo_ok","in_reply_to":{id},"echo":{}}}"#, body["echo"]);
            let mut said = vec![extra.to_owned(), right];
            // Behind the right answer, no request of the client is open.
            said.rotate_left(usize::from(!is_open));
            said
        })
    };
    // An id of the future, no id, ids that are no integers.
    for extra in [
        r#"{"type":"echo_ok","in_reply_to":999,"echo":1}"#,
        r#"{"type":"echo_ok","in_reply_to":0,"echo":1}"#,
        r#"{"type":"echo_ok","echo":1}"#,
        r#"{"type":"echo_ok","in_reply_to":1.0,"echo":1}"#,
        r#"{"type":"echo_ok","in_reply_to":"1","echo":1}"#,
    ] {
        for is_open in [true, false] {
            let lied = with(extra, is_open);
            let ends = lied.ends();
            assert!(ends.iter().all(|end| end == "ok null"), "{extra}: {ends:?}");
            assert_eq!(lied.codes(), [("SQ04", ends.len() as u64)], "{extra}, {is_open}");
        }
    }
}

#[test]
fn a_node_that_cannot_take_part_ends_the_run() {
    let settings = Settings { init_timeout_ms: 400, ..one("broadcast") };
    let setup = |init: &'static str, topology: &'static str| {
        lie_from_birth(&settings, move |name, id, _, _| {
            let reply = if name == "init" { init } else { topology };
            let replies = Some(reply.replace("ID", &id.to_string()));
            replies.filter(|reply| !reply.is_empty()).into_iter().collect()
        })
    };
    let init_ok = r#"{"type":"init_ok","in_reply_to":ID}"#;
    for (lied, part) in [
        (setup("", ""), "no init_ok within 400 ms"),
        (setup(r#"{"type":"error","in_reply_to":ID,"code":13}"#, ""), "answered with \"error\""),
        (setup(init_ok, ""), "no answer to topology"),
        (setup(init_ok, r#"{"type":"ok","in_reply_to":ID}"#), "answered with \"ok\""),
    ] {
        assert_eq!(lied.codes(), [("SQ03", 1)], "{part}");
        let (finding, _) = &lied.judged.findings[0];
        assert!(finding.what.contains(part), "{part}: {}", finding.what);
        assert_eq!((lied.judged.word.as_str(), lied.judged.word.exit()), ("node error", 76));
        assert!(lied.ops().is_empty(), "no operation began");
    }
}

#[test]
fn where_no_operation_began_no_promise_is_broken() {
    for node in ["echo", "unique-ids", "broadcast", "lin-kv"] {
        let availability = Target::Total;
        let asserts = vec![Assertion::parse("ok-count>0").unwrap()];
        let settings = Settings { init_timeout_ms: 400, availability, asserts, ..one(node) };
        let lied = lie_from_birth(&under(&["partition"], settings), |_, _, _, _| Vec::new());
        assert_eq!(lied.judged.word.as_str(), "node error", "{node}");
    }
}
