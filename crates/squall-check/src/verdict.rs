//! The answer of a checker.

use squall_history::{Problem, Value};

use crate::anomaly::{Anomalies, Anomaly};

/// What a checker says about a promise. The order is that of severity: of several parts the
/// greatest one counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// Checked, exercised, and not broken.
    Held,
    /// Nothing that the promise is about has happened.
    NotExercised,
    /// The budget was used up, or the history does not decide.
    Unknown,
    /// There is a counterexample.
    Broken,
}

impl Verdict {
    /// The verdict of two parts together: broken > unknown > not exercised > held.
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        self.max(other)
    }

    /// The word for people and for JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::NotExercised => "not exercised",
            Self::Unknown => "unknown",
            Self::Broken => "broken",
        }
    }

    /// The value of `:valid?`: true, false, or the keyword `:unknown`.
    #[must_use]
    pub fn valid(self) -> Value {
        match self {
            Self::Held => Value::Bool(true),
            Self::Broken => Value::Bool(false),
            Self::NotExercised | Self::Unknown => Value::keyword("unknown"),
        }
    }
}

/// What a checker returns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The answer.
    pub verdict: Verdict,
    /// A map with keyword keys, `:valid?` among them; the keys of each checker are in its module.
    pub result: Value,
    /// What was found, the gravest first; at most eight of a class.
    pub anomalies: Vec<Anomaly>,
    /// Why it is unknown or not exercised.
    pub reason: Option<Reason>,
    /// What was wrong with the events themselves.
    pub problems: Vec<Problem>,
}

impl Outcome {
    /// An outcome whose result is `:valid?` followed by `pairs`.
    pub(crate) fn new<'k>(
        verdict: Verdict,
        pairs: impl IntoIterator<Item = (&'k str, Value)>,
    ) -> Self {
        let valid = [("valid?", verdict.valid())];
        Self {
            verdict,
            result: Value::record(valid.into_iter().chain(pairs)),
            anomalies: Vec::new(),
            reason: None,
            problems: Vec::new(),
        }
    }

    /// Adds the problems of the history; if one of them matters, *held* becomes *unknown*.
    #[must_use]
    pub fn capped_by(mut self, problems: Vec<Problem>) -> Self {
        let worst = problems.iter().find(|problem| problem.code.caps_verdict());
        if let Some(problem) = worst
            && self.verdict < Verdict::Unknown
        {
            self.set_verdict(Verdict::Unknown);
            self.reason = Some(Reason::new(
                ReasonCode::MalformedInput,
                format!("the history has events that do not fit together: {problem}"),
                "repair the history, or leave the operations out that it is about",
            ));
        }
        self.problems.extend(problems);
        self
    }

    /// Adds anomalies that were found beside the others: they break the promise.
    pub(crate) fn broken_by(mut self, anomalies: Anomalies) -> Self {
        if !anomalies.is_empty() {
            self.set_verdict(Verdict::Broken);
            self.reason = None;
            self.anomalies.extend(anomalies.into_vec());
            self.anomalies.sort_by_key(|found| (u8::MAX - found.class.severity, found.class.name));
        }
        self
    }

    fn set_verdict(&mut self, verdict: Verdict) {
        self.verdict = verdict;
        let valid = Value::keyword("valid?");
        if let Value::Map(pairs) = &self.result {
            let pairs = pairs.iter().filter(|(key, _)| *key != valid).cloned();
            let new = (valid.clone(), verdict.valid());
            self.result = Value::map([new].into_iter().chain(pairs));
        }
    }

    /// The outcome as one map in the schema of `squall check --json`: `checker`, `verdict`,
    /// `anomalies`, `reason`.
    #[must_use]
    pub fn to_value(&self, checker: &str) -> Value {
        let reason = self.reason.as_ref().map_or(Value::Nil, Reason::to_value);
        Value::record([
            ("v", Value::Int(1)),
            ("type", Value::keyword("check")),
            ("checker", Value::str(checker)),
            ("verdict", Value::str(self.verdict.as_str())),
            ("anomalies", self.anomalies.iter().map(Anomaly::to_value).collect()),
            ("reason", reason),
        ])
    }
}

/// Why there is no clear answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReasonCode {
    /// The memory that may be used is used up.
    BudgetMemory,
    /// The steps that may be taken are taken.
    BudgetSteps,
    /// A value was written twice where only different ones tell who wrote what.
    ValuesNotUnique,
    /// The events do not fit together.
    MalformedInput,
    /// No read of the final phase succeeded.
    NoFinalRead,
    /// Nothing that the promise is about has happened.
    Empty,
    /// The promise is about real time, and the history has none.
    NoRealTime,
    /// Things happened, but none that decides.
    Undecided,
}

impl ReasonCode {
    /// The word in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BudgetMemory => "budget-memory",
            Self::BudgetSteps => "budget-steps",
            Self::ValuesNotUnique => "values-not-unique",
            Self::MalformedInput => "malformed-input",
            Self::NoFinalRead => "no-final-read",
            Self::Empty => "empty",
            Self::NoRealTime => "no-real-time",
            Self::Undecided => "undecided",
        }
    }
}

/// Why a verdict is *unknown* or *not exercised*, and how to decide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// Which kind of reason.
    pub code: ReasonCode,
    /// One sentence: what happened.
    pub text: String,
    /// One sentence: what to change.
    pub how_to_decide: String,
    /// Figures, by name.
    pub numbers: Vec<(&'static str, u64)>,
}

impl Reason {
    pub(crate) fn new(code: ReasonCode, text: impl Into<String>, how: impl Into<String>) -> Self {
        Self { code, text: text.into(), how_to_decide: how.into(), numbers: Vec::new() }
    }

    /// The reason as a map.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let numbers = self.numbers.iter().map(|&(name, number)| (name, Value::uint(number)));
        Value::record([
            ("code", Value::str(self.code.as_str())),
            ("text", Value::str(self.text.as_str())),
            ("how_to_decide", Value::str(self.how_to_decide.as_str())),
            ("numbers", Value::record(numbers)),
        ])
    }
}
