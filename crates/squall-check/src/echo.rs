//! Echo: the reply carries what was sent.
//!
//! Sound and complete. Result: `:errors`, a list of
//! `["Expected a message with :echo" sent "But received" got]`. Every operation that is not `ok` is
//! an error, with one exception: it was not answered, and a fault was in force while it was under
//! way. A fault takes messages away; it does not answer with an error, or wrongly.

use squall_history::{History, Kind, Operation, Value};

use crate::anomaly::{Anomalies, Anomaly, NOT_ANSWERED, OpRef, REQUEST_MISMATCH};
use crate::answers::is_answered;
use crate::faults::{FaultSpan, in_force_during};
use crate::verdict::{Outcome, Reason, ReasonCode, Verdict};

/// What the checker has to know beside the history.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// When faults were in force.
    pub faults: Vec<FaultSpan>,
}

/// Judges the operations `echo`: the invocation's value is what was sent, the `ok` value the whole
/// reply body.
#[must_use]
pub fn check(history: &History, options: &Options) -> Outcome {
    let operations = history.operations();
    let mut anomalies = Anomalies::default();
    let mut errors = Vec::new();
    let mut answered_count = 0_u64;
    let mut error = |operation: &Operation<'_>, got: &Value| {
        errors.push(Value::list([
            "Expected a message with :echo".into(),
            operation.invocation.value.clone(),
            "But received".into(),
            got.clone(),
        ]));
    };
    for operation in operations.list.iter().filter(|operation| operation.f() == "echo") {
        if operation.outcome() == Kind::Ok {
            answered_count += 1;
            let got = operation.value();
            if got.get("echo") != Some(&operation.invocation.value) {
                error(operation, got);
                anomalies.add(&REQUEST_MISMATCH, || mismatch(operation));
            }
        } else if is_answered(operation) || !in_force_during(&options.faults, operation) {
            error(operation, operation.error().unwrap_or(&Value::Nil));
            anomalies.add(&NOT_ANSWERED, || not_answered(operation));
        }
    }
    let (verdict, reason) = if !anomalies.is_empty() {
        (Verdict::Broken, None)
    } else if answered_count == 0 {
        let text = "no echo was answered while the network was whole";
        let how = "run longer, or with fewer faults";
        (Verdict::NotExercised, Some(Reason::new(ReasonCode::Empty, text, how)))
    } else {
        (Verdict::Held, None)
    };
    let mut outcome = Outcome::new(verdict, [("errors", Value::from(errors))]);
    outcome.anomalies = anomalies.into_vec();
    outcome.reason = reason;
    outcome.capped_by(operations.problems)
}

fn mismatch(operation: &Operation<'_>) -> Anomaly {
    let title = format!(
        "client {} sent {} and got {}",
        operation.invocation.process.to_value().to_edn(),
        operation.invocation.text(),
        operation.last_event().text(),
    );
    Anomaly::new(&REQUEST_MISMATCH, title, vec![OpRef::of(operation)])
}

fn not_answered(operation: &Operation<'_>) -> Anomaly {
    let client = operation.invocation.process.to_value().to_edn();
    let sent = operation.invocation.text();
    let title = match operation.last_event().exception.as_ref().and_then(|e| e.get("message")) {
        Some(why) => {
            let why = why.as_text().unwrap_or_default();
            format!("client {client} got no right answer to {sent}: {why}")
        }
        None if is_answered(operation) => {
            let error = operation.error().unwrap_or(&Value::Nil).to_edn();
            format!("client {client} got an error in answer to {sent}: {error}")
        }
        None => format!("client {client} got no answer to {sent}"),
    };
    Anomaly::new(&NOT_ANSWERED, title, vec![OpRef::of(operation)])
}
