//! Any object with a specification: its operations are read, split into independent parts, and
//! judged part by part.

use std::collections::BTreeMap;

use squall_history::{History, Kind, Operation, PROBLEMS_MAX, Problem, Value};

use super::explain::{self, Subject};
use super::model::Table;
use super::prepare::Prepared;
use super::register::{NIL, Op};
use super::spec::{Call, Misfit, Pattern, Spec, Special, Timed};
use super::{Judged, Layout, Options, together};
use crate::anomaly::{Anomaly, OpRef};
use crate::verdict::{Outcome, Reason, ReasonCode, Verdict};

/// Pairs of an open and a closed operation of which it is asked whether the open one can be left
/// out. With more of them none is.
const DROP_PAIRS_MAX: usize = 1 << 20;

/// Judges the operations of an object. [`Options::nil_read`] and [`Options::failed_cas`] are about
/// registers and not looked at.
#[must_use]
pub fn check_spec<S: Spec>(spec: &S, history: &History, options: &Options) -> Outcome {
    let operations = history.operations();
    let is_keyed = options.is_keyed || spec.is_keyed();
    let mut objects = Objects::of(spec, is_keyed);
    for operation in &operations.list {
        objects.add(operation);
    }
    let Objects { by_key, problems, has_lost_write, .. } = objects;
    let mut all_problems = operations.problems;
    all_problems.extend(problems);
    let mut judged = Vec::new();
    let mut is_split = false;
    for (key, mut object) in by_key {
        object.is_unreadable |= has_lost_write;
        all_problems.append(&mut object.problems);
        let components = components(spec, std::mem::take(&mut object.ops));
        is_split |= components.iter().any(|(element, _)| element.is_some());
        let mut mismatches = std::mem::take(&mut object.mismatches);
        for (element, ops) in components {
            let key = match (is_keyed, element) {
                (_, None) => key.clone(),
                (false, Some(element)) => element,
                (true, Some(element)) => Value::list([key.clone(), element]),
            };
            let mut part = Part::of(spec, key, ops);
            part.mismatches = std::mem::take(&mut mismatches);
            judged.push(part.judge(object.is_unreadable, is_keyed, options));
        }
    }
    let layout = match (is_split, is_keyed) {
        (true, _) => Layout::Failed,
        (false, true) => Layout::ByKey,
        (false, false) => Layout::Alone,
    };
    let text = "no operation ended that the object could get wrong";
    together(judged, layout, Reason::new(ReasonCode::Empty, text, "run longer"))
        .capped_by(all_problems)
}

/// An operation that was read.
struct Read<'h, O> {
    op: O,
    operation: &'h Operation<'h>,
    /// Whether it must have happened.
    is_closed: bool,
}

/// What there is under one key.
struct Object<'h, O> {
    ops: Vec<Read<'h, O>>,
    mismatches: Vec<&'h Operation<'h>>,
    is_unreadable: bool,
    problems: Vec<Problem>,
}

struct Objects<'s, 'h, S: Spec> {
    spec: &'s S,
    is_keyed: bool,
    by_key: BTreeMap<&'h Value, Object<'h, S::Op>>,
    problems: Vec<Problem>,
    /// Whether there is an operation of which nobody knows the key.
    has_lost_write: bool,
}

impl<'s, 'h, S: Spec> Objects<'s, 'h, S> {
    fn of(spec: &'s S, is_keyed: bool) -> Self {
        Self {
            spec,
            is_keyed,
            by_key: BTreeMap::new(),
            problems: Vec::new(),
            has_lost_write: false,
        }
    }

    fn add(&mut self, operation: &'h Operation<'h>) {
        if operation.outcome() == Kind::Fail {
            return;
        }
        let Some((key, argument)) = self.split(&operation.invocation.value) else {
            self.has_lost_write = true;
            if self.problems.len() < PROBLEMS_MAX {
                self.problems.push(operation.misfit("the value must be a pair: key and value"));
            }
            return;
        };
        let (process, f) = (&operation.invocation.process, operation.f());
        let unknown = Call { process, f, argument, result: None };
        let call = match operation.outcome() {
            Kind::Ok => match self.split(operation.value()) {
                Some((same, result)) if same == key => Ok(Call { result: Some(result), ..unknown }),
                _ => Err(Misfit::Shape("the reply has another key")),
            },
            Kind::Fail | Kind::Info | Kind::Invoke => Ok(unknown),
        };
        let read = call.and_then(|call| self.spec.read(&call));
        let object = self.by_key.entry(key).or_insert_with(|| Object {
            ops: Vec::new(),
            mismatches: Vec::new(),
            is_unreadable: false,
            problems: Vec::new(),
        });
        let is_closed = operation.outcome() == Kind::Ok && read.is_ok();
        let op = match read {
            Ok(op) => op,
            Err(misfit) => {
                match misfit {
                    Misfit::Mismatch => object.mismatches.push(operation),
                    Misfit::Shape(hint) if object.problems.len() < PROBLEMS_MAX => {
                        object.problems.push(operation.misfit(hint));
                    }
                    Misfit::Shape(_) => {}
                }
                // What was asked for may still be clear: then it is as if no answer had come.
                self.spec.read(&unknown).unwrap_or_else(|_| {
                    object.is_unreadable = true;
                    None
                })
            }
        };
        object.ops.extend(op.map(|op| Read { op, operation, is_closed }));
    }

