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
    heap: BinaryHeap<Reverse<Key>>,
    slab: Vec<Option<E>>,
    free: Vec<u32>,
    scheduled: u64,
}

/// Where an event lies that was popped and is not over. Only a copy of the whole queue has the same
/// slot.
#[derive(Clone, Debug)]
pub(crate) struct Slot(u32);

impl<E> Queue<E> {
    pub(crate) const fn new() -> Self {
        Self { heap: BinaryHeap::new(), slab: Vec::new(), free: Vec::new(), scheduled: 0 }
    }

    pub(crate) fn push(&mut self, time_ns: u64, event: E) {
        self.push_with(time_ns, || event);
    }

    /// As [`Queue::push`], and the event is put together where it will lie.
    #[inline(always)]
    pub(crate) fn push_with(&mut self, time_ns: u64, event: impl FnOnce() -> E) {
        let slot = self.free.pop().unwrap_or_else(|| self.grow());
        self.heap.push(Reverse(Key::new(time_ns, self.scheduled, slot)));
        self.scheduled += 1;
        let vacant @ None = &mut self.slab[slot as usize] else {
            unreachable!("a free slot is vacant");
        };
        *vacant = Some(event());
    }

    #[cold]
    fn grow(&mut self) -> u32 {
        self.slab.push(None);
        u32::try_from(self.slab.len() - 1).expect("fewer than 2^32 slots")
    }

    pub(crate) fn next_time(&self) -> Option<u64> {
        self.heap.peek().map(|Reverse(key)| key.time_ns())
    }

    /// Takes the next event off the queue. It lies still until [`Queue::release`].
    pub(crate) fn pop(&mut self) -> Option<(u64, Slot)> {
        let Reverse(key) = self.heap.pop()?;
        Some((key.time_ns(), Slot(key.slot())))
    }

    /// The event in a slot that was popped and not released.
    #[inline(always)]
    pub(crate) fn event(&self, slot: &Slot) -> &E {
        self.slab[slot.0 as usize].as_ref().expect("a slot holds its event until it is released")
    }

    /// The same event, to be changed.
    pub(crate) fn event_mut(&mut self, slot: &Slot) -> &mut E {
        self.slab[slot.0 as usize].as_mut().expect("a slot holds its event until it is released")
    }

    /// The event is over.
    #[allow(clippy::needless_pass_by_value, reason = "a slot is released once")]
    #[inline(always)]
    pub(crate) fn release(&mut self, slot: Slot) {
        self.slab[slot.0 as usize] = None;
        self.free.push(slot.0);
    }

    /// How many events are scheduled, or popped and not over.
    pub(crate) fn len(&self) -> usize {
        self.slab.len() - self.free.len()
    }
}

/// Time, sequence number and slot in one number, so that one comparison orders two events: 64,
/// 38 and 26 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key(u128);

const SLOT_BITS: u32 = 26;
/// No queue can hold more events.
pub(crate) const SLOTS_MAX: usize = 1 << SLOT_BITS;
const SEQUENCE_BITS: u32 = 64 - SLOT_BITS;

impl Key {
    fn new(time_ns: u64, sequence: u64, slot: u32) -> Self {
        assert!(sequence >> SEQUENCE_BITS == 0 && slot >> SLOT_BITS == 0, "a queue within bounds");
        Self(u128::from(time_ns) << 64 | u128::from(sequence << SLOT_BITS | u64::from(slot)))
    }

    #[allow(clippy::cast_possible_truncation, reason = "the high half")]
    const fn time_ns(self) -> u64 {
        (self.0 >> 64) as u64
    }

    #[allow(clippy::cast_possible_truncation, reason = "the low bits")]
    const fn slot(self) -> u32 {
        self.0 as u32 & ((1 << SLOT_BITS) - 1)
    }
}
