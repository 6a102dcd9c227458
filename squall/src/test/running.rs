//! A plan is run, with a live line on a terminal while real time passes.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use squall_workbench::Habitat;
use squall_world::{Births, Guard, Plan, RecordedWhat, Report};

use super::now;
use crate::exit::Failure;
use crate::out::Status;
use crate::stop;

/// Where the processes of a run live: what they keep goes when the run is over.
#[derive(Debug)]
pub(crate) struct Homes {
    root: PathBuf,
    logs: PathBuf,
    shows_stderr: bool,
}

impl Homes {
    /// Homes of a run whose logs go to this folder.
    pub(crate) fn new(logs: PathBuf, shows_stderr: bool) -> Result<Self, Failure> {
        Ok(Self { root: passing_folder()?, logs, shows_stderr })
    }

    /// Homes of a run of which nothing is kept.
    pub(crate) fn passing() -> Result<Self, Failure> {
        let root = passing_folder()?;
        let logs = root.join("node-logs");
        let homes = Self { root, logs, shows_stderr: false };
        make(&homes.logs)?;
        Ok(homes)
    }
}

impl Drop for Homes {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.root).ok();
    }
}

fn passing_folder() -> Result<PathBuf, Failure> {
    let name = format!("squall-{}-{}", std::process::id(), now().as_nanos());
    let path = std::env::temp_dir().join(name);
    make(&std::env::temp_dir())?;
    // What was there before is not ours to remove.
    fs::create_dir(&path).map_err(|error| cannot_create(&path, &error))?;
    Ok(path)
}

fn make(path: &Path) -> Result<(), Failure> {
    fs::create_dir_all(path).map_err(|error| cannot_create(path, &error))
}

fn cannot_create(path: &Path, error: &io::Error) -> Failure {
    Failure::cannot_create(format!("cannot create {}: {error}", path.display()))
}

/// Runs a plan whose nodes all live in this program.
pub(crate) fn in_virtual_time(
    plan: &Arc<Plan>,
    trace: Option<Box<dyn Write>>,
) -> Result<Report, Failure> {
    let mut world = squall_workbench::build(plan)?;
    if let Some(trace) = trace {
        world.record(trace, &squall_workbench::header(plan));
    }
    stop::watch(world.doorbell());
    Ok(world.run())
}

/// Runs a plan with nodes that are processes.
pub(crate) fn in_real_time(
    plan: &Arc<Plan>,
    trace: Option<Box<dyn Write>>,
    homes: &Homes,
) -> Result<Report, Failure> {
    let mut guard = Guard::spawn(guard_command()?)?;
    guard.owns(&homes.root);
    let habitat = Habitat {
        guard: Some(guard),
        births: Births::Alone,
        data: homes.root.join("data"),
        logs: homes.logs.clone(),
        shows_stderr: homes.shows_stderr,
        env: Vec::new(),
    };
    let (mut world, processes) = squall_workbench::build_processes(plan, habitat)?;
    if let Some(trace) = trace {
        world.record(trace, &squall_workbench::header(plan));
    }
    stop::watch(world.doorbell());
    let ticker = Ticker::start(plan);
    let report = world.run();
    drop(ticker);
    processes.end();
    match not_started(&report) {
        Some(failure) => Err(failure),
        None => Ok(report),
    }
}

/// If a node could not be started and nothing was asked of any, nothing was tested.
fn not_started(report: &Report) -> Option<Failure> {
    let was_asked = report.history.iter().any(|r| matches!(r.what, RecordedWhat::Op(_)));
    let mut findings = report.findings.iter().map(|(_, finding)| finding);
    let found = findings.find(|finding| finding.code == "SQ09").filter(|_| !was_asked)?;
    Some(Failure::environment(format!("{found}; try: {}", found.help)))
}

/// This program, as the guard over the processes of a run.
fn guard_command() -> Result<Command, Failure> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("__guard");
    Ok(command)
}

/// One live line on a terminal while real time passes.
struct Ticker {
    bell: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Ticker {
    fn start(plan: &Plan) -> Self {
        let (bell, over) = channel::<()>();
        let limit = plan.phases.main_ms / 1_000;
        let thread = thread::spawn(move || {
            let mut status = Status::new();
            let begun = now();
            while over.recv_timeout(Duration::from_millis(250)) == Err(RecvTimeoutError::Timeout) {
                let seconds = now().saturating_sub(begun).as_secs();
                status.set(&format!("{seconds} s (time limit {limit} s, then recovery)"));
            }
        });
        Self { bell: Some(bell), thread: Some(thread) }
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.bell.take();
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}
