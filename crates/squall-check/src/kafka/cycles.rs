//! Cycles: operations that saw each other's messages in a circle, or against real time.

use std::collections::BTreeSet;

use squall_history::Value;

use super::Options;
use super::columns::Columns;
use super::orders::Orders;
use super::report::Teller;
use crate::anomaly::{Anomaly, Edge, EdgeKind, OPS_MAX};
use crate::isolation::cycles::{self, Cycle, Cycles};
use crate::isolation::graph::{Arc, Clock, Graph, Times, WR, WW};
use crate::isolation::{Fate, NONE, number};

/// What the search for cycles came to; `None` if the graph would be too large.
pub(super) fn find(columns: &Columns<'_>, orders: &Orders, options: &Options) -> Option<Cycles> {
    let clock = if options.is_realtime { Clock::Realtime } else { Clock::Process };
    let times = Times::of(&columns.ops, &columns.fates, clock);
    let vertices_count = columns.ops.len() + times.barriers_count as usize;
    let graph = Graph::of(vertices_count, options.edges_max, |tell| {
        tell_reads(columns, tell);
        if options.ww_deps {
            tell_order(columns, orders, tell);
        }
        for &(from, arc) in &times.arcs {
            tell(from, arc);
        }
    })?;
    let mut found = cycles::find(&graph, columns.ops.len(), options.steps_max);
    let key = |cycle: &Cycle| (cycle.steps.len(), cycle.steps.clone());
    found.list.sort_by_key(key);
    Some(found)
}

/// From who sent a message to every successful operation that polled it.
fn tell_reads(columns: &Columns<'_>, tell: &mut dyn FnMut(u32, Arc)) {
    for (op, step) in columns.all_steps().filter(|(_, step)| !step.is_send) {
        let writer = possible_writer(columns, step.message);
        if let Some(writer) = writer.filter(|&writer| writer != op)
            && columns.fates[op as usize] == Fate::Ok
        {
            tell(writer, Arc { to: op, kinds: WR });
        }
    }
}

/// From who sent the message at one index to who sent that at the next.
fn tell_order(columns: &Columns<'_>, orders: &Orders, tell: &mut dyn FnMut(u32, Arc)) {
    for key in 0..number(columns.keys_count()) {
        for index in 1..orders.len(key) {
            let at = |index: u32| possible_writer(columns, orders.at(key, index)[0].message);
            if let (Some(from), Some(to)) = (at(index - 1), at(index))
                && from != to
            {
                tell(from, Arc { to, kinds: WW });
            }
        }
    }
}

fn possible_writer(columns: &Columns<'_>, message: u32) -> Option<u32> {
    let writer = columns.messages[message as usize].writer;
    (writer != NONE && columns.fates[writer as usize] != Fate::Failed).then_some(writer)
}

impl Teller<'_, '_> {
    /// The anomaly of a cycle.
    pub(super) fn cycle(&self, cycle: &Cycle) -> Anomaly {
        let next = cycle.steps.iter().cycle().skip(1);
        let mut edges = Vec::new();
        for ((from, &(a, kind)), &(b, _)) in cycle.steps.iter().enumerate().zip(next) {
            let to = (from + 1) % cycle.steps.len();
            edges.push(self.edge((from, a), (to, b), kind));
        }
        let ops = cycle.steps.iter().take(OPS_MAX).map(|&(op, _)| self.op(op));
        let first = cycle.steps.iter().chain(cycle.steps.first());
        let event =
            |&(op, _): &(u32, EdgeKind)| self.columns.ops[op as usize].last_event().to_value();
        let steps = edges.iter().map(step).collect();
        let details = Value::record([
            ("type", Value::keyword(cycle.class.name)),
            ("cycle", first.map(event).collect()),
            ("steps", steps),
        ]);
        let whys: BTreeSet<EdgeKind> = cycle.steps.iter().map(|step| step.1).collect();
        let title = match (cycle.steps.len(), edges.iter().find(|edge| edge.kind == EdgeKind::Wr)) {
            (2, Some(wr)) if whys.contains(&EdgeKind::Realtime) => {
                let (writer, reader) = (wr.from + 1, wr.to + 1);
                let value = text(&wr.value);
                format!(
                    "T{reader} polled {value} of key {}, and had ended when T{writer}, which \
                         sent it, began",
                    text(&wr.key)
                )
            }
            (count, _) => {
                let against = if whys.contains(&EdgeKind::Realtime) {
                    ", or came after it in real time"
                } else if whys.contains(&EdgeKind::Process) {
                    ", or came after it in its process"
                } else {
                    ""
                };
                format!(
                    "T1 to T{count} each followed or polled a message of the one before\
                         {against}, in a circle"
                )
            }
        };
        edges.truncate(OPS_MAX);
        Anomaly::new(cycle.class, title, ops.collect()).with_edges(edges).with_details(details)
    }

