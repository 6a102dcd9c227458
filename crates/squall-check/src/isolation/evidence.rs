//! What a family of transactions tells about who came before whom.

use squall_history::Value;

use super::graph::{Arc, TAINT};
use super::transactions::Transactions;
use crate::anomaly::EdgeKind;

/// Dependencies between transactions, and what proves them.
pub(super) trait Evidence<'h> {
    /// The transactions that it is about.
    fn txns(&self) -> &Transactions<'h>;

    /// The words of this family.
    fn words(&self) -> &'static Words;

    /// A number of edges, found quickly, that the graph has at least before those that are told
    /// twice become one.
    fn edges_count_min(&self) -> u64;

    /// All edges, with the key that each is of.
    fn each(&self, tell: &mut dyn FnMut(Told));

    /// Whether the order of a key can't be trusted.
    fn is_tainted(&self, key: u32) -> bool;

    /// What proves that `a` must come before `b`; only by keys whose order can't be trusted, or
    /// only by others.
    fn proof(&self, a: u32, b: u32, kind: EdgeKind, is_tainted: bool) -> Option<Proof>;

    /// That in one sentence.
    fn why(&self, names: (&str, &str), kind: EdgeKind, proof: &Proof) -> String;

    /// Whether the place of an element in the order of its key is known.
    fn is_placed(&self, element: u32) -> bool;

    /// The class whose name stands for this one where it is asked which models are ruled out.
    fn refuting(&self, class: &'static str) -> &'static str {
        class
    }

    /// What else the result says.
    fn more(&self) -> Vec<(&'static str, Value)> {
        Vec::new()
    }

    /// Tells the edges to a graph.
    fn tell(&self, tell: &mut dyn FnMut(u32, Arc)) {
        self.each(&mut |Told { from, to, kind, key }| {
            if let (Some(from), Some(to)) = (from, to)
                && from != to
            {
                let shift = if self.is_tainted(key) { TAINT } else { 0 };
                tell(from, Arc { to, kinds: kind << shift });
            }
        });
    }

    /// What is said of an element, or of the version before all of a key.
    fn text(&self, key: Option<u32>, element: Option<u32>) -> Value {
        match (element, key) {
            (Some(element), _) => self.txns().elements[element as usize].value.clone(),
            (None, Some(key)) => self.txns().initial(key),
            (None, None) => Value::Nil,
        }
    }

    /// Place in its transaction of the micro-operation that wrote an element.
    fn step_of_write(&self, element: u32) -> u32 {
        self.txns().step_of(self.txns().elements[element as usize].writer_mop)
    }
}

/// An edge, if both of its ends are transactions that may have happened.
pub(super) struct Told {
    pub from: Option<u32>,
    pub to: Option<u32>,
    pub kind: u8,
    pub key: u32,
}

/// What proves an edge.
#[derive(Clone, Copy, Default)]
pub(super) struct Proof {
    pub key: Option<u32>,
    /// The element that the first wrote, or the last of the version that it read.
    pub before: Option<u32>,
    /// The element that the second wrote.
    pub after: Option<u32>,
    pub from_mop: Option<u32>,
    pub to_mop: Option<u32>,
}

/// What a family calls what it does.
pub(super) struct Words {
    /// What somebody did: `appended`.
    pub wrote: &'static str,
    /// What that was: `append`, `an append`.
    pub write: &'static str,
    pub a_write: &'static str,
    /// What a read of this key saw, whose last write was this.
    pub saw: fn(&str, &str) -> String,
}

impl Words {
    pub(super) const APPEND: Self = Self {
        wrote: "appended",
        write: "append",
        a_write: "an append",
        saw: |key, element| format!("key {key} ending in {element}"),
    };
    pub(super) const WRITE: Self = Self {
        wrote: "wrote",
        write: "write",
        a_write: "a write",
        saw: |key, value| format!("{value} in key {key}"),
    };
}
