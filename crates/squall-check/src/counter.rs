//! Counters: what was added, and no more, is read in the end (g-counter, pn-counter).
//!
//! Operations are `add` (value: an integer) and `read` (its `ok` value: an integer). An `add` of
//! which nobody knows whether it happened may count or not, so every sum of some of these, added to
//! the sum of those that succeeded, is acceptable.
//!
//! | promise | rule |
//! |---|---|
//! | always | every read of the final phase is one of the acceptable sums, and all of them are equal |
//! | [`Options::is_bounded`] | every read lies between what must and what may have been added when it ran |
//! | [`Options::is_grow_only`] | no client reads less than it read before, or than it added itself |
//!
//! Sound; complete for these rules, as long as the acceptable sums lie within 2^28 of each other.
//! Beyond that a read between the least and the greatest of them is *unknown*. Without a read of
//! the final phase nothing is known either. Takes time in proportion to the history and to the
//! range of the uncertain sums, times the number of different uncertain amounts.
//!
//! Result: `:errors` (final reads that are not acceptable, or nil), `:final-reads`, `:acceptable`
//! (the acceptable sums as inclusive ranges, nil if they were not worked out), `:certain` (the sum
//! of what succeeded), `:uncertain-count`; `:read-count` and `:stale-read-count`, the reads that
//! lack something acknowledged before they began, as an eventually consistent counter may.

use std::collections::BTreeMap;

use squall_history::{History, Kind, Operation, Operations, Problem, Value};

use crate::anomaly::{
    Anomalies, Anomaly, COUNTER_OUT_OF_BOUNDS, NON_MONOTONIC_READ, NOT_CONVERGED, OpRef,
};
use crate::requests;
use crate::verdict::{Outcome, Reason, ReasonCode, Verdict};

/// Sums that are looked at one by one.
const SUMS_MAX: u128 = 1 << 28;
/// Ranges of sums that the result lists.
const RANGES_SHOWN: usize = 1_000;

/// What is promised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Whether each read must fit the adds around it, as the reads of a linearizable counter do.
    /// Those of one that only converges may be old.
    pub is_bounded: bool,
    /// Whether amounts are never negative, so that what a client sees may not shrink. A session is
    /// a client on one node: its reads do not fall, and contain its own acknowledged adds.
    pub is_grow_only: bool,
}

/// An add that did not fail.
struct Add<'h> {
    delta: i128,
    operation: &'h Operation<'h>,
}

/// A read that succeeded.
struct Read<'h> {
    value: i128,
    operation: &'h Operation<'h>,
}

/// Judges a history of adds and reads.
#[must_use]
pub fn check(history: &History, options: &Options) -> Outcome {
    let operations = history.operations();
    let (adds, reads, mut problems) = sort(&operations);
    let mut anomalies = Anomalies::default();
    let sums = Sums::of(&adds);
    let finals: Vec<&Read<'_>> = reads.iter().filter(|read| read.operation.is_final()).collect();
    let mut errors = Vec::new();
    let mut undecided = None;
    for read in &finals {
        match sums.has(read.value) {
            Some(true) => {}
            Some(false) => {
                errors.push(read.operation.last_event().to_value());
                anomalies.add(&COUNTER_OUT_OF_BOUNDS, || out_of_sums(read, &sums));
            }
            None => undecided = Some(read.value),
        }
    }
    if let Some(other) = finals.iter().find(|read| read.value != finals[0].value) {
        anomalies.add(&NOT_CONVERGED, || apart(finals[0], other));
    }
    let out_of_bounds = out_of_bounds(&adds, &reads);
    let stale_count = out_of_bounds.iter().filter(|(read, (low, _))| read.value < *low).count();
    if options.is_bounded {
        for &(read, bounds) in &out_of_bounds {
            anomalies.add(&COUNTER_OUT_OF_BOUNDS, || out_of_time(read, bounds));
        }
    }
    if options.is_grow_only {
        fall(&adds, &reads, &mut anomalies);
        for add in adds.iter().filter(|add| add.delta < 0) {
            problems.push(add.operation.misfit("a counter that only grows has no negative add"));
        }
        problems.truncate(squall_history::PROBLEMS_MAX);
    }
    let (verdict, reason) = if !anomalies.is_empty() {
        (Verdict::Broken, None)
    } else if let Some(value) = undecided {
        (Verdict::Unknown, Some(too_many_sums(value, &sums)))
    } else if finals.is_empty() {
        let text = "no read of the final phase succeeded";
        let how = "end the run with reads, and give it time to recover before them";
        (Verdict::Unknown, Some(Reason::new(ReasonCode::NoFinalRead, text, how)))
    } else {
        (Verdict::Held, None)
    };
    let errors = if errors.is_empty() { Value::Nil } else { Value::from(errors) };
    let pairs = [
        ("errors", errors),
        ("final-reads", finals.iter().map(|read| int(read.value)).collect()),
        ("acceptable", sums.to_value()),
        ("certain", int(sums.certain)),
        ("uncertain-count", Value::uint(sums.uncertain_count)),
        ("read-count", Value::uint(reads.len() as u64)),
        ("stale-read-count", Value::uint(stale_count as u64)),
    ];
    let mut outcome = Outcome::new(verdict, pairs);
    outcome.anomalies = anomalies.into_vec();
    outcome.reason = reason;
    let mismatches = requests::mismatches(&operations.list, &["add"]);
    problems.extend(operations.problems.iter().cloned());
    outcome.broken_by(mismatches).capped_by(problems)
}

