//! `cargo xtask`: what is typed, and which exit code it ends with.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use xtask::scorecard::{self, Effort, Order};
use xtask::{Error, checks, tell};

/// Automation of the workspace.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Formatting, lints, documentation and tests. Never writes.
    Verify,
    /// Formats, and applies what lints suggest.
    Fix,
    /// Measures the figures that are claimed, beside their targets. Ends with 1 if one is short.
    Scorecard {
        /// Only the rows of this topic.
        topic: Option<String>,
        /// Only rows that have a quick form, in that form.
        #[arg(long)]
        quick: bool,
        /// Also writes the table to this file, usually docs/scorecard.md. Rows that are not
        /// run keep what an earlier commit measured, marked as such.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

const SHORT: u8 = 1;
const USAGE: u8 = 64;
const INTERNAL: u8 = 70;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            drop(error.print());
            return ExitCode::from(if error.use_stderr() { USAGE } else { 0 });
        }
    };
    match run(cli.verb) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(SHORT),
        Err(error) => {
            tell(&format!("xtask: {error}"));
            ExitCode::from(if matches!(error, Error::Usage(_)) { USAGE } else { INTERNAL })
        }
    }
}

/// Whether all is well.
fn run(verb: Verb) -> Result<bool, Error> {
    match verb {
        Verb::Verify => checks::verify(),
        Verb::Fix => checks::fix(),
        Verb::Scorecard { topic, quick, out } => {
            let effort = if quick { Effort::Quick } else { Effort::Full };
            scorecard::run(scorecard::ROWS, &Order { topic, effort, out })
        }
    }
}
