//! One life of a process node: three pipes and an inbox. The World's thread writes and takes the
//! inbox, the poller's thread reads.
//!
//! Locks are taken in the order end, stdin, stdout, stderr, log, inbox, and none is held while
//! waiting for a pipe.

use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::process::Child;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use mio::unix::SourceFd;
use mio::unix::pipe::{Receiver, Sender};
use mio::{Interest, Registry, Token};

use super::end::End;
use super::lines::{LINE_BYTES_MAX, Lines};
use super::log::{Log, Stderr};
use super::room::Rooms;
use super::speech::{Speaker, Speech};
use super::stdin::{Stdin, Written};
use crate::host::Output;
use crate::wall::Doorbell;

/// A process whose host holds so many outputs is not read from until they are taken.
const INBOX_OUTPUTS_MAX: usize = 1_024;
/// The same for bytes of messages.
const INBOX_BYTES_MAX: usize = 1 << 20;
/// What has no newline for so long, and is a message, is taken as one.
const QUIET: Duration = Duration::from_millis(200);
/// A pipe that has been closed for so long by a process that lives was closed on purpose.
const CLOSED: Duration = Duration::from_millis(150);

/// One life of a process.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) speaker: Speaker,
    pub(super) end: Mutex<End>,
    pub(super) stdin: Mutex<Stdin>,
    pub(super) stdout: Mutex<Stdout>,
    pub(super) stderr: Mutex<(Mouth, Stderr)>,
    pub(super) log: Arc<Mutex<Log>>,
    inbox: Mutex<Inbox>,
    bell: (Doorbell, usize),
}

/// An end of a pipe that is read from.
#[derive(Debug)]
pub(super) struct Mouth {
    pipe: Option<Receiver>,
    /// Whether nobody can write any more; what is in the pipe is still to be read.
    is_hung_up: bool,
    closed: Closed,
}

#[derive(Debug)]
pub(super) struct Stdout {
    pub(super) mouth: Mouth,
    pub(super) lines: Lines,
    pub(super) speech: Speech,
    /// Since when nothing has been added to a line that has begun, and whether it was looked at.
    quiet: Option<(Instant, bool)>,
}

/// Whether a process has closed a pipe, and whether that was told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Closed {
    #[default]
    No,
    Since(Instant),
    Told,
}

/// What waits for the World's thread.
#[derive(Debug, Default)]
struct Inbox {
    outputs: Vec<Output>,
    bytes: usize,
    has_rung: bool,
    is_full: bool,
}

/// What a turn of reading came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// There may be more.
    More,
    /// The pipe is empty or closed, or the inbox is full.
    Dry,
}

/// What is lent for a turn.
#[derive(Debug)]
pub(super) struct Loan<'a> {
    pub(super) now: Instant,
    pub(super) buffer: &'a mut [u8],
    /// Empty before and after each turn.
    pub(super) outputs: &'a mut Vec<Output>,
}

/// The parts of a process that the poller waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    Stdin,
    Stdout,
    Stderr,
    End,
}

impl Part {
    pub(super) const ALL: [Self; 4] = [Self::Stdin, Self::Stdout, Self::Stderr, Self::End];
}

