//! How a process is started, and why one is not.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::Pid;

use super::language::{Language, first_line};
use super::mark::{Births, Mark, RUN_VARIABLE};
use super::refusal::refused;

/// A node that is a program of its own.
#[derive(Clone, Debug)]
pub struct ProcessSpec {
    /// The program. A relative path counts from the directory of this process.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Where it runs; the system's directory for temporary files if there is none.
    pub directory: Option<PathBuf>,
    /// Its own directory, told to it as `SQUALL_DATA`. It is emptied when the run begins, and kept
    /// when the node starts again.
    pub data: PathBuf,
    /// The seed of the run, told to it as `SQUALL_SEED`.
    pub seed: u64,
    /// Further variables of its environment, which otherwise is the one of this process.
    pub env: Vec<(OsString, OsString)>,
}

/// Why a program cannot be started, and the command that mends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unstartable {
    /// What is wrong.
    pub what: String,
    /// What to do: a command, where there is one.
    pub help: String,
}

/// A program that was replaced or is being written is tried so many times.
const BUSY_TRIES: u32 = 20;
const BUSY_PAUSE: Duration = Duration::from_millis(10);

impl ProcessSpec {
    /// Looks whether the program can be started, without starting it.
    ///
    /// # Errors
    /// If it does not exist, is empty or not executable, or if its interpreter or its directory
    /// does not exist.
    pub fn check(&self) -> Result<(), Unstartable> {
        if let Some(directory) = &self.directory {
            check_directory(directory)?;
        }
        let program = self.resolved();
        let shown = self.program.display();
        let found = fs::metadata(&program).map_err(|error| missing(&self.program, &error))?;
        if found.is_dir() {
            let inside = the_program_in(&program).unwrap_or_else(|| "PROGRAM".to_owned());
            return Err(Unstartable {
                what: format!("{shown} is a directory, not a program"),
                help: format!("--bin {}", self.program.join(inside).display()),
            });
        }
        if !found.is_file() {
            return Err(Unstartable {
                what: format!("{shown} is a device or a pipe, not a program"),
                help: "--bin FILE, where FILE is a program or a script".to_owned(),
            });
        }
        if found.len() == 0 {
            return Err(Unstartable {
                what: format!("{shown} is empty: there is no program in it"),
                help: format!("write or build the program, then see what is there: ls -l {shown}"),
            });
        }
        if found.permissions().mode() & 0o111 == 0 {
            return Err(Unstartable {
                what: format!("{shown} is not executable"),
                help: format!("chmod +x {shown}"),
            });
        }
        match first_line(&program) {
            Some(line) if line.starts_with("#!") => check_interpreter(&self.program, &line),
            Some(_) | None => Ok(()),
        }
    }

    /// How to end a line and send it at once in the language of the node, if that can be guessed:
    /// `print(…, flush=True)`.
    #[must_use]
    pub fn how_to_flush(&self) -> Option<&'static str> {
        Language::guess(&self.program, &self.args).print_a_line()
    }

    /// Empties the directory of the node.
    pub(super) fn empty_data(&self) -> io::Result<()> {
        match fs::remove_dir_all(&self.data) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        fs::create_dir_all(&self.data)
    }

    /// Starts it as the leader of a process group of its own.
    pub(super) fn spawn(&self, run: &str, births: Births) -> Result<Child, Unstartable> {
        self.check()?;
        let mut command = Command::new(self.resolved());
        command
            .args(&self.args)
            .current_dir(self.directory.clone().unwrap_or_else(std::env::temp_dir))
            .env("SQUALL", "1")
            .env("SQUALL_SEED", format!("{:#x}", self.seed))
            .env("SQUALL_DATA", absolute(&self.data))
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .env(RUN_VARIABLE, run)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        let mark = Mark::of(run);
        let mut tries = 1;
        loop {
            let started = match births {
                Births::Alone => mark.start(|| command.spawn()),
                Births::AmongOthers => command.spawn(),
            };
            match started {
                Ok(child) => {
                    mark.put_on(Pid::from_child(&child));
                    return Ok(child);
                }
                Err(error)
                    if error.kind() == io::ErrorKind::ExecutableFileBusy && tries < BUSY_TRIES =>
                {
                    tries += 1;
                    std::thread::sleep(BUSY_PAUSE);
                }
                Err(error) => return Err(self.refused(&error)),
            }
        }
    }

    /// The system refused what looked startable.
    fn refused(&self, error: &io::Error) -> Unstartable {
        let language = Language::guess(&self.program, &self.args);
        let args: Vec<_> = self.args.iter().map(|arg| arg.to_string_lossy()).collect();
        refused((&self.program, &self.resolved()), (language, &args.join(" ")), error)
    }

    fn resolved(&self) -> PathBuf {
        absolute(&self.program)
    }
}

