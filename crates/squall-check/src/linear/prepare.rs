//! What the search works on: operations that can matter, the unknown ones grouped by effect.
//!
//! An unknown operation may take effect at any later moment or never, so each of them can double
//! the work. Three rules get rid of most:
//!
//! - *Rule U.* A value that no read returned and no compare-and-set expected is not observable, and
//!   an unknown operation that writes it is dropped: any explanation with it is one without it.
//!   (Not when failed compare-and-sets count as observations: they may have failed because of just
//!   that value.)
//! - *Latest useful moment.* If an unknown operation is the only source of an observed value, it
//!   took effect before the first observer ended; it becomes an ordinary operation that ends there.
//! - *Classes.* Unknown operations with the same effect are interchangeable, and the one invoked
//!   first is the best. A configuration only counts how many of a class were used.

use std::collections::BTreeMap;

use super::register::{Action, INITIAL, Op};
use super::{FailedCas, Options};

/// Unknown operations with one effect.
pub(super) struct OpenClass<A> {
    pub action: A,
    /// Its members in order of invocation: start, and number in `Prepared::open`.
    pub members: Vec<(usize, usize)>,
}

/// The operations of one key, ready to be searched.
pub(super) struct Prepared<'h, A = Action> {
    /// Operations that must have happened, in order of invocation.
    pub closed: Vec<Op<'h, A>>,
    /// Operations that may have happened.
    pub open: Vec<Op<'h, A>>,
    /// The open ones, grouped.
    pub classes: Vec<OpenClass<A>>,
    pub values_count: usize,
    /// Whether an unknown operation can be of use although nothing expects its value.
    pub has_negative_observers: bool,
    /// Unknown operations before anything was dropped.
    pub open_before_count: usize,
}

impl<'h> Prepared<'h> {
    /// `values_count` is that of the part the operations are from.
    pub(super) fn of(ops: &[Op<'h>], values_count: usize, options: &Options) -> Self {
        let (mut closed, mut open): (Vec<_>, Vec<_>) =
            ops.iter().copied().partition(|op| op.end.is_some());
        let open_before_count = open.len();
        let has_negative_observers = options.failed_cas == FailedCas::Observe;
        if !has_negative_observers {
            drop_unobservable(&closed, &mut open, values_count);
        }
        close_only_sources(&mut closed, &mut open, values_count);
        Self {
            has_negative_observers,
            open_before_count,
            ..Self::grouped(closed, open, values_count)
        }
    }
}

impl<'h, A: Copy + Ord> Prepared<'h, A> {
    /// Operations of which none can be spared, the open ones grouped.
    pub(super) fn grouped(
        mut closed: Vec<Op<'h, A>>,
        open: Vec<Op<'h, A>>,
        values_count: usize,
    ) -> Self {
        closed.sort_by_key(|op| op.start);
        let mut classes: BTreeMap<A, Vec<(usize, usize)>> = BTreeMap::new();
        for (number, op) in open.iter().enumerate() {
            classes.entry(op.action).or_default().push((op.start, number));
        }
        let classes =
            classes.into_iter().map(|(action, members)| OpenClass { action, members }).collect();
        Self {
            closed,
            open_before_count: open.len(),
            open,
            classes,
            values_count,
            has_negative_observers: false,
        }
    }
}

/// Rule U.
fn drop_unobservable(closed: &[Op<'_>], open: &mut Vec<Op<'_>>, values_count: usize) {
    let mut is_observable = vec![false; values_count];
    let mut unexplored: Vec<u32> = closed.iter().filter_map(|op| op.action.expects()).collect();
    let mut expected_by_source: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for op in open.iter() {
        if let Action::Cas(from, to) = op.action {
            expected_by_source.entry(to).or_default().push(from);
        }
    }
    while let Some(value) = unexplored.pop() {
        if !std::mem::replace(&mut is_observable[value as usize], true) {
            unexplored.extend(expected_by_source.remove(&value).unwrap_or_default());
        }
    }
    open.retain(|op| op.action.produces().is_some_and(|value| is_observable[value as usize]));
}

/// Latest useful moment, to the fixpoint: an unknown compare-and-set that must have happened is an
/// observer itself.
fn close_only_sources<'h>(closed: &mut Vec<Op<'h>>, open: &mut Vec<Op<'h>>, values_count: usize) {
    let mut sources_count = vec![0_u32; values_count];
    sources_count[INITIAL as usize] = 1;
    for op in closed.iter().chain(open.iter()) {
        if let Some(value) = op.action.produces() {
            sources_count[value as usize] += 1;
        }
    }
    let mut only_source: BTreeMap<u32, usize> = BTreeMap::new();
    for (number, op) in open.iter().enumerate() {
        if let Some(value) = op.action.produces().filter(|&v| sources_count[v as usize] == 1) {
            only_source.insert(value, number);
        }
    }
    let mut observed: BTreeMap<u32, usize> = BTreeMap::new();
    let observe = |observed: &mut BTreeMap<u32, usize>, op: &Op<'h>| -> Option<u32> {
        let (value, end) = (op.action.expects()?, op.end?);
        let first = observed.entry(value).or_insert(end);
        *first = end.min(*first);
        Some(value)
    };
    let mut unexplored: Vec<u32> =
        closed.iter().filter_map(|op| observe(&mut observed, op)).collect();
    let mut is_closed = vec![false; open.len()];
    while let Some(value) = unexplored.pop() {
        let Some(number) = only_source.remove(&value) else { continue };
        let mut op = open[number];
        // Odd places lie between two events; several derived ends may share one.
        let end = (observed[&value] - 1) | 1;
        if op.start < end {
            op.end = Some(end);
            is_closed[number] = true;
            unexplored.extend(observe(&mut observed, &op));
            closed.push(op);
        }
    }
    let mut number = 0;
    open.retain(|_| {
        number += 1;
        !is_closed[number - 1]
    });
}
