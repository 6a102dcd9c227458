//! Every figure that the README or a decision claims, measured by a named function, beside its
//! target.
//!
//! Adding a row is an entry in [`ROWS`] and a function in the file of its topic. Nothing that is
//! claimed is measured anywhere else.

mod broadcast;
mod build;
mod checkers;
mod engine;
mod first;
mod machine;
mod processes;
mod release;
mod report;
mod rows;
mod seeds;
#[cfg(test)]
mod tests;
mod trial;

use std::fmt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::{Error, say, tell};

pub use rows::ROWS;

/// A figure that is claimed.
#[derive(Debug)]
pub struct Row {
    /// The file of the row, and what a user types to get only its rows.
    pub topic: &'static str,
    /// What is measured, in words.
    pub figure: &'static str,
    /// What is claimed.
    pub target: Target,
    /// Measures it, in the unit of the target.
    pub measure: fn(Effort) -> Result<Figure, Error>,
    /// How long the quick form may take; `None` if there is no quick form.
    pub quick: Option<Duration>,
}

/// How much a measurement may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// A first impression.
    Quick,
    /// What is written down.
    Full,
}

/// What was measured.
#[derive(Clone, Debug)]
pub struct Figure {
    /// In the unit of the target.
    pub value: f64,
    /// What the number is made of: counts, all measurements, what it was run beside.
    pub note: String,
}

/// What is claimed: an operator, a number, a unit.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    relation: Relation,
    number: f64,
    unit: &'static str,
}

#[derive(Clone, Copy, Debug)]
enum Relation {
    Less,
    AtMost,
    AtLeast,
    More,
    Exactly,
    Shown,
}

impl Target {
    /// Below.
    #[must_use]
    pub const fn less(number: f64, unit: &'static str) -> Self {
        Self { relation: Relation::Less, number, unit }
    }

    /// Not above.
    #[must_use]
    pub const fn at_most(number: f64, unit: &'static str) -> Self {
        Self { relation: Relation::AtMost, number, unit }
    }

    /// Not below.
    #[must_use]
    pub const fn at_least(number: f64, unit: &'static str) -> Self {
        Self { relation: Relation::AtLeast, number, unit }
    }

    /// Above.
    #[must_use]
    pub const fn more(number: f64, unit: &'static str) -> Self {
        Self { relation: Relation::More, number, unit }
    }

    /// This and nothing else: for counts.
    #[must_use]
    pub const fn exactly(number: f64, unit: &'static str) -> Self {
        Self { relation: Relation::Exactly, number, unit }
    }

    /// Any number: a figure that is shown beside another one, and promised by nobody.
    #[must_use]
    pub const fn shown(unit: &'static str) -> Self {
        Self { relation: Relation::Shown, number: 0.0, unit }
    }

    /// Whether a measurement meets it. What is no number does not.
    #[must_use]
    pub fn is_met_by(&self, value: f64) -> bool {
        match self.relation {
            Relation::Less => value < self.number,
            Relation::AtMost => value <= self.number,
            Relation::AtLeast => value >= self.number,
            Relation::More => value > self.number,
            Relation::Exactly => value.total_cmp(&self.number).is_eq(),
            Relation::Shown => value.is_finite(),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let relation = match self.relation {
            Relation::Less => "<",
            Relation::AtMost => "≤",
            Relation::AtLeast => "≥",
            Relation::More => ">",
            Relation::Exactly => "=",
            Relation::Shown => return f.write_str("shown"),
        };
        write!(f, "{relation} {}", report::quantity(self.number, self.unit))
    }
}

/// What a user wants measured.
#[derive(Clone, Debug)]
pub struct Order {
    /// Only rows of this topic.
    pub topic: Option<String>,
    /// At what cost.
    pub effort: Effort,
    /// Where to write the table, beside standard output.
    pub out: Option<PathBuf>,
}

/// What became of a row.
#[derive(Clone, Debug)]
enum Outcome {
    Held(Figure),
    Short(Figure),
    /// It could not be measured, which counts as short.
    Failed(String),
    /// It was not asked for, or has no quick form.
    NotRun,
}

/// Measures, prints, and says whether nothing is short.
///
/// # Errors
/// If no row has the topic, or the table can't be written.
pub fn run(rows: &[Row], order: &Order) -> Result<bool, Error> {
    if let Some(topic) = &order.topic {
        check_topic(rows, topic)?;
    }
    let outcomes = rows.iter().map(|row| outcome(row, order)).collect::<Vec<_>>();
    say(&report::table(rows, &outcomes))?;
    if let Some(path) = &order.out {
        report::write(path, rows, &outcomes)?;
    }
    let is_short = |outcome: &Outcome| matches!(outcome, Outcome::Short(_) | Outcome::Failed(_));
    Ok(!outcomes.iter().any(is_short))
}

fn check_topic(rows: &[Row], topic: &str) -> Result<(), Error> {
    let mut topics = rows.iter().map(|row| row.topic).collect::<Vec<_>>();
    topics.dedup();
    if topics.contains(&topic) {
        return Ok(());
    }
    let known = topics.join(", ");
    Err(Error::Usage(format!("there is no topic {topic:?}; there are: {known}")))
}

fn outcome(row: &Row, order: &Order) -> Outcome {
    let is_asked_for = order.topic.as_ref().is_none_or(|topic| topic == row.topic);
    if !is_asked_for || (order.effort == Effort::Quick && row.quick.is_none()) {
        return Outcome::NotRun;
    }
    tell(&format!("{}: {} …", row.topic, row.figure));
    let started = Instant::now();
    let measured = (row.measure)(order.effort);
    let spent = started.elapsed();
    match measured {
        Ok(mut figure) => {
            if let (Effort::Quick, Some(budget)) = (order.effort, row.quick)
                && spent > budget
            {
                let (spent, budget) = (spent.as_secs(), budget.as_secs());
                figure.note += &format!("; took {spent} s, its quick budget is {budget} s");
            }
            let held = row.target.is_met_by(figure.value);
            if held { Outcome::Held(figure) } else { Outcome::Short(figure) }
        }
        Err(error) => Outcome::Failed(error.to_string()),
    }
}
