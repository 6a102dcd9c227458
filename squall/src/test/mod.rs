//! `squall test`.

pub(crate) mod report;
mod running;
mod settings;
mod sweeping;
mod values;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use squall_workbench::{Judged, Kept, Store, Word, judge, plan};
use squall_world::{ClockKind, Plan};

pub(crate) use self::report::Shown;
pub(crate) use self::running::{Homes, in_real_time, in_virtual_time};
pub(crate) use self::settings::Request;
use crate::cli::TestArgs;
use crate::exit::{Failure, INTERRUPTED};
use crate::out::say;
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
        last = once(&request, seed)?;
        if stop::is_asked() {
            return Ok(INTERRUPTED);
        }
        if last != Word::Held {
            break;
        }
    }
    Ok(last.exit())
}

/// One run: made, run, judged, kept, shown. Says the verdict.
fn once(request: &Request, seed: u64) -> Result<Word, Failure> {
    let plan = Arc::new(plan(&request.settings, seed));
    let store = Store::new(&request.store);
    let kept = store.begin(&plan.workload, &stamp())?;
    if request.is_json {
        say(&report::start(&plan))?;
    }
    let log_stderr = request.settings.log_stderr;
    let (judged, wall) = perform(&plan, &kept, log_stderr).inspect_err(|_| kept.abandon())?;
    let shown = Shown { plan: &plan, judged: &judged, wall, kept: Some(&kept), verb: "test" };
    say(&if request.is_json { report::json_lines(&shown) } else { report::text(&shown) })?;
    Ok(judged.word)
}

/// Runs a plan into its folder and judges it.
pub(crate) fn perform(
    plan: &Arc<Plan>,
    kept: &Kept,
    log_stderr: bool,
) -> Result<(Judged, Duration), Failure> {
    let begun = now();
    kept.plan(plan)?;
    let report = match plan.clock {
        ClockKind::Virtual => in_virtual_time(plan, Some(kept.trace()?))?,
        ClockKind::Wall => {
            let logs = kept.node_logs()?;
            let homes = Homes::new(logs, log_stderr)?;
            in_real_time(plan, Some(kept.trace()?), &homes)?
        }
    };
    if let Some(error) = &report.trace_error {
        return Err(Failure::input_output(format!(
            "cannot write {}: {error}; the run was not kept, and latest is as it was",
            kept.path.join("trace.jsonl").display()
        )));
    }
    let judged = judge(plan, report);
    kept.finish(&judged)?;
    Ok((judged, now().saturating_sub(begun)))
}

/// Since 1970.
pub(crate) fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// A seed that nobody chose; it is always printed.
fn drawn_seed() -> u64 {
    let nanos = u64::try_from(now().as_nanos()).unwrap_or(u64::MAX);
    squall_workbench::mix(nanos ^ u64::from(std::process::id()) << 40) >> 32
}

/// The name of a run's folder: local time, as Maelstrom writes it.
pub(crate) fn stamp() -> String {
    let zoned = jiff::Zoned::now();
    let millis = zoned.millisecond();
    format!("{}.{millis:03}{}", zoned.strftime("%Y%m%dT%H%M%S"), zoned.strftime("%z"))
}
