//! From the passes to the result map and the anomalies.

use std::cmp::Reverse;

use squall_history::{Operation, Value};

use super::elements::{Element, Elements, Why};
use super::passes::{Passes, node_of};
use crate::anomaly::{
    ABORTED_READ, Anomalies, Anomaly, DUPLICATED, FUTURE_READ, LOST, NOT_CONVERGED, OpRef, PHANTOM,
};

/// Elements that `:worst-stale` lists.
const WORST_STALE_MAX: usize = 8;
const NS_PER_MS: u64 = 1_000_000;

/// What became of one element.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Stable,
    Lost,
    NeverRead,
}

impl Fate {
    fn as_str(self) -> &'static str {
        match self {
            Self::Stable => "stable",
            Self::Lost => "lost",
            Self::NeverRead => "never-read",
        }
    }
}

/// The passes, read out.
pub(super) struct Report<'a, 'h> {
    elements: &'a Elements<'h>,
    passes: &'a Passes<'h>,
    fates: Vec<Fate>,
}

impl<'a, 'h> Report<'a, 'h> {
    pub(super) fn of(elements: &'a Elements<'h>, passes: &'a Passes<'h>) -> Self {
        let fates = (0..elements.list.len()).map(|id| fate(id, elements, passes)).collect();
        Self { elements, passes, fates }
    }

    /// Whether reads contain what they should not.
    pub(super) fn has_strangers(&self) -> bool {
        !self.elements.duplicated.is_empty() || !self.elements.intruders.is_empty()
    }

    /// Whether reads lack what they should contain.
    pub(super) fn lacks(&self) -> bool {
        self.fates.contains(&Fate::Lost) || self.not_converged().next().is_some()
    }

    pub(super) fn stable_count(&self) -> usize {
        self.of_fate(Fate::Stable).count()
    }

