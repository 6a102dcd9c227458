//! `squall check`: histories of anybody, judged in the shell.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::shell::{Ended, Shell};

const GOOD: &str = r#"{"type":"invoke","process":0,"f":"write","value":3}
{"type":"ok","process":0,"f":"write","value":3}
{"type":"invoke","process":1,"f":"read"}
{"type":"ok","process":1,"f":"read","value":3}
"#;

/// A shell with histories in it.
fn shell() -> Shell {
    let shell = Shell::new();
    fs::write(shell.path("good.jsonl"), GOOD).unwrap();
    // What was written is another value than what was read.
    let bad = GOOD.replacen("\"value\":3", "\"value\":4", 2);
    fs::write(shell.path("bad.jsonl"), bad).unwrap();
    fs::write(shell.path("empty.edn"), "\n").unwrap();
    fs::write(shell.path("page.html"), "<html>").unwrap();
    fs::write(shell.path("cut.jsonl"), "{\"type\":\"invoke\",\"process\":0\n{}\n").unwrap();
    fs::write(shell.path("dance.jsonl"), GOOD.replace("read", "dance")).unwrap();
    shell
}

#[test]
fn a_file_is_recognised_judged_and_explained() {
    let shell = shell();
    let ended = shell.run("check good.jsonl");
    ended.assert_code(0).assert_says("✓ held  good.jsonl  every key behaves as one register");
    ended.assert_says("squall's own history, JSON lines, judged as register: 2 operations of 2");
    let ended = shell.run("check bad.jsonl");
    ended.assert_code(1).assert_says("✗ broken  bad.jsonl");
    ended.assert_says("thin-air-read: client 1 met 3, but nobody wrote it");
    // The worst of several decides, and they are told in their order.
    let ended = shell.run("check bad.jsonl good.jsonl --jobs 2");
    ended.assert_code(1);
    assert!(ended.out.find("bad.jsonl") < ended.out.find("good.jsonl"), "{ended:#?}");
}

#[test]
fn the_lines_of_json_are_one_a_file_and_the_verdict() {
    let shell = shell();
    let ended = shell.run("check good.jsonl bad.jsonl --json");
    ended.assert_code(1);
    let lines = ended.json();
    assert_eq!(lines.len(), 3);
    assert_eq!((&lines[0]["file"], &lines[0]["verdict"]), (&"good.jsonl".into(), &"held".into()));
    assert_eq!(lines[0]["history"]["ops"], 2);
    assert_eq!(lines[1]["anomalies"][0]["class"], "thin-air-read");
    assert_eq!(ended.verdict()["verdict"], "broken");
    // A file that cannot be read says so in its line, and the others are judged.
    let ended = shell.run("check cut.jsonl bad.jsonl --json");
    ended.assert_code(65);
    assert!(ended.json()[0]["error"].as_str().unwrap().contains("E01"));
    assert_eq!(ended.json()[1]["verdict"], "broken");
    assert_eq!(ended.verdict()["verdict"], "unknown");
}

#[test]
fn logs_and_locks_are_recognised() {
    let shell = Shell::new();
    let line = |kind: &str, process: u8, f: &str, value: &str| {
        format!("{{:type :{kind}, :process {process}, :f :{f}, :value {value}}}\n")
    };
    let op = |process, f, asked: &str, answered: &str| {
        line("invoke", process, f, asked) + &line("ok", process, f, answered)
    };
    let log = op(0, "send", "[[:send :x 1]]", "[[:send :x [0 1]]]")
        + &op(0, "send", "[[:send :x 2]]", "[[:send :x [4 2]]]")
        + &op(1, "poll", "[[:poll]]", "[[:poll {:x [[4 2]]}]]");
    fs::write(shell.path("log.edn"), log).unwrap();
    let ended = shell.run("check log.edn");
    ended.assert_code(1).assert_says("judged as kafka");
    ended.assert_says("lost-write: client 0 sent 1 to key :x, offset 0; client 1 polled 2");
    let lock = op(0, "acquire", "nil", "1") + &op(1, "acquire", "nil", "2");
    fs::write(shell.path("lock.edn"), lock).unwrap();
    let ended = shell.run("check lock.edn");
    ended.assert_code(1).assert_says("judged as fenced");
    ended.assert_says("mutual-exclusion: client 0 held the lock when client 1 was given it");
}

