//! However a run ends, no process is left of it.

use std::fs;

use crate::running::{Running, python};
use crate::shell::{Shell, UNKNOWN};

/// A node with 50 children, in a run that lasts until somebody ends it.
fn long_run() -> Option<String> {
    with_children("--time-limit 600")
}

fn with_children(flags: &str) -> Option<String> {
    let bin = python("testscripts/nodes/hostile.py")?;
    let test = format!("test -w echo {bin} --node-count 2 --rate 10 --seed 1 {flags}");
    Some(format!("{test} -- --mode children"))
}

/// What squall left in the folder for temporary files.
fn left_behind(shell: &Shell) -> Vec<String> {
    let files = fs::read_dir(shell.path("")).unwrap().flatten();
    let names = files.map(|file| file.file_name().to_string_lossy().into_owned());
    names.filter(|name| name.starts_with("squall-")).collect()
}

/// Squall, its guard, two nodes and their children.
const ALL: usize = 1 + 1 + 2 * (1 + 50);

#[test]
fn ctrl_c_ends_the_run_with_the_verdict_so_far() {
    let Some(line) = long_run() else { return };
    let shell = Shell::new();
    let running = Running::start(&shell, &line);
    running.wait_for_processes(ALL);
    assert_eq!(left_behind(&shell).len(), 1, "what its nodes keep is there while it runs");
    running.signal("INT");
    let ended = running.finish(60).ended;
    assert_eq!(left_behind(&shell), Vec::<String>::new());
    ended.assert_code(130).assert_closing(UNKNOWN).assert_says("? unknown");
    ended.assert_says("the run ended early: interrupted").assert_says("squall replay store/echo/");
    assert!(shell.path("store/latest/results.json").is_file());
}

#[test]
fn a_squall_that_is_killed_leaves_nothing() {
    let Some(line) = long_run() else { return };
    let shell = Shell::new();
    let running = Running::start(&shell, &line);
    running.wait_for_processes(ALL);
    running.signal("KILL");
    let ended = running.finish(60).ended;
    assert_eq!(ended.code, None);
    assert!(!shell.path("store/latest").exists(), "half a run is not the latest");
    assert_eq!(left_behind(&shell), Vec::<String>::new());
}

#[test]
fn a_panic_of_ours_is_told_as_ours_and_leaves_nothing() {
    // The run panics at its time limit, in the thread of the World, while all nodes live.
    let Some(line) = with_children("--time-limit 6 --law-breaker panic") else { return };
    let shell = Shell::new();
    let running = Running::start(&shell, &line);
    running.wait_for_processes(ALL);
    let ended = running.finish(60).ended;
    ended.assert_code(70);
    assert_eq!((ended.out.as_str(), ended.err.lines().count()), ("", 1), "{ended:#?}");
    for text in ["a defect of squall, not of a node: ", "the law-breaker panic", "please report it"]
    {
        assert!(ended.err.contains(text), "{ended:#?}");
    }
    assert!(!shell.path("store/latest").exists(), "half a run is not the latest");
    // All that stays is what is to be sent to us.
    let left = left_behind(&shell);
    assert!(left.len() == 1 && left[0].starts_with("squall-report-"), "{left:?}");
    assert!(ended.err.contains(&left[0]), "{ended:#?}");
    let report = shell.read(&left[0]);
    let is_whole = report.contains("--law-breaker") && report.contains("doomed.rs");
    assert!(is_whole, "the command and the place are in it: {report}");
}

#[test]
fn a_panic_of_ours_in_virtual_time_is_told_the_same_way() {
    let shell = Shell::new();
    for line in ["test echo --law-breaker panic", "test echo --law-breaker panic --seeds 0..9"] {
        let ended = shell.run(&format!("{line} --jobs 1"));
        ended.assert_code(70);
        assert!(ended.err.contains("a defect of squall, not of a node: "), "{ended:#?}");
    }
}

#[test]
fn ctrl_c_ends_a_sweep_with_the_seeds_so_far() {
    let shell = Shell::new();
    let line = "test -w echo --time-limit 10 --seeds 0..1000000000 --jobs 2 --json";
    let running = Running::start(&shell, line);
    running.wait_for_file("store/echo", "sweep.jsonl");
    running.signal("INT");
    let ended = running.finish(60).ended;
    let verdict = ended.assert_code(130).verdict();
    let rows = shell.read(verdict["paths"]["sweep"].as_str().unwrap());
    let held = verdict["schedules"]["held"].as_u64();
    assert_eq!(held, Some(rows.lines().count() as u64), "{verdict}");
}
