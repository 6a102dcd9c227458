//! Runs a plan twice and tells the first event at which the two differ.

use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use squall_world::{Chain, End, Plan};

use crate::run::{RunError, build, header};

/// So many lines before the difference are shown.
const WINDOW: usize = 6;

/// Two runs of one plan that differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Divergence {
    /// Number of the first event that differs, from 0.
    pub event: u64,
    /// Events of the first run.
    pub events: u64,
    /// The last lines of the first run up to there.
    pub first: Vec<String>,
    /// The last lines of the second run up to there.
    pub second: Vec<String>,
}

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (event, events) = (self.event, self.events);
        writeln!(f, "not deterministic: two runs differ at event {event} of {events}")?;
        let common = self.first.iter().zip(&self.second).take_while(|(a, b)| a == b).count();
        for line in &self.first[..common] {
            writeln!(f, "  same    {line}")?;
        }
        for (name, lines) in [("run 1", &self.first), ("run 2", &self.second)] {
            for line in &lines[common.min(lines.len())..] {
                writeln!(f, "  {name}   {line}")?;
            }
        }
        Ok(())
    }
}

/// Runs a plan of embedded nodes twice. `Ok(Ok(hash))`: both runs are equal.
///
/// # Errors
/// If the plan cannot be run.
pub fn double_run(plan: &Arc<Plan>) -> Result<Result<u64, Divergence>, RunError> {
    let mut first = build(plan)?;
    first.chain(Chain::Keep(Vec::new()));
    let report = first.run();
    let Chain::Keep(hashes) = report.chain else { return Ok(Ok(report.hash)) };
    let events = hashes.len() as u64;
    let hashes: Arc<[u64]> = hashes.into();
    let mut second = build(plan)?;
    second.chain(Chain::Compare { hashes: Arc::clone(&hashes), compared: 0 });
    let end = second.run();
    let event = match end.end {
        End::Diverged { event } => event,
        _ if end.hash == report.hash => return Ok(Ok(report.hash)),
        // Equal as far as it goes, and then one of the two goes on.
        _ => events,
    };
    // Both once more up to there, with the trace in view.
    let window = |upto: &[u64]| -> Result<Vec<String>, RunError> {
        let lines = Lines::default();
        let mut world = build(plan)?;
        world.record(Box::new(lines.clone()), &header(plan));
        let mut upto = upto.to_vec();
        if let Some(last) = upto.last_mut() {
            *last = !*last;
        }
        world.chain(Chain::Compare { hashes: upto.into(), compared: 0 });
        drop(world.run());
        Ok(lines.last(WINDOW))
    };
    let cut = usize::try_from(event + 1).unwrap_or(usize::MAX).min(hashes.len());
    let first = window(&hashes[..cut])?;
    let second = window(&hashes)?;
    Ok(Err(Divergence { event, events, first, second }))
}

/// Keeps what is written, for a look at its end.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    fn last(&self, count: usize) -> Vec<String> {
        let Ok(bytes) = self.0.lock() else { return Vec::new() };
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<&str> = text.lines().collect();
        // The lines of messages that were on their way when the run was stopped tell nothing.
        let told = lines.iter().rposition(|line| !line.contains("\"why\":\"end\""));
        let end = told.map_or(lines.len(), |last| last + 1);
        lines[end.saturating_sub(count)..end].iter().map(|line| (*line).to_owned()).collect()
    }
}

impl Write for Lines {
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
