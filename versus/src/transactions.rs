//! adya 0.1, on the histories of its own simulator: five isolation levels, lists and registers.

use adya::r#gen::{GenOpts, Kind};
use adya::sim::{Isolation, SimOpts};
use adya::{Opts, Valid, Workload};
use squall_check::consistency::Model;
use squall_check::isolation::{self, Registers};
use squall_check::{Outcome, Verdict};
use squall_history::{History, jsonl};

use crate::tally::Tally;

const LEVELS: [Isolation; 5] = [
    Isolation::Serializable,
    Isolation::SnapshotIsolation,
    Isolation::ReadCommitted,
    Isolation::ReadUncommitted,
    Isolation::LostUpdate,
];

/// What every history is judged for.
const MODELS: [&str; 6] = [
    "strict-serializable",
    "serializable",
    "snapshot-isolation",
    "repeatable-read",
    "read-committed",
    "read-uncommitted",
];

pub(crate) fn run(histories: u64) -> Tally {
    let mut tally = Tally::default();
    for number in 0..histories {
        let kind = if number % 2 == 0 { Kind::ListAppend } else { Kind::RwRegister };
        let level = LEVELS[usize::try_from(number / 2 % 5).unwrap_or(0)];
        let options = SimOpts {
            isolation: level,
            txns: 20 + usize::try_from(number % 60).unwrap_or(0),
            seed: number,
            r#gen: GenOpts { kind, key_count: 4, ..GenOpts::default() },
            ..SimOpts::default()
        };
        let text = adya::sim::run(&options);
        let Ok(theirs) = adya::History::from_json(&text) else { continue };
        let Ok(ours) = jsonl::read(text.as_bytes()) else {
            tally.differ("a history that squall cannot read".into(), number.to_string(), None);
            continue;
        };
        tally.histories += 1;
        for model in MODELS {
            let place = format!("{level:?}, {kind:?}, seed {number}, judged for {model}");
            compare(&mut tally, (&theirs, &ours.history), kind, model, place);
        }
    }
    tally
}

fn compare(
    tally: &mut Tally,
    (theirs, history): (&adya::History, &History),
    kind: Kind,
    model: &str,
    place: String,
) {
    let workload = match kind {
        Kind::ListAppend => Workload::ListAppend,
        Kind::RwRegister => Workload::RwRegister,
    };
    // The same sources of order for both.
    let options = Opts { models: vec![model.to_owned()], wfr_keys: true, ..Opts::default() };
    let report = adya::check(theirs, workload, &options);
    let outcome = judge(history, kind, model);
    let words = (report.valid, outcome.verdict);
    let is_same = matches!(
        words,
        (Valid::True, Verdict::Held | Verdict::NotExercised)
            | (Valid::False, Verdict::Broken)
            | (Valid::Unknown, Verdict::Unknown)
    );
    if is_same {
        return tally.agree(outcome.verdict == Verdict::Broken);
    }
    let ours: Vec<&str> = outcome.anomalies.iter().map(|found| found.class.name).collect();
    let mut ours: Vec<&str> = ours;
    ours.dedup();
    let what = format!(
        "{kind:?} for {model}: squall {} {ours:?}, adya {:?} {:?}",
        outcome.verdict.as_str(),
        report.valid,
        report.anomaly_types,
    );
    // The reads of some key contradict each other, so there is no order of its versions.
    let all = judge(history, kind, "strict-serializable");
    let has_no_order = all.anomalies.iter().any(|found| found.class.name == "incompatible-order");
    let is_g0 = report.anomaly_types.iter().all(|name| name == "G0");
    let is_g0 = is_g0 && model == "read-uncommitted";
    tally.differ(what, place, (has_no_order && is_g0).then_some(CONTRADICTED));
}

/// Why adya finds a circle of writes where squall finds none, or does not vouch for it.
const CONTRADICTED: &str = "adya takes the longest read of a key as the order of its versions, \
    also where another read contradicts it (incompatible-order in squall's report): an order of \
    which nobody knows that it was so proves no circle of writes, nor that there is none";

fn judge(history: &History, kind: Kind, model: &str) -> Outcome {
    let model = Model::named(model).expect("a model of both");
    let options = isolation::Options::models([model]);
    match kind {
        Kind::ListAppend => isolation::list_append(history, &options),
        Kind::RwRegister => isolation::rw_register(history, &options, &Registers::usual()),
    }
}
