//! `squall test`, as rows of several topics run it: once, however many rows read what it says.

use std::collections::BTreeMap;
use std::fs;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;

use super::Figure;
use crate::measure::{self, Program, Scratch, number_at};
use crate::{Error, root};

/// What came of a `squall test`.
#[derive(Clone, Debug)]
pub(super) struct Trial {
    /// As a user types it.
    pub(super) command: String,
    pub(super) wall: Duration,
    pub(super) resident_bytes_max: Option<u64>,
    /// The line of the verdict; null if there is none.
    pub(super) verdict: Value,
    /// The lines of `sweep.jsonl`; none if it was a single run.
    pub(super) seeds: Vec<Value>,
}

/// What was run in this process, by command.
static TRIALS: Mutex<BTreeMap<String, Arc<Trial>>> = Mutex::new(BTreeMap::new());

/// Runs `squall test` with these arguments, separated by spaces, in the root of the workspace.
/// Nothing is left in the store. A program called `squall` is squall itself.
///
/// # Errors
/// If it can't be run, or says nothing.
pub(super) fn test(arguments: &str) -> Result<Arc<Trial>, Error> {
    let known = TRIALS.lock().unwrap_or_else(PoisonError::into_inner).get(arguments).cloned();
    if let Some(trial) = known {
        return Ok(trial);
    }
    let trial = Arc::new(run(arguments)?);
    let mut trials = TRIALS.lock().unwrap_or_else(PoisonError::into_inner);
    trials.insert(arguments.to_owned(), Arc::clone(&trial));
    Ok(trial)
}

fn run(arguments: &str) -> Result<Trial, Error> {
    let (squall, scratch) = (measure::squall()?, Scratch::new("trial")?);
    let store = scratch.path().join("store");
    let path_of = |word: &str| if word == "squall" { squall.clone() } else { word.into() };
    let program = Program::new(&squall).args(["test", "--json", "--store"]).args([&store]);
    let ran = program.args(arguments.split(' ').map(path_of)).run()?;
    let command = format!("squall test {arguments}");
    let last = ran.stdout.lines().last().unwrap_or_default();
    if last.is_empty() {
        let why = ran.stderr.lines().last().unwrap_or_default();
        return Err(Error::Program(format!("`{command}` said nothing but {why:?}")));
    }
    let verdict: Value = serde_json::from_str(last).unwrap_or_default();
    let seeds = match verdict.pointer("/paths/sweep").and_then(Value::as_str) {
        Some(path) => lines_of(path)?,
        None => Vec::new(),
    };
    let (wall, resident_bytes_max) = (ran.wall, ran.resident_bytes_max);
    Ok(Trial { command, wall, resident_bytes_max, verdict, seeds })
}

fn lines_of(path: &str) -> Result<Vec<Value>, Error> {
    let path = root().join(path);
    let text = fs::read_to_string(&path);
    let text = text.map_err(|error| Error::Io(path.display().to_string(), error))?;
    let parsed = text.lines().map(|line| {
        serde_json::from_str(line)
            .map_err(|error| Error::Answer(format!("{}: {error}", path.display())))
    });
    parsed.collect()
}

impl Trial {
    /// `held` or another word.
    pub(super) fn word(&self) -> &str {
        self.verdict["verdict"].as_str().unwrap_or("no verdict")
    }

    /// How many seeds ended with each word.
    pub(super) fn words(&self) -> BTreeMap<&str, usize> {
        let mut words = BTreeMap::new();
        for seed in &self.seeds {
            *words.entry(seed["verdict"].as_str().unwrap_or("no verdict")).or_default() += 1;
        }
        words
    }

    /// So many seeds ended with this word.
    pub(super) fn count(&self, word: &str) -> usize {
        self.words().get(word).copied().unwrap_or(0)
    }

    /// Seeds by word, for a note.
    pub(super) fn counts(&self) -> String {
        let words = self.words();
        let counts = words.iter().map(|(word, count)| format!("{word} {count}"));
        counts.collect::<Vec<_>>().join(", ")
    }

    /// The seconds that it took.
    pub(super) fn seconds(&self) -> f64 {
        self.wall.as_secs_f64()
    }

    /// A figure of every seed.
    ///
    /// # Errors
    /// If a seed lacks it.
    pub(super) fn figures(&self, name: &str) -> Result<Vec<f64>, Error> {
        let pointer = format!("/figures/{name}");
        self.seeds.iter().map(|seed| number_at(seed, &pointer)).collect()
    }

    /// A number of the results of a single run.
    ///
    /// # Errors
    /// If there is none.
    pub(super) fn number(&self, pointer: &str) -> Result<f64, Error> {
        number_at(&self.verdict, &format!("/results{pointer}"))
    }

    /// A figure whose note begins with what was typed, and then says what it is made of.
    pub(super) fn figure(&self, value: f64, note: &str) -> Figure {
        Figure { value, note: format!("`{}`: {note}", self.command) }
    }
}

/// Runs each of them, and says how many held.
///
/// # Errors
/// If one can't be run.
pub(super) fn how_many_held(commands: &[String]) -> Result<Figure, Error> {
    let (mut value, mut notes) = (0.0, Vec::new());
    for arguments in commands {
        let trial = test(arguments)?;
        value += if trial.word() == "held" { 1.0 } else { 0.0 };
        notes.push(format!("`{}`: {}", trial.command, trial.word()));
    }
    Ok(Figure { value, note: notes.join("; ") })
}

/// A count as a number.
pub(super) fn number(count: usize) -> f64 {
    count as f64
}

/// How many hundredths of the whole a part is; of nothing, no number.
pub(super) fn percent(part: usize, whole: usize) -> f64 {
    100.0 * number(part) / number(whole)
}
