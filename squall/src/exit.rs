//! How a command ends when it is not by a verdict. Names and numbers are those of `sysexits`.

use std::fmt::Write as _;
use std::io::Write as _;
use std::panic::PanicHookInfo;
use std::process::ExitCode;

use serde_json::json;

use crate::out::plain;

/// Why a command could not do its work.
#[derive(Debug)]
pub(crate) struct Failure {
    code: u8,
    text: String,
}

/// Wrong usage.
const USAGE: u8 = 64;
pub(crate) const DATA: u8 = 65;
const NO_INPUT: u8 = 66;
const ENVIRONMENT: u8 = 69;
/// A defect of ours.
pub(crate) const INTERNAL: u8 = 70;
const CANNOT_CREATE: u8 = 73;
const INPUT_OUTPUT: u8 = 74;
const CONFIGURATION: u8 = 78;
/// Ctrl-C.
pub(crate) const INTERRUPTED: u8 = 130;

impl Failure {
    /// Contradictory or bad values: 64.
    pub(crate) fn usage(text: impl Into<String>) -> Self {
        Self { code: USAGE, text: text.into() }
    }

    /// A damaged file, or one of a newer format: 65.
    pub(crate) fn data(text: impl Into<String>) -> Self {
        Self { code: DATA, text: text.into() }
    }

    /// What was named does not exist: 66.
    pub(crate) fn no_input(text: impl Into<String>) -> Self {
        Self { code: NO_INPUT, text: text.into() }
    }

    /// A node cannot be started: 69.
    pub(crate) fn environment(text: impl Into<String>) -> Self {
        Self { code: ENVIRONMENT, text: text.into() }
    }

    /// A file or folder cannot be made: 73.
    pub(crate) fn cannot_create(text: impl Into<String>) -> Self {
        Self { code: CANNOT_CREATE, text: text.into() }
    }

    /// Reading or writing failed: 74.
    pub(crate) fn input_output(text: impl Into<String>) -> Self {
        Self { code: INPUT_OUTPUT, text: text.into() }
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn code(&self) -> u8 {
        self.code
    }

    /// The last line of `--json`: who reads it is told that there will be no other verdict.
    pub(crate) fn json_line(&self) -> String {
        let Self { code, text } = self;
        let verdict = "unknown";
        json!({ "v": 1, "type": "verdict", "verdict": verdict, "exit": code, "error": text })
            .to_string()
    }

    /// Says so on stderr, in as many lines as it takes, and gives the exit code.
    pub(crate) fn tell(&self) -> ExitCode {
        let mut err = std::io::stderr().lock();
        writeln!(err, "squall: {}", plain(&self.text)).ok();
        ExitCode::from(self.code)
    }
}

impl From<squall_workbench::RunError> for Failure {
    fn from(error: squall_workbench::RunError) -> Self {
        use squall_workbench::RunError;
        match error {
            RunError::Plan(text) => Self::data(text),
            RunError::Node(text) => Self::usage(text),
            RunError::Environment(text) => Self::environment(text),
        }
    }
}

impl From<squall_workbench::nodes::ServeError> for Failure {
    fn from(error: squall_workbench::nodes::ServeError) -> Self {
        use squall_workbench::nodes::ServeError;
        match error {
            ServeError::Arguments(text) => Self::usage(text),
            ServeError::Environment(text) => Self { code: CONFIGURATION, text },
            ServeError::Failed(text) => Self::input_output(text),
        }
    }
}

impl From<squall_workbench::StoreError> for Failure {
    fn from(error: squall_workbench::StoreError) -> Self {
        use squall_workbench::StoreError;
        let code = match &error {
            StoreError::Create(..) => CANNOT_CREATE,
            StoreError::Write(..) => INPUT_OUTPUT,
        };
        Self { code, text: error.to_string() }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::input_output(error.to_string())
    }
}

/// A defect of ours: one clear line, the rest in a file; then exit code 70. A panic inside a node
/// is the node's, and is told in its run.
pub(crate) fn panicked(info: &PanicHookInfo<'_>) {
    if squall_world::is_in_node() {
        return;
    }
    let mut report = format!("squall {} panicked: {info}\n", env!("CARGO_PKG_VERSION"));
    let args: Vec<_> = std::env::args_os().collect();
    writeln!(report, "arguments: {args:?}").ok();
    writeln!(report, "{}", std::backtrace::Backtrace::force_capture()).ok();
    let path = std::env::temp_dir().join(format!("squall-report-{}.txt", std::process::id()));
    let kept = std::fs::write(&path, report);
    let place = match kept {
        Ok(()) => format!("please report it with {}", path.display()),
        Err(_) => "please report it with this line and your command".to_owned(),
    };
    let what = format!("{info}").split_whitespace().collect::<Vec<_>>().join(" ");
    let mut err = std::io::stderr().lock();
    writeln!(err, "squall: this is a defect of squall, not of a node: {what}; {place}").ok();
    drop(err);
    std::process::exit(i32::from(INTERNAL));
}
