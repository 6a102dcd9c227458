//! A node that is a process of its own, in any language, and speaks Maelstrom's JSON lines on its
//! stdin and stdout. Wall time only.
//!
//! ```text
//! World's thread                                    the poller's thread
//! ProcessHost::flush ─── write, if the pipe takes it ───▶ stdin   ◀── the rest of the queue
//! ProcessHost::collect ◀── inbox ◀── speech ◀── lines ◀── stdout
//!        ▲                   │                    log ◀── stderr
//!        └──── doorbell ◀────┘                    end ◀── exit
//! ```
//!
//! Nothing that a node prints or does loses the run, blocks another node, or leaves a process:
//!
//! - Every buffer is bounded, and what happens at its bound is told as a finding.
//! - Of the memory that nodes share, a part is each one's own.
//! - Every process leads a group of its own, which is killed as a whole.
//! - What leaves its group lives until the run ends, and is found by a mark that children inherit.
//! - A [`Guard`] does both if squall itself disappears.
//!
//! # What this does not do
//!
//! - It judges no message: names, receivers and bodies are the World's and the workload's matter.
//! - It gives no virtual time, and cannot be cloned.

mod child;
mod poller;

mod lines;
mod speech;
mod stdin;

mod end;
mod language;
mod log;
mod refusal;
mod room;
mod start;

mod guard;
mod linux;
mod mark;

use std::fmt;
use std::hash::{BuildHasher, Hasher};
use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, Signal, getrlimit, setrlimit};
use squall_node::{ActorId, Form, Moment};
use squall_wire::{write_binary, write_line};

use self::child::{Loan, Process};
use self::end::{DEATH, FAULT};
use self::language::Language;
use self::log::Log;
use self::poller::{Poller, READ_BYTES, Shared};
use self::room::Size;
use self::speech::Speaker;
use self::stdin::{Full, Written};
use super::{Host, HostInput, Life, Output, Outputs, Progress};
use crate::wall::Doorbell;

pub use self::guard::{Guard, guard_main};
pub use self::lines::LINE_BYTES_MAX;
pub use self::log::LOG_BYTES_MAX;
pub use self::mark::Births;
pub use self::start::{ProcessSpec, Unstartable};
pub use self::stdin::WRITE_QUEUE_BYTES_MAX;

/// All processes of one run: the thread that reads from them, and the guard over them.
///
/// Dropping it kills every process that is left.
#[derive(Debug)]
pub struct Processes {
    poller: Poller,
    run: Arc<str>,
    births: Births,
    is_over: bool,
}

/// Where a host lives in its World.
#[derive(Clone, Debug)]
pub struct Place {
    /// The actor that lives there.
    pub actor: ActorId,
    /// Its name.
    pub name: Arc<str>,
    /// The bell of the World.
    pub doorbell: Doorbell,
    /// What to ring with: the place that the World gave.
    pub place: usize,
}

/// One node that is a process.
pub struct ProcessHost {
    shared: Arc<Shared>,
    run: Arc<str>,
    births: Births,
    spec: ProcessSpec,
    place: Place,
    speaker: Speaker,
    log: Arc<Mutex<Log>>,
    life: Option<(usize, Arc<Process>)>,
    /// A life that was ended by a fault, and takes its time to die.
    dying: Option<(usize, Arc<Process>)>,
    line: Vec<u8>,
    body: Vec<u8>,
}

impl Processes {
    /// Starts the thread. Without a guard, processes are left behind if this one is killed.
    ///
    /// # Errors
    /// If the system gives no thread or nothing to wait for pipes with.
    pub fn new(mut guard: Option<Guard>, births: Births) -> io::Result<Self> {
        raise_files_max();
        // A random state is the only source of chance in the standard library.
        let chance = std::hash::RandomState::new().build_hasher().finish();
        let run = format!("{:x}-{chance:016x}", std::process::id());
        if let Some(guard) = &mut guard {
            guard.run(&run);
        }
        Ok(Self { poller: Poller::start(guard)?, run: run.into(), births, is_over: false })
    }

