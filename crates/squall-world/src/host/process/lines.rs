//! Bytes of a pipe into lines, with bounds.

use std::collections::VecDeque;

use super::room::Room;

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
}

/// Cuts what is read at newlines, and keeps what has no newline yet.
///
/// - `partial` is the begin of the line that is being read, unless it is too long already.
/// - What `partial` holds is taken from the room that all nodes share.
#[derive(Debug, Default)]
pub(super) struct Lines {
    partial: Vec<u8>,
    is_too_long: bool,
    /// Lines that have begun, which is the number of the current one.
    count: u64,
}

impl Lines {
    /// Takes what was read, and hands each line that ends in it to `each`, with its number.
    pub(super) fn feed(
        &mut self,
        mut chunk: &[u8],
        room: &Room,
        each: &mut dyn FnMut(Piece<'_>, u64),
    ) {
        while let Some(end) = chunk.iter().position(|&byte| byte == b'\n') {
            let (line, rest) = (&chunk[..end], &chunk[end + 1..]);
            chunk = rest;
            self.count += 1;
            if std::mem::take(&mut self.is_too_long) {
                continue;
            }
            if self.partial.is_empty() {
                each(Piece::Line(line), self.count);
                continue;
            }
            if self.keep(line, room, each) {
                each(Piece::Line(&self.partial), self.count);
                self.forget(room);
            }
            self.is_too_long = false;
        }
        if !chunk.is_empty() && !self.is_too_long {
            self.count += 1;
            self.keep(chunk, room, each);
            self.count -= 1;
        }
    }

    /// Keeps the begin of a line; says whether it is still short enough.
    fn keep(&mut self, more: &[u8], room: &Room, each: &mut dyn FnMut(Piece<'_>, u64)) -> bool {
        let is_short = self.partial.len() + more.len() <= LINE_BYTES_MAX;
        if is_short && room.take(more.len()) {
            self.partial.extend_from_slice(more);
            return true;
        }
        let shown = SHOWN_BYTES_MAX.saturating_sub(self.partial.len()).min(more.len());
        let mut head = self.partial[..self.partial.len().min(SHOWN_BYTES_MAX)].to_vec();
        head.extend_from_slice(&more[..shown]);
        self.forget(room);
        self.is_too_long = true;
        each(Piece::TooLong(&head), self.count);
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
    pub(super) fn forget(&mut self, room: &Room) {
        room.give(self.partial.len());
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
    use super::*;

    fn pieces(chunks: &[&[u8]]) -> Vec<(String, u64)> {
        let (mut lines, room, mut seen) = (Lines::default(), Room::new(64 << 20), Vec::new());
        for chunk in chunks {
            lines.feed(chunk, &room, &mut |piece, no| {
                seen.push(match piece {
                    Piece::Line(line) => (String::from_utf8_lossy(line).into_owned(), no),
                    Piece::TooLong(head) => (format!("too long, {}", head.len()), no),
                });
            });
        }
        let rest = lines.partial().len();
        lines.forget(&room);
        assert_eq!(room.taken(), 0, "{rest} bytes were kept");
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
}
