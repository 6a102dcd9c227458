//! Objects that need no search: what can go wrong with them is one of a few patterns, and each is
//! found by sorting.
//!
//! All of them need that no value is put in twice. They are complete: a history without a pattern
//! has an order (queues: Henzinger, Sezgin and Vafeiadis, CONCUR 2013).

use std::collections::{BTreeMap, BTreeSet};

use squall_history::Value;

use super::spec::{Pattern, Special, Timed};
use super::specs::{FifoOp, SetOp};
use crate::anomaly::{
    Class, DUPLICATE, EMPTY, FUTURE_READ, INCOMPARABLE_READS, ORDER, THIN_AIR_READ,
};

fn broken(class: &'static Class, ops: Vec<usize>, text: String) -> Special {
    Special::Broken(Pattern { class, ops, text })
}

/// Numbers that grow: sorted by number, they must respect real time.
pub(super) fn growing(ops: &[Timed<'_, i64>]) -> Special {
    let mut order: Vec<usize> = (0..ops.len()).collect();
    order.sort_by_key(|&at| (*ops[at].op, at));
    // The one that starts last of those with a smaller number.
    let mut last: Option<usize> = None;
    for pair in order.windows(2) {
        let (a, b) = (pair[0], pair[1]);
        if ops[a].op == ops[b].op {
            let text = format!("got {}, which was given before", ops[b].op);
            return broken(&DUPLICATE, vec![b, a], text);
        }
        if last.is_none_or(|last| ops[last].start < ops[a].start) {
            last = Some(a);
        }
        if let Some(smaller) = last.filter(|&last| ops[b].end_or_never() < ops[last].start) {
            let text =
                format!("got {}, although {} had been given before", ops[smaller].op, ops[b].op);
            return broken(&ORDER, vec![smaller, b], text);
        }
    }
    Special::Linearizable
}

/// A set to which elements are only added, and that is read whole.
pub(super) fn grow_only_set(ops: &[Timed<'_, SetOp>]) -> Special {
    let mut adds: BTreeMap<&Value, usize> = BTreeMap::new();
    let mut reads: Vec<(usize, &BTreeSet<Value>)> = Vec::new();
    for (at, timed) in ops.iter().enumerate() {
        match timed.op {
            SetOp::Add(element, None) => {
                if adds.insert(element, at).is_some() {
                    return Special::None;
                }
            }
            SetOp::Read(elements) if timed.end.is_some() => reads.push((at, elements)),
            // It was under way where the history was cut.
            SetOp::Read(_) => {}
            SetOp::Add(..) | SetOp::Remove(..) | SetOp::Contains(..) => return Special::None,
        }
    }
    reads.sort_by_key(|&(at, elements)| (elements.len(), at));
    // Groups in the order that the reads dictate: what is new in a read, then the read.
    let mut groups: Vec<Vec<usize>> = Vec::with_capacity(2 * reads.len() + 1);
    let none = BTreeSet::new();
    let mut before: (Option<usize>, &BTreeSet<Value>) = (None, &none);
    for &(read, elements) in &reads {
        let (at, known) = before;
        if let (Some(at), Some(missing)) = (at, known.difference(elements).next()) {
            let text = format!(
                "read a set without {}, and another read one with it that lacks \
                                what this one has",
                missing.to_edn()
            );
            return broken(&INCOMPARABLE_READS, vec![read, at], text);
        }
        let mut new = Vec::new();
        for element in elements.difference(known) {
            let Some(&add) = adds.get(element) else {
                let text = format!("met {}, but nobody added it", element.to_edn());
                return broken(&THIN_AIR_READ, vec![read], text);
            };
            if ops[read].end_or_never() < ops[add].start {
                let text = format!("met {}, which was added only afterwards", element.to_edn());
                return broken(&FUTURE_READ, vec![read, add], text);
            }
            adds.remove(element);
            new.push(add);
        }
        groups.push(new);
        groups.push(vec![read]);
        before = (Some(read), elements);
    }
    groups.push(adds.into_values().filter(|&add| ops[add].end.is_some()).collect());
    in_real_time(ops, &groups)
}

/// Whether no operation of a group ends before one of an earlier group begins.
fn in_real_time(ops: &[Timed<'_, SetOp>], groups: &[Vec<usize>]) -> Special {
    let mut last: Option<usize> = None;
    for group in groups {
        for &at in group {
            if let Some(last) = last.filter(|&last| ops[at].end_or_never() < ops[last].start) {
                // One of the two is a read, or there is a read between them that would do as well.
                let text = match (ops[last].op, ops[at].op) {
                    (SetOp::Read(_), SetOp::Add(element, _)) => {
                        format!("read a set without {}, which had been added", element.to_edn())
                    }
                    _ => "must come before an operation that had ended when it began".to_owned(),
                };
                return broken(&ORDER, vec![last, at], text);
            }
        }
        for &at in group {
            if last.is_none_or(|last| ops[last].start < ops[at].start) {
                last = Some(at);
            }
        }
    }
    Special::Linearizable
}

/// What became of a value of a queue.
struct Passage<'a> {
    value: &'a Value,
    enqueue: usize,
    dequeue: Option<usize>,
}

/// A queue whose dequeues all ended.
pub(super) fn queue(ops: &[Timed<'_, FifoOp>]) -> Special {
    let mut passages: Vec<Passage<'_>> = Vec::new();
    let mut by_value: BTreeMap<&Value, usize> = BTreeMap::new();
    let mut empties = Vec::new();
    for (at, timed) in ops.iter().enumerate() {
        match timed.op {
            FifoOp::Enqueue(value) => {
                if by_value.insert(value, passages.len()).is_some() {
                    return Special::None;
                }
                passages.push(Passage { value, enqueue: at, dequeue: None });
            }
            FifoOp::Dequeue(Value::Nil) => empties.push(at),
            FifoOp::Dequeue(_) if timed.end.is_some() => {}
            FifoOp::Dequeue(_) | FifoOp::DequeueUnknown | FifoOp::Peek(_) => return Special::None,
        }
    }
    for (at, timed) in ops.iter().enumerate() {
        let FifoOp::Dequeue(value) = timed.op else { continue };
        if value.is_nil() {
            continue;
        }
        let Some(&number) = by_value.get(value) else {
            let text = format!("took {}, but nobody put it in", value.to_edn());
            return broken(&THIN_AIR_READ, vec![at], text);
        };
        let passage = &mut passages[number];
        if let Some(other) = passage.dequeue.replace(at) {
            let text = format!("took {}, which had been taken", value.to_edn());
            return broken(&DUPLICATE, vec![at, other, passage.enqueue], text);
        }
        if timed.end_or_never() < ops[passage.enqueue].start {
            let text = format!("took {}, which was put in only afterwards", value.to_edn());
            return broken(&FUTURE_READ, vec![at, passage.enqueue], text);
        }
    }
    // What nobody knows to have been put in, and nobody took, was not.
    passages.retain(|passage| passage.dequeue.is_some() || ops[passage.enqueue].end.is_some());
    if let Some(found) = out_of_order(ops, &passages) {
        return found;
    }
    falsely_empty(ops, &passages, &empties).unwrap_or(Special::Linearizable)
}

/// A value that was put in after another and taken before it.
fn out_of_order(ops: &[Timed<'_, FifoOp>], passages: &[Passage<'_>]) -> Option<Special> {
    // When somebody began to take it; never is the latest.
    let taken = |passage: &Passage<'_>| passage.dequeue.map_or(usize::MAX, |at| ops[at].start);
    let mut by_end: Vec<&Passage<'_>> = passages.iter().collect();
    by_end.sort_by_key(|passage| (ops[passage.enqueue].end_or_never(), passage.enqueue));
    let mut earlier = by_end.into_iter().peekable();
    // Of those that had been put in, the one that was taken last. Passages are in order of start.
    let mut latest: Option<&Passage<'_>> = None;
    for passage in passages {
        let start = ops[passage.enqueue].start;
        while let Some(a) = earlier.next_if(|a| ops[a.enqueue].end_or_never() < start) {
            if latest.is_none_or(|latest| taken(latest) < taken(a)) {
                latest = Some(a);
            }
        }
        let (Some(a), Some(dequeue)) = (latest, passage.dequeue) else { continue };
        if ops[dequeue].end_or_never() < taken(a) {
            let (later, first) = (passage.value.to_edn(), a.value.to_edn());
            let text = format!("took {later} while {first}, which had been put in before, stayed");
            let involved = [Some(dequeue), Some(a.enqueue), Some(passage.enqueue), a.dequeue];
            return Some(broken(&ORDER, involved.into_iter().flatten().collect(), text));
        }
    }
    None
}

/// A dequeue that found nothing while there was something at every moment.
fn falsely_empty(
    ops: &[Timed<'_, FifoOp>],
    passages: &[Passage<'_>],
    empties: &[usize],
) -> Option<Special> {
    // When a value was certainly in the queue.
    let mut stays: Vec<(usize, usize, usize)> = passages
        .iter()
        .filter_map(|passage| {
            let begin = ops[passage.enqueue].end?;
            let end = passage.dequeue.map_or(usize::MAX, |at| ops[at].start);
            (begin < end).then_some((begin, end, passage.enqueue))
        })
        .collect();
    stays.sort_unstable();
    // Stays that overlap, as one, with the first of them.
    let mut joined: Vec<(usize, usize, usize)> = Vec::new();
    for (begin, end, enqueue) in stays {
        match joined.last_mut() {
            Some(last) if begin < last.1 => last.1 = last.1.max(end),
            _ => joined.push((begin, end, enqueue)),
        }
    }
    empties.iter().find_map(|&at| {
        let (start, end) = (ops[at].start, ops[at].end?);
        let before = joined.partition_point(|&(begin, ..)| begin < start);
        let &(_, until, enqueue) = joined[..before].last()?;
        (end < until).then(|| {
            let text = "found the queue empty, which it was at no moment".to_owned();
            broken(&EMPTY, vec![at, enqueue], text)
        })
    })
}
