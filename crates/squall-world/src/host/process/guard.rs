//! No process outlives its run, nor what it kept for that run only, even if squall ends without a
//! word.
//!
//! The guard is a child of squall in a process group of its own, so that Ctrl-C does not reach
//! it. Squall tells it on a pipe which groups there are:
//!
//! ```text
//! run 1a2b-00c0ffee00c0ffee     the name of this run, which all its processes have as a mark
//! folder /tmp/squall-4710-17    squall made it for this run, and nothing else is in it
//! +4711                         a group has begun
//! -4711                         it is gone
//! end                           all is well: there is nothing to do
//! ```
//!
//! The pipe ends without `end` if squall ended in any other way, `kill -9` included. The guard
//! then kills what is left: the groups, and every process that has the mark. Then it removes the
//! folder, unless something else has come to be called so.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, BufRead, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, getpgid, kill_process, kill_process_group};

use super::linux;
use super::mark::{Mark, RUN_VARIABLE};

/// A process may start others while it is looked for, so it is looked for again, but not for ever.
const SWEEPS_MAX: u32 = 500;
/// Between two sweeps.
const SWEEP_PAUSE: Duration = Duration::from_millis(2);
/// So often it is tried to remove a folder.
const REMOVALS_MAX: u32 = 500;
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
        // No mark of another run may be on it.
        let _alone = linux::start_alone();
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

    /// Lets it remove a folder, too. Call this with a folder that was made for this run and that
    /// goes with it. If all ends well, it is the caller who removes it.
    pub fn owns(&mut self, folder: &Path) {
        let Ok(folder) = std::path::absolute(folder) else { return };
        let path = folder.as_os_str().as_bytes();
        // Lines end at newlines; a folder with such a name stays.
        if !path.contains(&b'\n') {
            self.tell(&[b"folder ", path, b"\n"].concat());
        }
    }

    pub(super) fn run(&mut self, run: &str) {
        self.tell(format!("run {run}\n").as_bytes());
    }

    pub(super) fn begun(&mut self, group: Pid) {
        self.tell(format!("+{}\n", group.as_raw_nonzero()).as_bytes());
    }

    pub(super) fn gone(&mut self, group: Pid) {
        self.tell(format!("-{}\n", group.as_raw_nonzero()).as_bytes());
    }

    fn tell(&mut self, line: &[u8]) {
        // A guard that was killed guards nothing; the run is none the worse for it.
        if let Some(pipe) = &mut self.pipe
            && pipe.write_all(line).is_err()
        {
            self.pipe = None;
        }
    }

    /// Everything is gone, and the guard may go.
    pub(super) fn end(mut self) {
        self.tell(b"end\n");
        self.pipe = None;
        for _ in 0..GUARD_PAUSES_MAX {
            match self.child.try_wait() {
                Ok(None) => std::thread::sleep(SWEEP_PAUSE),
                Ok(Some(_)) | Err(_) => return,
            }
        }
    }
}

/// What the guard does: waits until `stdin` ends, then ends and removes what is left of the run.
pub fn guard_main(stdin: impl BufRead) {
    linux::rename("storm-guard");
    // A squall that is itself a node of a run guards its own nodes until that run has ended it.
    linux::unbind();
    let mut groups: Vec<Pid> = Vec::new();
    let (mut run, mut folder) = (None, None);
    for line in stdin.split(b'\n') {
        let Ok(line) = line else { break };
        if let Some(path) = line.strip_prefix(b"folder ") {
            folder = Folder::look(Path::new(OsStr::from_bytes(path)));
            continue;
        }
        // The other lines are of ASCII.
        let Ok(line) = String::from_utf8(line) else { continue };
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
    if let Some(folder) = folder {
        folder.remove();
    }
}

/// A folder, and which one of all that were ever called so.
#[derive(Debug)]
struct Folder {
    path: PathBuf,
    identity: (u64, u64),
}

impl Folder {
    /// The folder of this name, if it is one.
    fn look(path: &Path) -> Option<Self> {
        let identity = Self::identity(path)?;
        Some(Self { path: path.to_owned(), identity })
    }

    fn identity(path: &Path) -> Option<(u64, u64)> {
        let found = fs::symlink_metadata(path).ok().filter(fs::Metadata::is_dir)?;
        Some((found.dev(), found.ino()))
    }

    /// Removes it. A process that dies late may still write, so this is tried again.
    fn remove(&self) {
        for _ in 0..REMOVALS_MAX {
            if Self::identity(&self.path) != Some(self.identity) {
                return;
            }
            if fs::remove_dir_all(&self.path).is_ok() {
                return;
            }
            std::thread::sleep(SWEEP_PAUSE);
        }
    }
}

/// Kills every process that has the mark of this run, and says how many of them were in none of
/// its groups.
pub(super) fn sweep(run: &str, groups: &[Pid]) -> usize {
    let mark = Mark::of(run);
    let mut strays: Vec<Pid> = Vec::new();
    for _ in 0..SWEEPS_MAX {
        let found = linux::look(&mark);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("guard-{}-{name}", std::process::id()));
        fs::create_dir_all(path.join("data/n0")).expect("a folder");
        fs::write(path.join("data/n0/kept"), "much").expect("a file");
        path
    }

    fn told(folder: &Path, rest: &str) -> Vec<u8> {
        let path = folder.as_os_str().as_bytes();
        [b"folder ", path, b"\n", rest.as_bytes()].concat()
    }

    #[test]
    fn a_folder_goes_unless_all_is_well() {
        let path = folder("of-a-run");
        guard_main(&told(&path, "end\n")[..]);
        assert!(path.is_dir(), "who made it removes it");
        guard_main(&told(&path, "")[..]);
        assert!(!path.exists());
    }

    #[test]
    fn what_is_not_the_folder_of_the_run_stays() {
        // Something else has come to be called so.
        let path = folder("replaced");
        let known = Folder::look(&path).expect("a folder");
        let aside = path.with_extension("aside");
        fs::rename(&path, &aside).expect("it can be moved");
        let other = folder("replaced");
        known.remove();
        assert!(other.join("data/n0/kept").is_file() && aside.is_dir());
        // A link is no folder, and what it leads to is somebody's.
        let link = path.with_extension("link");
        std::os::unix::fs::symlink(&aside, &link).expect("a link");
        guard_main(&told(&link, "")[..]);
        assert!(aside.join("data/n0/kept").is_file());
        // What lies in a folder may be a link, too.
        std::os::unix::fs::symlink(&aside, other.join("data/link")).expect("a link");
        guard_main(&told(&other, "")[..]);
        assert!(!other.exists() && aside.join("data/n0/kept").is_file());
        fs::remove_file(&link).expect("it stayed");
        fs::remove_dir_all(&aside).expect("it stayed");
    }
}
