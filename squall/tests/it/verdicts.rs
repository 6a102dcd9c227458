//! Verdicts, their exit codes, and the last lines that scripts look for.

use crate::shell::{BROKEN, HELD, Shell, UNKNOWN};

#[test]
fn what_held_ends_with_0() {
    let shell = Shell::new();
    let ended = shell.run("test -w broadcast --time-limit 10 --nemesis partition --seed 1");
    ended.assert_code(0).assert_closing(HELD);
    ended.assert_says("✓ held  broadcast  5 nodes, embedded broadcast, virtual time  seed 0x1\n");
    ended.assert_says("  again      squall replay store/broadcast/");
    assert_eq!(ended.err, "", "nothing moves where nobody looks");
    assert!(!ended.out.contains('\x1b'), "no colour where nobody looks: {ended:#?}");
}

#[test]
fn what_is_broken_ends_with_1_and_says_what_the_clients_saw() {
    let shell = Shell::new();
    let sweep = shell.run(&format!("{BROKEN_LAW} --seeds 0..100 --json"));
    let path = sweep.assert_code(1).verdict()["paths"]["sweep"].as_str().unwrap().to_owned();
    let rows = shell.read(&path);
    let row = rows.lines().find(|row| row.contains("\"broken\"")).unwrap();
    let row: serde_json::Value = serde_json::from_str(row).unwrap();
    let seed = row["seed"].as_str().unwrap();
    let ended = shell.run(&format!("{BROKEN_LAW} --seed {seed}"));
    ended.assert_code(1).assert_closing(BROKEN).assert_says("✗ broken");
    ended.assert_says("(history index ").assert_says(&format!("seed {seed}\n"));
    shell.run("replay latest").assert_code(1).assert_says("broken").assert_says("the same run");
}

/// A node whose acknowledgements leave before its disk has what they promise.
const BROKEN_LAW: &str = "test -w broadcast --node-count 1 --rate 400 --time-limit 10 \
    --nemesis kill --nemesis-interval 0.25 --law-breaker release-before-sync";

#[test]
fn where_nothing_happened_nothing_is_claimed() {
    let shell = Shell::new();
    for line in ["test -w echo --rate 0", "test -w broadcast --rate 0", "test -w lin-kv --rate 0"] {
        let ended = shell.run(line);
        ended.assert_code(2).assert_closing(UNKNOWN).assert_says("? not exercised");
        ended.assert_says("to decide: ");
    }
    let json = shell.run("test -w echo --rate 0 --json");
    json.assert_code(2);
    assert_eq!(json.verdict()["verdict"], "not exercised");
    assert_eq!(json.verdict()["results"]["valid?"], "unknown");
}

#[test]
fn an_assertion_is_a_promise() {
    let shell = Shell::new();
    let line = "test -w broadcast --time-limit 10 --seed 1 --latency 10";
    let ended = shell.run(&format!("{line} --assert msgs-per-op<30 --assert stable-max<=1s"));
    ended.assert_code(0).assert_closing(HELD).assert_says("✓ assert msgs-per-op<30");
    let ended = shell.run(&format!("{line} --assert msgs-per-op<0.01 --assert ok-fraction>=99%"));
    ended.assert_code(1).assert_closing(BROKEN).assert_says("✗ assert msgs-per-op<0.01");
    let json = shell.run(&format!("{line} --assert msgs-per-op<0.01 --json"));
    json.assert_code(1);
    assert_eq!(json.verdict()["verdict"], "broken");
    assert_eq!(json.verdict()["asserts"][0]["verdict"], "broken");
    // It is part of the run: of what is kept, and of what is run again.
    let results: serde_json::Value =
        serde_json::from_str(&shell.read("store/latest/results.json")).unwrap();
    assert_eq!((&results["verdict"], &results["valid?"]), (&"broken".into(), &false.into()));
    assert_eq!(results["asserts"][0]["assert"], "msgs-per-op<0.01");
    let trace = shell.read("store/latest/trace.jsonl");
    assert!(trace.lines().last().unwrap().contains("\"name\":\"broken\""));
    shell.run("replay latest").assert_code(1).assert_says("✗ assert msgs-per-op<0.01");
    // Where nothing became stable there is no such figure, and nothing is claimed.
    let idle = "test -w broadcast --rate 0 --assert stable-max<1s";
    shell.run(idle).assert_code(2).assert_says("? assert stable-max<1s");
}

#[test]
fn json_is_json_lines_and_the_verdict_is_the_last() {
    let shell = Shell::new();
    let ended = shell.run("test -w lin-kv --time-limit 5 --rate 20 --seed 3 --json");
    let lines = ended.assert_code(0).json();
    assert_eq!(ended.err, "");
    assert_eq!((&lines[0]["type"], &lines[0]["seed"]), (&"start".into(), &"0x3".into()));
    for line in &lines {
        assert_eq!(line["v"], 1, "{line}");
    }
    let verdict = ended.verdict();
    assert_eq!(verdict["results"]["verdict"], "held");
    assert!(shell.path(verdict["paths"]["trace"].as_str().unwrap()).is_file(), "{verdict}");
}

#[test]
fn json_has_an_end_also_where_there_is_no_run() {
    let shell = Shell::new();
    std::fs::write(shell.path("plain"), "").unwrap();
    // What was typed is wrong; a program is found only to be none; nothing can be kept.
    let lines = [
        ("test -w echo --rate -1 --json", 64, &["verdict"][..], "--rate -1"),
        ("test -w echo --bin /bin/sh --node-cwd no --json", 69, &["start", "verdict"], "SQ09 n1"),
        ("test -w echo --seeds 0..9 --store plain/store --json", 73, &["verdict"], "plain/store"),
        ("replay none --json", 66, &["verdict"], "none"),
    ];
    for (line, code, kinds, why) in lines {
        let ended = shell.run(line);
        let verdict = ended.assert_code(code).verdict();
        let told: Vec<_> = ended.json().iter().map(|line| line["type"].clone()).collect();
        assert_eq!(told, kinds, "{line}");
        assert_eq!(verdict["verdict"], "unknown", "nothing was tested: {line}");
        let error = verdict["error"].as_str().unwrap();
        assert!(error.contains(why), "{error}");
        assert_eq!(ended.err, format!("squall: {error}\n"));
    }
}
