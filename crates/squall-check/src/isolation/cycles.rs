//! Cycles by class, after Adya (1999) and Elle (2020): does one exist, and which is the shortest.
//!
//! | class | edges |
//! |---|---|
//! | `G0` | ww |
//! | `G1c` | ww, wr; at least one wr |
//! | `G-single-item` | ww, wr, exactly one rw |
//! | `G-nonadjacent-item` | ww, wr, rw; at least two rw, no two of them adjacent |
//! | `G2-item` | ww, wr, rw; at least two rw |
//!
//! Each also with `-process` or `-realtime`, if at least one such edge is needed. The last three of
//! a form are looked for from every rw edge: a way back from its end to its start closes a cycle.
//! Components tell beforehand whether there is such a way, except for `G-single-item`, where it
//! may not use a second rw edge; there they only narrow the search. A class that is implied by one
//! that was found in the same component is not looked for.
//!
//! For `G-nonadjacent-item` every vertex counts twice: as reached by an rw edge, from which no
//! other rw edge leads on, and as reached by another. If the component also has `G0` or `G1c`, the
//! shortest way back may visit a transaction twice; then no cycle of this class is told.

use std::collections::{BTreeSet, VecDeque};

use super::components::components;
use super::graph::{Arc, CLEAN, Graph, PROCESS, REALTIME, RW, TAINT, WR, WW};
use super::transactions::{NONE, number};
use crate::anomaly::{
    Class, EdgeKind, G_NONADJACENT_ITEM, G_NONADJACENT_ITEM_PROCESS, G_NONADJACENT_ITEM_REALTIME,
    G_SINGLE_ITEM, G_SINGLE_ITEM_PROCESS, G_SINGLE_ITEM_REALTIME, G0, G0_PROCESS, G0_REALTIME, G1C,
    G1C_PROCESS, G1C_REALTIME, G2_ITEM, G2_ITEM_PROCESS, G2_ITEM_REALTIME,
};
use crate::consistency;

/// One way to look for cycles.
struct Search {
    /// By form: plain, process, realtime.
    classes: [&'static Class; 3],
    /// What a cycle must contain.
    anchor: u8,
    /// What the rest of it may contain.
    path: u8,
    /// Whether no two rw edges may be adjacent.
    is_layered: bool,
}

/// From severe to mild.
const SEARCHES: [Search; 5] = [
    Search { classes: [&G0, &G0_PROCESS, &G0_REALTIME], anchor: WW, path: WW, is_layered: false },
    Search {
        classes: [&G1C, &G1C_PROCESS, &G1C_REALTIME],
        anchor: WR,
        path: WW | WR,
        is_layered: false,
    },
    Search {
        classes: [&G_SINGLE_ITEM, &G_SINGLE_ITEM_PROCESS, &G_SINGLE_ITEM_REALTIME],
        anchor: RW,
        path: WW | WR,
        is_layered: false,
    },
    Search {
        classes: [&G_NONADJACENT_ITEM, &G_NONADJACENT_ITEM_PROCESS, &G_NONADJACENT_ITEM_REALTIME],
        anchor: RW,
        path: WW | WR | RW,
        is_layered: true,
    },
    Search {
        classes: [&G2_ITEM, &G2_ITEM_PROCESS, &G2_ITEM_REALTIME],
        anchor: RW,
        path: WW | WR | RW,
        is_layered: false,
    },
];

/// A form of classes, and the edges it adds.
const FORMS: [u8; 3] = [0, PROCESS, REALTIME];

/// A cycle: each transaction, and the kind of the edge to the next; the last leads to the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cycle {
    pub class: &'static Class,
    pub steps: Vec<(u32, EdgeKind)>,
    /// Whether it needs an edge of a key whose order can't be trusted.
    pub is_tainted: bool,
}

/// What the search found.
#[derive(Default)]
pub(crate) struct Cycles {
    /// At most one of a class in each component: the shortest one.
    pub list: Vec<Cycle>,
    /// Whether the budget ended a search for a class, so that more may be there.
    pub is_exhausted: bool,
}

