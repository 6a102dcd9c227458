//! The knobs of a plan: what the workbench, its nodes and its judge need to know beside what the
//! engine reads. A knob that is unknown, misspelt or of the wrong kind is an error, never ignored.

use std::collections::BTreeMap;

use serde::Deserialize;
use squall_world::{ClockKind, EventPlan, Plan};

use crate::asserts::Assertion;
use crate::nodes;
use crate::run::{RunError, has_program, is_program};
use crate::topology::TOPOLOGIES;
use crate::workloads::Workload;

/// More clients than this are nobody's intention.
const CONCURRENCY_MAX: u64 = 1_000_000;

/// Every knob there is.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Knobs {
    r#impl: Option<String>,
    functions: Option<String>,
    #[serde(rename = "bin")]
    _bin: Option<String>,
    #[serde(default)]
    bins: BTreeMap<String, String>,
    #[serde(default, rename = "args")]
    _args: Vec<String>,
    #[serde(rename = "node_cwd")]
    _node_cwd: Option<String>,
    topology: Option<String>,
    concurrency: Option<u64>,
    #[serde(rename = "nil_read")]
    _nil_read: Option<NilRead>,
    #[serde(rename = "init_timeout_ms")]
    _init_timeout_ms: Option<u64>,
    #[serde(rename = "rpc_timeout_ms")]
    _rpc_timeout_ms: Option<u64>,
    availability_ppm: Option<u32>,
    #[serde(default)]
    asserts: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum NilRead {
    Initial,
    Any,
}

/// Whether this workload can be run with the knobs of this plan.
///
/// # Errors
/// The first knob that is wrong, with what is known.
pub(crate) fn check(plan: &Plan, workload: &Workload) -> Result<(), RunError> {
    let map = plan.knobs.clone().into_iter().collect();
    let knobs: Knobs = serde_json::from_value(serde_json::Value::Object(map))
        .map_err(|error| RunError::Plan(format!("the plan's knobs: {error}")))?;
    let wrong = |knob: &str, value: &str, known: &[&str]| {
        let known = known.join(", ");
        RunError::Plan(format!("the plan's knob {knob} is {value:?}, expected one of: {known}"))
    };
    if let Some(name) = &knobs.r#impl
        && !nodes::of_workload(workload.name).any(|node| node.name == name)
    {
        let known: Vec<_> = nodes::of_workload(workload.name).map(|node| node.name).collect();
        return Err(wrong("impl", name, &known));
    }
    for name in knobs.functions.iter().flat_map(|list| list.split(',')) {
        if !workload.functions.iter().any(|function| function.name == name) {
            let known: Vec<_> = workload.functions.iter().map(|f| f.name).collect();
            return Err(wrong("functions", name, &known));
        }
    }
    if let Some(name) = &knobs.topology
        && !TOPOLOGIES.iter().any(|topology| topology.name == name)
    {
        let known: Vec<_> = TOPOLOGIES.iter().map(|topology| topology.name).collect();
        return Err(wrong("topology", name, &known));
    }
    if let Some(name) = knobs.bins.keys().find(|name| !plan.nodes.contains(name)) {
        let known: Vec<_> = plan.nodes.iter().map(String::as_str).collect();
        return Err(wrong("bins", name, &known));
    }
    if knobs.concurrency.is_some_and(|n| n == 0 || n > CONCURRENCY_MAX) {
        let text = format!("the plan's knob concurrency must be from 1 to {CONCURRENCY_MAX}");
        return Err(RunError::Plan(text));
    }
    if knobs.availability_ppm.is_some_and(|ppm| ppm > 1_000_000) {
        let text = "the plan's knob availability_ppm must be from 0 to 1000000".to_owned();
        return Err(RunError::Plan(text));
    }
    for text in &knobs.asserts {
        Assertion::parse(text)
            .and_then(|assertion| assertion.fits(workload))
            .map_err(|why| RunError::Plan(format!("the plan's knob asserts: {why}")))?;
    }
    if has_program(plan) && plan.clock == ClockKind::Virtual {
        let text = "the plan has programs as nodes: its clock must be \"wall\"".to_owned();
        return Err(RunError::Plan(text));
    }
    for event in &plan.events {
        check_trigger(plan, event)?;
    }
    Ok(())
}

/// Nobody sees what a program writes, syncs or notes.
fn check_trigger(plan: &Plan, event: &EventPlan) -> Result<(), RunError> {
    let Some(when) = &event.when else { return Ok(()) };
    let is_inside = when.note.is_some() || when.write.is_some();
    let named = [&when.node, &when.sync_start, &when.sync_end].into_iter().flatten().next();
    let are_all_programs = || plan.nodes.iter().all(|node| is_program(plan, node));
    let in_vain = match named {
        Some(node) => is_program(plan, node),
        None => is_inside && are_all_programs(),
    };
    if !in_vain {
        return Ok(());
    }
    let (id, who) = (event.id, named.map_or("every node", String::as_str));
    Err(RunError::Plan(format!(
        "event {id} of the plan: {who} is a program, of which only messages are seen: \"sent\" and \
         \"received\""
    )))
}
