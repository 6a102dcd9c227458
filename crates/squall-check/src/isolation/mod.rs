//! Isolation of transactions: which consistency models does a history rule out (after Adya 1999 and
//! *Elle*, Kingsbury and Alvaro 2020).
//!
//! A transaction is a list of micro-operations on keys. There are two families of them:
//!
//! | family | micro-operations | module |
//! |---|---|---|
//! | [`list_append`] | `["append", key, value]`, `["r", key, list]` | `list_append/` |
//! | [`rw_register`] | `["w", key, value]`, `["r", key, value]` | `rw_register/` |
//!
//! No value is written to a key twice, so a read tells who wrote what it returned; a list tells the
//! order of the writes, too, and of a register some of that is known (`versions.rs`). Nothing is
//! searched for: dependencies are recovered from the reads, and a cycle among them refutes a
//! model.
//!
//! | edge | from → to |
//! |---|---|
//! | ww | who wrote a version → who wrote one that comes after it |
//! | wr | who wrote a version → who read it |
//! | rw | who read a version → who wrote one that comes after it |
//! | process | a transaction → the next one of its process |
//! | realtime | a transaction → one that began after it had ended |
//!
//! An element of a list that nobody read comes after all that were read. Realtime edges are used if
//! one of the models asks for them, process edges if one asks for these and none for realtime.
//! Where the history has no real time, a model that asks for it can be broken, but not held.
//!
//! Besides cycles (`cycles.rs`) there are anomalies that need no graph (`alone.rs`). What each of
//! them rules out is in [`consistency`]. A model that forbids nothing by itself, as *causal* does,
//! is held only if a stronger one is left that forbids something.
//!
//! Whether cycles of a class exist is never left open, but for `G-single-item` where the budget
//! ends; so a cycle is always told with its transactions, and `<model>-cycle-exists`, which says
//! that there is one but not which, would add nothing.
//!
//! **Sound**: a history that has an explanation in the asked models is never *broken*. Complete for
//! cycles among the recovered edges only; `:coverage` tells how much of the history that is. Cycles
//! that need an edge of a key on which reads contradict each other, or contain an element twice,
//! are **tainted**: they are told, but do not break a promise by themselves.
//!
//! Results of transactions that did not succeed are never used; what they wrote is, from the
//! moment somebody read it.
//!
//! Result: `:models`; `:anomaly-types` and `:anomalies` (type to at most eight cases), those that
//! the asked models prohibit; `:not` and `:also-not`, the weakest models ruled out and all stronger
//! ones, by anything found; `:not-ruled-out`, the strongest that are left, at most three, and
//! `:not-ruled-out-others`, the number of the others; `:coverage`; `:note`, if most orders are
//! unknown; of registers also `:version-sources`, what the order of versions was taken from, and
//! `:assumed`, those of them that hold only if a guarantee does which the models don't give.

mod transactions;

mod alone;

mod evidence;

mod list_append;

mod rw_register;

pub(crate) mod graph;

mod components;

pub(crate) mod cycles;

mod report;

mod outcome;

use std::collections::BTreeSet;

use squall_history::{History, Value};

use crate::anomaly::{Anomalies, OpRef};
use crate::consistency::{self, Model};
use crate::verdict::{Outcome, Reason, ReasonCode};
use graph::Clock;
use list_append::ListAppend;
use outcome::{Judgement, undecided};
use rw_register::RwRegister;
use transactions::{Family, Transactions, Twice};
pub(crate) use transactions::{Fate, NONE, number};

/// See [`Options::steps_max`].
const STEPS_USUAL: u64 = 50_000_000;
/// See [`Options::edges_max`].
const EDGES_USUAL: usize = 50_000_000;

/// What was promised, and how much may be spent.
#[derive(Clone, Debug)]
pub struct Options {
    /// The models that were promised. Usually strict serializability.
    pub models: Vec<Model>,
    /// Whether the order of the events is that of real time. Otherwise only the order within each
    /// process means something.
    pub has_real_time: bool,
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

    /// These models with the usual budget, of a history with real time.
    #[must_use]
    pub fn models(models: impl IntoIterator<Item = Model>) -> Self {
        Self {
            models: models.into_iter().collect(),
            has_real_time: true,
            steps_max: STEPS_USUAL,
            edges_max: EDGES_USUAL,
        }
    }

    /// The order of transactions that these models ask for. If one has no rule of its own, stronger
    /// ones must tell, so all of it.
    fn clock(&self, prohibited: &BTreeSet<&str>) -> Clock {
        let has = |form: &str| prohibited.iter().any(|name| name.ends_with(form));
        let is_open = self.models.iter().any(|model| !consistency::has_rules(*model));
        match has("-realtime") || is_open {
            true if self.has_real_time => Clock::Realtime,
            true => Clock::Process,
            false if has("-process") => Clock::Process,
            false => Clock::None,
        }
    }
}

/// What a read of a value says that nobody wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThinAir {
    /// That something is wrong.
    Broken,
    /// That the register may have had that value at first.
    Initial,
}