/// Adds that did not fail and reads that succeeded, in order of invocation, and what is neither.
fn sort<'h>(operations: &'h Operations<'h>) -> (Vec<Add<'h>>, Vec<Read<'h>>, Vec<Problem>) {
    let (mut adds, mut reads, mut problems) = (Vec::new(), Vec::new(), Vec::new());
    for operation in &operations.list {
        match (operation.f(), operation.outcome()) {
            ("add", Kind::Fail) => {}
            ("add", _) => match operation.value().as_int() {
                Some(delta) => adds.push(Add { delta: delta.into(), operation }),
                None => problems.push(operation.misfit("an add has an integer")),
            },
            ("read", Kind::Ok) => match operation.value().as_int() {
                Some(value) => reads.push(Read { value: value.into(), operation }),
                None => problems.push(operation.misfit("a read returns an integer")),
            },
            ("read", _) => {}
            _ => problems.push(operation.misfit("a counter has add and read only")),
        }
    }
    problems.truncate(squall_history::PROBLEMS_MAX);
    (adds, reads, problems)
}

fn int(value: i128) -> Value {
    Value::number(&value.to_string()).unwrap_or_default()
}

/// The acceptable sums.
struct Sums {
    /// What certainly was added.
    certain: i128,
    /// The least and the greatest acceptable sum.
    range: (i128, i128),
    uncertain_count: u64,
    /// A bit for each number of the range; `None` if there are too many.
    bits: Option<Bits>,
    /// The greatest divisor of all uncertain amounts; 0 if there is none.
    divisor: u128,
}

