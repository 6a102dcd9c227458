//! Settings as `squall test` makes them, and runs of one seed with their trace.

use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;
use std::sync::Arc;

use serde_json::Value;
use squall_check::statistics::Target;
use squall_workbench::nodes::NODES;
use squall_workbench::{Judged, NodeChoice, Settings, TOPOLOGIES, judge, plan, run, workloads};
use squall_world::faults::find;
use squall_world::{Plan, Shape};

/// Five nodes, 20 operations a second for ten seconds, a fault begins or ends each second.
pub(crate) fn settings(node: &str) -> Settings {
    let node = NODES.iter().find(|known| known.name == node).unwrap();
    let workload = workloads::find(node.workload).unwrap();
    Settings {
        workload,
        nodes: names(5),
        node: NodeChoice::Embedded(node),
        mixed: Vec::new(),
        args: Vec::new(),
        rate_millionths: 20_000_000,
        time_limit_ms: 10_000,
        recovery_ms: 10_000,
        latency_ms: 0,
        dist: Shape::Constant,
        faults: Vec::new(),
        fault_interval_ms: 1_000,
        topology: TOPOLOGIES.iter().find(|shape| shape.name == "grid").unwrap(),
        concurrency: workload.concurrency_per_node * 5,
        availability: Target::None,
        asserts: Vec::new(),
        nil_read_is_initial: true,
        init_timeout_ms: 10_000,
        rpc_timeout_ms: None,
        law_breaker: None,
        node_cwd: None,
        log_stderr: false,
    }
}

pub(crate) fn names(count: u64) -> Vec<String> {
    (0..count).map(|n| format!("n{n}")).collect()
}

/// The same under these faults, by name.
pub(crate) fn under(faults: &[&str], settings: Settings) -> Settings {
    Settings { faults: faults.iter().map(|name| find(name).unwrap()).collect(), ..settings }
}

/// With so many nodes, and as many clients as usual.
pub(crate) fn with_nodes(count: u64, settings: Settings) -> Settings {
    let concurrency = settings.workload.concurrency_per_node * count;
    Settings { nodes: names(count), concurrency, ..settings }
}

pub(crate) fn plan_of(settings: &Settings, seed: u64) -> Arc<Plan> {
    Arc::new(plan(settings, seed))
}

/// Runs a plan and judges it.
pub(crate) fn judged(plan: &Arc<Plan>) -> Judged {
    judge(plan, run(plan, None).unwrap())
}

/// The trace of a plan, its lines behind the header.
pub(crate) fn trace(plan: &Arc<Plan>) -> Vec<Value> {
    let sink = Sink::default();
    run(plan, Some(Box::new(sink.clone()))).unwrap();
    sink.lines()
}

/// Keeps what is written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sink(Rc<RefCell<Vec<u8>>>);

impl Sink {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.borrow().clone()).unwrap()
    }

    pub(crate) fn lines(&self) -> Vec<Value> {
        let text = self.text();
        text.lines().skip(1).map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
