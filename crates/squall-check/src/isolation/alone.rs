//! Anomalies that need no graph: each is seen in one read, two reads, or one key's order.

use squall_history::Value;

use super::orders::Orders;
use super::transactions::{Access, Fate, MicroOp, NONE, Transactions, number};
use crate::anomaly::{
    Anomalies, Anomaly, Class, DIRTY_UPDATE, DUPLICATE_ELEMENTS, FUTURE_READ, G1A, G1B,
    INCOMPATIBLE_ORDER, INTERNAL, LOST_UPDATE, OpRef, REQUEST_MISMATCH, THIN_AIR_READ,
};

/// Operations that one case of lost update names.
const LOSERS_MAX: usize = 64;

/// Finds them all.
pub(super) fn find(txns: &Transactions<'_>, orders: &Orders, found: &mut Anomalies) {
    let finder = Finder { txns, orders };
    finder.mismatches(found);
    finder.strange_elements(found);
    finder.intermediate_reads(found);
    finder.duplicates(found);
    finder.incompatible_orders(found);
    finder.reordered_appends(found);
    finder.dirty_updates(found);
    finder.lost_updates(found);
    Walk::over(&finder, found);
}

/// The operation of a transaction, for an anomaly.
pub(super) fn op_of(txns: &Transactions<'_>, txn: u32) -> OpRef {
    OpRef::of(&txns.ops[txn as usize])
}

#[derive(Clone, Copy)]
struct Finder<'a, 'h> {
    txns: &'a Transactions<'h>,
    orders: &'a Orders,
}

impl Finder<'_, '_> {
    fn value(&self, element: u32) -> &Value {
        self.txns.elements[element as usize].value
    }

    fn key_of(&self, mop: u32) -> &Value {
        self.txns.key_name(self.txns.mops[mop as usize].key)
    }

    /// An anomaly of these transactions about a key.
    fn about(
        &self,
        class: &'static Class,
        title: String,
        txns: impl IntoIterator<Item = u32>,
        details: &[(&str, Value)],
    ) -> Anomaly {
        let mut ops: Vec<OpRef> = Vec::new();
        for txn in txns {
            let op = op_of(self.txns, txn);
            if ops.last() != Some(&op) {
                ops.push(op);
            }
        }
        let indices = ops.iter().map(|op| Value::uint(op.index)).collect();
        let pairs = details.iter().map(|(name, value)| (*name, value.clone()));
        let details = Value::record(pairs.chain([("ops", indices)]));
        Anomaly::new(class, title, ops).with_details(details)
    }

    fn mismatches(&self, found: &mut Anomalies) {
        for &txn in &self.txns.mismatches {
            found.add(&REQUEST_MISMATCH, || {
                let title = "T1 was answered with other micro-operations than it asked for";
                let asked = self.txns.ops[txn as usize].invocation.value.clone();
                self.about(&REQUEST_MISMATCH, title.to_owned(), [txn], &[("asked", asked)])
            });
        }
    }

    /// Elements that nobody appended, or whose transaction failed, each with its first reader.
    fn strange_elements(&self, found: &mut Anomalies) {
        for element in self.txns.elements.iter().filter(|element| element.reader_mop != NONE) {
            let reader = self.txns.txn_of(element.reader_mop);
            let key = self.txns.key_name(element.key);
            let details = [("key", key.clone()), ("element", element.value.clone())];
            let (k, e) = (key.to_edn(), element.value.to_edn());
            if self.txns.has_failed(element.writer) {
                found.add(&G1A, || {
                    let title = format!("T2 read {e} in key {k}, which T1 appended, but T1 failed");
                    self.about(&G1A, title, [element.writer, reader], &details)
                });
            } else if element.writer == NONE && !self.txns.is_unreadable {
                found.add(&THIN_AIR_READ, || {
                    let title = format!("T1 read {e} in key {k}, which nobody appended");
                    self.about(&THIN_AIR_READ, title, [reader], &details)
                });
            }
        }
    }

    /// Reads that end in an append that was not the last one of its transaction.
    fn intermediate_reads(&self, found: &mut Anomalies) {
        for (mop, read) in (0..).zip(&self.txns.mops) {
            let Some(&last) = self.txns.contents(*read).last() else { continue };
            let element = &self.txns.elements[last as usize];
            let has_happened = element.writer != NONE && !self.txns.has_failed(element.writer);
            if element.is_final || !has_happened {
                continue;
            }
            let reader = self.txns.txn_of(mop);
            if reader == element.writer {
                continue;
            }
            found.add(&G1B, || {
                let (k, e) = (self.key_of(mop).to_edn(), element.value.to_edn());
                let title = format!("T2 read key {k} ending in {e}, in the middle of T1's appends");
                let details =
                    [("key", self.key_of(mop).clone()), ("element", element.value.clone())];
                self.about(&G1B, title, [element.writer, reader], &details)
            });
        }
    }

