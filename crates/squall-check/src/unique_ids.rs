//! Unique ids: none is acknowledged twice.
//!
//! Sound and complete. An id is any value; `1`, `1.0` and `"1"` are three ids. Result:
//! `:attempted-count`, `:acknowledged-count`, `:duplicated-count`, `:duplicated` (id to count, the
//! 48 worst), `:range` (lowest and highest by the total order of values; nils if there is none).

use std::cmp::Reverse;
use std::collections::BTreeMap;

use squall_history::{History, Kind, Operation, Value};

use crate::anomaly::{Anomalies, Anomaly, DUPLICATE_ID, OpRef};
use crate::verdict::{Outcome, Reason, ReasonCode, Verdict};

/// Ids that `:duplicated` lists.
const DUPLICATED_MAX: usize = 48;

/// Judges the operations `generate`: the `ok` value is the id.
#[must_use]
pub fn check(history: &History) -> Outcome {
    let operations = history.operations();
    let mut attempted_count = 0_u64;
    let mut acknowledged: Vec<(&Value, &Operation<'_>)> = Vec::new();
    for operation in operations.list.iter().filter(|operation| operation.f() == "generate") {
        attempted_count += 1;
        if operation.outcome() == Kind::Ok {
            acknowledged.push((operation.value(), operation));
        }
    }
    acknowledged.sort_by_key(|(id, _)| *id);
    let range = [acknowledged.first(), acknowledged.last()];
    let range = range.map(|end| end.map_or(Value::Nil, |(id, _)| (*id).clone()));

    let mut anomalies = Anomalies::default();
    let mut duplicated: BTreeMap<&Value, usize> = BTreeMap::new();
    for group in acknowledged.chunk_by(|(a, _), (b, _)| a == b) {
        if group.len() > 1 {
            duplicated.insert(group[0].0, group.len());
            anomalies.add(&DUPLICATE_ID, || duplicate(group));
        }
    }
    let (verdict, reason) = if !duplicated.is_empty() {
        (Verdict::Broken, None)
    } else if acknowledged.is_empty() {
        let text = "no id was acknowledged";
        let how = "run longer, or with fewer faults";
        (Verdict::NotExercised, Some(Reason::new(ReasonCode::Empty, text, how)))
    } else {
        (Verdict::Held, None)
    };
    let mut outcome = Outcome::new(
        verdict,
        [
            ("attempted-count", Value::uint(attempted_count)),
            ("acknowledged-count", Value::uint(acknowledged.len() as u64)),
            ("duplicated-count", Value::uint(duplicated.len() as u64)),
            ("duplicated", worst(&duplicated)),
            ("range", Value::list(range)),
        ],
    );
    outcome.anomalies = anomalies.into_vec();
    outcome.reason = reason;
    outcome.capped_by(operations.problems)
}

/// The ids given most often, with their counts.
fn worst(duplicated: &BTreeMap<&Value, usize>) -> Value {
    let mut list: Vec<(&Value, usize)> = duplicated.iter().map(|(id, n)| (*id, *n)).collect();
    list.sort_by_key(|&(_, count)| Reverse(count));
    list.truncate(DUPLICATED_MAX);
    Value::map(list.into_iter().map(|(id, count)| (id.clone(), Value::uint(count as u64))))
}

fn duplicate(group: &[(&Value, &Operation<'_>)]) -> Anomaly {
    let title = format!("the id {} was given {} times", group[0].0.to_edn(), group.len());
    let ops = group.iter().take(64).map(|(_, operation)| OpRef::of(operation)).collect();
    Anomaly::new(&DUPLICATE_ID, title, ops)
}
