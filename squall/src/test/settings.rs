//! From what was typed to what is meant. After this nothing is checked again.

use std::env;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use squall_check::statistics::Target;
use squall_workbench::nodes::{self, Embedded};
use squall_workbench::workloads::{WORKLOADS, Workload};
use squall_workbench::{Assertion, LAW_BREAKERS, NodeChoice, Settings, TOPOLOGIES, Topology};
use squall_world::faults::{FAULTS, Fault};
use squall_world::{ProcessSpec, Shape, check_node_name};

use super::values::{MANY, millionths, seconds, seed, seeds, whole};
use crate::cli::{TestArgs, unknown};
use crate::exit::Failure;

/// A command, understood.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) settings: Settings,
    pub(crate) seed: Option<u64>,
    pub(crate) seeds: Option<Range<u64>>,
    pub(crate) jobs: usize,
    pub(crate) test_count: u64,
    pub(crate) is_double: bool,
    pub(crate) store: PathBuf,
    pub(crate) is_json: bool,
}

/// More nodes than this are nobody's intention.
const NODES_MAX: u64 = 10_000;

impl Request {
    /// Understands what was typed.
    pub(crate) fn of(args: &TestArgs) -> Result<Self, Failure> {
        let settings = settings(args)?;
        let cores = std::thread::available_parallelism().map_or(1, Into::into);
        let jobs = match &args.jobs {
            None => cores,
            Some(text) => usize::try_from(whole("--jobs", text, 1..1_025)?).unwrap_or(cores),
        };
        let seeds = args.seeds.as_deref().map(seeds).transpose()?;
        if seeds.is_some() && settings.has_program() {
            let text = "--seeds runs embedded nodes, in virtual time; with --bin use --test-count";
            return Err(Failure::usage(text));
        }
        contradictions(args, &settings)?;
        Ok(Self {
            settings,
            seed: args.seed.as_deref().map(|text| seed("--seed", text)).transpose()?,
            seeds,
            jobs,
            test_count: whole("--test-count", &args.test_count, 1..MANY)?,
            is_double: args.double,
            store: PathBuf::from(&args.store),
            is_json: args.json,
        })
    }
}

/// Flags that mean nothing beside each other.
fn contradictions(args: &TestArgs, settings: &Settings) -> Result<(), Failure> {
    let wrong = |text: &str| Err(Failure::usage(text));
    if args.double && args.seeds.is_none() {
        return wrong("--double compares runs of --seeds A..B, for example --seeds 0..100");
    }
    if args.double && !args.asserts.is_empty() {
        return wrong("--double compares runs and judges none: --assert means nothing beside it");
    }
    if args.test_count != "1" && args.seeds.is_some() {
        return wrong("--test-count repeats one test, --seeds runs many: take one");
    }
    if args.test_count != "1" && args.seed.is_some() && !settings.has_program() {
        return wrong(
            "--test-count with --seed would repeat the same run: in virtual time a seed fixes \
             everything; use --seeds A..B",
        );
    }
    if args.node_cwd.is_some() && !settings.has_program() {
        return wrong("--node-cwd is for programs: embedded nodes have no working directory");
    }
    Ok(())
}

/// Promises about figures that runs of this workload have.
fn asserts(args: &TestArgs, workload: &Workload) -> Result<Vec<Assertion>, Failure> {
    let mut asserts = Vec::new();
    for text in &args.asserts {
        let wrong = |why| Failure::usage(format!("--assert: {why}"));
        let assertion = Assertion::parse(text).map_err(wrong)?;
        assertion.fits(workload).map_err(wrong)?;
        asserts.push(assertion);
    }
    Ok(asserts)
}

fn settings(args: &TestArgs) -> Result<Settings, Failure> {
    let (workload, words) = workload(args)?;
    let nodes = node_names(args)?;
    let (node, mixed) = choice(args, workload, &nodes)?;
    let has_program = matches!(node, NodeChoice::Program(_)) || !mixed.is_empty();
    let nil_read = args.nil_read.as_deref().unwrap_or(if has_program { "any" } else { "initial" });
    let mut node_args: Vec<String> = words.to_vec();
    node_args.extend(args.args.iter().cloned());
    Ok(Settings {
        workload,
        node,
        mixed,
        args: node_args,
        rate_millionths: millionths("--rate", &args.rate)?,
        time_limit_ms: seconds("--time-limit", &args.time_limit, 1)?,
        recovery_ms: seconds("--recovery", &args.recovery, 0)?,
        latency_ms: whole("--latency", &args.latency, 0..86_400_001)?,
        dist: shape(&args.latency_dist)?,
        faults: faults(args.nemesis.as_deref())?,
        fault_interval_ms: seconds("--nemesis-interval", &args.nemesis_interval, 1)?,
        topology: topology(&args.topology)?,
        concurrency: concurrency(args.concurrency.as_deref(), workload, nodes.len() as u64)?,
        asserts: asserts(args, workload)?,
        availability: availability(args.availability.as_deref())?,
        nil_read_is_initial: match nil_read {
            "any" => false,
            "initial" => true,
            other => {
                return Err(Failure::usage(unknown(
                    "rule of --nil-read",
                    other,
                    &["any", "initial"],
                )));
            }
        },
        init_timeout_ms: seconds("--init-timeout", &args.init_timeout, 1)?,
        rpc_timeout_ms: match &args.rpc_timeout {
            None => None,
            Some(text) => Some(seconds("--rpc-timeout", text, 1)?),
        },
        law_breaker: law_breaker(args.law_breaker.as_deref())?,
        node_cwd: args.node_cwd.as_ref().map(PathBuf::from),
        log_stderr: args.log_stderr,
        nodes,
    })
}

