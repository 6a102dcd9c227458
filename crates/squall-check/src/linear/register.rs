//! The register: what its operations do, and how they are read from a history.

use std::collections::BTreeMap;

use squall_history::{Kind, Operation, PROBLEMS_MAX, Problem, Value};

use super::explain::{self, Subject};
use super::model::Model;
use super::prepare::Prepared;
use super::search::{Answer, Deadlock, Limits, Search};
use super::zones::{self, Zones};
use super::{FailedCas, NilRead, Options};
use crate::anomaly::Anomaly;
use crate::intern::Interner;

/// The value of a register that nobody has written: nil.
pub(super) const INITIAL: u32 = 0;

/// What an operation does, over interned values. The state of a register is its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Action {
    /// Returned this value. Also a compare-and-set of a value to itself.
    Read(u32),
    /// Found another value than this one: a failed compare-and-set.
    Not(u32),
    /// Set this value.
    Write(u32),
    /// Met the first value and set the second, another one.
    Cas(u32, u32),
}

impl Action {
    /// The state after it, if it is legal in `state`.
    pub(super) fn step(self, state: u32) -> Option<u32> {
        match self {
            Self::Read(value) => (state == value).then_some(state),
            Self::Not(value) => (state != value).then_some(state),
            Self::Write(value) => Some(value),
            Self::Cas(from, to) => (state == from).then_some(to),
        }
    }

    /// Whether it can never change a state.
    pub(super) fn is_observer(self) -> bool {
        matches!(self, Self::Read(_) | Self::Not(_))
    }

    /// The one value it is legal in.
    pub(super) fn expects(self) -> Option<u32> {
        match self {
            Self::Read(value) | Self::Cas(value, _) => Some(value),
            Self::Not(_) | Self::Write(_) => None,
        }
    }

    /// The value it sets.
    pub(super) fn produces(self) -> Option<u32> {
        match self {
            Self::Write(value) | Self::Cas(_, value) => Some(value),
            Self::Read(_) | Self::Not(_) => None,
        }
    }
}

/// The register as the search sees it.
pub(super) struct Register;

impl Model for Register {
    type Action = Action;
    const IS_REGISTER: bool = true;

    fn initial(&mut self) -> u32 {
        INITIAL
    }

    fn step(&mut self, action: Action, state: u32) -> Option<u32> {
        action.step(state)
    }

    fn is_observer(&self, action: Action) -> bool {
        action.is_observer()
    }

    fn expects(&self, action: Action) -> Option<u32> {
        action.expects()
    }

    fn produces(&self, action: Action) -> Option<u32> {
        action.produces()
    }

    fn size(&self) -> usize {
        0
    }
}

/// An operation of an object, by default of a register.
#[derive(Clone, Copy, Debug)]
pub(super) struct Op<'h, A = Action> {
    pub action: A,
    pub operation: &'h Operation<'h>,
    /// Twice the place of the invocation.
    pub start: usize,
    /// Twice the place of the completion, or one less where it is derived; `None` while it is open.
    pub end: Option<usize>,
}

/// The operations of one key.
pub(super) struct Part<'h> {
    /// The key; nil in a history without keys.
    pub key: Value,
    /// Successful and open operations, and observed failures, in order of invocation.
    pub ops: Vec<Op<'h>>,
    /// What failed operations would have written.
    pub failed: BTreeMap<u32, &'h Operation<'h>>,
    /// Operations whose completion has another argument than their invocation.
    pub mismatches: Vec<&'h Operation<'h>>,
    /// Whether there is an operation of which nobody can say what it may have written.
    pub is_unreadable: bool,
    /// Whether a compare-and-set is an operation at all.
    has_cas: bool,
    pub problems: Vec<Problem>,
    values: Interner<'h>,
}

