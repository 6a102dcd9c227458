//! `squall test`.

mod report;
mod settings;
mod sweeping;
mod values;

use std::process::Command;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use squall_workbench::{Assertion, Habitat, Judged, Kept, Store, Word, judge, plan};
use squall_world::{ClockKind, Guard, Plan, Report};

pub(crate) use self::report::{Shown, show};
pub(crate) use self::settings::Request;
use crate::cli::TestArgs;
use crate::exit::{Failure, INTERRUPTED};
use crate::out::{Status, say};
use crate::stop;

/// Runs a test, or many.
pub(crate) fn run(args: &TestArgs) -> Result<u8, Failure> {
    let request = Request::of(args)?;
    stop::listen();
    if request.seeds.is_some() {
        return sweeping::run(&request);
    }
    let mut last = Word::Held;
    for _ in 0..request.test_count {
        let seed = request.seed.unwrap_or_else(drawn_seed);
        let (word, are_true) = once(&request, seed)?;
        if stop::is_asked() {
            return Ok(INTERRUPTED);
        }
        last = word;
        if word != Word::Held {
            break;
        }
        if !are_true {
            return Ok(Word::Broken.exit());
        }
    }
    Ok(last.exit())
}

/// One run: made, run, judged, kept, shown. Says the verdict and whether all assertions are true.
fn once(request: &Request, seed: u64) -> Result<(Word, bool), Failure> {
    let plan = Arc::new(plan(&request.settings, seed));
    let store = Store::new(&request.store);
    let kept = store.begin(&plan.workload, &stamp())?;
    if request.is_json {
        say(&report::start(&plan))?;
    }
    let done = perform(&plan, &kept, request);
    let (judged, wall) = match done {
        Ok(done) => done,
        Err(failure) => {
            kept.abandon();
            return Err(failure);
        }
    };
    let asserted = check(&request.asserts, &judged);
    let shown = Shown { plan: &plan, judged: &judged, asserted: &asserted, kept: &kept, wall };
    show(&shown, request.is_json)?;
    Ok((judged.word, asserted.iter().all(|(_, end)| end.as_ref().is_some_and(|(ok, _)| *ok))))
}

/// An assertion and what became of it; `None`: there is no such figure.
pub(crate) type Asserted = (Assertion, Option<(bool, String)>);

fn check(asserts: &[Assertion], judged: &Judged) -> Vec<Asserted> {
    asserts.iter().map(|a| (a.clone(), a.check(&judged.results))).collect()
}

/// Runs a plan into its folder and judges it.
pub(crate) fn perform(
    plan: &Arc<Plan>,
    kept: &Kept,
    request: &Request,
) -> Result<(Judged, Duration), Failure> {
    let begun = now();
    kept.plan(plan)?;
    let report = with_status(plan, kept, request)?;
    if let Some(error) = &report.trace_error {
        return Err(Failure::input_output(format!(
            "cannot write {}: {error}; the run was not kept, and latest still names the one \
             before it",
            kept.path.join("trace.jsonl").display()
        )));
    }
    let judged = judge(plan, report);
    kept.finish(&judged)?;
    Ok((judged, now().saturating_sub(begun)))
}

/// Runs a plan with its trace written into its folder.
fn with_status(plan: &Arc<Plan>, kept: &Kept, request: &Request) -> Result<Report, Failure> {
    if plan.clock == ClockKind::Virtual {
        let mut world = squall_workbench::build(plan)?;
        world.record(kept.trace()?, &squall_workbench::header(plan));
        stop::watch(world.doorbell());
        return Ok(world.run());
    }
    let data = kept.data()?;
    let habitat = Habitat {
        guard: Some(Guard::spawn(guard_command()?)?),
        data: data.clone(),
        logs: kept.node_logs()?,
        env: Vec::new(),
    };
    let _: bool = request.settings.log_stderr;
    let (mut world, processes) = squall_workbench::build_processes(plan, habitat)?;
    world.record(kept.trace()?, &squall_workbench::header(plan));
    stop::watch(world.doorbell());
    let ticker = Ticker::start(plan);
    let report = world.run();
    drop(ticker);
    processes.end();
    std::fs::remove_dir_all(&data).ok();
    Ok(report)
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

/// Since 1970.
fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// A seed that nobody chose; it is always printed.
fn drawn_seed() -> u64 {
    let nanos = u64::try_from(now().as_nanos()).unwrap_or(u64::MAX);
    squall_workbench::mix(nanos ^ u64::from(std::process::id()) << 40) >> 32
}

/// The name of a run's folder: local time, as Maelstrom writes it.
fn stamp() -> String {
    let zoned = jiff::Zoned::now();
    let millis = zoned.millisecond();
    format!("{}.{millis:03}{}", zoned.strftime("%Y%m%dT%H%M%S"), zoned.strftime("%z"))
}
