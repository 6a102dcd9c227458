//! What it costs to build and test from a clean clone.

use std::path::Path;
use std::thread;

use super::{Effort, Figure};
use crate::measure::{Program, Scratch};
use crate::{Error, root};

/// `cargo build --release` in a clean clone, without downloads.
pub(super) fn cold_release_build(_effort: Effort) -> Result<Figure, Error> {
    cold(&["build", "--release", "--locked"])
}

/// `cargo test --workspace` in a clean clone, without downloads.
pub(super) fn cold_tests(_effort: Effort) -> Result<Figure, Error> {
    cold(&["test", "--workspace", "--locked"])
}

/// The minutes that `cargo` takes with nothing built.
fn cold(arguments: &[&str]) -> Result<Figure, Error> {
    let scratch = Scratch::new(arguments[0])?;
    let (clone, target) = (scratch.path().join("clone"), scratch.path().join("target"));
    let from_here = [root().as_os_str(), clone.as_os_str()].map(ToOwned::to_owned);
    Program::new("git").args(["clone", "--quiet"]).args(from_here).run_well()?;
    let cargo = || Program::new("cargo").in_folder(&clone).env("CARGO_TARGET_DIR", &target);
    cargo().args(["fetch", "--locked"]).run_well()?;
    let ran = with_histories(cargo().args(arguments)).run_well()?;
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let note = format!("`cargo {}`, {cores} cores, crates fetched before", arguments.join(" "));
    Ok(Figure { value: ran.wall.as_secs_f64() / 60.0, note })
}

/// The histories that tests read lie beside the workspace, not beside the clone.
fn with_histories(program: Program) -> Program {
    const KEY: &str = "HISTORIES_DIR";
    let beside = root().join("../shared/data/histories");
    if std::env::var_os(KEY).is_none() && Path::is_dir(&beside) {
        return program.env(KEY, beside);
    }
    program
}