impl<'h> Part<'h> {
    /// The value of a state.
    pub(super) fn value(&self, id: u32) -> &'h Value {
        self.values.value(id)
    }

    /// What was known when the operation that ended at `end` had just ended: later operations are
    /// unknown to it, and those still under way are open.
    pub(super) fn until(&self, end: usize) -> Vec<Op<'h>> {
        let begun = self.ops.iter().take_while(|op| op.start < end);
        let cut = begun.map(|op| Op { end: op.end.filter(|&own| own <= end), ..*op });
        cut.filter(|op| op.end.is_some() || !op.action.is_observer()).collect()
    }

    /// Number of different values, the initial one included.
    pub(super) fn values_count(&self) -> usize {
        self.values.len()
    }
}

impl<'h> Subject<'h, Register> for Part<'h> {
    fn key(&self) -> &Value {
        &self.key
    }

    fn ops(&self) -> &[Op<'h>] {
        &self.ops
    }

    fn prepared(&self, _: &Register, until: Option<usize>, options: &Options) -> Prepared<'h> {
        match until {
            None => Prepared::of(&self.ops, self.values_count(), options),
            Some(end) => Prepared::of(&self.until(end), self.values_count(), options),
        }
    }

    fn decide(
        &self,
        model: &mut Register,
        prepared: &Prepared<'h>,
        limits: &Limits,
        options: &Options,
    ) -> Answer {
        let zones =
            if options.uses_special_cases { zones::decide(prepared) } else { Zones::Undecided };
        match zones {
            Zones::Undecided => Search::of(model, prepared, limits).run(),
            Zones::Linearizable => Answer::Linearizable,
            Zones::NotLinearizable | Zones::DoubleCas(..) => {
                Answer::NotLinearizable(Deadlock { blocking: 0, configs: Vec::new() })
            }
        }
    }

    fn named(&self, prefix: &Prepared<'h>, options: &Options) -> Option<Anomaly> {
        let zones = if options.uses_special_cases { zones::decide(prefix) } else { return None };
        let Zones::DoubleCas(first, second) = zones else { return None };
        Some(explain::double_cas(self, &prefix.closed[first], &prefix.closed[second]))
    }

    fn noun(&self) -> &'static str {
        "value"
    }

    fn state_text(&self, _: &Register, state: u32) -> String {
        self.value(state).to_edn()
    }

    fn state_value(&self, _: &Register, state: u32) -> Value {
        Value::record([("value", self.value(state).clone())])
    }

    fn op_text(&self, _: &Register, op: &Op<'h>) -> String {
        op.operation.last_event().text()
    }

    fn is_legal(&self, _: &Register, action: Action, state: u32) -> bool {
        action.step(state).is_some()
    }

    fn expected(&self, action: Action) -> Value {
        action.expects().map_or(Value::Nil, |value| self.value(value).clone())
    }
}

/// All parts of a history, in the order of their keys.
pub(super) struct Parts<'h> {
    pub list: Vec<Part<'h>>,
    /// Operations whose key cannot be read.
    pub problems: Vec<Problem>,
}

/// Splits by key (registers of different keys are independent, so a history is linearizable if
/// every part is).
pub(super) fn split<'h>(
    operations: &'h [Operation<'h>],
    options: &Options,
    has_cas: bool,
) -> Parts<'h> {
    let mut by_key: BTreeMap<&Value, Part<'h>> = BTreeMap::new();
    let mut problems = Vec::new();
    let mut has_lost_write = false;
    for operation in operations {
        let (key, argument) = if options.is_keyed {
            let Some(pair) = operation.invocation.value.as_pair() else {
                has_lost_write |= operation.outcome() != Kind::Fail && operation.f() != "read";
                if problems.len() < PROBLEMS_MAX {
                    problems.push(operation.misfit("the value must be a pair: key and value"));
                }
                continue;
            };
            pair
        } else {
            (&NIL, &operation.invocation.value)
        };
        let part = by_key.entry(key).or_insert_with(|| Part {
            key: key.clone(),
            ops: Vec::new(),
            failed: BTreeMap::new(),
            mismatches: Vec::new(),
            is_unreadable: false,
            has_cas,
            problems: Vec::new(),
            values: Interner::default(),
        });
        if part.values.len() == 0 {
            part.values.id(&NIL);
        }
        part.add(operation, argument, options);
    }
    let mut list: Vec<Part<'h>> = by_key.into_values().collect();
    for part in &mut list {
        part.is_unreadable |= has_lost_write;
    }
    Parts { list, problems }
}

