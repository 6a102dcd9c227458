//! What thousands of seeds show: promises under partitions and kills, and the same run twice.

use std::sync::Arc;

use super::trial::{Trial, number, percent, test};
use super::{Effort, Figure};
use crate::Error;
use crate::measure::{load, number_at};

/// The embedded nodes, as `squall test` names them. Rows name them by place.
const NODES: [&str; 6] = [
    "-w echo",
    "-w unique-ids",
    "-w broadcast",
    "-w lin-kv",
    "-w lin-kv --impl abd",
    "-w lin-kv --impl abd-async",
];
pub(super) const ECHO: usize = 0;
pub(super) const UNIQUE_IDS: usize = 1;
pub(super) const BROADCAST: usize = 2;
pub(super) const LIN_KV: usize = 3;
pub(super) const ABD: usize = 4;
pub(super) const ABD_ASYNC: usize = 5;

const STORM: &str =
    "--node-count 5 --rate 20 --time-limit 10 --nemesis partition,kill --nemesis-interval 1";

fn sweep(node: usize, effort: Effort) -> Result<Arc<Trial>, Error> {
    let seeds = if effort == Effort::Quick { 200 } else { 10_000 };
    test(&format!("{} {STORM} --seeds 0..{seeds}", NODES[node]))
}

/// So many seeds of a node ended otherwise than held or not exercised.
pub(super) fn bad<const NODE: usize>(effort: Effort) -> Result<Figure, Error> {
    let trial = sweep(NODE, effort)?;
    Ok(trial.figure(number(bad_seeds(&trial)), &trial.counts()))
}

fn bad_seeds(trial: &Trial) -> usize {
    trial.seeds.len() - trial.count("held") - trial.count("not exercised")
}

/// The share of seeds in which too little happened to tell.
pub(super) fn not_exercised<const NODE: usize>(effort: Effort) -> Result<Figure, Error> {
    let trial = sweep(NODE, effort)?;
    let share = percent(trial.count("not exercised"), trial.seeds.len());
    Ok(trial.figure(share, &trial.counts()))
}

/// The minutes that all seeds of a node took.
pub(super) fn minutes<const NODE: usize>(effort: Effort) -> Result<Figure, Error> {
    let trial = sweep(NODE, effort)?;
    let seconds = trial.seconds();
    let note = format!("{} seeds in {seconds:.1} s; {}", trial.seeds.len(), load());
    Ok(trial.figure(seconds / 60.0, &note))
}

/// So many seeds were another run in a second OS process.
pub(super) fn diverged<const NODE: usize>(effort: Effort) -> Result<Figure, Error> {
    let seeds = doubles(effort);
    let of = |jobs: &str| test(&format!("{} {STORM} --seeds 0..{seeds}{jobs}", NODES[NODE]));
    let (alone, beside) = (of(" --jobs 1")?, of(" --jobs 2")?);
    let note = format!("beside --jobs 2: {} seeds compared by hash", beside.seeds.len());
    Ok(alone.figure(number(different(&alone, &beside)), &note))
}

/// So many seeds of the two styles of the quorum register did not move the same messages.
pub(super) fn styles_diverged(effort: Effort) -> Result<Figure, Error> {
    let (handler, tasks) = (sweep(ABD, effort)?, sweep(ABD_ASYNC, effort)?);
    let note = format!("beside `{}`: {} seeds compared by hash", tasks.command, tasks.seeds.len());
    Ok(handler.figure(number(different(&handler, &tasks)), &note))
}

/// How many seeds have another hash. A seed that only one of them has is another run too.
fn different(one: &Trial, other: &Trial) -> usize {
    let lacking = one.seeds.len().abs_diff(other.seeds.len());
    let differ = |(one, other): &(&serde_json::Value, &serde_json::Value)| {
        one["seed"] != other["seed"] || one["hash"] != other["hash"] || one["hash"].is_null()
    };
    lacking + one.seeds.iter().zip(&other.seeds).filter(differ).count()
}

const DIFFERED: &str = "/double_runs/differed";
const TRIED: &str = "/double_runs/tried";

/// So many double runs within one process differed, over all embedded nodes.
pub(super) fn doubles_differed(effort: Effort) -> Result<Figure, Error> {
    let seeds = doubles(effort);
    let (mut value, mut notes) = (0.0, Vec::new());
    for node in NODES {
        let trial = test(&format!("{node} {STORM} --seeds 0..{seeds} --double"))?;
        let (differed, tried) =
            (number_at(&trial.verdict, DIFFERED)?, number_at(&trial.verdict, TRIED)?);
        value += differed;
        notes.push(format!("{node}: {differed} of {tried}"));
    }
    let command = format!("`squall test NODE {STORM} --seeds 0..{seeds} --double`");
    Ok(Figure { value, note: format!("{command}; {}", notes.join("; ")) })
}

const fn doubles(effort: Effort) -> u32 {
    match effort {
        Effort::Quick => 100,
        Effort::Full => 1_000,
    }
}

const SLOW_LINKS: &str = "-w lin-kv --impl abd --node-count 5 --rate 20 --time-limit 10 \
                          --nemesis partition,kill --nemesis-interval 1 --latency 20 \
                          --latency-dist exponential --seeds 0..1000";

/// So many seeds of the quorum register on slow links were not linearizable.
pub(super) fn register_bad(_effort: Effort) -> Result<Figure, Error> {
    let trial = test(SLOW_LINKS)?;
    Ok(trial.figure(number(bad_seeds(&trial)), &trial.counts()))
}

/// The first seed in which reads without write-back are found out.
pub(super) fn without_write_back(_effort: Effort) -> Result<Figure, Error> {
    let trial = test(&format!("{SLOW_LINKS} -- --no-write-back"))?;
    let first = trial.seeds.iter().position(|seed| seed["verdict"] == "broken");
    let first = first.unwrap_or(trial.seeds.len());
    Ok(trial.figure(number(first), &trial.counts()))
}
