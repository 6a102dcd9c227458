//! A command that runs, and everything that it started.

use std::fs::{self, File};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::shell::{Ended, Shell, repository};

/// So many clusters run at a time: more would only wait for each other.
const RUNNING_MAX: usize = 3;
/// Between two looks at what is waited for.
const LOOK: Duration = Duration::from_millis(5);
/// Processes that were killed are gone by then.
const GONE: Duration = Duration::from_secs(10);

/// A command that runs. Everything that it starts has its mark in its environment.
#[derive(Debug)]
pub(crate) struct Running<'a> {
    shell: &'a Shell,
    line: String,
    child: Child,
    mark: String,
    begun: Instant,
    peak_kib: u64,
    _turn: Turn,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) ended: Ended,
    pub(crate) took: Duration,
    pub(crate) peak_mib: u64,
}

impl<'a> Running<'a> {
    /// Starts the binary with the words of this line.
    pub(crate) fn start(shell: &'a Shell, line: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let turn = Turn::take();
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let mark = format!("{}-{count}", std::process::id());
        let file = |name| Stdio::from(File::create(shell.path(name)).unwrap());
        let mut command = shell.command(line);
        command.env("STORM_MARK", &mark).stdout(file("out")).stderr(file("err"));
        let child = command.spawn().unwrap();
        let line = line.to_owned();
        Self { shell, line, child, mark, begun: Instant::now(), peak_kib: 0, _turn: turn }
    }

    /// Waits for its end, which must come within so many seconds, and for the end of everything
    /// that it started.
    #[track_caller]
    pub(crate) fn finish(mut self, seconds: u64) -> Outcome {
        let deadline = self.begun + Duration::from_secs(seconds);
        let status = loop {
            self.look_at_memory();
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < deadline, "no verdict in {seconds} s: {}", self.line);
            thread::sleep(LOOK);
        };
        let took = self.begun.elapsed();
        self.assert_nothing_left();
        let ended = Ended {
            line: self.line.clone(),
            code: status.code(),
            out: self.shell.read("out"),
            err: self.shell.read("err"),
        };
        Outcome { ended, took, peak_mib: self.peak_kib >> 10 }
    }

    /// Waits until so many processes have its mark.
    #[track_caller]
    pub(crate) fn wait_for_processes(&self, count: usize) {
        wait_for(&format!("{count} processes"), || marked(&self.mark).len() >= count);
    }

    /// Waits until a folder in this one has something in this file.
    #[track_caller]
    pub(crate) fn wait_for_file(&self, folder: &str, name: &str) {
        let folder = self.shell.path(folder);
        let is_there = |run: fs::DirEntry| {
            fs::metadata(run.path().join(name)).is_ok_and(|file| file.len() > 0)
        };
        wait_for(name, || fs::read_dir(&folder).into_iter().flatten().flatten().any(is_there));
    }

    #[track_caller]
    pub(crate) fn assert_nothing_left(&self) {
        wait_for("the end of all processes", || marked(&self.mark).is_empty());
    }

    /// Sends a signal to squall itself, by its number.
    pub(crate) fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    fn look_at_memory(&mut self) {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let line = status.ok().and_then(|status| {
            let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
            line.split_whitespace().nth(1)?.parse().ok()
        });
        self.peak_kib = self.peak_kib.max(line.unwrap_or(0));
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        // A test that fails leaves no cluster behind; after a good end there is nothing to kill.
        if matches!(self.child.try_wait(), Ok(None)) {
            self.child.kill().ok();
            self.child.wait().ok();
        }
    }
}

/// Runs a command to its end.
#[track_caller]
pub(crate) fn run(shell: &Shell, line: &str) -> Ended {
    Running::start(shell, line).finish(60).ended
}

/// The results of the latest run.
pub(crate) fn results(shell: &Shell) -> Value {
    serde_json::from_str(&shell.read("store/latest/results.json")).unwrap()
}

/// A program of this repository, as a flag; `None` if it cannot run here.
pub(crate) fn python(program: &str) -> Option<String> {
    if Command::new("python3").arg("--version").output().is_err() {
        println!("skipped: python3 not found");
        return None;
    }
    Some(format!("--bin {}", repository(program).canonicalize().unwrap().display()))
}

/// The processes that have this mark. A zombie has no environment and is none.
fn marked(mark: &str) -> Vec<String> {
    let entry = format!("STORM_MARK={mark}");
    let is_marked = |pid: &String| {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment.split(|&byte| byte == 0).any(|variable| variable == entry.as_bytes())
    };
    let files = fs::read_dir("/proc").unwrap().flatten();
    let names = files.map(|file| file.file_name().to_string_lossy().into_owned());
    names.filter(|name| name.parse::<u32>().is_ok()).filter(is_marked).collect()
}

/// Waits until something is true.
#[track_caller]
fn wait_for(what: &str, mut is_true: impl FnMut() -> bool) {
    let deadline = Instant::now() + GONE;
    while !is_true() {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        thread::sleep(LOOK);
    }
}

/// One of the places for clusters that run.
#[derive(Debug)]
struct Turn;

static TAKEN: (Mutex<usize>, Condvar) = (Mutex::new(0), Condvar::new());

impl Turn {
    fn take() -> Self {
        let taken = TAKEN.0.lock().unwrap();
        *TAKEN.1.wait_while(taken, |taken| *taken >= RUNNING_MAX).unwrap() += 1;
        Self
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        *TAKEN.0.lock().unwrap() -= 1;
        TAKEN.1.notify_one();
    }
}

/// Does something with each of these, some at a time, and fails if one fails.
#[track_caller]
pub(crate) fn each<T: Sync>(items: &[T], act: impl Fn(&T) + Sync) {
    let next = AtomicU32::new(0);
    thread::scope(|scope| {
        for _ in 0..RUNNING_MAX {
            scope.spawn(|| {
                while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed) as usize) {
                    act(item);
                }
            });
        }
    });
}
