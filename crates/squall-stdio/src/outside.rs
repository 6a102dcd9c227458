//! The world around a process: its pipes and its clock.

use std::fmt;
use std::io::{self, Read, Write};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, TryRecvError};
use std::thread;
use std::time::Instant as Clock;

use squall_node::Instant;

use crate::options::time_of_day;

/// What the process needs from outside.
pub trait Outside {
    /// Nanoseconds since the process began, never backwards.
    fn now(&self) -> Instant;

    /// Nanoseconds since 1970.
    fn wall(&self) -> u64;

    /// Waits for input, no longer than `until`, and appends what there is. Says whether more may
    /// come.
    ///
    /// # Errors
    /// If the input fails; the process then ends.
    fn wait(&mut self, until: Option<Instant>, into: &mut Vec<u8>) -> io::Result<bool>;

    /// Writes whole lines. Empty at the end of a turn that said nothing.
    ///
    /// # Errors
    /// If nobody listens any more; the process then ends.
    fn say(&mut self, lines: &[u8]) -> io::Result<()>;

    /// Tells people something.
    fn remark(&mut self, line: &str);
}

/// A piece of input. The reader waits while [`PIECES_MAX`] of them are unread.
const PIECE_BYTES: usize = 64 << 10;
const PIECES_MAX: usize = 64;
/// No more than this is taken in at one turn, so that timers have theirs.
const TURN_BYTES_MAX: usize = 1 << 20;

/// Stdin, stdout, stderr, and the clocks of the machine.
pub struct Stdio {
    input: Receiver<io::Result<Vec<u8>>>,
    began: Clock,
}

impl Stdio {
    /// Begins to read stdin, on a thread of its own: a wait for input that ends at a moment is
    /// not to be had from the standard library otherwise.
    #[must_use]
    #[allow(clippy::disallowed_methods, reason = "this is where the thread and the clock are")]
    pub fn new() -> Self {
        let (sender, input) = mpsc::sync_channel(PIECES_MAX);
        thread::spawn(move || {
            let mut stdin = io::stdin().lock();
            loop {
                let mut piece = vec![0; PIECE_BYTES];
                let read = stdin.read(&mut piece).map(|length| {
                    piece.truncate(length);
                    piece
                });
                let is_over = !matches!(&read, Ok(piece) if !piece.is_empty());
                if sender.send(read).is_err() || is_over {
                    return;
                }
            }
        });
        Self { input, began: Clock::now() }
    }

    /// The first piece of a turn.
    fn first(&self, until: Option<Instant>) -> Option<io::Result<Vec<u8>>> {
        let Some(until) = until else { return Some(self.input.recv().unwrap_or(Ok(Vec::new()))) };
        let timeout = std::time::Duration::from_nanos(until.since(self.now()).0);
        match self.input.recv_timeout(timeout) {
            Ok(piece) => Some(piece),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some(Ok(Vec::new())),
        }
    }
}

impl Default for Stdio {
    fn default() -> Self {
        Self::new()
    }
}

impl Outside for Stdio {
    fn now(&self) -> Instant {
        Instant(u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }

    fn wall(&self) -> u64 {
        time_of_day()
    }

    fn wait(&mut self, until: Option<Instant>, into: &mut Vec<u8>) -> io::Result<bool> {
        let mut next = self.first(until);
        let mut taken = 0;
        while let Some(piece) = next {
            match piece {
                Ok(piece) if piece.is_empty() => return Ok(false),
                Ok(piece) => {
                    taken += piece.len();
                    into.extend_from_slice(&piece);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            if taken >= TURN_BYTES_MAX {
                break;
            }
            next = match self.input.try_recv() {
                Ok(piece) => Some(piece),
                Err(TryRecvError::Empty) => None,
                Err(TryRecvError::Disconnected) => return Ok(false),
            };
        }
        Ok(true)
    }

    fn say(&mut self, lines: &[u8]) -> io::Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        let mut stdout = io::stdout().lock();
        stdout.write_all(lines)?;
        stdout.flush()
    }

    fn remark(&mut self, line: &str) {
        // Where people cannot be told anything, there is nobody to tell that.
        drop(writeln!(io::stderr(), "{line}"));
    }
}

impl fmt::Debug for Stdio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Stdio for {:?}", self.began.elapsed())
    }
}