/// Looks for cycles in every component. The first `txns_count` vertices are transactions.
pub(crate) fn find(graph: &Graph, txns_count: usize, steps_max: u64) -> Cycles {
    let component = components(graph.vertices_count(), |vertex, cursor| {
        let arc = graph.arcs_of(vertex).get(*cursor as usize)?;
        *cursor += 1;
        Some(arc.to)
    });
    let mut cycles = Cycles::default();
    let mut local = vec![NONE; graph.vertices_count()];
    for members in groups(&component, txns_count) {
        let mut found = BTreeSet::new();
        for is_tainted in [false, true] {
            let Some(part) = Part::of(graph, &members, &mut local, txns_count, is_tainted) else {
                continue;
            };
            part.search(steps_max, is_tainted, &mut found, &mut cycles);
        }
    }
    cycles
}

/// The components with at least two of the first `txns_count` vertices: small ones first, then by
/// first member.
pub(super) fn groups(component: &[u32], txns_count: usize) -> Vec<Vec<u32>> {
    let mut sizes = vec![0_u32; component.len()];
    for &number in &component[..txns_count] {
        sizes[number as usize] += 1;
    }
    let mut places = vec![NONE; component.len()];
    let mut groups: Vec<Vec<u32>> = Vec::new();
    for (vertex, &number_of) in (0..).zip(component) {
        if sizes[number_of as usize] < 2 {
            continue;
        }
        let place = &mut places[number_of as usize];
        if *place == NONE {
            *place = number(groups.len());
            groups.push(Vec::new());
        }
        groups[*place as usize].push(vertex);
    }
    groups.sort_by_key(|members| (members.len(), members[0]));
    groups
}

/// A component with vertices of its own numbers.
struct Part {
    /// By own number: that in the graph.
    members: Vec<u32>,
    graph: Graph,
    /// Own numbers below this are transactions.
    txns_count: u32,
}

impl Part {
    /// `None` if there are no tainted edges and those are asked for.
    fn of(
        graph: &Graph,
        members: &[u32],
        local: &mut [u32],
        txns_count: usize,
        with_tainted: bool,
    ) -> Option<Self> {
        for (own, &member) in (0..).zip(members) {
            local[member as usize] = own;
        }
        let mut has_tainted = false;
        let mut arcs = Vec::new();
        for (own, &member) in (0..).zip(members) {
            for arc in graph.arcs_of(member) {
                let to = local[arc.to as usize];
                let tainted = arc.kinds >> TAINT;
                has_tainted |= tainted != 0 && to != NONE;
                let kinds = arc.kinds & CLEAN | if with_tainted { tainted } else { 0 };
                if to != NONE && kinds != 0 {
                    arcs.push((own, Arc { to, kinds }));
                }
            }
        }
        for &member in members {
            local[member as usize] = NONE;
        }
        if with_tainted && !has_tainted {
            return None;
        }
        let graph = Graph::of(members.len(), usize::MAX, |tell| {
            for &(from, arc) in &arcs {
                tell(from, arc);
            }
        })?;
        let own_txns = members.partition_point(|&member| (member as usize) < txns_count);
        Some(Self { members: members.to_vec(), graph, txns_count: number(own_txns) })
    }

    fn search(
        &self,
        steps_max: u64,
        is_tainted: bool,
        found: &mut BTreeSet<&'static str>,
        cycles: &mut Cycles,
    ) {
        let mut paths = Paths::of(self, steps_max);
        for (form, extra) in FORMS.into_iter().enumerate() {
            for search in &SEARCHES {
                if found.contains(search.classes[form].name) {
                    continue;
                }
                let Some(path) = self.shortest(search, extra, &mut paths) else { continue };
                let steps: Vec<(u32, EdgeKind)> =
                    path.iter().map(|&(own, kind)| (self.members[own as usize], kind)).collect();
                let class = class_of(&steps);
                if !found.contains(class.name) {
                    cycles.list.push(Cycle { class, steps: rotated(steps), is_tainted });
                    found.extend(consistency::implied([class.name]));
                }
            }
        }
        cycles.is_exhausted |= paths.is_exhausted;
    }

