//! What is said about a cycle, and the figures of a result.

use squall_history::Value;

use super::alone::op_of;
use super::cycles::Cycle;
use super::graph::{Graph, PROCESS, REALTIME};
use super::orders::Orders;
use super::transactions::{Access, Fate, NONE, Transactions};
use crate::anomaly::{Anomaly, Edge, EdgeKind, OPS_MAX};

/// Transactions of a cycle that a title names one by one.
const NAMED_MAX: usize = 4;

/// What proves an edge.
#[derive(Clone, Copy, Default)]
struct Proof {
    key: Option<u32>,
    /// The element that the first wrote, or the last of the version that it read.
    before: Option<u32>,
    /// The element that the second wrote.
    after: Option<u32>,
    from_mop: Option<u32>,
    to_mop: Option<u32>,
}

/// Tells about cycles of these transactions.
#[derive(Clone, Copy)]
pub(super) struct Teller<'a, 'h> {
    pub txns: &'a Transactions<'h>,
    pub orders: &'a Orders,
}

impl Teller<'_, '_> {
    /// The anomaly of a cycle. Its details have the form of Elle: `:type`, `:cycle`, `:steps`.
    pub(super) fn cycle(&self, cycle: &Cycle) -> Anomaly {
        let ops = cycle.steps.iter().take(OPS_MAX).map(|&(txn, _)| op_of(self.txns, txn));
        let mut edges = Vec::new();
        let mut steps = Vec::new();
        let next = cycle.steps.iter().cycle().skip(1);
        for ((from, &(a, kind)), &(b, _)) in cycle.steps.iter().enumerate().zip(next) {
            let to = (from + 1) % cycle.steps.len();
            let proof = self.proof(a, b, kind, cycle.is_tainted);
            edges.push(self.edge((from, to), b, kind, &proof));
            steps.push(self.step(kind, &proof));
        }
        let first = cycle.steps.iter().chain(cycle.steps.first());
        let event =
            |&(txn, _): &(u32, EdgeKind)| self.txns.ops[txn as usize].last_event().to_value();
        let mut details = vec![
            ("type", Value::keyword(cycle.class.name)),
            ("cycle", first.map(event).collect()),
            ("steps", Value::from(steps)),
        ];
        if cycle.is_tainted {
            details.push(("tainted", Value::Bool(true)));
        }
        let title = title(cycle, &edges);
        edges.truncate(OPS_MAX);
        Anomaly::new(cycle.class, title, ops.collect())
            .with_edges(edges)
            .with_details(Value::record(details))
    }

    /// What proves that `a` must come before `b`: on a key whose order can be trusted if there is
    /// one.
    fn proof(&self, a: u32, b: u32, kind: EdgeKind, is_tainted: bool) -> Proof {
        let keys_tried = if is_tainted { [false, true].as_slice() } else { &[false] };
        let proof = |&tainted: &bool| match kind {
            EdgeKind::Ww => self.ww(a, b, tainted),
            EdgeKind::Wr => self.wr(a, b, tainted),
            EdgeKind::Rw => self.rw(a, b, tainted),
            EdgeKind::Process | EdgeKind::Realtime => None,
        };
        keys_tried.iter().find_map(proof).unwrap_or_default()
    }

    /// The keys and accesses of a transaction, with their numbers; only keys that are tainted, or
    /// only others.
    fn accesses(&self, txn: u32, tainted: bool) -> impl Iterator<Item = (u32, u32, Access)> {
        let mops = self.txns.mops_of(txn);
        let numbers = (0..).zip(&self.txns.mops[mops]);
        let all = numbers.map(|(step, mop)| (step, mop.key, mop.access));
        all.filter(move |&(_, key, _)| self.orders.is_tainted[key as usize] == tainted)
    }

    fn ww(&self, a: u32, b: u32, tainted: bool) -> Option<Proof> {
        self.accesses(b, tainted).find_map(|(step, key, access)| {
            let Access::Append(element) = access else { return None };
            if self.txns.possible_writer(element) != Some(b) {
                return None;
            }
            let before = self.orders.before(self.txns, element).flatten()?;
            (self.txns.possible_writer(before) == Some(a)).then(|| Proof {
                key: Some(key),
                before: Some(before),
                after: Some(element),
                from_mop: Some(self.step_of_append(before)),
                to_mop: Some(step),
            })
        })
    }

