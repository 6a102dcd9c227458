//! Automation of the workspace, as a library so that tests can reach it.
//!
//! - [`checks`]: `verify`, the whole check, and `fix`, what a program can mend.
//! - [`scorecard`]: every figure that is claimed, measured.
//! - [`measure`]: the pieces that rows of the scorecard share.

pub mod checks;
pub mod measure;
pub mod scorecard;

use std::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Why a command of the workspace did not do its work. It changed nothing that was not a build.
#[derive(Debug)]
pub enum Error {
    /// What was typed makes no sense: type something else.
    Usage(String),
    /// A program that was needed failed, or is missing.
    Program(String),
    /// A file or pipe could not be read or written.
    Io(String, io::Error),
    /// A program answered something that this one does not understand.
    Answer(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(text) | Self::Program(text) | Self::Answer(text) => f.write_str(text),
            Self::Io(what, error) => write!(f, "{what}: {error}"),
        }
    }
}

impl std::error::Error for Error {}

/// The root of the workspace. Cargo says at run time which one it is, since two clones may share
/// what was built.
#[must_use]
pub fn root() -> PathBuf {
    let xtask = std::env::var_os("CARGO_MANIFEST_DIR");
    let xtask = xtask.map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    xtask.parent().map_or_else(|| xtask.clone(), Path::to_path_buf)
}

/// Writes a line of the result to standard output.
///
/// # Errors
/// If nobody reads it any more.
pub fn say(line: &str) -> Result<(), Error> {
    writeln!(io::stdout().lock(), "{line}")
        .map_err(|error| Error::Io("standard output".into(), error))
}

/// Writes a line about what is going on to standard error, if there is somebody to read it.
pub fn tell(line: &str) {
    drop(writeln!(io::stderr().lock(), "{line}"));
}
