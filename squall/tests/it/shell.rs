//! A folder of its own, in which the binary is run as a user would.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;

/// The binary.
pub(crate) const SQUALL: &str = env!("CARGO_BIN_EXE_squall");

/// The last lines of reports.
pub(crate) const HELD: &str = "Everything looks good! ヽ(‘ー`)ノ";
pub(crate) const BROKEN: &str = "Analysis invalid! (ﾉಥ益ಥ）ﾉ ┻━┻";
pub(crate) const UNKNOWN: &str = "Errors occurred during analysis, but no anomalies found. ಠ~ಠ";

/// A folder that goes with its owner.
#[derive(Debug)]
pub(crate) struct Shell(PathBuf);

impl Shell {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("squall-shell-{}-{count}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self, inside: &str) -> PathBuf {
        self.0.join(inside)
    }

    pub(crate) fn read(&self, inside: &str) -> String {
        let path = self.path(inside);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// A command with the words of this line; words with blanks are added by the caller.
    pub(crate) fn command(&self, line: &str) -> Command {
        let mut command = Command::new(SQUALL);
        command.args(line.split_whitespace()).current_dir(&self.0).stdin(Stdio::null());
        // Whatever it leaves behind goes with the folder.
        command.env("TMPDIR", &self.0);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("SQUALL_") {
                command.env_remove(name);
            }
        }
        command
    }

    pub(crate) fn run(&self, line: &str) -> Ended {
        Ended::of(line, self.command(line).output().unwrap())
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

/// What a command came to.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) line: String,
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ended {
    pub(crate) fn of(line: &str, output: Output) -> Self {
        Self {
            line: line.to_owned(),
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// It ended with this code.
    #[track_caller]
    pub(crate) fn assert_code(&self, code: i32) -> &Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    /// Its output ends with this line.
    #[track_caller]
    pub(crate) fn assert_closing(&self, closing: &str) -> &Self {
        assert_eq!(self.out.lines().last(), Some(closing), "{self:#?}");
        self
    }

    /// Its output says this.
    #[track_caller]
    pub(crate) fn assert_says(&self, text: &str) -> &Self {
        assert!(self.out.contains(text), "{text:?} is not in {self:#?}");
        self
    }

    /// The JSON lines that it printed, and nothing else.
    #[track_caller]
    pub(crate) fn json(&self) -> Vec<Value> {
        let read = |line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {self:#?}"));
        self.out.lines().map(read).collect()
    }

    /// Its last line, which is the verdict.
    #[track_caller]
    pub(crate) fn verdict(&self) -> Value {
        let last = self.json().pop().unwrap_or_else(|| panic!("no line: {self:#?}"));
        assert_eq!(last["type"], "verdict", "{self:#?}");
        assert_eq!(last["exit"].as_i64(), self.code.map(i64::from), "{self:#?}");
        last
    }
}

/// The file in the repository.
pub(crate) fn repository(inside: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(inside)
}
