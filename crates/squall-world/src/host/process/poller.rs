//! One thread that waits for all pipes of all process nodes.
//!
//! It is the only thread of this crate. It decides nothing: it reads, cuts lines and parses them,
//! and rings the World, whose loop takes what was heard in its own time.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use mio::event::Event;
use mio::{Events, Poll, Registry, Token, Waker};

use super::child::{Loan, Part, Process, Turn, lock};
use super::guard::{Guard, sweep};
use super::room::Rooms;
use crate::host::Output;
use rustix::process::Pid;

/// So much is read at a time: what a pipe holds.
pub(super) const READ_BYTES: usize = 1 << 16;
/// So often it is looked after what no pipe tells.
const LOOK: Duration = Duration::from_millis(50);
const WAKE: Token = Token(usize::MAX);

/// What the World's thread and the poller's thread share.
#[derive(Debug)]
pub(super) struct Shared {
    registry: Registry,
    waker: Waker,
    processes: Mutex<BTreeMap<usize, Arc<Process>>>,
    /// All groups there ever were.
    groups: Mutex<Vec<Pid>>,
    /// Processes whose inbox was full and has been taken.
    resumed: Mutex<Vec<usize>>,
    next: AtomicUsize,
    is_over: AtomicBool,
    guard: Mutex<Option<Guard>>,
    pub(super) rooms: Rooms,
}

/// The thread.
#[derive(Debug)]
pub(super) struct Poller {
    pub(super) shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Poller {
    pub(super) fn start(guard: Option<Guard>) -> io::Result<Self> {
        let poll = Poll::new()?;
        let shared = Arc::new(Shared {
            registry: poll.registry().try_clone()?,
            waker: Waker::new(poll.registry(), WAKE)?,
            processes: Mutex::default(),
            groups: Mutex::default(),
            resumed: Mutex::default(),
            next: AtomicUsize::new(0),
            is_over: AtomicBool::new(false),
            guard: Mutex::new(guard),
            rooms: Rooms::new(),
        });
        let of_thread = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("pipes".to_owned())
            .spawn(move || Loop::new(of_thread).run(poll))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Ends the thread.
    pub(super) fn stop(&mut self) {
        self.shared.is_over.store(true, Ordering::Release);
        // The thread looks at the flag from time to time even if it is not woken.
        self.shared.waker.wake().ok();
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was printed where it happened.
            thread.join().ok();
        }
    }
}

impl Shared {
    /// Takes a process in; the number is its name here.
    pub(super) fn add(&self, process: &Arc<Process>) -> io::Result<usize> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let group = process.group();
        lock(&self.groups).push(group);
        if let Some(guard) = &mut *lock(&self.guard) {
            guard.begun(group);
        }
        lock(&self.processes).insert(number, Arc::clone(process));
        let registered = process.register(&self.registry, number * Part::ALL.len());
        if registered.is_err() {
            self.remove(number);
        }
        registered.map(|()| number)
    }

    /// A process is dead.
    pub(super) fn remove(&self, number: usize) {
        let removed = lock(&self.processes).remove(&number);
        if let (Some(process), Some(guard)) = (removed, &mut *lock(&self.guard)) {
            guard.gone(process.group());
        }
    }

    /// Kills what has left its group, and says how many processes there were.
    pub(super) fn sweep(&self, run: &str) -> usize {
        sweep(run, &lock(&self.groups))
    }

    /// Takes the guard out of service.
    pub(super) fn take_guard(&self) -> Option<Guard> {
        lock(&self.guard).take()
    }

    /// The inbox of this process was full, and is not any more.
    pub(super) fn resume(&self, number: usize) {
        lock(&self.resumed).push(number);
        self.waker.wake().ok();
    }

    /// All processes that live.
    pub(super) fn all(&self) -> Vec<(usize, Arc<Process>)> {
        let processes = lock(&self.processes);
        processes.iter().map(|(&number, process)| (number, Arc::clone(process))).collect()
    }

    fn get(&self, number: usize) -> Option<Arc<Process>> {
        lock(&self.processes).get(&number).cloned()
    }
}

/// What the thread has of its own.
struct Loop {
    shared: Arc<Shared>,
    buffer: Vec<u8>,
    outputs: Vec<Output>,
    /// What may have more to read, without a new event.
    ready: BTreeSet<(usize, Part)>,
}

impl Loop {
    fn new(shared: Arc<Shared>) -> Self {
        let (outputs, ready) = (Vec::new(), BTreeSet::new());
        Self { shared, buffer: vec![0; READ_BYTES], outputs, ready }
    }

    fn run(mut self, mut poll: Poll) {
        let mut events = Events::with_capacity(256);
        let mut looked = now();
        while !self.shared.is_over.load(Ordering::Acquire) {
            let wait = if self.ready.is_empty() { LOOK } else { Duration::ZERO };
            if let Err(error) = poll.poll(&mut events, Some(wait))
                && error.kind() != io::ErrorKind::Interrupted
            {
                // No cause for this is known. Reading everything now and then still goes on.
                std::thread::sleep(LOOK);
                self.ready.extend(self.everything());
            }
            for event in &events {
                self.note(event);
            }
            let now = now();
            for (number, part) in std::mem::take(&mut self.ready) {
                if self.turn(number, part, now) == Turn::More {
                    self.ready.insert((number, part));
                }
            }
            if now.duration_since(looked) >= LOOK {
                looked = now;
                self.look(now);
            }
        }
    }

    fn note(&mut self, event: &Event) {
        let token = event.token();
        if token == WAKE {
            let resumed = std::mem::take(&mut *lock(&self.shared.resumed));
            self.ready.extend(resumed.into_iter().map(|number| (number, Part::Stdout)));
            return;
        }
        let parts = Part::ALL.len();
        let (number, part) = (token.0 / parts, Part::ALL[token.0 % parts]);
        self.ready.insert((number, part));
        let is_hung_up = event.is_read_closed() || event.is_write_closed();
        if is_hung_up && let Some(process) = self.shared.get(number) {
            process.hang_up(part);
        }
    }

    /// One turn of one pipe, so that none waits for another for long.
    fn turn(&mut self, number: usize, part: Part, now: Instant) -> Turn {
        let Some(process) = self.shared.get(number) else { return Turn::Dry };
        let mut loan = self.loan(now);
        match part {
            Part::Stdin => {
                lock(&process.stdin).drain();
                Turn::Dry
            }
            Part::Stdout => process.read_stdout(&mut loan),
            Part::Stderr => process.read_stderr(&mut loan),
            Part::End => {
                if process.ended(&mut loan) {
                    self.shared.remove(number);
                }
                Turn::Dry
            }
        }
    }

    fn look(&mut self, now: Instant) {
        for (number, process) in self.shared.all() {
            process.look(&mut self.loan(now));
            // Where the end of a process is no event, it is looked for.
            if process.ended(&mut self.loan(now)) {
                self.shared.remove(number);
            }
        }
    }

    fn loan(&mut self, now: Instant) -> Loan<'_> {
        Loan { now, buffer: &mut self.buffer, outputs: &mut self.outputs }
    }

    fn everything(&self) -> Vec<(usize, Part)> {
        let all = self.shared.all();
        all.iter().flat_map(|&(number, _)| Part::ALL.map(|part| (number, part))).collect()
    }
}

/// Wall time, for pauses and rates at pipes. What the World calls time never comes from here.
#[allow(clippy::disallowed_methods, reason = "how long a pipe has been quiet is wall time")]
pub(super) fn now() -> Instant {
    Instant::now()
}