    fn wr(&self, a: u32, b: u32, tainted: bool) -> Option<Proof> {
        self.accesses(b, tainted).find_map(|(step, key, access)| {
            let element = self.last_read(key, access)??;
            (self.txns.possible_writer(element) == Some(a)).then(|| Proof {
                key: Some(key),
                before: Some(element),
                after: None,
                from_mop: Some(self.step_of_append(element)),
                to_mop: Some(step),
            })
        })
    }

    fn rw(&self, a: u32, b: u32, tainted: bool) -> Option<Proof> {
        self.accesses(a, tainted).find_map(|(step, key, access)| {
            let version = self.last_read(key, access)?;
            let mut after = self.orders.after(key, version).iter().copied();
            let element = after.find(|&next| self.txns.possible_writer(next) == Some(b))?;
            Some(Proof {
                key: Some(key),
                before: version,
                after: Some(element),
                from_mop: Some(step),
                to_mop: Some(self.step_of_append(element)),
            })
        })
    }

    /// The version that a read returned, which is its last element or the empty list; `None` if
    /// this is no read.
    fn last_read(&self, key: u32, access: Access) -> Option<Option<u32>> {
        let mop = super::transactions::MicroOp { key, access };
        let is_read = matches!(access, Access::Read { .. });
        is_read.then(|| self.txns.contents(mop).last().copied())
    }

    fn step_of_append(&self, element: u32) -> u32 {
        self.txns.step_of(self.txns.elements[element as usize].writer_mop)
    }

    fn value(&self, element: u32) -> Value {
        self.txns.elements[element as usize].value.clone()
    }

    fn edge(&self, (from, to): (usize, usize), b: u32, kind: EdgeKind, proof: &Proof) -> Edge {
        let (a_name, b_name) = (format!("T{}", from + 1), format!("T{}", to + 1));
        let text = |element: Option<u32>| element.map(|e| self.value(e).to_edn());
        let key = proof.key.map(|key| self.txns.key_name(key).clone());
        let k = key.as_ref().map_or_else(String::new, Value::to_edn);
        let (before, after) = (text(proof.before), text(proof.after));
        let after = after.unwrap_or_default();
        let why = match (kind, before) {
            (EdgeKind::Wr, e) => {
                let e = e.unwrap_or_default();
                format!("{b_name} read key {k} ending in {e}, which {a_name} appended")
            }
            (EdgeKind::Ww, e) => {
                let e = e.unwrap_or_default();
                format!("{b_name} appended {after} to key {k} after {a_name}'s {e}")
            }
            (EdgeKind::Rw, _) => {
                format!("{a_name} read key {k} before {b_name}'s {after} was there")
            }
            (EdgeKind::Process, _) => {
                let process = self.txns.ops[b as usize].invocation.process.to_value().to_edn();
                format!("process {process} did {a_name} before {b_name}")
            }
            (EdgeKind::Realtime, _) => format!("{a_name} had ended when {b_name} began"),
        };
        let value = if kind == EdgeKind::Rw { proof.after } else { proof.before };
        Edge {
            from,
            to,
            kind,
            key,
            value: value.map(|element| self.value(element)),
            from_mop: proof.from_mop,
            to_mop: proof.to_mop,
            why,
        }
    }

    fn step(&self, kind: EdgeKind, proof: &Proof) -> Value {
        let value = |element: Option<u32>| element.map(|element| self.value(element));
        let number = |mop: Option<u32>| mop.map(|mop| Value::uint(mop.into()));
        let known = [
            ("type", Some(Value::keyword(kind.as_str()))),
            ("key", proof.key.map(|key| self.txns.key_name(key).clone())),
            ("value", value(proof.before)),
            ("value'", value(proof.after)),
            ("a-mop-index", number(proof.from_mop)),
            ("b-mop-index", number(proof.to_mop)),
        ];
        Value::record(known.into_iter().filter_map(|(name, value)| Some((name, value?))))
    }
}

