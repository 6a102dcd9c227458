//! No process outlives its run, even if squall ends without a word.
//!
//! The guard is a child of squall in a process group of its own, so that Ctrl-C does not reach
//! it. Squall tells it on a pipe which groups there are:
//!
//! ```text
//! run 1a2b-00c0ffee00c0ffee     the mark in the environment of all processes of this run
//! +4711                         a group has begun
//! -4711                         it is gone
//! end                           all is well: there is nothing to do
//! ```
//!
//! The pipe ends without `end` if squall ended in any other way, `kill -9` included. The guard
//! then kills what is left: the groups, and every process that has the mark.

use std::io::{self, BufRead, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, getpgid, kill_process, kill_process_group};

use super::linux;
use super::start::RUN_VARIABLE;

/// A process may start others while it is looked for, so it is looked for again, but not for ever.
const SWEEPS_MAX: u32 = 500;
/// Between two sweeps.
const SWEEP_PAUSE: Duration = Duration::from_millis(2);
/// So many pauses are waited for a guard that has nothing to do.
const GUARD_PAUSES_MAX: u32 = 1_000;

/// The guard, seen from squall.
#[derive(Debug)]
pub struct Guard {
    child: Child,
    pipe: Option<ChildStdin>,
}

impl Guard {
    /// Starts a guard. The command must end up in [`guard_main`] with its stdin.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn spawn(mut command: Command) -> io::Result<Self> {
        let mut child = command
            .current_dir("/")
            .env_remove(RUN_VARIABLE)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        let pipe = child.stdin.take();
        Ok(Self { child, pipe })
    }

    pub(super) fn run(&mut self, run: &str) {
        self.tell(&format!("run {run}\n"));
    }

    pub(super) fn begun(&mut self, group: Pid) {
        self.tell(&format!("+{}\n", group.as_raw_nonzero()));
    }

    pub(super) fn gone(&mut self, group: Pid) {
        self.tell(&format!("-{}\n", group.as_raw_nonzero()));
    }

    fn tell(&mut self, line: &str) {
        // A guard that was killed guards nothing; the run is none the worse for it.
        if let Some(pipe) = &mut self.pipe
            && pipe.write_all(line.as_bytes()).is_err()
        {
            self.pipe = None;
        }
    }

    /// Everything is gone, and the guard may go.
    pub(super) fn end(mut self) {
        self.tell("end\n");
        self.pipe = None;
        for _ in 0..GUARD_PAUSES_MAX {
            match self.child.try_wait() {
                Ok(None) => std::thread::sleep(SWEEP_PAUSE),
                Ok(Some(_)) | Err(_) => return,
            }
        }
    }
}

/// What the guard does: waits until `stdin` ends, then kills what is left of the run.
pub fn guard_main(stdin: impl BufRead) {
    linux::rename("storm-guard");
    let mut groups: Vec<Pid> = Vec::new();
    let mut run = None;
    for line in stdin.lines() {
        let Ok(line) = line else { break };
        let group = |digits: &str| digits.parse().ok().and_then(Pid::from_raw);
        match line.as_bytes().first() {
            Some(b'+') => groups.extend(group(&line[1..])),
            Some(b'-') => {
                if let Some(group) = group(&line[1..]) {
                    groups.retain(|&known| known != group);
                }
            }
            Some(b'r') => run = line.strip_prefix("run ").map(str::to_owned),
            Some(b'e') => return,
            Some(_) | None => {}
        }
    }
    for &group in &groups {
        // What is gone already need not be killed.
        kill_process_group(group, Signal::KILL).ok();
    }
    if let Some(run) = run {
        sweep(&run, &groups);
    }
}

/// Kills every process that has the mark of this run, and says how many of them were in none of
/// its groups.
pub(super) fn sweep(run: &str, groups: &[Pid]) -> usize {
    let entry = format!("{RUN_VARIABLE}={run}");
    let mut strays: Vec<Pid> = Vec::new();
    for _ in 0..SWEEPS_MAX {
        let found = linux::look(&entry);
        if found.marked.is_empty() && !found.is_unsure {
            break;
        }
        for pid in found.marked {
            let is_stray = getpgid(Some(pid)).is_ok_and(|group| !groups.contains(&group));
            if is_stray && !strays.contains(&pid) {
                strays.push(pid);
            }
            kill_process(pid, Signal::KILL).ok();
        }
        std::thread::sleep(SWEEP_PAUSE);
    }
    strays.len()
}
