//! The shape of requests: a completion repeats what was asked, and only what a read returns is
//! free.

use squall_history::{Kind, Operation};

use crate::anomaly::{Anomalies, Anomaly, OpRef, REQUEST_MISMATCH};

/// Finds successful operations whose completion is about something else than was asked. `fs` are
/// functions without a result. A completion without a value repeats nothing.
pub(crate) fn mismatches(operations: &[Operation<'_>], fs: &[&str]) -> Anomalies {
    let mut found = Anomalies::default();
    let asked = operations.iter().filter(|operation| fs.contains(&operation.f()));
    for operation in asked.filter(|operation| operation.outcome() == Kind::Ok) {
        let answered = operation.value();
        if !answered.is_nil() && *answered != operation.invocation.value {
            found.add(&REQUEST_MISMATCH, || mismatch(operation));
        }
    }
    found
}

/// That an operation was answered with something else than was asked.
pub(crate) fn mismatch(operation: &Operation<'_>) -> Anomaly {
    let title = format!(
        "client {} asked for {} and was answered {}",
        operation.invocation.process.to_value().to_edn(),
        operation.invocation.text(),
        operation.last_event().text()
    );
    Anomaly::new(&REQUEST_MISMATCH, title, vec![OpRef::of(operation)])
}
