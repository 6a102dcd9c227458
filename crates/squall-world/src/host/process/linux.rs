//! What only Linux can do. Elsewhere the end of a process is looked for now and then, and children
//! that left their group are not found.

use std::os::fd::OwnedFd;

use rustix::process::Pid;

/// What a look at all processes found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// They have the mark.
    pub(super) marked: Vec<Pid>,
    /// Some process is just becoming another program, and shows no environment meanwhile.
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

/// Looks for all processes but this one whose environment holds `entry`, a `NAME=value`.
#[cfg(target_os = "linux")]
pub(super) fn look(entry: &str) -> Found {
    let mut found = Found::default();
    let me = rustix::process::getpid();
    let since = stat(me).map_or(0, |stat| stat.started);
    for folder in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let name = folder.file_name();
        let pid = name.to_str().and_then(|name| name.parse().ok()).and_then(Pid::from_raw);
        let Some(pid) = pid.filter(|&pid| pid != me) else { continue };
        // What has ended in the meantime, or belongs to somebody else, is not ours.
        let Ok(environment) = std::fs::read(folder.path().join("environ")) else { continue };
        if environment.split(|&byte| byte == 0).any(|known| known == entry.as_bytes()) {
            found.marked.push(pid);
        } else if environment.is_empty() {
            let is_new = |stat: Stat| stat.is_program && stat.started >= since;
            found.is_unsure |= stat(pid).is_some_and(is_new);
        }
    }
    found
}

#[cfg(not(target_os = "linux"))]
pub(super) fn look(_: &str) -> Found {
    Found::default()
}

/// What is known of a process beside its environment.
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
}