    /// A node of these. It is started when its World says so. `log` takes what it prints to
    /// stderr, up to [`LOG_BYTES_MAX`].
    #[must_use]
    pub fn host(&self, spec: ProcessSpec, place: Place, log: Box<dyn Write + Send>) -> ProcessHost {
        self.poller.shared.rooms.admit();
        let language = Language::guess(&spec.program, &spec.args);
        let speaker = Speaker { actor: place.actor, name: Arc::clone(&place.name), language };
        ProcessHost {
            shared: Arc::clone(&self.poller.shared),
            run: Arc::clone(&self.run),
            births: self.births,
            spec,
            place,
            speaker,
            log: Arc::new(Mutex::new(Log::new(log))),
            life: None,
            dying: None,
            line: Vec::new(),
            body: Vec::new(),
        }
    }

    /// The value of `SQUALL_RUN` in the environment of every process of this run.
    #[must_use]
    pub fn run_mark(&self) -> &str {
        &self.run
    }

    /// Kills everything that is left, and says how many processes had left their groups.
    pub fn end(mut self) -> usize {
        self.kill_all()
    }

    fn kill_all(&mut self) -> usize {
        if std::mem::replace(&mut self.is_over, true) {
            return 0;
        }
        let shared = Arc::clone(&self.poller.shared);
        self.poller.stop();
        condemn_all(&shared);
        for (number, process) in shared.all() {
            with_loan(|loan| process.finish(DEATH, loan));
            shared.remove(number);
        }
        let left = shared.sweep(&self.run);
        if let Some(guard) = shared.take_guard() {
            guard.end();
        }
        left
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        self.kill_all();
    }
}

/// So many files are wanted to be open: four for each of a thousand nodes, and some.
const FILES_WANTED: u64 = 8_192;

/// Lifts the soft bound on open files, as far as the hard one allows.
fn raise_files_max() {
    let bounds = getrlimit(Resource::Nofile);
    let Some(current) = bounds.current.filter(|&current| current < FILES_WANTED) else { return };
    let wanted = bounds.maximum.map_or(FILES_WANTED, |maximum| maximum.min(FILES_WANTED));
    let lifted = Rlimit { current: Some(wanted.max(current)), maximum: bounds.maximum };
    // Where it cannot be lifted, a node that finds no room is told as not started.
    setrlimit(Resource::Nofile, lifted).ok();
}

/// All processes die at the same time, so that waiting for each of them takes no time.
fn condemn_all(shared: &Shared) {
    for (_, process) in shared.all() {
        process.condemn();
    }
}

