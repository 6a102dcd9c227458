//! Statistics: how the operations of the clients ended, how available the system was, what the
//! clients stumbled over.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use squall_history::{Event, History, Kind, Name, Value};

use crate::anomaly::{Anomaly, OpRef, UNAVAILABLE};
use crate::verdict::{Outcome, Reason, ReasonCode, Verdict};

/// Functions that need no success.
const EXEMPT: &[&str] = &["crash", "debug-topic-partitions"];

/// Completions by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    ok: u64,
    fail: u64,
    info: u64,
}

impl Counts {
    fn add(&mut self, kind: Kind) {
        match kind {
            Kind::Ok => self.ok += 1,
            Kind::Fail => self.fail += 1,
            Kind::Info => self.info += 1,
            Kind::Invoke => {}
        }
    }

    fn total(self) -> u64 {
        self.ok + self.fail + self.info
    }

    fn pairs(self) -> [(&'static str, Value); 4] {
        [
            ("count", Value::uint(self.total())),
            ("ok-count", Value::uint(self.ok)),
            ("fail-count", Value::uint(self.fail)),
            ("info-count", Value::uint(self.info)),
        ]
    }
}

/// `:stats`: counts of client completions, over all and by function. *Not exercised* if some
/// function has no `ok`; a function in `refusals_count` (a compare-and-set) is content with a
/// `fail`. Result: `:count`, `:ok-count`, `:fail-count`, `:info-count`, `:by-f` with the same keys
/// and `:valid?`.
///
/// Whether a function that nobody answered breaks a promise is for [`crate::answers`] to say.
#[must_use]
pub fn check(history: &History, refusals_count: &[Name]) -> Outcome {
    let mut all = Counts::default();
    let mut by_f: BTreeMap<&Name, Counts> = BTreeMap::new();
    for event in history.events.iter().filter(|event| event.process.is_client()) {
        all.add(event.kind);
        by_f.entry(&event.f).or_default().add(event.kind);
    }
    let mut verdict = Verdict::Held;
    let mut without = Vec::new();
    let mut rows = Vec::new();
    for (&f, counts) in &by_f {
        let is_exempt = EXEMPT.contains(&f.as_ref());
        let is_refused = refusals_count.contains(f) && counts.fail > 0;
        let of_f = if counts.ok > 0 || is_exempt || is_refused {
            Verdict::Held
        } else {
            without.push(f.as_ref());
            Verdict::NotExercised
        };
        verdict = verdict.merge(of_f);
        let pairs = [("valid?", of_f.valid())].into_iter().chain(counts.pairs());
        rows.push((f.as_ref(), Value::record(pairs)));
    }
    let pairs = all.pairs().into_iter().chain([("by-f", Value::record(rows))]);
    let mut outcome = Outcome::new(verdict, pairs);
    if verdict != Verdict::Held {
        let text = format!("no success of: {}", without.join(", "));
        let how = "run longer, at a higher rate, or with fewer faults";
        outcome.reason = Some(Reason::new(ReasonCode::Empty, text, how));
    }
    outcome
}

/// Which share of the operations must succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Any share will do.
    None,
    /// All of them.
    Total,
    /// At least this many in a million.
    Millionths(u32),
}

/// `:availability`: `ok` operations among the invoked ones, 1 if there are none; a definite failure
/// counts against it. Result: `:ok-fraction`, eight digits, rounded down.
#[must_use]
pub fn availability(history: &History, target: Target) -> Outcome {
    let clients = || history.events.iter().filter(|event| event.process.is_client());
    let count = |kind| clients().filter(|event| event.kind == kind).count() as u64;
    let (ok, invoked) = (count(Kind::Ok), count(Kind::Invoke));
    let is_met = match target {
        Target::None => true,
        Target::Total => ok >= invoked,
        Target::Millionths(least) => {
            u128::from(ok) * 1_000_000 >= u128::from(invoked) * u128::from(least)
        }
    };
    let verdict = if is_met { Verdict::Held } else { Verdict::Broken };
    let mut outcome = Outcome::new(verdict, [("ok-fraction", fraction(ok, invoked))]);
    if !is_met {
        outcome.anomalies.push(unavailable(history, ok, invoked));
    }
    outcome
}

fn unavailable(history: &History, ok: u64, invoked: u64) -> Anomaly {
    const SHOWN_MAX: usize = 4;
    let operations = history.operations();
    let others = operations.list.iter().filter(|operation| operation.outcome() != Kind::Ok);
    let title = format!("{ok} of {invoked} operations succeeded");
    Anomaly::new(&UNAVAILABLE, title, others.take(SHOWN_MAX).map(OpRef::of).collect())
}

fn fraction(part: u64, whole: u64) -> Value {
    let (part, whole) = if whole == 0 { (1, 1) } else { (u128::from(part), u128::from(whole)) };
    let hundred_millionths = part * 100_000_000 / whole;
    let text =
        format!("{}.{:08}", hundred_millionths / 100_000_000, hundred_millionths % 100_000_000);
    Value::number(&text).unwrap_or_default()
}

/// `:exceptions`: what clients stumbled over in `info` operations, by class, the most frequent
/// first. Never broken. Result: `:exceptions`, a list of `{:count :class :example}`, only if there
/// are any.
#[must_use]
pub fn exceptions(history: &History) -> Outcome {
    let mut by_class: BTreeMap<&Value, (u64, &Event)> = BTreeMap::new();
    for event in history.events.iter().filter(|event| event.kind == Kind::Info) {
        if let Some(exception) = &event.exception {
            let class = exception.get("class").unwrap_or(exception);
            by_class.entry(class).or_insert((0, event)).0 += 1;
        }
    }
    let mut groups: Vec<_> = by_class.into_iter().collect();
    groups.sort_by_key(|&(_, (count, _))| Reverse(count));
    let list: Vec<Value> = groups
        .into_iter()
        .map(|(class, (count, example))| {
            Value::record([
                ("count", Value::uint(count)),
                ("class", class.clone()),
                ("example", example.to_value()),
            ])
        })
        .collect();
    let pairs = if list.is_empty() { None } else { Some(("exceptions", Value::from(list))) };
    Outcome::new(Verdict::Held, pairs)
}
