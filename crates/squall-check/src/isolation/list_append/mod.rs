//! Lists that are appended to: reads tell the order of the elements, and so of their writers.

pub(super) mod lists;

mod orders;

mod alone;

use super::alone::Finder;
use super::evidence::{Evidence, Proof, Told, Words};
use super::graph::{RW, WR, WW};
use super::transactions::{Access, Fate, MicroOp, NONE, Transactions, number};
use crate::anomaly::{Anomalies, EdgeKind};
use orders::Orders;

/// What lists tell about these transactions.
pub(super) struct ListAppend<'a, 'h> {
    txns: &'a Transactions<'h>,
    orders: Orders,
}

impl<'a, 'h> ListAppend<'a, 'h> {
    pub(super) fn of(txns: &'a Transactions<'h>) -> Self {
        Self { txns, orders: Orders::of(txns) }
    }

    /// Adds the anomalies that need no graph.
    pub(super) fn find_alone(&self, found: &mut Anomalies) {
        let finder = Finder { txns: self.txns, words: self.words() };
        finder.find(true, found);
        alone::find(&finder, &self.orders, found);
    }

    /// The keys and accesses of a transaction, with their numbers; only keys that are tainted, or
    /// only others.
    fn accesses(&self, txn: u32, tainted: bool) -> impl Iterator<Item = (u32, MicroOp)> {
        let mops = self.txns.mops_of(txn);
        let all = (0..).zip(self.txns.mops[mops].iter().copied());
        all.filter(move |(_, mop)| self.orders.is_tainted[mop.key as usize] == tainted)
    }

    fn ww(&self, a: u32, b: u32, tainted: bool) -> Option<Proof> {
        self.accesses(b, tainted).find_map(|(step, mop)| {
            let Access::Write(element) = mop.access else { return None };
            if self.txns.possible_writer(element) != Some(b) {
                return None;
            }
            let before = self.orders.before(self.txns, element).flatten()?;
            (self.txns.possible_writer(before) == Some(a)).then(|| Proof {
                key: Some(mop.key),
                before: Some(before),
                after: Some(element),
                from_mop: Some(self.step_of_write(before)),
                to_mop: Some(step),
            })
        })
    }

    fn wr(&self, a: u32, b: u32, tainted: bool) -> Option<Proof> {
        self.accesses(b, tainted).find_map(|(step, mop)| {
            let element = self.txns.version(mop)??;
            (self.txns.possible_writer(element) == Some(a)).then(|| Proof {
                key: Some(mop.key),
                before: Some(element),
                after: None,
                from_mop: Some(self.step_of_write(element)),
                to_mop: Some(step),
            })
        })
    }

    fn rw(&self, a: u32, b: u32, tainted: bool) -> Option<Proof> {
        self.accesses(a, tainted).find_map(|(step, mop)| {
            let version = self.txns.version(mop)?;
            let mut after = self.orders.after(mop.key, version).iter().copied();
            let element = after.find(|&next| self.txns.possible_writer(next) == Some(b))?;
            Some(Proof {
                key: Some(mop.key),
                before: version,
                after: Some(element),
                from_mop: Some(step),
                to_mop: Some(self.step_of_write(element)),
            })
        })
    }
}

impl<'h> Evidence<'h> for ListAppend<'_, 'h> {
    fn txns(&self) -> &Transactions<'h> {
        self.txns
    }

    fn words(&self) -> &'static Words {
        &Words::APPEND
    }

    /// How many elements come right after what was read, over all reads: the one kind of edges
    /// that may be many, if many reads miss many appends that nobody ever read.
    fn edges_count_min(&self) -> u64 {
        let reads =
            self.txns.mops.iter().filter_map(|mop| Some((mop.key, self.txns.version(*mop)?)));
        reads.map(|(key, version)| self.orders.after(key, version).len() as u64).sum()
    }

    fn each(&self, tell: &mut dyn FnMut(Told)) {
        let writer = |element: u32| self.txns.possible_writer(element);
        for (txn, _) in (0..).zip(&self.txns.fates).filter(|(_, fate)| **fate == Fate::Ok) {
            for read in &self.txns.mops[self.txns.mops_of(txn)] {
                let Some(version) = self.txns.version(*read) else { continue };
                let key = read.key;
                if let Some(element) = version {
                    tell(Told { from: writer(element), to: Some(txn), kind: WR, key });
                }
                for &next in self.orders.after(key, version) {
                    tell(Told { from: Some(txn), to: writer(next), kind: RW, key });
                }
            }
        }
        for key in 0..number(self.txns.keys_count()) {
            let order = self.orders.of_key(key);
            for pair in order.windows(2) {
                tell(Told { from: writer(pair[0]), to: writer(pair[1]), kind: WW, key });
            }
            if let Some(&last) = order.last() {
                for &next in self.orders.unread_of_key(key) {
                    tell(Told { from: writer(last), to: writer(next), kind: WW, key });
                }
            }
        }
    }

    fn is_tainted(&self, key: u32) -> bool {
        self.orders.is_tainted[key as usize]
    }

    fn proof(&self, a: u32, b: u32, kind: EdgeKind, is_tainted: bool) -> Option<Proof> {
        match kind {
            EdgeKind::Ww => self.ww(a, b, is_tainted),
            EdgeKind::Wr => self.wr(a, b, is_tainted),
            EdgeKind::Rw => self.rw(a, b, is_tainted),
            EdgeKind::Process | EdgeKind::Realtime => None,
        }
    }

    fn why(&self, (a, b): (&str, &str), kind: EdgeKind, proof: &Proof) -> String {
        let key = proof.key.map_or_else(String::new, |key| self.txns.key_name(key).to_edn());
        let text = |element: Option<u32>| self.text(None, element).to_edn();
        let (before, after) = (text(proof.before), text(proof.after));
        match kind {
            EdgeKind::Wr => {
                format!("{b} read {}, which {a} appended", (self.words().saw)(&key, &before))
            }
            EdgeKind::Ww => format!("{b} appended {after} to key {key} after {a}'s {before}"),
            EdgeKind::Rw | EdgeKind::Process | EdgeKind::Realtime => {
                format!("{a} read key {key} before {b}'s {after} was there")
            }
        }
    }

    fn is_placed(&self, element: u32) -> bool {
        self.orders.places[element as usize] != NONE
    }
}
