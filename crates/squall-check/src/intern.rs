//! Values to dense numbers.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::BuildHasherDefault;

use squall_history::Value;

/// A hash map whose hash is the same in every run. It is never iterated.
pub(crate) type FixedMap<K, V> = HashMap<K, V, BuildHasherDefault<DefaultHasher>>;

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

    pub(crate) fn value(&self, id: u32) -> &'v Value {
        self.values[id as usize]
    }

    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }
}
