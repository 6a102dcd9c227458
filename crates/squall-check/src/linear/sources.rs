//! Values without a source: what was returned although nobody can have written it. Needs no search.

use squall_history::Operation;

use super::register::{INITIAL, Op, Part};
use crate::anomaly::{ABORTED_READ, Class, FUTURE_READ, THIN_AIR_READ};

/// An operation that met a value which cannot have been there.
pub(super) struct Impossible<'h> {
    pub class: &'static Class,
    /// The operation that met the value.
    pub op: Op<'h>,
    /// The value.
    pub value: u32,
    /// The operation that wrote it, but failed or began too late.
    pub source: Option<&'h Operation<'h>>,
}

/// The earliest completed one, if there is any.
pub(super) fn first_impossible<'h>(part: &Part<'h>) -> Option<Impossible<'h>> {
    // As operations are in order of invocation, the first producer of a value is the earliest.
    let mut producers: Vec<Option<&Op<'h>>> = vec![None; part.values_count()];
    for op in &part.ops {
        if let Some(value) = op.action.produces() {
            producers[value as usize].get_or_insert(op);
        }
    }
    let impossible = |op: &Op<'h>| {
        let value = op.action.expects().filter(|&value| value != INITIAL)?;
        let end = op.end?;
        match producers[value as usize] {
            Some(producer) if producer.start < end => None,
            Some(producer) => Some((&FUTURE_READ, value, Some(producer.operation))),
            None => match part.failed.get(&value) {
                Some(failed) => Some((&ABORTED_READ, value, Some(*failed))),
                None => Some((&THIN_AIR_READ, value, None)),
            },
        }
    };
    let found = part.ops.iter().filter_map(|op| impossible(op).map(|found| (op, found)));
    let (op, (class, value, source)) = found.min_by_key(|(op, _)| op.end)?;
    Some(Impossible { class, op: *op, value, source })
}
