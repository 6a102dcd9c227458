//! Nodes that are processes of their own: what they cost, and what they are found to be.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;

use super::trial::{Trial, how_many_held, number, test};
use super::{Effort, Figure};
use crate::measure::{self, Median, Program, example, load, number_at};
use crate::{Error, root};

/// What the example `processes` of squall-world says under this load.
fn said(words: &[&str]) -> Result<Value, Error> {
    let ran = Program::new(example("squall-world", "processes")?).args(words).run_well()?;
    let last = ran.stdout.lines().last().unwrap_or_default();
    serde_json::from_str(last).map_err(|error| Error::Answer(format!("{error}: {last:?}")))
}

fn note(word: &str, made_of: &str) -> String {
    let command = "`cargo run --release -p squall-world --example processes --";
    format!("{command} {word}`: {made_of}; {}", load())
}

/// Messages for each second between two processes, with trace.
pub(super) fn routed(_effort: Effort) -> Result<Figure, Error> {
    let value = number_at(&said(&["routed"])?, "/routed")?;
    Ok(Figure { value, note: note("routed", "2 nodes, 3 s, trace written") })
}

/// The milliseconds that a run of one second takes longer.
pub(super) fn overhead(_effort: Effort) -> Result<Figure, Error> {
    let all = (0..3).map(|_| number_at(&said(&["echo"])?, "/overhead_ms"));
    let Median { value, all } = Median::of(all.collect::<Result<_, Error>>()?)?;
    Ok(Figure { value, note: note("echo", &format!("5 nodes, {all:?} ms")) })
}

/// The milliseconds that a whole `squall test` of one second takes longer.
pub(super) fn overhead_of_test(_effort: Effort) -> Result<Figure, Error> {
    let trials = (1..=3).map(|seed| {
        let load = "--node-count 5 --time-limit 1 --seed";
        test(&format!("-w echo --bin squall {load} {seed} -- node echo"))
    });
    let trials = trials.collect::<Result<Vec<_>, Error>>()?;
    let all = trials.iter().map(|trial| ((trial.seconds() - 1.0) * 1_000.0).round());
    let Median { value, all } = Median::of(all.collect())?;
    Ok(trials[0].figure(value, &format!("seeds 1 to 3, {all:?} ms; {}", load())))
}

/// The milliseconds that deliveries are later than a sleep is.
pub(super) fn late(_effort: Effort) -> Result<Figure, Error> {
    let said = said(&["late", "25"])?;
    let (late, slept) = (number_at(&said, "/late_p99_ms")?, number_at(&said, "/sleep_p99_ms")?);
    let count = number_at(&said, "/deliveries")?;
    let made_of = format!("p99 of {count} deliveries {late} ms, of 200 sleeps {slept} ms");
    Ok(Figure { value: (late - slept).max(0.0), note: note("late 25", &made_of) })
}

/// 3b and 3c of Gossip Glomers, with these nodes.
fn third(nodes: &str, node_args: &str, effort: Effort) -> [String; 2] {
    let load = "--node-count 5 --rate 10";
    ["", " --nemesis partition"].map(|faults| {
        let limit = limit(20, effort);
        format!("-w broadcast {nodes} {load} {limit}{faults} --seed 1{node_args}")
    })
}

/// The time limit of a command, shorter if in a hurry.
fn limit(seconds: u32, effort: Effort) -> String {
    match effort {
        Effort::Quick => String::from("--time-limit 3 --nemesis-interval 1 --recovery 2"),
        Effort::Full => format!("--time-limit {seconds}"),
    }
}

/// Of 3b and 3c, so many held with the node in Python.
pub(super) fn python(effort: Effort) -> Result<Figure, Error> {
    how_many_held(&third("--bin nodes/python/broadcast.py", "", effort))
}

/// The same with the embedded node as a process.
pub(super) fn twin(effort: Effort) -> Result<Figure, Error> {
    how_many_held(&third("--bin squall", " -- node broadcast", effort))
}

/// The same with both in one cluster.
pub(super) fn mixed(effort: Effort) -> Result<Figure, Error> {
    let nodes =
        "--bin squall --bin n1=nodes/python/broadcast.py --bin n3=nodes/python/broadcast.py";
    how_many_held(&third(nodes, " -- node broadcast", effort))
}

/// The lines of the echo node in Python.
pub(super) fn python_echo_lines(_effort: Effort) -> Result<Figure, Error> {
    lines("echo.py")
}

