//! The contract itself.

use core::fmt::Debug;

use crate::{Ctx, Input, View, Wire};

/// A node: one handler, called with one input at a time.
///
/// - `handle` is atomic: it runs to its end, then what it asked for happens.
/// - It reads time, chance and disk through the context only, so that the same inputs give the
///   same effects.
/// - A crash drops the value. The next life is made by the factory and sees only the disk.
pub trait Node: Sized {
    /// What it says and understands.
    type Message: Wire;
    /// The names of its timers, with what tells one from another: arming an equal value again
    /// replaces the timer. Values of a term-bound kind carry the term. [`Never`] if it has none.
    type Timer: Copy + Ord + Debug;
    /// What it must remember until the answer of a call comes: plain data. [`Never`] if it
    /// makes no calls.
    type Pending: Clone + Debug;

    /// Takes one input and asks for effects.
    fn handle(&mut self, ctx: &mut Ctx<'_, Self>, input: Input<Self>);

    /// Writes a few named values that tell the node's state, in a fixed order.
    fn view(&self, out: &mut View) {
        let _: &mut View = out;
    }
}

/// A type without values, for nodes without timers or without calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Never {}
