//! Registers that are read and written: reads tell who wrote what they returned; the order of the
//! writes has to come from elsewhere (`versions.rs`).

mod versions;

use squall_history::Value;

use super::alone::Finder;
use super::evidence::{Evidence, Proof, Told, Words};
use super::graph::{RW, WR, WW};
use super::transactions::{Access, Fate, INITIAL, NONE, Transactions, number};
use super::{Options, Registers, ThinAir};
use crate::anomaly::{Anomalies, Anomaly, CYCLIC_VERSIONS, EdgeKind, OPS_MAX};
use crate::consistency::{self, Model};
use versions::{Circle, GIVEN, INITIAL_FIRST, LINEARIZABLE, SEQUENTIAL, SOURCES, Versions, WFR};

/// Sources that hold only if a guarantee does that the judged models don't give.
const ASSUMED: u8 = SEQUENTIAL | LINEARIZABLE;

/// What registers tell about these transactions.
pub(super) struct RwRegister<'a, 'h> {
    txns: &'a Transactions<'h>,
    versions: Versions,
    sources: u8,
    is_strict: bool,
}

impl<'a, 'h> RwRegister<'a, 'h> {
    pub(super) fn of(txns: &'a Transactions<'h>, options: &Options, registers: &Registers) -> Self {
        let sources = sources(options, registers);
        let versions = Versions::of(txns, registers, sources);
        Self { txns, versions, sources, is_strict: registers.thin_air == ThinAir::Broken }
    }

    /// Adds the anomalies that need no graph of transactions.
    pub(super) fn find_alone(&self, found: &mut Anomalies) {
        let finder = Finder { txns: self.txns, words: self.words() };
        finder.find(self.is_strict, found);
        self.walk(&finder, found);
        for circle in &self.versions.circles {
            found.add(&CYCLIC_VERSIONS, || self.circle(&finder, circle));
        }
    }

    /// Walks through committed transactions and compares them with themselves.
    fn walk(&self, finder: &Finder<'_, '_>, found: &mut Anomalies) {
        // By key: the current transaction's first access if that was a read, and its last one.
        let mut first_read = vec![(NONE, NONE); self.txns.keys_count()];
        let mut latest = vec![(NONE, NONE); self.txns.keys_count()];
        for (txn, _) in (0..).zip(&self.txns.fates).filter(|(_, fate)| **fate == Fate::Ok) {
            let mops = self.txns.mops_of(txn);
            for (mop, access) in (number(mops.start)..).zip(&self.txns.mops[mops]) {
                let key = access.key as usize;
                let before = (latest[key].0 == txn).then_some(latest[key].1);
                let now = match access.access {
                    Access::Version(version) => {
                        if before.is_none() {
                            first_read[key] = (txn, mop);
                        } else if before != Some(version) {
                            finder.internal(mop, found);
                        }
                        version
                    }
                    Access::Write(element) => {
                        let (by, read) = first_read[key];
                        let returned = |read: u32| self.txns.version(self.txns.mops[read as usize]);
                        if by == txn && returned(read) == Some(Some(element)) {
                            finder.future_read(read, element, found);
                        }
                        self.written(access.key, element)
                    }
                    Access::List { .. } | Access::Unread => continue,
                };
                latest[key] = (txn, now);
            }
        }
    }

    /// What a read of an element returns that was written just before.
    fn written(&self, key: u32, element: u32) -> u32 {
        let value = self.txns.elements[element as usize].value;
        if self.txns.is_initial(key, value) { INITIAL } else { element }
    }

    /// Versions that come after each other in a circle, with who wrote and who read them.
    fn circle(&self, finder: &Finder<'_, '_>, circle: &Circle) -> Anomaly {
        let key = self.txns.key_name(circle.key);
        let mut txns = Vec::new();
        let mut values = Vec::new();
        for &version in circle.versions.iter().take(OPS_MAX) {
            let element = self.versions.element(version);
            values.push(self.text(Some(circle.key), element));
            let Some(element) = element else { continue };
            let known = &self.txns.elements[element as usize];
            let reader = (known.reader_mop != NONE).then(|| self.txns.txn_of(known.reader_mop));
            txns.extend(self.txns.possible_writer(element).into_iter().chain(reader));
        }
        txns.sort_unstable();
        txns.dedup();
        let named: Vec<String> = values.iter().map(Value::to_edn).collect();
        let title = format!(
            "the versions {} of key {} come before each other in a circle{}",
            named.join(", "),
            key.to_edn(),
            proviso(circle.sources)
        );
        let details = [
            ("key", key.clone()),
            ("scc", Value::list(values)),
            ("sources", names(circle.sources)),
        ];
        finder.about(&CYCLIC_VERSIONS, title, txns, &details)
    }

