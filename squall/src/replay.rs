//! `squall replay`: the same run again, from its plan.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use squall_history::trace::Header;
use squall_workbench::{Difference, Judged, Kept, Store, judge, trace_of};
use squall_world::{ClockKind, Plan};

use crate::cli::ReplayArgs;
use crate::exit::{DATA, Failure, INTERRUPTED};
use crate::out::{Paint, remark, say};
use crate::stop;
use crate::test::{Homes, Shown, in_real_time, in_virtual_time, now, perform, report, stamp};

/// Repeats a run and compares: hashes in virtual time, verdicts in real time.
pub(crate) fn run(args: &ReplayArgs) -> Result<u8, Failure> {
    let (plan_file, folder) = find(args)?;
    let wrong = |what: String| Failure::data(format!("{}: {what}", plan_file.display()));
    let bytes = fs::read(&plan_file)
        .map_err(|error| Failure::no_input(format!("{}: {error}", plan_file.display())))?;
    let text = String::from_utf8(bytes).map_err(|error| wrong(error.to_string()))?;
    let plan = Arc::new(Plan::parse(&text).map_err(|error| wrong(error.to_string()))?);
    let before = folder.as_deref().and_then(Before::read);
    stop::listen();
    let is_known = before.as_ref().is_some_and(|before| !before.is_of_another(&plan));
    let (judged, wall, kept) =
        if is_known { again(&plan)? } else { for_the_first_time(&plan, &args.store)? };
    let compared = compare(&plan, &judged, before.as_ref());
    let is_other = matches!(compared, Compared::Other { .. });
    let exit = match () {
        () if stop::is_asked() => INTERRUPTED,
        () if is_other => DATA,
        () => judged.word.exit(),
    };
    let kept = kept.as_ref();
    let shown = Shown { plan: &plan, judged: &judged, wall, kept, verb: "replay" };
    if args.json {
        let (mut lines, mut verdict) = report::json_parts(&shown);
        verdict["exit"] = exit.into();
        verdict["same"] = match compared {
            Compared::Same => true.into(),
            Compared::Other { .. } => false.into(),
            _ => serde_json::Value::Null,
        };
        verdict["compared"] = compared.words(&judged).into();
        if plan.clock == ClockKind::Wall {
            verdict["hash"] = serde_json::Value::Null;
        }
        if let Some(is_met) = expected(&plan, &judged) {
            verdict["expected"] = is_met.into();
        }
        lines.push_str(&verdict.to_string());
        say(&lines)?;
    } else {
        let mut text = report::text(&shown);
        // The closing line stays the last one.
        let closing = judged.word.closing();
        text.truncate(text.len() - closing.len());
        text.push_str(&said(&plan, &judged, &compared));
        text.push_str(closing);
        say(&text)?;
    }
    if let (Compared::Other { .. }, ClockKind::Virtual) = (&compared, plan.clock) {
        tell_difference(&plan, folder.as_deref())?;
    }
    Ok(exit)
}

/// A run, how long it took, and where it is kept.
type Run = (Judged, Duration, Option<Kept>);

/// A run that was kept already is only repeated.
fn again(plan: &Arc<Plan>) -> Result<Run, Failure> {
    let begun = now();
    let report = match plan.clock {
        ClockKind::Virtual => in_virtual_time(plan, None)?,
        ClockKind::Wall => in_real_time(plan, None, &Homes::passing()?)?,
    };
    let judged = judge(plan, report);
    Ok((judged, now().saturating_sub(begun), None))
}

/// A plan that nobody has run yet makes a run of its own, kept like any other.
fn for_the_first_time(plan: &Arc<Plan>, store: &str) -> Result<Run, Failure> {
    // What no program here can run leaves no folder.
    squall_workbench::check_plan(plan)?;
    let kept = Store::new(store).begin(&plan.workload, &stamp())?;
    let (judged, wall) = perform(plan, &kept, false).inspect_err(|_| kept.abandon())?;
    Ok((judged, wall, Some(kept)))
}

/// What the comparison with the earlier run says.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Compared {
    /// Nothing to compare with.
    Alone,
    /// The plan has been changed since.
    Changed,
    /// The earlier run was cut short.
    Cut,
    /// The same hash.
    Same,
    /// Another hash.
    Other { before: String },
    /// Real time: verdicts are all that can be compared.
    Schedule { before: String },
}

impl Compared {
    fn words(&self, judged: &Judged) -> String {
        let (hash, word) = (judged.hash, judged.word.as_str());
        match self {
            Self::Alone => "there is no earlier run to compare with".to_owned(),
            Self::Changed => {
                "the plan has been changed since its run: nothing to compare".to_owned()
            }
            Self::Cut => "the earlier run was interrupted: nothing to compare".to_owned(),
            Self::Same => format!("the same run: hash {hash:016x}"),
            Self::Other { before } => {
                format!("not the same run: hash {hash:016x}, before {before}")
            }
            Self::Schedule { before } => format!("schedule only: verdict {word}, before {before}"),
        }
    }
}

fn compare(plan: &Plan, judged: &Judged, before: Option<&Before>) -> Compared {
    let Some(before) = before else { return Compared::Alone };
    if before.is_of_another(plan) {
        return Compared::Changed;
    }
    if plan.clock == ClockKind::Wall {
        return Compared::Schedule { before: before.verdict.clone() };
    }
    if before.hash == format!("{:016x}", judged.hash) {
        return Compared::Same;
    }
    if before.end == "interrupted" || stop::is_asked() {
        return Compared::Cut;
    }
    Compared::Other { before: before.hash.clone() }
}

