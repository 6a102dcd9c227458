//! The order of the versions of registers, as far as it is known.
//!
//! A read of a register tells which version it returned, and not what came before. What is known
//! of the order comes from these sources; each is a bit.
//!
//! | source | says |
//! |---|---|
//! | initial | what a key holds at first comes before all others |
//! | wfr-keys | what a transaction read of a key comes before what it wrote to it |
//! | sequential-keys | what a process touched of a key comes before what it touched later |
//! | linearizable-keys | what was touched of a key comes before what is touched by whoever began later |
//! | version-order | what somebody says who knows |
//!
//! To touch is to write, or else to read; first comes what was read. The versions of a key and what
//! is known of their order are a graph. Sources are added one by one; with one that closes a circle
//! the key is reported, and that source is left out for it.
//!
//! Of an initial version only those are kept as next ones that no other version with a writer comes
//! before: the others follow from these.

use crate::isolation::components::components;
use crate::isolation::cycles::groups;
use crate::isolation::graph::{Arc, Graph, Moment, moments};
use crate::isolation::transactions::{Access, Fate, NONE, Transactions, number};
use crate::isolation::{Registers, ThinAir};

/// What a key holds at first comes first.
pub(super) const INITIAL_FIRST: u8 = 1;
/// Who reads a version and writes the next.
pub(super) const WFR: u8 = 2;
/// Each key is sequentially consistent.
pub(super) const SEQUENTIAL: u8 = 4;
/// Each key is linearizable.
pub(super) const LINEARIZABLE: u8 = 8;
/// Somebody says so.
pub(super) const GIVEN: u8 = 16;

/// All sources, in the order in which they are added, with their names.
pub(super) const SOURCES: [(u8, &str); 5] = [
    (INITIAL_FIRST, "initial"),
    (WFR, "wfr-keys"),
    (SEQUENTIAL, "sequential-keys"),
    (LINEARIZABLE, "linearizable-keys"),
    (GIVEN, "version-order"),
];

/// What a transaction did to a key, seen from outside.
#[derive(Clone, Copy)]
pub(super) struct Touch {
    pub key: u32,
    /// The version that its first access returned, if that was a read; or [`NONE`].
    pub read: u32,
    /// The version that it wrote last, or [`NONE`].
    pub write: u32,
}

impl Touch {
    fn first(self) -> u32 {
        if self.read == NONE { self.write } else { self.read }
    }

    fn last(self) -> u32 {
        if self.write == NONE { self.read } else { self.write }
    }
}

/// Versions of a key that come after each other in a circle.
pub(super) struct Circle {
    pub key: u32,
    pub versions: Vec<u32>,
    pub sources: u8,
}

/// That one version comes before another, by these sources.
#[derive(Clone, Copy)]
struct Order {
    from: u32,
    to: u32,
    sources: u8,
}

/// The versions of all keys. Their numbers are those of elements; then come the initial ones, by
/// key.
pub(super) struct Versions {
    elements_count: u32,
    touches: Vec<Touch>,
    /// Where those of each transaction begin, and the end of the last.
    first_touch: Vec<u32>,
    graph: Graph,
    pub circles: Vec<Circle>,
    is_placed: Vec<bool>,
}

impl Versions {
    /// What these sources tell.
    pub(super) fn of(txns: &Transactions<'_>, registers: &Registers, sources: u8) -> Self {
        let mut versions = Self {
            elements_count: number(txns.elements.len()),
            touches: Vec::new(),
            first_touch: vec![0],
            graph: Graph::default(),
            circles: Vec::new(),
            is_placed: vec![false; txns.elements.len()],
        };
        versions.collect_touches(txns);
        let mut orders = versions.steps(txns, sources);
        if sources & SEQUENTIAL != 0 {
            versions.add_processes(txns, &mut orders);
        }
        if sources & LINEARIZABLE != 0 {
            versions.add_real_time(txns, &mut orders);
        }
        if sources & GIVEN != 0 {
            versions.add_given(txns, registers, &mut orders);
        }
        let begun = |element: u32| {
            let known = &txns.elements[element as usize];
            let may_be_first = known.writer == NONE && registers.thin_air == ThinAir::Initial;
            !known.is_twice && !may_be_first && !txns.is_initial_written(known.key)
        };
        let accepted = versions.accepted(txns, &orders, sources, begun);
        let key_of = |version: u32| versions.key_of(txns, version) as usize;
        orders.retain_mut(|order| {
            order.sources &= accepted[key_of(order.from)];
            order.sources != 0
        });
        versions.place(txns, &orders);
        versions.finish(txns, &orders, begun);
        versions
    }

    /// What a transaction did to its keys; nothing, if it failed.
    pub(super) fn touches_of(&self, txn: u32) -> &[Touch] {
        let [begin, end] = [txn, txn + 1].map(|txn| self.first_touch[txn as usize] as usize);
        &self.touches[begin..end]
    }

