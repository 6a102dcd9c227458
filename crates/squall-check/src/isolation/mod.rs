//! Isolation of transactions: which consistency models does a history rule out (after Adya 1999 and
//! *Elle*, Kingsbury and Alvaro 2020).
//!
//! A transaction is a list of micro-operations: `["append", key, value]`, and `["r", key, list]`.
//! No value is appended to a key twice, so a read tells who wrote what it contains, and in which
//! order. Nothing is searched for: dependencies are recovered from the reads (`orders.rs`,
//! `graph.rs`), and a cycle among them refutes a model.
//!
//! | edge | from → to |
//! |---|---|
//! | ww | who appended the element before → who appended the next one |
//! | wr | who appended the last element of a read → who read it |
//! | rw | who read up to an element → who appended the next one |
//! | process | a transaction → the next one of its process |
//! | realtime | a transaction → one that began after it had ended |
//!
//! An element that nobody read comes after all that were read. Realtime edges are used if one of
//! the models asks for them, process edges if one asks for these and none for realtime.
//!
//! Besides cycles (`cycles.rs`) there are anomalies that need no graph (`alone.rs`). What each of
//! them rules out is in [`consistency`].
//!
//! **Sound**: a history that has an explanation in the asked models is never *broken*. Complete for
//! cycles among the recovered edges only; `:coverage` tells how much of the history that is. Cycles
//! that need an edge of a key on which reads contradict each other, or contain an element twice,
//! are **tainted**: they are told, but do not break a promise by themselves.
//!
//! Results of transactions that did not succeed are never used; what they appended is, from the
//! moment somebody read it.
//!
//! Result: `:models`; `:anomaly-types` and `:anomalies` (type to at most eight cases), those that
//! the asked models prohibit; `:not` and `:also-not`, the weakest models ruled out and all stronger
//! ones, by anything found; `:not-ruled-out`, the strongest that are left, at most three, and
//! `:not-ruled-out-others`, the number of the others; `:coverage`; `:note`, if most orders are
//! unknown.

mod transactions;

mod orders;

mod alone;

pub(crate) mod graph;

mod components;

pub(crate) mod cycles;

mod report;

use std::collections::{BTreeMap, BTreeSet};

use squall_history::{History, Value};

use crate::anomaly::{Anomalies, Anomaly, OpRef};
use crate::consistency::{self, Model};
use crate::verdict::{Outcome, Reason, ReasonCode, Verdict};
use graph::Clock;
use orders::Orders;
use report::{Coverage, Teller};
use transactions::Transactions;
pub(crate) use transactions::{Fate, NONE, number};

/// Anomalies that break every promise: nothing explains what was answered.
const ALWAYS_REPORTED: &[&str] = &["thin-air-read", "request-mismatch"];

/// See [`Options::steps_max`].
const STEPS_USUAL: u64 = 50_000_000;
/// See [`Options::edges_max`].
const EDGES_USUAL: usize = 50_000_000;

/// What was promised, and how much may be spent.
#[derive(Clone, Debug)]
pub struct Options {
    /// The models that were promised. Usually strict serializability.
    pub models: Vec<Model>,
    /// Edges that may be followed in search of the shortest cycles, per component of the graph.
    /// Usually 50,000,000: about a second. Beyond that cycles are not the shortest, and where
    /// `G-single-item` is, only a class may be told that it implies.
    pub steps_max: u64,
    /// Edges that the graph may have. Usually 50,000,000, which take 0.4 GB, and 1 GB more while
    /// cycles are looked for if all of them are in one component. A history of a right store has
    /// about seven a transaction.
    pub edges_max: usize,
}

impl Options {
    /// Strict serializability with the usual budget.
    #[must_use]
    pub fn strict_serializable() -> Self {
        Self::models([Model::STRICT_SERIALIZABLE])
    }

    /// These models with the usual budget.
    #[must_use]
    pub fn models(models: impl IntoIterator<Item = Model>) -> Self {
        let models = models.into_iter().collect();
        Self { models, steps_max: STEPS_USUAL, edges_max: EDGES_USUAL }
    }

    /// The order of transactions that these models ask for.
    fn clock(&self, prohibited: &BTreeSet<&str>) -> Clock {
        let has = |form: &str| prohibited.iter().any(|name| name.ends_with(form));
        if has("-realtime") {
            Clock::Realtime
        } else if has("-process") {
            Clock::Process
        } else {
            Clock::None
        }
    }
}

/// Judges transactions of reads and appends.
#[must_use]
pub fn list_append(history: &History, options: &Options) -> Outcome {
    let operations = history.operations();
    let mut txns = Transactions::of(&operations.list);
    let mut problems = operations.problems;
    problems.append(&mut txns.problems);
    judge(&txns, options).capped_by(problems)
}

