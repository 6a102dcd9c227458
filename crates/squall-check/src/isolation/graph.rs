//! The graph of dependencies: an edge from one transaction to another that must come after it.
//!
//! Real time takes one vertex and three edges for each transaction at most. A **barrier** stands
//! for a run of completions; a transaction leads to the barrier of its completion, a barrier to
//! the next one, and the last barrier before an invocation to that transaction. So *a* ended
//! before *b* began exactly if a path over barriers leads from *a* to *b*.

use squall_history::{Kind, Operation};

use super::evidence::Evidence;
use super::transactions::{Fate, number};

/// Kinds of edges, as bits. Those of a key whose order can't be trusted are shifted by [`TAINT`].
pub(crate) const WW: u8 = 1;
/// See [`WW`].
pub(crate) const WR: u8 = 2;
/// See [`WW`].
pub(crate) const RW: u8 = 4;
/// See [`WW`].
pub(crate) const PROCESS: u8 = 8;
/// See [`WW`].
pub(crate) const REALTIME: u8 = 16;
/// How far a tainted kind is shifted.
pub(crate) const TAINT: u8 = 5;
/// All kinds that can be relied on.
pub(crate) const CLEAN: u8 = (1 << TAINT) - 1;

/// Which order of transactions is in the graph beside their dependencies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Clock {
    None,
    /// That of each process.
    Process,
    /// That of completions before invocations.
    Realtime,
}

/// An edge as it lies in the graph.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Arc {
    pub to: u32,
    pub kinds: u8,
}

/// How many edges there are of each kind.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct EdgeCounts {
    pub ww: u64,
    pub wr: u64,
    pub rw: u64,
    pub process: u64,
    pub realtime: u64,
}

/// A graph as lists of successors in one column.
#[derive(Default)]
pub(crate) struct Graph {
    starts: Vec<u32>,
    arcs: Vec<Arc>,
    pub counts: EdgeCounts,
}

impl Graph {
    pub(crate) fn vertices_count(&self) -> usize {
        self.starts.len() - 1
    }

    pub(crate) fn arcs_of(&self, vertex: u32) -> &[Arc] {
        let vertex = vertex as usize;
        &self.arcs[self.starts[vertex] as usize..self.starts[vertex + 1] as usize]
    }

    /// The graph of arcs that `each` tells; it is asked twice and tells the same both times.
    /// `None` if they are more than `arcs_max`.
    pub(crate) fn of(
        vertices_count: usize,
        arcs_max: usize,
        each: impl Fn(&mut dyn FnMut(u32, Arc)),
    ) -> Option<Self> {
        let mut degrees = vec![0_u32; vertices_count + 1];
        let mut total = 0_usize;
        each(&mut |from, _| {
            total += 1;
            degrees[from as usize + 1] = degrees[from as usize + 1].saturating_add(1);
        });
        if total > arcs_max.min(u32::MAX as usize) {
            return None;
        }
        for vertex in 0..vertices_count {
            degrees[vertex + 1] += degrees[vertex];
        }
        let mut graph = Self {
            starts: degrees.clone(),
            arcs: vec![Arc::default(); total],
            counts: EdgeCounts::default(),
        };
        each(&mut |from, arc| {
            let place = &mut degrees[from as usize];
            graph.arcs[*place as usize] = arc;
            *place += 1;
        });
        graph.merge();
        Some(graph)
    }

    /// Sorts successors; of two arcs to one vertex makes one with the kinds of both.
    fn merge(&mut self) {
        let mut kept = 0;
        for vertex in 0..self.vertices_count() {
            let all = self.starts[vertex] as usize..self.starts[vertex + 1] as usize;
            self.arcs[all.clone()].sort_unstable();
            let begin = kept;
            for place in all {
                let arc = self.arcs[place];
                if kept > begin && self.arcs[kept - 1].to == arc.to {
                    self.arcs[kept - 1].kinds |= arc.kinds;
                } else {
                    self.arcs[kept] = arc;
                    kept += 1;
                }
            }
            self.starts[vertex] = number(begin);
        }
        if let Some(last) = self.starts.last_mut() {
            *last = number(kept);
        }
        self.arcs.truncate(kept);
    }
}