    /// The writes of a transaction that may have happened, with their steps.
    fn writes(&self, txn: u32) -> impl Iterator<Item = (u32, u32)> {
        let mops = self.txns.mops_of(txn);
        let elements =
            (0..).zip(&self.txns.mops[mops]).filter_map(|(step, mop)| match mop.access {
                Access::Write(element) => Some((step, element)),
                Access::List { .. } | Access::Version(_) | Access::Unread => None,
            });
        elements.filter(move |&(_, element)| self.txns.possible_writer(element) == Some(txn))
    }

    /// What comes after a version and was written by this transaction.
    fn next_by(&self, version: u32, writer: u32) -> Option<u32> {
        let mut after = self.versions.after(version).iter();
        after.find_map(|arc| {
            let element = self.versions.element(arc.to)?;
            (self.txns.possible_writer(element) == Some(writer)).then_some(element)
        })
    }

    /// The step in which a transaction first touched a key.
    fn step_of_key(&self, txn: u32, key: u32) -> Option<u32> {
        let mops = &self.txns.mops[self.txns.mops_of(txn)];
        mops.iter().position(|mop| mop.key == key).map(number)
    }

    fn ww(&self, a: u32, b: u32) -> Option<Proof> {
        self.writes(a).find_map(|(step, before)| {
            let after = self.next_by(before, b)?;
            Some(Proof {
                key: Some(self.txns.elements[before as usize].key),
                before: Some(before),
                after: Some(after),
                from_mop: Some(step),
                to_mop: Some(self.step_of_write(after)),
            })
        })
    }

    fn wr(&self, a: u32, b: u32) -> Option<Proof> {
        self.versions.touches_of(b).iter().find_map(|touch| {
            let element = self.element(touch.read)?;
            (self.txns.possible_writer(element) == Some(a)).then(|| Proof {
                key: Some(touch.key),
                before: Some(element),
                after: None,
                from_mop: Some(self.step_of_write(element)),
                to_mop: self.step_of_key(b, touch.key),
            })
        })
    }

    fn rw(&self, a: u32, b: u32) -> Option<Proof> {
        let reads = self.versions.touches_of(a).iter().filter(|touch| touch.read != NONE);
        reads.into_iter().find_map(|touch| {
            let after = self.next_by(touch.read, b)?;
            Some(Proof {
                key: Some(touch.key),
                before: self.versions.element(touch.read),
                after: Some(after),
                from_mop: self.step_of_key(a, touch.key),
                to_mop: Some(self.step_of_write(after)),
            })
        })
    }

    /// The element that was read, unless nothing or the initial version was.
    fn element(&self, version: u32) -> Option<u32> {
        self.versions.element(version).filter(|_| version != NONE)
    }

    /// The sources that say that the second version of a proof comes after the first.
    fn sources_of(&self, proof: &Proof) -> u8 {
        let (Some(key), Some(after)) = (proof.key, proof.after) else { return 0 };
        let before = self.versions.number(key, proof.before);
        let arc = self.versions.after(before).iter().find(|arc| arc.to == after);
        arc.map_or(0, |arc| arc.kinds)
    }
}

