//! Small histories from a list of choices, so that a failing one shrinks.

use proptest::prelude::*;
use squall_history::{Event, History, Kind, Process, Value};

/// `$PROPTEST_CASES` if it is set, else `usual`; nothing is written beside the tests.
pub(crate) fn cases(usual: u32) -> ProptestConfig {
    let set = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok());
    ProptestConfig {
        cases: set.unwrap_or(usual),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// One choice: which process goes on, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    pub process: usize,
    pub f: usize,
    pub a: i64,
    pub b: i64,
    /// 0..10: fail, info, or else ok.
    pub outcome: u8,
    /// 0..8: small ones lie about the result; odd ones take effect at the invocation, even ones at
    /// the completion.
    pub luck: u8,
}

/// Steps of up to `processes` clients.
pub(crate) fn steps(processes: usize, count: usize) -> impl Strategy<Value = Vec<Step>> {
    let step = (0..processes, 0..3_usize, 0..3_i64, 0..3_i64, 0..10_u8, 0..8_u8)
        .prop_map(|(process, f, a, b, outcome, luck)| Step { process, f, a, b, outcome, luck });
    prop::collection::vec(step, 2..count)
}

/// What the register histories vary in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    /// Whether every write writes another value.
    pub unique: bool,
    /// Number of keys; with more than one, values are pairs.
    pub keys: i64,
    /// Operations at most.
    pub ops_max: usize,
    /// Whether results may be lies.
    pub lies: bool,
}

struct Pending {
    f: &'static str,
    key: i64,
    argument: Value,
    invoked_effect: Option<Option<Value>>,
    luck: u8,
    lie: i64,
}

/// A history of a register: mostly what a correct one would have answered, with lies if the shape
/// says so.
pub(crate) fn register(steps: &[Step], shape: Shape) -> History {
    let mut history = History::default();
    let mut state = vec![Value::Nil; 8];
    let mut pending: Vec<Option<Pending>> = (0..8).map(|_| None).collect();
    let mut ids: Vec<i64> = (0..8).collect();
    let mut written = 10;
    let mut ops_count = 0;
    let keyed = |key: i64, value: Value| match shape.keys {
        1 => value,
        _ => Value::list([Value::Int(key), value]),
    };
    for step in steps {
        let process = Process::Client(ids[step.process]);
        let Some(op) = pending[step.process].take() else {
            if ops_count == shape.ops_max {
                continue;
            }
            ops_count += 1;
            let key = (step.a + step.b + i64::from(step.luck)) % shape.keys;
            let mut value = step.a;
            if shape.unique {
                written += 1;
                value = written;
            }
            let current = state[usize::try_from(key).expect("small")].as_int().unwrap_or(step.b);
            let from = if shape.unique { current } else { step.b };
            let (f, argument) = match step.f {
                0 => ("read", Value::Nil),
                1 => ("write", Value::Int(value)),
                _ => ("cas", Value::from(vec![from, value])),
            };
            let mut op =
                Pending { f, key, argument, invoked_effect: None, luck: step.luck, lie: step.b };
            if step.luck % 2 == 1 {
                op.invoked_effect = Some(apply(&mut state, &op));
            }
            let invoked = keyed(key, op.argument.clone());
            history.push(Event::new(Kind::Invoke, process, f, invoked));
            pending[step.process] = Some(op);
            continue;
        };
        let effect = match op.invoked_effect.clone() {
            Some(effect) => effect,
            // Half of the operations that end unknown do not happen.
            None if step.outcome == 1 && step.luck < 4 => None,
            None => apply(&mut state, &op),
        };
        let lies = shape.lies && op.luck < 3 && step.luck < 5;
        let (kind, value) = match (step.outcome, effect) {
            (1 | 2, _) => (Kind::Info, op.argument.clone()),
            // A failure that took effect is a lie as well.
            (0, None) => (Kind::Fail, op.argument.clone()),
            (0, Some(_)) if shape.lies || op.f == "read" => (Kind::Fail, op.argument.clone()),
            (_, None) if lies => (Kind::Ok, op.argument.clone()),
            (_, None) => (Kind::Fail, op.argument.clone()),
            (_, Some(_)) if lies && op.f == "read" => (Kind::Ok, Value::Int(op.lie)),
            (_, Some(result)) => (Kind::Ok, result),
        };
        if kind == Kind::Info {
            ids[step.process] += 10;
        }
        history.push(Event::new(kind, process, op.f, keyed(op.key, value)));
    }
    history
}

/// What a correct register answers; `None` if a compare-and-set finds another value.
fn apply(state: &mut [Value], op: &Pending) -> Option<Value> {
    let state = &mut state[usize::try_from(op.key).expect("small")];
    match op.f {
        "read" => Some(state.clone()),
        "write" => {
            *state = op.argument.clone();
            Some(op.argument.clone())
        }
        _ => {
            let (from, to) = op.argument.as_pair().expect("a pair");
            if state != from {
                return None;
            }
            *state = to.clone();
            Some(op.argument.clone())
        }
    }
}
