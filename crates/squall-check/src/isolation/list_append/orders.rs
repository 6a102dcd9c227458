//! The order of the elements of each key, as far as reads tell it.

use crate::isolation::transactions::{Access, NONE, Transactions, number};

/// Two reads of one key of which neither is a head of the other.
pub(super) struct Incompatible {
    pub longest_mop: u32,
    pub mop: u32,
    /// The first place in which they differ.
    pub place: usize,
}

/// For every key: its longest read, each element once.
pub(super) struct Orders {
    starts: Vec<u32>,
    elements: Vec<u32>,
    /// By element: its place in the order of its key, or [`NONE`].
    pub places: Vec<u32>,
    /// Keys whose order cannot be trusted.
    pub is_tainted: Vec<bool>,
    /// Elements by key that possible transactions appended and nobody read.
    unread: Vec<u32>,
    unread_starts: Vec<u32>,
    pub incompatible: Vec<Incompatible>,
}

impl Orders {
    pub(super) fn of(txns: &Transactions<'_>) -> Self {
        let keys = || 0..number(txns.keys_count());
        let mut orders = Self {
            starts: vec![0],
            elements: Vec::new(),
            places: vec![NONE; txns.elements.len()],
            is_tainted: keys().map(|key| txns.lists.duplicate_len(key).is_some()).collect(),
            unread: Vec::new(),
            unread_starts: Vec::new(),
            incompatible: Vec::new(),
        };
        // By key the read that is longest, where that is not the key's list.
        let mut longest_odd = vec![NONE; txns.keys_count()];
        for &mop in &txns.lists.odd_reads {
            let key = txns.mops[mop as usize].key as usize;
            orders.is_tainted[key] = true;
            let longest = match longest_odd[key] {
                NONE => txns.lists.of_key(number(key)).len(),
                longest => txns.contents(txns.mops[longest as usize]).len(),
            };
            if txns.contents(txns.mops[mop as usize]).len() > longest {
                longest_odd[key] = mop;
            }
        }
        for (key, &odd) in keys().zip(&longest_odd) {
            let list = match odd {
                NONE => txns.lists.of_key(key),
                odd => txns.contents(txns.mops[odd as usize]),
            };
            let mut place = 0;
            for &element in list {
                if orders.places[element as usize] == NONE {
                    orders.places[element as usize] = place;
                    orders.elements.push(element);
                    place += 1;
                }
            }
            orders.starts.push(number(orders.elements.len()));
        }
        orders.collect_unread(txns);
        orders.compare(txns, &longest_odd);
        orders
    }

    /// The elements of a key in order.
    pub(super) fn of_key(&self, key: u32) -> &[u32] {
        let key = key as usize;
        &self.elements[self.starts[key] as usize..self.starts[key + 1] as usize]
    }

    /// The elements of a key that come after all of its order, nobody knows how.
    pub(super) fn unread_of_key(&self, key: u32) -> &[u32] {
        let key = key as usize;
        &self.unread[self.unread_starts[key] as usize..self.unread_starts[key + 1] as usize]
    }

    /// What comes right after a version, which is an element or the empty list.
    pub(super) fn after(&self, key: u32, version: Option<u32>) -> &[u32] {
        let order = self.of_key(key);
        let place = match version.map(|element| self.places[element as usize]) {
            None => 0,
            Some(NONE) => return &[],
            Some(place) => place as usize + 1,
        };
        if place < order.len() { &order[place..=place] } else { self.unread_of_key(key) }
    }

    /// What comes right before an appended element: `None` if that is not known, else an element,
    /// or the empty list.
    pub(super) fn before(&self, txns: &Transactions<'_>, element: u32) -> Option<Option<u32>> {
        let known = &txns.elements[element as usize];
        let order = self.of_key(known.key);
        match self.places[element as usize] {
            NONE if known.reader_mop == NONE => Some(order.last().copied()),
            NONE => None,
            0 => Some(None),
            place => Some(Some(order[place as usize - 1])),
        }
    }

    fn collect_unread(&mut self, txns: &Transactions<'_>) {
        let is_unread = |element: &u32| {
            let known = &txns.elements[*element as usize];
            known.reader_mop == NONE && txns.possible_writer(*element).is_some()
        };
        let all = 0..number(txns.elements.len());
        let mut ends = vec![0_u32; txns.keys_count() + 1];
        for element in all.clone().filter(is_unread) {
            ends[txns.elements[element as usize].key as usize + 1] += 1;
        }
        for key in 1..ends.len() {
            ends[key] += ends[key - 1];
        }
        self.unread = vec![NONE; ends.last().map_or(0, |&end| end as usize)];
        self.unread_starts.clone_from(&ends);
        for element in all.filter(is_unread) {
            let place = &mut ends[txns.elements[element as usize].key as usize];
            self.unread[*place as usize] = element;
            *place += 1;
        }
    }

    /// Compares every read of a key that has contradictory ones with the longest.
    fn compare(&mut self, txns: &Transactions<'_>, longest_odd: &[u32]) {
        if txns.lists.odd_reads.is_empty() {
            return;
        }
        for (mop, read) in (0..).zip(&txns.mops) {
            let Access::List { odd, .. } = read.access else { continue };
            let longest_mop = match longest_odd[read.key as usize] {
                NONE if odd == NONE => continue,
                NONE => txns.lists.longest_mop(read.key),
                longest => longest,
            };
            let longest = txns.contents(txns.mops[longest_mop as usize]);
            let contents = txns.contents(*read);
            let place = contents.iter().zip(longest).take_while(|(a, b)| a == b).count();
            if place < contents.len() {
                self.incompatible.push(Incompatible { longest_mop, mop, place });
            }
        }
    }
}
