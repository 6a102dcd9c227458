//! What a process is told from outside, and how it can fail.

use std::env::{self, VarError};
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use squall_node::DiskError;

/// What a process is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Where the files of the node are (`SQUALL_DATA`). Without it, the disk is memory.
    pub data: Option<PathBuf>,
    /// Key of everything that the node draws (`SQUALL_SEED`, decimal or `0x` and hex digits).
    /// Without it, the time of day.
    pub seed: u64,
    /// Whether remarks of the node go to stderr (`SQUALL_NOTES=1`).
    pub notes: bool,
}

impl Options {
    /// As the environment says.
    ///
    /// # Errors
    /// [`ServeError::Environment`] if the seed is no number.
    pub fn from_environment() -> Result<Self, ServeError> {
        let seed = match env::var("SQUALL_SEED") {
            Ok(text) => parse_seed(&text).ok_or(ServeError::Environment { seed: text })?,
            Err(VarError::NotPresent) => time_of_day(),
            Err(VarError::NotUnicode(text)) => {
                let seed = text.to_string_lossy().into_owned();
                return Err(ServeError::Environment { seed });
            }
        };
        let data = env::var_os("SQUALL_DATA").filter(|it| !it.is_empty()).map(PathBuf::from);
        Ok(Self { data, seed, notes: env::var_os("SQUALL_NOTES").is_some_and(|it| it == "1") })
    }
}

fn parse_seed(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// Nanoseconds since 1970.
#[allow(clippy::disallowed_methods, reason = "this is where the wall clock is read")]
pub(crate) fn time_of_day() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// Why a process ended before its input did.
#[derive(Debug)]
pub enum ServeError {
    /// The disk cannot be opened, or a sync failed: nothing that was held has left.
    Disk(DiskError),
    /// Stdin or stdout failed.
    Pipe(io::Error),
    /// `SQUALL_SEED` is no number.
    Environment {
        /// Its value.
        seed: String,
    },
}

impl fmt::Display for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disk(error) => write!(f, "{error}"),
            Self::Pipe(error) => write!(f, "the pipe failed: {error}"),
            Self::Environment { seed } => {
                write!(f, "SQUALL_SEED is neither a number nor 0x and hex digits: {seed}")
            }
        }
    }
}

impl std::error::Error for ServeError {}

impl From<DiskError> for ServeError {
    fn from(error: DiskError) -> Self {
        Self::Disk(error)
    }
}

impl From<io::Error> for ServeError {
    fn from(error: io::Error) -> Self {
        Self::Pipe(error)
    }
}