/// `-w`, else the first word, else lin-kv. The other words go to the nodes.
fn workload(args: &TestArgs) -> Result<(&'static Workload, &[String]), Failure> {
    let (name, words) = match (&args.workload, args.words.split_first()) {
        (Some(name), _) => (name.as_str(), &args.words[..]),
        (None, Some((first, rest))) => (first.as_str(), rest),
        (None, None) => ("lin-kv", &args.words[..]),
    };
    let found = WORKLOADS.iter().find(|workload| workload.name == name);
    found.map(|found| (*found, words)).ok_or_else(|| {
        let known: Vec<_> = WORKLOADS.iter().map(|workload| workload.name).collect();
        Failure::usage(unknown("workload", name, &known))
    })
}

fn node_names(args: &TestArgs) -> Result<Vec<String>, Failure> {
    if let Some(count) = &args.node_count {
        let count = whole("--node-count", count, 1..NODES_MAX + 1)?;
        return Ok((0..count).map(|at| format!("n{at}")).collect());
    }
    let mut names: Vec<String> = Vec::new();
    if let Some(file) = &args.nodes_file {
        let text = fs::read_to_string(file)
            .map_err(|error| Failure::no_input(format!("--nodes-file {file}: {error}")))?;
        names.extend(text.lines().map(|line| line.trim().to_owned()));
    }
    if let Some(list) = &args.nodes {
        names.extend(list.split(',').map(|name| name.trim().to_owned()));
    }
    names.extend(args.node.iter().cloned());
    names.retain(|name| !name.is_empty());
    let is_named = args.nodes_file.is_some() || args.nodes.is_some() || !args.node.is_empty();
    if names.is_empty() && is_named {
        return Err(Failure::usage("there is no name in --nodes, --node or --nodes-file"));
    }
    if names.is_empty() {
        names = (1..=5).map(|at| format!("n{at}")).collect();
    }
    let mut seen = std::collections::BTreeSet::new();
    for name in &names {
        if !seen.insert(name) {
            return Err(Failure::usage(format!("the node {name} is named twice")));
        }
        check_node_name(name).map_err(Failure::usage)?;
    }
    Ok(names)
}

/// What every node is: `--bin`, `--impl`, or our first one.
fn choice(
    args: &TestArgs,
    workload: &'static Workload,
    nodes: &[String],
) -> Result<(NodeChoice, Vec<(String, PathBuf)>), Failure> {
    let mut program = None;
    let mut mixed = Vec::new();
    for bin in &args.bin {
        match bin.split_once('=') {
            Some((node, file)) if nodes.iter().any(|name| name == node) => {
                mixed.push((node.to_owned(), find_program(file)?));
            }
            Some((node, _)) if !node.contains(['/', '.']) && !Path::new(bin).exists() => {
                let known: Vec<_> = nodes.iter().map(String::as_str).collect();
                return Err(Failure::usage(format!(
                    "--bin {bin}: {}",
                    unknown("node", node, &known)
                )));
            }
            _ if program.is_some() => {
                let text = format!(
                    "--bin {bin}: there can be one program for all nodes; give others as n2=FILE"
                );
                return Err(Failure::usage(text));
            }
            _ => program = Some(find_program(bin)?),
        }
    }
    let node = match (program, &args.implementation) {
        (Some(program), None) => NodeChoice::Program(program),
        (None, name) => NodeChoice::Embedded(embedded(workload, name.as_deref())?),
        (Some(_), Some(_)) => {
            return Err(Failure::usage("--impl names an embedded node, --bin a program: take one"));
        }
    };
    Ok((node, mixed))
}

fn embedded(workload: &Workload, name: Option<&str>) -> Result<&'static Embedded, Failure> {
    let known: Vec<_> = nodes::of_workload(workload.name).collect();
    let found = match name {
        None => known.first().copied(),
        Some(name) => known.iter().find(|node| node.name == name).copied(),
    };
    found.ok_or_else(|| {
        let names: Vec<_> = known.iter().map(|node| node.name).collect();
        let what = format!("embedded node of {}", workload.name);
        Failure::usage(unknown(&what, name.unwrap_or(""), &names))
    })
}

