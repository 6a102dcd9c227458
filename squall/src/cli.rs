//! What a user types.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args, CommandFactory, Parser, Subcommand};

use crate::exit::Failure;
use crate::out::remark;

/// What `squall` alone says.
pub(crate) const WELCOME: &str = "\
squall: a storm you can replay. It breaks, judges and shows distributed systems.

  squall test broadcast                   a correct node of ours, in virtual time
  squall test broadcast --nemesis partition,kill --seeds 0..200
  squall test echo --bin ./node.py        your node, in any language (Maelstrom's protocol)
  squall replay latest                    the same run again
  squall check history.edn                a history of yours, or of another tool

  squall test --help                      everything a test can do
";

const TEST_EXAMPLES: &str = "\
Examples:
  squall test -w broadcast --node-count 25 --rate 100 --latency 100 --nemesis partition
  squall test -w lin-kv --impl abd --nemesis partition,kill --nemesis-interval 1 --seeds 0..1000
  squall test -w echo --bin ./echo.py --node-count 1 --time-limit 10
  squall test -w broadcast --bin ./node.py --bin n2=./other --node-count 5 --assert 'msgs-per-op<30'
  squall test -w broadcast --bin squall -- node broadcast";

const REPLAY_EXAMPLES: &str = "\
Examples:
  squall replay latest                    the newest run that was kept
  squall replay -2                        the one before it
  squall replay store/broadcast/latest
  squall replay plan.json                 a plan by itself, perhaps made smaller by hand";

const CHECK_EXAMPLES: &str = "\
Examples:
  squall check history.edn                what it is, and whether it keeps its promise
  squall check store/latest/history.edn --json
  squall check etcd/*.log --failed-cas drop
  squall check txns.edn --consistency-models snapshot-isolation
  zcat history.edn.gz | squall check - --model register --independent";

const CHECK_AFTER: &str = "\
The form of a file is recognised: JSON lines of our own, EDN of Jepsen, Knossos and Elle,
Porcupine's logs, the texts of Plume, AWDIT and dbcop, history.txt.

Exit codes: 0 all held, 1 one is broken, 2 one is unknown or not exercised, 64 wrong usage,
65 a file is damaged, 66 no such file.";

const NODE_EXAMPLES: &str = "\
Examples:
  squall test -w broadcast --bin squall -- node broadcast
  echo '{\"src\":\"c1\",\"dest\":\"n0\",\"body\":{\"type\":\"init\",\"msg_id\":1,\
\"node_id\":\"n0\",\"node_ids\":[\"n0\"]}}' | squall node echo";

const TEST_AFTER: &str = "\
Without --bin the embedded node of the workload runs, in virtual time. With --bin the nodes are
processes and time is real. What follows -- goes to the programs, or to the embedded nodes if
there is no program.

Exit codes: 0 held, 1 broken, 2 unknown or not exercised, 76 the node broke the protocol,
64 wrong usage, 65 damaged data, 66 no such file, 69 the node cannot be started, 70 a defect of
squall, 73 cannot create, 74 cannot write, 130 interrupted.";

/// A storm you can replay: break, judge, see, run and learn distributed systems.
#[derive(Debug, Parser)]
#[command(name = "squall", version, before_help = WELCOME)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) verb: Option<Verb>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Run a cluster under faults and judge what its clients saw.
    #[command(
        before_help = TEST_EXAMPLES,
        after_help = TEST_AFTER,
        allow_negative_numbers = true
    )]
    Test(Box<TestArgs>),
    /// Repeat a kept run, or run a plan and keep it.
    #[command(before_help = REPLAY_EXAMPLES)]
    Replay(ReplayArgs),
    /// Judge histories: of kept runs, of other tools, of your own tests.
    #[command(before_help = CHECK_EXAMPLES, after_help = CHECK_AFTER)]
    Check(Box<CheckArgs>),
    /// Run an embedded node as a process on stdin and stdout.
    #[command(hide = true, before_help = NODE_EXAMPLES)]
    Node(NodeArgs),
    /// Outlive squall to end what it started.
    #[command(name = "__guard", hide = true)]
    Guard,
}

#[derive(Debug, Args)]
pub(crate) struct NodeArgs {
    /// Its name.
    pub(crate) name: String,
    /// Its arguments.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) args: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Files with a history each; - is the standard input.
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<String>,
    /// What the history is of [default: the functions tell].
    #[arg(long, value_name = "NAME")]
    pub(crate) model: Option<String>,
    /// The form of the files [default: the texts tell].
    #[arg(long, value_name = "NAME")]
    pub(crate) format: Option<String>,
    /// What a read of nil says: any (nothing) or initial [default: the form tells].
    #[arg(long, value_name = "RULE")]
    pub(crate) nil_read: Option<String>,
    /// What a failed cas says: drop (nothing) or observe [default: the form tells].
    #[arg(long, value_name = "RULE")]
    pub(crate) failed_cas: Option<String>,
    /// Values are pairs of a key and the value proper [default: the values tell].
    #[arg(long)]
    pub(crate) independent: bool,
    /// Leave lines out that cannot be read; what then holds is unknown.
    #[arg(long)]
    pub(crate) skip_bad_lines: bool,
    /// How many steps a search may take for each key [default: 4000000].
    #[arg(long, value_name = "NUM")]
    pub(crate) steps: Option<String>,
    /// Write the smallest part that is broken in the same way to this file, as JSON lines.
    #[arg(long, value_name = "OUT")]
    pub(crate) core: Option<String>,
    /// What transactions were promised, with commas [default: strict-serializable, or
    /// strong-session-serializable where there is no real time].
    #[arg(
        long,
        visible_alias = "consistency",
        value_name = "MODELS",
        help_heading = "Transactions"
    )]
    pub(crate) consistency_models: Option<String>,
    /// Take it that each register by itself is linearizable: tells more of the order of its values.
    #[arg(long, help_heading = "Transactions")]
    pub(crate) assume_linearizable_keys: bool,
    /// Take it that each register by itself is sequentially consistent.
    #[arg(long, help_heading = "Transactions")]
    pub(crate) assume_sequential_keys: bool,
    /// What a register holds at first, beside nil; JSON or EDN, may be repeated.
    #[arg(long, value_name = "KEY=VALUE", help_heading = "Transactions")]
    pub(crate) initial: Vec<String>,
    /// What a read of a value says that nobody wrote: broken, or initial (it was there at first)
    /// [default: broken].
    #[arg(long, value_name = "RULE", help_heading = "Transactions")]
    pub(crate) thin_air: Option<String>,
    /// A file with what is known of the order of registers' values, in JSON or EDN:
    /// [[KEY, [OLDEST, …]], …].
    #[arg(long, value_name = "FILE", help_heading = "Transactions")]
    pub(crate) version_order: Option<String>,
    /// How many files are judged at the same time [default: the number of cores].
    #[arg(long, value_name = "NUM")]
    pub(crate) jobs: Option<String>,
    /// Print JSON lines only: one for each file, then the verdict.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    /// A run's folder, `latest`, a negative index (-1 is the newest), or a plan file.
    #[arg(allow_negative_numbers = true)]
    pub(crate) run: String,
    /// Where runs are kept.
    #[arg(long, default_value = "store", value_name = "DIR")]
    pub(crate) store: String,
    /// Print JSON lines only.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(next_line_help = false)]
pub(crate) struct TestArgs {
    /// The workload, if -w does not name it; other words go to the nodes.
    #[arg(value_name = "WORKLOAD")]
    pub(crate) words: Vec<String>,
    /// The workload [default: lin-kv].
    #[arg(short = 'w', long, value_name = "NAME", help_heading = "What runs")]
    pub(crate) workload: Option<String>,
    /// The program of all nodes, or of one: n2=FILE.
    #[arg(long, value_name = "[NODE=]FILE", help_heading = "What runs")]
    pub(crate) bin: Vec<String>,
    /// An embedded node of the workload.
    #[arg(long = "impl", value_name = "NAME", help_heading = "What runs")]
    pub(crate) implementation: Option<String>,
    /// Number of nodes, named n0, n1, …; overrides --nodes.
    #[arg(long, value_name = "NUM", help_heading = "What runs")]
    pub(crate) node_count: Option<String>,
    /// Name of a node; may be repeated.
    #[arg(short = 'n', long = "node", value_name = "NAME", help_heading = "What runs")]
    pub(crate) node: Vec<String>,
    /// Names of nodes, with commas [default: n1,n2,n3,n4,n5].
    #[arg(long, value_name = "NAMES", help_heading = "What runs")]
    pub(crate) nodes: Option<String>,
    /// A file with a node's name on each line.
    #[arg(long, value_name = "FILE", help_heading = "What runs")]
    pub(crate) nodes_file: Option<String>,
    /// Arguments of the programs, or of the embedded nodes if there is no program.
    #[arg(last = true, value_name = "ARG")]
    pub(crate) args: Vec<String>,

    /// Operations per second, over all clients.
    #[arg(long, default_value = "5", value_name = "RATE", help_heading = "Load")]
    pub(crate) rate: String,
    /// How long clients begin operations, in seconds.
    #[arg(long, default_value = "60", value_name = "S", help_heading = "Load")]
    pub(crate) time_limit: String,
    /// Number of clients: N, or Nn for N times the number of nodes [default: 1n; lin-kv: 2n].
    #[arg(long, value_name = "N", help_heading = "Load")]
    pub(crate) concurrency: Option<String>,
    /// Who is told to talk to whom: line grid tree tree2 tree3 tree4 total.
    #[arg(long, default_value = "grid", value_name = "SHAPE", help_heading = "Load")]
    pub(crate) topology: String,

    /// Mean delay of a message between servers, in ms.
    #[arg(long, default_value = "0", value_name = "MS", help_heading = "Storm")]
    pub(crate) latency: String,
    /// Its distribution: constant uniform exponential.
    #[arg(long, default_value = "constant", value_name = "TYPE", help_heading = "Storm")]
    pub(crate) latency_dist: String,
    /// Faults, with commas: partition partition-one-way kill.
    #[arg(long, alias = "faults", value_name = "FAULTS", help_heading = "Storm")]
    pub(crate) nemesis: Option<String>,
    /// Mean time between begins and ends of faults, in seconds.
    #[arg(long, default_value = "10", value_name = "S", help_heading = "Storm")]
    pub(crate) nemesis_interval: String,
    /// Break a law on purpose: release-before-sync, or panic (as if squall had a defect).
    #[arg(long, value_name = "NAME", help_heading = "Storm")]
    pub(crate) law_breaker: Option<String>,

    /// The seed: decimal or 0x… [default: drawn].
    #[arg(long, value_name = "SEED", help_heading = "Seeds", conflicts_with = "seeds")]
    pub(crate) seed: Option<String>,
    /// Many seeds, the last one excluded.
    #[arg(long, value_name = "A..B", help_heading = "Seeds")]
    pub(crate) seeds: Option<String>,
    /// Runs at one time [default: one for each core].
    #[arg(long, value_name = "J", help_heading = "Seeds")]
    pub(crate) jobs: Option<String>,
    /// Repeat the test so often; stops at the first run that does not hold.
    #[arg(long, default_value = "1", value_name = "N", help_heading = "Seeds")]
    pub(crate) test_count: String,
    /// Run every seed twice and compare.
    #[arg(long, help_heading = "Seeds")]
    pub(crate) double: bool,

    /// The share of operations that must succeed: total, or a number from 0 to 1.
    #[arg(long, value_name = "X", help_heading = "Promises")]
    pub(crate) availability: Option<String>,
    /// A promise about a figure: msgs-per-op<30, stable-p50<400ms; may be repeated.
    #[arg(long = "assert", value_name = "EXPR", help_heading = "Promises")]
    pub(crate) asserts: Vec<String>,
    /// What a read of null says: any (nothing), initial (nothing was written yet)
    /// [default: any with --bin, initial without].
    #[arg(long, value_name = "RULE", help_heading = "Promises")]
    pub(crate) nil_read: Option<String>,

    /// How long a node may take over init, in seconds.
    #[arg(long, default_value = "10", value_name = "S", help_heading = "Patience")]
    pub(crate) init_timeout: String,
    /// How long a client waits, in seconds [default: 5; lin-kv: ten latencies, at least 1].
    #[arg(long, value_name = "S", help_heading = "Patience")]
    pub(crate) rpc_timeout: Option<String>,
    /// How long the cluster may recover before the last reads, in seconds.
    #[arg(long, default_value = "10", value_name = "S", help_heading = "Patience")]
    pub(crate) recovery: String,

    /// Where runs are kept.
    #[arg(long, default_value = "store", value_name = "DIR", help_heading = "Output")]
    pub(crate) store: String,
    /// Print JSON lines only.
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,
    /// Show what the nodes print on stderr.
    #[arg(long, help_heading = "Output")]
    pub(crate) log_stderr: bool,
    /// Working directory of the nodes [default: a temporary one].
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub(crate) node_cwd: Option<String>,
}

/// Wrong usage ends with 64 and one line, whatever the parser thinks; help and version with 0.
pub(crate) fn wrong_usage(error: &clap::Error) -> ExitCode {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => match error.print() {
            Err(why) if why.kind() != std::io::ErrorKind::BrokenPipe => Failure::from(why).tell(),
            _ => ExitCode::SUCCESS,
        },
        _ => Failure::usage(complaint(error)).tell(),
    }
}

/// What the parser did not understand, in one line.
fn complaint(error: &clap::Error) -> String {
    let of = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    match (error.kind(), of(ContextKind::InvalidArg), of(ContextKind::InvalidSubcommand)) {
        (ErrorKind::UnknownArgument, Some(flag), _) if flag.starts_with('-') => {
            let near = of(ContextKind::SuggestedArg);
            let hint = near.map_or_else(String::new, |near| format!(" did you mean {near}?"));
            format!("there is no flag {flag};{hint} --help lists them all")
        }
        (ErrorKind::UnknownArgument, Some(word), _) => format!("{word:?} is one word too many"),
        (ErrorKind::InvalidSubcommand, _, Some(verb)) => unknown("verb", verb, &["replay", "test"]),
        _ => {
            let text = error.to_string();
            let lines = text.lines().map(str::trim).take_while(|line| !line.is_empty());
            let text = lines.collect::<Vec<_>>().join(" ");
            text.trim_start_matches("error: ").to_owned()
        }
    }
}

/// Reads a Unicode dash in front of a known flag as that flag: it comes from copied texts.
pub(crate) fn mend_dashes(args: Vec<OsString>) -> Vec<OsString> {
    let command = Cli::command();
    let mut flags: Vec<String> = Vec::new();
    for verb in command.get_subcommands() {
        flags.extend(verb.get_arguments().filter_map(|arg| arg.get_long()).map(str::to_owned));
    }
    flags.push("faults".to_owned());
    let is_dash = |c: char| matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}');
    let mut is_over = false;
    let mend = |arg: OsString| {
        is_over |= arg == "--";
        let Some(text) = arg.to_str().filter(|_| !is_over) else { return arg };
        let name = text.trim_start_matches(is_dash);
        let dashes = &text[..text.len() - name.len()];
        let flag = name.split('=').next().unwrap_or(name);
        let is_short = ["w", "n"].contains(&flag);
        if dashes.is_ascii() || !(is_short || flags.iter().any(|known| known == flag)) {
            return arg;
        }
        let dashes = if is_short { "-" } else { "--" };
        remark(&format!("squall: {text:?} begins with a Unicode dash; read as {dashes}{name}"));
        OsString::from(format!("{dashes}{name}"))
    };
    args.into_iter().map(mend).collect()
}

/// What is wrong with a name that does not exist, with the nearest one and all that do.
pub(crate) fn unknown(what: &str, name: &str, known: &[&str]) -> String {
    let nearest = known.iter().map(|known| (distance(name, known), *known)).min();
    let hint = match nearest {
        Some((distance, near)) if distance <= near.len().max(name.len()) / 2 => {
            format!(" did you mean {near}?")
        }
        _ => String::new(),
    };
    format!("there is no {what} {name:?};{hint} known: {}", known.join(", "))
}

/// How many letters must be changed, added or removed (Levenshtein), capped prefixes first.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = corner + usize::from(x != *y);
            corner = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(corner + 1);
        }
    }
    row[b.len()]
}