    /// The shortest cycle of a class, as own numbers.
    fn shortest(
        &self,
        search: &Search,
        extra: u8,
        paths: &mut Paths<'_>,
    ) -> Option<Vec<(u32, EdgeKind)>> {
        let allowed = search.path | extra;
        let rank = self.ranks(allowed, search.is_layered);
        let mut best: Option<Vec<(u32, EdgeKind)>> = None;
        // Where the way back may use what the anchor is, components prove that there is one, and
        // the first of them is found whatever it takes.
        let mut is_sure = allowed & search.anchor != 0;
        for from in 0..self.txns_count {
            for arc in self.graph.arcs_of(from).iter().filter(|arc| arc.kinds & search.anchor != 0)
            {
                let bound = match &best {
                    None => u32::MAX,
                    Some(best) if best.len() <= 2 || paths.is_exhausted => {
                        return Some(best.clone());
                    }
                    Some(best) => number(best.len()) - 2,
                };
                if paths.is_exhausted && !is_sure {
                    return best;
                }
                // A vertex v is the states 2v and 2v + 1, if it counts twice.
                let (begin, end) = match search.is_layered {
                    true => (2 * arc.to + 1, 2 * from),
                    false => (arc.to, from),
                };
                let way = Way { allowed, rank: &rank, is_layered: search.is_layered, bound };
                let Some(back) = paths.back(begin, end, &way) else { continue };
                is_sure = false;
                let mut cycle = vec![(from, kind_of(search.anchor))];
                cycle.extend(back);
                if is_simple(&cycle) {
                    best = Some(cycle);
                }
            }
        }
        best
    }

    /// Numbers of components, if only these kinds are there.
    fn ranks(&self, allowed: u8, is_layered: bool) -> Vec<u32> {
        if !is_layered {
            return components(self.members.len(), |vertex, cursor| {
                let arcs = &self.graph.arcs_of(vertex)[*cursor as usize..];
                let place = arcs.iter().position(|arc| arc.kinds & allowed != 0)?;
                *cursor += number(place) + 1;
                Some(arcs[place].to)
            });
        }
        components(2 * self.members.len(), |state, cursor| {
            let arcs = self.graph.arcs_of(state / 2);
            loop {
                let arc = arcs.get((*cursor / 2) as usize)?;
                let is_second = *cursor % 2 == 1;
                *cursor += 1;
                if is_second && state % 2 == 0 && arc.kinds & RW != 0 {
                    return Some(2 * arc.to + 1);
                }
                if !is_second && arc.kinds & allowed & !RW != 0 {
                    return Some(2 * arc.to);
                }
            }
        })
    }
}

/// Where a path may lead.
struct Way<'r> {
    allowed: u8,
    /// Component of each state; every arc leads to the same or a smaller one.
    rank: &'r [u32],
    is_layered: bool,
    /// Steps at most.
    bound: u32,
}

/// Breadth-first search. Steps between barriers count nothing, so a run over barriers is one step.
struct Paths<'p> {
    part: &'p Part,
    steps_left: u64,
    is_exhausted: bool,
    /// By state: steps from the begin, the state before, and the kinds of the arc from there.
    distance: Vec<u32>,
    before: Vec<(u32, u8)>,
    touched: Vec<u32>,
}

impl<'p> Paths<'p> {
    fn of(part: &'p Part, steps_max: u64) -> Self {
        let states_count = 2 * part.members.len();
        Self {
            part,
            steps_left: steps_max,
            is_exhausted: false,
            distance: vec![NONE; states_count],
            before: vec![(NONE, 0); states_count],
            touched: Vec::new(),
        }
    }

    /// The transactions of the shortest path, without its end, each with the kind of its next step.
    fn back(&mut self, begin: u32, end: u32, way: &Way<'_>) -> Option<Vec<(u32, EdgeKind)>> {
        for state in self.touched.drain(..) {
            self.distance[state as usize] = NONE;
        }
        let floor = way.rank[end as usize];
        if way.rank[begin as usize] < floor {
            return None;
        }
        let mut queue = VecDeque::from([begin]);
        self.distance[begin as usize] = 0;
        self.touched.push(begin);
        while let Some(state) = queue.pop_front() {
            if state == end {
                return Some(self.told(begin, end, way));
            }
            let vertex = if way.is_layered { state / 2 } else { state };
            let arcs = self.part.graph.arcs_of(vertex);
            self.steps_left = self.steps_left.saturating_sub(arcs.len() as u64 + 1);
            self.is_exhausted |= self.steps_left == 0;
            for arc in arcs {
                let kinds = arc.kinds & way.allowed;
                let plain = if way.is_layered { kinds & !RW } else { kinds };
                let to = if way.is_layered { 2 * arc.to } else { arc.to };
                if plain != 0 {
                    self.step(state, to, plain, (floor, way), &mut queue);
                }
                if way.is_layered && state % 2 == 0 && kinds & RW != 0 {
                    self.step(state, to + 1, RW, (floor, way), &mut queue);
                }
            }
        }
        None
    }

