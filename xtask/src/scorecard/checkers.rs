//! What the checkers cost as histories grow, by the example `cost` of squall-check.

use std::path::PathBuf;
use std::sync::Mutex;

use super::{Effort, Figure};
use crate::measure::{self, Program, Scratch, example, load};
use crate::{Error, root};

/// The checkers, as the example names them. Rows name them by place.
const CHECKERS: [&str; 5] =
    ["register", "register-1%-unknown", "register-100-clients", "set-full", "unique-ids"];
pub(super) const REGISTER: usize = 0;
pub(super) const REGISTER_UNKNOWN: usize = 1;
pub(super) const REGISTER_CROWDED: usize = 2;
pub(super) const SET_FULL: usize = 3;
pub(super) const UNIQUE_IDS: usize = 4;

/// The cases of squall-check's example that have a target of their own. Rows name them by place.
const CASES: [&str; 10] = [
    "registers-1000-keys",
    "register-unique-values",
    "register-unique-values-broken",
    "register-cas-10-clients",
    "register-cas-30-clients",
    "register-cas-10-clients-broken",
    "list-append",
    "rw-register-linearizable-keys",
    "set-full",
    "kafka",
];

/// The seconds that a case takes, its history in memory. The peak is that of the whole process.
pub(super) fn case<const CASE: usize>(_: Effort) -> Result<Figure, Error> {
    let name = CASES[CASE];
    let ran = Program::new(example("squall-check", "cost")?).args(["case", name]).run_well()?;
    let wrong = || Error::Answer(format!("case {name} says {:?}", ran.stdout));
    let (ms, verdict) = ran.stdout.trim().split_once(' ').ok_or_else(wrong)?;
    let ms: f64 = ms.parse().map_err(|_| wrong())?;
    let expected = if name.ends_with("broken") { "broken" } else { "held" };
    if verdict != expected {
        return Err(wrong());
    }
    let peak = ran.resident_bytes_max.unwrap_or(0) / 1_000_000;
    let note = format!(
        "`cost case {name}`: {verdict}, least of 3; peak of the process {peak} MB, the history \
         included; {}",
        load()
    );
    Ok(Figure { value: ms / 1_000.0, note })
}

/// `squall check` of a million transactions in a file: seconds, and bytes at its peak.
static FROM_FILE: Mutex<Option<(f64, u64)>> = Mutex::new(None);

pub(super) fn seconds_from_file(_: Effort) -> Result<Figure, Error> {
    from_file(|(seconds, _)| seconds)
}

pub(super) fn gigabytes_from_file(_: Effort) -> Result<Figure, Error> {
    from_file(|(_, bytes)| bytes as f64 / 1e9)
}

fn from_file(of: impl Fn((f64, u64)) -> f64) -> Result<Figure, Error> {
    let mut known = FROM_FILE.lock().map_err(|_| Error::Answer("a row panicked".to_owned()))?;
    let found = match *known {
        Some(found) => found,
        None => {
            let scratch = Scratch::new("transactions")?;
            let path = scratch.path().join("history.jsonl");
            let write = Program::new(example("squall-check", "cost")?);
            write.args(["write", "list-append"]).args([&path]).run_well()?;
            let ran = Program::new(measure::squall()?).args(["check"]).args([&path]).run_well()?;
            *known.insert((ran.wall.as_secs_f64(), ran.resident_bytes_max.unwrap_or(0)))
        }
    };
    let note = format!("`cost write list-append FILE; squall check FILE`: held; {}", load());
    Ok(Figure { value: of(found), note })
}

/// The milliseconds that checking takes, of all real histories with a known verdict.
pub(super) fn real_histories(_: Effort) -> Result<Figure, Error> {
    let folder = std::env::var_os("HISTORIES_DIR").map(PathBuf::from);
    let folder = folder.unwrap_or_else(|| root().join("../shared/data/histories"));
    let mut files = Vec::new();
    let mut folders = vec![folder];
    while let Some(folder) = folders.pop() {
        let failed = |error| Error::Io(folder.display().to_string(), error);
        for entry in std::fs::read_dir(&folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let is_history =
                ["edn", "log", "txt"].iter().any(|&end| path.extension() == Some(end.as_ref()));
            if path.is_dir() {
                folders.push(path);
            } else if is_history {
                files.push(path);
            }
        }
    }
    let check = Program::new(measure::squall()?).args(["check", "--json", "--jobs", "1"]);
    let ran = check.args(&files).run()?;
    let times = ran.json_lines()?;
    let times = times.iter().filter_map(|line| line.pointer("/stats/check_ms")?.as_f64());
    let times: Vec<f64> = times.collect();
    let most = times.iter().copied().fold(0.0, f64::max);
    let note = format!("{} files, the longest {most:.1} ms; {}", times.len(), load());
    Ok(Figure { value: times.iter().sum(), note })
}

