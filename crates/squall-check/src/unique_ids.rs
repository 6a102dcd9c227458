//! Unique ids: none is acknowledged twice.
//!
//! | promise | class | rule |
//! |---|---|---|
//! | always | `duplicate-id` | an id was acknowledged twice |
//! | [`Options::is_monotonic`] | `non-monotonic-id` | an id is not greater than one that had been given before it was asked for |
//! | [`Options::is_dense`] | `id-gap` | between the ids more are missing than were asked for in vain |
//!
//! Sound and complete. An id is any value; `1`, `1.0` and `"1"` are three ids, and one is greater
//! than another by the total order of values. Dense ids are integers. Result:
//! `:attempted-count`, `:acknowledged-count`, `:duplicated-count`, `:duplicated` (id to count, the
//! 48 worst), `:range` (lowest and highest; nils if there is none).

use std::cmp::Reverse;
use std::collections::BTreeMap;

use squall_history::{History, Kind, Operation, Problem, Value};

use crate::anomaly::{Anomalies, Anomaly, DUPLICATE_ID, ID_GAP, NON_MONOTONIC_ID, OpRef};
use crate::verdict::{Outcome, Reason, ReasonCode, Verdict};

/// Ids that `:duplicated` lists.
const DUPLICATED_MAX: usize = 48;

/// What is promised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Whether an id is greater than those that had been given before it was asked for.
    pub is_monotonic: bool,
    /// Whether ids are integers without gaps. What was asked for in vain may have taken one each.
    pub is_dense: bool,
}

/// Judges the operations `generate`: the `ok` value is the id.
#[must_use]
pub fn check(history: &History, options: &Options) -> Outcome {
    let operations = history.operations();
    let mut attempted_count = 0_u64;
    let mut acknowledged: Vec<(&Value, &Operation<'_>)> = Vec::new();
    for operation in operations.list.iter().filter(|operation| operation.f() == "generate") {
        attempted_count += 1;
        if operation.outcome() == Kind::Ok {
            acknowledged.push((operation.value(), operation));
        }
    }
    let mut anomalies = Anomalies::default();
    if options.is_monotonic {
        falling(&acknowledged, &mut anomalies);
    }
    acknowledged.sort_by_key(|(id, _)| *id);
    let mut problems = operations.problems.clone();
    if options.is_dense {
        let missed_count = attempted_count - acknowledged.len() as u64;
        problems.extend(gap(&acknowledged, missed_count, &mut anomalies));
    }
    let range = [acknowledged.first(), acknowledged.last()];
    let range = range.map(|end| end.map_or(Value::Nil, |(id, _)| (*id).clone()));

    let mut duplicated: BTreeMap<&Value, usize> = BTreeMap::new();
    for group in acknowledged.chunk_by(|(a, _), (b, _)| a == b) {
        if group.len() > 1 {
            duplicated.insert(group[0].0, group.len());
            anomalies.add(&DUPLICATE_ID, || duplicate(group));
        }
    }
    let (verdict, reason) = if !anomalies.is_empty() {
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
    outcome.capped_by(problems)
}

/// Ids that are not greater than all that had been given before; `given` is in order of invocation.
fn falling(given: &[(&Value, &Operation<'_>)], anomalies: &mut Anomalies) {
    let mut ended: Vec<usize> = (0..given.len()).collect();
    ended.sort_by_key(|&at| given[at].1.end);
    let mut ended = ended.into_iter().peekable();
    let mut greatest: Option<usize> = None;
    for &(id, operation) in given {
        while let Some(before) = ended.next_if(|&at| given[at].1.end < Some(operation.start)) {
            if greatest.is_none_or(|greatest| given[greatest].0 < given[before].0) {
                greatest = Some(before);
            }
        }
        if let Some(&(greater, first)) = greatest.map(|at| &given[at])
            && id <= greater
        {
            anomalies.add(&NON_MONOTONIC_ID, || {
                let title = format!(
                    "client {} was given {}, and later client {} {}",
                    first.invocation.process.to_value().to_edn(),
                    greater.to_edn(),
                    operation.invocation.process.to_value().to_edn(),
                    id.to_edn()
                );
                let ops = vec![OpRef::of(first), OpRef::of(operation)];
                Anomaly::new(&NON_MONOTONIC_ID, title, ops)
            });
        }
    }
}

/// Whether more ids are missing than were asked for in vain; and the first id that is no integer.
fn gap(
    sorted: &[(&Value, &Operation<'_>)],
    missed_count: u64,
    anomalies: &mut Anomalies,
) -> Option<Problem> {
    let int = |&(id, operation): &(&Value, &Operation<'_>)| {
        id.as_int().ok_or_else(|| operation.misfit("dense ids are integers"))
    };
    let ids: Result<Vec<i64>, Problem> = sorted.iter().map(int).collect();
    let ids = match ids {
        Ok(ids) => ids,
        Err(problem) => return Some(problem),
    };
    let missing = |pair: &[i64]| (i128::from(pair[1]) - i128::from(pair[0]) - 1).max(0);
    let missing_count: i128 = ids.windows(2).map(missing).sum();
    if missing_count <= i128::from(missed_count) {
        return None;
    }
    let widest = (1..ids.len()).max_by_key(|&at| (missing(&ids[at - 1..=at]), ids.len() - at))?;
    anomalies.add(&ID_GAP, || {
        let title = format!(
            "{missing_count} ids are missing, most of them between {} and {}, but {missed_count} \
             were asked for in vain",
            ids[widest - 1],
            ids[widest]
        );
        let ops = sorted[widest - 1..=widest].iter().map(|(_, operation)| OpRef::of(operation));
        Anomaly::new(&ID_GAP, title, ops.collect())
    });
    None
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
