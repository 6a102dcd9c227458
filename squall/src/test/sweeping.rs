//! `squall test --seeds A..B`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::sync::Arc;

use squall_check::Verdict;
use squall_workbench::{
    Divergence, Kept, Row, Store, Summary, TWICE_EVERY, Word, plan, sweep, sweep_twice,
};

use super::{Request, perform, stamp};
use crate::exit::{Failure, INTERRUPTED};
use crate::out::{Paint, Status, grouped, plain, say, shell_word};
use crate::stop;

/// So many seeds that did not hold are kept whole.
const KEPT_MAX: usize = 10;

/// What is told of a sweep as it goes.
struct Sweep<'a> {
    request: &'a Request,
    /// How many seeds were asked for.
    asked: u64,
    summary: Summary,
    bad: Vec<(u64, Word, Option<String>)>,
    /// How often each assertion held, was false, and had no figure.
    asserted: BTreeMap<String, [u64; 3]>,
    figures: BTreeMap<&'static str, Vec<f64>>,
    /// The first seeds of which two runs differed.
    different: Vec<(u64, Divergence)>,
}

/// Runs all seeds.
pub(super) fn run(request: &Request) -> Result<u8, Failure> {
    if request.is_double {
        return twice(request);
    }
    let seeds = request.seeds.clone().unwrap_or(0..0);
    let store = Store::new(&request.store);
    let kept = store.begin(request.settings.workload.name, &stamp())?;
    let state = Sweep {
        request,
        asked: seeds.end - seeds.start,
        summary: Summary::default(),
        bad: Vec::new(),
        asserted: BTreeMap::new(),
        figures: BTreeMap::new(),
        different: Vec::new(),
    };
    if request.is_json {
        say(&start(request))?;
    }
    state.all(&kept).inspect_err(|_| kept.abandon())?.end(&store, &kept)
}

/// The first line of `--json`.
fn start(request: &Request) -> String {
    let settings = &request.settings;
    let faults: Vec<_> = settings.faults.iter().map(|fault| fault.name).collect();
    let seeds = request.seeds.clone().unwrap_or(0..0);
    serde_json::json!({
        "v": 1, "type": "start", "squall": env!("CARGO_PKG_VERSION"), "verb": "test",
        "workload": settings.workload.name, "nodes": settings.nodes, "faults": faults,
        "seeds": [format!("0x{:x}", seeds.start), format!("0x{:x}", seeds.end)],
    })
    .to_string()
}

