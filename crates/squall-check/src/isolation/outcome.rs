//! From what was found to what is answered.

use std::collections::{BTreeMap, BTreeSet};

use squall_history::Value;

use super::Options;
use super::cycles::{self, Cycle};
use super::evidence::Evidence;
use super::graph::{self, Clock, Graph};
use super::report::{Coverage, Teller};
use crate::anomaly::{Anomalies, Anomaly};
use crate::consistency::{self, Model};
use crate::verdict::{Outcome, Reason, ReasonCode, Verdict};

/// Anomalies that break every promise: nothing explains what was answered.
const ALWAYS_REPORTED: &[&str] = &["thin-air-read", "request-mismatch"];

/// What is asked of a history.
pub(super) struct Judgement<'o> {
    pub options: &'o Options,
    /// What the models prohibit.
    pub prohibited: BTreeSet<&'static str>,
    pub clock: Clock,
}

impl Judgement<'_> {
    /// The outcome of these transactions, of which `alone` is known without their graph. `doubt`:
    /// why nothing can be held.
    pub(super) fn of<'h>(
        &self,
        evidence: &impl Evidence<'h>,
        alone: Anomalies,
        doubt: Option<Reason>,
    ) -> Outcome {
        let mut found = Found { anomalies: alone.into_vec(), ..Found::default() };
        found.certain = found.anomalies.iter().map(|anomaly| anomaly.class.name).collect();
        let graph = graph::dependencies(evidence, self.clock, self.options.edges_max);
        if let Some(graph) = &graph {
            found.search(evidence, graph, self.options.steps_max);
        }
        found.refuting = found.certain.iter().map(|name| evidence.refuting(name)).collect();
        let Some(graph) = graph else { return self.outcome_without_graph(found) };
        let counts = graph.counts;
        found.has_edges = counts.ww + counts.wr + counts.rw > 0;
        let coverage = Coverage::of(evidence, &graph);
        self.outcome(found, coverage, doubt, evidence.more())
    }

    fn outcome(
        &self,
        mut found: Found,
        coverage: Coverage,
        doubt: Option<Reason>,
        more: Vec<(&'static str, Value)>,
    ) -> Outcome {
        found.anomalies.retain(|anomaly| self.is_reported(anomaly.class.name));
        let (verdict, reason) = self.verdict(&found, doubt);
        if !found.has_edges
            && verdict == Verdict::NotExercised
            && let Some(reason) = reason
        {
            return not_exercised(reason, vec![("coverage", coverage.into_value())]);
        }
        let mut pairs = found.pairs(self.options);
        pairs.extend(more);
        if coverage.is_poor() && verdict == Verdict::Held {
            let note = "most write orders are unknown; G0 and many rw cycles would not be seen";
            pairs.push(("note", Value::str(note)));
        }
        pairs.push(("coverage", coverage.into_value()));
        let mut outcome = Outcome::new(verdict, pairs);
        outcome.anomalies = found.anomalies;
        outcome.reason = reason;
        outcome
    }

    /// The outcome if the graph would be too large: what is broken without it is broken.
    fn outcome_without_graph(&self, mut found: Found) -> Outcome {
        found.anomalies.retain(|anomaly| self.is_reported(anomaly.class.name));
        if found.anomalies.is_empty() {
            return undecided(too_many_edges(self.options));
        }
        let mut outcome = Outcome::new(Verdict::Broken, found.pairs(self.options));
        outcome.anomalies = found.anomalies;
        outcome
    }

    fn is_reported(&self, name: &str) -> bool {
        self.prohibited.contains(name) || ALWAYS_REPORTED.contains(&name)
    }

    fn verdict(&self, found: &Found, doubt: Option<Reason>) -> (Verdict, Option<Reason>) {
        if found.certain.iter().any(|name| self.is_reported(name)) {
            return (Verdict::Broken, None);
        }
        if found.is_exhausted {
            return (Verdict::Unknown, Some(exhausted(self.options)));
        }
        if !found.anomalies.is_empty() {
            return (Verdict::Unknown, Some(tainted()));
        }
        if doubt.is_some() {
            return (Verdict::Unknown, doubt);
        }
        if !found.has_edges {
            let text = "no transaction depends on another";
            let how = "run longer, or with fewer keys, so that transactions meet";
            let reason = Reason::new(ReasonCode::Empty, text, how);
            return (Verdict::NotExercised, Some(reason));
        }
        let has_real_time = self.options.has_real_time;
        let mut models = self.options.models.iter().copied();
        if let Some(model) = models.find(|model| !has_real_time && model.needs_real_time()) {
            return (Verdict::NotExercised, Some(no_real_time(model)));
        }
        let is_open = |model: &Model| {
            let refuting = found.refuting.iter().copied();
            !consistency::is_backed(*model, refuting, has_real_time)
        };
        if let Some(model) = self.options.models.iter().copied().find(is_open) {
            return (Verdict::Unknown, Some(no_rule(model)));
        }
        (Verdict::Held, None)
    }
}

/// What was found, whether the models prohibit it or not.
#[derive(Default)]
struct Found {
    anomalies: Vec<Anomaly>,
    /// Names of all classes that were found without doubt.
    certain: BTreeSet<&'static str>,
    /// The same, as far as they rule out models.
    refuting: BTreeSet<&'static str>,
    is_exhausted: bool,
    has_edges: bool,
}