impl Sums {
    fn of(adds: &[Add<'_>]) -> Self {
        let mut certain = 0;
        let mut uncertain: BTreeMap<i128, u64> = BTreeMap::new();
        for add in adds {
            if add.operation.outcome() == Kind::Ok {
                certain += add.delta;
            } else if add.delta != 0 {
                *uncertain.entry(add.delta).or_default() += 1;
            }
        }
        let sum_of = |is_wanted: fn(i128) -> bool| -> i128 {
            let wanted = uncertain.iter().filter(|(delta, _)| is_wanted(**delta));
            wanted.map(|(delta, count)| delta * i128::from(*count)).sum()
        };
        let (less, more) = (sum_of(i128::is_negative), sum_of(i128::is_positive));
        let width = (more - less).unsigned_abs();
        let bits = usize::try_from(width).ok().filter(|_| width < SUMS_MAX).map(|width| {
            let mut bits = Bits::new(width + 1);
            bits.set(usize::try_from(-less).unwrap_or(0));
            for (delta, count) in &uncertain {
                for part in parts(*count) {
                    bits.add(delta * i128::from(part));
                }
            }
            bits
        });
        let divisor = uncertain.keys().fold(0, |divisor, delta| gcd(divisor, delta.unsigned_abs()));
        Self {
            certain,
            range: (certain + less, certain + more),
            uncertain_count: uncertain.values().sum(),
            bits,
            divisor,
        }
    }

    /// Whether a sum is acceptable; `None` if that was not worked out.
    fn has(&self, sum: i128) -> Option<bool> {
        if !(self.range.0..=self.range.1).contains(&sum) {
            return Some(false);
        }
        if let Some(bits) = &self.bits {
            return Some(bits.has(usize::try_from(sum - self.range.0).unwrap_or(usize::MAX)));
        }
        let is_multiple = (sum - self.certain).unsigned_abs().is_multiple_of(self.divisor);
        if is_multiple { None } else { Some(false) }
    }

    fn ranges(&self) -> Vec<(i128, i128)> {
        let Some(bits) = &self.bits else { return Vec::new() };
        let at = |place: usize| self.range.0 + i128::try_from(place).unwrap_or(0);
        bits.runs().take(RANGES_SHOWN).map(|(first, last)| (at(first), at(last))).collect()
    }

    fn to_value(&self) -> Value {
        if self.bits.is_none() {
            return Value::Nil;
        }
        let pair = |(first, last)| Value::list([int(first), int(last)]);
        self.ranges().into_iter().map(pair).collect()
    }

    /// The acceptable sums in words.
    fn text(&self) -> String {
        let ranges = self.ranges();
        let one = |&(first, last): &(i128, i128)| {
            if first == last { first.to_string() } else { format!("{first} to {last}") }
        };
        let shown: Vec<_> = ranges.iter().take(4).map(one).collect();
        let more = if ranges.len() > 4 { " and others" } else { "" };
        format!("{}{more}", shown.join(", "))
    }
}

/// `count` as 1 + 2 + 4 + … + rest: the sums of some of these are 0 to `count`.
fn parts(count: u64) -> impl Iterator<Item = u64> {
    let mut left = count;
    let mut next = 1_u64;
    std::iter::from_fn(move || {
        let part = next.min(left);
        left -= part;
        next = next.saturating_mul(2);
        (part > 0).then_some(part)
    })
}

fn gcd(a: u128, b: u128) -> u128 {
    let (mut a, mut b) = (a, b);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// A set of numbers from 0 to a bound.
struct Bits {
    words: Vec<u64>,
    count: usize,
}

impl Bits {
    fn new(count: usize) -> Self {
        Self { words: vec![0; count.div_ceil(64)], count }
    }

    fn set(&mut self, bit: usize) {
        self.words[bit / 64] |= 1 << (bit % 64);
    }

    fn has(&self, bit: usize) -> bool {
        bit < self.count && self.words[bit / 64] >> (bit % 64) & 1 == 1
    }

    /// Joins the set with itself moved by `by`. Nothing leaves the bounds: they are the sums of all
    /// that is ever added.
    fn add(&mut self, by: i128) {
        let places = usize::try_from(by.unsigned_abs()).unwrap_or(usize::MAX);
        let (words, bits) = (places / 64, places % 64);
        let length = self.words.len();
        if words >= length {
            return;
        }
        if by > 0 {
            for at in (words..length).rev() {
                let low = self.words[at - words] << bits;
                let carried =
                    (bits > 0 && at > words).then(|| self.words[at - words - 1] >> (64 - bits));
                self.words[at] |= low | carried.unwrap_or(0);
            }
        } else {
            for at in 0..length - words {
                let high = self.words[at + words] >> bits;
                let carried = (bits > 0 && at + words + 1 < length)
                    .then(|| self.words[at + words + 1] << (64 - bits));
                self.words[at] |= high | carried.unwrap_or(0);
            }
        }
    }

    /// Runs of members, each with its first and last.
    fn runs(&self) -> impl Iterator<Item = (usize, usize)> {
        let mut at = 0;
        std::iter::from_fn(move || {
            while at < self.count && !self.has(at) {
                // Whole words without members are passed in one step.
                at = if at.is_multiple_of(64) && self.words[at / 64] == 0 {
                    at + 64
                } else {
                    at + 1
                };
            }
            if at >= self.count {
                return None;
            }
            let first = at;
            while self.has(at) {
                at += 1;
            }
            Some((first, at - 1))
        })
    }
}

/// Reads outside of what must and what may have been added when they ran, with both sums.
fn out_of_bounds<'r, 'h>(
    adds: &[Add<'h>],
    reads: &'r [Read<'h>],
) -> Vec<(&'r Read<'h>, (i128, i128))> {
    // Sums of positive and negative amounts, by when they begin, and by when they are certain.
    let mut begun: Vec<(usize, i128)> = Vec::new();
    let mut certain: Vec<(usize, i128)> = Vec::new();
    for add in adds {
        begun.push((add.operation.start, add.delta));
        if add.operation.outcome() == Kind::Ok {
            certain.extend(add.operation.end.map(|end| (end, add.delta)));
        }
    }
    let (begun, certain) = (Running::of(begun), Running::of(certain));
    let mut found = Vec::new();
    for read in reads {
        let Some(end) = read.operation.end else { continue };
        let (must, may) = (certain.before(read.operation.start), begun.before(end));
        let (low, high) = (must.1 + may.0, may.1 + must.0);
        if !(low..=high).contains(&read.value) {
            found.push((read, (low, high)));
        }
    }
    found
}

/// Reads that are less than the session knows: its last read, or what it has added itself.
fn fall<'h>(adds: &[Add<'h>], reads: &[Read<'h>], anomalies: &mut Anomalies) {
    let session =
        |operation: &'h Operation<'h>| (&operation.invocation.process, &operation.invocation.node);
    let mut steps: Vec<(usize, Result<&Add<'h>, &Read<'h>>)> = Vec::new();
    let is_ok = |add: &&Add<'_>| add.operation.outcome() == Kind::Ok && 0 < add.delta;
    steps.extend(adds.iter().filter(is_ok).map(|add| (add.operation.start, Ok(add))));
    steps.extend(reads.iter().map(|read| (read.operation.start, Err(read))));
    steps.sort_by_key(|(start, _)| *start);
    // By session: what it has added, and the greatest of its reads.
    let mut known: BTreeMap<_, (i128, Option<&Read<'h>>)> = BTreeMap::new();
    for (_, step) in steps {
        match step {
            Ok(add) => known.entry(session(add.operation)).or_default().0 += add.delta,
            Err(read) => {
                let (own, last) = known.entry(session(read.operation)).or_default();
                match last {
                    Some(last) if read.value < last.value => {
                        anomalies.add(&NON_MONOTONIC_READ, || fallen(last, read));
                    }
                    _ if read.value < *own => {
                        let own = *own;
                        anomalies.add(&NON_MONOTONIC_READ, || without_own(read, own));
                    }
                    _ => *last = Some(read),
                }
            }
        }
    }
}

/// Sums of the negative and of the positive amounts up to each place.
struct Running {
    places: Vec<usize>,
    sums: Vec<(i128, i128)>,
}

impl Running {
    fn of(mut amounts: Vec<(usize, i128)>) -> Self {
        amounts.sort_unstable();
        let (mut places, mut sums) = (Vec::new(), vec![(0, 0)]);
        let (mut less, mut more) = (0, 0);
        for (place, amount) in amounts {
            if amount < 0 {
                less += amount;
            } else {
                more += amount;
            }
            places.push(place);
            sums.push((less, more));
        }
        Self { places, sums }
    }

    fn before(&self, place: usize) -> (i128, i128) {
        self.sums[self.places.partition_point(|&known| known < place)]
    }
}

fn client(read: &Read<'_>) -> String {
    format!("client {}", read.operation.invocation.process.to_value().to_edn())
}

fn out_of_sums(read: &Read<'_>, sums: &Sums) -> Anomaly {
    let acceptable = sums.text();
    let acceptable = if acceptable.is_empty() {
        format!("{} to {} at most", sums.range.0, sums.range.1)
    } else {
        acceptable
    };
    let title = format!(
        "{} read {} in the end, but {} is certain and {} uncertain adds allow {acceptable}",
        client(read),
        read.value,
        sums.certain,
        sums.uncertain_count,
    );
    Anomaly::new(&COUNTER_OUT_OF_BOUNDS, title, vec![OpRef::of(read.operation)])
}

fn out_of_time(read: &Read<'_>, (low, high): (i128, i128)) -> Anomaly {
    let title = format!(
        "{} read {}, but what was added before and while it ran allows {low} to {high}",
        client(read),
        read.value,
    );
    Anomaly::new(&COUNTER_OUT_OF_BOUNDS, title, vec![OpRef::of(read.operation)])
}

fn fallen(last: &Read<'_>, read: &Read<'_>) -> Anomaly {
    let title = format!("{} read {}, and later {}", client(read), last.value, read.value);
    let ops = [last, read].map(|read| OpRef::of(read.operation));
    Anomaly::new(&NON_MONOTONIC_READ, title, ops.to_vec())
}

fn without_own(read: &Read<'_>, own: i128) -> Anomaly {
    let title = format!("{} read {} after it had added {own} itself", client(read), read.value);
    Anomaly::new(&NON_MONOTONIC_READ, title, vec![OpRef::of(read.operation)])
}

fn apart(one: &Read<'_>, other: &Read<'_>) -> Anomaly {
    let title = format!(
        "in the end {} read {}, and {} read {}",
        client(one),
        one.value,
        client(other),
        other.value,
    );
    let ops = [one, other].map(|read| OpRef::of(read.operation));
    Anomaly::new(&NOT_CONVERGED, title, ops.to_vec())
}

fn too_many_sums(value: i128, sums: &Sums) -> Reason {
    let (low, high) = sums.range;
    let text = format!(
        "a final read of {value} lies between {low} and {high}, and {} uncertain adds make too \
         many sums to look at",
        sums.uncertain_count
    );
    let how = "let fewer adds end without an answer, or add smaller amounts";
    Reason::new(ReasonCode::BudgetMemory, text, how)
}
