//! Embedded nodes: one correct implementation of each workload, in Rust.
//!
//! A node is one file and one line in [`NODES`]. The same value runs inside a World
//! ([`Embedded::host`]) and as a process that any Maelstrom harness can test
//! ([`Embedded::serve`]).

pub mod abd;
pub mod abd_async;
pub mod broadcast;
pub mod echo;
pub mod kv;
pub mod lin_kv;
pub mod unique_ids;

use std::sync::Arc;

use squall_node::task::Async;
use squall_node::{ActorId, Node, Roster, Rules, WireError};
use squall_world::{Factory, Host, InProcess};

/// Every embedded node. The first of a workload is its default.
pub static NODES: &[Embedded] = &[
    Embedded {
        workload: "echo",
        name: "echo",
        help: "sends back what it gets",
        functions: None,
        host: |seat| plain(seat, echo::Echo::new),
        serve: |args| serve(args, echo::Echo::new),
    },
    Embedded {
        workload: "unique-ids",
        name: "unique-ids",
        help: "node, life and counter make an id",
        functions: None,
        host: |seat| plain(seat, unique_ids::UniqueIds::new),
        serve: |args| serve(args, unique_ids::UniqueIds::new),
    },
    Embedded {
        workload: "broadcast",
        name: "broadcast",
        help: "a star with durable logs, batches and retries; goes direct while its hub is silent",
        functions: None,
        host: |seat| plain(seat, broadcast::Broadcast::new),
        serve: |args| serve(args, broadcast::Broadcast::new),
    },
    Embedded {
        workload: "lin-kv",
        name: "lin-kv",
        help: "hands every request to the lin-kv service",
        functions: None,
        host: |seat| plain(seat, lin_kv::Proxy::new),
        serve: |args| serve(args, lin_kv::Proxy::new),
    },
    Embedded {
        workload: "lin-kv",
        name: "abd",
        help: "a quorum register (Attiya, Bar-Noy, Dolev 1995) in handler style; read and write",
        functions: Some(&["read", "write"]),
        host: |seat| plain(seat, abd::Abd::new),
        serve: |args| serve(args, abd::Abd::new),
    },
    Embedded {
        workload: "lin-kv",
        name: "abd-async",
        help: "the same quorum register in async style",
        functions: Some(&["read", "write"]),
        host: |seat| {
            let make = options(&seat.args, abd::Options::parse)?;
            let factory = move || Async::new(abd_async::Abd::new(make));
            Ok(Box::new(seat.in_process(Arc::new(factory))))
        },
        serve: |args| {
            let make = options(args, abd::Options::parse).map_err(ServeError::Arguments)?;
            serve_node(move || Async::new(abd_async::Abd::new(make)))
        },
    },
];

/// An embedded node, as the registry knows it.
#[derive(Clone, Copy, Debug)]
pub struct Embedded {
    /// The workload it implements.
    pub workload: &'static str,
    /// Its name for `--impl` and `squall node`.
    pub name: &'static str,
    /// One line for the help.
    pub help: &'static str,
    /// The functions of the workload that it has; `None`: all. Only these are then called.
    pub functions: Option<&'static [&'static str]>,
    /// Makes it live inside a World.
    pub host: fn(Seat) -> Result<Box<dyn Host>, String>,
    /// Runs it as a process on stdin and stdout until stdin ends.
    pub serve: fn(&[String]) -> Result<(), ServeError>,
}

/// Why an embedded node did not run as a process until stdin ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServeError {
    /// It refuses its arguments: exit 64.
    Arguments(String),
    /// A variable of its environment is wrong: exit 78.
    Environment(String),
    /// Disk, stdin or stdout failed: exit 74.
    Failed(String),
}

/// The nodes of a workload; the first is the default.
pub fn of_workload(workload: &str) -> impl Iterator<Item = &'static Embedded> {
    NODES.iter().filter(move |node| node.workload == workload)
}

/// Where a node will live, and with which arguments.
#[derive(Clone, Debug)]
pub struct Seat {
    /// Its id.
    pub me: ActorId,
    /// The names of nodes and services.
    pub roster: Arc<Roster>,
    /// All server nodes.
    pub members: Arc<[ActorId]>,
    /// Laws that are switched off.
    pub rules: Rules,
    /// What followed `--` on the command line.
    pub args: Vec<String>,
}

impl Seat {
    fn in_process<N: Node + 'static>(self, factory: Factory<N>) -> InProcess<N> {
        InProcess::new(self.me, self.roster, self.members, factory, self.rules)
    }
}

/// A constructor of a node's value from its arguments.
type Make<N> = fn(&[String]) -> Result<N, String>;

/// A node in handler style: its World can be cloned.
fn plain<N>(seat: Seat, make: Make<N>) -> Result<Box<dyn Host>, String>
where
    N: Node + Clone + Send + Sync + 'static,
    N::Message: Clone,
{
    let node = make(&seat.args)?;
    Ok(Box::new(seat.in_process(Arc::new(move || node.clone())).cloneable()))
}

fn serve<N>(args: &[String], make: Make<N>) -> Result<(), ServeError>
where
    N: Node + Clone + 'static,
{
    let node = make(args).map_err(ServeError::Arguments)?;
    serve_node(move || node.clone())
}

fn serve_node<N: Node>(factory: impl Fn() -> N) -> Result<(), ServeError> {
    squall_stdio::Options::from_environment()
        .and_then(|options| squall_stdio::serve(factory, &options))
        .map_err(|error| match error {
            squall_stdio::ServeError::Environment { .. } => {
                ServeError::Environment(error.to_string())
            }
            _ => ServeError::Failed(error.to_string()),
        })
}

fn options<T>(args: &[String], parse: Make<T>) -> Result<T, String> {
    parse(args)
}

/// Refuses arguments that a node does not know.
pub(crate) fn no_args(args: &[String]) -> Result<(), String> {
    match args.first() {
        None => Ok(()),
        Some(arg) => Err(format!("this embedded node takes no arguments, got {arg:?}")),
    }
}

/// Reads the body of a message into its struct.
pub(crate) fn decode<'b, T: serde::Deserialize<'b>>(body: &'b [u8]) -> Result<T, WireError> {
    serde_json::from_slice(body).map_err(|error| WireError::Malformed(error.to_string()))
}
