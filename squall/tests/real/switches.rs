//! Each bug that a node can have: the verdict, the exit code, and what is said about it. With the
//! switch off, the same test holds.

use crate::running::{each, python, results, run};
use crate::shell::{BROKEN, HELD, Shell, UNKNOWN};

/// A bug that is switched on, and what must come of it.
struct Case {
    bug: &'static str,
    load: &'static str,
    verdict: &'static str,
    /// Codes of findings about `n0`; whether they name a line.
    findings: &'static [(&'static str, bool)],
    /// Class of an anomaly.
    anomaly: &'static str,
    /// What a person reads.
    says: &'static [&'static str],
}

const ECHO: &str = "-w echo --node-count 1 --rate 20 --time-limit 1";
const UNIQUE: &str = "-w unique-ids --node-count 1 --rate 20 --time-limit 1";
const LIN_KV: &str = "-w lin-kv --node-count 2 --rate 40 --time-limit 2";
const PARTED: &str = "-w broadcast --node-count 3 --rate 20 --time-limit 2 --recovery 2 \
    --nemesis partition --nemesis-interval 1";

const fn case(bug: &'static str, load: &'static str, verdict: &'static str) -> Case {
    Case { bug, load, verdict, findings: &[], anomaly: "", says: &[] }
}

const CASES: &[Case] = &[
    Case {
        anomaly: "lost",
        says: &["is missing from every later read", "(history index ", "faults     partition "],
        ..case("drops-under-partition", PARTED, "broken")
    },
    Case {
        anomaly: "duplicate-id",
        says: &["was given 2 times"],
        ..case("duplicate-ids", UNIQUE, "broken")
    },
    Case {
        anomaly: "not-linearizable",
        says: &["no order explains read"],
        ..case("stale-read", LIN_KV, "broken")
    },
    Case {
        anomaly: "not-linearizable",
        says: &["no order explains"],
        ..case("lost-write", LIN_KV, "broken")
    },
    Case {
        findings: &[("SQ05", true)],
        says: &["was answered twice", "first  {", "second {", "answer every request exactly once"],
        ..case("replies-twice", ECHO, "held")
    },
    Case {
        findings: &[("SQ04", true)],
        anomaly: "not-answered",
        says: &[
            "got no right answer to echo",
            "expected type \"echo_ok\", got \"fine\"",
            "request {\"type\":\"echo\"",
            "answer  {\"type\":\"fine\"",
        ],
        ..case("wrong-type", ECHO, "broken")
    },
    Case {
        findings: &[("SQ04", true)],
        says: &["expected type \"generate_ok\", got \"fine\""],
        ..case("wrong-type", UNIQUE, "held")
    },
    Case {
        findings: &[("SQ04", true)],
        anomaly: "not-answered",
        says: &["the extra key \"debug\"", "\"debug\":\"served by n0\""],
        ..case("extra-key", ECHO, "broken")
    },
    Case {
        findings: &[("SQ01", true)],
        says: &["n0, line 6 of its stdout", "^ here", "print(…, file=sys.stderr)"],
        ..case("debug-print", ECHO, "held")
    },
    Case {
        findings: &[("SQ01", true)],
        says: &["a newline is missing", "^ here", "print(…, flush=True)"],
        ..case("no-newline", ECHO, "held")
    },
    Case {
        findings: &[("SQ06", false), ("SQ03", false)],
        says: &["exit status 1", "cannot start today", "the process had ended"],
        ..case("dies-at-once", ECHO, "node error")
    },
    Case {
        findings: &[("SQ06", false)],
        anomaly: "not-answered",
        says: &["exit status 3", "giving up at request 5", "the last message to it was {"],
        ..case("dies-later", ECHO, "broken")
    },
    Case {
        findings: &[("SQ06", false)],
        says: &["exit status 3", "the last it printed to stderr:", "/node-logs/\n"],
        ..case("dies-later", UNIQUE, "node error")
    },
    Case {
        findings: &[("SQ07", false)],
        anomaly: "not-answered",
        says: &["had no reply, and no fault was in force", "was not answered"],
        ..case("never-answers", ECHO, "broken")
    },
    case("floods-stderr", ECHO, "held"),
    Case {
        findings: &[("SQ07", false)],
        anomaly: "not-answered",
        says: &["closed its stdout", "keep stdout open"],
        ..case("closes-stdout", ECHO, "broken")
    },
];

/// Time-outs that are long enough for a node that is well, on a machine that is busy.
const TIMES: &str = "--init-timeout 10 --rpc-timeout 2 --seed 1";

#[test]
fn every_bug_is_told_as_what_it_is() {
    let Some(bin) = python("testscripts/nodes/switch.py") else { return };
    each(CASES, |case| check(case, &bin));
}

fn check(case: &Case, bin: &str) {
    let Case { bug, load, verdict, findings, anomaly, says } = case;
    let (code, closing) = match *verdict {
        "held" => (0, HELD),
        "broken" => (1, BROKEN),
        _ => (76, UNKNOWN),
    };
    let shell = Shell::new();
    let ended = run(&shell, &format!("test {load} {bin} {TIMES} -- --bug {bug}"));
    ended.assert_code(code).assert_closing(closing);
    for text in *says {
        ended.assert_says(text);
    }
    let results = results(&shell);
    assert_eq!(results["verdict"], *verdict, "{ended:#?}");
    let found = results["findings"].as_array().unwrap();
    assert_eq!(found.len(), findings.len(), "{bug}: {found:#?}");
    for (code, has_line) in *findings {
        let one = found.iter().find(|one| one["code"] == *code);
        let one = one.unwrap_or_else(|| panic!("{bug}: {code} is not in {found:#?}"));
        assert_eq!(one["node"], "n0", "{one}");
        assert_eq!(one["line_no"].is_u64(), *has_line, "{one}");
        ended.assert_says(&format!("! {code} n0"));
        ended.assert_says(&format!("help: {}", one["help"].as_str().unwrap()));
    }
    let anomalies = results["promises"][0]["anomalies"].as_array();
    let is_named = |class: &str| anomalies.is_some_and(|a| a.iter().any(|a| a["class"] == class));
    assert!(anomaly.is_empty() || is_named(anomaly), "{bug}: {anomaly} is not in {results}");
    if *bug == "floods-stderr" {
        let log = shell.read("store/latest/node-logs/n0.log");
        let lines = log.lines().filter(|line| line.ends_with(" about request 5")).count();
        assert_eq!(lines, 10_000, "every line is in its log");
    }
}

#[test]
fn without_its_bug_the_node_holds() {
    let Some(bin) = python("testscripts/nodes/switch.py") else { return };
    each(&[ECHO, UNIQUE, LIN_KV, PARTED], |load| {
        let shell = Shell::new();
        let ended = run(&shell, &format!("test {load} {bin} {TIMES}"));
        ended.assert_code(0).assert_closing(HELD);
        assert_eq!(results(&shell)["findings"], serde_json::json!([]), "{ended:#?}");
    });
}