pub(super) static NIL: Value = Value::Nil;

impl<'h> Part<'h> {
    fn add(&mut self, operation: &'h Operation<'h>, argument: &'h Value, options: &Options) {
        let result = match operation.outcome() {
            Kind::Ok => {
                let value = operation.value();
                let result = if options.is_keyed { value.as_pair() } else { Some((&NIL, value)) };
                match result {
                    Some((key, result)) if !options.is_keyed || *key == self.key => Some(result),
                    _ => return self.unreadable(operation, "the reply has another key"),
                }
            }
            Kind::Fail | Kind::Info | Kind::Invoke => None,
        };
        match operation.f() {
            "read" => self.add_read(operation, result, options),
            "write" => self.add_write(operation, argument, result),
            "cas" if self.has_cas => self.add_cas(operation, argument, result, options),
            "cas" => self.unreadable(operation, "this register has read and write only"),
            _ => self.unreadable(operation, "a register has read, write and cas only"),
        }
    }

    fn unreadable(&mut self, operation: &'h Operation<'h>, hint: &str) {
        self.is_unreadable |= operation.outcome() != Kind::Fail && operation.f() != "read";
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(operation.misfit(hint));
        }
    }

    fn add_read(
        &mut self,
        operation: &'h Operation<'h>,
        result: Option<&'h Value>,
        options: &Options,
    ) {
        let Some(result) = result else { return };
        if result.is_nil() && options.nil_read == NilRead::Any {
            return;
        }
        let value = self.values.id(result);
        self.push(operation, Action::Read(value));
    }

    fn add_write(
        &mut self,
        operation: &'h Operation<'h>,
        argument: &'h Value,
        result: Option<&'h Value>,
    ) {
        if result.is_some_and(|result| result != argument) {
            self.mismatches.push(operation);
        }
        let value = self.values.id(result.unwrap_or(argument));
        if operation.outcome() == Kind::Fail {
            self.failed.entry(value).or_insert(operation);
        } else {
            self.push(operation, Action::Write(value));
        }
    }

    fn add_cas(
        &mut self,
        operation: &'h Operation<'h>,
        argument: &'h Value,
        result: Option<&'h Value>,
        options: &Options,
    ) {
        if result.is_some_and(|result| result != argument) {
            self.mismatches.push(operation);
        }
        let Some((from, to)) = result.unwrap_or(argument).as_pair() else {
            return self.unreadable(operation, "a cas has a pair: the expected and the new value");
        };
        let (from, to) = (self.values.id(from), self.values.id(to));
        match operation.outcome() {
            Kind::Fail => {
                self.failed.entry(to).or_insert(operation);
                if options.failed_cas == FailedCas::Observe && is_comparison(operation) {
                    self.push(operation, Action::Not(from));
                }
            }
            Kind::Ok if from == to => self.push(operation, Action::Read(from)),
            // Open and without effect.
            _ if from == to => {}
            _ => self.push(operation, Action::Cas(from, to)),
        }
    }

    fn push(&mut self, operation: &'h Operation<'h>, action: Action) {
        let end = operation.end.map(|place| 2 * place);
        self.ops.push(Op { action, operation, start: 2 * operation.start, end });
    }
}

/// Whether a compare-and-set failed because of the value, and not before it came to that.
fn is_comparison(operation: &Operation<'_>) -> bool {
    let name = match operation.error() {
        None => return true,
        Some(Value::List(items)) => items.first().and_then(Value::as_text),
        Some(error) => error.as_text(),
    };
    name == Some("precondition-failed")
}