/// The process runs in another directory, where a relative path means something else.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// What a program runs in must be there before it: the system says the same of both.
fn check_directory(directory: &Path) -> Result<(), Unstartable> {
    let shown = directory.display();
    let (what, help) = match fs::metadata(directory) {
        Ok(found) if found.is_dir() => return Ok(()),
        Ok(_) => ("is no directory".to_owned(), format!("ls -ld {shown}")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            ("does not exist".to_owned(), format!("mkdir -p {shown}"))
        }
        Err(error) => (format!("cannot be looked at: {error}"), format!("ls -ld {shown}")),
    };
    Err(Unstartable { what: format!("the working directory of the nodes, {shown}, {what}"), help })
}

/// The interpreter that the first line of a script names must exist.
fn check_interpreter(program: &Path, line: &str) -> Result<(), Unstartable> {
    let shown = program.display();
    if line.ends_with('\r') {
        return Err(Unstartable {
            what: format!("the first line of {shown} ends with a carriage return, as on Windows"),
            help: format!("sed -i 's/\\r$//' {shown}"),
        });
    }
    let mut words = line.trim_start_matches("#!").split_whitespace();
    let interpreter = words.next().unwrap_or_default();
    let asked = words.find(|word| !word.starts_with('-') && !word.contains('='));
    let is_missing = if interpreter.ends_with("/env") && Path::new(interpreter).exists() {
        asked.is_some_and(|name| in_path(name).is_none())
    } else {
        !Path::new(interpreter).exists()
    };
    if !is_missing {
        return Ok(());
    }
    let wanted = if interpreter.ends_with("/env") { asked } else { None };
    let wanted = wanted.unwrap_or(interpreter);
    let name = wanted.rsplit('/').next().unwrap_or(wanted);
    let what = format!("{shown} wants the interpreter {wanted}, which is not there");
    // Another version of it may do: python3.12 → python3.
    let plain = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    let newest = format!("{plain}3");
    let near = [name, &newest, plain].into_iter().find(|name| in_path(name).is_some());
    let help = match near {
        Some(near) => format!("sed -i '1c #!/usr/bin/env {near}' {shown}"),
        None => format!("install {name}, or name another interpreter in the first line of {shown}"),
    };
    Err(Unstartable { what, help })
}

fn in_path(name: &str) -> Option<PathBuf> {
    if name.contains('/') {
        return Some(PathBuf::from(name)).filter(|path| path.exists());
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// A file that does not exist, and the one that was probably meant.
fn missing(program: &Path, error: &io::Error) -> Unstartable {
    let shown = program.display();
    let what = match error.kind() {
        io::ErrorKind::NotFound => format!("{shown} does not exist"),
        _ => format!("{shown} cannot be looked at: {error}"),
    };
    let folder = match program.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        Some(_) | None => Path::new("."),
    };
    let wanted = program.file_stem().unwrap_or_default().as_bytes().to_ascii_lowercase();
    let is_near = |name: &OsString| {
        let stem = Path::new(name).file_stem().unwrap_or_default().as_bytes().to_ascii_lowercase();
        stem == wanted || (wanted.len() > 3 && stem.starts_with(&wanted[..wanted.len() - 1]))
    };
    let names = fs::read_dir(folder).into_iter().flatten().flatten().map(|file| file.file_name());
    let near = names.filter(is_near).min();
    let help = match near {
        Some(near) => format!("--bin {}", folder.join(near).display()),
        // A bare name was looked for elsewhere, too.
        None if folder == Path::new(".") && !program.starts_with(".") => {
            format!("give the file with its folder, such as --bin ./{shown}, or install {shown}")
        }
        None => {
            let there = folder.ancestors().find(|folder| folder.is_dir());
            format!("ls {}", there.unwrap_or(Path::new(".")).display())
        }
    };
    Unstartable { what, help }
}

/// The only executable file in a directory that not just anybody may write to.
fn the_program_in(folder: &Path) -> Option<String> {
    if fs::metadata(folder).ok()?.permissions().mode() & 0o002 != 0 {
        return None;
    }
    let files = fs::read_dir(folder).ok()?.flatten();
    let is_executable = |file: &fs::DirEntry| {
        file.metadata()
            .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
    };
    let mut programs = files.filter(is_executable);
    let only = programs.next()?;
    programs.next().is_none().then(|| only.file_name().to_string_lossy().into_owned())
}
