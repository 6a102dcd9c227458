//! How much the engine moves, by the example `engine` of squall-world.

use std::sync::Mutex;

use serde_json::Value;

use super::{Effort, Figure};
use crate::Error;
use crate::measure::{Program, example, load, number_at};

/// What the example said, and beside which load.
static SAID: Mutex<Option<(Value, String)>> = Mutex::new(None);

/// Messages of the engine for each message of a bare heap that moves the same bytes.
pub(super) fn ratio(effort: Effort) -> Result<Figure, Error> {
    figure(effort, "ratio", |said| {
        format!("bare heap {} messages/s, median of 5 pairs", said["bare_heap"])
    })
}

/// Messages for each second without trace.
pub(super) fn untraced(effort: Effort) -> Result<Figure, Error> {
    figure(effort, "engine", |_| String::from("goal 5,000,000; hash on, binary messages"))
}

/// Messages for each second with the whole trace written.
pub(super) fn traced(effort: Effort) -> Result<Figure, Error> {
    figure(effort, "traced", |_| String::from("trace to a file, median of 5"))
}

/// Messages for each second if they are JSON.
pub(super) fn json(effort: Effort) -> Result<Figure, Error> {
    figure(effort, "json", |_| String::from("no trace, median of 5"))
}

/// Simulated seconds for each second if nearly nothing happens.
pub(super) fn idle(effort: Effort) -> Result<Figure, Error> {
    figure(effort, "idle_seconds", |_| String::from("5 nodes, 1 message per node and second"))
}

fn figure(effort: Effort, name: &str, note: fn(&Value) -> String) -> Result<Figure, Error> {
    let mut said = SAID.lock().map_err(|_| Error::Answer(String::from("a row panicked")))?;
    let quick = if effort == Effort::Quick { &["--quick"][..] } else { &[] };
    if said.is_none() {
        let ran = Program::new(example("squall-world", "engine")?).args(quick).run_well()?;
        let value = ran.json_lines()?.pop().unwrap_or_default();
        *said = Some((value, load()));
    }
    let (said, load) = said.as_ref().expect("it was just run");
    let command = "`cargo run --release -p squall-world --example engine";
    let quick = if effort == Effort::Quick { " -- --quick`" } else { "`" };
    let note = format!("{command}{quick}: {}; {load}", note(said));
    Ok(Figure { value: number_at(said, &format!("/{name}"))?, note })
}