    fn duplicates(&self, found: &mut Anomalies) {
        let mut last_mop = vec![NONE; self.txns.elements.len()];
        for (mop, read) in (0..).zip(&self.txns.mops) {
            let Access::Read { len, odd } = read.access else { continue };
            let bound = self.txns.keys[read.key as usize].duplicate_len;
            if odd == NONE && bound.is_none_or(|bound| len < bound) {
                continue;
            }
            let twice =
                self.txns.contents(*read).iter().find(|&&element| {
                    std::mem::replace(&mut last_mop[element as usize], mop) == mop
                });
            let Some(&twice) = twice else { continue };
            found.add(&DUPLICATE_ELEMENTS, || {
                let (k, e) = (self.key_of(mop).to_edn(), self.value(twice).to_edn());
                let title = format!("T1 read key {k} with {e} in it more than once");
                let details =
                    [("key", self.key_of(mop).clone()), ("element", self.value(twice).clone())];
                self.about(&DUPLICATE_ELEMENTS, title, [self.txns.txn_of(mop)], &details)
            });
        }
    }

    fn incompatible_orders(&self, found: &mut Anomalies) {
        for case in &self.orders.incompatible {
            found.add(&INCOMPATIBLE_ORDER, || {
                let key = self.key_of(case.mop);
                let list = |mop: u32| -> Value {
                    let contents = self.txns.contents(self.txns.mops[mop as usize]);
                    contents.iter().map(|&element| self.value(element).clone()).collect()
                };
                let title = format!(
                    "T1 and T2 read key {} in orders that contradict each other from place {} on",
                    key.to_edn(),
                    case.place + 1
                );
                let lists = [case.longest_mop, case.mop].map(list);
                let details = [("key", key.clone()), ("values", Value::list(lists))];
                let readers = [case.longest_mop, case.mop].map(|mop| self.txns.txn_of(mop));
                self.about(&INCOMPATIBLE_ORDER, title, readers, &details)
            });
        }
    }

    /// Elements that were read without, or before, what their transaction had appended first.
    fn reordered_appends(&self, found: &mut Anomalies) {
        let mut last_append = vec![NONE; self.txns.keys.len()];
        for (mop, access) in (0_u32..).zip(&self.txns.mops) {
            let Access::Append(second) = access.access else { continue };
            let before = std::mem::replace(&mut last_append[access.key as usize], mop);
            let place = self.orders.places[second as usize];
            if before == NONE || place == NONE {
                continue;
            }
            let Access::Append(first) = self.txns.mops[before as usize].access else { continue };
            let [a, b] = [first, second].map(|element| &self.txns.elements[element as usize]);
            // The place of what nobody read is after all others.
            let is_after = self.orders.places[first as usize] > place;
            let is_elsewhere = a.reader_mop != NONE && a.place == NONE;
            if a.writer != b.writer || b.writer == NONE || !is_after || is_elsewhere {
                continue;
            }
            if self.txns.has_failed(b.writer)
                || !self.txns.mops_of(b.writer).contains(&(mop as usize))
            {
                continue;
            }
            found.add(&INCOMPATIBLE_ORDER, || {
                let key = self.key_of(mop);
                let [first, second] = [first, second].map(|element| self.value(element));
                let title = format!(
                    "T2 read {} in key {} without {} before it, which T1 had appended first",
                    second.to_edn(),
                    key.to_edn(),
                    first.to_edn()
                );
                let values = Value::list([first.clone(), second.clone()]);
                let details = [("key", key.clone()), ("values", values)];
                let txns = [b.writer, self.txns.txn_of(b.reader_mop)];
                self.about(&INCOMPATIBLE_ORDER, title, txns, &details)
            });
        }
    }

