//! What is said about a cycle, and the figures of a result.

use squall_history::Value;

use super::alone::op_of;
use super::cycles::Cycle;
use super::evidence::{Evidence, Proof, Words};
use super::graph::{Graph, PROCESS, REALTIME};
use super::transactions::{Fate, number};
use crate::anomaly::{Anomaly, Edge, EdgeKind, OPS_MAX};

/// Transactions of a cycle that a title names one by one.
const NAMED_MAX: usize = 4;

/// Tells about cycles of these transactions.
pub(super) struct Teller<'a, E> {
    pub evidence: &'a E,
}

impl<'h, E: Evidence<'h>> Teller<'_, E> {
    /// The anomaly of a cycle. Its details have the form of Elle: `:type`, `:cycle`, `:steps`.
    pub(super) fn cycle(&self, cycle: &Cycle) -> Anomaly {
        let ops =
            cycle.steps.iter().take(OPS_MAX).map(|&(txn, _)| op_of(self.evidence.txns(), txn));
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
        let event = |&(txn, _): &(u32, EdgeKind)| {
            self.evidence.txns().ops[txn as usize].last_event().to_value()
        };
        let mut details = vec![
            ("type", Value::keyword(cycle.class.name)),
            ("cycle", first.map(event).collect()),
            ("steps", Value::from(steps)),
        ];
        if cycle.is_tainted {
            details.push(("tainted", Value::Bool(true)));
        }
        let title = title(cycle, &edges, self.evidence.words());
        edges.truncate(OPS_MAX);
        Anomaly::new(cycle.class, title, ops.collect())
            .with_edges(edges)
            .with_details(Value::record(details))
    }

    /// What proves that `a` must come before `b`: on a key whose order can be trusted if there is
    /// one.
    fn proof(&self, a: u32, b: u32, kind: EdgeKind, is_tainted: bool) -> Proof {
        let keys_tried = if is_tainted { [false, true].as_slice() } else { &[false] };
        let proof = |&tainted: &bool| self.evidence.proof(a, b, kind, tainted);
        keys_tried.iter().find_map(proof).unwrap_or_default()
    }

    fn edge(&self, (from, to): (usize, usize), b: u32, kind: EdgeKind, proof: &Proof) -> Edge {
        let names = (format!("T{}", from + 1), format!("T{}", to + 1));
        let names = (names.0.as_str(), names.1.as_str());
        let why = match kind {
            EdgeKind::Ww | EdgeKind::Wr | EdgeKind::Rw => self.evidence.why(names, kind, proof),
            EdgeKind::Process => {
                let process = &self.evidence.txns().ops[b as usize].invocation.process;
                let process = process.to_value().to_edn();
                format!("process {process} did {} before {}", names.0, names.1)
            }
            EdgeKind::Realtime => format!("{} had ended when {} began", names.0, names.1),
        };
        let value = if kind == EdgeKind::Rw { proof.after } else { proof.before };
        Edge {
            from,
            to,
            kind,
            key: proof.key.map(|key| self.evidence.txns().key_name(key).clone()),
            value: value.map(|element| self.evidence.text(proof.key, Some(element))),
            from_mop: proof.from_mop,
            to_mop: proof.to_mop,
            why,
        }
    }

    fn step(&self, kind: EdgeKind, proof: &Proof) -> Value {
        let value = |element: Option<u32>| {
            element.map(|element| self.evidence.text(proof.key, Some(element)))
        };
        let number = |mop: Option<u32>| mop.map(|mop| Value::uint(mop.into()));
        let known = [
            ("type", Some(Value::keyword(kind.as_str()))),
            ("key", proof.key.map(|key| self.evidence.txns().key_name(key).clone())),
            ("value", value(proof.before)),
            ("value'", value(proof.after)),
            ("a-mop-index", number(proof.from_mop)),
            ("b-mop-index", number(proof.to_mop)),
        ];
        Value::record(known.into_iter().filter_map(|(name, value)| Some((name, value?))))
    }
}

/// What happened, in one sentence.
fn title(cycle: &Cycle, edges: &[Edge], words: &Words) -> String {
    let Words { wrote, write, a_write, .. } = words;
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
            let said = format!("T{a} missed T{b}'s {write} of {value} to key {key}");
            match (edges.len(), &clock) {
                (2, Some(_)) => said,
                (2, None) => format!("{said}, but saw or followed another {write} of T{b}"),
                _ => format!("{said}, but saw or followed what comes after it"),
            }
        }
        (0, _) if count(EdgeKind::Wr) == 0 => {
            format!("{names} {wrote} in one order to one key and in another to the next")
        }
        (0, _) => format!("{names} each saw or followed {a_write} of the one before, in a circle"),
        _ => format!("{names} missed each other's {write}s: no order lets all of them do so"),
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
    pub(super) fn of<'h>(evidence: &impl Evidence<'h>, graph: &Graph) -> Self {
        let txns = evidence.txns();
        let mut coverage = Self {
            writes_count: 0,
            writes_placed_count: 0,
            reads_count: 0,
            reads_with_writer_count: 0,
            committed_count: 0,
            in_graph_count: 0,
            edges: Value::Nil,
        };
        for element in 0..number(txns.elements.len()) {
            if txns.possible_writer(element).is_some() {
                coverage.writes_count += 1;
                coverage.writes_placed_count += u64::from(evidence.is_placed(element));
            }
        }
        for read in &txns.mops {
            if let Some(Some(last)) = txns.version(*read) {
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