/// So often the example runs. The least time of each size counts: the others were disturbed.
const RUNS: usize = 2;
/// What the example said, all runs after each other.
static SAID: Mutex<Option<String>> = Mutex::new(None);

/// A checker's time for a history, and its verdict.
struct Cost {
    operations: f64,
    ms: f64,
    verdict: String,
}

/// The greatest factor by which the time of a checker grows when a history doubles.
pub(super) fn growth<const CHECKER: usize>(effort: Effort) -> Result<Figure, Error> {
    let (costs, note) = measured(CHECKERS[CHECKER], effort)?;
    let growth = costs.windows(2).map(|pair| {
        let doublings = (pair[1].operations / pair[0].operations).log2();
        // A history that is checked in less than a millisecond is told as none.
        (pair[1].ms.max(1.0) / pair[0].ms.max(1.0)).powf(1.0 / doublings)
    });
    Ok(Figure { value: growth.fold(f64::NAN, f64::max), note })
}

/// The longest time, in seconds, until a checker decides or gives up, whatever the size. A hundred
/// clients on one register can be in any of 2^100 orders: what grows with them is bounded by a
/// budget, and the verdict is then `unknown`, with the reason.
pub(super) fn patience<const CHECKER: usize>(effort: Effort) -> Result<Figure, Error> {
    let (costs, note) = measured(CHECKERS[CHECKER], effort)?;
    let value = costs.iter().map(|cost| cost.ms / 1_000.0).fold(f64::NAN, f64::max);
    Ok(Figure { value, note })
}

/// What a checker costs at each size.
fn measured(checker: &str, effort: Effort) -> Result<(Vec<Cost>, String), Error> {
    let mut said = SAID.lock().map_err(|_| Error::Answer(String::from("a row panicked")))?;
    let sizes = match effort {
        Effort::Quick => "10000 40000",
        Effort::Full => "10000 100000 1000000",
    };
    if said.is_none() {
        let cost = example("squall-check", "cost")?;
        let all = (0..RUNS).map(|_| Program::new(&cost).args(sizes.split(' ')).run_well());
        *said = Some(all.map(|ran| Ok(ran?.stdout)).collect::<Result<_, Error>>()?);
    }
    let costs = costs(said.as_deref().unwrap_or_default(), checker);
    let each = costs.iter().map(|cost| {
        let Cost { operations, ms, verdict } = cost;
        format!("{operations} operations {ms} ms {verdict}")
    });
    let command = format!("`cargo run --release -p squall-check --example cost -- {sizes}`");
    let note =
        format!("{command}: {}; least of {RUNS}; {}", each.collect::<Vec<_>>().join(", "), load());
    Ok((costs, note))
}

/// The rows `name operations 12 ms  verdict` of a checker, the least of each size.
fn costs(said: &str, checker: &str) -> Vec<Cost> {
    let mut costs: Vec<Cost> = Vec::new();
    for line in said.lines() {
        let [name, operations, ms, "ms", verdict] = line.split_whitespace().collect::<Vec<_>>()[..]
        else {
            continue;
        };
        let (Ok(operations), Ok(ms), true) = (operations.parse(), ms.parse(), name == checker)
        else {
            continue;
        };
        match costs.iter_mut().find(|cost| cost.operations.total_cmp(&operations).is_eq()) {
            Some(cost) => cost.ms = cost.ms.min(ms),
            None => costs.push(Cost { operations, ms, verdict: verdict.to_owned() }),
        }
    }
    costs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_a_checker_are_found() {
        let said = "register  10000   51 ms  held\nread edn  10000  83 ms  1 MiB\nregister  20000  \
                    9 ms  unknown\nset-full 1 2 ms held\nregister  10000  40 ms  held\n";
        let costs = costs(said, "register");
        let found = costs.iter().map(|cost| (cost.ms, &*cost.verdict)).collect::<Vec<_>>();
        assert_eq!(found, [(40.0, "held"), (9.0, "unknown")]);
    }
}
