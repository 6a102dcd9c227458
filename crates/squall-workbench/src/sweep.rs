//! Many seeds of one test.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread;

use squall_history::Value;

use crate::asserts::{FIGURES, figure};
use crate::generate::plan;
use crate::judge::judge;
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
    /// Faults that began, by kind.
    pub faults: BTreeMap<String, u64>,
    /// The first anomaly or finding, in one sentence.
    pub why: Option<String>,
    /// The results, for those who assert something about them.
    pub results: Value,
}

impl Row {
    /// The line of `sweep.jsonl`.
    #[must_use]
    pub fn line(&self) -> String {
        let figures = self.figures.iter().map(|(name, text)| format!("\"{name}\":{text}"));
        format!(
            "{{\"seed\":{},\"verdict\":\"{}\",\"hash\":\"{:016x}\",\"figures\":{{{}}}}}",
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
    /// Faults that began, by kind.
    pub faults: BTreeMap<String, u64>,
}

impl Summary {
    /// Takes in one seed.
    pub fn add(&mut self, row: &Row) {
        *self.words.entry(row.word).or_insert(0) += 1;
        for (kind, count) in &row.faults {
            *self.faults.entry(kind.clone()).or_insert(0) += count;
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

/// Runs all seeds on so many threads and hands out their rows in the order of the seeds. Each
/// run has one thread; the rows do not depend on how many there are. `stop` ends it early.
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
    let next = AtomicU64::new(seeds.start);
    let (rows, finished) = channel();
    thread::scope(|scope| {
        for _ in 0..jobs.max(1) {
            let rows = rows.clone();
            scope.spawn(|| work(settings, (&next, seeds.end), stop, rows));
        }
        drop(rows);
        let mut early: BTreeMap<u64, Row> = BTreeMap::new();
        let mut expected = seeds.start;
        let mut failure = None;
        for row in finished {
            match row {
                Ok(row) => {
                    early.insert(row.seed, row);
                }
                Err(error) => {
                    stop.store(true, Ordering::Relaxed);
                    failure.get_or_insert(error);
                }
            }
            while let Some(row) = early.remove(&expected) {
                each(row);
                expected += 1;
            }
        }
        early.into_values().for_each(&mut each);
        failure.map_or(Ok(()), Err)
    })
}

fn work(
    settings: &Settings,
    (next, end): (&AtomicU64, u64),
    stop: &AtomicBool,
    rows: Sender<Result<Row, RunError>>,
) {
    while !stop.load(Ordering::Relaxed) {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= end {
            return;
        }
        if rows.send(row(settings, seed)).is_err() {
            return;
        }
    }
}

/// Runs and judges one seed.
fn row(settings: &Settings, seed: u64) -> Result<Row, RunError> {
    let plan = Arc::new(plan(settings, seed));
    let report = run(&plan, None)?;
    let judged = judge(&plan, report);
    let anomaly = judged.promises.iter().find_map(|(_, outcome)| outcome.anomalies.first());
    let why = anomaly.map(|anomaly| anomaly.title.clone());
    let why = why.or_else(|| judged.findings.first().map(|(finding, _)| finding.to_string()));
    let reason = judged.promises.iter().find_map(|(_, outcome)| outcome.reason.as_ref());
    let why = why.or_else(|| reason.map(|reason| reason.text.clone()));
    let figures = FIGURES
        .iter()
        .filter_map(|(name, _)| figure(&judged.results, name).map(|text| (*name, text)));
    Ok(Row {
        seed,
        word: judged.word,
        hash: judged.hash,
        figures: figures.collect(),
        faults: judged.faults,
        why,
        results: judged.results,
    })
}
