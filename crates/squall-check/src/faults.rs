//! When faults were in force.

use squall_history::Operation;

/// A stretch of time in which a fault was in force, in nanoseconds of the history's own time, both
/// ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FaultSpan {
    /// Its first moment.
    pub begin_ns: u64,
    /// Its last moment; `u64::MAX` if it never ended.
    pub end_ns: u64,
}

/// Whether a fault was in force at some moment from `begin_ns` to `end_ns`.
#[must_use]
pub fn in_force(faults: &[FaultSpan], begin_ns: u64, end_ns: u64) -> bool {
    faults.iter().any(|fault| fault.begin_ns <= end_ns && begin_ns <= fault.end_ns)
}

/// Whether a fault was in force while the operation was under way; an open one was under way until
/// the end.
pub(crate) fn in_force_during(faults: &[FaultSpan], operation: &Operation<'_>) -> bool {
    let end_ns = operation.completion.map_or(u64::MAX, |completion| completion.time);
    in_force(faults, operation.invocation.time, end_ns)
}
