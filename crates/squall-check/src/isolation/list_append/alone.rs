//! Anomalies of lists that need no graph: each is seen in one read, two reads, or one key's order.

use squall_history::Value;

use super::orders::Orders;
use crate::anomaly::{Anomalies, Anomaly, DIRTY_UPDATE, DUPLICATE_ELEMENTS, INCOMPATIBLE_ORDER};
use crate::isolation::alone::Finder;
use crate::isolation::transactions::{Access, Fate, MicroOp, NONE, number};

/// Finds them all.
pub(super) fn find(finder: &Finder<'_, '_>, orders: &Orders, found: &mut Anomalies) {
    let lists = Lists { finder, orders };
    lists.duplicates(found);
    lists.incompatible_orders(found);
    lists.reordered_appends(found);
    lists.dirty_updates(found);
    Walk::over(finder, found);
}

#[derive(Clone, Copy)]
struct Lists<'a, 'h> {
    finder: &'a Finder<'a, 'h>,
    orders: &'a Orders,
}

impl Lists<'_, '_> {
    fn duplicates(&self, found: &mut Anomalies) {
        let mut last_mop = vec![NONE; self.finder.txns.elements.len()];
        for (mop, read) in (0..).zip(&self.finder.txns.mops) {
            let Access::List { len, odd } = read.access else { continue };
            let bound = self.finder.txns.lists.duplicate_len(read.key);
            if odd == NONE && bound.is_none_or(|bound| len < bound) {
                continue;
            }
            let twice =
                self.finder.txns.contents(*read).iter().find(|&&element| {
                    std::mem::replace(&mut last_mop[element as usize], mop) == mop
                });
            let Some(&twice) = twice else { continue };
            found.add(&DUPLICATE_ELEMENTS, || {
                let (k, e) = (self.finder.key_of(mop).to_edn(), self.finder.value(twice).to_edn());
                let title = format!("T1 read key {k} with {e} in it more than once");
                let details = [
                    ("key", self.finder.key_of(mop).clone()),
                    ("element", self.finder.value(twice).clone()),
                ];
                self.finder.about(
                    &DUPLICATE_ELEMENTS,
                    title,
                    [self.finder.txns.txn_of(mop)],
                    &details,
                )
            });
        }
    }

    fn incompatible_orders(&self, found: &mut Anomalies) {
        for case in &self.orders.incompatible {
            found.add(&INCOMPATIBLE_ORDER, || {
                let key = self.finder.key_of(case.mop);
                let title = format!(
                    "T1 and T2 read key {} in orders that contradict each other from place {} on",
                    key.to_edn(),
                    case.place + 1
                );
                let lists = [case.longest_mop, case.mop].map(|mop| self.finder.result(mop));
                let details = [("key", key.clone()), ("values", Value::list(lists))];
                let readers = [case.longest_mop, case.mop].map(|mop| self.finder.txns.txn_of(mop));
                self.finder.about(&INCOMPATIBLE_ORDER, title, readers, &details)
            });
        }
    }

    /// Elements that were read without, or before, what their transaction had appended first.
    fn reordered_appends(&self, found: &mut Anomalies) {
        let mut last_append = vec![NONE; self.finder.txns.keys_count()];
        for (mop, access) in (0_u32..).zip(&self.finder.txns.mops) {
            let Access::Write(second) = access.access else { continue };
            let before = std::mem::replace(&mut last_append[access.key as usize], mop);
            let place = self.orders.places[second as usize];
            if before == NONE || place == NONE {
                continue;
            }
            let Access::Write(first) = self.finder.txns.mops[before as usize].access else {
                continue;
            };
            let [a, b] =
                [first, second].map(|element| &self.finder.txns.elements[element as usize]);
            // The place of what nobody read is after all others.
            let is_after = self.orders.places[first as usize] > place;
            let is_elsewhere = a.reader_mop != NONE && a.place == NONE;
            if a.writer != b.writer || b.writer == NONE || !is_after || is_elsewhere {
                continue;
            }
            if self.finder.txns.has_failed(b.writer)
                || !self.finder.txns.mops_of(b.writer).contains(&(mop as usize))
            {
                continue;
            }
            found.add(&INCOMPATIBLE_ORDER, || {
                let key = self.finder.key_of(mop);
                let [first, second] = [first, second].map(|element| self.finder.value(element));
                let title = format!(
                    "T2 read {} in key {} without {} before it, which T1 had appended first",
                    second.to_edn(),
                    key.to_edn(),
                    first.to_edn()
                );
                let values = Value::list([first.clone(), second.clone()]);
                let details = [("key", key.clone()), ("values", values)];
                let txns = [b.writer, self.finder.txns.txn_of(b.reader_mop)];
                self.finder.about(&INCOMPATIBLE_ORDER, title, txns, &details)
            });
        }
    }

