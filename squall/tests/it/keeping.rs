//! What is kept of a run, and what is not kept of one that could not be finished.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::shell::{Ended, SQUALL, Shell};

const RUN: &str = "test -w broadcast --time-limit 20 --nemesis partition,kill --seed 7";

#[test]
fn a_run_is_kept_with_links_to_the_latest() {
    let shell = Shell::new();
    shell.run(RUN).assert_code(0);
    let mut names = names(&shell.path("store/broadcast/latest"));
    let expected =
        ["history.edn", "history.txt", "plan.json", "results.edn", "results.json", "trace.jsonl"];
    assert_eq!(names, expected);
    names = self::names(&shell.path("store"));
    assert_eq!(names, ["broadcast", "current", "latest"]);
    for link in ["store/latest", "store/current", "store/broadcast/latest"] {
        let target = fs::read_link(shell.path(link)).unwrap();
        assert!(target.is_relative(), "a store can be moved: {}", target.display());
        assert!(shell.path(link).join("plan.json").is_file(), "{link}");
    }
    let trace = shell.read("store/latest/trace.jsonl");
    let lines: Vec<serde_json::Value> =
        trace.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["type"], "trace");
    for (e, line) in lines[1..].iter().enumerate() {
        assert_eq!(line["e"], e, "numbers without gaps: {line}");
    }
    let last = lines.last().unwrap();
    assert_eq!((&last["k"], &last["name"]), (&"verdict".into(), &"held".into()), "{last}");
    let edn = shell.read("store/latest/history.edn");
    assert!(edn.lines().all(|line| line.starts_with('{') && line.ends_with('}')), "{edn}");
    assert!(shell.read("store/latest/results.edn").contains(":valid? true"));
    // A second run takes the links over, also within the same moment.
    let first = fs::read_link(shell.path("store/latest")).unwrap();
    shell.run("test -w echo --time-limit 1").assert_code(0);
    assert_ne!(first, fs::read_link(shell.path("store/latest")).unwrap());
    assert!(shell.path("store/broadcast/latest/plan.json").is_file());
}

#[test]
fn equal_commands_give_equal_bytes_wherever_they_run() {
    let (here, there) = (Shell::new(), Shell::new());
    let line = "test -w lin-kv --time-limit 10 --rate 20 --latency 20 --latency-dist exponential \
        --nemesis partition,kill --nemesis-interval 1 --seed 11";
    here.run(line).assert_code(0);
    fs::create_dir(there.path("home")).unwrap();
    let mut command = there.command(line);
    command.env("TZ", "Asia/Kathmandu").env("HOME", there.path("home")).env("LC_ALL", "C");
    Ended::of(line, command.output().unwrap()).assert_code(0);
    for file in ["plan.json", "trace.jsonl", "history.edn", "history.txt", "results.json"] {
        let file = format!("store/latest/{file}");
        assert!(here.read(&file) == there.read(&file), "{file} differs");
    }
}

#[test]
fn what_cannot_be_written_leaves_nothing_half_done() {
    let shell = Shell::new();
    shell.run("test -w echo --time-limit 1").assert_code(0);
    let latest = fs::read_link(shell.path("store/latest")).unwrap();
    // So many blocks of 512 bytes: not the plan, not the trace, not the lines of a sweep.
    for (blocks, line) in
        [(1, RUN.to_owned()), (40, RUN.to_owned()), (1, "test echo --seeds 0..40".to_owned())]
    {
        let ended = with_small_files(&shell, blocks, &line);
        ended.assert_code(74);
        assert_eq!(ended.err.lines().count(), 1, "{ended:#?}");
        assert!(ended.err.starts_with("squall: cannot write "), "{ended:#?}");
        assert_eq!(ended.out, "", "{ended:#?}");
        assert_eq!(latest, fs::read_link(shell.path("store/latest")).unwrap());
        assert!(shell.path("store/latest/results.json").is_file());
        let left = names(&shell.path("store/broadcast"));
        assert!(left.is_empty(), "{line} left {left:?}");
        assert_eq!(names(&shell.path("store/echo")).len(), 2, "{line}");
    }
}

/// As on a disk that is full: no file may grow beyond so many blocks.
fn with_small_files(shell: &Shell, blocks: u32, line: &str) -> Ended {
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
    let mut command = Command::new("sh");
    command.args(["-c", &script, SQUALL]).args(line.split_whitespace());
    command.current_dir(shell.path(""));
    Ended::of(line, command.output().unwrap())
}

fn names(folder: &Path) -> Vec<String> {
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<_> =
        files.map(|file| file.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}
