//! No process outlives its run, however it ends.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process_group};
use squall_world::{Births, Guard};

use crate::roles::actor;
use crate::stage::{ECHO, INIT, Stage, marked, sh, wait_for};

/// Children in the group, and one that left it for a session of its own.
const CHILDREN: &str = "setsid sh -c 'sleep 60 &'; for n in 1 2 3 4 5; do sleep 60 & done";

/// A child that left the group and has nothing in its environment. Its number is in the log, and
/// among what the node keeps.
const BARE: &str = r#"setsid sh -c 'env -i sleep 60 & echo $! | tee "$SQUALL_DATA/bare" >&2'"#;

/// A node of a program that starts others as well, as tests do, has its second mark only once it
/// runs, so this waits for it: what leaves before that is not found.
const MARKED: &str =
    "while grep -q '^Max realtime timeout *unlimited' /proc/$$/limits; do sleep 0.01; done";

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
fn a_child_that_left_the_group_with_a_cleared_environment_is_found() {
    let outcome = Stage::of(&sh(&format!("{MARKED}; {BARE}"), INIT, ECHO)).run();
    outcome.assert_held();
    assert!(is_gone(&outcome.logs[0]), "{}", outcome.logs[0]);
    assert_eq!(outcome.left, 1);
}

#[test]
fn children_of_others_stay() {
    let mut of_a_test = Command::new("sleep").arg("60").env_clear().spawn().unwrap();
    Stage::of(&sh(&format!("{MARKED}; {BARE}"), INIT, ECHO)).run().assert_held();
    let lives = of_a_test.try_wait().unwrap().is_none();
    of_a_test.kill().unwrap();
    of_a_test.wait().unwrap();
    assert!(lives, "it was killed, and is no node's");
}

#[test]
fn children_of_a_node_that_ended_by_itself_go_too() {
    let outcome = Stage::of(&sh("", INIT, &format!("{CHILDREN}; exit 1")));
    let outcome = Stage { limit: std::time::Duration::from_millis(1_500), ..outcome }.run();
    assert_eq!(outcome.finding().code, "SQ06");
    outcome.assert_nothing_left();
}

/// A run whose node prints its mark, and that then waits, panics or aborts.
pub(crate) fn squall(role: &str) {
    let tell = format!("echo \"$SQUALL_RUN\" > \"$MARK\"; {INIT}");
    let stage =
        Stage::of(&sh(&format!("{BARE}; {CHILDREN}"), &tell, &format!("sleep 0.2; {ECHO}")));
    let panics = role == "panic";
    let guard = (!panics).then(|| Guard::spawn(actor("guard")).unwrap());
    let mark = stage.folder.path().join("mark");
    println!("\nfolder {}", stage.folder.path().display());
    let limit = std::time::Duration::from_secs(60);
    let program = std::fs::read_to_string(&stage.programs[0]).unwrap();
    let program = program.replace("$MARK", &mark.display().to_string());
    std::fs::write(&stage.programs[0], program).unwrap();
    let bare = stage.folder.path().join("data/n0/bare");
    let seen = mark.clone();
    let role = role.to_owned();
    std::thread::Builder::new()
        .spawn(move || {
            wait_for("the node", || {
                std::fs::read_to_string(&seen).is_ok_and(|m| m.ends_with('\n'))
            });
            println!("\nbare {}", std::fs::read_to_string(&bare).unwrap().trim());
            println!("\nready {}", std::fs::read_to_string(&seen).unwrap().trim());
            if role == "abort" {
                std::process::abort();
            }
        })
        .unwrap();
    // Nothing else is started here, so that even what leaves in its first moment is found.
    let births = Births::Alone;
    Stage { guard, limit, panics, births, answers: 2, ..stage }.run();
}

/// Whether no process of this number runs.
fn is_gone(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    stat.rsplit_once(") ").is_none_or(|(_, fields)| fields.starts_with('Z'))
}

/// Another squall, whose nodes run.
struct Squall {
    child: Child,
    /// The mark of its run.
    mark: String,
    /// A child of a node that left the group with a cleared environment.
    bare: String,
    /// Its files, which nobody else removes if it is killed.
    folder: PathBuf,
}

impl Squall {
    fn start(role: &str) -> Self {
        let mut command = actor(role);
        command.process_group(0).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut told = |mark: &str| {
            let mut lines = lines.by_ref().map_while(Result::ok);
            lines.find_map(|line| line.strip_prefix(mark).map(str::to_owned)).expect("it runs")
        };
        let (folder, bare, mark) = (told("folder ").into(), told("bare "), told("ready "));
        Self { child, mark, bare, folder }
    }

    /// It has ended, and all of its processes end within the deadline.
    fn assert_nothing_left(&mut self) {
        self.child.wait().unwrap();
        wait_for("the guard", || marked(&self.mark).is_empty());
        wait_for("the guard", || is_gone(&self.bare));
    }
}

impl Drop for Squall {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
        std::fs::remove_dir_all(&self.folder).ok();
    }
}

#[test]
fn nothing_is_left_when_squall_is_killed() {
    let mut squall = Squall::start("wait");
    wait_for("all children", || marked(&squall.mark).len() >= 7);
    squall.child.kill().unwrap();
    squall.assert_nothing_left();
}

#[test]
fn nothing_is_left_after_ctrl_c() {
    let mut squall = Squall::start("wait");
    // The terminal signals the whole group in front, of which nodes and guard are not a part.
    kill_process_group(Pid::from_child(&squall.child), Signal::INT).unwrap();
    squall.assert_nothing_left();
}

#[test]
fn nothing_is_left_when_squall_panics() {
    // Without a guard: what unwinds cleans up.
    let mut squall = Squall::start("panic");
    assert_eq!(squall.child.wait().unwrap().code(), Some(101));
    assert_eq!(marked(&squall.mark), Vec::<u32>::new());
    assert!(is_gone(&squall.bare));
}

#[test]
fn nothing_is_left_when_squall_aborts() {
    Squall::start("abort").assert_nothing_left();
}

#[test]
fn the_guard_goes_when_all_is_well() {
    let stage = Stage::of(&sh("", INIT, ECHO));
    let guard = Some(Guard::spawn(actor("guard")).unwrap());
    Stage { guard, ..stage }.run().assert_held();
}
