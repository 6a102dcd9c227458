//! The pieces that rows of the scorecard share: running programs, their wall time and memory,
//! what `squall` says as JSON, and instruction counts.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::{Error, root};

/// How often the memory of a program is looked at.
const MEMORY_LOOK_EVERY: Duration = Duration::from_millis(2);

/// A program to be run with nothing on its standard input.
#[derive(Debug)]
pub struct Program {
    command: Command,
    name: String,
}

/// How a program ended, and what that took.
#[derive(Clone, Debug)]
pub struct Ran {
    /// From its start to its end.
    pub wall: Duration,
    /// The most memory that it had resident, its children not counted. `None` where there is no
    /// `/proc`, or if it ended before it could be looked at.
    pub resident_bytes_max: Option<u64>,
    /// Exit code; `None` if a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Program {
    /// A program by path or name, in the root of the workspace.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        let name = program.as_ref().to_string_lossy().into_owned();
        let mut command = Command::new(program);
        command.current_dir(root()).stdin(Stdio::null());
        Self { command, name }
    }

    /// With these arguments.
    #[must_use]
    pub fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.command.args(arguments);
        self
    }

    /// In another folder.
    #[must_use]
    pub fn in_folder(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// With this in its environment.
    #[must_use]
    pub fn env(mut self, key: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(key, value);
        self
    }

    /// Runs it to its end, however that is.
    ///
    /// # Errors
    /// If it can't be started.
    pub fn run(mut self) -> Result<Ran, Error> {
        self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let failed = |error| Error::Io(self.name.clone(), error);
        let started = Instant::now();
        let child = self.command.spawn().map_err(failed)?;
        let (id, ended) = (child.id(), AtomicBool::new(false));
        let (output, wall, resident_bytes_max) = thread::scope(|scope| {
            let looking = scope.spawn(|| memory_until(id, &ended));
            let output = child.wait_with_output();
            let wall = started.elapsed();
            ended.store(true, Ordering::Relaxed);
            (output, wall, looking.join().ok().flatten())
        });
        let Output { status, stdout, stderr } = output.map_err(failed)?;
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let (stdout, stderr) = (text(stdout), text(stderr));
        Ok(Ran { wall, resident_bytes_max, code: status.code(), stdout, stderr })
    }

    /// Runs it to a good end.
    ///
    /// # Errors
    /// If it can't be started, or its exit code is not 0.
    pub fn run_well(self) -> Result<Ran, Error> {
        let name = self.name.clone();
        let ran = self.run()?;
        if ran.code == Some(0) {
            return Ok(ran);
        }
        let end = ran.code.map_or_else(|| "a signal".into(), |code| format!("exit code {code}"));
        let last = ran.stderr.lines().rev().take(5).collect::<Vec<_>>();
        let last = last.into_iter().rev().collect::<Vec<_>>().join(" | ");
        Err(Error::Program(format!("{name} ended with {end}: {last}")))
    }
}

impl Ran {
    /// Standard output as JSON lines, as `squall --json` writes it.
    ///
    /// # Errors
    /// If a line is no JSON.
    pub fn json_lines(&self) -> Result<Vec<Value>, Error> {
        let lines = self.stdout.lines().filter(|line| !line.trim().is_empty());
        lines
            .map(|line| {
                let parsed = serde_json::from_str(line);
                parsed.map_err(|error| Error::Answer(format!("no JSON ({error}): {line}")))
            })
            .collect()
    }
}

/// The number at a JSON pointer, for example `/net/servers/msgs-per-op`.
///
/// # Errors
/// If there is none.
pub fn number_at(value: &Value, pointer: &str) -> Result<f64, Error> {
    let number = value.pointer(pointer).and_then(Value::as_f64);
    number.ok_or_else(|| Error::Answer(format!("there is no number at {pointer}")))
}

/// The results of the newest run kept in the store of a folder.
///
/// # Errors
/// If there is none, or it can't be read.
pub fn latest_results(folder: &Path) -> Result<Value, Error> {
    let path = folder.join("store/latest/results.json");
    let text = fs::read(&path).map_err(|error| Error::Io(path.display().to_string(), error))?;
    serde_json::from_slice(&text)
        .map_err(|error| Error::Answer(format!("{}: {error}", path.display())))
}

/// The middle one of several measurements, and all of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Median {
    /// The middle one.
    pub value: f64,
    /// All, ascending.
    pub all: Vec<f64>,
}

impl Median {
    /// Of what was measured; of an even number, the lower of the middle two.
    ///
    /// # Errors
    /// If nothing was measured.
    pub fn of(mut all: Vec<f64>) -> Result<Self, Error> {
        all.sort_by(f64::total_cmp);
        match all.get(all.len().saturating_sub(1) / 2) {
            Some(&value) => Ok(Self { value, all }),
            None => Err(Error::Answer("nothing was measured".into())),
        }
    }
}

/// The median wall time, in seconds, of a program that is run so often and ends well.
///
/// # Errors
/// If one run does not end well.
pub fn median_wall(times: usize, program: impl Fn() -> Program) -> Result<Median, Error> {
    let walls = (0..times).map(|_| Ok(program().run_well()?.wall.as_secs_f64()));
    Median::of(walls.collect::<Result<_, Error>>()?)
}