impl Sweep<'_> {
    /// Runs them all; each leaves its line.
    fn all(mut self, kept: &Kept) -> Result<Self, Failure> {
        let path = kept.path.join("sweep.jsonl");
        let failed = |error: io::Error| {
            Failure::input_output(format!("cannot write {}: {error}", path.display()))
        };
        let mut lines = BufWriter::new(File::create(&path).map_err(failed)?);
        let seeds = self.request.seeds.clone().unwrap_or(0..0);
        let (mut status, mut failure) = (Status::new(), None);
        sweep(&self.request.settings, seeds, self.request.jobs, stop::flag(), |row| {
            if let Err(error) = writeln!(lines, "{}", row.line()) {
                failure.get_or_insert(error);
            }
            self.add(row);
            let done = self.summary.total();
            if done.is_multiple_of(50) {
                let (asked, bad) = (self.asked, self.bad.len());
                status.set(&format!("{done} of {asked} seeds, {bad} did not hold"));
            }
        })?;
        status.clear();
        failure.map_or_else(|| lines.flush(), Err).map_err(failed)?;
        Ok(self)
    }

    fn add(&mut self, row: Row) {
        self.summary.add(&row);
        for asserted in row.asserted {
            let counts = self.asserted.entry(asserted.text).or_default();
            counts[match asserted.verdict {
                Verdict::Held => 0,
                Verdict::Broken => 1,
                Verdict::Unknown | Verdict::NotExercised => 2,
            }] += 1;
        }
        for (name, text) in &row.figures {
            if let Ok(number) = text.parse() {
                self.figures.entry(name).or_default().push(number);
            }
        }
        if row.word != Word::Held {
            self.bad.push((row.seed, row.word, row.why));
        }
        if let Some(Err(divergence)) = row.twin
            && self.different.len() < KEPT_MAX
        {
            self.different.push((row.seed, divergence));
        }
    }

    /// Keeps the first runs that did not hold, and says how it went.
    fn end(self, store: &Store, kept: &Kept) -> Result<u8, Failure> {
        let folders = self.keep(store)?;
        let is_cut = stop::is_asked() && self.summary.total() < self.asked;
        // Seeds that were not run may be those that break.
        let word = match self.summary.word() {
            Word::Held if is_cut => Word::Unknown,
            word => word,
        };
        let exit = if stop::is_asked() { INTERRUPTED } else { word.exit() };
        let path = kept.path.join("sweep.jsonl").display().to_string();
        if self.request.is_json {
            return say(&self.json(word, exit, &folders, &path)).map(|()| exit);
        }
        say(&self.text(word, is_cut, &folders, &path)).map(|()| exit)
    }

    /// Runs the first seeds that did not hold again, with everything written down.
    fn keep(&self, store: &Store) -> Result<Vec<String>, Failure> {
        let mut folders = Vec::new();
        for (seed, ..) in self.bad.iter().take(KEPT_MAX) {
            if stop::is_asked() {
                break;
            }
            let plan = Arc::new(plan(&self.request.settings, *seed));
            let kept = store.begin(&plan.workload, &stamp())?;
            perform(&plan, &kept, self.request.settings.log_stderr)
                .inspect_err(|_| kept.abandon())?;
            folders.push(kept.path.display().to_string());
        }
        Ok(folders)
    }

    fn json(&self, word: Word, exit: u8, folders: &[String], path: &str) -> String {
        let mut lines = String::new();
        for (at, (seed, word, why)) in self.bad.iter().take(KEPT_MAX).enumerate() {
            let line = serde_json::json!({
                "v": 1, "type": "counterexample", "seed": format!("0x{seed:x}"),
                "verdict": word.as_str(), "why": why, "run": folders.get(at),
            });
            lines.push_str(&format!("{line}\n"));
        }
        let mut words: BTreeMap<&str, u64> =
            self.summary.words.iter().map(|(word, n)| (word.as_str(), *n)).collect();
        words.insert("tried", self.summary.total());
        words.insert("asked", self.asked);
        let asserts: Vec<_> = self
            .asserted
            .iter()
            .map(|(text, [held, broken, absent])| {
                serde_json::json!({
                    "assert": text, "held": held, "broken": broken, "not exercised": absent,
                })
            })
            .collect();
        let (twins, different) = self.summary.twins;
        let verdict = serde_json::json!({
            "v": 1, "type": "verdict", "verb": "test", "verdict": word.as_str(), "exit": exit,
            "workload": self.request.settings.workload.name, "schedules": words,
            "faults": self.summary.faults, "goals": self.summary.goals, "asserts": asserts,
            "runs": folders, "double_runs": { "tried": twins, "differed": different },
            "figures": self.medians(), "paths": { "sweep": path },
        });
        lines.push_str(&verdict.to_string());
        lines
    }

    fn text(&self, word: Word, is_cut: bool, folders: &[String], path: &str) -> String {
        let paint = Paint::stdout();
        let head = match word {
            Word::Held => paint.good("✓ held"),
            Word::Unknown | Word::NotExercised => paint.doubtful(&format!("? {}", word.as_str())),
            Word::NodeError | Word::Broken => paint.bad(&format!("✗ {}", word.as_str())),
        };
        let counts: Vec<_> =
            self.summary.words.iter().map(|(word, n)| format!("{} {n}", word.as_str())).collect();
        let workload = self.request.settings.workload.name;
        let (total, counts) = (grouped(self.summary.total()), counts.join(", "));
        let mut text = format!("{head}  {workload}  {total} seeds: {counts}\n\n");
        if is_cut {
            let asked = grouped(self.asked);
            text.push_str(&format!(
                "  interrupted after {total} of {asked} seeds: nothing is known of the others\n"
            ));
        }
        for (seed, word, why) in self.bad.iter().take(KEPT_MAX) {
            let why = plain(why.as_deref().unwrap_or(""));
            text.push_str(&format!("  seed 0x{seed:x}  {}  {why}\n", word.as_str()));
        }
        let more = self.bad.len().saturating_sub(KEPT_MAX) as u64;
        if more > 0 {
            let more = grouped(more);
            text.push_str(&format!("  … and {more} more, by seed, in sweep.jsonl\n"));
        }
        for (name, [min, median, max]) in self.medians() {
            text.push_str(&format!("  {name:<16} {min} least, {median} median, {max} most\n"));
        }
        let faults: Vec<_> = self.summary.faults.iter().map(|(k, n)| format!("{k} {n}")).collect();
        let faults = if faults.is_empty() { "none".to_owned() } else { faults.join(", ") };
        text.push_str(&format!("  faults           {faults}\n"));
        for (name, seeds) in &self.summary.goals {
            let met = match seeds {
                0 => paint.doubtful("? never met"),
                seeds => format!("met in {} seeds", grouped(*seeds)),
            };
            text.push_str(&format!("  goal             {}: {met}\n", plain(name)));
        }
        let (twins, different) = self.summary.twins;
        text.push_str(&format!(
            "  double runs      {different} of {twins} differed (every {TWICE_EVERY}th seed)\n"
        ));
        for (assertion, [held, broken, absent]) in &self.asserted {
            let mark = if broken + absent == 0 { paint.good("✓") } else { paint.bad("✗") };
            let absent = if *absent == 0 { String::new() } else { format!(", no figure {absent}") };
            let counts = format!("true {held}, false {broken}{absent}");
            text.push_str(&format!("  {mark} assert {assertion}  {counts}\n"));
        }
        for (seed, divergence) in &self.different {
            text.push_str(&format!("\n  SQ08 seed 0x{seed:x}: {divergence}"));
        }
        text.push_str(&format!("\n  kept in          {path}\n"));
        for folder in folders {
            text.push_str(&format!("  again            squall replay {}\n", shell_word(folder)));
        }
        text.push('\n');
        text.push_str(word.closing());
        text
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
    if request.is_json {
        say(&start(request))?;
    }
    let (mut done, mut different) = (0_u64, Vec::new());
    let mut status = Status::new();
    sweep_twice(&request.settings, seeds, request.jobs, stop::flag(), |seed, ended| {
        done += 1;
        if let Err(divergence) = ended {
            different.push((seed, divergence));
        }
        if done.is_multiple_of(50) {
            status.set(&format!("{done} of {total} seeds run twice"));
        }
    })?;
    status.clear();
    let (count, is_cut) = (different.len(), done < total);
    let exit = match (is_cut, count) {
        (true, _) => INTERRUPTED,
        (false, 0) => 0,
        (false, _) => 1,
    };
    let mut text = String::new();
    for (seed, divergence) in different.iter().take(KEPT_MAX) {
        if request.is_json {
            let line = serde_json::json!({
                "v": 1, "type": "node_error", "code": "SQ08", "seed": format!("0x{seed:x}"),
                "event": divergence.event, "what": divergence.to_string(),
            });
            text.push_str(&format!("{line}\n"));
        } else {
            text.push_str(&format!("SQ08 seed 0x{seed:x}: {divergence}\n"));
        }
    }
    if request.is_json {
        let word = if count > 0 { Word::Broken } else { Word::Held };
        let word = if is_cut && count == 0 { Word::Unknown } else { word };
        let line = serde_json::json!({
            "v": 1, "type": "verdict", "verb": "test", "verdict": word.as_str(), "exit": exit,
            "workload": request.settings.workload.name,
            "double_runs": { "asked": total, "tried": done, "differed": count },
        });
        text.push_str(&line.to_string());
    } else if is_cut {
        text.push_str(&format!(
            "{count} of {done} double runs differed; interrupted before the other {}",
            total - done
        ));
    } else {
        text.push_str(&format!("{count} of {total} double runs differed"));
    }
    say(&text).map(|()| exit)
}
