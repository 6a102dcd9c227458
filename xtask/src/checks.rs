//! `verify` and `fix`.

use std::process::Command;
use std::time::Instant;

use crate::{Error, root, tell};

/// One command of a check.
#[derive(Debug)]
struct Step {
    name: &'static str,
    arguments: &'static [&'static str],
    environment: &'static [(&'static str, &'static str)],
}

/// The whole check, cheapest first. `--locked`, since a check never writes.
const VERIFY: &[Step] = &[
    Step { name: "formatting", arguments: &["fmt", "--all", "--check"], environment: &[] },
    Step {
        name: "lints",
        arguments: &[
            "clippy",
            "--workspace",
            "--all-targets",
            "--locked",
            "--quiet",
            "--",
            "-D",
            "warnings",
        ],
        environment: &[],
    },
    Step {
        name: "documentation",
        arguments: &["doc", "--no-deps", "--workspace", "--locked", "--quiet"],
        environment: &[("RUSTDOCFLAGS", "-D warnings")],
    },
    Step { name: "tests", arguments: &["test", "--workspace", "--locked"], environment: &[] },
];

/// What a program can mend.
const FIX: &[Step] = &[
    Step {
        name: "lints",
        arguments: &[
            "clippy",
            "--workspace",
            "--all-targets",
            "--fix",
            "--allow-dirty",
            "--allow-staged",
        ],
        environment: &[],
    },
    Step { name: "formatting", arguments: &["fmt", "--all"], environment: &[] },
];

/// Formatting, lints, documentation, tests. The first that fails ends it.
///
/// # Errors
/// If `cargo` can't be started.
pub fn verify() -> Result<bool, Error> {
    run(VERIFY)
}

/// Applies what lints suggest, then formats.
///
/// # Errors
/// If `cargo` can't be started.
pub fn fix() -> Result<bool, Error> {
    run(FIX)
}

fn run(steps: &[Step]) -> Result<bool, Error> {
    for Step { name, arguments, environment } in steps {
        let started = Instant::now();
        tell(&format!("{name}: cargo {}", arguments.join(" ")));
        let mut cargo = Command::new("cargo");
        cargo.current_dir(root()).args(*arguments).envs(environment.iter().copied());
        let status = cargo.status().map_err(|error| Error::Io("cargo".into(), error))?;
        let seconds = started.elapsed().as_secs_f64();
        if !status.success() {
            tell(&format!("{name}: failed after {seconds:.1} s"));
            return Ok(false);
        }
        tell(&format!("{name}: passed in {seconds:.1} s"));
    }
    Ok(true)
}
