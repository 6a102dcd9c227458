//! What is written to a process: what is due at one moment in one go, and what the pipe does not
//! take once it does.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use mio::unix::pipe::Sender;

use super::lines::{SHOWN_BYTES_MAX, shown};
use super::room::Share;

/// So many bytes wait for a node that does not read. What would go beyond is dropped, and told
/// once.
pub const WRITE_QUEUE_BYTES_MAX: usize = 64 << 20;

/// What waits is written once it is so much, even if more is being put together.
const BATCH_BYTES: usize = 1 << 14;

/// The input of one life.
///
/// - Nothing but `init` is written before `init` was; what comes earlier is held back.
/// - What is queued is written before anything new, so that lines keep their order.
#[derive(Debug)]
pub(super) struct Stdin {
    pipe: Option<Sender>,
    share: Share,
    is_initialised: bool,
    held: Vec<u8>,
    queue: Vec<u8>,
    /// So much of the queue is written already.
    written: usize,
    /// Whether the pipe was full the last time; the poller tells when it takes more.
    is_blocked: bool,
    closes_when_written: bool,
    has_dropped: bool,
    /// Since when the process has closed its end, and whether that was told.
    refused: Option<(Instant, bool)>,
    /// The begin of the last line, which the node may be handling.
    last: Vec<u8>,
}

/// What became of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// It waits, is in the pipe, or nobody will ever read it.
    Taken,
    /// It was dropped, for the first time in this life, with so many bytes waiting before it.
    FirstDropped(Full, usize),
}

/// Why a line was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// The node does not read.
    Queue,
    /// The node has more to read than is its own, and others leave no room beside it.
    Room,
}

impl Stdin {
    pub(super) const fn new(pipe: Sender, share: Share) -> Self {
        Self {
            pipe: Some(pipe),
            share,
            is_initialised: false,
            held: Vec::new(),
            queue: Vec::new(),
            written: 0,
            is_blocked: false,
            closes_when_written: false,
            has_dropped: false,
            refused: None,
            last: Vec::new(),
        }
    }

    pub(super) const fn pipe(&mut self) -> Option<&mut Sender> {
        self.pipe.as_mut()
    }

    /// Takes a line, its newline included. It is written by [`Self::flush`] at the latest.
    pub(super) fn say(&mut self, line: &[u8], is_init: bool) -> Written {
        if self.pipe.is_none() || self.closes_when_written {
            return Written::Taken;
        }
        let waiting = self.held.len() + self.queue.len() - self.written;
        let full = if waiting + line.len() > WRITE_QUEUE_BYTES_MAX {
            Some(Full::Queue)
        } else {
            (!self.share.take(line.len())).then_some(Full::Room)
        };
        if let Some(full) = full {
            let is_first = !std::mem::replace(&mut self.has_dropped, true);
            return if is_first { Written::FirstDropped(full, waiting) } else { Written::Taken };
        }
        if !self.is_initialised && !is_init {
            self.held.extend_from_slice(line);
            return Written::Taken;
        }
        self.last.clear();
        self.last.extend_from_slice(&line[..line.len().min(SHOWN_BYTES_MAX)]);
        self.queue.extend_from_slice(line);
        if is_init && !self.is_initialised {
            self.is_initialised = true;
            self.queue.append(&mut self.held);
        }
        if self.queue.len() - self.written >= BATCH_BYTES {
            self.flush();
        }
        Written::Taken
    }

    /// Writes what waits, unless the pipe is known to be full.
    pub(super) fn flush(&mut self) {
        if !self.is_blocked {
            self.drain();
        }
    }

    /// Writes what waits, as far as the pipe takes it.
    pub(super) fn drain(&mut self) {
        let queue = std::mem::take(&mut self.queue);
        self.written += self.write(&queue[self.written..]);
        self.queue = queue;
        if self.pipe.is_none() || self.written == self.queue.len() {
            self.forget();
            if self.closes_when_written {
                self.pipe = None;
            }
        } else if self.written > self.queue.len() / 2 {
            self.share.give(self.written);
            self.queue.drain(..self.written);
            self.written = 0;
        }
    }

    /// Empties the queue.
    fn forget(&mut self) {
        self.share.give(self.queue.len());
        self.written = 0;
        self.queue.clear();
        if self.queue.capacity() > BATCH_BYTES << 4 {
            self.queue = Vec::new();
        }
    }

    /// How many bytes the pipe took. A pipe that nobody reads any more is closed.
    fn write(&mut self, bytes: &[u8]) -> usize {
        let mut taken = 0;
        self.is_blocked = false;
        while let Some(pipe) = &mut self.pipe
            && taken < bytes.len()
        {
            match pipe.write(&bytes[taken..]) {
                Ok(n) => taken += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.is_blocked = true;
                    return taken;
                }
                Err(_) => self.pipe = None,
            }
        }
        taken
    }

    /// The process has closed its end.
    pub(super) fn refuse(&mut self) {
        self.pipe = None;
    }

    /// Closes the pipe once everything that waits is written.
    pub(super) fn close(&mut self) {
        self.closes_when_written = true;
        self.drain();
    }

    /// Whether the process closed its end so long ago, while ours was open. Says so once.
    pub(super) fn is_refused(&mut self, now: Instant, since: Duration) -> bool {
        if self.pipe.is_some() || self.closes_when_written {
            return false;
        }
        let (begin, was_told) = self.refused.get_or_insert((now, false));
        let is_long = now.duration_since(*begin) >= since;
        is_long && !std::mem::replace(was_told, is_long)
    }

    /// The begin of the last line that was written.
    pub(super) fn last(&self) -> String {
        shown(self.last.trim_ascii_end())
    }

    /// Nothing more will be written.
    pub(super) fn end(&mut self) {
        self.share.give(self.held.len());
        self.held = Vec::new();
        self.forget();
        self.closes_when_written = true;
        self.pipe = None;
    }
}

#[cfg(test)]
mod tests {
    use mio::unix::pipe::{Receiver, new as pipe};

    use super::super::room::Rooms;
    use super::*;

    /// A pipe that nobody reads, and what was said into it until there was no more room.
    fn deaf(rooms: &Rooms) -> (Stdin, Receiver, Full, usize) {
        let (sender, receiver) = pipe().expect("a pipe");
        let mut stdin = Stdin::new(sender, rooms.writes.share());
        assert_eq!(stdin.say(b"{}\n", true), Written::Taken);
        let line = vec![b'x'; 1 << 20];
        loop {
            if let Written::FirstDropped(full, waiting) = stdin.say(&line, false) {
                return (stdin, receiver, full, waiting >> 20);
            }
        }
    }

    #[test]
    fn nodes_that_do_not_read_leave_room_for_others() {
        let rooms = Rooms::new();
        (0..4).for_each(|_| rooms.admit());
        let deaf: Vec<_> = (0..3).map(|_| deaf(&rooms)).collect();
        let told: Vec<_> = deaf.iter().map(|(_, _, full, mib)| (*full, *mib)).collect();
        assert_eq!(told, [(Full::Queue, 63), (Full::Room, 62), (Full::Room, 31)]);
        let (sender, _receiver) = pipe().expect("a pipe");
        let mut right = Stdin::new(sender, rooms.writes.share());
        assert_eq!(right.say(b"{\"init\":1}\n", true), Written::Taken);
        let line = vec![b'y'; 1 << 20];
        for _ in 0..31 {
            assert_eq!(right.say(&line, false), Written::Taken, "it has room of its own");
        }
    }
}
