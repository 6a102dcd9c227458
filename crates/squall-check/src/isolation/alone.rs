//! Anomalies that need no graph: each is seen in one read, or in two of the same version. Those
//! that only lists have, and how transactions contradict themselves, are with their family.

use squall_history::Value;

use super::evidence::Words;
use super::transactions::{Access, INITIAL, NONE, Transactions, number};
use crate::anomaly::{
    Anomalies, Anomaly, Class, FUTURE_READ, G1A, G1B, INTERNAL, LOST_UPDATE, OpRef,
    REQUEST_MISMATCH, THIN_AIR_READ,
};

/// Operations that one case of lost update names.
const LOSERS_MAX: usize = 64;

/// The operation of a transaction, for an anomaly.
pub(super) fn op_of(txns: &Transactions<'_>, txn: u32) -> OpRef {
    OpRef::of(&txns.ops[txn as usize])
}

/// Finds anomalies of these transactions, and tells of them.
#[derive(Clone, Copy)]
pub(super) struct Finder<'a, 'h> {
    pub txns: &'a Transactions<'h>,
    pub words: &'static Words,
}

impl Finder<'_, '_> {
    /// Those that all families have. `is_strict`: what nobody wrote must not be read.
    pub(super) fn find(&self, is_strict: bool, found: &mut Anomalies) {
        self.mismatches(found);
        self.strange_elements(found, is_strict);
        self.intermediate_reads(found);
        self.lost_updates(found);
    }

    pub(super) fn value(&self, element: u32) -> &Value {
        self.txns.elements[element as usize].value
    }

    pub(super) fn key_of(&self, mop: u32) -> &Value {
        self.txns.key_name(self.txns.mops[mop as usize].key)
    }

    /// An anomaly of these transactions about a key.
    pub(super) fn about(
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

    /// What a read returned.
    pub(super) fn result(&self, mop: u32) -> Value {
        let read = self.txns.mops[mop as usize];
        match read.access {
            Access::Version(INITIAL) => self.txns.initial(read.key),
            Access::Version(element) => self.value(element).clone(),
            Access::List { .. } | Access::Write(_) | Access::Unread => self
                .txns
                .contents(read)
                .iter()
                .map(|&element| self.value(element).clone())
                .collect(),
        }
    }

    /// That a transaction read what it wrote itself only later.
    pub(super) fn future_read(&self, mop: u32, element: u32, found: &mut Anomalies) {
        found.add(&FUTURE_READ, || {
            let (key, value) = (self.key_of(mop), self.value(element));
            let (k, e, wrote) = (key.to_edn(), value.to_edn(), self.words.wrote);
            let title = format!("T1 read {e} in key {k} before it {wrote} that itself");
            let details = [("key", key.clone()), ("element", value.clone())];
            self.about(&FUTURE_READ, title, [self.txns.txn_of(mop)], &details)
        });
    }

    /// That a read contradicts what the transaction had read or written before.
    pub(super) fn internal(&self, mop: u32, found: &mut Anomalies) {
        found.add(&INTERNAL, || {
            let (key, wrote) = (self.key_of(mop), self.words.wrote);
            let k = key.to_edn();
            let title = format!("T1 read key {k} unlike what it had read or {wrote} itself");
            let details = [("key", key.clone()), ("value", self.result(mop))];
            self.about(&INTERNAL, title, [self.txns.txn_of(mop)], &details)
        });
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

    /// Elements that nobody wrote, or whose transaction failed, each with its first reader.
    fn strange_elements(&self, found: &mut Anomalies, is_strict: bool) {
        let wrote = self.words.wrote;
        for element in self.txns.elements.iter().filter(|element| element.reader_mop != NONE) {
            let reader = self.txns.txn_of(element.reader_mop);
            let key = self.txns.key_name(element.key);
            let details = [("key", key.clone()), ("element", element.value.clone())];
            let (k, e) = (key.to_edn(), element.value.to_edn());
            if self.txns.has_failed(element.writer) {
                found.add(&G1A, || {
                    let title = format!("T2 read {e} in key {k}, which T1 {wrote}, but T1 failed");
                    self.about(&G1A, title, [element.writer, reader], &details)
                });
            } else if is_strict && element.writer == NONE && !self.txns.is_unreadable {
                found.add(&THIN_AIR_READ, || {
                    let title = format!("T1 read {e} in key {k}, which nobody {wrote}");
                    self.about(&THIN_AIR_READ, title, [reader], &details)
                });
            }
        }
    }

    /// Reads of what was not the last write of its transaction to the key.
    fn intermediate_reads(&self, found: &mut Anomalies) {
        for (mop, read) in (0..).zip(&self.txns.mops) {
            let Some(Some(last)) = self.txns.version(*read) else { continue };
            let element = &self.txns.elements[last as usize];
            let Some(writer) = self.txns.possible_writer(last).filter(|_| !element.is_final) else {
                continue;
            };
            let reader = self.txns.txn_of(mop);
            if reader == writer {
                continue;
            }
            found.add(&G1B, || {
                let (k, e) = (self.key_of(mop).to_edn(), element.value.to_edn());
                let (saw, write) = ((self.words.saw)(&k, &e), self.words.write);
                let title = format!("T2 read {saw}, in the middle of T1's {write}s");
                let details =
                    [("key", self.key_of(mop).clone()), ("element", element.value.clone())];
                self.about(&G1B, title, [writer, reader], &details)
            });
        }
    }

    /// Transactions that first read the same version of a key and then wrote the next.
    fn lost_updates(&self, found: &mut Anomalies) {
        let mut first_read = vec![NONE; self.txns.keys_count()];
        let mut last_listed = vec![NONE; self.txns.keys_count()];
        let mut updates: Vec<u32> = Vec::new();
        for (txn, _) in (0..).zip(&self.txns.fates) {
            let mops = self.txns.mops_of(txn);
            let begin = number(mops.start);
            let is_own = |mop: u32| mop != NONE && mop >= begin;
            for (mop, access) in (begin..).zip(&self.txns.mops[mops]) {
                let key = access.key as usize;
                match access.access {
                    Access::List { .. } | Access::Version(_) if !is_own(first_read[key]) => {
                        first_read[key] = mop;
                    }
                    Access::Write(_) if is_own(first_read[key]) && !is_own(last_listed[key]) => {
                        last_listed[key] = mop;
                        let read = self.txns.mops[first_read[key] as usize];
                        if self.txns.version(read).is_some() {
                            updates.push(first_read[key]);
                        }
                    }
                    Access::List { .. }
                    | Access::Version(_)
                    | Access::Write(_)
                    | Access::Unread => {}
                }
            }
        }
        let version = |mop: &u32| -> (u32, Option<u32>, &[u32]) {
            let read = self.txns.mops[*mop as usize];
            match read.access {
                Access::List { len: version, odd: NONE } | Access::Version(version) => {
                    (read.key, Some(version), &[])
                }
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
        let title = format!(
            "{} transactions read the same version of key {} and then {} to it",
            group.len(),
            key.to_edn(),
            self.words.wrote
        );
        let parties = group.iter().take(LOSERS_MAX).map(|&mop| self.txns.txn_of(mop));
        let details = [("key", key.clone()), ("value", self.result(group[0]))];
        self.about(&LOST_UPDATE, title, parties, &details)
    }
}
