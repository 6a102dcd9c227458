//! No process outlives its run, however it ends.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process_group};
use squall_world::Guard;

use crate::roles::actor;
use crate::stage::{ECHO, INIT, Stage, marked, sh, wait_for};

/// Children in the group, and one that left it for a session of its own.
const CHILDREN: &str = "setsid sh -c 'sleep 60 &'; for n in 1 2 3 4 5; do sleep 60 & done";

#[test]
fn children_go_with_their_node() {
    let many = "n=0; while [ $n -lt 50 ]; do sleep 60 & n=$((n+1)); done";
    let outcome = Stage::of(&sh(many, INIT, ECHO)).run();
    outcome.assert_held();
    assert_eq!(outcome.left, 0, "all of them were in the group");
}

#[test]
fn a_child_that_left_the_group_is_found() {
    let outcome = Stage::of(&sh(CHILDREN, INIT, ECHO)).run();
    outcome.assert_held();
    assert_eq!(outcome.left, 1);
}

#[test]
fn children_of_a_node_that_ended_by_itself_go_too() {
    let outcome = Stage::of(&sh("", INIT, &format!("{CHILDREN}; exit 1")));
    let outcome = Stage { limit: std::time::Duration::from_millis(300), ..outcome }.run();
    assert_eq!(outcome.finding().code, "SQ06");
    outcome.assert_nothing_left();
}

/// A run whose node prints its mark, and that then waits, panics or aborts.
pub(crate) fn squall(role: &str) {
    let tell = format!("echo \"$SQUALL_RUN\" > \"$MARK\"; {INIT}");
    let stage = Stage::of(&sh(CHILDREN, &tell, &format!("sleep 0.2; {ECHO}")));
    let panics = role == "panic";
    let guard = (!panics).then(|| Guard::spawn(actor("guard")).unwrap());
    let mark = stage.folder.path().join("mark");
    // Alone in this program: nobody else reads its environment now.
    println!("mark {}", mark.display());
    let limit = std::time::Duration::from_secs(60);
    let program = std::fs::read_to_string(&stage.programs[0]).unwrap();
    let program = program.replace("$MARK", &mark.display().to_string());
    std::fs::write(&stage.programs[0], program).unwrap();
    let seen = mark.clone();
    let role = role.to_owned();
    std::thread::Builder::new()
        .spawn(move || {
            wait_for("the node", || {
                std::fs::read_to_string(&seen).is_ok_and(|m| m.ends_with('\n'))
            });
            println!("\nready {}", std::fs::read_to_string(&seen).unwrap().trim());
            if role == "abort" {
                std::process::abort();
            }
        })
        .unwrap();
    Stage { guard, limit, panics, answers: 2, ..stage }.run();
}

/// Starts another squall and gives it with the mark of its run, once its nodes run.
fn started(role: &str) -> (Child, String) {
    let mut command = actor(role);
    command.process_group(0);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mark =
        lines.map_while(Result::ok).find_map(|line| line.strip_prefix("ready ").map(str::to_owned));
    (child, mark.expect("the run began"))
}

#[test]
fn nothing_is_left_when_squall_is_killed() {
    let (mut child, mark) = started("wait");
    wait_for("all children", || marked(&mark).len() >= 7);
    child.kill().unwrap();
    child.wait().unwrap();
    wait_for("the guard", || marked(&mark).is_empty());
}

#[test]
fn nothing_is_left_after_ctrl_c() {
    let (mut child, mark) = started("wait");
    // The terminal signals the whole group in front, of which nodes and guard are not a part.
    kill_process_group(Pid::from_child(&child), Signal::INT).unwrap();
    child.wait().unwrap();
    wait_for("the guard", || marked(&mark).is_empty());
}

#[test]
fn nothing_is_left_when_squall_panics() {
    // Without a guard: what unwinds cleans up.
    let (mut child, mark) = started("panic");
    assert_eq!(child.wait().unwrap().code(), Some(101));
    assert_eq!(marked(&mark), Vec::<u32>::new());
}

#[test]
fn nothing_is_left_when_squall_aborts() {
    let (mut child, mark) = started("abort");
    child.wait().unwrap();
    wait_for("the guard", || marked(&mark).is_empty());
}

#[test]
fn the_guard_goes_when_all_is_well() {
    let stage = Stage::of(&sh("", INIT, ECHO));
    let guard = Some(Guard::spawn(actor("guard")).unwrap());
    Stage { guard, ..stage }.run().assert_held();
}
