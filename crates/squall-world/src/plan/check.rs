//! Whether a plan can be run: what its types cannot say.

use std::collections::BTreeSet;

use super::{Begin, EventPlan, OpsPlan, Plan, PlanError, node_id};
use crate::edit::Edit;

/// No time of a plan is longer, µs: a hundred years. Sums of a few of these are times still.
const TIME_MAX_US: u64 = 100 * 31_557_600 * 1_000_000;

impl Plan {
    /// Looks whether it can be run.
    pub(crate) fn check(&self) -> Result<(), PlanError> {
        if self.nodes.is_empty() {
            return Err(PlanError("the plan has no nodes: \"nodes\" is empty".to_owned()));
        }
        let mut names = BTreeSet::new();
        for name in &self.nodes {
            check_node_name(name).map_err(PlanError)?;
            if !names.insert(name) {
                return Err(PlanError(format!("the plan names the node {name} twice")));
            }
        }
        let mut ids = BTreeSet::new();
        if let Some(event) = self.events.iter().find(|event| !ids.insert(event.id)) {
            let id = event.id;
            return Err(PlanError(format!("the plan has two events with the id {id}")));
        }
        let slots = self.ops.to.saturating_sub(self.ops.from);
        if slots > OpsPlan::SLOTS_MAX {
            let most = OpsPlan::SLOTS_MAX;
            return Err(PlanError(format!("the plan has {slots} slots in ops, at most {most}")));
        }
        self.check_times()?;
        let node = |name: &str| node_id(&self.nodes, name);
        for event in &self.events {
            event.load(&node)?;
            event.check_begin(&self.nodes)?;
        }
        for (at, edit) in self.edits.iter().enumerate() {
            let wrong = |why| PlanError(format!("edit {} of the plan: {why}", at + 1));
            edit.check(&self.nodes).map_err(wrong)?;
        }
        Ok(())
    }

    fn check_times(&self) -> Result<(), PlanError> {
        for (key, range) in [("sync_us", self.disk.sync_us), ("read_us", self.disk.read_us)] {
            let [shortest, longest] = range;
            if shortest > longest {
                return Err(PlanError(format!(
                    "the plan's {key} is [{shortest},{longest}]: the shortest comes first"
                )));
            }
            check_time(&format!("the plan's {key}"), longest)?;
        }
        let of_ms = |ms: u64| ms.saturating_mul(1_000);
        for (key, us) in [
            ("latency_us", self.network.latency_us),
            ("main_ms", of_ms(self.phases.main_ms)),
            ("recovery_ms", of_ms(self.phases.recovery_ms)),
            ("gap_max_ns", self.ops.gap_max_ns / 1_000),
        ] {
            check_time(&format!("the plan's {key}"), us)?;
        }
        for event in &self.events {
            let times = [
                ("at_us", event.at_us.unwrap_or(0)),
                ("after_us", event.after_us.unwrap_or(0)),
                ("for_us", event.for_us),
            ];
            for (key, us) in times {
                check_time(&format!("event {} of the plan: {key}", event.id), us)?;
            }
        }
        for (at, edit) in self.edits.iter().enumerate() {
            if let Edit::Delay(longer) = edit {
                check_time(&format!("edit {} of the plan: by_us", at + 1), longer.by_us)?;
            }
        }
        Ok(())
    }
}

fn check_time(what: &str, us: u64) -> Result<(), PlanError> {
    if us <= TIME_MAX_US {
        return Ok(());
    }
    Err(PlanError(format!("{what} is longer than a hundred years, {TIME_MAX_US} µs")))
}

impl EventPlan {
    fn check_begin(&self, nodes: &[String]) -> Result<(), PlanError> {
        match self.begin()? {
            Begin::At(_) => Ok(()),
            Begin::After(trigger, _) => trigger
                .check(nodes)
                .map_err(|why| PlanError(format!("event {} of the plan: {why}", self.id))),
        }
    }
}

/// No node has a longer name.
const NAME_BYTES_MAX: usize = 100;

/// Names that services have, now or later.
const SERVICES: [&str; 5] = ["lin-kv", "seq-kv", "lww-kv", "lin-tso", "timer"];

/// Whether somebody in a run can have this name: a node, a client or a service.
pub(crate) fn check_actor(name: &str, nodes: &[String]) -> Result<(), String> {
    let number = name.strip_prefix('c').filter(|digits| !digits.is_empty());
    let is_client = number.is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_digit()));
    if is_client || SERVICES.contains(&name) || nodes.iter().any(|node| node == name) {
        return Ok(());
    }
    let (nodes, services) = (nodes.join(", "), SERVICES.join(", "));
    Err(format!(
        "there is no {name:?}: the nodes are {nodes}; the clients c0, c1 and so on; the services \
         {services}"
    ))
}

/// Whether a node may be called so.
///
/// # Errors
/// Why not.
pub fn check_node_name(name: &str) -> Result<(), String> {
    let is_odd = |c: char| c.is_control() || c.is_whitespace() || c == '/' || c == '\\';
    if name.is_empty() || name.len() > NAME_BYTES_MAX || name.contains(is_odd) {
        return Err(format!(
            "a node cannot be called {name:?}: its log and its folder have that name, so it must \
             be a file name of at most {NAME_BYTES_MAX} bytes, without spaces or slashes"
        ));
    }
    if name.starts_with(['.', '-']) {
        return Err(format!("a node cannot be called {name:?}: names begin with no dot or dash"));
    }
    if name.starts_with('c') || SERVICES.contains(&name) || name == "nemesis" {
        return Err(format!(
            "a node cannot be called {name}: that is the name of a client, a service or squall's \
             own"
        ));
    }
    Ok(())
}
