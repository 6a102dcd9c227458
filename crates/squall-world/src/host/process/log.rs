//! The log of a node: what it prints to stderr, bounded.

use std::fmt;
use std::io::Write;
use std::time::{Duration, Instant};

use super::lines::{Lines, Piece, Tail};
use super::room::Share;
use super::speech::Speaker;
use crate::host::Output;

/// A node's log takes so many bytes, then a last line that says so.
pub const LOG_BYTES_MAX: u64 = 64 << 20;
/// So many lines of stderr of a node go into the trace.
const TRACED_LINES_MAX: u32 = 2_000;
/// So many of them in each [`WINDOW`].
const TRACED_LINES_WINDOW: u32 = 50;
const WINDOW: Duration = Duration::from_millis(100);
/// So much of a line goes into the trace.
const TRACED_BYTES_MAX: usize = 500;
/// Of a line of stderr that does not come at once, no more is kept: it is in the log.
const STDERR_LINE_BYTES_MAX: usize = 4 << 10;

/// Where the stderr of all lives of a node goes.
pub(super) struct Log {
    sink: Option<Box<dyn Write + Send>>,
    bytes: u64,
    traced: u32,
    window: Option<(Instant, u32)>,
    has_left_out: bool,
}

/// The stderr of one life.
#[derive(Debug)]
pub(super) struct Stderr {
    lines: Lines,
    pub(super) tail: Tail,
}

impl Log {
    pub(super) fn new(sink: Box<dyn Write + Send>) -> Self {
        Self { sink: Some(sink), bytes: 0, traced: 0, window: None, has_left_out: false }
    }

    /// Writes bytes as they came. A log that cannot be written, or is full, ends.
    pub(super) fn write(&mut self, bytes: &[u8]) {
        let Some(sink) = &mut self.sink else { return };
        self.bytes += bytes.len() as u64;
        let is_full = self.bytes > LOG_BYTES_MAX;
        let result = if is_full {
            sink.write_all(
                format!("\nsquall: this log ends at {} MiB\n", LOG_BYTES_MAX >> 20).as_bytes(),
            )
        } else {
            sink.write_all(bytes)
        };
        if is_full || result.is_err() {
            self.flush();
            self.sink = None;
        }
    }

    pub(super) fn flush(&mut self) {
        if let Some(sink) = &mut self.sink
            && sink.flush().is_err()
        {
            self.sink = None;
        }
    }

    /// Whether one more line may go into the trace.
    fn may_trace(&mut self, now: Instant) -> bool {
        let (since, lines) = self.window.get_or_insert((now, 0));
        if now.duration_since(*since) >= WINDOW {
            (*since, *lines) = (now, 0);
        }
        *lines += 1;
        let may = *lines <= TRACED_LINES_WINDOW && self.traced < TRACED_LINES_MAX;
        self.traced += u32::from(may);
        may
    }
}

impl Stderr {
    pub(super) fn new(share: Share) -> Self {
        Self { lines: Lines::new(share, STDERR_LINE_BYTES_MAX), tail: Tail::default() }
    }

    /// Takes what was read.
    pub(super) fn feed(
        &mut self,
        chunk: &[u8],
        now: Instant,
        (log, speaker): (&mut Log, &Speaker),
        out: &mut Vec<Output>,
    ) {
        log.write(chunk);
        let tail = &mut self.tail;
        self.lines.feed(chunk, &mut |piece, _| {
            let (Piece::Line(line) | Piece::TooLong(line) | Piece::NoRoom(line, _)) = piece;
            tail.push(line);
            if log.may_trace(now) {
                let line = &line[..line.len().min(TRACED_BYTES_MAX)];
                out.push(speaker.remark(String::from_utf8_lossy(line).into_owned()));
            } else if !std::mem::replace(&mut log.has_left_out, true) {
                let text = "(more of its stderr than this is only in its log)".to_owned();
                out.push(speaker.remark(text));
            }
        });
    }

    /// Nothing more will come: what has no newline is the last line.
    pub(super) fn end(&mut self) {
        if !self.lines.partial().is_empty() {
            self.tail.push(self.lines.partial());
        }
        self.lines.forget();
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Log of {} bytes", self.bytes)
    }
}