impl<'h> Evidence<'h> for RwRegister<'_, 'h> {
    fn txns(&self) -> &Transactions<'h> {
        self.txns
    }

    fn words(&self) -> &'static Words {
        &Words::WRITE
    }

    /// How many versions come next, over all reads: many, if many transactions read a version that
    /// many others replaced.
    fn edges_count_min(&self) -> u64 {
        let txns = 0..number(self.txns.count());
        let touches = txns.flat_map(|txn| self.versions.touches_of(txn));
        let reads = touches.filter(|touch| touch.read != NONE);
        reads.map(|touch| self.versions.after(touch.read).len() as u64).sum()
    }

    fn each(&self, tell: &mut dyn FnMut(Told)) {
        let writer = |version: u32| {
            self.element(version).and_then(|element| self.txns.possible_writer(element))
        };
        for txn in 0..number(self.txns.count()) {
            for touch in self.versions.touches_of(txn).iter().filter(|touch| touch.read != NONE) {
                let key = touch.key;
                tell(Told { from: writer(touch.read), to: Some(txn), kind: WR, key });
                for arc in self.versions.after(touch.read) {
                    tell(Told { from: Some(txn), to: writer(arc.to), kind: RW, key });
                }
            }
        }
        for element in 0..number(self.txns.elements.len()) {
            let key = self.txns.elements[element as usize].key;
            for arc in self.versions.after(element) {
                tell(Told { from: writer(element), to: writer(arc.to), kind: WW, key });
            }
        }
    }

    /// A source that contradicts itself is left out, so what is left can be relied on.
    fn is_tainted(&self, _key: u32) -> bool {
        false
    }

    fn proof(&self, a: u32, b: u32, kind: EdgeKind, _is_tainted: bool) -> Option<Proof> {
        match kind {
            EdgeKind::Ww => self.ww(a, b),
            EdgeKind::Wr => self.wr(a, b),
            EdgeKind::Rw => self.rw(a, b),
            EdgeKind::Process | EdgeKind::Realtime => None,
        }
    }

    fn why(&self, (a, b): (&str, &str), kind: EdgeKind, proof: &Proof) -> String {
        let k = proof.key.map_or_else(String::new, |key| self.txns.key_name(key).to_edn());
        let text = |element: Option<u32>| self.text(proof.key, element).to_edn();
        let (before, after) = (text(proof.before), text(proof.after));
        let sources = self.sources_of(proof);
        let proviso = proviso(sources);
        match kind {
            EdgeKind::Wr => format!("{b} read {before} in key {k}, which {a} wrote"),
            EdgeKind::Ww if sources & WFR != 0 => {
                format!("{b} read {a}'s {before} in key {k} and then wrote {after}")
            }
            EdgeKind::Ww => format!("{b} wrote {after} to key {k} after {a}'s {before}{proviso}"),
            _ if sources & WFR != 0 && proof.before.is_some() => {
                format!("{a} read {before} in key {k}, as did {b}, which then wrote {after}")
            }
            _ if sources & (WFR | INITIAL_FIRST) != 0 => {
                format!("{a} read key {k} before {b}'s {after} was there")
            }
            _ => format!("{a} read {before} in key {k}, and {b}'s {after} came later{proviso}"),
        }
    }

    fn is_placed(&self, element: u32) -> bool {
        self.versions.is_placed(element)
    }

    /// That writes follow reads holds from read-committed up; so what follows from it does not
    /// rule out what is weaker. The same edges show reads of writes in a circle.
    fn refuting(&self, class: &'static str) -> &'static str {
        let by_wfr =
            self.versions.circles.iter().all(|circle| circle.sources & !WFR == INITIAL_FIRST);
        match class {
            "G0" if self.sources & WFR != 0 => "G1c",
            "G0-process" if self.sources & WFR != 0 => "G1c-process",
            "G0-realtime" if self.sources & WFR != 0 => "G1c-realtime",
            "cyclic-versions" if by_wfr => "G1c",
            class => class,
        }
    }

    fn more(&self) -> Vec<(&'static str, Value)> {
        let mut pairs = vec![("version-sources", names(self.sources))];
        if self.sources & ASSUMED != 0 {
            pairs.push(("assumed", names(self.sources & ASSUMED)));
        }
        pairs
    }
}

/// The sources that may be used.
fn sources(options: &Options, registers: &Registers) -> u8 {
    let read_committed = Model::named("read-committed").expect("a name of `MODELS`");
    let is_weaker =
        |model: &Model| consistency::has_rules(*model) && !model.implies(read_committed);
    let has_wfr = registers.wfr_keys && !options.models.iter().any(is_weaker);
    let used = [
        (INITIAL_FIRST, true),
        (WFR, has_wfr),
        (SEQUENTIAL, registers.sequential_keys),
        (LINEARIZABLE, registers.linearizable_keys && options.has_real_time),
        (GIVEN, !registers.version_order.is_empty()),
    ];
    used.iter().filter(|(_, is_used)| *is_used).map(|(source, _)| source).sum()
}

fn names(sources: u8) -> Value {
    let used = SOURCES.iter().filter(|(source, _)| sources & source != 0);
    used.map(|(_, name)| Value::keyword(*name)).collect()
}

/// What has to hold for these sources to be right.
fn proviso(sources: u8) -> &'static str {
    if sources & GIVEN != 0 {
        ", by the order that was given"
    } else if sources & SEQUENTIAL != 0 {
        ", if each key is sequentially consistent"
    } else if sources & LINEARIZABLE != 0 {
        ", if each key is linearizable"
    } else {
        ""
    }
}