    fn edge(&self, (from, a): (usize, u32), (to, b): (usize, u32), kind: EdgeKind) -> Edge {
        let (a_name, b_name) = (format!("T{}", from + 1), format!("T{}", to + 1));
        let columns = self.columns;
        let sent = |op: u32, message: u32| {
            let mut steps = columns.steps_of(op).iter();
            steps.find(|step| step.is_send && step.message == message).map(|step| step.mop)
        };
        let mut edge = Edge {
            from,
            to,
            kind,
            key: None,
            value: None,
            from_mop: None,
            to_mop: None,
            why: String::new(),
        };
        match kind {
            EdgeKind::Wr | EdgeKind::Rw => {
                let is_it = |message: u32| columns.messages[message as usize].writer == a;
                let mut steps = columns.steps_of(b).iter();
                let polled = steps.find(|step| !step.is_send && is_it(step.message));
                if let Some(polled) = polled {
                    let (key, value) = self.key_and_value(polled.message);
                    edge.why = format!(
                        "{b_name} polled {} of key {}, which {a_name} sent",
                        value.to_edn(),
                        key.to_edn()
                    );
                    (edge.key, edge.value) = (Some(key), Some(value));
                    edge.from_mop = sent(a, polled.message);
                    edge.to_mop = Some(polled.mop);
                }
            }
            EdgeKind::Ww => {
                let before = |message: u32| {
                    let key = columns.messages[message as usize].key;
                    let index = self.orders.first_index(message)?.checked_sub(1)?;
                    let before = self.orders.at(key, index)[0].message;
                    (columns.messages[before as usize].writer == a).then_some(before)
                };
                let mut steps = columns.steps_of(b).iter().filter(|step| step.is_send);
                let pair = steps.find_map(|step| Some((before(step.message)?, step)));
                if let Some((before, step)) = pair {
                    let (key, value) = self.key_and_value(before);
                    let next = self.key_and_value(step.message).1;
                    edge.why = format!(
                        "{b_name}'s {} comes right after {a_name}'s {} in key {}",
                        next.to_edn(),
                        value.to_edn(),
                        key.to_edn()
                    );
                    (edge.key, edge.value) = (Some(key), Some(value));
                    (edge.from_mop, edge.to_mop) = (sent(a, before), Some(step.mop));
                }
            }
            EdgeKind::Process => {
                let process = &columns.ops[b as usize].invocation.process;
                let process = process.to_value().to_edn();
                edge.why = format!("process {process} did {a_name} before {b_name}");
            }
            EdgeKind::Realtime => edge.why = format!("{a_name} had ended when {b_name} began"),
        }
        edge
    }
}

fn step(edge: &Edge) -> Value {
    let mop = |mop: Option<u32>| mop.map(|mop| Value::uint(mop.into()));
    let known = [
        ("type", Some(Value::keyword(edge.kind.as_str()))),
        ("key", edge.key.clone()),
        ("value", edge.value.clone()),
        ("a-mop-index", mop(edge.from_mop)),
        ("b-mop-index", mop(edge.to_mop)),
    ];
    Value::record(known.into_iter().filter_map(|(name, value)| Some((name, value?))))
}

fn text(value: &Option<Value>) -> String {
    value.as_ref().map_or_else(String::new, Value::to_edn)
}
