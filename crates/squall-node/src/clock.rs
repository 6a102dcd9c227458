//! Clocks that order events instead of measuring time.

use alloc::collections::BTreeMap;
use core::cmp::Ordering;

use crate::ActorId;

/// A Lamport clock (Lamport, CACM 1978, §"Ordering the Events"): if *a* happened before *b*, the
/// time of *a* is smaller. The converse does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Lamport(pub u64);

impl Lamport {
    /// Counts an event of one's own and gives its time.
    pub const fn tick(&mut self) -> Self {
        self.0 += 1;
        *self
    }

    /// Takes in the time of a message that was received, and gives the time of the receipt.
    pub fn receive(&mut self, sent: Self) -> Self {
        self.0 = self.0.max(sent.0) + 1;
        *self
    }
}

/// A vector clock (Fidge 1988, Mattern 1989): tells exactly whether one event happened before
/// another. Actors without an event are not stored.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Vector(BTreeMap<ActorId, u64>);

impl Vector {
    /// Counts an event of `me`.
    pub fn tick(&mut self, me: ActorId) {
        *self.0.entry(me).or_insert(0) += 1;
    }

    /// Takes in everything that `other` has seen.
    pub fn merge(&mut self, other: &Self) {
        for (&actor, &count) in &other.0 {
            let mine = self.0.entry(actor).or_insert(0);
            *mine = (*mine).max(count);
        }
    }

    /// How many events of this actor are known.
    #[must_use]
    pub fn count(&self, actor: ActorId) -> u64 {
        self.0.get(&actor).copied().unwrap_or(0)
    }
}

impl PartialOrd for Vector {
    /// `None`: the two are concurrent.
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        let within = |a: &Self, b: &Self| a.0.iter().all(|(&actor, &n)| n <= b.count(actor));
        match (within(self, other), within(other, self)) {
            (true, true) => Some(Ordering::Equal),
            (true, false) => Some(Ordering::Less),
            (false, true) => Some(Ordering::Greater),
            (false, false) => None,
        }
    }
}

/// A hybrid logical clock (Kulkarni, Demirbas et al., OPODIS 2014, figure 5): close to the wall
/// clock, and never against the order of cause and effect.
///
/// - `wall_ns` is the largest wall time seen, and never decreases.
/// - `count` tells apart what happened at one `wall_ns`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Hybrid {
    /// The largest wall time seen, nanoseconds since 1970.
    pub wall_ns: u64,
    /// Events at this time.
    pub count: u32,
}

impl Hybrid {
    /// Stamps an event of one's own.
    pub fn tick(&mut self, wall_ns: u64) -> Self {
        *self = if wall_ns > self.wall_ns {
            Self { wall_ns, count: 0 }
        } else {
            Self { wall_ns: self.wall_ns, count: self.count.saturating_add(1) }
        };
        *self
    }

    /// Stamps the receipt of a message that carries the stamp `sent`.
    pub fn receive(&mut self, wall_ns: u64, sent: Self) -> Self {
        let latest = self.wall_ns.max(sent.wall_ns);
        *self = if wall_ns > latest {
            Self { wall_ns, count: 0 }
        } else {
            let at = |stamp: Self| if stamp.wall_ns == latest { Some(stamp.count) } else { None };
            let count = at(*self).max(at(sent)).unwrap_or(0).saturating_add(1);
            Self { wall_ns: latest, count }
        };
        *self
    }
}