impl Process {
    /// The life of a child that was just started with three pipes.
    pub(super) fn new(
        mut child: Child,
        speaker: Speaker,
        bell: (Doorbell, usize),
        log: Arc<Mutex<Log>>,
        rooms: &Rooms,
    ) -> io::Result<Self> {
        let missing = || io::Error::other("the process has no pipe");
        let (stdin, stdout, stderr) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take());
        // From here on the process is killed if anything fails.
        let end = End::new(child);
        let stdin = Sender::from(stdin.ok_or_else(missing)?);
        let stdout = Receiver::from(stdout.ok_or_else(missing)?);
        let stderr = Receiver::from(stderr.ok_or_else(missing)?);
        stdin.set_nonblocking(true)?;
        stdout.set_nonblocking(true)?;
        stderr.set_nonblocking(true)?;
        let stdout = Stdout {
            mouth: Mouth::new(stdout),
            lines: Lines::new(rooms.lines.share(), LINE_BYTES_MAX),
            speech: Speech::new(speaker.clone()),
            quiet: None,
        };
        Ok(Self {
            speaker,
            end: Mutex::new(end),
            stdin: Mutex::new(Stdin::new(stdin, rooms.writes.share())),
            stdout: Mutex::new(stdout),
            stderr: Mutex::new((Mouth::new(stderr), Stderr::new(rooms.lines.share()))),
            log,
            inbox: Mutex::default(),
            bell,
        })
    }

    /// Lets the poller wait for this process under four tokens from `first` on.
    pub(super) fn register(&self, registry: &Registry, first: usize) -> io::Result<()> {
        let token = |part: Part| Token(first + part as usize);
        let (readable, writable) = (Interest::READABLE, Interest::WRITABLE);
        if let Some(handle) = &lock(&self.end).handle {
            registry.register(&mut SourceFd(&handle.as_raw_fd()), token(Part::End), readable)?;
        }
        if let Some(pipe) = lock(&self.stdin).pipe() {
            registry.register(pipe, token(Part::Stdin), writable)?;
        }
        if let Some(pipe) = &mut lock(&self.stdout).mouth.pipe {
            registry.register(pipe, token(Part::Stdout), readable)?;
        }
        if let Some(pipe) = &mut lock(&self.stderr).0.pipe {
            registry.register(pipe, token(Part::Stderr), readable)?;
        }
        Ok(())
    }

    /// Takes a line for the process, newline included.
    pub(super) fn say(&self, line: &[u8], is_init: bool) -> Written {
        lock(&self.stdin).say(line, is_init)
    }

    /// Writes the lines that were taken.
    pub(super) fn flush(&self) {
        lock(&self.stdin).flush();
    }

    /// Moves everything that was heard to `out`. Says whether reading was paused for that.
    pub(super) fn collect(&self, out: &mut Vec<Output>) -> bool {
        let mut inbox = lock(&self.inbox);
        out.append(&mut inbox.outputs);
        inbox.bytes = 0;
        inbox.has_rung = false;
        std::mem::take(&mut inbox.is_full)
    }

    /// Hands outputs to the World's thread.
    pub(super) fn tell(&self, outputs: &mut Vec<Output>, bytes: usize) {
        if outputs.is_empty() {
            return;
        }
        let mut inbox = lock(&self.inbox);
        inbox.outputs.append(outputs);
        inbox.bytes += bytes;
        if !std::mem::replace(&mut inbox.has_rung, true) {
            self.bell.0.ring(self.bell.1);
        }
    }

    /// Reads once from stdout.
    pub(super) fn read_stdout(&self, loan: &mut Loan<'_>) -> Turn {
        if self.is_full() {
            return Turn::Dry;
        }
        let mut stdout = lock(&self.stdout);
        let (read, turn) = stdout.mouth.read(loan);
        stdout.hear(read, loan);
        drop(stdout);
        self.tell(loan.outputs, read);
        turn
    }

    /// Reads once from stderr.
    pub(super) fn read_stderr(&self, loan: &mut Loan<'_>) -> Turn {
        let (mouth, stderr) = &mut *lock(&self.stderr);
        let (read, turn) = mouth.read(loan);
        let mut log = lock(&self.log);
        let with = (&mut *log, &self.speaker);
        stderr.feed(&loan.buffer[..read], loan.now, with, loan.outputs);
        drop(log);
        self.tell(loan.outputs, 0);
        turn
    }

    /// Looks after what no pipe tells: lines without newline, and pipes that were closed.
    pub(super) fn look(&self, loan: &mut Loan<'_>) {
        let now = loan.now;
        let is_refused = lock(&self.stdin).is_refused(now, CLOSED);
        let mut stdout = lock(&self.stdout);
        stdout.look(loan);
        let is_mute = stdout.mouth.is_closed_since(now);
        drop(stdout);
        let is_silent = lock(&self.stderr).0.is_closed_since(now);
        if is_mute {
            let what = "the process closed its stdout and lives: nothing more will come from it";
            let help = "keep stdout open; a library that redirects it may have closed it";
            loan.outputs.push(self.speaker.finding("SQ07", String::new(), what.to_owned(), help));
        }
        if is_refused {
            let what = "the process closed its stdin and lives: nothing more will reach it";
            let help = "read stdin in a loop until it ends";
            loan.outputs.push(self.speaker.finding("SQ07", String::new(), what.to_owned(), help));
        }
        if is_silent {
            let text = "(the process closed its stderr)".to_owned();
            loan.outputs.push(self.speaker.remark(text));
        }
        self.tell(loan.outputs, 0);
    }

    /// Nobody holds the other end of a pipe any more.
    pub(super) fn hang_up(&self, part: Part) {
        match part {
            Part::Stdout => lock(&self.stdout).mouth.is_hung_up = true,
            Part::Stderr => lock(&self.stderr).0.is_hung_up = true,
            Part::Stdin => lock(&self.stdin).refuse(),
            Part::End => {}
        }
    }

    fn is_full(&self) -> bool {
        let mut inbox = lock(&self.inbox);
        inbox.is_full = inbox.outputs.len() >= INBOX_OUTPUTS_MAX || inbox.bytes >= INBOX_BYTES_MAX;
        inbox.is_full
    }
}