/// A program by its path, or by its name in PATH. Links are kept: a virtual environment of
/// Python lives by them. `squall` is this program.
fn find_program(name: &str) -> Result<PathBuf, Failure> {
    let is_bare = !name.contains('/');
    if is_bare {
        if name == "squall" {
            return Ok(env::current_exe()?);
        }
        let folders = env::var_os("PATH").unwrap_or_default();
        let found = env::split_paths(&folders).map(|folder| folder.join(name));
        if let Some(found) = found.into_iter().find(|path| is_executable(path)) {
            return Ok(found);
        }
    }
    let path = Path::new(name);
    let hint = if is_bare && !path.exists() { ", here or in PATH" } else { "" };
    let spec = ProcessSpec {
        program: path.to_owned(),
        args: Vec::new(),
        directory: None,
        data: PathBuf::new(),
        seed: 0,
        env: Vec::new(),
    };
    spec.check().map_err(|why| {
        let help = with_words(name).unwrap_or(why.help);
        Failure::environment(format!("SQ09 --bin: {}{hint}; try: {help}", why.what))
    })?;
    Ok(std::path::absolute(path)?)
}

/// `--bin "python3 node.py"`, as it has to be written: words follow `--`, and files among them
/// are named from the root, since nodes run in another folder.
fn with_words(name: &str) -> Option<String> {
    let (program, words) = name.split_once(' ')?;
    let whole = |word: &str| {
        let file = Some(Path::new(word)).filter(|file| file.is_file());
        let path = file.and_then(|file| std::path::absolute(file).ok());
        path.map_or_else(|| word.to_owned(), |path| path.display().to_string())
    };
    let words: Vec<_> = words.split_whitespace().map(whole).collect();
    Some(format!("--bin {program} -- {}", words.join(" ")))
}

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(path: &Path) -> bool {
    path.is_file()
}

fn shape(name: &str) -> Result<Shape, Failure> {
    let found = Shape::ALL.into_iter().find(|shape| shape.name() == name);
    found.ok_or_else(|| {
        Failure::usage(unknown("latency distribution", name, &Shape::ALL.map(Shape::name)))
    })
}

fn topology(name: &str) -> Result<&'static Topology, Failure> {
    let found = TOPOLOGIES.iter().find(|topology| topology.name == name);
    found.ok_or_else(|| {
        let known: Vec<_> = TOPOLOGIES.iter().map(|topology| topology.name).collect();
        Failure::usage(unknown("topology", name, &known))
    })
}

fn law_breaker(name: Option<&str>) -> Result<Option<String>, Failure> {
    match name {
        Some(name) if !LAW_BREAKERS.contains(&name) => {
            Err(Failure::usage(unknown("law to break", name, LAW_BREAKERS)))
        }
        name => Ok(name.map(str::to_owned)),
    }
}

fn faults(list: Option<&str>) -> Result<Vec<&'static Fault>, Failure> {
    let mut faults: Vec<&'static Fault> = Vec::new();
    let names = list.unwrap_or("").split(',').map(str::trim).filter(|name| !name.is_empty());
    for name in names {
        let found = squall_world::faults::find(name).ok_or_else(|| {
            let known: Vec<_> = FAULTS.iter().map(|fault| fault.name).collect();
            Failure::usage(unknown("fault", name, &known))
        })?;
        if !faults.iter().any(|fault| fault.name == found.name) {
            faults.push(found);
        }
    }
    Ok(faults)
}

/// `N` or `Nn`. Some workloads need a multiple of the node count.
fn concurrency(text: Option<&str>, workload: &Workload, nodes: u64) -> Result<u64, Failure> {
    let unit = workload.concurrency_per_node * nodes;
    let Some(text) = text else { return Ok(unit) };
    let (digits, factor) = match text.strip_suffix('n') {
        Some(digits) => (digits, nodes),
        None => (text, 1),
    };
    let wrong = || {
        let text =
            format!("--concurrency {text}: expected N, or Nn for N times the number of nodes");
        Failure::usage(text)
    };
    let number = digits.parse::<u64>().ok().and_then(|n| n.checked_mul(factor));
    let number = number.filter(|n| (1..=1_000_000).contains(n)).ok_or_else(wrong)?;
    if workload.concurrency_per_node > 1 && number % unit != 0 {
        let below = number / unit * unit;
        let near =
            if below == 0 { unit.to_string() } else { format!("{below} or {}", below + unit) };
        return Err(Failure::usage(format!(
            "--concurrency {text}: {} needs a multiple of {} times the {nodes} nodes; \
             nearest: {near}",
            workload.name, workload.concurrency_per_node
        )));
    }
    Ok(number)
}

fn availability(text: Option<&str>) -> Result<Target, Failure> {
    match text {
        None => Ok(Target::None),
        Some("total") => Ok(Target::Total),
        Some(text) => {
            let least = millionths("--availability", text).ok();
            let least = least.and_then(|least| u32::try_from(least).ok());
            let least = least.filter(|least| *least <= 1_000_000);
            least.map(Target::Millionths).ok_or_else(|| {
                Failure::usage(format!(
                    "--availability {text}: expected total, or a number from 0 to 1"
                ))
            })
        }
    }
}
