//! Memory for what nodes leave unfinished: bounded for all of them together, and a part of it safe
//! for each.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Lines that have begun, of all nodes together: so much is divided among them …
const LINES_DIVIDED_BYTES: usize = 64 << 20;
/// … and so much is lent.
const LINES_LENT_BYTES_MAX: usize = 32 << 20;
/// What waits to be written to all nodes together: so much is divided among them …
const WRITES_DIVIDED_BYTES: usize = 128 << 20;
/// … and so much is lent.
const WRITES_LENT_BYTES_MAX: usize = 64 << 20;

/// Room that many nodes share.
///
/// - A part is divided evenly among the nodes. What is one's own, no other can take away: whatever
///   others do, short lines and short queues fit.
/// - The rest is lent to whoever needs more, as long as there is some.
/// - So all of them together never have more than both parts.
#[derive(Debug)]
pub(super) struct Room {
    divided: usize,
    lent_max: usize,
    nodes: AtomicUsize,
    lent: AtomicUsize,
}

/// The rooms of a run.
#[derive(Debug)]
pub(super) struct Rooms {
    /// Lines that have begun and not ended.
    pub(super) lines: Arc<Room>,
    /// What pipes have not taken yet.
    pub(super) writes: Arc<Room>,
}

/// What one pipe has of a room. It goes back with its owner.
///
/// - `borrowed <= taken`, and it is at most what is taken beyond the own part.
#[derive(Debug)]
pub(super) struct Share {
    room: Arc<Room>,
    taken: usize,
    borrowed: usize,
}

impl Rooms {
    pub(super) fn new() -> Self {
        Self {
            lines: Arc::new(Room::new(LINES_DIVIDED_BYTES, LINES_LENT_BYTES_MAX)),
            writes: Arc::new(Room::new(WRITES_DIVIDED_BYTES, WRITES_LENT_BYTES_MAX)),
        }
    }

    /// There is one more node to divide among.
    pub(super) fn admit(&self) {
        self.lines.admit();
        self.writes.admit();
    }
}

impl Room {
    pub(super) const fn new(divided: usize, lent_max: usize) -> Self {
        Self { divided, lent_max, nodes: AtomicUsize::new(0), lent: AtomicUsize::new(0) }
    }

    pub(super) fn admit(&self) {
        self.nodes.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn share(self: &Arc<Self>) -> Share {
        Share { room: Arc::clone(self), taken: 0, borrowed: 0 }
    }

    /// What belongs to each node.
    fn own(&self) -> usize {
        self.divided / self.nodes.load(Ordering::Relaxed).max(1)
    }

    fn lend(&self, bytes: usize) -> bool {
        let before = self.lent.fetch_add(bytes, Ordering::Relaxed);
        let fits = before.saturating_add(bytes) <= self.lent_max;
        if !fits {
            self.lent.fetch_sub(bytes, Ordering::Relaxed);
        }
        fits
    }

    #[cfg(test)]
    pub(super) fn lent(&self) -> usize {
        self.lent.load(Ordering::Relaxed)
    }
}

impl Share {
    /// Takes `bytes`; says whether there was room.
    pub(super) fn take(&mut self, bytes: usize) -> bool {
        let beyond = (self.taken + bytes).saturating_sub(self.room.own());
        let more = beyond.saturating_sub(self.borrowed);
        if more > 0 && !self.room.lend(more) {
            return false;
        }
        self.taken += bytes;
        self.borrowed += more;
        true
    }

    /// Gives back some of what was taken.
    pub(super) fn give(&mut self, bytes: usize) {
        assert!(bytes <= self.taken, "only what was taken can be given back");
        self.taken -= bytes;
        let still = self.borrowed.min(self.taken.saturating_sub(self.room.own()));
        self.room.lent.fetch_sub(self.borrowed - still, Ordering::Relaxed);
        self.borrowed = still;
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.give(self.taken);
    }
}

/// A number of bytes, for people.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size(pub(super) usize);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            bytes @ ..1_024 => write!(f, "{bytes} bytes"),
            bytes @ ..1_048_576 => write!(f, "{} KiB", bytes >> 10),
            bytes => write!(f, "{} MiB", bytes >> 20),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(divided: usize, lent_max: usize, nodes: usize) -> Arc<Room> {
        let room = Arc::new(Room::new(divided, lent_max));
        (0..nodes).for_each(|_| room.admit());
        room
    }

    #[test]
    fn what_is_ones_own_no_other_takes() {
        let room = room(100, 50, 4);
        let mut greedy = [room.share(), room.share(), room.share()];
        for share in &mut greedy {
            while share.take(1) {}
        }
        let taken: Vec<_> = greedy.iter().map(|share| share.taken).collect();
        assert_eq!((taken, room.lent()), (vec![75, 25, 25], 50), "first come, first lent");
        let mut modest = room.share();
        assert!(modest.take(20) && modest.take(5) && !modest.take(1));
        greedy[0].give(10);
        assert!(modest.take(10) && !modest.take(1));
    }

    #[test]
    fn what_was_lent_comes_back() {
        let room = room(100, 50, 2);
        let mut share = room.share();
        assert!(share.take(60) && share.take(30) && !share.take(11));
        assert_eq!(room.lent(), 40);
        share.give(50);
        assert_eq!((share.taken, room.lent()), (40, 0));
        assert!(share.take(60));
        // A node that comes later makes every part smaller; the accounts are right all the same.
        room.admit();
        share.give(1);
        assert_eq!(room.lent(), 50);
        drop(share);
        assert_eq!(room.lent(), 0);
    }
}