fn judge(txns: &Transactions<'_>, options: &Options) -> Outcome {
    if let Some(twice) = &txns.twice {
        return undecided(values_not_unique(txns, twice));
    }
    if !txns.fates.contains(&Fate::Ok) {
        let how = "run longer, or with fewer faults";
        let reason = Reason::new(ReasonCode::Empty, "no transaction succeeded", how);
        return not_exercised(reason, Vec::new());
    }
    let prohibited = consistency::prohibited(&options.models);
    let orders = Orders::of(txns);
    let clock = options.clock(&prohibited);
    let graph = graph::dependencies(txns, &orders, clock, options.edges_max);
    let Some(graph) = graph else { return undecided(too_many_edges(options)) };
    let mut found = Anomalies::default();
    alone::find(txns, &orders, &mut found);
    let mut found = Found { anomalies: found.into_vec(), ..Found::default() };
    found.certain = found.anomalies.iter().map(|anomaly| anomaly.class.name).collect();
    found.search(txns, &orders, &graph, options.steps_max);
    let counts = graph.counts;
    let has_edges = counts.ww + counts.wr + counts.rw > 0;
    let coverage = Coverage::of(txns, &orders, &graph);
    found.into_outcome(options, &prohibited, has_edges, coverage)
}

/// What was found, whether the models prohibit it or not.
#[derive(Default)]
struct Found {
    anomalies: Vec<Anomaly>,
    /// Names of all classes that were found without doubt.
    certain: BTreeSet<&'static str>,
    is_exhausted: bool,
}

impl Found {
    /// Adds the cycles: those without doubt first, then the shortest.
    fn search(
        &mut self,
        txns: &Transactions<'_>,
        orders: &Orders,
        graph: &graph::Graph,
        steps_max: u64,
    ) {
        let mut cycles = cycles::find(graph, txns.count(), steps_max);
        self.is_exhausted = cycles.is_exhausted;
        cycles.list.sort_by(|a, b| {
            let key = |cycle: &cycles::Cycle| (cycle.is_tainted, cycle.steps.len());
            key(a).cmp(&key(b)).then_with(|| a.steps.cmp(&b.steps))
        });
        let teller = Teller { txns, orders };
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

    fn into_outcome(
        mut self,
        options: &Options,
        prohibited: &BTreeSet<&str>,
        has_edges: bool,
        coverage: Coverage,
    ) -> Outcome {
        let is_reported = |name: &str| prohibited.contains(name) || ALWAYS_REPORTED.contains(&name);
        self.anomalies.retain(|anomaly| is_reported(anomaly.class.name));
        let is_broken = self.certain.iter().any(|name| is_reported(name));
        let (verdict, reason) = if is_broken {
            (Verdict::Broken, None)
        } else if self.is_exhausted {
            (Verdict::Unknown, Some(exhausted(options)))
        } else if !self.anomalies.is_empty() {
            (Verdict::Unknown, Some(tainted()))
        } else if !has_edges {
            let text = "no transaction depends on another";
            let how = "run longer, or with fewer keys, so that transactions meet";
            (Verdict::NotExercised, Some(Reason::new(ReasonCode::Empty, text, how)))
        } else {
            (Verdict::Held, None)
        };
        if verdict == Verdict::NotExercised
            && let Some(reason) = reason
        {
            return not_exercised(reason, vec![("coverage", coverage.into_value())]);
        }
        let mut pairs = self.pairs(options);
        if coverage.is_poor() && verdict == Verdict::Held {
            let note = "most write orders are unknown; G0 and many rw cycles would not be seen";
            pairs.push(("note", Value::str(note)));
        }
        pairs.push(("coverage", coverage.into_value()));
        let mut outcome = Outcome::new(verdict, pairs);
        outcome.anomalies = self.anomalies;
        outcome.reason = reason;
        outcome
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
        if !self.certain.is_empty() {
            let ruled_out = consistency::ruled_out(self.certain.iter().copied());
            let (left, others) = consistency::not_ruled_out(self.certain.iter().copied());
            pairs.push(("not", Value::set(names(&ruled_out.weakest))));
            pairs.push(("also-not", Value::set(names(&ruled_out.others))));
            pairs.push(("not-ruled-out", Value::from(names(&left))));
            pairs.push(("not-ruled-out-others", Value::uint(others as u64)));
        }
        pairs
    }
}

fn not_exercised(reason: Reason, more: Vec<(&'static str, Value)>) -> Outcome {
    let empty = "empty-transaction-graph";
    let pairs = [
        ("anomaly-types", Value::list([Value::keyword(empty)])),
        ("anomalies", Value::record([(empty, Value::list([]))])),
    ];
    let mut outcome = Outcome::new(Verdict::NotExercised, pairs.into_iter().chain(more));
    outcome.reason = Some(reason);
    outcome
}

fn undecided(reason: Reason) -> Outcome {
    let mut outcome = Outcome::new(Verdict::Unknown, [("reason", reason.to_value())]);
    outcome.reason = Some(reason);
    outcome
}

fn values_not_unique(txns: &Transactions<'_>, twice: &transactions::Twice) -> Reason {
    let element = &txns.elements[twice.element as usize];
    let index = |txn: u32| OpRef::of(&txns.ops[txn as usize]).index;
    let text = format!(
        "{} was appended to key {} by operation {} and again by operation {}, so reads don't tell \
         who wrote what",
        element.value.to_edn(),
        txns.key_name(element.key).to_edn(),
        index(twice.first),
        index(twice.second)
    );
    let how = "append every value at most once to a key";
    let mut reason = Reason::new(ReasonCode::ValuesNotUnique, text, how);
    reason.numbers = vec![("first", index(twice.first)), ("second", index(twice.second))];
    reason
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
