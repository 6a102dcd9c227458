//! Bytes of a pipe into lines, with bounds.

use std::collections::VecDeque;

use super::room::Share;

/// A longer line of stdout is no message: it is reported, and read past up to its end.
pub const LINE_BYTES_MAX: usize = 16 << 20;
/// So much of a line is shown.
pub(super) const SHOWN_BYTES_MAX: usize = 200;
/// So many lines of each pipe are remembered for the case that the process ends.
const TAIL_LINES: usize = 32;

/// A line, or what is left of one that was too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// A whole line without its newline.
    Line(&'a [u8]),
    /// The begin of a line that is too long. The rest of it is not kept.
    TooLong(&'a [u8]),
    /// The begin of a line for which there is no room beside those of other nodes, and how much
    /// of it had come. The rest of it is not kept.
    NoRoom(&'a [u8], usize),
}

/// Cuts what is read at newlines, and keeps what has no newline yet.
///
/// - `partial` is the begin of the line that is being read, unless the line is skipped.
/// - What `partial` holds is taken from the room that all nodes share.
#[derive(Debug)]
pub(super) struct Lines {
    share: Share,
    bytes_max: usize,
    partial: Vec<u8>,
    is_skipped: bool,
    /// Lines that have begun, which is the number of the current one.
    count: u64,
}

impl Lines {
    /// Lines of which none is longer than this, if it does not come whole.
    pub(super) const fn new(share: Share, bytes_max: usize) -> Self {
        Self { share, bytes_max, partial: Vec::new(), is_skipped: false, count: 0 }
    }

    /// Takes what was read, and hands each line that ends in it to `each`, with its number.
    pub(super) fn feed(&mut self, mut chunk: &[u8], each: &mut dyn FnMut(Piece<'_>, u64)) {
        while let Some(end) = chunk.iter().position(|&byte| byte == b'\n') {
            let (line, rest) = (&chunk[..end], &chunk[end + 1..]);
            chunk = rest;
            self.count += 1;
            if std::mem::take(&mut self.is_skipped) {
                continue;
            }
            if self.partial.is_empty() {
                each(Piece::Line(line), self.count);
                continue;
            }
            if self.keep(line, each) {
                each(Piece::Line(&self.partial), self.count);
                self.forget();
            }
            self.is_skipped = false;
        }
        if !chunk.is_empty() && !self.is_skipped {
            self.count += 1;
            self.keep(chunk, each);
            self.count -= 1;
        }
    }

    /// Keeps the begin of a line; says whether it still fits.
    fn keep(&mut self, more: &[u8], each: &mut dyn FnMut(Piece<'_>, u64)) -> bool {
        let bytes = self.partial.len() + more.len();
        let is_short = bytes <= self.bytes_max;
        if is_short && self.share.take(more.len()) {
            self.partial.extend_from_slice(more);
            return true;
        }
        let shown = SHOWN_BYTES_MAX.saturating_sub(self.partial.len()).min(more.len());
        let mut head = self.partial[..self.partial.len().min(SHOWN_BYTES_MAX)].to_vec();
        head.extend_from_slice(&more[..shown]);
        self.forget();
        self.is_skipped = true;
        let piece = if is_short { Piece::NoRoom(&head, bytes) } else { Piece::TooLong(&head) };
        each(piece, self.count);
        false
    }

    /// What has come of a line whose newline has not.
    pub(super) fn partial(&self) -> &[u8] {
        &self.partial
    }

    /// The number of the line that [`Self::partial`] begins.
    pub(super) const fn partial_no(&self) -> u64 {
        self.count + 1
    }

    /// Drops what has come of the current line.
    pub(super) fn forget(&mut self) {
        self.share.give(self.partial.len());
        if self.partial.capacity() > SHOWN_BYTES_MAX << 10 {
            self.partial = Vec::new();
        }
        self.partial.clear();
    }
}

/// The last lines of a pipe, shortened.
#[derive(Debug, Default)]
pub(super) struct Tail(VecDeque<Vec<u8>>);

impl Tail {
    pub(super) fn push(&mut self, line: &[u8]) {
        let mut kept = if self.0.len() < TAIL_LINES {
            Vec::new()
        } else {
            self.0.pop_front().unwrap_or_default()
        };
        kept.clear();
        kept.extend_from_slice(&line[..line.len().min(SHOWN_BYTES_MAX)]);
        self.0.push_back(kept);
    }

    /// The last `count` lines, the newest last.
    pub(super) fn last(&self, count: usize) -> String {
        let lines = self.0.iter().skip(self.0.len().saturating_sub(count));
        let lines: Vec<_> = lines.map(|line| String::from_utf8_lossy(line)).collect();
        lines.join("\n")
    }

    /// Everything that is remembered.
    pub(super) fn all(&self) -> String {
        self.last(TAIL_LINES)
    }
}

/// The begin of a line as a text.
pub(super) fn shown(line: &[u8]) -> String {
    String::from_utf8_lossy(&line[..line.len().min(SHOWN_BYTES_MAX)]).into_owned()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::room::{Room, Rooms};
    use super::*;

    fn pieces(chunks: &[&[u8]]) -> Vec<(String, u64)> {
        let room = Arc::new(Room::new(0, 64 << 20));
        let (mut lines, mut seen) = (Lines::new(room.share(), LINE_BYTES_MAX), Vec::new());
        for chunk in chunks {
            lines.feed(chunk, &mut |piece, no| {
                seen.push(match piece {
                    Piece::Line(line) => (String::from_utf8_lossy(line).into_owned(), no),
                    Piece::TooLong(head) => (format!("too long, {}", head.len()), no),
                    Piece::NoRoom(..) => panic!("there is room"),
                });
            });
        }
        let rest = lines.partial().len();
        lines.forget();
        assert_eq!(room.lent(), 0, "{rest} bytes were kept");
        seen
    }

    fn line(text: &str, no: u64) -> (String, u64) {
        (text.to_owned(), no)
    }

    #[test]
    fn lines_are_cut_wherever_reads_end() {
        assert_eq!(pieces(&[b"a\nb\nc"]), [line("a", 1), line("b", 2)]);
        assert_eq!(pieces(&[b"a", b"b\n\n", b"c\n"]), [line("ab", 1), line("", 2), line("c", 3)]);
        assert_eq!(pieces(&[b"", b"\n"]), [line("", 1)]);
    }

    #[test]
    fn a_line_that_is_too_long_is_told_once_and_the_next_one_is_good() {
        let chunk = vec![b'x'; 1 << 20];
        let mut chunks: Vec<&[u8]> = vec![&chunk; 40];
        chunks.push(b"end\nnext\n");
        assert_eq!(pieces(&chunks), [line("too long, 200", 1), line("next", 2)]);
        let mut chunks: Vec<&[u8]> = vec![&chunk; 16];
        chunks.push(b"one too many\nnext\n");
        assert_eq!(pieces(&chunks), [line("too long, 200", 1), line("next", 2)]);
    }

    #[test]
    fn lines_that_never_end_leave_room_for_those_of_others() {
        let rooms = Rooms::new();
        let chunk = vec![b'x'; LINE_BYTES_MAX / 16];
        (0..7).for_each(|_| rooms.admit());
        let new = || Lines::new(rooms.lines.share(), LINE_BYTES_MAX);
        let mut endless: Vec<Lines> = (0..6).map(|_| new()).collect();
        let mut skipped = Vec::new();
        for lines in &mut endless {
            for _ in 0..16 {
                lines.feed(&chunk, &mut |piece, _| match piece {
                    Piece::NoRoom(_, bytes) => skipped.push(bytes >> 20),
                    piece => panic!("{piece:?}"),
                });
            }
        }
        assert_eq!(skipped, [14, 14], "who comes last is told how much of the line there was");
        let (mut right, mut seen) = (new(), Vec::new());
        for read in [&b"{\"src\":\"n6\","[..], b"\"dest\":\"c1\"}\n"] {
            right.feed(read, &mut |piece, _| seen.push(matches!(piece, Piece::Line(_))));
        }
        assert_eq!(seen, [true]);
    }
}
