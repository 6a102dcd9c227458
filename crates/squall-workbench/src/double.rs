//! Runs a plan twice and tells the first event at which the two differ.

use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use squall_history::trace::Header;
use squall_world::{Chain, End, Plan, World};

use crate::difference::Difference;
use crate::run::{RunError, build, header};

/// Two runs of one plan that differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Divergence {
    /// Number of the first event that differs, from 0.
    pub event: u64,
    /// Events of the first run.
    pub events: u64,
    /// Where the traces of two further runs part; `None`: these two were equal.
    pub difference: Option<Difference>,
}

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (event, events) = (self.event, self.events);
        writeln!(f, "not deterministic: two runs differ at event {event} of {events}")?;
        match &self.difference {
            Some(difference) => difference.fmt(f),
            None => writeln!(f, "  two further runs were equal, so there is no more to show"),
        }
    }
}

/// Runs a plan of embedded nodes twice. `Ok(Ok(hash))`: both runs are equal.
///
/// # Errors
/// If the plan cannot be run.
pub fn double_run(plan: &Arc<Plan>) -> Result<Result<u64, Divergence>, RunError> {
    compare(&|| build(plan), &header(plan))
}

/// Makes a World twice, runs both and compares them event by event.
///
/// # Errors
/// If a World cannot be made.
pub fn compare(
    make: &dyn Fn() -> Result<World, RunError>,
    header: &Header,
) -> Result<Result<u64, Divergence>, RunError> {
    let mut first = make()?;
    first.chain(Chain::Keep(Vec::new()));
    let report = first.run();
    let Chain::Keep(hashes) = report.chain else { return Ok(Ok(report.hash)) };
    let events = hashes.len() as u64;
    let mut second = make()?;
    second.chain(Chain::Compare { hashes: hashes.into(), compared: 0 });
    let end = second.run();
    let event = match end.end {
        End::Diverged { event } => event,
        _ if end.hash == report.hash => return Ok(Ok(report.hash)),
        // Equal as far as it goes, and then one of the two goes on.
        _ => events,
    };
    // Nobody wrote these two down: two further runs show where they part.
    let trace = || -> Result<String, RunError> {
        let kept = Kept::default();
        let mut world = make()?;
        world.record(Box::new(kept.clone()), header);
        drop(world.run());
        Ok(kept.text())
    };
    let difference = Difference::between(&trace()?, &trace()?);
    Ok(Err(Divergence { event, events, difference }))
}

/// Runs a plan of embedded nodes and gives its trace.
///
/// # Errors
/// If the plan cannot be run.
pub fn trace_of(plan: &Arc<Plan>) -> Result<String, RunError> {
    let kept = Kept::default();
    crate::run::run(plan, Some(Box::new(kept.clone())))?;
    Ok(kept.text())
}

/// Keeps what is written.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Kept {
    fn text(&self) -> String {
        let bytes = self.0.lock().map(|bytes| bytes.clone()).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Ok(mut kept) = self.0.lock() {
            kept.extend_from_slice(bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
