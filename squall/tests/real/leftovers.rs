//! However a run ends, no process is left of it.

use crate::running::{Running, python};
use crate::shell::{Shell, UNKNOWN};

/// A node with 50 children, in a run that lasts until somebody ends it.
fn long_run() -> Option<String> {
    let bin = python("testscripts/nodes/hostile.py")?;
    let test = format!("test -w echo {bin} --node-count 2 --rate 10 --time-limit 600 --seed 1");
    Some(format!("{test} -- --mode children"))
}

/// Squall, its guard, two nodes and their children.
const ALL: usize = 1 + 1 + 2 * (1 + 50);

#[test]
fn ctrl_c_ends_the_run_with_the_verdict_so_far() {
    let Some(line) = long_run() else { return };
    let shell = Shell::new();
    let running = Running::start(&shell, &line);
    running.wait_for_processes(ALL);
    running.signal("INT");
    let ended = running.finish(60).ended;
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