/// The lines of the broadcast node in Python.
pub(super) fn python_broadcast_lines(_effort: Effort) -> Result<Figure, Error> {
    lines("broadcast.py")
}

/// Every line counts, so that nobody has to know which one is prose.
fn lines(file: &str) -> Result<Figure, Error> {
    let path = format!("nodes/python/{file}");
    let text = fs::read_to_string(root().join(&path));
    let text = text.map_err(|error| Error::Io(path.clone(), error))?;
    let bare = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
    let note = format!("`wc -l {path}`; {} without empty ones and comments", bare.count());
    Ok(Figure { value: number(text.lines().count()), note })
}

/// Of 1, 2, 3a, 3b and 3c, so many held with somebody else's nodes.
pub(super) fn foreign(effort: Effort) -> Result<Figure, Error> {
    // Beside what else was built, so that it is installed once.
    let squall = measure::squall()?;
    let target = squall.ancestors().nth(2).map_or_else(|| root().join("target"), PathBuf::from);
    let script = Program::new(root().join(".ci/foreign-node.sh")).args([target.join("foreign")]);
    let installed = script.run_well()?.stdout;
    let path = |workload: &str| {
        let lines = installed.lines().filter_map(|line| line.split_once(' '));
        let mut found = lines.filter(|(name, _)| *name == workload);
        let path = found.next().map(|(_, path)| path.to_owned());
        path.ok_or_else(|| Error::Answer(format!("no foreign node for {workload}")))
    };
    let (echo, unique_ids, broadcast) = (path("echo")?, path("unique-ids")?, path("broadcast")?);
    let second = "--rate 1000 --node-count 3 --availability total --nemesis partition --seed 1";
    let [third_b, third_c] = third(&format!("--bin {broadcast}"), "", effort);
    let commands = [
        format!("-w echo --bin {echo} --node-count 1 {} --seed 1", limit(10, effort)),
        format!("-w unique-ids --bin {unique_ids} {} {second}", limit(30, effort)),
        format!("-w broadcast --bin {broadcast} --node-count 1 {} --rate 10", limit(20, effort)),
        third_b,
        third_c,
    ];
    let mut figure = how_many_held(&commands)?;
    // The note says what anybody can type.
    figure.note = figure.note.replace(&*target.to_string_lossy(), "target");
    figure.note = format!("`.ci/foreign-node.sh target/foreign`; {}", figure.note);
    Ok(figure)
}

const HOSTILE: [&str; 7] =
    ["huge-line", "bad-utf8", "children", "daemon", "deep-json", "big-int", "never-reads"];
/// When clients of a hostile node stop.
const HOSTILE_SECONDS: f64 = 1.0;

fn hostile(mode: &str) -> Result<Arc<Trial>, Error> {
    let node = "-w echo --bin testscripts/nodes/hostile.py --node-count 2";
    test(&format!("{node} --time-limit {HOSTILE_SECONDS} --recovery 1 --seed 1 -- --mode {mode}"))
}

/// The megabytes that squall has resident at most, whatever a node does.
pub(super) fn hostile_memory(_effort: Effort) -> Result<Figure, Error> {
    worst_hostile("MB", |trial| {
        let bytes = trial.resident_bytes_max;
        let bytes = bytes.ok_or_else(|| Error::Answer(String::from("there is no /proc here")))?;
        Ok(bytes as f64 / 1e6)
    })
}

/// The seconds after the time limit until there is a verdict, whatever a node does.
pub(super) fn hostile_patience(_effort: Effort) -> Result<Figure, Error> {
    worst_hostile("s", |trial| match trial.word() {
        "no verdict" => Ok(f64::INFINITY),
        _ => Ok(trial.seconds() - HOSTILE_SECONDS),
    })
}

fn worst_hostile(unit: &str, of: fn(&Trial) -> Result<f64, Error>) -> Result<Figure, Error> {
    let (mut value, mut notes) = (f64::NEG_INFINITY, Vec::new());
    for mode in HOSTILE {
        let trial = hostile(mode)?;
        let amount = of(&trial)?;
        value = value.max(amount);
        notes.push(format!("{mode} {amount:.1} {unit} {}", trial.word()));
    }
    let command = hostile("big-int")?.command.replace("big-int", "MODE");
    Ok(Figure { value, note: format!("`{command}`: {}", notes.join(", ")) })
}