/// Whether the plan's own expectation is met, if it has one.
fn expected(plan: &Plan, judged: &Judged) -> Option<bool> {
    let expect = plan.expect.as_ref()?;
    let mut promises = judged.promises.iter();
    let is_promise = expect.promise.as_ref().is_none_or(|name| {
        promises.any(|(known, outcome)| known == name && outcome.verdict.as_str() == expect.verdict)
    });
    Some(expect.verdict == judged.word.as_str() && is_promise)
}

/// The lines about the comparison.
fn said(plan: &Plan, judged: &Judged, compared: &Compared) -> String {
    let paint = Paint::stdout();
    let word = judged.word.as_str();
    let mark = match compared {
        Compared::Same => paint.good("✓"),
        Compared::Other { .. } => paint.bad("✗"),
        Compared::Schedule { before } if before == word => paint.good("✓"),
        _ => paint.doubtful("?"),
    };
    let mut text = format!("  {mark} {}\n", compared.words(judged));
    if let (Some(is_met), Some(expect)) = (expected(plan, judged), &plan.expect) {
        let mark = if is_met { paint.good("✓") } else { paint.bad("✗") };
        let promise = expect.promise.as_deref().map_or_else(String::new, |it| format!(": {it}"));
        text.push_str(&format!("  {mark} the plan expects {}{promise}\n", expect.verdict));
    }
    text.push('\n');
    text
}

/// The plan is the same and the run is not: where they part.
fn tell_difference(plan: &Arc<Plan>, folder: Option<&Path>) -> Result<(), Failure> {
    remark(
        "squall: the plan is the same, but the run is not: another version of squall, or a node \
         that is not deterministic",
    );
    let trace = folder.and_then(|folder| fs::read_to_string(folder.join("trace.jsonl")).ok());
    let Some(before) = trace else { return Ok(()) };
    match Difference::between(&before, &trace_of(plan)?) {
        Some(difference) => remark(difference.to_string().trim_end()),
        None => remark("  the trace that was kept says the same as that of this run"),
    }
    Ok(())
}

/// What the run said of itself.
struct Before {
    hash: String,
    verdict: String,
    end: String,
    /// Digest of the plan that it read.
    plan: Option<String>,
}

impl Before {
    /// Whether the plan has been changed since.
    fn is_of_another(&self, plan: &Plan) -> bool {
        self.plan.as_ref().is_some_and(|digest| *digest != format!("{:016x}", plan.digest()))
    }

    fn read(folder: &Path) -> Option<Self> {
        let text = fs::read_to_string(folder.join("results.json")).ok()?;
        let results: serde_json::Value = serde_json::from_str(&text).ok()?;
        let text = |key: &str| results[key].as_str().map(str::to_owned);
        let mut first = String::new();
        let trace = File::open(folder.join("trace.jsonl")).ok();
        trace.and_then(|file| BufReader::new(file).read_line(&mut first).ok());
        let header: Option<Header> = serde_json::from_str(&first).ok();
        Some(Self {
            hash: text("hash")?,
            verdict: text("verdict")?,
            end: text("end").unwrap_or_default(),
            plan: header.map(|header| header.plan),
        })
    }
}

/// The plan that is meant, and the folder of its run.
fn find(args: &ReplayArgs) -> Result<(PathBuf, Option<PathBuf>), Failure> {
    let store = Path::new(&args.store);
    let folder = match args.run.parse::<i64>() {
        Ok(back) if back < 0 => nth_newest(store, back.unsigned_abs())?,
        _ if args.run == "latest" => store.join("latest"),
        _ => PathBuf::from(&args.run),
    };
    if folder.is_file() {
        let is_of_run = folder.file_name().is_some_and(|name| name == "plan.json");
        let parent = folder.parent().filter(|_| is_of_run).map(Path::to_owned);
        return Ok((folder, parent));
    }
    let plan = folder.join("plan.json");
    if plan.is_file() {
        return Ok((plan, Some(folder)));
    }
    let text = format!(
        "there is no run {}: expected a folder with plan.json, a plan file, latest, or -1",
        args.run
    );
    Err(Failure::no_input(text))
}

/// Runs by the time at which their folders were made, whatever the time zone of their names was.
fn nth_newest(store: &Path, n: u64) -> Result<PathBuf, Failure> {
    let mut runs = Vec::new();
    for workload in fs::read_dir(store).into_iter().flatten().flatten() {
        for run in fs::read_dir(workload.path()).into_iter().flatten().flatten() {
            let is_link = run.file_type().is_ok_and(|kind| kind.is_symlink());
            let path = run.path();
            if !is_link && path.join("plan.json").is_file() {
                // Plans are edited by hand, traces are not.
                let written = path.join("trace.jsonl").metadata().and_then(|data| data.modified());
                runs.push((written.ok(), run.file_name(), path));
            }
        }
    }
    runs.sort();
    let at = usize::try_from(n).ok().and_then(|n| runs.len().checked_sub(n));
    let found = at.and_then(|at| runs.get(at));
    found.map(|(.., path)| path.clone()).ok_or_else(|| {
        let (count, store) = (runs.len(), store.display());
        Failure::no_input(format!("there is no run -{n}: {store} holds {count}"))
    })
}
