//! Registers whose values are written once need no search.
//!
//! The operations that set or meet one value are a *cluster*; where a compare-and-set leads from
//! one value to the next, clusters make a *chain*, which nothing can come between. Let *m* be the
//! first end and *M* the last begin of the operations of a chain. If m < M, its values must be
//! there from m to M (a forward zone), else the whole chain fits into any moment between M and m (a
//! backward zone). A history is not linearizable exactly if
//!
//! 1. two compare-and-sets expect one value, or they run in a ring;
//! 2. within a chain an operation ends before one of an earlier cluster begins;
//! 3. two forward zones overlap, or a backward zone lies inside a forward one.
//!
//! (Gibbons and Korach, *Testing shared memories*, 1997.) For 3: draw an arrow from A to B if
//! m of A < M of B. If there is a ring of arrows, the chain with the greatest M lies on a ring of
//! two, and those are 3.

use super::prepare::Prepared;
use super::register::{Action, INITIAL, Op};

/// What is said without a search.
pub(super) enum Zones {
    /// Nothing: values are not unique, or it is not clear what happened.
    Undecided,
    Linearizable,
    NotLinearizable,
    /// These two, by their numbers in `closed`, expect one value.
    DoubleCas(usize, usize),
}

/// The operations on one value.
#[derive(Clone, Copy)]
struct Cluster {
    /// The one that set it, by its number; `None` if nobody did.
    source: Option<Source>,
    /// The compare-and-set that replaces it, and with what.
    successor: Option<(usize, u32)>,
    end_first: usize,
    start_last: usize,
}

#[derive(Clone, Copy)]
enum Source {
    /// It was there from the beginning.
    Initial,
    Write,
    Cas,
}

/// A chain of clusters: the first end and the last begin of its operations.
struct Zone {
    end_first: usize,
    start_last: usize,
}

impl Cluster {
    const NONE: Self = Self { source: None, successor: None, end_first: usize::MAX, start_last: 0 };

    fn add(&mut self, op: &Op<'_>) {
        // One later than in the history, so that the initial value can have been set at 0.
        let end = op.end.map_or(usize::MAX, |end| end + 1);
        self.end_first = end.min(self.end_first);
        self.start_last = (op.start + 1).max(self.start_last);
    }
}

/// Decides, if every value was set once.
pub(super) fn decide(prepared: &Prepared<'_>) -> Zones {
    if !prepared.open.is_empty() || prepared.has_negative_observers {
        return Zones::Undecided;
    }
    let clusters = match clusters(prepared) {
        Ok(clusters) => clusters,
        Err(said) => return said,
    };
    let mut zones = Vec::new();
    let mut met_count = 0;
    for first in &clusters {
        match first.source {
            // A value that nobody set: whoever meets it makes the history wrong in another way.
            None if first.end_first != usize::MAX => return Zones::Undecided,
            Some(Source::Initial | Source::Write) => {
                let Some((zone, count)) = chain(&clusters, first) else {
                    return Zones::NotLinearizable;
                };
                zones.push(zone);
                met_count += count;
            }
            None | Some(Source::Cas) => {}
        }
    }
    // Clusters that no chain has met are rings.
    let all_count = clusters.iter().filter(|cluster| cluster.source.is_some()).count();
    if met_count < all_count || !are_apart(zones) {
        return Zones::NotLinearizable;
    }
    Zones::Linearizable
}

/// By value.
fn clusters(prepared: &Prepared<'_>) -> Result<Vec<Cluster>, Zones> {
    let mut clusters = vec![Cluster::NONE; prepared.values_count];
    if let Some(initial) = clusters.get_mut(INITIAL as usize) {
        initial.source = Some(Source::Initial);
        initial.end_first = 0;
    }
    let mut double = None;
    for (number, op) in prepared.closed.iter().enumerate() {
        let (set, source) = match op.action {
            Action::Read(value) => {
                clusters[value as usize].add(op);
                continue;
            }
            Action::Not(_) => return Err(Zones::Undecided),
            Action::Write(value) => (value, Source::Write),
            Action::Cas(from, to) => {
                let before = clusters[from as usize].successor.replace((number, to));
                double = double.or(before.map(|(other, _)| Zones::DoubleCas(other, number)));
                (to, Source::Cas)
            }
        };
        let cluster = &mut clusters[set as usize];
        if cluster.source.replace(source).is_some() {
            return Err(Zones::Undecided);
        }
        cluster.add(op);
    }
    double.map_or(Ok(clusters), Err)
}

/// The zone of the chain that begins with a cluster, and how many clusters it has; `None` if it
/// contradicts itself.
fn chain(clusters: &[Cluster], first: &Cluster) -> Option<(Zone, usize)> {
    let mut zone = Zone { end_first: first.end_first, start_last: first.start_last };
    let mut count = 1;
    let mut cluster = first;
    while let Some((_, next)) = cluster.successor {
        cluster = &clusters[next as usize];
        count += 1;
        // If one of a later cluster ends too early, the one before it starts too late for it.
        if cluster.end_first < zone.start_last {
            return None;
        }
        zone.end_first = cluster.end_first.min(zone.end_first);
        zone.start_last = cluster.start_last.max(zone.start_last);
    }
    Some((zone, count))
}

/// Whether no two forward zones overlap, and no backward zone lies inside a forward one.
fn are_apart(mut zones: Vec<Zone>) -> bool {
    zones.sort_unstable_by_key(|zone| (zone.end_first.min(zone.start_last), zone.end_first));
    let mut forward_end = 0;
    for zone in &zones {
        let right = zone.end_first.max(zone.start_last);
        let is_forward = zone.end_first < zone.start_last;
        let left = zone.end_first.min(zone.start_last);
        if (is_forward && left < forward_end) || (!is_forward && right < forward_end) {
            return false;
        }
        if is_forward {
            forward_end = forward_end.max(right);
        }
    }
    true
}
