//! The embedded broadcast against the limits of Gossip Glomers 3d and 3e.

use std::sync::Arc;

use super::trial::{Trial, percent, test};
use super::{Effort, Figure};
use crate::Error;
use crate::measure::Median;

/// What a seed must stay below: messages for each operation, and how many milliseconds until a
/// value is known everywhere, in the middle and at most.
struct Limits {
    messages_per_op: f64,
    median_ms: f64,
    max_ms: f64,
}

const SEEDS_QUICK: u32 = 20;
const SEEDS: u32 = 200;

/// The share of seeds within 3d.
pub(super) fn meets_3d(effort: Effort) -> Result<Figure, Error> {
    within(effort, &Limits { messages_per_op: 30.0, median_ms: 400.0, max_ms: 600.0 })
}

/// The share of seeds within 3e.
pub(super) fn meets_3e(effort: Effort) -> Result<Figure, Error> {
    within(effort, &Limits { messages_per_op: 20.0, median_ms: 1_000.0, max_ms: 2_000.0 })
}

fn within(effort: Effort, limits: &Limits) -> Result<Figure, Error> {
    let trial = sweep(effort, "")?;
    let messages = trial.figures("msgs-per-op")?;
    let (medians, greatest) = (trial.figures("stable-p50")?, trial.figures("stable-max")?);
    let good = (messages.iter().zip(&medians).zip(&greatest)).zip(&trial.seeds);
    let good = good.filter(|(((messages, median), max), seed)| {
        **messages < limits.messages_per_op
            && **median < limits.median_ms
            && **max < limits.max_ms
            && seed["verdict"] == "held"
    });
    let good = good.count();
    let most = |all: Vec<f64>| all.into_iter().fold(f64::NAN, f64::max);
    let note = format!(
        "{good} of {}; greatest stable-p50 {} ms, greatest stable-max {} ms",
        trial.seeds.len(),
        most(medians),
        most(greatest)
    );
    Ok(trial.figure(percent(good, trial.seeds.len()), &note))
}

/// The greatest messages for each operation without faults.
pub(super) fn messages(effort: Effort) -> Result<Figure, Error> {
    greatest_messages(effort, "")
}

/// The same under partitions.
pub(super) fn messages_partitioned(effort: Effort) -> Result<Figure, Error> {
    greatest_messages(effort, "partition")
}

/// The same under kills.
pub(super) fn messages_killed(effort: Effort) -> Result<Figure, Error> {
    greatest_messages(effort, "kill")
}

fn greatest_messages(effort: Effort, faults: &str) -> Result<Figure, Error> {
    let trial = sweep(effort, faults)?;
    let all = Median::of(trial.figures("msgs-per-op")?)?;
    let note = format!("median {:.2}", all.value);
    Ok(trial.figure(all.all.last().copied().unwrap_or(f64::NAN), &note))
}

/// The share of seeds that held under partitions: every value known everywhere in the end.
pub(super) fn held_partitioned(effort: Effort) -> Result<Figure, Error> {
    held(effort, "partition")
}

/// The same under kills.
pub(super) fn held_killed(effort: Effort) -> Result<Figure, Error> {
    held(effort, "kill")
}

fn held(effort: Effort, faults: &str) -> Result<Figure, Error> {
    let trial = sweep(effort, faults)?;
    Ok(trial.figure(percent(trial.count("held"), trial.seeds.len()), &trial.counts()))
}

fn sweep(effort: Effort, faults: &str) -> Result<Arc<Trial>, Error> {
    let seeds = if effort == Effort::Quick { SEEDS_QUICK } else { SEEDS };
    let faults = if faults.is_empty() { String::new() } else { format!(" --nemesis {faults}") };
    let load = "--node-count 25 --rate 100 --latency 100 --time-limit 20";
    test(&format!("-w broadcast {load}{faults} --seeds 0..{seeds}"))
}

/// The embedded node as a process, and in the World.
fn twins(effort: Effort) -> Result<[Arc<Trial>; 2], Error> {
    let seconds = if effort == Effort::Quick { 8 } else { 20 };
    let load = format!("--node-count 25 --rate 100 --latency 100 --time-limit {seconds} --seed 1");
    let inside = test(&format!("-w broadcast {load}"))?;
    let outside = test(&format!("-w broadcast --bin squall {load} -- node broadcast"))?;
    Ok([inside, outside])
}

/// How many hundredths the process's messages for each operation differ.
pub(super) fn twin_messages(effort: Effort) -> Result<Figure, Error> {
    let [inside, outside] = twins(effort)?;
    let pointer = "/net/servers/msgs-per-op";
    let (virtual_, real) = (inside.number(pointer)?, outside.number(pointer)?);
    let word = outside.word();
    let note = format!("{word}, {real:.3} beside {virtual_:.3} of `{}`", inside.command);
    Ok(outside.figure(100.0 * ((real - virtual_) / virtual_).abs(), &note))
}

/// How many milliseconds the process's median differs, less the twentieth that it may.
pub(super) fn twin_median(effort: Effort) -> Result<Figure, Error> {
    let [inside, outside] = twins(effort)?;
    let pointer = "/workload/stable-latencies/0.5";
    let (virtual_, real) = (inside.number(pointer)?, outside.number(pointer)?);
    let note = format!("{real} ms beside {virtual_} ms of `{}`", inside.command);
    let note = format!("{note}; {}", crate::measure::load());
    Ok(outside.figure(((real - virtual_).abs() - virtual_ * 0.05).max(0.0), &note))
}
