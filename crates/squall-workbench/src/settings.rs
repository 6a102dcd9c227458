//! What a user asks of a run. Parsed and checked once, at the edge; never again.

use std::path::PathBuf;

use squall_check::statistics::Target;
use squall_world::Shape;
use squall_world::faults::Fault;

use crate::asserts::Assertion;
use crate::nodes::Embedded;
use crate::topology::Topology;
use crate::workloads::Workload;

/// A test, without its seed.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What the clients do.
    pub workload: &'static Workload,
    /// Names of the nodes, in order.
    pub nodes: Vec<String>,
    /// What a node is, where nothing else is said.
    pub node: NodeChoice,
    /// What single nodes are, by name.
    pub mixed: Vec<(String, PathBuf)>,
    /// Arguments of the nodes.
    pub args: Vec<String>,
    /// Operations per second over all clients, in millionths.
    pub rate_millionths: u64,
    /// Length of the main phase, ms.
    pub time_limit_ms: u64,
    /// Time to recover before the final phase, ms.
    pub recovery_ms: u64,
    /// Mean one-way delay between servers, ms.
    pub latency_ms: u64,
    /// Shape of its distribution.
    pub dist: Shape,
    /// Kinds of faults.
    pub faults: Vec<&'static Fault>,
    /// Mean gap between the begins and ends of faults, ms.
    pub fault_interval_ms: u64,
    /// What the workload says about neighbours.
    pub topology: &'static Topology,
    /// Number of clients.
    pub concurrency: u64,
    /// Which share of the operations must succeed.
    pub availability: Target,
    /// What is promised about figures.
    pub asserts: Vec<Assertion>,
    /// Whether a read of null says that nothing was written; else it says nothing.
    pub nil_read_is_initial: bool,
    /// How long a node may take over `init`, ms.
    pub init_timeout_ms: u64,
    /// How long an operation may take, ms; `None`: as the workload says.
    pub rpc_timeout_ms: Option<u64>,
    /// A law that the run breaks on purpose.
    pub law_breaker: Option<String>,
    /// Working directory of node processes.
    pub node_cwd: Option<PathBuf>,
    /// Whether node processes' stderr is also shown.
    pub log_stderr: bool,
}

/// What a node is.
#[derive(Clone, Debug)]
pub enum NodeChoice {
    /// One of ours, inside this process.
    Embedded(&'static Embedded),
    /// A program, resolved to a path.
    Program(PathBuf),
}

impl Settings {
    /// Whether a node is a program: then the run is in real time.
    #[must_use]
    pub fn has_program(&self) -> bool {
        matches!(self.node, NodeChoice::Program(_)) || !self.mixed.is_empty()
    }

    /// How long a client waits for an answer, ms.
    #[must_use]
    pub fn rpc_timeout(&self) -> u64 {
        let usual = self.workload.timeout_ms.map_or(5_000, |timeout| timeout(self.latency_ms));
        self.rpc_timeout_ms.unwrap_or(usual)
    }
}
