//! The plan: what a run reads. `seed → generator → plan → run`.
//!
//! The run reads the plan only. Plans can be edited, compared and shrunk, and survive changes of
//! the generator. Integers only; unknown fields are errors, never ignored.

mod check;
mod twins;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use squall_node::ActorId;
use xxhash_rust::xxh3::xxh3_64;

use crate::edit::Edit;
use crate::faults::{self, Act};
use crate::link::Shape;
use crate::trigger::Trigger;

pub(crate) use self::check::check_actor;
pub use self::check::check_node_name;

/// Version of the functions that make a plan of a seed, and of all draws.
pub const GENERATOR: u32 = 1;

/// A whole run, before it happens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Always `squall-plan`.
    pub format: String,
    /// Version of this format.
    pub v: u32,
    /// [`GENERATOR`] of the program that made it.
    pub generator: u32,
    /// The workload.
    pub workload: String,
    /// The seed of all draws, `0x…`.
    #[serde(with = "hex")]
    pub seed: u64,
    /// `virtual` or `wall`.
    pub clock: ClockKind,
    /// Names of the server nodes, in order.
    pub nodes: Vec<String>,
    /// What the workload and the nodes need to know, by name.
    #[serde(default)]
    pub knobs: BTreeMap<String, Value>,
    /// How long messages take.
    pub network: NetworkPlan,
    /// How long syncs and reads take.
    pub disk: DiskPlan,
    /// How long the phases take.
    pub phases: PhasesPlan,
    /// The operations of the clients.
    pub ops: OpsPlan,
    /// The faults, by begin.
    #[serde(default)]
    pub events: Vec<EventPlan>,
    /// What is done to single messages.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub edits: Vec<Edit>,
    /// A law that this run breaks on purpose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub law_breaker: Option<String>,
    /// What this plan was kept for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<Expectation>,
}

/// How a kept plan must end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// The word of the verdict.
    pub verdict: String,
    /// The promise that is broken, if one is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promise: Option<String>,
}

/// Which clock a run goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClockKind {
    /// Jumps to the next event.
    Virtual,
    /// Real time.
    Wall,
}

/// One-way delays between servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkPlan {
    /// Mean, µs.
    pub latency_us: u64,
    /// Shape.
    pub dist: Shape,
}

/// The disks of in-process nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DiskPlan {
    /// Shortest and longest time of a sync, µs; uniform in between.
    pub sync_us: [u64; 2],
    /// Shortest and longest time of a read, µs; uniform in between. The step that reads takes so
    /// long: what it says leaves then, and what comes for the node meanwhile waits.
    #[serde(default, skip_serializing_if = "takes_no_time")]
    pub read_us: [u64; 2],
}

fn takes_no_time(range_us: &[u64; 2]) -> bool {
    range_us == &[0, 0]
}

/// Lengths of phases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PhasesPlan {
    /// Operations and faults, ms, from the first operation.
    pub main_ms: u64,
    /// Time to recover once the faults are over, ms.
    pub recovery_ms: u64,
}

/// One global stream of operation slots. What a slot does is drawn by its number, so removing one
/// leaves the others as they were; a removed slot still takes its gap.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpsPlan {
    /// First slot.
    pub from: u64,
    /// The slot after the last one.
    pub to: u64,
    /// Gaps are uniform from 0 to this, ns.
    pub gap_max_ns: u64,
    /// Slots that are left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub without: Vec<u64>,
    /// If not empty, only these slots are used.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub only: Vec<u64>,
}

impl OpsPlan {
    /// No run has more operation slots.
    pub const SLOTS_MAX: u64 = 20_000_000;

    /// Whether a slot is used.
    #[must_use]
    pub fn has(&self, slot: u64) -> bool {
        (self.from..self.to).contains(&slot)
            && !self.without.contains(&slot)
            && (self.only.is_empty() || self.only.contains(&slot))
    }
}

/// A fault of a plan. It begins at a time or at a trigger, one of the two.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventPlan {
    /// Stays the same through all edits.
    pub id: u64,
    /// Begin, µs after that of the main phase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_us: Option<u64>,
    /// What it waits for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Trigger>,
    /// How long after its trigger it begins, µs. With 0 it begins before anything else happens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_us: Option<u64>,
    /// The kind of fault.
    #[serde(rename = "do")]
    pub what: String,
    /// Length, µs.
    pub for_us: u64,
    /// The fault's own words.
    #[serde(flatten)]
    pub words: Map<String, Value>,
}

/// Why a plan cannot be run. Exit code 65.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanError(pub String);

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for PlanError {}