    /// The versions that come after one, each with its sources.
    pub(super) fn after(&self, version: u32) -> &[Arc] {
        self.graph.arcs_of(version)
    }

    /// The element that a version is; `None` for an initial one.
    pub(super) fn element(&self, version: u32) -> Option<u32> {
        (version < self.elements_count).then_some(version)
    }

    /// The version that an element is, or the initial one of a key.
    pub(super) fn number(&self, key: u32, element: Option<u32>) -> u32 {
        element.unwrap_or(self.elements_count + key)
    }

    /// Whether more is known of the place of an element than that it is not the first.
    pub(super) fn is_placed(&self, element: u32) -> bool {
        self.is_placed[element as usize]
    }

    fn key_of(&self, txns: &Transactions<'_>, version: u32) -> u32 {
        match self.element(version) {
            Some(element) => txns.elements[element as usize].key,
            None => version - self.elements_count,
        }
    }

    fn collect_touches(&mut self, txns: &Transactions<'_>) {
        // By key: where the touch of the current transaction is.
        let mut places = vec![NONE; txns.keys_count()];
        for (txn, fate) in (0..).zip(&txns.fates) {
            let begin = number(self.touches.len());
            let mops = txns.mops_of(txn);
            for mop in txns.mops[mops].iter().filter(|_| *fate != Fate::Failed) {
                let place = &mut places[mop.key as usize];
                if *place == NONE || *place < begin {
                    *place = number(self.touches.len());
                    let version = txns.version(*mop);
                    let read = version.map_or(NONE, |version| self.number(mop.key, version));
                    self.touches.push(Touch { key: mop.key, read, write: NONE });
                }
                if let Access::Write(element) = mop.access {
                    let is_known = txns.possible_writer(element).is_some();
                    let touch = &mut self.touches[*place as usize];
                    touch.write = if is_known { element } else { NONE };
                }
            }
            self.first_touch.push(number(self.touches.len()));
        }
    }

    /// What transactions read, and wrote after it.
    fn steps(&self, txns: &Transactions<'_>, sources: u8) -> Vec<Order> {
        let sources = sources & (WFR | SEQUENTIAL | LINEARIZABLE);
        let mut orders = Vec::new();
        for (txn, _) in (0..).zip(&txns.fates).filter(|_| sources != 0) {
            for touch in self.touches_of(txn) {
                push(&mut orders, touch.read, touch.write, sources);
            }
        }
        orders
    }

    fn add_processes(&self, txns: &Transactions<'_>, orders: &mut Vec<Order>) {
        let mut order: Vec<u32> = (0..number(txns.count())).collect();
        let process = |txn: u32| &txns.ops[txn as usize].invocation.process;
        order.sort_by(|&a, &b| process(a).cmp(process(b)).then(a.cmp(&b)));
        // By key: the last version, and the first transaction of the process that touched it.
        let mut last = vec![(NONE, NONE); txns.keys_count()];
        for group in order.chunk_by(|&a, &b| process(a) == process(b)) {
            for &txn in group {
                for touch in self.touches_of(txn) {
                    let (by, version) = &mut last[touch.key as usize];
                    if *by == group[0] {
                        push(orders, *version, touch.first(), SEQUENTIAL);
                    }
                    if txns.fates[txn as usize] == Fate::Ok && touch.last() != NONE {
                        (*by, *version) = (group[0], touch.last());
                    }
                }
            }
        }
    }

    /// Keeps by key what completed transactions touched last, but for those that another one
    /// began after which has completed, too: as many as there are clients, at most.
    fn add_real_time(&self, txns: &Transactions<'_>, orders: &mut Vec<Order>) {
        let mut frontiers: Vec<Vec<(usize, u32)>> = vec![Vec::new(); txns.keys_count()];
        for (place, moment) in moments(&txns.ops, &txns.fates).into_iter().enumerate() {
            match moment {
                Moment::Idle => {}
                Moment::Begin(txn) => {
                    for touch in self.touches_of(txn) {
                        for &(_, version) in &frontiers[touch.key as usize] {
                            push(orders, version, touch.first(), LINEARIZABLE);
                        }
                    }
                }
                Moment::End(txn) => {
                    let start = txns.ops[txn as usize].start;
                    for touch in self.touches_of(txn).iter().filter(|t| t.last() != NONE) {
                        let frontier = &mut frontiers[touch.key as usize];
                        frontier.retain(|&(end, version)| end > start && version != touch.last());
                        frontier.push((place, touch.last()));
                    }
                }
            }
        }
    }

    fn add_given(&self, txns: &Transactions<'_>, given: &Registers, orders: &mut Vec<Order>) {
        for (name, values) in &given.version_order {
            let mut before = NONE;
            for value in values {
                let Some((key, element)) = txns.known(name, value) else { break };
                let version = match element {
                    _ if txns.is_initial(key, value) => self.number(key, None),
                    Some(element) if !txns.elements[element as usize].is_twice => element,
                    _ => continue,
                };
                push(orders, before, version, GIVEN);
                before = version;
            }
        }
    }