impl Stdout {
    /// Understands what was read.
    pub(super) fn hear(&mut self, read: usize, loan: &mut Loan<'_>) {
        if read > 0 {
            self.quiet = None;
        }
        let (speech, outputs) = (&mut self.speech, &mut *loan.outputs);
        self.lines.feed(&loan.buffer[..read], &mut |piece, no| {
            speech.hear(piece, no, outputs);
        });
    }

    /// Takes a message whose newline does not come.
    fn look(&mut self, loan: &mut Loan<'_>) {
        if self.lines.partial().is_empty() {
            return;
        }
        let (since, was_tried) = self.quiet.get_or_insert((loan.now, false));
        if !*was_tried && loan.now.duration_since(*since) >= QUIET {
            *was_tried = true;
            self.finish_line(loan);
        }
    }

    /// Takes what has come of the current line, if it is a message without its newline.
    pub(super) fn finish_line(&mut self, loan: &mut Loan<'_>) -> bool {
        let (line, no) = (self.lines.partial(), self.lines.partial_no());
        let is_message = self.speech.unfinished(line, no, loan.outputs);
        if is_message {
            self.lines.forget();
        }
        is_message
    }
}

impl Mouth {
    const fn new(pipe: Receiver) -> Self {
        Self { pipe: Some(pipe), is_hung_up: false, closed: Closed::No }
    }

    /// Reads once into the buffer of the loan.
    pub(super) fn read(&mut self, loan: &mut Loan<'_>) -> (usize, Turn) {
        let Some(pipe) = &mut self.pipe else { return (0, Turn::Dry) };
        match pipe.read(loan.buffer) {
            Ok(0) => {}
            // A pipe that gives less than it could is empty, and what comes later is an event.
            Ok(n) if n < loan.buffer.len() && !self.is_hung_up => return (n, Turn::Dry),
            Ok(n) => return (n, Turn::More),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return (0, Turn::More),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return (0, Turn::Dry),
            Err(_) => {}
        }
        self.pipe = None;
        self.closed = Closed::Since(loan.now);
        (0, Turn::Dry)
    }

    /// Nothing is read any more, and there is nothing to tell about it.
    pub(super) fn close(&mut self) {
        self.pipe = None;
        self.closed = Closed::Told;
    }

    /// Whether the process has closed the pipe for good. Says so once.
    fn is_closed_since(&mut self, now: Instant) -> bool {
        let is_closed =
            matches!(self.closed, Closed::Since(since) if now.duration_since(since) >= CLOSED);
        if is_closed {
            self.closed = Closed::Told;
        }
        is_closed
    }
}

/// Nothing behind a lock is ever left half done, so a panic elsewhere spoils nothing.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
