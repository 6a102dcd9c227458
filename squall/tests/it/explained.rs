//! Runs `testscripts/check/*`: a broken history, the command that judges it, and what that says.
//!
//! Of every one the core is broken in the same way, and is right without any of its operations.
//!
//! `UPDATE_GOLDENFILES=1 cargo test -p squall --test it` writes the outputs anew.

use std::fs;
use std::path::Path;

use squall_check::Verdict;
use squall_check::checkers::{self, Reading};
use squall_history::{History, jsonl};

use crate::shell::Shell;

#[test]
fn ten_broken_histories_are_explained() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testscripts/check");
    let mut scripts: Vec<_> = fs::read_dir(folder).unwrap().map(|f| f.unwrap().path()).collect();
    scripts.sort();
    assert!(scripts.len() >= 10, "only {} scripts", scripts.len());
    for script in scripts {
        let text = fs::read_to_string(&script).unwrap();
        let (history, rest) = text.split_once("\n> ").unwrap();
        let history = history.trim_end();
        let line = rest.lines().next().unwrap();
        let shell = Shell::new();
        fs::write(shell.path("history.jsonl"), format!("{history}\n")).unwrap();
        let ended = shell.run(line.strip_prefix("squall ").unwrap());
        ended.assert_code(1);
        let said = format!("{history}\n\n> {line}\n{}\n", untimed(&ended.out));
        if std::env::var_os("UPDATE_GOLDENFILES").is_some() {
            fs::write(&script, &said).unwrap();
        }
        let golden = fs::read_to_string(&script).unwrap();
        assert_eq!(said, golden, "{}: UPDATE_GOLDENFILES=1 writes it anew", script.display());
        assert!(lines_below(&said) <= 12, "{} is too long", script.display());
        judge_core(&shell, history, &script);
    }
}

/// Without the time that it took.
fn untimed(said: &str) -> String {
    let line = |line: &str| match line.rsplit_once("), ") {
        Some((before, _)) if line.ends_with(" s") => format!("{before})"),
        _ => line.to_owned(),
    };
    said.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// How many lines stand below the first sentence.
fn lines_below(said: &str) -> usize {
    said.lines().filter(|line| line.starts_with("        ")).count()
}

/// The core is as broken as the whole, and right without any of its operations.
fn judge_core(shell: &Shell, history: &str, script: &Path) {
    let ended = shell.run("check history.jsonl --core core.jsonl --json");
    let class = ended.json()[0]["anomalies"][0]["class"].as_str().unwrap().to_owned();
    let checker = ended.json()[0]["checker"].as_str().unwrap().to_owned();
    let again = shell.run(&format!("check core.jsonl --model {checker} --json"));
    assert_eq!(again.json()[0]["anomalies"][0]["class"], class.as_str(), "{}", script.display());
    let core = jsonl::read(shell.read("core.jsonl").as_bytes()).unwrap().history;
    assert!(core.events.len() < history.lines().count(), "{} has no noise", script.display());
    let checker = checkers::find(&checker).unwrap();
    for op in core.operations().list {
        let gone = [op.invocation.index];
        let less: History = checker.leave_out(&core, &Reading::usual(), &gone).unwrap();
        let verdict = (checker.check)(&less, &Reading::usual()).verdict;
        assert_ne!(verdict, Verdict::Broken, "{} without {gone:?}", script.display());
    }
}
