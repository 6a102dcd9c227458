//! The form of the trace, line by line, against `docs/trace.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Value, json};

use crate::stage::{Ran, Stage, cut, kill, say};

/// A run in which every kind of line occurs that nodes inside this process can cause.
fn eventful() -> Ran {
    let mut partition = cut(100, 100, json!([["n0"], ["n1", "n2"]]));
    partition["id"] = json!(7);
    let words = ["put", "pass", "ring", "vote", "ball", "mine", "serve", "haunt"];
    let lines = (0..40).map(|i| say(i as u64 * 9, i % 3, words[i % 8], i as u64));
    let ends = [say(400, 2, "boom", 1), say(401, 0, "odd", 1), say(999, 0, "pass", 5)];
    let stage = Stage {
        latency_us: 10_000,
        events: vec![kill(50, 60, &["n1"], true), partition],
        lines: lines.chain(ends).collect(),
        ..Stage::default()
    };
    stage.run()
}

#[test]
fn lines_are_numbered_and_point_backwards() {
    let ran = eventful();
    let header: Value = serde_json::from_str(ran.trace.lines().next().unwrap()).unwrap();
    assert_eq!((&header["type"], &header["v"]), (&json!("trace"), &json!(1)));
    let lines = ran.lines();
    let mut time = 0;
    let mut ended = BTreeSet::new();
    for (e, line) in (0_u64..).zip(&lines) {
        assert_eq!(line["e"], e);
        assert!(line["t"].as_u64().unwrap() >= time, "{line}");
        time = line["t"].as_u64().unwrap();
        for key in ["c", "of", "armed"] {
            if let Some(back) = line.get(key) {
                assert!(back.as_u64().unwrap() < e, "{key} of {line}");
            }
        }
        if line["k"] == "recv" || line["k"] == "lost" {
            let of = line["of"].as_u64().unwrap();
            let send = &lines[usize::try_from(of).unwrap()];
            assert_eq!((&send["k"], &send["to"]), (&json!("send"), &line["a"]));
            assert!(send.get("fate").is_none(), "{send}");
            assert!(ended.insert(of), "the message of {send} ends twice");
            let is_late = line["why"] != "end" && line["why"] != "queue";
            assert!(!is_late || line["t"] == send["due"], "{line} of {send}");
        }
        if line["k"] == "send" {
            assert!(line.get("due").is_some() != line.get("fate").is_some(), "{line}");
        }
    }
    for line in lines.iter().filter(|line| line["k"] == "send" && line.get("due").is_some()) {
        assert!(ended.contains(&line["e"].as_u64().unwrap()), "nothing became of {line}");
    }
}

#[test]
fn causes_are_events_and_only_roots_have_none() {
    let lines = eventful().lines();
    let cause =
        |line: &Value| line["c"].as_u64().map(|c| lines[usize::try_from(c).unwrap()].clone());
    for line in &lines {
        let cause = cause(line);
        match line["k"].as_str().unwrap() {
            // Roots: what the plan says and what merely becomes due.
            "recv" | "lost" | "timer" | "fault" => assert!(cause.is_none(), "{line}"),
            "life" if line["t"] == 0 => assert!(cause.is_none(), "{line}"),
            "phase" if line["name"] == "setup" => assert!(cause.is_none(), "{line}"),
            _ => assert!(cause.is_some(), "{line} has no cause"),
        }
        let Some(cause) = cause else { continue };
        // A cause is an event, never something that was said; and it is the same actor's.
        let kind = cause["k"].as_str().unwrap();
        assert!(["recv", "timer", "disk", "fault", "life", "phase"].contains(&kind), "{cause}");
        assert!(kind != "disk" || cause["do"] != "write", "{cause}");
        let own = ["recv", "timer", "disk"].contains(&kind) && cause["a"] != "c0";
        assert!(!own || cause["a"] == line["a"] || line["k"] == "phase", "{line} by {cause}");
    }
}

/// By heading, the words of the page in backticks.
fn documented() -> BTreeMap<String, BTreeSet<String>> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/trace.md");
    let page = std::fs::read_to_string(page).unwrap();
    let mut sections: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut heading = String::new();
    let mut is_example = false;
    for line in page.lines() {
        if line.starts_with("```") {
            is_example = !is_example;
        } else if let Some(text) = line.strip_prefix("## ") {
            text.clone_into(&mut heading);
        } else if !is_example {
            let words = line.split('`').skip(1).step_by(2).map(str::to_owned);
            sections.entry(heading.clone()).or_default().extend(words);
        }
    }
    sections
}

#[test]
fn everything_in_a_trace_is_in_its_description() {
    let documented = documented();
    let home = |kind: &str| match kind {
        "send" | "recv" | "lost" => "Messages",
        "timer" | "disk" => "Time and disks",
        "op" => "Operations",
        "fault" | "life" => "Faults and lives",
        "note" | "view" | "line" => "What nodes tell",
        _ => "Phases and the end",
    };
    let mut kinds = BTreeSet::new();
    for line in eventful().lines() {
        let kind = line["k"].as_str().unwrap().to_owned();
        let section = &documented[home(&kind)];
        assert!(section.contains(&kind), "the kind {kind} is not described");
        for (key, value) in line.as_object().unwrap() {
            let is_known = section.contains(key) || documented["Every other line"].contains(key);
            assert!(is_known, "the key {key} of {kind} is not described");
            if ["do", "fate", "why"].contains(&key.as_str()) && kind != "op" {
                let word = value.as_str().unwrap();
                assert!(section.contains(word), "{key} {word:?} of {kind} is not described");
            }
        }
        kinds.insert(kind);
    }
    let expected = [
        "disk", "fault", "life", "line", "lost", "note", "op", "phase", "recv", "send", "timer",
        "view",
    ];
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), expected, "the run shows all kinds");
    let header = eventful().trace.lines().next().unwrap().to_owned();
    let header: Value = serde_json::from_str(&header).unwrap();
    for key in header.as_object().unwrap().keys() {
        assert!(documented["The first line"].contains(key), "the key {key} is not described");
    }
}
