//! From a plan to a World, and through it.

use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use squall_history::trace::{Header, Member, Role, TRACE_VERSION};
use squall_node::{ActorId, Rules};
use squall_world::{
    Births, Bounds, ClockKind, GENERATOR, Guard, Place, Plan, PlanError, ProcessSpec, Processes,
    Report, World,
};

use crate::clients::Clients;
use crate::doomed::Doomed;
use crate::knobs;
use crate::nodes::{self, Embedded, Seat};
use crate::services::SERVICES;
use crate::workloads::{self, Workload};

const RELEASE_BEFORE_SYNC: &str = "release-before-sync";
const PANIC: &str = "panic";

/// The laws that a run can break on purpose: that nothing leaves before its disk has what it
/// promises, and that squall has no defects.
pub const LAW_BREAKERS: &[&str] = &[RELEASE_BEFORE_SYNC, PANIC];

/// Why a plan cannot be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunError {
    /// The plan is not one that this program can run: exit 65.
    Plan(String),
    /// An embedded node refuses its arguments: exit 64.
    Node(String),
    /// A process could not be prepared: exit 69.
    Environment(String),
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Plan(why) | Self::Node(why) | Self::Environment(why)) = self;
        f.write_str(why)
    }
}

impl std::error::Error for RunError {}

impl From<PlanError> for RunError {
    fn from(error: PlanError) -> Self {
        Self::Plan(error.0)
    }
}

/// Builds the World of a plan whose nodes all live in this process.
///
/// # Errors
/// If the plan names what does not exist.
pub fn build(plan: &Arc<Plan>) -> Result<World, RunError> {
    Build::new(plan, Bounds::WORKBENCH)?.embedded()
}

/// Runs a plan whose nodes all live in this process; the trace goes to `sink`, if there is one.
///
/// # Errors
/// If the plan names what does not exist.
pub fn run(plan: &Arc<Plan>, sink: Option<Box<dyn Write>>) -> Result<Report, RunError> {
    let mut world = build(plan)?;
    if let Some(sink) = sink {
        world.record(sink, &header(plan));
    }
    Ok(world.run())
}

/// The first line of a plan's trace.
#[must_use]
pub fn header(plan: &Plan) -> Header {
    let member = |(name, role): &(&str, Role)| Member { name: (*name).to_owned(), role: *role };
    Header {
        v: TRACE_VERSION,
        kind: "trace".into(),
        squall: env!("CARGO_PKG_VERSION").to_owned(),
        workload: plan.workload.clone(),
        seed: format!("0x{:x}", plan.seed),
        plan: format!("{:016x}", plan.digest()),
        generator: GENERATOR,
        clock: match plan.clock {
            ClockKind::Virtual => "virtual".into(),
            ClockKind::Wall => "wall".into(),
        },
        actors: members(plan).iter().map(member).collect(),
    }
}

/// Nodes, services, the source of faults: the order of their ids.
fn members(plan: &Plan) -> Vec<(&str, Role)> {
    let nodes = plan.nodes.iter().map(|name| (name.as_str(), Role::Node));
    let services = SERVICES.iter().map(|service| (service.name, Role::Service));
    nodes.chain(services).chain([("nemesis", Role::Fault)]).collect()
}

/// A World that is being put together.
#[derive(Debug)]
pub struct Build {
    /// The World.
    pub world: World,
    plan: Arc<Plan>,
    seat: Seat,
}

impl Build {
    /// A World with its services and clients, and nodes still to come.
    ///
    /// # Errors
    /// If the plan names what does not exist.
    pub fn new(plan: &Arc<Plan>, bounds: Bounds) -> Result<Self, RunError> {
        let workload = check_plan(plan)?;
        let members = members(plan);
        let mut world = World::new(Arc::clone(plan), &members, bounds)?;
        let actor = |at: usize| ActorId(u32::try_from(at).expect("fewer than 2^32 actors"));
        let nodes: Vec<ActorId> = (0..plan.nodes.len()).map(actor).collect();
        let seat = Seat {
            me: ActorId(0),
            roster: Arc::new(world.roster()),
            members: nodes.clone().into(),
            rules: rules(plan)?,
            // Where there are programs, the arguments are theirs.
            args: if has_program(plan) { Vec::new() } else { args(plan) },
        };
        for (at, service) in SERVICES.iter().enumerate() {
            let me = actor(plan.nodes.len() + at);
            world.settle(me, (service.host)(Seat { me, ..seat.clone() }));
        }
        let clients = Clients::new(plan, workload, nodes, actor(members.len()));
        if plan.law_breaker.as_deref() == Some(PANIC) {
            world.settle_clients(Box::new(Doomed(clients)));
        } else {
            world.settle_clients(Box::new(clients));
        }
        Ok(Self { world, plan: Arc::clone(plan), seat })
    }

    /// Lets all nodes be the plan's embedded node.
    ///
    /// # Errors
    /// If it does not exist, or refuses its arguments.
    pub fn embedded(mut self) -> Result<World, RunError> {
        for at in 0..self.plan.nodes.len() {
            self.settle_embedded(at)?;
        }
        Ok(self.world)
    }

