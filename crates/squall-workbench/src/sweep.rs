//! Many seeds of one test.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread;

use squall_check::Verdict;

use crate::asserts::{FIGURES, figure};
use crate::double::{Divergence, double_run};
use crate::generate::plan;
use crate::judge::{Asserted, Judged, judge};
use crate::results::Word;
use crate::run::{RunError, run};
use crate::settings::Settings;

/// The end of one seed.
#[derive(Clone, Debug)]
pub struct Row {
    /// The seed.
    pub seed: u64,
    /// The verdict.
    pub word: Word,
    /// The rolling hash of all events.
    pub hash: u64,
    /// The figures that the run has, by name, as the texts of numbers.
    pub figures: BTreeMap<&'static str, String>,
    /// Faults that took effect, by kind.
    pub faults: BTreeMap<String, u64>,
    /// Goals and places of nodes, with how often they were met.
    pub goals: BTreeMap<String, u64>,
    /// The first anomaly or finding, in one sentence.
    pub why: Option<String>,
    /// The assertions about figures, judged.
    pub asserted: Vec<Asserted>,
    /// For every [`TWICE_EVERY`]th seed: whether two more runs of it were the same.
    pub twin: Option<Result<(), Divergence>>,
}

/// Of so many seeds of a sweep, one is run twice more and compared event by event.
pub const TWICE_EVERY: u64 = 50;

impl Row {
    /// The line of `sweep.jsonl`.
    #[must_use]
    pub fn line(&self) -> String {
        let figures = self.figures.iter().map(|(name, text)| format!("\"{name}\":{text}"));
        format!(
            "{{\"seed\":\"0x{:x}\",\"verdict\":\"{}\",\"hash\":\"{:016x}\",\"figures\":{{{}}}}}",
            self.seed,
            self.word.as_str(),
            self.hash,
            figures.collect::<Vec<_>>().join(",")
        )
    }
}

/// Counts over all seeds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Seeds by verdict.
    pub words: BTreeMap<Word, u64>,
    /// Faults that took effect, by kind.
    pub faults: BTreeMap<String, u64>,
    /// Goals and places of nodes, with in how many seeds they were met.
    pub goals: BTreeMap<String, u64>,
    /// Seeds that were run twice, and those of them whose two runs differed.
    pub twins: (u64, u64),
}

impl Summary {
    /// Takes in one seed.
    pub fn add(&mut self, row: &Row) {
        *self.words.entry(row.word).or_insert(0) += 1;
        for (kind, count) in &row.faults {
            *self.faults.entry(kind.clone()).or_insert(0) += count;
        }
        for (name, count) in &row.goals {
            *self.goals.entry(name.clone()).or_insert(0) += u64::from(*count > 0);
        }
        if let Some(twin) = &row.twin {
            self.twins.0 += 1;
            self.twins.1 += u64::from(twin.is_err());
        }
    }

    /// Seeds with this verdict.
    #[must_use]
    pub fn count(&self, word: Word) -> u64 {
        self.words.get(&word).copied().unwrap_or(0)
    }

    /// All seeds.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.words.values().sum()
    }

    /// The verdict of the sweep: the worst one, but a few seeds in which too little happened
    /// (3 in 100) do not spoil the rest.
    #[must_use]
    pub fn word(&self) -> Word {
        let worst = self.words.keys().max().copied().unwrap_or(Word::NotExercised);
        let idle = self.count(Word::NotExercised);
        if worst == Word::NotExercised && idle * 100 <= self.total() * 3 {
            return Word::Held;
        }
        worst
    }
}

/// Runs and judges all seeds on so many threads, and hands out their rows in the order of the
/// seeds. The rows do not depend on how many threads there are. `stop` ends it early.
///
/// # Errors
/// If a plan cannot be run.
pub fn sweep(
    settings: &Settings,
    seeds: Range<u64>,
    jobs: usize,
    stop: &AtomicBool,
    mut each: impl FnMut(Row),
) -> Result<(), RunError> {
    let first = seeds.start;
    let job = |seed: u64| row(settings, seed, (seed - first).is_multiple_of(TWICE_EVERY));
    in_order(seeds, jobs, stop, job, |_, row| each(row))
}

