//! `squall replay`: the same run again, from its plan.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use squall_workbench::judge;
use squall_world::{ClockKind, Plan};

use crate::cli::ReplayArgs;
use crate::exit::{Failure, INTERRUPTED};
use crate::out::{Paint, say};
use crate::stop;
use crate::test::{Homes, in_real_time, in_virtual_time};

/// Repeats a run and compares: hashes in virtual time, verdicts in real time.
pub(crate) fn run(args: &ReplayArgs) -> Result<u8, Failure> {
    let (plan_file, results_file) = find(args)?;
    let text = fs::read_to_string(&plan_file)
        .map_err(|error| Failure::no_input(format!("{}: {error}", plan_file.display())))?;
    let plan = Plan::parse(&text)
        .map_err(|error| Failure::data(format!("{}: {error}", plan_file.display())))?;
    let plan = Arc::new(plan);
    let before = results_file.and_then(|file| Before::read(&file));
    stop::listen();
    let report = match plan.clock {
        ClockKind::Virtual => in_virtual_time(&plan, None)?,
        ClockKind::Wall => in_real_time(&plan, None, &Homes::passing()?)?,
    };
    let judged = judge(&plan, report);
    let hash = format!("{:016x}", judged.hash);
    let (is_same, how) = match (&before, plan.clock) {
        (None, _) => (true, "there is no earlier run to compare with".to_owned()),
        (Some(before), ClockKind::Virtual) if before.hash == hash => {
            (true, format!("the same run: hash {hash}"))
        }
        (Some(before), ClockKind::Virtual) => {
            (false, format!("not the same run: hash {hash}, before {}", before.hash))
        }
        (Some(before), ClockKind::Wall) => {
            let word = judged.word.as_str();
            (true, format!("schedule only: verdict {word}, before {}", before.verdict))
        }
    };
    if args.json {
        let line = serde_json::json!({
            "v": 1, "type": "verdict", "verb": "replay", "verdict": judged.word.as_str(),
            "exit": judged.word.exit(), "hash": hash, "same": is_same,
        });
        say(&line.to_string())?;
    } else {
        let paint = Paint::stdout();
        let mark = if is_same { paint.good("✓") } else { paint.bad("✗") };
        let word = judged.word.as_str();
        let seed = plan.seed;
        say(&format!("{word}  {}  seed 0x{seed:x}\n  {mark} {how}", plan.workload))?;
    }
    if !is_same {
        let text = "the plan is the same, but the run is not: another version of squall, or a node \
                    that is not deterministic";
        return Err(Failure::data(text));
    }
    Ok(if stop::is_asked() { INTERRUPTED } else { judged.word.exit() })
}

/// What the run said of itself.
struct Before {
    hash: String,
    verdict: String,
}

impl Before {
    fn read(file: &Path) -> Option<Self> {
        let text = fs::read_to_string(file).ok()?;
        let results: serde_json::Value = serde_json::from_str(&text).ok()?;
        let text = |key: &str| results[key].as_str().map(str::to_owned);
        Some(Self { hash: text("hash")?, verdict: text("verdict")? })
    }
}

/// The plan that is meant, and the results beside it.
fn find(args: &ReplayArgs) -> Result<(PathBuf, Option<PathBuf>), Failure> {
    let store = Path::new(&args.store);
    let folder = match args.run.parse::<i64>() {
        Ok(back) if back < 0 => nth_newest(store, back.unsigned_abs())?,
        _ if args.run == "latest" => store.join("latest"),
        _ => PathBuf::from(&args.run),
    };
    if folder.is_file() {
        return Ok((folder, None));
    }
    let plan = folder.join("plan.json");
    if plan.is_file() {
        let results = folder.join("results.json");
        return Ok((plan, Some(results)));
    }
    let text = format!(
        "there is no run {}: expected a folder with plan.json, a plan file, latest, or -1",
        args.run
    );
    Err(Failure::no_input(text))
}

fn nth_newest(store: &Path, n: u64) -> Result<PathBuf, Failure> {
    let mut runs: Vec<(String, PathBuf)> = Vec::new();
    for workload in fs::read_dir(store).into_iter().flatten().flatten() {
        for run in fs::read_dir(workload.path()).into_iter().flatten().flatten() {
            let is_link = run.file_type().is_ok_and(|kind| kind.is_symlink());
            if !is_link && run.path().join("plan.json").is_file() {
                runs.push((run.file_name().to_string_lossy().into_owned(), run.path()));
            }
        }
    }
    runs.sort();
    let at = usize::try_from(n).ok().and_then(|n| runs.len().checked_sub(n));
    let found = at.and_then(|at| runs.get(at));
    found.map(|(_, path)| path.clone()).ok_or_else(|| {
        let (count, store) = (runs.len(), store.display());
        Failure::no_input(format!("there is no run -{n}: {store} holds {count}"))
    })
}
