//! A bound on memory that many nodes share.

use std::sync::atomic::{AtomicUsize, Ordering};

/// So many bytes, and how many of them are taken.
#[derive(Debug)]
pub(super) struct Room {
    size: usize,
    taken: AtomicUsize,
}

impl Room {
    pub(super) const fn new(size: usize) -> Self {
        Self { size, taken: AtomicUsize::new(0) }
    }

    /// Takes `bytes`; says whether there was room.
    pub(super) fn take(&self, bytes: usize) -> bool {
        let before = self.taken.fetch_add(bytes, Ordering::Relaxed);
        let fits = before.saturating_add(bytes) <= self.size;
        if !fits {
            self.taken.fetch_sub(bytes, Ordering::Relaxed);
        }
        fits
    }

    /// Gives back what was taken.
    pub(super) fn give(&self, bytes: usize) {
        self.taken.fetch_sub(bytes, Ordering::Relaxed);
    }

    #[cfg(test)]
    pub(super) fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }
}