/// Runs every seed twice on so many threads, and compares event by event; hands out hashes and
/// differences as [`sweep`] does its rows.
///
/// # Errors
/// If a plan cannot be run.
pub fn sweep_twice(
    settings: &Settings,
    seeds: Range<u64>,
    jobs: usize,
    stop: &AtomicBool,
    each: impl FnMut(u64, Result<u64, Divergence>),
) -> Result<(), RunError> {
    let job = |seed: u64| double_run(&Arc::new(plan(settings, seed)));
    in_order(seeds, jobs, stop, job, each)
}

/// Does a job for each seed on so many threads and hands out what they give in the order of the
/// seeds. Each job has one thread; what it gives does not depend on how many there are. `stop`
/// ends it early: then what is handed out is that of the first so many seeds.
fn in_order<T: Send>(
    seeds: Range<u64>,
    jobs: usize,
    stop: &AtomicBool,
    job: impl Fn(u64) -> Result<T, RunError> + Sync,
    mut each: impl FnMut(u64, T),
) -> Result<(), RunError> {
    let count = seeds.end.saturating_sub(seeds.start);
    let next = AtomicU64::new(0);
    let is_over = AtomicBool::new(false);
    let (results, finished) = channel();
    let work = |results: Sender<(u64, Result<T, RunError>)>| {
        while !stop.load(Ordering::Relaxed) && !is_over.load(Ordering::Relaxed) {
            let at = next.fetch_add(1, Ordering::Relaxed);
            if at >= count || results.send((at, job(seeds.start + at))).is_err() {
                return;
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..jobs.max(1) {
            let results = results.clone();
            scope.spawn(|| work(results));
        }
        drop(results);
        let mut early: BTreeMap<u64, T> = BTreeMap::new();
        let mut expected = 0;
        let mut failure = None;
        for (at, result) in finished {
            match result {
                Ok(result) => {
                    early.insert(at, result);
                }
                Err(error) => {
                    is_over.store(true, Ordering::Relaxed);
                    failure.get_or_insert(error);
                }
            }
            while let Some(result) = early.remove(&expected) {
                each(seeds.start + expected, result);
                expected += 1;
            }
        }
        failure.map_or(Ok(()), Err)
    })
}

/// Runs and judges one seed.
fn row(settings: &Settings, seed: u64, is_doubled: bool) -> Result<Row, RunError> {
    let plan = Arc::new(plan(settings, seed));
    let report = run(&plan, None)?;
    let judged = judge(&plan, report);
    let twin = if is_doubled { Some(double_run(&plan)?.map(drop)) } else { None };
    let figures = FIGURES
        .iter()
        .filter_map(|(name, _)| figure(&judged.results, name).map(|text| (*name, text)));
    Ok(Row {
        seed,
        word: judged.word,
        hash: judged.hash,
        figures: figures.collect(),
        why: why(&judged),
        faults: judged.faults,
        goals: judged.goals,
        asserted: judged.asserted,
        twin,
    })
}

/// Why a run did not hold, in one sentence: what is broken, else what a node did wrong, else what
/// keeps the run from deciding.
fn why(judged: &Judged) -> Option<String> {
    let outcomes = || judged.promises.iter().map(|(_, outcome)| outcome);
    let anomaly = outcomes().find_map(|outcome| outcome.anomalies.first());
    let finding = || judged.findings.first().map(|(finding, _)| finding.to_string());
    let assertion = || {
        let mut wrong = judged.asserted.iter().filter(|it| it.verdict != Verdict::Held);
        wrong.next().map(|it| match &it.figure {
            Some(figure) => format!("assert {} is false: {figure}", it.text),
            None => format!("assert {}: the run has no such figure", it.text),
        })
    };
    let reason = || outcomes().find_map(|outcome| outcome.reason.as_ref());
    anomaly
        .map(|anomaly| anomaly.title.clone())
        .or_else(finding)
        .or_else(assertion)
        .or_else(|| reason().map(|reason| reason.text.clone()))
}