impl Plan {
    /// Reads a plan.
    ///
    /// # Errors
    /// If it is not of this format, of a newer version, or has a field or fault that is unknown.
    pub fn parse(text: &str) -> Result<Self, PlanError> {
        let plan: Self = serde_json::from_str(text)
            .map_err(|error| PlanError(format!("the plan cannot be read: {error}")))?;
        if plan.format != "squall-plan" || plan.v != 1 {
            let (format, v) = (&plan.format, plan.v);
            return Err(PlanError(format!(
                "expected a squall-plan of version 1, got {format} {v}"
            )));
        }
        if plan.generator != GENERATOR {
            return Err(PlanError(format!(
                "the plan was made by generator {}, this program has {GENERATOR}: its draws differ",
                plan.generator
            )));
        }
        twins::refuse(text)?;
        plan.check()?;
        Ok(plan)
    }

    /// The plan as text, indented for people.
    ///
    /// # Panics
    /// Never: a plan is made of strings, integers and maps of them.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("a plan is plain data");
        text.push('\n');
        text
    }

    /// A number for the whole plan, equal for equal plans.
    ///
    /// # Panics
    /// Never: a plan is made of strings, integers and maps of them.
    #[must_use]
    pub fn digest(&self) -> u64 {
        xxh3_64(&serde_json::to_vec(self).expect("a plan is plain data"))
    }

    /// A knob as a text.
    #[must_use]
    pub fn text_knob(&self, name: &str) -> Option<&str> {
        self.knobs.get(name).and_then(Value::as_str)
    }

    /// A knob as a number.
    #[must_use]
    pub fn number_knob(&self, name: &str) -> Option<u64> {
        self.knobs.get(name).and_then(Value::as_u64)
    }
}

/// When a fault begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Begin<'a> {
    /// So many ns after the main phase.
    At(u64),
    /// So many ns after its trigger.
    After(&'a Trigger, u64),
}

impl EventPlan {
    /// Something that begins at this time and lasts so long, µs. What it is has to be said.
    #[must_use]
    pub fn at(at_us: u64, for_us: u64) -> Self {
        let (id, what, words) = (0, String::new(), Map::new());
        Self { id, at_us: Some(at_us), when: None, after_us: None, what, for_us, words }
    }

    /// When it begins.
    pub(crate) fn begin(&self) -> Result<Begin<'_>, PlanError> {
        let ns = |us: u64| us.saturating_mul(1_000);
        let wrong = |why: &str| Err(PlanError(format!("event {} of the plan: {why}", self.id)));
        match (self.at_us, &self.when, self.after_us) {
            (Some(at_us), None, None) => Ok(Begin::At(ns(at_us))),
            (None, Some(when), after_us) => Ok(Begin::After(when, ns(after_us.unwrap_or(0)))),
            (None, None, None) => wrong("it has neither \"at_us\" nor \"when\""),
            (Some(_), Some(_), _) => wrong("it has both \"at_us\" and \"when\": one of them"),
            (_, None, Some(_)) => wrong("\"after_us\" counts from \"when\", which is missing"),
        }
    }

    /// Whether it begins after a write.
    pub(crate) fn waits_for_write(&self) -> bool {
        self.when.as_ref().is_some_and(|when| when.write.is_some())
    }

    /// What the engine has to do.
    ///
    /// # Errors
    /// If the kind, a word or a node is unknown.
    pub fn load(&self, of: &dyn Fn(&str) -> Option<ActorId>) -> Result<Act, PlanError> {
        let id = self.id;
        let fault = faults::find(&self.what).ok_or_else(|| {
            PlanError(format!("event {id} of the plan: there is no fault {}", self.what))
        })?;
        if let Some(word) = self.words.keys().find(|word| !fault.words.contains(&word.as_str())) {
            let known = fault.words.join(", ");
            return Err(PlanError(format!(
                "event {id} of the plan: {} knows no {word:?}, only {known}",
                self.what
            )));
        }
        (fault.load)(&Value::Object(self.words.clone()), of)
            .map_err(|why| PlanError(format!("event {id} of the plan: {why}")))
    }
}

/// A seed as `0x…` text: a JSON number would lose digits in other languages.
mod hex {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(seed: &u64, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&format!("0x{seed:x}"))
    }

    pub(super) fn deserialize<'d, D: Deserializer<'d>>(from: D) -> Result<u64, D::Error> {
        let text = String::deserialize(from)?;
        crate::parse_seed(&text).ok_or_else(|| {
            serde::de::Error::custom(format!("{text:?} is no seed: decimal or 0x… hexadecimal"))
        })
    }
}

/// The id of a node: its place among the nodes of its plan.
#[must_use]
pub fn node_id(nodes: &[String], name: &str) -> Option<ActorId> {
    let at = nodes.iter().position(|node| node == name)?;
    u32::try_from(at).ok().map(ActorId)
}

/// Reads a seed: decimal or hexadecimal, with underscores.
#[must_use]
pub fn parse_seed(text: &str) -> Option<u64> {
    let digits: String = text.chars().filter(|&c| c != '_').collect();
    match digits.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => digits.parse().ok(),
    }
}