/// What happened, in one sentence.
fn title(cycle: &Cycle, edges: &[Edge]) -> String {
    let names = names(cycle.steps.len());
    let count = |kind: EdgeKind| edges.iter().filter(|edge| edge.kind == kind).count();
    let clock = edges.iter().find_map(|edge| {
        let (a, b) = (edge.from + 1, edge.to + 1);
        match edge.kind {
            EdgeKind::Process => Some(format!("T{a} was done before T{b} by one process")),
            EdgeKind::Realtime => Some(format!("T{a} had ended when T{b} began")),
            EdgeKind::Ww | EdgeKind::Wr | EdgeKind::Rw => None,
        }
    });
    let said = match (count(EdgeKind::Rw), edges.last()) {
        (1, Some(missed)) => {
            let text =
                |value: &Option<Value>| value.as_ref().map_or_else(String::new, Value::to_edn);
            let (key, value) = (text(&missed.key), text(&missed.value));
            let (a, b) = (missed.from + 1, missed.to + 1);
            let said = format!("T{a} missed T{b}'s append of {value} to key {key}");
            match (edges.len(), &clock) {
                (2, Some(_)) => said,
                (2, None) => format!("{said}, but saw or followed another append of T{b}"),
                _ => format!("{said}, but saw or followed what comes after it"),
            }
        }
        (0, _) if count(EdgeKind::Wr) == 0 => {
            format!("{names} appended in one order to one key and in another to the next")
        }
        (0, _) => format!("{names} each saw or followed an append of the one before, in a circle"),
        _ => format!("{names} missed each other's appends: no order lets all of them do so"),
    };
    match clock {
        Some(clock) => format!("{said}, although {clock}"),
        None => said,
    }
}

fn names(count: usize) -> String {
    if count > NAMED_MAX {
        return format!("T1 to T{count}");
    }
    let names: Vec<String> = (1..count).map(|name| format!("T{name}")).collect();
    format!("{} and T{count}", names.join(", "))
}

/// How much of a history its graph is about.
pub(super) struct Coverage {
    writes_count: u64,
    writes_placed_count: u64,
    reads_count: u64,
    reads_with_writer_count: u64,
    committed_count: u64,
    in_graph_count: u64,
    edges: Value,
}

impl Coverage {
    pub(super) fn of(txns: &Transactions<'_>, orders: &Orders, graph: &Graph) -> Self {
        let mut coverage = Self {
            writes_count: 0,
            writes_placed_count: 0,
            reads_count: 0,
            reads_with_writer_count: 0,
            committed_count: 0,
            in_graph_count: 0,
            edges: Value::Nil,
        };
        for element in 0..super::transactions::number(txns.elements.len()) {
            if txns.possible_writer(element).is_some() {
                coverage.writes_count += 1;
                coverage.writes_placed_count += u64::from(orders.places[element as usize] != NONE);
            }
        }
        for read in &txns.mops {
            if let Some(&last) = txns.contents(*read).last() {
                coverage.reads_count += 1;
                coverage.reads_with_writer_count += u64::from(txns.possible_writer(last).is_some());
            }
        }
        let mut is_in_graph = vec![false; graph.vertices_count()];
        for (txn, _) in (0..).zip(&txns.fates) {
            for arc in
                graph.arcs_of(txn).iter().filter(|arc| arc.kinds & !(PROCESS | REALTIME) != 0)
            {
                is_in_graph[txn as usize] = true;
                is_in_graph[arc.to as usize] = true;
            }
        }
        for (fate, is_in_graph) in txns.fates.iter().zip(is_in_graph) {
            coverage.committed_count += u64::from(*fate == Fate::Ok);
            coverage.in_graph_count += u64::from(*fate == Fate::Ok && is_in_graph);
        }
        let counts = graph.counts;
        coverage.edges = Value::record([
            ("ww", Value::uint(counts.ww)),
            ("wr", Value::uint(counts.wr)),
            ("rw", Value::uint(counts.rw)),
            ("process", Value::uint(counts.process)),
            ("realtime", Value::uint(counts.realtime)),
        ]);
        coverage
    }

    /// Whether most of the writes have no known place in the order of their key.
    pub(super) fn is_poor(&self) -> bool {
        self.writes_placed_count * 2 < self.writes_count
    }

    pub(super) fn into_value(self) -> Value {
        Value::record([
            ("write-count", Value::uint(self.writes_count)),
            ("write-placed-count", Value::uint(self.writes_placed_count)),
            ("read-count", Value::uint(self.reads_count)),
            ("read-with-writer-count", Value::uint(self.reads_with_writer_count)),
            ("committed-count", Value::uint(self.committed_count)),
            ("in-graph-count", Value::uint(self.in_graph_count)),
            ("edge-count", self.edges),
        ])
    }
}
