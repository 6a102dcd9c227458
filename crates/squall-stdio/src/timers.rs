//! Timers by the moment at which they are due.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use squall_node::{Duration, Instant, Token};

/// What is due when. At equal times, what was armed first comes first. Nothing is ever removed
/// from the middle: the driver knows which tokens are stale.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    heap: BinaryHeap<Reverse<(Instant, u64, Token)>>,
    armed: u64,
}

impl Timers {
    pub(crate) fn arm(&mut self, now: Instant, after: Duration, token: Token) {
        // What lies beyond the end of time never comes.
        if let Some(due) = now.checked_add(after) {
            self.armed += 1;
            self.heap.push(Reverse((due, self.armed, token)));
        }
    }

    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((due, ..))| *due)
    }

    /// A timer that is due at `now`.
    pub(crate) fn pop(&mut self, now: Instant) -> Option<Token> {
        if self.next_due()? > now {
            return None;
        }
        self.heap.pop().map(|Reverse((_, _, token))| token)
    }
}
