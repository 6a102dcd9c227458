//! Values to dense numbers.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use squall_history::Value;

/// A hash map whose hash is the same in every run. It is never iterated.
pub(crate) type FixedMap<K, V> = HashMap<K, V, BuildHasherDefault<FixedHasher>>;

/// A quick hash without a secret. Histories come from the user's own runs; somebody who makes one
/// that collides everywhere only waits longer.
#[derive(Default)]
pub(crate) struct FixedHasher(u64);

impl FixedHasher {
    fn add(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(23) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

impl Hasher for FixedHasher {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.add(u64::from_le_bytes(word));
        }
        self.add(bytes.len() as u64);
    }

    fn write_u8(&mut self, byte: u8) {
        self.add(byte.into());
    }

    fn write_u64(&mut self, word: u64) {
        self.add(word);
    }

    fn write_i64(&mut self, word: i64) {
        self.add(word.cast_unsigned());
    }

    fn write_usize(&mut self, word: usize) {
        self.add(word as u64);
    }

    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }
}

/// Gives every value a number from 0, in the order of first appearance.
#[derive(Default)]
pub(crate) struct Interner<'v> {
    ids: FixedMap<&'v Value, u32>,
    values: Vec<&'v Value>,
}

impl<'v> Interner<'v> {
    /// The number of a value, a new one if it has none.
    pub(crate) fn id(&mut self, value: &'v Value) -> u32 {
        if let Some(&id) = self.ids.get(value) {
            return id;
        }
        let id = u32::try_from(self.values.len()).expect("a history has fewer than 2^32 values");
        self.ids.insert(value, id);
        self.values.push(value);
        id
    }

    /// The number of a value, if it has one.
    pub(crate) fn known(&self, value: &Value) -> Option<u32> {
        self.ids.get(value).copied()
    }

    /// As [`Interner::id`], for a value that is likely to be the one with this number: lists of
    /// reads come in the order of the adds more often than not, and then no table is asked.
    pub(crate) fn id_guessed(&mut self, guess: u32, value: &'v Value) -> u32 {
        match self.values.get(guess as usize) {
            Some(&known) if known == value => guess,
            _ => self.id(value),
        }
    }

    pub(crate) fn value(&self, id: u32) -> &'v Value {
        self.values[id as usize]
    }

    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }
}
