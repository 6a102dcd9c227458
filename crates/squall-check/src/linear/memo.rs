//! The configurations that were visited, as exact small keys.

use crate::intern::FixedMap;

/// Bytes of one slot of the table.
const SLOT_BYTES: usize = size_of::<Key>();
/// Slots at the beginning.
const SLOTS_MIN: usize = 1 << 10;
/// What an interned word list takes beside its words: the map's entry and the box.
const INTERNED_BYTES: usize = 48;

/// A configuration: which operations have been linearized, and the state.
///
/// The set of linearized operations is exact although it is not stored. Let *hi* be the last
/// invocation that was linearized. Every operation invoked before it that was not linearized is
/// still open there, else its completion would have stopped the search; so *hi* and one bit per
/// client slot say it all. A hash alone could take two configurations for one, and make an
/// explainable history look broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    /// Entry of the last linearized invocation; 0 if there is none.
    pub hi: u32,
    pub state: u32,
    /// Client slots whose operation was invoked up to `hi` and is not linearized.
    pub pending: u64,
    /// How many of each class of unknown operations were used, as an interned list.
    pub used: u32,
}

impl Key {
    const EMPTY: Self = Self { hi: u32::MAX, state: 0, pending: 0, used: 0 };

    fn hash(self) -> u64 {
        let mut hash = u64::from(self.hi) << 32 | u64::from(self.state);
        for word in [self.pending, u64::from(self.used)] {
            hash = (hash ^ (hash >> 29) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        }
        hash ^ (hash >> 32)
    }
}

/// The table does not fit into its budget any more.
#[derive(Debug)]
pub(super) struct OutOfMemory;

/// A set of keys with open addressing, and the lists that keys refer to.
pub(super) struct Memo {
    slots: Vec<Key>,
    count: usize,
    lists: FixedMap<Box<[u64]>, u32>,
    lists_bytes: usize,
    bytes_max: usize,
}

impl Memo {
    /// An empty memory that will take at most `bytes_max` bytes.
    pub(super) fn new(bytes_max: usize) -> Self {
        Self {
            slots: vec![Key::EMPTY; SLOTS_MIN],
            count: 0,
            lists: FixedMap::default(),
            lists_bytes: 0,
            bytes_max,
        }
    }

    /// Number of configurations.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Bytes that it takes.
    pub(super) fn size(&self) -> usize {
        self.slots.len() * SLOT_BYTES + self.lists_bytes
    }

    /// Adds a key; whether it is new.
    pub(super) fn insert(&mut self, key: Key) -> Result<bool, OutOfMemory> {
        if 3 * (self.count + 1) > 2 * self.slots.len() {
            self.grow()?;
        }
        let place = self.place_of(key);
        if self.slots[place] == key {
            return Ok(false);
        }
        self.slots[place] = key;
        self.count += 1;
        Ok(true)
    }

    /// The number of a list of words, from 0 in the order of first appearance.
    pub(super) fn intern(&mut self, list: &[u64]) -> Result<u32, OutOfMemory> {
        if let Some(&id) = self.lists.get(list) {
            return Ok(id);
        }
        self.lists_bytes += size_of_val(list) + INTERNED_BYTES;
        if self.lists_bytes + self.slots.len() * SLOT_BYTES > self.bytes_max {
            return Err(OutOfMemory);
        }
        let id = u32::try_from(self.lists.len()).map_err(|_| OutOfMemory)?;
        self.lists.insert(list.into(), id);
        Ok(id)
    }

    /// Where the key is, or the empty slot where it belongs.
    fn place_of(&self, key: Key) -> usize {
        let mask = self.slots.len() - 1;
        let mut place = usize::try_from(key.hash() & mask as u64).unwrap_or(0);
        while self.slots[place] != key && self.slots[place] != Key::EMPTY {
            place = (place + 1) & mask;
        }
        place
    }

    fn grow(&mut self) -> Result<(), OutOfMemory> {
        let grown = self.slots.len() * 2;
        // While they are copied, the old slots and the new ones exist together.
        if (self.slots.len() + grown) * SLOT_BYTES + self.lists_bytes > self.bytes_max {
            return Err(OutOfMemory);
        }
        let old = std::mem::replace(&mut self.slots, vec![Key::EMPTY; grown]);
        for key in old.into_iter().filter(|key| *key != Key::EMPTY) {
            let place = self.place_of(key);
            self.slots[place] = key;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(i: u32) -> Key {
        Key { hi: i % 97, state: i % 13, pending: u64::from(i) << 40, used: i % 7 }
    }

    #[test]
    fn a_set_of_exact_keys() {
        let mut memo = Memo::new(1 << 20);
        for i in 0..5000 {
            assert!(memo.insert(key(i)).expect("fits"));
        }
        for i in 0..5000 {
            assert!(!memo.insert(key(i)).expect("fits"));
        }
        assert_eq!(memo.count(), 5000);
    }

    #[test]
    fn the_budget_holds() {
        let mut memo = Memo::new(1 << 20);
        let full = (0..).find(|&i| memo.insert(key(i)).is_err()).expect("it ends");
        assert!((5_000..40_000).contains(&full), "{full}");
        assert!(memo.slots.len() * SLOT_BYTES <= 1 << 20);
        assert_eq!(memo.intern(&[1, 2]).expect("fits"), 0);
        assert_eq!(memo.intern(&[1, 3]).expect("fits"), 1);
        assert_eq!(memo.intern(&[1, 2]).expect("fits"), 0);
    }
}