    fn of_fate(&self, fate: Fate) -> impl Iterator<Item = usize> + '_ {
        (0..self.fates.len()).filter(move |&id| self.fates[id] == fate)
    }

    fn not_converged(&self) -> impl Iterator<Item = usize> + '_ {
        let is_missing = |id: &usize| {
            !self.passes.missing[*id].is_empty() || !self.passes.differing[*id].is_empty()
        };
        (0..self.fates.len()).filter(is_missing)
    }

    fn value(&self, id: usize) -> Value {
        self.elements.list[id].add.invocation.value.clone()
    }

    /// The final reads that lack an element, as the nodes they asked.
    fn lacking(&self, id: usize) -> impl Iterator<Item = &'h Operation<'h>> + '_ {
        self.passes.missing[id].iter().chain(&self.passes.differing[id]).copied()
    }

    /// Milliseconds from the moment an element was known until just after `last`, a read that shows
    /// the contrary.
    fn latency_ms(&self, id: usize, last: Option<&Operation<'_>>) -> Option<u64> {
        let known = self.elements.list[id].known?.last_event().time;
        let end = last.map_or(0, |read| read.invocation.time.saturating_add(1));
        Some(end.saturating_sub(known) / NS_PER_MS)
    }

    fn stable_latency_ms(&self, id: usize) -> Option<u64> {
        let is_stable = self.fates[id] == Fate::Stable;
        if is_stable { self.latency_ms(id, self.passes.last_absent[id]) } else { None }
    }

    fn lost_latency_ms(&self, id: usize) -> Option<u64> {
        let is_lost = self.fates[id] == Fate::Lost;
        if is_lost { self.latency_ms(id, self.passes.last_present[id]) } else { None }
    }

    /// Stable elements that were absent for some time after they were known, the worst first.
    fn stale(&self) -> Vec<usize> {
        let is_stale = |id: &usize| self.stable_latency_ms(*id).is_some_and(|ms| ms > 0);
        (0..self.fates.len()).filter(is_stale).collect()
    }

    /// The keys of the result map after `:valid?`.
    pub(super) fn pairs(&self) -> Vec<(&'static str, Value)> {
        let count = |n: usize| Value::uint(n as u64);
        let list =
            |ids: Vec<usize>| -> Value { ids.into_iter().map(|id| self.value(id)).collect() };
        let lost: Vec<usize> = self.of_fate(Fate::Lost).collect();
        let stale = self.stale();
        let unread_failures = self.unread_failures();
        let never_read: Vec<Value> =
            self.of_fate(Fate::NeverRead).map(|id| self.value(id)).chain(unread_failures).collect();
        let mut pairs = vec![
            ("attempt-count", count(self.elements.attempted_count())),
            ("stable-count", count(self.stable_count())),
            ("lost-count", count(lost.len())),
            ("lost", list(lost)),
            ("never-read-count", count(never_read.len())),
            ("never-read", Value::from(never_read)),
            ("stale-count", count(stale.len())),
            ("worst-stale", self.worst_stale(&stale)),
            ("stale", list(stale)),
        ];
        for (key, latencies) in [
            ("stable-latencies", self.quantiles(Self::stable_latency_ms)),
            ("lost-latencies", self.quantiles(Self::lost_latency_ms)),
        ] {
            pairs.extend(latencies.map(|latencies| (key, latencies)));
        }
        pairs.extend(self.pairs_of_intruders());
        pairs
    }

    fn pairs_of_intruders(&self) -> Vec<(&'static str, Value)> {
        let elements = self.elements;
        let duplicated = &elements.duplicated;
        let multiplicities = duplicated.iter().map(|&(v, n, _)| (v.clone(), Value::uint(n)));
        let phantom = elements.intruders.iter().map(|intruder| intruder.value.clone());
        let not_converged: Vec<(Value, Value)> = self
            .not_converged()
            .map(|id| (self.value(id), Value::set(self.lacking(id).map(node_of))))
            .collect();
        let ok_count = elements.reads.iter().filter(|read| read.operation.is_final()).count();
        vec![
            ("duplicated-count", Value::uint(duplicated.len() as u64)),
            ("duplicated", Value::map(multiplicities)),
            ("phantom-count", Value::uint(elements.intruders.len() as u64)),
            ("phantom", phantom.collect()),
            ("not-converged-count", Value::uint(not_converged.len() as u64)),
            ("not-converged", Value::map(not_converged)),
            ("final-read-count", Value::uint(elements.final_reads_count)),
            ("final-read-ok-count", Value::uint(ok_count as u64)),
        ]
    }

    /// Elements whose every add failed, and which nobody read, as it should be.
    fn unread_failures(&self) -> Vec<Value> {
        let intruders = &self.elements.intruders;
        let read: std::collections::BTreeSet<&Value> = intruders.iter().map(|i| i.value).collect();
        let failures = self.elements.only_failed.iter().map(|add| &add.invocation.value);
        failures.filter(|value| !read.contains(value)).cloned().collect()
    }

    fn worst_stale(&self, stale: &[usize]) -> Value {
        let mut worst = stale.to_vec();
        worst.sort_by_key(|&id| Reverse(self.stable_latency_ms(id)));
        worst.truncate(WORST_STALE_MAX);
        let event = |operation: Option<&Operation<'_>>, last: bool| {
            operation.map_or(Value::Nil, |operation| {
                if last { operation.last_event() } else { operation.invocation }.to_value()
            })
        };
        let row = |id: usize| {
            let ms = |latency: Option<u64>| latency.map_or(Value::Nil, Value::uint);
            let known = event(self.elements.list[id].known, true);
            Value::record([
                ("element", self.value(id)),
                ("outcome", Value::keyword(self.fates[id].as_str())),
                ("stable-latency", ms(self.stable_latency_ms(id))),
                ("lost-latency", ms(self.lost_latency_ms(id))),
                ("known", without_value(&known)),
                ("last-absent", without_value(&event(self.passes.last_absent[id], false))),
            ])
        };
        worst.into_iter().map(row).collect()
    }

    /// `{0 … 0.5 … 0.95 … 0.99 … 1 …}` in milliseconds; the one of *n* sorted values at min(n−1,
    /// floor(n·q)).
    fn quantiles(&self, latency_ms: impl Fn(&Self, usize) -> Option<u64>) -> Option<Value> {
        let ids = 0..self.fates.len();
        let mut sorted: Vec<u64> = ids.filter_map(|id| latency_ms(self, id)).collect();
        sorted.sort_unstable();
        let last = sorted.len().checked_sub(1)?;
        let quantiles = [("0", 0), ("0.5", 50), ("0.95", 95), ("0.99", 99), ("1", 100)];
        Some(Value::map(quantiles.into_iter().map(|(name, percent)| {
            let value = sorted[last.min(sorted.len() * percent / 100)];
            (Value::number(name).unwrap_or_default(), Value::uint(value))
        })))
    }

    /// What is wrong; what reads lack only if the history is whole.
    pub(super) fn anomalies(&self, is_whole: bool) -> Vec<Anomaly> {
        let mut all = Anomalies::default();
        for id in self.of_fate(Fate::Lost).filter(|_| is_whole) {
            if self.is_lost_for_good(id) {
                all.add(&LOST, || self.lost(id));
            }
        }
        let unequal = self.not_converged().filter(|&id| !self.is_lost_for_good(id));
        for id in unequal.filter(|_| is_whole) {
            all.add(&NOT_CONVERGED, || self.unequal(id));
        }
        for &(value, count, read) in &self.elements.duplicated {
            all.add(&DUPLICATED, || {
                let title = format!("a read contains {} {count} times", value.to_edn());
                Anomaly::new(&DUPLICATED, title, vec![OpRef::of(read)])
            });
        }
        for intruder in &self.elements.intruders {
            let (class, why, add) = match intruder.why {
                Why::NeverAdded => (&PHANTOM, "which nobody added", None),
                Why::OnlyFailed(add) => (&ABORTED_READ, "whose every add failed", Some(add)),
                Why::AddedLater(add) => (&FUTURE_READ, "which was added only later", Some(add)),
            };
            all.add(class, || {
                let title = format!("a read contains {}, {why}", intruder.value.to_edn());
                let ops = add.into_iter().chain([intruder.read]).map(OpRef::of).collect();
                Anomaly::new(class, title, ops)
            });
        }
        all.into_vec()
    }

    fn is_lost_for_good(&self, id: usize) -> bool {
        fate_by_reads(&self.elements.list[id], id, self.passes) == Fate::Lost
    }

    fn lost(&self, id: usize) -> Anomaly {
        let element = &self.elements.list[id];
        let last = self.passes.last_absent[id];
        let title = format!("{} is missing from every later read", self.value(id).to_edn());
        let ops = [Some(element.add), element.known, last].into_iter().flatten().map(OpRef::of);
        let mut ops: Vec<OpRef> = ops.collect();
        ops.dedup();
        Anomaly::new(&LOST, title, ops)
    }

    fn unequal(&self, id: usize) -> Anomaly {
        let element = &self.elements.list[id];
        let nodes = Value::set(self.lacking(id).map(node_of));
        let title = format!("at the end {} lack {}", nodes.to_edn(), self.value(id).to_edn());
        let ops = [element.add].into_iter().chain(self.lacking(id)).take(64).map(OpRef::of);
        let details = Value::record([("element", self.value(id)), ("nodes", nodes)]);
        Anomaly::new(&NOT_CONVERGED, title, ops.collect()).with_details(details)
    }
}

/// What became of an element: by its last reads, and lost as well if a final read lacks it against
/// the rules.
fn fate(id: usize, elements: &Elements<'_>, passes: &Passes<'_>) -> Fate {
    if passes.missing[id].is_empty() {
        fate_by_reads(&elements.list[id], id, passes)
    } else {
        Fate::Lost
    }
}

fn fate_by_reads(element: &Element<'_>, id: usize, passes: &Passes<'_>) -> Fate {
    let place = |read: Option<&Operation<'_>>| read.map(|read| read.start);
    let (present, absent) = (place(passes.last_present[id]), place(passes.last_absent[id]));
    // `None` is less than every place.
    if present.is_some() && absent < present {
        Fate::Stable
    } else if element.known_at().is_some() && present < absent && element.known_at() < absent {
        Fate::Lost
    } else {
        Fate::NeverRead
    }
}

/// An event without its value: a read of a thousand elements tells nothing here.
fn without_value(event: &Value) -> Value {
    match event {
        Value::Map(pairs) => {
            Value::map(pairs.iter().filter(|(k, _)| k.as_text() != Some("value")).cloned())
        }
        other => other.clone(),
    }
}