/// Lends what reading the last of a process needs.
fn with_loan<T>(with: impl FnOnce(&mut Loan<'_>) -> T) -> T {
    let (mut buffer, mut outputs) = (vec![0; READ_BYTES], Vec::new());
    with(&mut Loan { now: poller::now(), buffer: &mut buffer, outputs: &mut outputs })
}

impl ProcessHost {
    fn start(&mut self, incarnation: u32, out: &mut Vec<Output>) {
        self.finish(DEATH, out);
        if incarnation == 0
            && let Err(error) = self.spec.empty_data()
        {
            let shown = self.spec.data.display();
            let what = format!("the directory {shown} of the node cannot be made: {error}");
            self.not_started(&Unstartable { what, help: format!("mkdir -p {shown}") }, out);
            return;
        }
        let child = match self.spec.spawn(&self.run, self.births) {
            Ok(child) => child,
            Err(why) => return self.not_started(&why, out),
        };
        let bell = (self.place.doorbell.clone(), self.place.place);
        let (speaker, log) = (self.speaker.clone(), Arc::clone(&self.log));
        let begun = Process::new(child, speaker, bell, log, &self.shared.rooms);
        let added = begun.and_then(|process| {
            let process = Arc::new(process);
            self.shared.add(&process).map(|number| (number, process))
        });
        match added {
            Ok(life) => self.life = Some(life),
            Err(error) => {
                let what = format!("the pipes of the node cannot be waited for: {error}");
                let help = "raise the limit of open files: ulimit -n 8192".to_owned();
                self.not_started(&Unstartable { what, help }, out);
            }
        }
    }

    fn not_started(&self, why: &Unstartable, out: &mut Vec<Output>) {
        out.push(self.speaker.finding("SQ09", String::new(), why.what.clone(), &why.help));
        out.push(Output::Exit { actor: self.place.actor, status: "not started".to_owned() });
    }

    /// Ends the current life, if there is one, and waits so long for the end of it and of the one
    /// before. What was said before counts.
    fn finish(&mut self, patience: Duration, out: &mut Vec<Output>) {
        let lives = [self.dying.take(), self.life.take()];
        for (number, process) in lives.into_iter().flatten() {
            let is_dead = with_loan(|loan| process.finish(patience, loan));
            process.collect(out);
            if is_dead {
                self.shared.remove(number);
            } else {
                self.dying = Some((number, process));
            }
        }
    }

    fn say(&mut self, input: HostInput<'_>, out: &mut Outputs) {
        let HostInput::Message { envelope, name, src, .. } = input else { return };
        let Some((_, process)) = &self.life else {
            out.stale = true;
            return;
        };
        self.line.clear();
        let body: &[u8] = match envelope.form {
            Form::Json => &envelope.body,
            Form::Binary => {
                self.body.clear();
                let ids = (envelope.msg_id, envelope.in_reply_to);
                write_binary(&mut self.body, name, ids.0, ids.1, &envelope.body);
                &self.body
            }
        };
        write_line(&mut self.line, envelope.id, src, &self.place.name, body);
        if let Written::FirstDropped(full, waiting) = process.say(&self.line, name == "init") {
            let (waiting, size) = (Size(waiting), Size(self.line.len()));
            let what = match full {
                Full::Queue => format!(
                    "the process does not read its stdin: {waiting} wait, and what comes now is \
                     dropped"
                ),
                Full::Room => format!(
                    "a message of {size} is dropped, and more may be: {waiting} wait for the \
                     process, and what other nodes do not read leaves no room beside it"
                ),
            };
            let help = "read stdin in a loop, also while an answer is being worked on";
            out.list.push(self.speaker.finding("SQ07", String::new(), what, help));
        }
    }

    fn progress(&self) -> Progress {
        if self.life.is_some() { Progress::Busy } else { Progress::Quiescent }
    }
}

impl Host for ProcessHost {
    fn step(&mut self, _at: Moment, input: HostInput<'_>, out: &mut Outputs) -> Progress {
        self.say(input, out);
        self.progress()
    }

    fn flush(&mut self) {
        if let Some((_, process)) = &self.life {
            process.flush();
        }
    }

    fn collect(&mut self, _at: Moment, out: &mut Outputs) -> Progress {
        if let Some((number, process)) = &self.life
            && process.collect(&mut out.list)
        {
            self.shared.resume(*number);
        }
        self.progress()
    }

    fn life(&mut self, _at: Moment, _: ActorId, change: Life, out: &mut Outputs) -> Progress {
        match (change, &self.life) {
            (Life::Start { incarnation, key: _ }, _) => self.start(incarnation, &mut out.list),
            (Life::Kill { power: _ }, _) => {
                self.finish(FAULT, &mut out.list);
                // Whoever is killed does not end by itself, even if it was about to.
                out.list.retain(|output| !matches!(output, Output::Exit { .. }));
            }
            (Life::Pause, Some((_, process))) => process.signal(Signal::STOP),
            (Life::Resume, Some((_, process))) => process.signal(Signal::CONT),
            (Life::CloseInput, Some((_, process))) => process.close_input(),
            (Life::Pause | Life::Resume | Life::CloseInput, None) => {}
            (Life::End, _) => {
                condemn_all(&self.shared);
                self.finish(DEATH, &mut out.list);
                // Nobody hears messages any more; what was wrong still counts.
                out.list.retain(|output| matches!(output, Output::Line(_)));
            }
        }
        self.progress()
    }

    fn fork(&self) -> Option<Box<dyn Host>> {
        None
    }
}

impl Drop for ProcessHost {
    fn drop(&mut self) {
        self.finish(DEATH, &mut Vec::new());
    }
}

impl fmt::Debug for ProcessHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProcessHost").field("spec", &self.spec).finish_non_exhaustive()
    }
}
