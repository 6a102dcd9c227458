//! The files that the rules look at: those of this repository, or a sample in memory.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::source::Source;

/// Paths with `/`, relative to the root, and what the files hold.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tree {
    files: BTreeMap<String, File>,
    sources: OnceCell<Vec<Source>>,
}

#[derive(Clone, Debug)]
struct File {
    /// Empty if the file is no text.
    text: String,
    executable: bool,
}

/// A place where a rule is not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// The file or folder; exceptions name it.
    pub(crate) path: String,
    /// The line from 1, if there is one.
    pub(crate) line: Option<usize>,
    /// A sentence of what is wrong and what to do.
    pub(crate) text: String,
    /// How much it weighs against an exception: 1, or the size that is too large.
    pub(crate) amount: usize,
}

impl Finding {
    /// About a file as a whole.
    pub(crate) fn about(path: &str, text: impl Into<String>) -> Self {
        Self { path: path.into(), line: None, text: text.into(), amount: 1 }
    }

    /// About a line, from 1.
    pub(crate) fn at(path: &str, line: usize, text: impl Into<String>) -> Self {
        Self { line: Some(line), ..Self::about(path, text) }
    }

    /// With another weight.
    pub(crate) fn with_amount(self, amount: usize) -> Self {
        Self { amount, ..self }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.path, self.text),
            None => write!(f, "{}: {}", self.path, self.text),
        }
    }
}

impl Tree {
    /// Everything that is or would be committed here.
    pub(crate) fn of_this_repository() -> Self {
        let root = xtask::root();
        let mut tree = Self::default();
        for path in committed(&root).unwrap_or_else(|| walked(&root)) {
            let full = root.join(&path);
            // A file that was deleted and not yet committed is still listed.
            let Ok(bytes) = fs::read(&full) else { continue };
            let text = String::from_utf8(bytes).unwrap_or_default();
            tree.files.insert(path, File { text, executable: is_executable(&full) });
        }
        assert!(tree.files.contains_key("Cargo.toml"), "{} is not the root", root.display());
        tree
    }

    /// Adds or replaces a file.
    pub(crate) fn write(&mut self, path: &str, text: &str) {
        let executable = text.starts_with("#!");
        self.files.insert(path.into(), File { text: text.into(), executable });
        self.sources.take();
    }

    /// The text of a file.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(|file| file.text.as_str())
    }

    /// Whether the file may be executed.
    pub(crate) fn is_executable(&self, path: &str) -> bool {
        self.files.get(path).is_some_and(|file| file.executable)
    }

    /// Whether a file, or a folder with files, has this path.
    pub(crate) fn has(&self, path: &str) -> bool {
        let folder = format!("{}/", path.trim_end_matches('/'));
        self.files.contains_key(path) || self.files.keys().any(|file| file.starts_with(&folder))
    }

    /// All files, by path.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().map(|(path, file)| (path.as_str(), file.text.as_str()))
    }

    /// All Rust files, taken apart.
    pub(crate) fn sources(&self) -> &[Source] {
        self.sources.get_or_init(|| {
            let rust = self.files().filter(|(path, _)| path.ends_with(".rs"));
            let mut sources = rust.map(|(path, text)| Source::new(path, text)).collect::<Vec<_>>();
            let tests = sources.iter().flat_map(Source::modules_of_tests).collect::<Vec<_>>();
            for source in &mut sources {
                source.is_test |= tests.iter().any(|module| module.holds(&source.path));
            }
            sources
        })
    }
}

fn committed(root: &Path) -> Option<Vec<String>> {
    let mut git = Command::new("git");
    git.arg("-C").arg(root).args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let listed = git.output().ok().filter(|output| output.status.success())?;
    let paths = String::from_utf8(listed.stdout).ok()?;
    let paths = paths.split('\0').filter(|path| !path.is_empty()).map(String::from);
    Some(paths.collect::<Vec<_>>()).filter(|paths| !paths.is_empty())
}

/// Without git, for example in an archive of the sources: every file that no build made.
fn walked(root: &Path) -> Vec<String> {
    let mut paths = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(root.join(&folder)) else { continue };
        for entry in entries.flatten() {
            let path = folder.join(entry.file_name());
            let name = entry.file_name();
            if [".git", "target", "store", "__pycache__"].iter().any(|made| name == *made) {
                continue;
            }
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(path),
                _ => paths.push(path.to_string_lossy().replace('\\', "/")),
            }
        }
    }
    paths
}

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).is_ok_and(|found| found.permissions().mode() & 0o100 != 0)
}

/// Where files have no such mark, nothing can be wrong with it.
#[cfg(not(unix))]
fn is_executable(_path: &Path) -> bool {
    true
}
