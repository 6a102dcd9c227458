//! What the search asks of an object: everything over numbers.
//!
//! A register's state is its value, and its steps are comparisons (`register.rs`). Every other
//! object is a [`Table`] of a [`Spec`]: states and operations are interned, and a step that was
//! taken once is looked up.

use std::rc::Rc;

use super::spec::Spec;
use crate::intern::FixedMap;

/// Bytes that a remembered step takes, with the free places of its table.
const STEP_BYTES: usize = 32;
/// Bytes that an interned state takes beside itself.
const STATE_BYTES: usize = 64;

/// An object whose states are numbers.
pub(super) trait Model {
    /// What an operation does. Operations with equal actions are interchangeable.
    type Action: Copy + Ord;
    /// Whether a state is the value that was set last, so that counts of what is expected and
    /// produced look ahead.
    const IS_REGISTER: bool;

    fn initial(&mut self) -> u32;

    /// The state after an action, if that is legal.
    fn step(&mut self, action: Self::Action, state: u32) -> Option<u32>;

    /// Whether an action can never change a state.
    fn is_observer(&self, action: Self::Action) -> bool;

    /// The one state in which an action of a register is legal.
    fn expects(&self, action: Self::Action) -> Option<u32>;

    /// The state that an action of a register leads to.
    fn produces(&self, action: Self::Action) -> Option<u32>;

    /// Bytes that it takes.
    fn size(&self) -> usize;
}

/// A specification whose states and operations have numbers, in the order of first appearance.
pub(super) struct Table<'s, S: Spec> {
    pub spec: &'s S,
    ops: Vec<Rc<S::Op>>,
    op_ids: FixedMap<Rc<S::Op>, u32>,
    is_observer: Vec<bool>,
    states: Vec<Rc<S::State>>,
    state_ids: FixedMap<Rc<S::State>, u32>,
    /// By state and operation.
    steps: FixedMap<(u32, u32), Option<u32>>,
    states_size: usize,
}

impl<'s, S: Spec> Table<'s, S> {
    pub(super) fn of(spec: &'s S) -> Self {
        Self {
            spec,
            ops: Vec::new(),
            op_ids: FixedMap::default(),
            is_observer: Vec::new(),
            states: Vec::new(),
            state_ids: FixedMap::default(),
            steps: FixedMap::default(),
            states_size: 0,
        }
    }

    /// The number of an operation.
    pub(super) fn op_id(&mut self, op: S::Op) -> u32 {
        if let Some(&id) = self.op_ids.get(&op) {
            return id;
        }
        let id = u32::try_from(self.ops.len()).expect("a history has fewer than 2^32 operations");
        self.is_observer.push(self.spec.is_observer(&op));
        let op = Rc::new(op);
        self.ops.push(Rc::clone(&op));
        self.op_ids.insert(op, id);
        id
    }

    pub(super) fn op(&self, id: u32) -> &S::Op {
        &self.ops[id as usize]
    }

    pub(super) fn state(&self, id: u32) -> &S::State {
        &self.states[id as usize]
    }

    fn state_id(&mut self, state: S::State) -> u32 {
        if let Some(&id) = self.state_ids.get(&state) {
            return id;
        }
        let id = u32::try_from(self.states.len()).expect("memory ends before 2^32 states");
        self.states_size += self.spec.state_size(&state) + STATE_BYTES;
        let state = Rc::new(state);
        self.states.push(Rc::clone(&state));
        self.state_ids.insert(state, id);
        id
    }
}

impl<S: Spec> Model for Table<'_, S> {
    type Action = u32;
    const IS_REGISTER: bool = false;

    fn initial(&mut self) -> u32 {
        self.state_id(self.spec.initial())
    }

    fn step(&mut self, action: u32, state: u32) -> Option<u32> {
        if let Some(&after) = self.steps.get(&(state, action)) {
            return after;
        }
        let after = self.spec.step(&self.states[state as usize], &self.ops[action as usize]);
        let after = after.map(|after| self.state_id(after));
        self.steps.insert((state, action), after);
        after
    }

    fn is_observer(&self, action: u32) -> bool {
        self.is_observer[action as usize]
    }

    fn expects(&self, _: u32) -> Option<u32> {
        None
    }

    fn produces(&self, _: u32) -> Option<u32> {
        None
    }

    fn size(&self) -> usize {
        self.states_size + self.steps.len() * STEP_BYTES
    }
}