/// The graph of a history. Vertices are transactions, then barriers. `None` if it has more edges
/// than `arcs_max`.
pub(super) fn dependencies<'h>(
    evidence: &impl Evidence<'h>,
    clock: Clock,
    arcs_max: usize,
) -> Option<Graph> {
    if evidence.edges_count_min() > arcs_max as u64 {
        return None;
    }
    let txns = evidence.txns();
    let times = Times::of(&txns.ops, &txns.fates, clock);
    let vertices_count = txns.count() + times.barriers_count as usize;
    let mut graph = Graph::of(vertices_count, arcs_max, |tell| {
        evidence.tell(tell);
        for &(from, arc) in &times.arcs {
            tell(from, arc);
        }
    })?;
    let counts = &mut graph.counts;
    for arc in &graph.arcs {
        let kinds = arc.kinds | arc.kinds >> TAINT;
        for (kind, count) in [
            (WW, &mut counts.ww),
            (WR, &mut counts.wr),
            (RW, &mut counts.rw),
            (PROCESS, &mut counts.process),
            (REALTIME, &mut counts.realtime),
        ] {
            *count += u64::from(kinds & kind != 0);
        }
    }
    Some(graph)
}

/// The edges of a clock.
#[derive(Default)]
pub(crate) struct Times {
    pub arcs: Vec<(u32, Arc)>,
    pub barriers_count: u32,
}

impl Times {
    /// Those of operations that ended so, which are the first vertices of the graph.
    pub(crate) fn of(ops: &[Operation<'_>], fates: &[Fate], clock: Clock) -> Self {
        let mut times = Self::default();
        match clock {
            Clock::None => {}
            Clock::Process => times.processes(ops, fates),
            Clock::Realtime => times.realtime(ops, fates),
        }
        times
    }

    /// From each committed transaction to the next of its process.
    fn processes(&mut self, ops: &[Operation<'_>], fates: &[Fate]) {
        let is_ok = |txn: &u32| fates[*txn as usize] == Fate::Ok;
        let mut order: Vec<u32> = (0..number(ops.len())).filter(is_ok).collect();
        let process = |txn: u32| &ops[txn as usize].invocation.process;
        order.sort_by(|&a, &b| process(a).cmp(process(b)).then(a.cmp(&b)));
        for pair in order.windows(2).filter(|pair| process(pair[0]) == process(pair[1])) {
            self.arcs.push((pair[0], Arc { to: pair[1], kinds: PROCESS }));
        }
    }

    fn realtime(&mut self, ops: &[Operation<'_>], fates: &[Fate]) {
        let mut barrier = None;
        let mut is_closed = true;
        for moment in moments(ops, fates) {
            match moment {
                Moment::Idle => {}
                Moment::Begin(txn) => {
                    is_closed = true;
                    if let Some(from) = barrier {
                        self.arcs.push((from, Arc { to: txn, kinds: REALTIME }));
                    }
                }
                Moment::End(txn) => {
                    if is_closed {
                        let next = number(ops.len()) + self.barriers_count;
                        self.barriers_count += 1;
                        if let Some(from) = barrier.replace(next) {
                            self.arcs.push((from, Arc { to: next, kinds: REALTIME }));
                        }
                        is_closed = false;
                    }
                    if let Some(to) = barrier {
                        self.arcs.push((txn, Arc { to, kinds: REALTIME }));
                    }
                }
            }
        }
        debug_assert!(ops.iter().all(|op| op.invocation.kind == Kind::Invoke));
    }
}

/// What happens at a place of a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Nothing that matters.
    Idle,
    /// This operation begins, which may have happened.
    Begin(u32),
    /// This one ends, which has happened.
    End(u32),
}

/// By place of the history: what happens there.
pub(crate) fn moments(ops: &[Operation<'_>], fates: &[Fate]) -> Vec<Moment> {
    let ends = ops.iter().filter_map(|op| op.end).max();
    let starts = ops.iter().map(|op| op.start).max();
    let mut moments = vec![Moment::Idle; ends.max(starts).map_or(0, |last| last + 1)];
    for ((txn, op), fate) in (0..).zip(ops).zip(fates) {
        if *fate != Fate::Failed {
            moments[op.start] = Moment::Begin(txn);
        }
        if let (Fate::Ok, Some(end)) = (fate, op.end) {
            moments[end] = Moment::End(txn);
        }
    }
    moments
}
