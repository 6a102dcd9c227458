//! Nodes that do something to their harness: a verdict comes in time, nothing is left over, and
//! memory is bounded.

use std::time::Duration;

use crate::running::{Running, each, python, results};
use crate::shell::Shell;

/// What the node does, how the run ends, and the code of the finding, if there is one.
const MODES: &[(&str, i32, &str)] = &[
    ("huge-line", 0, "SQ01"),
    ("bad-utf8", 0, "SQ01"),
    ("children", 0, ""),
    ("daemon", 0, ""),
    ("bare-daemon", 0, ""),
    ("deep-json", 0, "SQ04"),
    ("big-int", 0, ""),
    ("never-reads", 1, "SQ07"),
];

#[test]
fn hostile_nodes_do_no_harm() {
    let Some(bin) = python("testscripts/nodes/hostile.py") else { return };
    each(MODES, |(mode, code, finding)| {
        let shell = Shell::new();
        let line = format!(
            "test -w echo {bin} --node-count 1 --rate 10 --time-limit 1 --recovery 1 --seed 1 \
             -- --mode {mode}"
        );
        let outcome = Running::start(&shell, &line).finish(16 + 10);
        outcome.ended.assert_code(*code);
        assert!(outcome.took < Duration::from_secs(16), "{mode}: {:?}", outcome.took);
        assert!(outcome.peak_mib < 500, "{mode}: {} MiB", outcome.peak_mib);
        if mode.ends_with("daemon") {
            let log = shell.read("store/latest/node-logs/n0.log");
            let daemon = log.strip_prefix("daemon ").expect("its number");
            assert!(is_gone(daemon.trim()), "{mode}: the daemon lives");
        }
        let results = results(&shell);
        let findings = results["findings"].as_array().unwrap();
        let codes: Vec<_> = findings.iter().map(|one| one["code"].as_str().unwrap()).collect();
        let expected = Some(*finding).filter(|code| !code.is_empty());
        assert_eq!(codes, expected.into_iter().collect::<Vec<_>>(), "{mode}");
    });
}

#[test]
fn a_flood_of_bad_lines_is_not_counted_as_what_is_shown_of_it() {
    let shell = Shell::new();
    let line = "test -w echo --bin yes --node-count 1 --time-limit 1 --recovery 0 --init-timeout 1";
    let ended = Running::start(&shell, line).finish(16 + 10).ended;
    ended.assert_code(76).assert_says("(100 times and more)").assert_says(" more lines of its");
}

/// Whether no process of this number runs.
fn is_gone(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_none_or(|(_, fields)| fields.starts_with('Z'))
}
