//! The order of each key: its messages by offset, and the places of offsets among those in use.

use super::columns::Columns;
use crate::isolation::{NONE, number};

/// That a message has an offset, and who said so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    pub key: u32,
    pub offset: u64,
    pub message: u32,
    pub op: u32,
}

/// The logs of all keys.
///
/// The **index** of an offset is its rank among the offsets of its key at which a message is known
/// to be: offsets may leave any gaps.
pub(super) struct Orders {
    /// By key, offset and message; each three once, with the first operation that tells of it.
    entries: Vec<Entry>,
    /// Where the entries of an offset begin: in the order of the keys, and the end of the last.
    offsets: Vec<u32>,
    /// By key: its first place in `offsets`, and the end of the last.
    keys: Vec<u32>,
    /// By message: the first and the last index at which it is; [`NONE`] if it is at none.
    spans: Vec<(u32, u32)>,
}

impl Orders {
    /// From the sends that certainly happened and what was polled, whatever became of the poll.
    pub(super) fn of(columns: &Columns<'_>) -> Self {
        let mut entries = Vec::new();
        let mut proven = (NONE, false);
        for (op, step) in columns.all_steps() {
            if op != proven.0 {
                proven = (op, columns.is_proven(op));
            }
            if let Some(offset) = step.offset.filter(|_| !step.is_send || proven.1) {
                let message = step.message;
                let key = columns.messages[message as usize].key;
                entries.push(Entry { key, offset, message, op });
            }
        }
        entries.sort_unstable();
        let what = |entry: &Entry| (entry.key, entry.offset, entry.message);
        entries.dedup_by(|later, first| what(later) == what(first));
        let mut orders = Self {
            offsets: Vec::new(),
            keys: Vec::with_capacity(columns.keys_count() + 1),
            spans: vec![(NONE, NONE); columns.messages.len()],
            entries,
        };
        for at in 0..orders.entries.len() {
            orders.place(at);
        }
        let end = number(orders.offsets.len());
        orders.keys.resize(columns.keys_count() + 1, end);
        orders.offsets.push(number(orders.entries.len()));
        orders
    }

    /// Gives the entry its index.
    fn place(&mut self, at: usize) {
        let entry = self.entries[at];
        let before = at.checked_sub(1).map(|before| self.entries[before]);
        if before.is_none_or(|before| (before.key, before.offset) != (entry.key, entry.offset)) {
            let first = number(self.offsets.len());
            self.keys.resize((entry.key as usize + 1).max(self.keys.len()), first);
            self.offsets.push(number(at));
        }
        let index = number(self.offsets.len() - 1) - self.keys[entry.key as usize];
        let span = &mut self.spans[entry.message as usize];
        *span = (span.0.min(index), index);
    }

    /// How many offsets of a key are in use.
    pub(super) fn len(&self, key: u32) -> u32 {
        self.keys[key as usize + 1] - self.keys[key as usize]
    }

    /// What is at an index of a key.
    pub(super) fn at(&self, key: u32, index: u32) -> &[Entry] {
        let place = (self.keys[key as usize] + index) as usize;
        &self.entries[self.offsets[place] as usize..self.offsets[place + 1] as usize]
    }

    /// The first index of a message.
    pub(super) fn first_index(&self, message: u32) -> Option<u32> {
        let index = self.spans[message as usize].0;
        (index != NONE).then_some(index)
    }

    /// The last index of a message: the one that counts where a message has one place.
    pub(super) fn last_index(&self, message: u32) -> Option<u32> {
        let index = self.spans[message as usize].1;
        (index != NONE).then_some(index)
    }

    /// Every offset at which a message is, with who said so.
    pub(super) fn offsets_of(&self, key: u32, message: u32) -> impl Iterator<Item = Entry> {
        let (first, last) = self.spans[message as usize];
        let indices = if first == NONE { 0..0 } else { first..last + 1 };
        let entries = indices.flat_map(move |index| self.at(key, index));
        entries.filter(move |entry| entry.message == message).copied()
    }

    /// How far one message is behind another; 1 if nobody knows.
    pub(super) fn distance(&self, from: u32, to: u32) -> i64 {
        match (self.last_index(from), self.last_index(to)) {
            (Some(from), Some(to)) => i64::from(to) - i64::from(from),
            _ => 1,
        }
    }
}
