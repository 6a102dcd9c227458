//! What reads of lists returned, in linear memory.
//!
//! Per key there is one list, the longest read so far that agrees with all before it; a read that
//! is a head of that list is its length. Only a read that contradicts the list, which no right
//! database returns, is kept for itself.

use squall_history::Value;

use crate::isolation::transactions::{Access, NONE, Transactions, number};

/// What is kept per key.
struct Longest {
    /// The list of which usual reads are heads.
    elements: Vec<u32>,
    /// The read that returned all of it.
    mop: u32,
    /// How long a head of the list must be to contain something twice, if any does.
    duplicate_len: Option<u32>,
}

/// The reads of all keys.
#[derive(Default)]
pub(in crate::isolation) struct Lists {
    by_key: Vec<Longest>,
    odd: Vec<u32>,
    /// Reads that contradict the list of their key.
    pub odd_reads: Vec<u32>,
}

impl Lists {
    pub(in crate::isolation) fn add_key(&mut self) {
        self.by_key.push(Longest { elements: Vec::new(), mop: NONE, duplicate_len: None });
    }

    /// What a read returned: see [`Access::List`].
    pub(in crate::isolation) fn contents(&self, key: u32, len: u32, odd: u32) -> &[u32] {
        match odd {
            NONE => &self.of_key(key)[..len as usize],
            odd => &self.odd[odd as usize..][..len as usize],
        }
    }

    /// The list of which usual reads of a key are heads.
    pub(super) fn of_key(&self, key: u32) -> &[u32] {
        &self.by_key[key as usize].elements
    }

    /// The read that returned all of that.
    pub(super) fn longest_mop(&self, key: u32) -> u32 {
        self.by_key[key as usize].mop
    }

    /// How long a head of that must be to contain something twice, if any does.
    pub(super) fn duplicate_len(&self, key: u32) -> Option<u32> {
        self.by_key[key as usize].duplicate_len
    }
}

impl<'h> Transactions<'h> {
    /// Takes in what a read of a list returned.
    pub(in crate::isolation) fn read_list(
        &mut self,
        key: u32,
        items: &'h [Value],
        mop: u32,
    ) -> Access {
        let len = number(items.len());
        let list = self.lists.of_key(key);
        let value_at = |place: usize| self.elements[list[place] as usize].value;
        let both_count = list.len().min(items.len());
        let same_count =
            (0..both_count).take_while(|&place| *value_at(place) == items[place]).count();
        if same_count == items.len() {
            return Access::List { len, odd: NONE };
        }
        if same_count < list.len() {
            let odd = number(self.lists.odd.len());
            for value in items {
                let element = self.met(key, value, mop);
                self.lists.odd.push(element);
            }
            self.lists.odd_reads.push(mop);
            return Access::List { len, odd };
        }
        for value in &items[same_count..] {
            let element = self.met(key, value, mop);
            let longest = &mut self.lists.by_key[key as usize];
            let place = number(longest.elements.len());
            longest.elements.push(element);
            let element = &mut self.elements[element as usize];
            if element.place == NONE {
                element.place = place;
            } else {
                longest.duplicate_len.get_or_insert(place + 1);
            }
        }
        self.lists.by_key[key as usize].mop = mop;
        Access::List { len, odd: NONE }
    }
}