    fn step(
        &mut self,
        from: u32,
        to: u32,
        kinds: u8,
        (floor, way): (u32, &Way<'_>),
        queue: &mut VecDeque<u32>,
    ) {
        let vertex = if way.is_layered { from / 2 } else { from };
        // The step to the first barrier counts for the whole run.
        let is_free = vertex >= self.part.txns_count;
        let distance = self.distance[from as usize] + u32::from(!is_free);
        let known = self.distance[to as usize];
        if distance >= known || distance > way.bound || way.rank[to as usize] < floor {
            return;
        }
        if known == NONE {
            self.touched.push(to);
        }
        self.distance[to as usize] = distance;
        self.before[to as usize] = (from, kinds);
        if is_free {
            queue.push_front(to);
        } else {
            queue.push_back(to);
        }
    }

    fn told(&self, begin: u32, end: u32, way: &Way<'_>) -> Vec<(u32, EdgeKind)> {
        let mut steps = Vec::new();
        let mut state = end;
        while state != begin {
            let (from, kinds) = self.before[state as usize];
            let vertex = if way.is_layered { from / 2 } else { from };
            if vertex < self.part.txns_count {
                steps.push((vertex, kind_of(kinds)));
            }
            state = from;
        }
        steps.reverse();
        steps
    }
}

/// Of several kinds, the one that tells most.
fn kind_of(kinds: u8) -> EdgeKind {
    match kinds {
        kinds if kinds & WW != 0 => EdgeKind::Ww,
        kinds if kinds & WR != 0 => EdgeKind::Wr,
        kinds if kinds & PROCESS != 0 => EdgeKind::Process,
        kinds if kinds & REALTIME != 0 => EdgeKind::Realtime,
        _ => EdgeKind::Rw,
    }
}

fn is_simple(cycle: &[(u32, EdgeKind)]) -> bool {
    let mut vertices: Vec<u32> = cycle.iter().map(|&(vertex, _)| vertex).collect();
    vertices.sort_unstable();
    vertices.windows(2).all(|pair| pair[0] != pair[1])
}

/// What a cycle is by its edges.
fn class_of(steps: &[(u32, EdgeKind)]) -> &'static Class {
    let has = |kind: EdgeKind| steps.iter().any(|step| step.1 == kind);
    let form = match (has(EdgeKind::Realtime), has(EdgeKind::Process)) {
        (true, _) => 2,
        (false, true) => 1,
        (false, false) => 0,
    };
    let rw_count = steps.iter().filter(|step| step.1 == EdgeKind::Rw).count();
    let next = steps.iter().cycle().skip(1);
    let is_adjacent =
        steps.iter().zip(next).any(|(a, b)| a.1 == EdgeKind::Rw && b.1 == EdgeKind::Rw);
    let search = match rw_count {
        0 if !has(EdgeKind::Wr) => 0,
        0 => 1,
        1 => 2,
        _ if !is_adjacent => 3,
        _ => 4,
    };
    SEARCHES[search].classes[form]
}

/// The same cycle told so that an rw edge closes it, and from the earliest transaction if that
/// leaves a choice.
fn rotated(steps: Vec<(u32, EdgeKind)>) -> Vec<(u32, EdgeKind)> {
    let count = steps.len();
    let closes_with_rw = |first: usize| steps[(first + count - 1) % count].1 == EdgeKind::Rw;
    let first = (0..count).min_by_key(|&first| (!closes_with_rw(first), steps[first].0));
    let mut steps = steps.clone();
    steps.rotate_left(first.unwrap_or(0));
    steps
}
