//! A source of ids.

use std::collections::BTreeSet;

use squall_history::Value;

use crate::anomaly::DUPLICATE_ID;
use crate::linear::spec::{Call, Misfit, Pattern, Spec, Special, Timed};

/// A source of ids: `next` → an id that was not given before.
#[derive(Clone, Copy, Debug)]
pub struct IdGen;

impl Spec for IdGen {
    /// The ids that were given.
    type State = BTreeSet<Value>;
    /// The id that was given.
    type Op = Value;

    fn initial(&self) -> Self::State {
        BTreeSet::new()
    }

    fn read(&self, call: &Call<'_>) -> Result<Option<Value>, Misfit> {
        match call.f {
            "next" => Ok(call.result.cloned()),
            _ => Err("a source of ids has next only".into()),
        }
    }

    fn step(&self, state: &Self::State, id: &Value) -> Option<Self::State> {
        let mut after = state.clone();
        after.insert(id.clone()).then_some(after)
    }

    fn describe_state(&self, state: &Self::State) -> String {
        Value::set(state.iter().cloned()).to_edn()
    }

    /// What one id is does not matter to another.
    fn partition(&self, id: &Value) -> Option<Vec<Value>> {
        Some(vec![id.clone()])
    }

    fn special_case(&self, ops: &[Timed<'_, Value>]) -> Special {
        let mut seen = BTreeSet::new();
        match ops.iter().position(|op| !seen.insert(op.op)) {
            None => Special::Linearizable,
            Some(second) => {
                let first = ops.iter().position(|op| op.op == ops[second].op).unwrap_or(second);
                let text = format!("got {}, which was given before", ops[second].op.to_edn());
                let ops = vec![second, first];
                Special::Broken(Pattern { class: &DUPLICATE_ID, ops, text })
            }
        }
    }
}