/// What is known of registers, or assumed: where the order of their versions is taken from.
#[derive(Clone, Debug)]
pub struct Registers {
    /// Who reads a version and writes the next puts the second after the first. It holds from
    /// read-committed up, and is used if all asked models are at least that. Usually on.
    pub wfr_keys: bool,
    /// Each key by itself is assumed to be sequentially consistent: what a process touches later
    /// is no older version. Usually off.
    pub sequential_keys: bool,
    /// Each key by itself is assumed to be linearizable. Not used of a history without real time.
    /// Usually off.
    pub linearizable_keys: bool,
    /// What somebody who knows says about the order of a key's values, from old to new; values may
    /// be missing. Usually nothing.
    pub version_order: Vec<(Value, Vec<Value>)>,
    /// What keys hold at first, beside nil.
    pub initial: Vec<(Value, Value)>,
    /// Usually [`ThinAir::Broken`].
    pub thin_air: ThinAir,
}

impl Registers {
    /// Writes follow reads, and nothing is assumed.
    #[must_use]
    pub fn usual() -> Self {
        Self {
            wfr_keys: true,
            sequential_keys: false,
            linearizable_keys: false,
            version_order: Vec::new(),
            initial: Vec::new(),
            thin_air: ThinAir::Broken,
        }
    }

    fn initial_of(&self, key: &Value) -> Option<&Value> {
        self.initial.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }
}

/// Judges transactions of reads and appends.
#[must_use]
pub fn list_append(history: &History, options: &Options) -> Outcome {
    judge(history, options, Family::ListAppend, |txns, judgement| {
        if let Some(twice) = &txns.twice {
            return undecided(values_not_unique(txns, twice));
        }
        let lists = ListAppend::of(txns);
        let mut found = Anomalies::default();
        lists.find_alone(&mut found);
        judgement.of(&lists, found, None)
    })
}

/// Judges transactions of reads and writes of registers.
///
/// ```
/// use squall_check::isolation::{Options, Registers, rw_register};
/// use squall_check::{Verdict, consistency::Model};
/// use squall_history::formats::plume;
///
/// // Session 1 saw one of the two writes of a transaction.
/// let text = b"w(1,7,0,0)\nw(2,7,0,0)\nr(1,7,1,1)\nr(2,0,1,1)\n";
/// let history = plume::read(text).expect("a history").history;
/// let options = Options::models(Model::named("snapshot-isolation"));
/// let outcome = rw_register(&history, &options, &Registers::usual());
/// assert_eq!(outcome.verdict, Verdict::Broken);
/// assert_eq!(outcome.anomalies[0].class.name, "G-single-item");
/// assert_eq!(outcome.anomalies[0].edges[1].why, "T2 read key 2 before T1's 7 was there");
/// ```
#[must_use]
pub fn rw_register(history: &History, options: &Options, registers: &Registers) -> Outcome {
    judge(history, options, Family::RwRegister(registers), |txns, judgement| {
        let known = RwRegister::of(txns, options, registers);
        let mut found = Anomalies::default();
        known.find_alone(&mut found);
        let doubt = txns.twice.as_ref().map(|twice| values_not_unique(txns, twice));
        judgement.of(&known, found, doubt)
    })
}

fn judge<'h>(
    history: &'h History,
    options: &Options,
    family: Family<'h>,
    decide: impl FnOnce(&Transactions<'h>, &Judgement<'_>) -> Outcome,
) -> Outcome {
    let operations = history.operations();
    let mut txns = Transactions::of(&operations.list, family);
    let mut problems = operations.problems;
    problems.append(&mut txns.problems);
    let prohibited = consistency::prohibited(&options.models);
    let clock = options.clock(&prohibited);
    let judgement = Judgement { options, prohibited, clock };
    let outcome = if txns.fates.contains(&Fate::Ok) {
        decide(&txns, &judgement)
    } else {
        let how = "run longer, or with fewer faults";
        let reason = Reason::new(ReasonCode::Empty, "no transaction succeeded", how);
        outcome::not_exercised(reason, Vec::new())
    };
    outcome.capped_by(problems)
}

fn values_not_unique(txns: &Transactions<'_>, twice: &Twice) -> Reason {
    let element = &txns.elements[twice.element as usize];
    let index = |txn: u32| OpRef::of(&txns.ops[txn as usize]).index;
    let (value, key) = (element.value.to_edn(), txns.key_name(element.key).to_edn());
    let second = index(twice.second);
    let (text, first) = match twice.first {
        NONE => {
            let text = format!(
                "{value} was written to key {key} by operation {second}, and it had been there at \
                 first, so reads don't tell which of the two they returned"
            );
            (text, None)
        }
        first => {
            let first = index(first);
            let text = format!(
                "{value} was written to key {key} by operation {first} and again by operation \
                 {second}, so reads don't tell who wrote what"
            );
            (text, Some(("first", first)))
        }
    };
    let how = "write every value at most once to a key";
    let mut reason = Reason::new(ReasonCode::ValuesNotUnique, text, how);
    reason.numbers = first.into_iter().chain([("second", second)]).collect();
    reason
}
