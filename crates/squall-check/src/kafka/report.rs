//! What is said about what was found.

use std::collections::BTreeSet;

use squall_history::Value;

use super::columns::Columns;
use super::orders::Orders;
use crate::anomaly::{Anomalies, Anomaly, Class, OpRef};

/// Cases of a class that the result lists, unless a rule says otherwise.
const SHOWN_MAX: usize = 8;

/// Tells about the operations of a log.
#[derive(Clone, Copy)]
pub(super) struct Teller<'a, 'h> {
    pub columns: &'a Columns<'h>,
    pub orders: &'a Orders,
}

impl Teller<'_, '_> {
    pub(super) fn op(&self, op: u32) -> OpRef {
        OpRef::of(&self.columns.ops[op as usize])
    }

    pub(super) fn client(&self, op: u32) -> String {
        self.columns.ops[op as usize].invocation.process.to_value().to_edn()
    }

    pub(super) fn value(&self, message: u32) -> Value {
        self.columns.messages[message as usize].value.clone()
    }

    pub(super) fn key_and_value(&self, message: u32) -> (Value, Value) {
        let key = self.columns.messages[message as usize].key;
        (self.columns.key_name(key).clone(), self.value(message))
    }

    /// The key of a message, and where it is there to an operation, or to anybody.
    pub(super) fn place(&self, message: u32, op: u32) -> String {
        let key = self.key_and_value(message).0;
        format!("key {}{}", key.to_edn(), self.at_offset(message, op).replace(" at", ","))
    }

    /// ` at offset 3`; nothing if it is unknown.
    pub(super) fn at_offset(&self, message: u32, op: u32) -> String {
        let key = self.columns.messages[message as usize].key;
        let mut steps = match self.columns.ops.get(op as usize) {
            Some(_) => self.columns.steps_of(op).iter(),
            None => [].iter(),
        };
        let own = steps.find(|step| step.message == message).and_then(|step| step.offset);
        let any = || self.orders.offsets_of(key, message).next().map(|entry| entry.offset);
        own.or_else(any).map_or_else(String::new, |offset| format!(" at offset {offset}"))
    }

    pub(super) fn about(
        &self,
        class: &'static Class,
        title: String,
        ops: impl IntoIterator<Item = u32>,
        details: &[(&str, Value)],
    ) -> Anomaly {
        let ops: BTreeSet<u32> = ops.into_iter().collect();
        let details = Value::record(details.iter().cloned());
        let ops = ops.into_iter().map(|op| self.op(op)).collect();
        Anomaly::new(class, title, ops).with_details(details)
    }

    pub(super) fn about_message(
        &self,
        class: &'static Class,
        title: String,
        ops: impl IntoIterator<Item = u32>,
        message: u32,
        more: &[(&str, Value)],
    ) -> Anomaly {
        let (key, value) = self.key_and_value(message);
        let known = [("key", key), ("value", value)];
        let details: Vec<_> = known.into_iter().chain(more.iter().cloned()).collect();
        self.about(class, title, ops, &details)
    }
}

/// What was found of each class.
#[derive(Default)]
pub(super) struct Findings {
    pub anomalies: Anomalies,
    /// Class, number of cases, and those that the result lists.
    pub rows: Vec<(&'static Class, usize, Vec<Value>)>,
}

impl Findings {
    /// Adds the cases of a class.
    pub(super) fn tell<T>(
        &mut self,
        class: &'static Class,
        cases: &[T],
        build: impl Fn(&T) -> Anomaly,
    ) {
        self.tell_most(class, cases, SHOWN_MAX, build);
    }

    /// Adds the cases of a class, of which the result lists so many.
    pub(super) fn tell_most<T>(
        &mut self,
        class: &'static Class,
        cases: &[T],
        shown_max: usize,
        build: impl Fn(&T) -> Anomaly,
    ) {
        if cases.is_empty() {
            return;
        }
        let errs = cases.iter().take(shown_max).map(|case| build(case).details).collect();
        self.rows.push((class, cases.len(), errs));
        for case in cases {
            self.anomalies.add(class, || build(case));
        }
    }

    pub(super) fn has(&self, class: &Class) -> bool {
        self.rows.iter().any(|(found, ..)| *found == class)
    }
}
