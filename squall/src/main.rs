//! `squall`: a storm you can replay.
//!
//! One binary. `squall test` runs a cluster under faults and judges what its clients saw,
//! `squall replay` repeats a kept run, `squall check` judges a history of anybody, `squall node`
//! runs an embedded node as a process that any Maelstrom harness can test.

mod cli;
mod exit;
mod out;
mod stop;

mod check;
mod replay;
mod test;

mod explain;

use std::panic;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use crate::cli::{Cli, Verb};
use crate::exit::Failure;

fn main() -> ExitCode {
    panic::set_hook(Box::new(exit::panicked));
    let args = cli::mend_dashes(std::env::args_os().collect());
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => return cli::wrong_usage(&error),
    };
    let is_json = match &cli.verb {
        Some(Verb::Test(args)) => args.json,
        Some(Verb::Replay(args)) => args.json,
        Some(Verb::Check(args)) => args.json,
        Some(Verb::Node(_) | Verb::Guard) | None => false,
    };
    let done = match cli.verb {
        None => out::say(cli::WELCOME).map(|()| 0),
        Some(Verb::Test(args)) => test::run(&args),
        Some(Verb::Replay(args)) => replay::run(&args),
        Some(Verb::Check(args)) => check::run(&args),
        Some(Verb::Node(args)) => node(&args),
        Some(Verb::Guard) => guard(),
    };
    match done {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            if is_json {
                // If stdout is what failed, stderr still says why.
                out::say(&failure.json_line()).ok();
            }
            failure.tell()
        }
    }
}

/// Runs an embedded node on stdin and stdout.
fn node(args: &cli::NodeArgs) -> Result<u8, Failure> {
    let nodes = squall_workbench::nodes::NODES;
    let Some(node) = nodes.iter().find(|node| node.name == args.name) else {
        let names: Vec<_> = nodes.iter().map(|node| node.name).collect();
        return Err(Failure::usage(cli::unknown("embedded node", &args.name, &names)));
    };
    (node.serve)(&args.args).map_err(Failure::from).map(|()| 0)
}

/// The guard child: it outlives us to leave nothing behind.
fn guard() -> Result<u8, Failure> {
    squall_world::guard_main(std::io::stdin().lock());
    Ok(0)
}

/// The definition of the command line, for those who derive something from it.
#[must_use]
pub fn command() -> clap::Command {
    Cli::command()
}
