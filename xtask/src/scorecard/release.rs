//! What the release rule costs reads, by the example `release` of squall-world.

use super::{Effort, Figure};
use crate::Error;
use crate::measure::{Program, example, number_at};

/// The 99th percentile of reads answered with `reply_after`, in virtual milliseconds.
pub(super) fn reply_after(_effort: Effort) -> Result<Figure, Error> {
    read("reply_after")
}

/// The same of reads answered with `reply`, in the same run.
pub(super) fn reply(_effort: Effort) -> Result<Figure, Error> {
    read("reply")
}

fn read(verb: &str) -> Result<Figure, Error> {
    let ran = Program::new(example("squall-world", "release")?).run_well()?;
    let said = ran.json_lines()?.pop().unwrap_or_default();
    let value = number_at(&said, &format!("/{verb}_p99_ms"))?;
    let command = "`cargo run --release -p squall-world --example release`";
    Ok(Figure { value, note: format!("{command}: {said}, round trip 1 ms, sync 4 ms, virtual") })
}
