//! What makes an object: a sequential specification.

use std::hash::Hash;

use squall_history::{Process, Value};

use crate::anomaly::Class;

/// An operation of a history as a specification reads it. Failed operations are never shown: they
/// did not happen.
#[derive(Clone, Copy, Debug)]
pub struct Call<'h> {
    /// Who.
    pub process: &'h Process,
    /// The function.
    pub f: &'h str,
    /// The value of the invocation, without its key if values are keyed.
    pub argument: &'h Value,
    /// The value of the `ok` event, without its key; `None` if nobody knows whether the operation
    /// happened.
    pub result: Option<&'h Value>,
}

impl<'h> Call<'h> {
    /// What came back beside the argument: `None` if nothing did, or if nobody knows. The value of
    /// an `ok` event is the argument, or the pair of argument and answer.
    ///
    /// # Errors
    /// The event answers another argument.
    pub fn answer(&self) -> Result<Option<&'h Value>, Misfit> {
        let Some(result) = self.result.filter(|result| *result != self.argument) else {
            return Ok(None);
        };
        match result.as_pair() {
            Some((argument, answer)) if argument == self.argument => Ok(Some(answer)),
            _ => Err(Misfit::Mismatch),
        }
    }
}

/// Why an operation cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misfit {
    /// A value does not have the shape it must have; which one that is.
    Shape(&'static str),
    /// The answer belongs to another request.
    Mismatch,
}

impl From<&'static str> for Misfit {
    fn from(hint: &'static str) -> Self {
        Self::Shape(hint)
    }
}

/// An operation with its time, as [`Spec::special_case`] sees it.
#[derive(Clone, Copy, Debug)]
pub struct Timed<'a, O> {
    /// What it did.
    pub op: &'a O,
    /// Where it begins. All starts and ends of a history differ.
    pub start: usize,
    /// Where it ends; `None` if nobody knows whether it happened.
    pub end: Option<usize>,
}

impl<O> Timed<'_, O> {
    /// Where it ends, with an end after everything for one that is open.
    #[must_use]
    pub fn end_or_never(&self) -> usize {
        self.end.unwrap_or(usize::MAX)
    }
}

/// What a special case says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Special {
    /// Its conditions do not hold: search.
    None,
    /// There is an order.
    Linearizable,
    /// There is none.
    Broken(Pattern),
}

/// A few operations that no order can bring together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// Which kind.
    pub class: &'static Class,
    /// Their places in the list; the first one is the operation that must not be so.
    pub ops: Vec<usize>,
    /// What happened, as the rest of a sentence that begins with the first operation.
    pub text: String,
}

/// A sequential object: what one client alone would see.
///
/// - `step` is a function: equal states and operations give equal states.
/// - Equal operations are interchangeable: what tells two of them apart (a result, for locks the
///   client) belongs into `Op`.
///
/// ```
/// use squall_check::linear::{Call, Misfit, Options, Spec, check_spec};
/// use squall_check::Verdict;
/// use squall_history::jsonl;
///
/// /// A flag that is raised once.
/// struct Flag;
///
/// #[derive(Clone, PartialEq, Eq, Hash)]
/// enum Op {
///     Raise,
///     IsUp(bool),
/// }
///
/// impl Spec for Flag {
///     type State = bool;
///     type Op = Op;
///
///     fn initial(&self) -> bool {
///         false
///     }
///
///     fn read(&self, call: &Call<'_>) -> Result<Option<Op>, Misfit> {
///         match (call.f, call.result) {
///             ("raise", _) => Ok(Some(Op::Raise)),
///             ("is-up", None) => Ok(None), // it can't have changed anything
///             ("is-up", Some(up)) => Ok(Some(Op::IsUp(*up == true.into()))),
///             _ => Err("a flag has raise and is-up only".into()),
///         }
///     }
///
///     fn step(&self, state: &bool, op: &Op) -> Option<bool> {
///         match op {
///             Op::Raise => Some(true),
///             Op::IsUp(up) => (state == up).then_some(*state),
///         }
///     }
///
///     fn describe_state(&self, state: &bool) -> String {
///         if *state { "up".into() } else { "down".into() }
///     }
/// }
///
/// let history = jsonl::read(br#"{"type":"invoke","process":0,"f":"raise"}
/// {"type":"ok","process":0,"f":"raise"}
/// {"type":"invoke","process":1,"f":"is-up"}
/// {"type":"ok","process":1,"f":"is-up","value":false}"#).expect("a history").history;
/// let outcome = check_spec(&Flag, &history, &Options::register());
/// assert_eq!(outcome.verdict, Verdict::Broken);
/// assert!(outcome.anomalies[0].title.ends_with("the state was up"));
/// ```
pub trait Spec {
    /// What the object remembers.
    type State: Clone + Eq + Hash;
    /// What an operation does: function, arguments and, if it is known, the result.
    type Op: Clone + Eq + Hash;

    /// The state before everything.
    fn initial(&self) -> Self::State;

    /// What an operation of a history does; `None` if it cannot matter, such as a read without a
    /// result.
    ///
    /// # Errors
    /// Its values do not have the shape they must have.
    fn read(&self, call: &Call<'_>) -> Result<Option<Self::Op>, Misfit>;

    /// The state after an operation, if that is legal with its result.
    fn step(&self, state: &Self::State, op: &Self::Op) -> Option<Self::State>;

    /// A state in a few words.
    fn describe_state(&self, state: &Self::State) -> String;

    /// Whether an operation never changes any state. What is said to be one is linearized as soon
    /// as it is legal, and dropped if nobody knows whether it happened.
    fn is_observer(&self, _op: &Self::Op) -> bool {
        false
    }

    /// Whether values are always pairs of a key and the value proper, each key with an object of
    /// its own, whatever [`super::Options::is_keyed`] says.
    fn is_keyed(&self) -> bool {
        false
    }

    /// The independent parts of the object that an operation touches; `None` for all of it.
    /// Operations without a part in common, not even through others, are judged apart.
    fn partition(&self, _op: &Self::Op) -> Option<Vec<Value>> {
        None
    }

    /// Whether an open operation can be left out: every order with it is still one without it.
    /// `closed` are the different operations that did happen.
    fn is_droppable(&self, _open: &Self::Op, _closed: &[&Self::Op]) -> bool {
        false
    }

    /// An operation in one phrase; an empty text for what the history says.
    fn describe_op(&self, _op: &Self::Op) -> String {
        String::new()
    }

    /// Bytes that a state takes, for the budget of memory.
    fn state_size(&self, _state: &Self::State) -> usize {
        size_of::<Self::State>()
    }

    /// A decision without a search, if the operations of a part have a form that allows one. They
    /// are in order of invocation.
    fn special_case(&self, _ops: &[Timed<'_, Self::Op>]) -> Special {
        Special::None
    }
}
