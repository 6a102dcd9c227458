//! A source of growing numbers.

use super::integer;
use crate::linear::spec::{Call, Misfit, Spec, Special, Timed};
use crate::linear::special::growing;

/// A source of time stamps: `ts` → an integer larger than every one before.
#[derive(Clone, Copy, Debug)]
pub struct Tso;

impl Spec for Tso {
    /// The last number, if there is one.
    type State = Option<i64>;
    /// The number that was given.
    type Op = i64;

    fn initial(&self) -> Self::State {
        None
    }

    fn read(&self, call: &Call<'_>) -> Result<Option<i64>, Misfit> {
        match call.f {
            // A number that nobody got only makes the next ones larger.
            "ts" => call.result.map(integer).transpose(),
            _ => Err("a source of numbers has ts only".into()),
        }
    }

    fn step(&self, last: &Self::State, number: &i64) -> Option<Self::State> {
        last.is_none_or(|last| last < *number).then_some(Some(*number))
    }

    fn describe_state(&self, last: &Self::State) -> String {
        last.map_or_else(|| "no number yet".to_owned(), |last| format!("last number {last}"))
    }

    fn special_case(&self, ops: &[Timed<'_, i64>]) -> Special {
        growing(ops)
    }
}