    /// A failed element that was kept, and on which a committed one was built.
    fn dirty_updates(&self, found: &mut Anomalies) {
        for (key, _) in (0..).zip(&self.txns.keys) {
            let mut failed = None;
            for &element in self.orders.of_key(key) {
                let writer = self.txns.elements[element as usize].writer;
                match self.txns.fates.get(writer as usize) {
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
        let key = self.txns.key_name(key);
        let title = format!(
            "T2 appended {} to key {} after T1's {}, but T1 failed",
            self.value(element).to_edn(),
            key.to_edn(),
            self.value(aborted).to_edn()
        );
        let values = [aborted, element].map(|element| self.value(element).clone());
        let writers = [aborted, element].map(|e| self.txns.elements[e as usize].writer);
        let details = [("key", key.clone()), ("values", Value::list(values))];
        self.about(&DIRTY_UPDATE, title, writers, &details)
    }

    /// Transactions that first read the same version of a key and then appended to it.
    fn lost_updates(&self, found: &mut Anomalies) {
        let mut first_read = vec![NONE; self.txns.keys.len()];
        let mut last_listed = vec![NONE; self.txns.keys.len()];
        let mut updates: Vec<u32> = Vec::new();
        for (txn, _) in (0..).zip(&self.txns.fates) {
            let mops = self.txns.mops_of(txn);
            let begin = number(mops.start);
            let is_own = |mop: u32| mop != NONE && mop >= begin;
            for (mop, access) in (begin..).zip(&self.txns.mops[mops]) {
                let key = access.key as usize;
                match access.access {
                    Access::Read { .. } if !is_own(first_read[key]) => first_read[key] = mop,
                    Access::Append(_) if is_own(first_read[key]) && !is_own(last_listed[key]) => {
                        last_listed[key] = mop;
                        updates.push(first_read[key]);
                    }
                    Access::Read { .. } | Access::Append(_) | Access::Unread => {}
                }
            }
        }
        let version = |mop: &u32| -> (u32, Option<u32>, &[u32]) {
            let read = self.txns.mops[*mop as usize];
            match read.access {
                Access::Read { len, odd: NONE } => (read.key, Some(len), &[]),
                _ => (read.key, None, self.txns.contents(read)),
            }
        };
        updates.sort_by(|a, b| version(a).cmp(&version(b)).then(a.cmp(b)));
        for group in updates.chunk_by(|a, b| version(a) == version(b)).filter(|g| g.len() > 1) {
            found.add(&LOST_UPDATE, || self.lost_update(group));
        }
    }

    fn lost_update(&self, group: &[u32]) -> Anomaly {
        let key = self.key_of(group[0]);
        let contents = self.txns.contents(self.txns.mops[group[0] as usize]);
        let version: Value = contents.iter().map(|&element| self.value(element).clone()).collect();
        let title = format!(
            "{} transactions read the same version of key {} and then appended to it",
            group.len(),
            key.to_edn()
        );
        let parties = group.iter().take(LOSERS_MAX).map(|&mop| self.txns.txn_of(mop));
        let details = [("key", key.clone()), ("value", version)];
        self.about(&LOST_UPDATE, title, parties, &details)
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
            known: vec![nothing; finder.txns.keys.len()],
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
                    Access::Append(element) => walk.append(mop, *access, element, found),
                    Access::Read { .. } => walk.read(mop, *access, found),
                    Access::Unread => {}
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
            self.future_read(read, element, found);
        }
    }

    fn read(&mut self, mop: u32, access: MicroOp, found: &mut Anomalies) {
        let known = self.known[access.key as usize];
        let txns = self.finder.txns;
        let contents = txns.contents(access);
        if !self.agrees(&known, contents) {
            found.add(&INTERNAL, || {
                let key = txns.key_name(access.key);
                let k = key.to_edn();
                let title = format!("T1 read key {k} unlike what it had read or appended itself");
                let list = contents.iter().map(|&element| self.finder.value(element).clone());
                let details = [("key", key.clone()), ("value", list.collect())];
                self.finder.about(&INTERNAL, title, [known.txn], &details)
            });
        }
        let mut longest = known.longest;
        match access.access {
            Access::Read { len, odd: NONE } if len > longest.0 => longest = (len, mop),
            Access::Read { odd, .. } if odd != NONE => {
                let is_later = |element: &&u32| {
                    let element = &txns.elements[**element as usize];
                    element.writer == known.txn && element.writer_mop > mop
                };
                if let Some(&element) = contents.iter().find(is_later) {
                    self.future_read(mop, element, found);
                }
            }
            Access::Read { .. } | Access::Append(_) | Access::Unread => {}
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
                matches!(txns.mops[append as usize].access, Access::Append(e) if e == element);
            if !is_it {
                return false;
            }
            append = self.previous[append as usize];
        }
        true
    }

    fn future_read(&self, mop: u32, element: u32, found: &mut Anomalies) {
        found.add(&FUTURE_READ, || {
            let (key, value) = (self.finder.key_of(mop), self.finder.value(element));
            let (k, e) = (key.to_edn(), value.to_edn());
            let title = format!("T1 read {e} in key {k} before it appended that itself");
            let details = [("key", key.clone()), ("element", value.clone())];
            self.finder.about(&FUTURE_READ, title, [self.finder.txns.txn_of(mop)], &details)
        });
    }
}
