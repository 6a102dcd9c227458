//! Clusters of right nodes: ours in Python, ours as processes, both at once, and somebody else's.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use crate::running::{each, python, results, run};
use crate::shell::{HELD, Shell};

/// Gossip Glomers 3b and 3c, shortened.
const WHOLE: &str = "-w broadcast --node-count 5 --rate 10 --time-limit 2 --recovery 2";
const PARTED: &str = "-w broadcast --node-count 5 --rate 10 --time-limit 3 --recovery 2 \
    --nemesis partition --nemesis-interval 1 --seed 1";

#[test]
fn python_nodes_hold() {
    let (Some(echo), Some(broadcast)) =
        (python("nodes/python/echo.py"), python("nodes/python/broadcast.py"))
    else {
        return;
    };
    let lines = [
        format!("test -w echo {echo} --node-count 1 --rate 20 --time-limit 2"),
        format!("test {WHOLE} {broadcast}"),
        format!("test {PARTED} {broadcast}"),
    ];
    each(&lines, |line| hold(line));
}

#[test]
fn our_nodes_hold_as_processes() {
    let lines = [
        format!("test {WHOLE} --bin squall -- node broadcast"),
        format!("test {PARTED} --bin squall -- node broadcast"),
        "test -w echo --node-count 1 --rate 50 --time-limit 1 --bin squall -- node echo".into(),
        "test -w unique-ids --node-count 3 --rate 100 --time-limit 1 --availability total \
         --bin squall -- node unique-ids"
            .into(),
        "test -w lin-kv --node-count 3 --rate 50 --time-limit 1 --bin squall -- node lin-kv".into(),
        "test -w broadcast --node-count 3 --rate 20 --time-limit 3 --recovery 2 --seed 1 \
         --nemesis kill --nemesis-interval 1 --bin squall -- node broadcast"
            .into(),
    ];
    each(&lines, |line| hold(line));
}

/// What follows `--` goes to the programs, not to nodes that live in squall itself.
#[test]
fn python_nodes_and_ours_hold_together() {
    let Some(broadcast) = python("nodes/python/broadcast.py") else { return };
    let lines = [
        format!("test {PARTED} {broadcast} --bin n0=squall --bin n3=squall -- node broadcast"),
        format!("test {PARTED} {broadcast} --bin n2=squall --bin n4=squall -- node broadcast"),
        // Nodes that no flag names are ours and live in squall itself.
        format!("test {WHOLE} {}", broadcast.replace("--bin ", "--bin n1=")),
        format!("test {WHOLE} --bin n2=squall -- node broadcast"),
    ];
    each(&lines, |line| hold(line));
}

/// A handler whose answer is no JSON has failed, and its client is told so at once.
#[test]
fn python_nodes_answer_with_an_error_what_they_cannot_write() {
    let Some(node) = python("testscripts/nodes/unwritable.py") else { return };
    let shell = Shell::new();
    let line = format!("test -w echo {node} --node-count 1 --rate 10 --time-limit 1 --recovery 1");
    run(&shell, &line).assert_code(1);
    let history = shell.read("store/latest/history.txt");
    assert!(history.contains("crash") && !history.contains("net-timeout"), "{history}");
}

/// Kills come faster than a life of it can start: no life owes what the one before did not say.
#[test]
fn a_node_that_starts_slowly_holds_under_kills() {
    let Some(echo) = python("nodes/python/echo.py") else { return };
    let shell = Shell::new();
    let echo = echo.trim_start_matches("--bin ");
    let slow = shell.path("slow");
    fs::write(&slow, format!("#!/bin/sh\nsleep 0.4\nexec '{echo}'\n")).unwrap();
    fs::set_permissions(&slow, fs::Permissions::from_mode(0o755)).unwrap();
    let slow = slow.display();
    hold(&format!(
        "test -w echo --bin {slow} --node-count 1 --rate 20 --time-limit 6 --seed 1 \
         --nemesis kill --nemesis-interval 0.5 --init-timeout 3 --rpc-timeout 2 --concurrency 9"
    ));
}

#[track_caller]
fn hold(line: &str) {
    let shell = Shell::new();
    let ended = run(&shell, line);
    ended.assert_code(0).assert_closing(HELD).assert_says("real time");
    assert_eq!(ended.err, "", "{ended:#?}");
    assert_eq!(results(&shell)["findings"], serde_json::json!([]), "{ended:#?}");
}

#[test]
fn a_run_of_processes_is_repeated_by_its_schedule() {
    let shell = Shell::new();
    let line = "test -w echo --node-count 1 --rate 20 --time-limit 1 --bin squall -- node echo";
    run(&shell, line).assert_code(0);
    let ended = run(&shell, "replay latest");
    ended.assert_code(0).assert_says("schedule only: verdict held, before held");
}

#[test]
fn what_nodes_print_to_stderr_is_shown_if_asked_for() {
    let Some(bin) = python("testscripts/nodes/switch.py") else { return };
    let shell = Shell::new();
    let line = format!("test -w echo {bin} --node-count 1 --rate 20 --time-limit 1 --log-stderr");
    let ended = run(&shell, &format!("{line} -- --bug dies-later"));
    assert!(ended.err.contains("giving up at request 5"), "{ended:#?}");
    assert!(shell.read("store/latest/node-logs/n0.log").contains("giving up at request 5"));
}

/// Programs on somebody else's library, as `.ci/foreign-node.sh` installs them.
#[test]
fn foreign_nodes_hold() {
    let Some(folder) = std::env::var_os("FOREIGN_NODES").map(PathBuf::from) else {
        println!("skipped: FOREIGN_NODES names no folder of .ci/foreign-node.sh");
        return;
    };
    let bin = |name: &str| folder.join("bin").join(name).display().to_string();
    let lines = [
        format!("test -w echo --bin {} --node-count 1 --time-limit 2", bin("echo")),
        format!(
            "test -w unique-ids --bin {} --time-limit 3 --rate 1000 --node-count 3 \
             --availability total --nemesis partition --nemesis-interval 1",
            bin("unique")
        ),
        format!(
            "test -w broadcast --bin {} --node-count 1 --rate 10 --time-limit 2 --recovery 2",
            bin("broadcast")
        ),
        format!("test {WHOLE} --bin {}", bin("broadcast")),
        format!("test {PARTED} --bin {}", bin("broadcast")),
    ];
    each(&lines, |line| hold(line));
}
