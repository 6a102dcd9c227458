//! The README's first command.

use std::fs;
use std::path::{Path, PathBuf};

use super::trial::number;
use super::{Effort, Figure};
use crate::Error;
use crate::measure::{self, Program, Scratch, median_wall};

/// What follows `cargo run --release --` in the README.
const COMMAND: &str = "test -w broadcast --node-count 25 --rate 100 --latency 100 --time-limit 20 \
                       --nemesis partition --seed 1";
/// What must be the same everywhere.
const FILES: [&str; 2] = ["trace.jsonl", "history.edn"];

/// Its seconds, after the build.
pub(super) fn wall(_effort: Effort) -> Result<Figure, Error> {
    let (squall, scratch) = (measure::squall()?, Scratch::new("first")?);
    let median = median_wall(5, || first(&squall, scratch.path()))?;
    let all = median.all.iter().map(|seconds| format!("{seconds:.2}")).collect::<Vec<_>>();
    let note = format!("`squall {COMMAND}`: {} s; {}", all.join(", "), measure::load());
    Ok(Figure { value: median.value, note })
}

/// How many files differ in another folder, home and time zone, and in a debug build.
pub(super) fn different_files(effort: Effort) -> Result<Figure, Error> {
    let squall = measure::squall()?;
    let (here, there) = (Scratch::new("here")?, Scratch::new("there")?);
    first(&squall, here.path()).run_well()?;
    let elsewhere = |squall: &PathBuf| {
        let program = first(squall, there.path()).env("HOME", there.path());
        program.env("TZ", "Asia/Kathmandu").run_well()
    };
    elsewhere(&squall)?;
    let mut different = differing(here.path(), there.path())?;
    let mut builds = "release build";
    if effort == Effort::Full {
        elsewhere(&measure::squall_for_debugging()?)?;
        different += differing(here.path(), there.path())?;
        builds = "release build and debug build";
    }
    let files = FILES.join(" and ");
    let note = format!("`squall {COMMAND}`, {files}, another folder, HOME and TZ; {builds}");
    Ok(Figure { value: number(different), note })
}

fn first(squall: &Path, folder: &Path) -> Program {
    Program::new(squall).args(COMMAND.split_whitespace()).in_folder(folder)
}

fn differing(here: &Path, there: &Path) -> Result<usize, Error> {
    let read = |folder: &Path, file: &str| {
        let path = folder.join("store/latest").join(file);
        fs::read(&path).map_err(|error| Error::Io(path.display().to_string(), error))
    };
    let mut different = 0;
    for file in FILES {
        different += usize::from(read(here, file)? != read(there, file)?);
    }
    Ok(different)
}