    /// The key, nil if there are none, and the value proper.
    fn split(&self, value: &'h Value) -> Option<(&'h Value, &'h Value)> {
        if self.is_keyed { value.as_pair() } else { Some((&NIL, value)) }
    }
}

/// Operations that have nothing to do with others, and the least of what they touch; `None` for an
/// object that is not split.
type Component<'h, O> = (Option<Value>, Vec<Read<'h, O>>);

/// Splits the operations of one object into components, in order.
fn components<'h, S: Spec>(spec: &S, ops: Vec<Read<'h, S::Op>>) -> Vec<Component<'h, S::Op>> {
    let touched: Option<Vec<Vec<Value>>> =
        ops.iter().map(|read| spec.partition(&read.op)).collect();
    let Some(touched) = touched else { return vec![(None, ops)] };
    if touched.is_empty() {
        return vec![(None, ops)];
    }
    let mut ids: BTreeMap<&Value, usize> = BTreeMap::new();
    for element in touched.iter().flatten() {
        ids.insert(element, 0);
    }
    for (number, id) in (0..).zip(ids.values_mut()) {
        *id = number;
    }
    // In a forest of elements the root is always the least, so it names its component.
    let mut parents: Vec<usize> = (0..ids.len()).collect();
    for elements in &touched {
        for pair in elements.windows(2) {
            let roots = [&pair[0], &pair[1]].map(|element| root(&mut parents, ids[element]));
            parents[roots[0].max(roots[1])] = roots[0].min(roots[1]);
        }
    }
    let elements: Vec<Value> = ids.keys().map(|element| (*element).clone()).collect();
    let mut found: BTreeMap<usize, Vec<Read<'h, S::Op>>> = BTreeMap::new();
    for (read, own) in ops.into_iter().zip(&touched) {
        // What touches nothing cannot be wrong.
        let Some(first) = own.first() else { continue };
        found.entry(root(&mut parents, ids[first])).or_default().push(read);
    }
    if found.is_empty() {
        return vec![(None, Vec::new())];
    }
    found.into_iter().map(|(root, ops)| (Some(elements[root].clone()), ops)).collect()
}

fn root(parents: &mut [usize], mut at: usize) -> usize {
    while parents[at] != at {
        parents[at] = parents[parents[at]];
        at = parents[at];
    }
    at
}

/// A part with its object.
struct Part<'s, 'h, S: Spec> {
    subject: OpsOfPart<'h>,
    table: Table<'s, S>,
    mismatches: Vec<&'h Operation<'h>>,
}

/// A part without its object.
struct OpsOfPart<'h> {
    key: Value,
    ops: Vec<Op<'h, u32>>,
}

impl<'s, 'h, S: Spec> Part<'s, 'h, S> {
    fn of(spec: &'s S, key: Value, reads: Vec<Read<'h, S::Op>>) -> Self {
        let mut table = Table::of(spec);
        let mut ops = Vec::with_capacity(reads.len());
        for Read { op, operation, is_closed } in reads {
            // An open observer has no result to explain.
            if is_closed || !spec.is_observer(&op) {
                let end = operation.end.filter(|_| is_closed).map(|place| 2 * place);
                let action = table.op_id(op);
                ops.push(Op { action, operation, start: 2 * operation.start, end });
            }
        }
        Self { subject: OpsOfPart { key, ops }, table, mismatches: Vec::new() }
    }

