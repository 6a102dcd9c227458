//! Faults: what the plan may do to a run.
//!
//! A kind of fault is one file and one line in [`FAULTS`]. It draws its events when the plan is
//! made, and translates an event of a plan into an [`Act`] when the run begins. The engine knows
//! acts only, and applies them at its hooks; nothing else in the engine knows a fault.

mod kill;
mod partition;
mod partition_one_way;

use serde_json::Value;
use squall_node::{ActorId, Random};

/// Every kind of fault.
pub const FAULTS: &[Fault] =
    &[partition::PARTITION, partition_one_way::PARTITION_ONE_WAY, kill::KILL];

/// Finds the actor of a name.
pub type Finder<'a> = &'a dyn Fn(&str) -> Option<ActorId>;

/// A kind of fault.
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    /// Its name on the command line and in plans.
    pub name: &'static str,
    /// One line for the help.
    pub help: &'static str,
    /// Names of its begin and its end in a history.
    pub ops: (&'static str, &'static str),
    /// Whether it may be the first thing that happens. What takes nodes away may not: if all are
    /// gone from the start, there is nothing to judge.
    pub begins_at_once: bool,
    /// The words of a plan's event of this kind.
    pub words: &'static [&'static str],
    /// Draws one event: the words of the plan about it. `nodes` are names in order.
    pub draw: fn(&mut Random, nodes: &[String]) -> Value,
    /// Reads these words again.
    pub load: fn(&Value, Finder<'_>) -> Result<Act, String>,
    /// How the history tells its begin: a keyword, or a map for some.
    pub kind: fn(&Value) -> String,
}

/// What the engine can do to a run. Each act lasts from the begin of its event to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Messages on these directed links are lost when they fall due.
    Cut(Vec<(ActorId, ActorId)>),
    /// These nodes are down; with power loss, their disks forget.
    Down {
        /// Which nodes.
        nodes: Vec<ActorId>,
        /// Whether power is lost. Of nodes without a disk of ours nothing is.
        power: bool,
    },
}

impl Act {
    /// Whether it strikes anybody: a third of three nodes less one is none.
    #[must_use]
    pub fn strikes(&self) -> bool {
        match self {
            Self::Cut(links) => !links.is_empty(),
            Self::Down { nodes, .. } => !nodes.is_empty(),
        }
    }
}

/// The kind of fault of this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Fault> {
    FAULTS.iter().find(|fault| fault.name == name)
}

/// The actors of a list of names in a plan.
fn actors(value: &Value, of: Finder<'_>) -> Result<Vec<ActorId>, String> {
    let names = value.as_array().ok_or_else(|| format!("expected a list of nodes, got {value}"))?;
    let actor = |name: &Value| {
        let name =
            name.as_str().ok_or_else(|| format!("expected the name of a node, got {name}"))?;
        of(name).ok_or_else(|| format!("there is no node {name}"))
    };
    names.iter().map(actor).collect()
}

/// The nodes in a drawn order.
fn shuffled(random: &mut Random, nodes: &[String]) -> Vec<String> {
    let mut nodes = nodes.to_vec();
    random.shuffle(&mut nodes);
    nodes
}
