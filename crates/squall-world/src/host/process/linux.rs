//! What only Linux can do. Elsewhere the end of a process is looked for now and then, and children
//! that left their group are not found.

use std::os::fd::OwnedFd;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::process::Pid;
#[cfg(target_os = "linux")]
use rustix::process::{Resource, Rlimit, getrlimit, prlimit, setrlimit};

use super::mark::Mark;

/// What a look at all processes found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// They have the mark.
    pub(super) marked: Vec<Pid>,
    /// Some process is just becoming another program, and shows no mark meanwhile.
    pub(super) is_unsure: bool,
}

/// Something that becomes readable once the process has ended.
#[cfg(target_os = "linux")]
pub(super) fn handle(pid: Pid) -> Option<OwnedFd> {
    rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()).ok()
}

#[cfg(not(target_os = "linux"))]
pub(super) fn handle(_: Pid) -> Option<OwnedFd> {
    None
}

/// Gives this process a name of its own, so that `killall squall` does not mean it.
#[cfg(target_os = "linux")]
pub(super) fn rename(name: &str) {
    // Under its old name it does its work as well.
    std::fs::write("/proc/self/comm", name).ok();
}

#[cfg(not(target_os = "linux"))]
pub(super) fn rename(_: &str) {}

/// Gives a process, and what it will start, a bound on its time as a process in real time.
#[cfg(target_os = "linux")]
pub(super) fn bound(pid: Pid, micros: u64) {
    let maximum = getrlimit(Resource::Rttime).maximum;
    let bound = Rlimit { current: Some(micros), maximum };
    // Where it cannot be had, the mark in the environment is left.
    prlimit(Some(pid), Resource::Rttime, bound).ok();
}

#[cfg(not(target_os = "linux"))]
pub(super) fn bound(_: Pid, _: u64) {}

/// Starts something while this process itself has a bound, so that what is started has it from its
/// first moment. Whatever else is started meanwhile has it too, and keeps it.
#[cfg(target_os = "linux")]
pub(super) fn start_bound<T>(micros: u64, start: impl FnOnce() -> T) -> T {
    /// Gives this process its own bounds again.
    struct Own(Rlimit);

    impl Drop for Own {
        fn drop(&mut self) {
            let Rlimit { current, maximum } = self.0;
            // A bound may always be lifted up to the hard one.
            setrlimit(Resource::Rttime, Rlimit { current, maximum }).ok();
        }
    }

    let _alone = start_alone();
    let own = Own(getrlimit(Resource::Rttime));
    let lent = Rlimit { current: Some(micros), maximum: own.0.maximum };
    // Where it cannot be had, the mark in the environment is left.
    setrlimit(Resource::Rttime, lent).ok();
    start()
}

#[cfg(not(target_os = "linux"))]
pub(super) fn start_bound<T>(_: u64, start: impl FnOnce() -> T) -> T {
    start()
}

/// Until the answer is dropped, this process has no bound but its own.
pub(super) fn start_alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes the mark of another run from this process, if it has one.
#[cfg(target_os = "linux")]
pub(super) fn unbind() {
    let bounds = getrlimit(Resource::Rttime);
    if bounds.current.is_some_and(Mark::is_bound) {
        let freed = Rlimit { current: bounds.maximum, maximum: bounds.maximum };
        // A bound may always be lifted up to the hard one.
        setrlimit(Resource::Rttime, freed).ok();
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn unbind() {}

/// Looks for all processes but this one that have the mark, and began after it.
#[cfg(target_os = "linux")]
pub(super) fn look(mark: &Mark) -> Found {
    let mut found = Found::default();
    let me = rustix::process::getpid();
    let since = stat(me).map_or(0, |stat| stat.started);
    let hard = getrlimit(Resource::Rttime).maximum;
    let can_be_bound = hard.is_none_or(|hard| mark.bound <= hard);
    for folder in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let name = folder.file_name();
        let pid = name.to_str().and_then(|name| name.parse().ok()).and_then(Pid::from_raw);
        let Some(pid) = pid.filter(|&pid| pid != me) else { continue };
        let is_new = |stat: Stat| stat.is_program && stat.started >= since;
        if !stat(pid).is_some_and(is_new) {
            continue;
        }
        // What has ended in the meantime, or belongs to somebody else, is not ours.
        let Ok(environment) = std::fs::read(folder.path().join("environ")) else { continue };
        if mark.is_in(&environment) || is_bound(pid, mark.bound) {
            found.marked.push(pid);
        } else if environment.is_empty() {
            // A bound shows also while a process becomes another program.
            found.is_unsure |= !can_be_bound;
        }
    }
    found
}

#[cfg(not(target_os = "linux"))]
pub(super) fn look(_: &Mark) -> Found {
    Found::default()
}

/// `/proc/PID/limits`: a line for each bound, the soft one first.
#[cfg(target_os = "linux")]
fn is_bound(pid: Pid, micros: u64) -> bool {
    let file = format!("/proc/{}/limits", pid.as_raw_nonzero());
    let limits = std::fs::read_to_string(file).unwrap_or_default();
    let mut bounds = limits.lines().filter_map(|line| line.strip_prefix("Max realtime timeout"));
    let soft = bounds.next().and_then(|bounds| bounds.split_whitespace().next());
    soft.is_some_and(|soft| soft.parse() == Ok(micros))
}

/// What is known of a process beside its marks.
#[cfg(target_os = "linux")]
struct Stat {
    /// Neither a thread of the kernel nor dead.
    is_program: bool,
    /// When it began, in ticks.
    started: u64,
}

/// `/proc/PID/stat`, see proc_pid_stat(5).
#[cfg(target_os = "linux")]
fn stat(pid: Pid) -> Option<Stat> {
    const KERNEL_THREAD: u64 = 0x0020_0000;
    let text = std::fs::read(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
    let text = String::from_utf8_lossy(&text);
    // The name, second of the fields, may hold anything, parentheses too.
    let mut fields = text.rsplit_once(") ")?.1.split(' ');
    let state = fields.next()?;
    let flags: u64 = fields.nth(5)?.parse().ok()?;
    let started = fields.nth(12)?.parse().ok()?;
    let is_program = !matches!(state, "Z" | "X") && flags & KERNEL_THREAD == 0;
    Some(Stat { is_program, started })
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_a_program_that_began_after_the_first_one() {
        let me = stat(rustix::process::getpid()).unwrap();
        let first = stat(Pid::from_raw(1).unwrap()).unwrap();
        assert!(me.is_program);
        assert!(first.started <= me.started && me.started > 0);
    }

    #[test]
    fn a_bound_is_lent_for_one_start() {
        let before = getrlimit(Resource::Rttime);
        let micros = Mark::of("1a2b-00c0ffee00c0ffee").bound;
        let child = start_bound(micros, || {
            let mut cat = std::process::Command::new("cat");
            cat.arg("/proc/self/limits").output().unwrap()
        });
        assert!(String::from_utf8_lossy(&child.stdout).contains(&micros.to_string()));
        assert_eq!(getrlimit(Resource::Rttime), before);
    }
}
