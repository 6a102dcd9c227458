//! The event queue: what happens next.
//!
//! - Order is by time, then by the sequence number given when an event is scheduled, so that
//!   removing one event leaves the relative order of all others as it was.
//! - Nothing is ever removed from the middle: an event that has lost its meaning is recognised
//!   when it comes up.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Events in order of time. The heap holds small keys only; the events lie still in a slab.
#[derive(Clone, Debug)]
pub(crate) struct Queue<E> {
    heap: BinaryHeap<Reverse<(u64, u64, u32)>>,
    slab: Vec<Option<E>>,
    free: Vec<u32>,
    scheduled: u64,
}

impl<E> Queue<E> {
    pub(crate) const fn new() -> Self {
        Self { heap: BinaryHeap::new(), slab: Vec::new(), free: Vec::new(), scheduled: 0 }
    }

    pub(crate) fn push(&mut self, time_ns: u64, event: E) {
        let slot = match self.free.pop() {
            Some(slot) => {
                self.slab[slot as usize] = Some(event);
                slot
            }
            None => {
                self.slab.push(Some(event));
                u32::try_from(self.slab.len() - 1).expect("bounded by QUEUE_MAX")
            }
        };
        self.heap.push(Reverse((time_ns, self.scheduled, slot)));
        self.scheduled += 1;
    }

    pub(crate) fn next_time(&self) -> Option<u64> {
        self.heap.peek().map(|Reverse((time, _, _))| *time)
    }

    pub(crate) fn pop(&mut self) -> Option<(u64, E)> {
        let Reverse((time, _, slot)) = self.heap.pop()?;
        self.free.push(slot);
        let event = self.slab[slot as usize].take().expect("a scheduled slot holds its event");
        Some((time, event))
    }

    pub(crate) fn len(&self) -> usize {
        self.heap.len()
    }
}