#[test]
fn the_standard_input_is_a_file_too() {
    let shell = shell();
    let check = |line: &str| {
        let mut command = shell.command(line);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(GOOD.as_bytes()).unwrap();
        Ended::of(line, child.wait_with_output().unwrap())
    };
    check("check -").assert_code(0).assert_says("✓ held  standard input");
    check("check - -").assert_code(64);
}

#[test]
fn what_cannot_be_judged_is_told_with_its_place() {
    let shell = shell();
    for (line, code, words) in [
        ("check none.edn", 66, &["none.edn"][..]),
        ("check .", 66, &["."]),
        ("check empty.edn", 65, &["empty.edn is empty", "jsonl"]),
        ("check page.html", 65, &["page.html is no history", "etcd-log"]),
        ("check cut.jsonl", 65, &["cut.jsonl", "JSON lines", "E01 at line 1", "column"]),
        ("check dance.jsonl", 65, &["no checker fits", "dance, write", "--model", "register"]),
        (
            "check good.jsonl --format edn",
            65,
            &["good.jsonl, taken for a history in EDN", "line 1"],
        ),
        ("check good.jsonl --model regster", 64, &["regster", "register"]),
        ("check good.jsonl --format json-lines", 64, &["json-lines", "jsonl"]),
        ("check good.jsonl --nil-read maybe", 64, &["--nil-read", "any or initial"]),
        ("check good.jsonl --failed-cas maybe", 64, &["--failed-cas", "drop or observe"]),
        ("check good.jsonl --jobs 0", 64, &["--jobs"]),
        ("check", 64, &["FILE"]),
    ] {
        let ended = shell.run(line);
        ended.assert_code(code);
        assert!(ended.out.is_empty(), "{ended:#?}");
        for word in words {
            assert!(ended.err.contains(word), "{word:?} is missing: {ended:#?}");
        }
    }
}

/// Session 1 saw one of two writes of a transaction; there is no real time in this form.
const FRACTURED: &str = "w(1,7,0,0)\nw(2,7,0,0)\nr(1,7,1,3)\nr(2,0,1,3)\n";

#[test]
fn transactions_are_judged_for_the_models_that_were_promised() {
    let shell = shell();
    fs::write(shell.path("good.plume"), "w(1,7,0,0)\nr(1,7,1,3)\n").unwrap();
    fs::write(shell.path("fractured.plume"), FRACTURED).unwrap();
    fs::write(shell.path("order.json"), "[[1, [7, null]]]").unwrap();
    let held = "transactions that write registers are isolated from each other: ";
    for (line, code, words) in [
        // Without real time the strongest promise is about sessions.
        ("good.plume", 0, &[held, "strong-session-serializable", "judged as rw-register"][..]),
        (
            "good.plume --consistency-models strict-serializable",
            2,
            &["? not exercised", "strict-serializable is about real time", "strong-session"],
        ),
        ("good.plume --model register", 2, &["linearizability is about real time", "list-append"]),
        (
            "fractured.plume --consistency PL-3,read-committed",
            1,
            &[
                "serializable, read-committed",
                "G-single-item: T2 missed T1's write of 7 to key 2",
                "ruled out: consistent-view, repeatable-read, and",
                "not ruled out: parallel-snapshot-isolation",
            ],
        ),
        ("fractured.plume --consistency read-committed", 0, &["held", ": read-committed"]),
        ("fractured.plume --consistency causal", 2, &["no stronger model", "to decide"]),
        ("good.plume --assume-sequential-keys --initial :k=3", 0, &["held"]),
        ("good.plume --version-order order.json", 1, &["cyclic-versions", "order that was given"]),
    ] {
        let ended = shell.run(&format!("check {line}"));
        ended.assert_code(code);
        for word in words {
            assert!(ended.out.contains(word), "{word:?} is missing: {ended:#?}");
        }
    }
    let ended = shell.run("check fractured.plume --json --consistency serializable");
    assert_eq!(ended.json()[0]["model"], "serializable");
    assert_eq!(ended.json()[0]["ruled_out"].as_array().map(Vec::len), Some(2));
    for (line, words) in [
        ("good.plume --consistency serial", &["consistency model", "serial", "serializable"][..]),
        ("good.jsonl --consistency serializable", &["is for transactions", "as register"]),
        ("good.plume --assume-linearizable-keys", &["about real time", "Plume"]),
        ("good.plume --initial 1", &["--initial", "KEY=VALUE"]),
        ("good.plume --thin-air maybe", &["--thin-air", "broken or initial"]),
    ] {
        let ended = shell.run(&format!("check {line}"));
        ended.assert_code(64);
        for word in words {
            assert!(ended.err.contains(word), "{word:?} is missing: {ended:#?}");
        }
    }
}