    /// By key: the sources that do not contradict each other.
    fn accepted(
        &mut self,
        txns: &Transactions<'_>,
        orders: &[Order],
        sources: u8,
        begun: impl Fn(u32) -> bool + Copy,
    ) -> Vec<u8> {
        let mut accepted = vec![sources; txns.keys_count()];
        let all = self.circles(txns, orders, begun, &accepted);
        for circle in &all {
            accepted[circle.key as usize] = 0;
        }
        for (source, _) in SOURCES.iter().filter(|(source, _)| sources & source != 0) {
            if all.is_empty() {
                break;
            }
            let tried: Vec<u8> = accepted
                .iter()
                .map(|&accepted| if accepted == sources { accepted } else { accepted | source })
                .collect();
            let circles = self.circles(txns, orders, begun, &tried);
            let before = std::mem::replace(&mut accepted, tried);
            for circle in circles {
                accepted[circle.key as usize] = before[circle.key as usize];
                self.circles.push(circle);
            }
        }
        accepted
    }

    /// Circles in what these sources say of each key.
    fn circles(
        &self,
        txns: &Transactions<'_>,
        orders: &[Order],
        begun: impl Fn(u32) -> bool,
        sources: &[u8],
    ) -> Vec<Circle> {
        let versions_count = txns.elements.len() + txns.keys_count();
        let graph = Graph::of(versions_count, usize::MAX, |tell| {
            for element in (0..self.elements_count).filter(|&element| begun(element)) {
                let key = txns.elements[element as usize].key;
                tell(self.number(key, None), Arc { to: element, kinds: INITIAL_FIRST });
            }
            for order in orders {
                let key = self.key_of(txns, order.from) as usize;
                if order.sources & sources[key] != 0 {
                    tell(order.from, Arc { to: order.to, kinds: order.sources });
                }
            }
        });
        let Some(graph) = graph else { return Vec::new() };
        let component = components(versions_count, |version, cursor| {
            let arc = graph.arcs_of(version).get(*cursor as usize)?;
            *cursor += 1;
            Some(arc.to)
        });
        let circle = |versions: Vec<u32>| {
            let key = self.key_of(txns, versions[0]);
            Circle { key, versions, sources: sources[key as usize] }
        };
        groups(&component, versions_count).into_iter().map(circle).collect()
    }

    /// Notes of which elements the place is known.
    fn place(&mut self, txns: &Transactions<'_>, orders: &[Order]) {
        for version in orders.iter().flat_map(|order| [order.from, order.to]) {
            if let Some(element) = self.element(version) {
                self.is_placed[element as usize] = true;
            }
        }
        // What is written alone is the only one that can come after the initial version.
        let mut written = vec![(0_u32, NONE); txns.keys_count()];
        for element in (0..self.elements_count).filter(|&e| txns.possible_writer(e).is_some()) {
            let (count, last) = &mut written[txns.elements[element as usize].key as usize];
            (*count, *last) = (*count + 1, element);
        }
        for (_, only) in written.into_iter().filter(|(count, _)| *count == 1) {
            self.is_placed[only as usize] = true;
        }
    }

    fn finish(&mut self, txns: &Transactions<'_>, orders: &[Order], begun: impl Fn(u32) -> bool) {
        let is_written = |version: u32| {
            self.element(version).is_some_and(|element| txns.possible_writer(element).is_some())
        };
        let mut follows = vec![false; txns.elements.len()];
        for order in orders.iter().filter(|order| is_written(order.from)) {
            if let Some(element) = self.element(order.to) {
                follows[element as usize] = true;
            }
        }
        let is_next = |element: &u32| {
            let known = &txns.elements[*element as usize];
            let is_seen = known.is_final || known.reader_mop != NONE;
            is_written(*element) && is_seen && !follows[*element as usize] && begun(*element)
        };
        let next: Vec<u32> = (0..self.elements_count).filter(is_next).collect();
        let versions_count = txns.elements.len() + txns.keys_count();
        let graph = Graph::of(versions_count, usize::MAX, |tell| {
            for &element in &next {
                let key = txns.elements[element as usize].key;
                tell(self.number(key, None), Arc { to: element, kinds: INITIAL_FIRST });
            }
            for order in orders {
                tell(order.from, Arc { to: order.to, kinds: order.sources });
            }
        });
        self.graph = graph.expect("it is bounded by what the columns hold");
    }
}

/// Adds that one version comes before another, if both are known and differ.
fn push(orders: &mut Vec<Order>, from: u32, to: u32, sources: u8) {
    if from != NONE && to != NONE && from != to {
        orders.push(Order { from, to, sources });
    }
}