    fn judge(mut self, is_unreadable: bool, is_keyed: bool, options: &Options) -> Judged {
        let key = &self.subject.key;
        let mut judged = Judged {
            key: key.clone(),
            verdict: Verdict::Held,
            result: Value::Nil,
            anomalies: self.mismatches.iter().map(|op| explain::mismatch(key, op)).collect(),
            reason: None,
            is_exercised: self.subject.ops.iter().any(|op| op.end.is_some()),
        };
        let special = if options.uses_special_cases { self.special_case() } else { Special::None };
        let linearizable = match special {
            Special::Linearizable => Value::record([("valid?", true.into())]),
            Special::Broken(pattern) => {
                let operations: Vec<&Operation<'_>> =
                    pattern.ops.iter().map(|&at| self.subject.ops[at].operation).collect();
                judged.anomalies.push(named(key, &pattern, &operations));
                let op = operations.first().map_or(Value::Nil, |op| op.last_event().to_value());
                let class = Value::keyword(pattern.class.name);
                Value::record([("valid?", false.into()), ("anomaly", class), ("op", op)])
            }
            Special::None => judged.by_search(&self.subject, &mut self.table, options),
        };
        judged.finish(linearizable, is_unreadable, is_keyed);
        judged
    }

    fn special_case(&self) -> Special {
        let timed =
            |op: &Op<'h, u32>| Timed { op: self.table.op(op.action), start: op.start, end: op.end };
        let timed: Vec<Timed<'_, S::Op>> = self.subject.ops.iter().map(timed).collect();
        self.table.spec.special_case(&timed)
    }
}

fn named(key: &Value, pattern: &Pattern, operations: &[&Operation<'_>]) -> Anomaly {
    let who = operations.first().map_or_else(String::new, |op| explain::client(op));
    let title = format!("{}{who} {}", explain::of_key(key), pattern.text);
    let ops = operations.iter().take(64).map(|op| OpRef::of(op)).collect();
    let details = Value::record([("key", key.clone())]);
    Anomaly::new(pattern.class, title, ops).with_details(details)
}

impl<'s, 'h, S: Spec> Subject<'h, Table<'s, S>> for OpsOfPart<'h> {
    fn key(&self) -> &Value {
        &self.key
    }

    fn ops(&self) -> &[Op<'h, u32>] {
        &self.ops
    }

    fn prepared(
        &self,
        table: &Table<'s, S>,
        until: Option<usize>,
        _: &Options,
    ) -> Prepared<'h, u32> {
        let until = until.unwrap_or(usize::MAX);
        let begun = self.ops.iter().take_while(|op| op.start < until);
        let cut = begun.map(|op| Op { end: op.end.filter(|&own| own <= until), ..*op });
        let (closed, mut open): (Vec<_>, Vec<_>) = cut.partition(|op| op.end.is_some());
        let open_before_count = open.len();
        drop_open(table, &closed, &mut open);
        Prepared { open_before_count, ..Prepared::grouped(closed, open, 0) }
    }

    fn noun(&self) -> &'static str {
        "state"
    }

    fn state_text(&self, table: &Table<'s, S>, state: u32) -> String {
        table.spec.describe_state(table.state(state))
    }

    fn state_value(&self, table: &Table<'s, S>, state: u32) -> Value {
        Value::record([("state", self.state_text(table, state).into())])
    }

    fn op_text(&self, table: &Table<'s, S>, op: &Op<'h, u32>) -> String {
        let text = table.spec.describe_op(table.op(op.action));
        if text.is_empty() { op.operation.last_event().text() } else { text }
    }

    fn is_legal(&self, table: &Table<'s, S>, action: u32, state: u32) -> bool {
        table.spec.step(table.state(state), table.op(action)).is_some()
    }

    fn expected(&self, _: u32) -> Value {
        Value::Nil
    }
}

/// Leaves out the open operations without which every order is still one.
fn drop_open<S: Spec>(table: &Table<'_, S>, closed: &[Op<'_, u32>], open: &mut Vec<Op<'_, u32>>) {
    open.retain(|op| !table.spec.is_observer(table.op(op.action)));
    let different = |ops: &[Op<'_, u32>]| {
        let mut ids: Vec<u32> = ops.iter().map(|op| op.action).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    };
    let (closed, mut kept) = (different(closed), different(open));
    if closed.len().saturating_mul(kept.len()) <= DROP_PAIRS_MAX {
        let closed: Vec<&S::Op> = closed.iter().map(|&id| table.op(id)).collect();
        kept.retain(|&id| !table.spec.is_droppable(table.op(id), &closed));
        open.retain(|op| kept.binary_search(&op.action).is_ok());
    }
}