    /// A failed element that was kept, and on which a committed one was built.
    fn dirty_updates(&self, found: &mut Anomalies) {
        for key in 0..number(self.finder.txns.keys_count()) {
            let mut failed = None;
            for &element in self.orders.of_key(key) {
                let writer = self.finder.txns.elements[element as usize].writer;
                match self.finder.txns.fates.get(writer as usize) {
                    None => failed = None,
                    Some(Fate::Unknown) => {}
                    Some(Fate::Failed) => failed = Some(element),
                    Some(Fate::Ok) => {
                        if let Some(aborted) = failed.take() {
                            found.add(&DIRTY_UPDATE, || self.dirty_update(key, aborted, element));
                        }
                    }
                }
            }
        }
    }

    fn dirty_update(&self, key: u32, aborted: u32, element: u32) -> Anomaly {
        let key = self.finder.txns.key_name(key);
        let title = format!(
            "T2 appended {} to key {} after T1's {}, but T1 failed",
            self.finder.value(element).to_edn(),
            key.to_edn(),
            self.finder.value(aborted).to_edn()
        );
        let values = [aborted, element].map(|element| self.finder.value(element).clone());
        let writers = [aborted, element].map(|e| self.finder.txns.elements[e as usize].writer);
        let details = [("key", key.clone()), ("values", Value::list(values))];
        self.finder.about(&DIRTY_UPDATE, title, writers, &details)
    }
}

/// What a transaction knows of a key while one walks through it.
#[derive(Clone, Copy)]
struct Known {
    /// The transaction that this is about.
    txn: u32,
    /// Its last read of the key.
    read: u32,
    /// Its last append to the key after that read; earlier ones by `Walk::previous`.
    append: u32,
    /// Its appends after that read.
    appends_count: usize,
    /// The longest head of the key's list that it has read, and where.
    longest: (u32, u32),
}

/// Walks through committed transactions and compares them with themselves: `internal` and
/// `future-read`.
struct Walk<'a, 'h> {
    finder: &'a Finder<'a, 'h>,
    known: Vec<Known>,
    /// By append: the one before it on the same key since the last read.
    previous: Vec<u32>,
}

impl<'a, 'h> Walk<'a, 'h> {
    fn over(finder: &'a Finder<'a, 'h>, found: &mut Anomalies) {
        let nothing =
            Known { txn: NONE, read: NONE, append: NONE, appends_count: 0, longest: (0, NONE) };
        let mut walk = Self {
            finder,
            known: vec![nothing; finder.txns.keys_count()],
            previous: vec![NONE; finder.txns.mops.len()],
        };
        let txns = finder.txns;
        for (txn, _) in (0..).zip(&txns.fates).filter(|(_, fate)| **fate == Fate::Ok) {
            let mops = txns.mops_of(txn);
            for (mop, access) in (number(mops.start)..).zip(&txns.mops[mops]) {
                let known = &mut walk.known[access.key as usize];
                if known.txn != txn {
                    *known = Known { txn, ..nothing };
                }
                match access.access {
                    Access::Write(element) => walk.append(mop, *access, element, found),
                    Access::List { .. } => walk.read(mop, *access, found),
                    Access::Version(_) | Access::Unread => {}
                }
            }
        }
    }

    fn append(&mut self, mop: u32, access: MicroOp, element: u32, found: &mut Anomalies) {
        let known = &mut self.known[access.key as usize];
        self.previous[mop as usize] = known.append;
        known.append = mop;
        known.appends_count += 1;
        let place = self.finder.txns.elements[element as usize].place;
        let (len, read) = known.longest;
        if place < len {
            self.finder.future_read(read, element, found);
        }
    }

    fn read(&mut self, mop: u32, access: MicroOp, found: &mut Anomalies) {
        let known = self.known[access.key as usize];
        let txns = self.finder.txns;
        let contents = txns.contents(access);
        if !self.agrees(&known, contents) {
            self.finder.internal(mop, found);
        }
        let mut longest = known.longest;
        match access.access {
            Access::List { len, odd: NONE } if len > longest.0 => longest = (len, mop),
            Access::List { odd, .. } if odd != NONE => {
                let is_later = |element: &&u32| {
                    let element = &txns.elements[**element as usize];
                    element.writer == known.txn && element.writer_mop > mop
                };
                if let Some(&element) = contents.iter().find(is_later) {
                    self.finder.future_read(mop, element, found);
                }
            }
            Access::List { .. } | Access::Write(_) | Access::Version(_) | Access::Unread => {}
        }
        self.known[access.key as usize] =
            Known { read: mop, append: NONE, appends_count: 0, longest, ..known };
    }

    /// Whether a read is what the transaction must see: its last read with its own appends behind.
    fn agrees(&self, known: &Known, contents: &[u32]) -> bool {
        let txns = self.finder.txns;
        let Some(head_len) = contents.len().checked_sub(known.appends_count) else { return false };
        if known.read != NONE
            && contents[..head_len] != *txns.contents(txns.mops[known.read as usize])
        {
            return false;
        }
        let mut append = known.append;
        for &element in contents[head_len..].iter().rev() {
            let is_it =
                matches!(txns.mops[append as usize].access, Access::Write(e) if e == element);
            if !is_it {
                return false;
            }
            append = self.previous[append as usize];
        }
        true
    }
}
