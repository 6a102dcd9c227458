//! Where and on what a measurement was made.

use std::fs;
use std::thread;

use crate::measure::Program;

/// The commit, marked if the files differ from it. The scorecard itself does not count.
pub(super) fn commit() -> String {
    let hash = line_of("git", &["rev-parse", "--short=10", "HEAD"]);
    let changed = ["status", "--porcelain", "--", ".", ":!docs/scorecard.md"];
    let is_clean = line_of("git", &changed).is_empty();
    if is_clean { hash } else { hash + "+changes" }
}

/// Today, in UTC.
pub(super) fn date() -> String {
    line_of("date", &["-u", "+%Y-%m-%d"])
}

/// Processor, cores, system, compiler.
pub(super) fn description() -> String {
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processors.lines().find(|line| line.starts_with("model name"));
    let model = model.and_then(|line| line.split_once(':')).map_or("", |(_, model)| model.trim());
    let model = if model.is_empty() { std::env::consts::ARCH } else { model };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let (system, rustc) = (std::env::consts::OS, line_of("rustc", &["--version"]));
    format!("{model}, {cores} cores, {system}, {rustc}")
}

/// The first line that a program prints; nothing if it fails.
fn line_of(program: &str, arguments: &[&str]) -> String {
    let ran = Program::new(program).args(arguments).run_well();
    ran.ok().and_then(|ran| ran.stdout.lines().next().map(String::from)).unwrap_or_default()
}