impl Found {
    /// Adds the cycles: those without doubt first, then the shortest.
    fn search<'h>(&mut self, evidence: &impl Evidence<'h>, graph: &Graph, steps_max: u64) {
        let mut cycles = cycles::find(graph, evidence.txns().count(), steps_max);
        self.is_exhausted = cycles.is_exhausted;
        cycles.list.sort_by(|a, b| {
            let key = |cycle: &Cycle| (cycle.is_tainted, cycle.steps.len());
            key(a).cmp(&key(b)).then_with(|| a.steps.cmp(&b.steps))
        });
        let teller = Teller { evidence };
        let mut all = Anomalies::default();
        for cycle in &cycles.list {
            all.add(cycle.class, || teller.cycle(cycle));
            if !cycle.is_tainted {
                self.certain.insert(cycle.class.name);
            }
        }
        self.anomalies.extend(all.into_vec());
        self.anomalies
            .sort_by_key(|anomaly| (u8::MAX - anomaly.class.severity, anomaly.class.name));
    }

    fn pairs(&self, options: &Options) -> Vec<(&'static str, Value)> {
        let names = |models: &[Model]| -> Vec<Value> {
            models.iter().map(|model| Value::keyword(model.friendly())).collect()
        };
        let mut pairs = vec![("models", Value::from(names(&options.models)))];
        if !self.anomalies.is_empty() {
            let mut by_type: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
            for anomaly in &self.anomalies {
                by_type.entry(anomaly.class.name).or_default().push(anomaly.details.clone());
            }
            pairs.push((
                "anomaly-types",
                by_type.keys().map(|name| Value::keyword(*name)).collect(),
            ));
            let cases = by_type.into_iter().map(|(name, cases)| (name, Value::from(cases)));
            pairs.push(("anomalies", Value::record(cases)));
        }
        if !self.refuting.is_empty() {
            let ruled_out = consistency::ruled_out(self.refuting.iter().copied());
            let (left, others) = consistency::not_ruled_out(self.refuting.iter().copied());
            pairs.push(("not", Value::set(names(&ruled_out.weakest))));
            pairs.push(("also-not", Value::set(names(&ruled_out.others))));
            pairs.push(("not-ruled-out", Value::from(names(&left))));
            pairs.push(("not-ruled-out-others", Value::uint(others as u64)));
        }
        pairs
    }
}

pub(super) fn not_exercised(reason: Reason, more: Vec<(&'static str, Value)>) -> Outcome {
    let empty = "empty-transaction-graph";
    let pairs = [
        ("anomaly-types", Value::list([Value::keyword(empty)])),
        ("anomalies", Value::record([(empty, Value::list([]))])),
    ];
    let mut outcome = Outcome::new(Verdict::NotExercised, pairs.into_iter().chain(more));
    outcome.reason = Some(reason);
    outcome
}

pub(super) fn undecided(reason: Reason) -> Outcome {
    let mut outcome = Outcome::new(Verdict::Unknown, [("reason", reason.to_value())]);
    outcome.reason = Some(reason);
    outcome
}

fn too_many_edges(options: &Options) -> Reason {
    let text = "the graph of dependencies has more edges than allowed";
    let how = "judge a shorter run, or one with more keys; or allow more edges";
    let mut reason = Reason::new(ReasonCode::BudgetMemory, text, how);
    reason.numbers = vec![("edges-max", options.edges_max as u64)];
    reason
}

fn exhausted(options: &Options) -> Reason {
    let text = "cycles exist, but the budget ended the search for those that these models prohibit";
    let how = "judge a shorter run, or allow more steps";
    let mut reason = Reason::new(ReasonCode::BudgetSteps, text, how);
    reason.numbers = vec![("steps-max", options.steps_max)];
    reason
}

fn tainted() -> Reason {
    let text = "cycles exist, but only on keys whose reads contradict each other or contain an \
                element twice";
    let how = "look at the other anomalies first: judge the history for read-committed";
    Reason::new(ReasonCode::Undecided, text, how)
}

fn no_real_time(model: Model) -> Reason {
    let text = format!(
        "{} is about real time, and a history of this form has none: it knows only the order \
         within each session",
        model.friendly()
    );
    let weaker = ["strong-session-serializable", "strong-session-snapshot-isolation"];
    let weaker = weaker.iter().filter_map(|name| Model::named(name));
    let weaker = weaker.chain(Model::all().filter(|other| !other.needs_real_time()));
    let advice = weaker.into_iter().find(|other| model.implies(*other));
    let how = match advice {
        Some(other) => {
            format!("judge it for {}, or record when operations begin and end", other.friendly())
        }
        None => "record when operations begin and end".to_owned(),
    };
    Reason::new(ReasonCode::NoRealTime, text, how)
}

fn no_rule(model: Model) -> Reason {
    let text = format!(
        "{} forbids nothing that is looked for, and no stronger model that does is left to speak \
         for it",
        model.friendly()
    );
    let how = "judge it for a model with rules of its own, such as read-atomic";
    Reason::new(ReasonCode::Undecided, text, how)
}