    /// Lets one node be the plan's embedded node.
    ///
    /// # Errors
    /// If it does not exist, or refuses its arguments.
    pub fn settle_embedded(&mut self, at: usize) -> Result<(), RunError> {
        let node = embedded(&self.plan)?;
        let me = ActorId(u32::try_from(at).expect("fewer than 2^32 actors"));
        let seat = Seat { me, ..self.seat.clone() };
        self.world.settle(me, (node.host)(seat).map_err(RunError::Node)?);
        Ok(())
    }
}

/// Looks whether a plan's workload and knobs are known here.
///
/// # Errors
/// What is not.
pub fn check_plan(plan: &Plan) -> Result<&'static Workload, RunError> {
    let workload = workloads::find(&plan.workload).ok_or_else(|| {
        RunError::Plan(format!("the plan's workload {:?} does not exist", plan.workload))
    })?;
    knobs::check(plan, workload)?;
    Ok(workload)
}

/// Where the processes of a run live.
#[derive(Debug)]
pub struct Habitat {
    /// Ends what is left if this program disappears.
    pub guard: Option<Guard>,
    /// What else this program may start meanwhile.
    pub births: Births,
    /// Gives each node a directory of its own in here.
    pub data: PathBuf,
    /// Takes the logs of the nodes.
    pub logs: PathBuf,
    /// Whether what nodes print to stderr is shown on ours, too.
    pub shows_stderr: bool,
    /// Further variables of their environment.
    pub env: Vec<(OsString, OsString)>,
}

/// Puts a plan together whose nodes are processes, or some of them.
///
/// # Errors
/// If the plan names what does not exist, or a process cannot be prepared.
pub fn build_processes(plan: &Arc<Plan>, habitat: Habitat) -> Result<(World, Processes), RunError> {
    let mut build = Build::new(plan, Bounds::WORKBENCH)?;
    let environment = |error: io::Error| RunError::Environment(error.to_string());
    let processes = Processes::new(habitat.guard, habitat.births).map_err(environment)?;
    let path = |text: &str| PathBuf::from(text);
    for (at, name) in plan.nodes.iter().enumerate() {
        let Some(program) = program_of(plan, name).map(path) else {
            build.settle_embedded(at)?;
            continue;
        };
        let spec = ProcessSpec {
            program,
            args: args(plan).into_iter().map(Into::into).collect(),
            directory: plan.text_knob("node_cwd").map(path),
            data: habitat.data.join(name),
            seed: plan.seed,
            env: habitat.env.clone(),
        };
        if let Err(why) = spec.check() {
            return Err(RunError::Environment(format!(
                "SQ09 {name}: {}; try: {}",
                why.what, why.help
            )));
        }
        let log = File::create(habitat.logs.join(format!("{name}.log"))).map_err(environment)?;
        let actor = ActorId(u32::try_from(at).expect("fewer than 2^32 actors"));
        let world = &mut build.world;
        let place = Place {
            actor,
            name: name.as_str().into(),
            doorbell: world.doorbell(),
            place: world.next_place(),
        };
        let log: Box<dyn Write + Send> =
            if habitat.shows_stderr { Box::new(Both(log)) } else { Box::new(log) };
        world.settle(actor, Box::new(processes.host(spec, place, log)));
    }
    Ok((build.world, processes))
}

/// A log that is shown on stderr as it is written.
struct Both(File);

impl Write for Both {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.0.write(bytes)?;
        // The log is what counts; nobody may be listening to the rest.
        io::stderr().write_all(&bytes[..count]).ok();
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// The embedded node of a plan.
fn embedded(plan: &Plan) -> Result<&'static Embedded, RunError> {
    let mut nodes = nodes::of_workload(&plan.workload);
    let found = match plan.text_knob("impl") {
        None => nodes.next(),
        Some(name) => nodes.find(|node| node.name == name),
    };
    found.ok_or_else(|| {
        let name = plan.text_knob("impl").unwrap_or("any");
        RunError::Plan(format!("{} has no embedded node {name}", plan.workload))
    })
}

/// Whether a node of the plan is a program.
pub(crate) fn has_program(plan: &Plan) -> bool {
    let bins = plan.knobs.get("bins").and_then(serde_json::Value::as_object);
    plan.text_knob("bin").is_some() || bins.is_some_and(|bins| !bins.is_empty())
}

/// Whether this node is a program.
pub(crate) fn is_program(plan: &Plan, node: &str) -> bool {
    program_of(plan, node).is_some()
}

/// The program of a node, if it is not embedded.
fn program_of<'p>(plan: &'p Plan, node: &str) -> Option<&'p str> {
    let own = plan.knobs.get("bins").and_then(|bins| bins[node].as_str());
    own.or_else(|| plan.text_knob("bin"))
}

fn args(plan: &Plan) -> Vec<String> {
    let args = plan.knobs.get("args").and_then(serde_json::Value::as_array);
    let text = |arg: &serde_json::Value| arg.as_str().map(str::to_owned);
    args.into_iter().flatten().filter_map(text).collect()
}

fn rules(plan: &Plan) -> Result<Rules, RunError> {
    let mut rules = Rules { release_before_sync: false, buggify: Some(plan.seed) };
    match plan.law_breaker.as_deref() {
        None | Some(PANIC) => {}
        Some(RELEASE_BEFORE_SYNC) => rules.release_before_sync = true,
        Some(other) => {
            let known = LAW_BREAKERS.join(", ");
            return Err(RunError::Plan(format!(
                "the law-breaker {other:?} does not exist; known: {known}"
            )));
        }
    }
    Ok(rules)
}