#[test]
fn the_history_of_a_kept_run_is_judged_as_the_run_was() {
    let shell = Shell::new();
    for workload in ["echo", "unique-ids", "broadcast", "lin-kv"] {
        let line = format!("test -w {workload} --time-limit 3 --rate 20 --seed 1");
        shell.run(&line).assert_code(0);
        shell.run("check store/latest/history.edn").assert_code(0).assert_says("✓ held");
    }
}

/// `$HISTORIES_DIR`, else `../shared/data/histories` beside the workspace.
#[expect(clippy::print_stdout, reason = "a skipped test must say so")]
fn histories() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/histories");
    let folder = std::env::var_os("HISTORIES_DIR").map_or(beside, PathBuf::from);
    let folder = folder.canonicalize().ok().filter(|folder| folder.is_dir());
    if folder.is_none() {
        println!("skipped: real histories not found (set HISTORIES_DIR)");
    }
    folder
}

#[test]
fn real_histories_get_their_verdicts() {
    let Some(folder) = histories() else { return };
    let shell = Shell::new();
    let verdicts = fs::read_to_string(folder.join("etcd-register/VERDICTS.tsv")).unwrap();
    let mut expected = Vec::new();
    for line in verdicts.lines() {
        let Some((file, word)) = line.split_once('\t') else { continue };
        let verdict = match word {
            "linearizable" => "held",
            "not-linearizable" => "broken",
            _ => continue,
        };
        expected.push((folder.join("etcd-register").join(file), verdict));
    }
    for (inside, verdict) in [("cas-register/good", "held"), ("cas-register/bad", "broken")] {
        for entry in fs::read_dir(folder.join(inside)).unwrap() {
            expected.push((entry.unwrap().path(), verdict));
        }
    }
    for (file, verdict) in [("c01-ok", "held"), ("c10-ok", "held"), ("c01-bad", "broken")] {
        expected.push((folder.join(format!("kv/{file}.txt")), verdict));
    }
    expected.push((folder.join("kv/c10-bad.txt"), "broken"));
    expected.push((folder.join("elle/paper-example.edn"), "broken"));
    expected.push((folder.join("elle/rw-register.edn"), "broken"));
    assert_eq!(expected.len(), 73);
    let mut command = shell.command("check --json");
    let output = command.args(expected.iter().map(|(file, _)| file)).output().unwrap();
    let ended = Ended::of("check --json …", output);
    let lines = ended.json();
    assert_eq!(lines.len(), expected.len() + 1);
    for ((file, verdict), line) in expected.iter().zip(&lines) {
        assert_eq!(line["verdict"], *verdict, "{}: {line}", file.display());
    }
    ended.assert_code(1);
    let paper = &lines[71]["anomalies"][0];
    assert_eq!(paper["class"], "G-single-item");
    assert_eq!(paper["edges"].as_array().map(Vec::len), Some(3));
    let air = &lines[72]["anomalies"][0];
    assert_eq!((&air["class"], &air["count"]), (&"thin-air-read".into(), &1.into()));
    assert_eq!(air["title"], "T1 read 3 in key :x, which nobody wrote");
}
