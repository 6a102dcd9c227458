//! Where runs are kept: `store/<workload>/<time>/`, with links to the latest.
//!
//! A run's folder gets its links only when everything in it has been written, so that `latest`
//! never names half a run.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use squall_world::Plan;

use crate::judge::Judged;

/// The folder of all runs.
#[derive(Clone, Debug)]
pub struct Store {
    root: PathBuf,
}

/// Why a run could not be kept.
#[derive(Debug)]
pub enum StoreError {
    /// A folder or file cannot be made: exit 73.
    Create(PathBuf, io::Error),
    /// Writing failed, perhaps since the disk is full: exit 74.
    Write(PathBuf, io::Error),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create(path, error) => {
                write!(
                    f,
                    "cannot create {}: {error}; choose another folder with --store",
                    path.display()
                )
            }
            Self::Write(path, error) => write!(
                f,
                "cannot write {}: {error}; the run was not kept, and latest is as it was",
                path.display()
            ),
        }
    }
}

impl std::error::Error for StoreError {}

/// The folder of one run.
#[derive(Debug)]
pub struct Kept {
    root: PathBuf,
    workload: String,
    /// The folder.
    pub path: PathBuf,
}

impl Store {
    /// A store in this folder, which need not exist yet.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Makes the folder of a new run. `stamp` is its name; a number is added if it is taken.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn begin(&self, workload: &str, stamp: &str) -> Result<Kept, StoreError> {
        let parent = self.root.join(workload);
        fs::create_dir_all(&parent).map_err(|error| StoreError::Create(parent.clone(), error))?;
        for attempt in 0..1_000_u32 {
            let suffix = if attempt == 0 { String::new() } else { format!("-{attempt}") };
            let path = parent.join(format!("{stamp}{suffix}"));
            match fs::create_dir(&path) {
                Ok(()) => {
                    let (root, workload) = (self.root.clone(), workload.to_owned());
                    return Ok(Kept { root, workload, path });
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(StoreError::Create(path, error)),
            }
        }
        let taken = io::Error::from(io::ErrorKind::AlreadyExists);
        Err(StoreError::Create(parent.join(stamp), taken))
    }
}

impl Kept {
    /// A file for the trace.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn trace(&self) -> Result<Box<dyn Write>, StoreError> {
        let path = self.path.join("trace.jsonl");
        let file = File::create(&path).map_err(|error| StoreError::Create(path, error))?;
        Ok(Box::new(BufWriter::with_capacity(1 << 16, file)))
    }

    /// The folder for the logs of nodes; made when first asked for.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn node_logs(&self) -> Result<PathBuf, StoreError> {
        let path = self.path.join("node-logs");
        fs::create_dir_all(&path).map_err(|error| StoreError::Create(path.clone(), error))?;
        Ok(path)
    }

    /// Writes the plan, so that the run can be repeated whatever becomes of it.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn plan(&self, plan: &Plan) -> Result<(), StoreError> {
        self.write("plan.json", &plan.text())
    }

    /// Writes history and results, ends the trace with the verdict, and sets the links.
    ///
    /// # Errors
    /// If something cannot be written; the links are then left as they were.
    pub fn finish(&self, judged: &Judged) -> Result<(), StoreError> {
        let mut edn = String::new();
        for event in &judged.history.events {
            squall_history::formats::edn::write_event(event, &mut edn);
            if !edn.ends_with('\n') {
                edn.push('\n');
            }
        }
        self.write("history.edn", &edn)?;
        self.write("history.txt", &squall_history::text::write(&judged.history))?;
        self.write("results.edn", &format!("{}\n", judged.results.to_edn_pretty().trim_end()))?;
        self.write("results.json", &format!("{}\n", judged.results.to_json()))?;
        self.append("trace.jsonl", &format!("{}\n", judged.line()))?;
        self.link()
    }

    fn append(&self, name: &str, text: &str) -> Result<(), StoreError> {
        let path = self.path.join(name);
        let done = File::options().append(true).open(&path);
        done.and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(|error| StoreError::Write(path, error))
    }

    /// Removes what was written of a run that could not be kept.
    pub fn abandon(&self) {
        fs::remove_dir_all(&self.path).ok();
    }

    fn write(&self, name: &str, text: &str) -> Result<(), StoreError> {
        let path = self.path.join(name);
        fs::write(&path, text).map_err(|error| StoreError::Write(path, error))
    }

    fn link(&self) -> Result<(), StoreError> {
        let name = self.path.file_name().unwrap_or_default();
        let of_workload = Path::new(&self.workload).join(name);
        for (link, target) in [
            (self.root.join(&self.workload).join("latest"), PathBuf::from(name)),
            (self.root.join("latest"), of_workload.clone()),
            (self.root.join("current"), of_workload),
        ] {
            point(&link, &target).map_err(|error| StoreError::Write(link, error))?;
        }
        Ok(())
    }
}

/// Lets `link` name `target`, at once: there is no moment without it.
#[cfg(unix)]
fn point(link: &Path, target: &Path) -> io::Result<()> {
    let mut fresh = link.as_os_str().to_owned();
    fresh.push(format!(".{}", std::process::id()));
    let fresh = PathBuf::from(fresh);
    std::os::unix::fs::symlink(target, &fresh)?;
    fs::rename(&fresh, link).inspect_err(|_| {
        fs::remove_file(&fresh).ok();
    })
}

/// Where there are no links, a file names the run.
#[cfg(not(unix))]
fn point(link: &Path, target: &Path) -> io::Result<()> {
    fs::write(link, target.to_string_lossy().as_bytes())
}