/// How busy the machine was during the last minute: what a figure in wall time is read beside.
#[must_use]
pub fn load() -> String {
    let averages = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let last_minute = averages.split(' ').next().unwrap_or_default();
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let last_minute = if last_minute.is_empty() { "unknown" } else { last_minute };
    format!("load {last_minute} on {cores} cores")
}

/// The binary as users get it, built if need be.
///
/// # Errors
/// If it does not build.
pub fn squall() -> Result<PathBuf, Error> {
    build(&["--release", "--package", "squall"])
}

/// The binary as developers get it, built if need be.
///
/// # Errors
/// If it does not build.
pub fn squall_for_debugging() -> Result<PathBuf, Error> {
    build(&["--package", "squall"])
}

/// An example of a package, optimised, built if need be.
///
/// # Errors
/// If it does not build.
pub fn example(package: &str, name: &str) -> Result<PathBuf, Error> {
    build(&["--release", "--package", package, "--example", name])
}

/// Builds, and says which program came of it.
fn build(what: &[&str]) -> Result<PathBuf, Error> {
    let build = Program::new("cargo").args(["build", "--message-format=json", "--locked"]);
    let built = build.args(what).run_well()?;
    let artifacts = built.json_lines()?;
    let mut binaries = artifacts.iter().filter_map(|line| line.get("executable")?.as_str());
    let binary = binaries.next_back().map(PathBuf::from);
    binary.ok_or_else(|| Error::Answer("cargo named no binary".into()))
}

/// How many instructions a program runs, by `valgrind`'s callgrind: a figure that a busy machine
/// does not disturb. `None` where there is no valgrind.
///
/// # Errors
/// If the program fails under valgrind.
pub fn instructions(program: &Path, arguments: &[&str]) -> Result<Option<u64>, Error> {
    if Program::new("valgrind").args(["--version"]).run().is_err() {
        return Ok(None);
    }
    let scratch = Scratch::new("callgrind")?;
    let options = ["--tool=callgrind", "--callgrind-out-file=/dev/null"];
    let counted = Program::new("valgrind").args(options).args([program]).args(arguments);
    let counted = counted.in_folder(scratch.path()).run_well()?;
    match collected(&counted.stderr) {
        Some(count) => Ok(Some(count)),
        None => Err(Error::Answer("callgrind printed no count".into())),
    }
}

/// The count in callgrind's `==1== Collected : 123`.
fn collected(report: &str) -> Option<u64> {
    let line = report.lines().rev().find(|line| line.contains("Collected"))?;
    line.rsplit(':').next()?.trim().parse().ok()
}

/// A folder of its own, removed at the end.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// An empty folder for this purpose.
    ///
    /// # Errors
    /// If it can't be made.
    pub fn new(purpose: &str) -> Result<Self, Error> {
        let name = format!("squall-xtask-{purpose}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        drop(fs::remove_dir_all(&path));
        fs::create_dir_all(&path).map_err(|error| Error::Io(path.display().to_string(), error))?;
        Ok(Self { path })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.path));
    }
}

/// The high-water mark of a process, as long as it can be asked. The mark only rises, so the last
/// look counts.
fn memory_until(process: u32, ended: &AtomicBool) -> Option<u64> {
    let path = format!("/proc/{process}/status");
    let mut last = None;
    while !ended.load(Ordering::Relaxed) {
        last = fs::read_to_string(&path).ok().and_then(|text| high_water_mark(&text)).or(last);
        thread::sleep(MEMORY_LOOK_EVERY);
    }
    last
}

fn high_water_mark(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes = line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_one() {
        let median = Median::of(vec![3.0, 1.0, 2.0]).expect("there are three");
        assert_eq!(median, Median { value: 2.0, all: vec![1.0, 2.0, 3.0] });
        let median = Median::of(vec![4.0, 1.0, 3.0, 2.0]).expect("there are four");
        assert!((median.value - 2.0).abs() < 1e-9);
        assert!(Median::of(Vec::new()).is_err());
    }

    #[test]
    fn counts_of_callgrind_are_found() {
        let report =
            "==7== Events    : Ir\n==7== Collected : 221340\n==7== \n==7== I refs: 221,340";
        assert_eq!(collected(report), Some(221_340));
        assert_eq!(collected("==7== Terminated"), None);
    }

    #[test]
    fn the_high_water_mark_is_in_bytes() {
        assert_eq!(high_water_mark("Name:\tx\nVmHWM:\t     120 kB\nVmRSS: 8 kB"), Some(122_880));
        assert_eq!(high_water_mark("Name:\tx\n"), None);
    }

    #[test]
    fn numbers_are_found_by_pointer() {
        let value = serde_json::json!({"net": {"servers": {"msgs-per-op": 22.5}}});
        let number = number_at(&value, "/net/servers/msgs-per-op").expect("it is there");
        assert!((number - 22.5).abs() < 1e-9);
        assert!(number_at(&value, "/net/all").is_err());
    }
}
