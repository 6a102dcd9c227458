//! `squall test --seeds A..B`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::sync::Arc;

use squall_workbench::{Row, Store, Summary, Word, double_run, plan, sweep};

use super::{Request, perform, stamp};
use crate::exit::{Failure, INTERRUPTED};
use crate::out::{Paint, Status, grouped, say};
use crate::stop::{self, STOP};

/// So many seeds that did not hold are kept whole.
const KEPT_MAX: usize = 10;

/// What is told of a sweep as it goes.
struct Sweep<'a> {
    request: &'a Request,
    summary: Summary,
    bad: Vec<(u64, Word, Option<String>)>,
    /// How often each assertion was true, and false.
    asserted: Vec<(u64, u64)>,
    figures: BTreeMap<&'static str, Vec<f64>>,
}

/// Runs all seeds.
pub(super) fn run(request: &Request) -> Result<u8, Failure> {
    let seeds = request.seeds.clone().unwrap_or(0..0);
    if request.is_double {
        return twice(request);
    }
    let store = Store::new(&request.store);
    let kept = store.begin(request.settings.workload.name, &stamp())?;
    let path = kept.path.join("sweep.jsonl");
    let failed = |error: io::Error| {
        kept.abandon();
        Failure::input_output(format!("cannot write {}: {error}", path.display()))
    };
    let mut lines = BufWriter::new(File::create(&path).map_err(failed)?);
    let mut sweep_state = Sweep {
        request,
        summary: Summary::default(),
        bad: Vec::new(),
        asserted: vec![(0, 0); request.asserts.len()],
        figures: BTreeMap::new(),
    };
    let total = seeds.end - seeds.start;
    let mut status = Status::new();
    let mut failure = None;
    sweep(&request.settings, seeds, request.jobs, &STOP, |row| {
        if let Err(error) = writeln!(lines, "{}", row.line()) {
            failure.get_or_insert(error);
        }
        sweep_state.add(&row);
        let done = sweep_state.summary.total();
        if done.is_multiple_of(50) {
            let bad = sweep_state.bad.len();
            status.set(&format!("{done} of {total} seeds, {bad} did not hold"));
        }
    })?;
    status.clear();
    failure.map_or_else(|| lines.flush(), Err).map_err(failed)?;
    let folders = sweep_state.keep(&store)?;
    sweep_state.show(&folders, &path.display().to_string())
}

impl Sweep<'_> {
    fn add(&mut self, row: &Row) {
        self.summary.add(row);
        if row.word != Word::Held {
            self.bad.push((row.seed, row.word, row.why.clone()));
        }
        for (counts, assertion) in self.asserted.iter_mut().zip(&self.request.asserts) {
            match assertion.check(&row.results) {
                Some((true, _)) => counts.0 += 1,
                Some((false, _)) | None => counts.1 += 1,
            }
        }
        for (name, text) in &row.figures {
            if let Ok(number) = text.parse() {
                self.figures.entry(name).or_default().push(number);
            }
        }
    }

    /// Runs the first seeds that did not hold again, with everything written down.
    fn keep(&self, store: &Store) -> Result<Vec<String>, Failure> {
        let mut folders = Vec::new();
        for (seed, ..) in self.bad.iter().take(KEPT_MAX) {
            let plan = Arc::new(plan(&self.request.settings, *seed));
            let kept = store.begin(&plan.workload, &stamp())?;
            perform(&plan, &kept, self.request).inspect_err(|_| kept.abandon())?;
            folders.push(kept.path.display().to_string());
        }
        Ok(folders)
    }

    fn show(&self, folders: &[String], path: &str) -> Result<u8, Failure> {
        let is_false = self.asserted.iter().any(|(_, bad)| *bad > 0);
        let word = self.summary.word();
        let word = if word == Word::Held && is_false { Word::Broken } else { word };
        let exit = if stop::is_asked() { INTERRUPTED } else { word.exit() };
        let counts: Vec<_> =
            self.summary.words.iter().map(|(word, n)| format!("{} {n}", word.as_str())).collect();
        if self.request.is_json {
            let words: BTreeMap<_, _> =
                self.summary.words.iter().map(|(word, n)| (word.as_str(), n)).collect();
            let line = serde_json::json!({
                "v": 1, "type": "verdict", "verdict": word.as_str(), "exit": exit,
                "schedules": words, "faults": self.summary.faults, "runs": folders,
                "figures": self.medians(), "paths": { "sweep": path },
            });
            return say(&line.to_string()).map(|()| exit);
        }
        let paint = Paint::stdout();
        let head = match word {
            Word::Held => paint.good("✓ held"),
            word => paint.bad(&format!("✗ {}", word.as_str())),
        };
        let workload = self.request.settings.workload.name;
        let total = grouped(self.summary.total());
        let mut text = format!("{head}  {workload}  {total} seeds: {}\n\n", counts.join(", "));
        for (seed, word, why) in self.bad.iter().take(KEPT_MAX) {
            let why = why.as_deref().unwrap_or("");
            text.push_str(&format!("  seed 0x{seed:x}  {}  {why}\n", word.as_str()));
        }
        for (name, [min, median, max]) in self.medians() {
            text.push_str(&format!("  {name:<16} {min} least, {median} median, {max} most\n"));
        }
        let faults: Vec<_> = self.summary.faults.iter().map(|(k, n)| format!("{k} {n}")).collect();
        let faults = if faults.is_empty() { "none".to_owned() } else { faults.join(", ") };
        text.push_str(&format!("  faults           {faults}\n"));
        for (assertion, (good, bad)) in self.request.asserts.iter().zip(&self.asserted) {
            let mark = if *bad == 0 { paint.good("✓") } else { paint.bad("✗") };
            text.push_str(&format!("  {mark} assert {assertion}  true {good}, false {bad}\n"));
        }
        text.push_str(&format!("\n  kept in          {path}\n"));
        for folder in folders {
            text.push_str(&format!("  again            squall replay {folder}\n"));
        }
        text.push('\n');
        text.push_str(word.closing());
        say(&text).map(|()| exit)
    }

    /// Least, median and greatest value of each figure that asserts can name and people ask for.
    fn medians(&self) -> BTreeMap<&'static str, [f64; 3]> {
        let asked = ["msgs-per-op", "stable-p50", "stable-max", "ok-fraction"];
        let mut medians = BTreeMap::new();
        for (name, values) in &self.figures {
            let mut values = values.clone();
            values.sort_by(f64::total_cmp);
            if let (true, Some(&min), Some(&max)) =
                (asked.contains(name), values.first(), values.last())
            {
                medians.insert(*name, [min, values[values.len() / 2], max]);
            }
        }
        medians
    }
}

/// Runs every seed twice and compares event by event.
fn twice(request: &Request) -> Result<u8, Failure> {
    let seeds = request.seeds.clone().unwrap_or(0..0);
    let total = seeds.end - seeds.start;
    let mut different = 0;
    let mut status = Status::new();
    for (done, seed) in seeds.enumerate() {
        if stop::is_asked() {
            return Ok(INTERRUPTED);
        }
        let plan = Arc::new(plan(&request.settings, seed));
        if let Err(divergence) = double_run(&plan)? {
            different += 1;
            status.clear();
            say(&format!("seed 0x{seed:x}: {divergence}"))?;
        }
        if done % 50 == 0 {
            status.set(&format!("{done} of {total} seeds run twice"));
        }
    }
    status.clear();
    say(&format!("{different} of {total} double runs differed"))?;
    Ok(u8::from(different > 0))
}
