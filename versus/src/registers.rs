//! porcupine-rs 0.1 and todc-utils 0.1, on random histories of a register with compare-and-set. The
//! specification is the same for all three.

use porcupine_rs::{Model, Operation};
use squall_check::Verdict;
use squall_check::linear::{self, Options};
use squall_history::{Event, History, Kind, Process, Value};
use todc_utils::linearizability::WGLChecker;
use todc_utils::linearizability::history::{Action, History as Actions};
use todc_utils::specifications::Specification;

use crate::tally::Tally;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Op {
    /// What was read; nothing is known before it has ended.
    Read(Option<i64>),
    Write(i64),
    /// Expected, new, and whether it was so.
    Cas(i64, i64, Option<bool>),
}

/// Legal or not, and the state after it.
fn step(state: i64, op: Op) -> (bool, i64) {
    match op {
        Op::Read(value) => (value == Some(state), state),
        Op::Write(value) => (true, value),
        Op::Cas(expected, new, was) => {
            let is_so = state == expected;
            (was == Some(is_so), if is_so { new } else { state })
        }
    }
}

#[derive(Clone)]
struct Theirs;

impl Model for Theirs {
    type State = i64;
    type Op = Op;
    type Metadata = ();

    fn init() -> i64 {
        0
    }

    fn step(state: &i64, op: &Op) -> (bool, i64) {
        step(*state, *op)
    }
}

impl Specification for Theirs {
    type State = i64;
    type Operation = Op;

    fn init() -> i64 {
        0
    }

    fn apply(op: &Op, state: &i64) -> (bool, i64) {
        step(*state, *op)
    }
}

/// An operation with its place in time.
#[derive(Clone, Copy, Debug)]
struct Timed {
    process: usize,
    begin: usize,
    end: usize,
    op: Op,
}

pub(crate) fn run(histories: u64) -> Tally {
    let mut tally = Tally::default();
    for seed in 0..histories {
        let ops = random(seed);
        tally.histories += 1;
        let ours = linear::check(&history(&ops), &options()).verdict;
        let judged = [
            ("porcupine-rs", porcupine_rs::check_operations(&operations(&ops))),
            ("todc-utils", WGLChecker::<Theirs>::is_linearizable(actions(&ops))),
        ];
        for (who, is_linearizable) in judged {
            let is_same = match ours {
                Verdict::Held | Verdict::NotExercised => is_linearizable,
                Verdict::Broken => !is_linearizable,
                Verdict::Unknown => false,
            };
            if is_same {
                tally.agree(!is_linearizable);
            } else {
                let what = format!("squall {}, {who} {is_linearizable}", ours.as_str());
                tally.differ(what, format!("seed {seed}: {ops:?}"), None);
            }
        }
    }
    tally
}

fn options() -> Options {
    Options { failed_cas: linear::FailedCas::Observe, ..Options::register() }
}

/// SplitMix64, for histories that are the same everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((z ^ (z >> 31)) % bound as u64).unwrap_or(0)
    }

    fn value(&mut self) -> i64 {
        i64::try_from(self.below(3)).unwrap_or(0)
    }
}

/// Operations that take effect at a random moment while they run; of every second history one
/// answer is changed.
fn random(seed: u64) -> Vec<Timed> {
    let random = &mut Random(seed);
    let count = 4 + random.below(16);
    let processes = 2 + random.below(4);
    let mut pending: Vec<Option<(usize, Op, bool)>> = vec![None; processes];
    let (mut done, mut state, mut time, mut begun) = (Vec::new(), 0, 0, 0);
    while done.len() < count {
        let process = random.below(processes);
        time += 1;
        match pending[process] {
            None if begun < count => {
                begun += 1;
                let op = match random.below(4) {
                    0 => Op::Write(random.value()),
                    1 => Op::Cas(random.value(), random.value(), None),
                    _ => Op::Read(None),
                };
                pending[process] = Some((time, op, false));
            }
            Some((begin, op, false)) => {
                let op = match op {
                    Op::Read(_) => Op::Read(Some(state)),
                    Op::Cas(expected, new, _) => Op::Cas(expected, new, Some(state == expected)),
                    write @ Op::Write(_) => write,
                };
                state = step(state, op).1;
                pending[process] = Some((begin, op, true));
            }
            Some((begin, op, true)) => {
                pending[process] = None;
                done.push(Timed { process, begin, end: time, op });
            }
            None => {}
        }
    }
    if seed % 2 == 1 {
        let at = random.below(done.len());
        let other = random.value();
        done[at].op = match done[at].op {
            Op::Read(_) => Op::Read(Some(other)),
            Op::Write(_) => Op::Write(other),
            Op::Cas(expected, new, was) => Op::Cas(expected, new, was.map(|was| !was)),
        };
    }
    done
}

fn operations(ops: &[Timed]) -> Vec<Operation<Theirs>> {
    let operation = |op: &Timed| Operation {
        client_id: u32::try_from(op.process).ok(),
        call_time: i64::try_from(op.begin).unwrap_or(0),
        return_time: i64::try_from(op.end).unwrap_or(0),
        op: op.op,
        metadata: None,
    };
    ops.iter().map(operation).collect()
}

/// Begins and ends in order of time.
fn in_order(ops: &[Timed]) -> Vec<(usize, &Timed, bool)> {
    let ends = |op| [(op, false), (op, true)];
    let mut all: Vec<(usize, &Timed, bool)> = Vec::new();
    for (op, is_end) in ops.iter().flat_map(ends) {
        all.push((if is_end { op.end } else { op.begin }, op, is_end));
    }
    all.sort_by_key(|&(time, ..)| time);
    all
}

fn actions(ops: &[Timed]) -> Actions<Op> {
    let action = |(_, op, is_end): (usize, &Timed, bool)| {
        let action = if is_end { Action::Response(op.op) } else { Action::Call(op.op) };
        (op.process, action)
    };
    Actions::from_actions(in_order(ops).into_iter().map(action).collect())
}

/// The register begins with nil here, and with 0 there: a first write makes them equal.
fn history(ops: &[Timed]) -> History {
    let mut history = History::default();
    let mut push = |kind, process: usize, f: &'static str, value: Value| {
        let process = Process::Client(i64::try_from(process).unwrap_or(0));
        history.push(Event::new(kind, process, f, value));
    };
    push(Kind::Invoke, 99, "write", 0.into());
    push(Kind::Ok, 99, "write", 0.into());
    for (_, op, is_end) in in_order(ops) {
        let (f, asked, kind, answered) = match op.op {
            Op::Read(value) => ("read", Value::Nil, Kind::Ok, value.map_or(Value::Nil, Value::Int)),
            Op::Write(value) => ("write", value.into(), Kind::Ok, value.into()),
            Op::Cas(expected, new, was) => {
                let pair = Value::list([expected.into(), new.into()]);
                let kind = if was == Some(true) { Kind::Ok } else { Kind::Fail };
                ("cas", pair.clone(), kind, pair)
            }
        };
        if is_end {
            push(kind, op.process, f, answered);
        } else {
            push(Kind::Invoke, op.process, f, asked);
        }
    }
    history
}
