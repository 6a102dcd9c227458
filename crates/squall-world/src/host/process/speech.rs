//! What a process says on its stdout, as outputs of its host.

use std::fmt;
use std::sync::Arc;

use squall_node::{ActorId, Bytes, Form};
use squall_wire::{BINARY_NAME, LineError, LineFault, decode_binary, parse_line};

use super::language::Language;
use super::lines::{LINE_BYTES_MAX, Piece, Tail, shown};
use super::room::Size;
use crate::host::{Finding, Line, Output, Spoken};

/// So many bad lines of a life are reported one by one; the others are counted.
const BAD_LINES_MAX: u64 = 100;

/// Who speaks, for messages and findings.
#[derive(Clone, Debug)]
pub(super) struct Speaker {
    pub(super) actor: ActorId,
    pub(super) name: Arc<str>,
    pub(super) language: Language,
}

impl Speaker {
    /// A finding about this node as a whole.
    pub(super) fn finding(
        &self,
        code: &'static str,
        raw: String,
        what: String,
        help: impl fmt::Display,
    ) -> Output {
        let node = self.name.to_string();
        let help = help.to_string();
        let text = what.clone();
        let finding = Finding { code, node, line_no: None, column: None, raw, what, help };
        Output::Line(Line { actor: self.actor, text, finding: Some(finding) })
    }

    /// A line of text that is no finding.
    pub(super) const fn remark(&self, text: String) -> Output {
        Output::Line(Line { actor: self.actor, text, finding: None })
    }
}

/// The lines of one life, understood.
#[derive(Debug)]
pub(super) struct Speech {
    pub(super) speaker: Speaker,
    pub(super) tail: Tail,
    bad_lines: u64,
    said_without_newline: bool,
    /// How many braces and brackets of JSON that is printed over several lines are open.
    open: usize,
}

impl Speech {
    pub(super) fn new(speaker: Speaker) -> Self {
        Self { speaker, tail: Tail::default(), bad_lines: 0, said_without_newline: false, open: 0 }
    }

    /// A line has come whole, or was too long.
    pub(super) fn hear(&mut self, piece: Piece<'_>, no: u64, out: &mut Vec<Output>) {
        match piece {
            // The newline of a message that was taken without it.
            Piece::Line(line)
                if self.said_without_newline && line.trim_ascii_start().is_empty() => {}
            Piece::Line(line) => self.line(line, no, out),
            Piece::TooLong(head) => {
                self.tail.push(head);
                let what = format!("a line of more than {} MiB is skipped", LINE_BYTES_MAX >> 20);
                let help = "end each message with a newline, and split what is larger";
                self.report(("SQ01", what, help.to_owned()), (head, no, None), out);
            }
            Piece::NoRoom(head, bytes) => {
                self.tail.push(head);
                let what = format!(
                    "a line is skipped after {}: what other nodes do not end leaves no room for it",
                    Size(bytes)
                );
                let help = "end each message with a newline, and split what is larger";
                self.report(("SQ01", what, help.to_owned()), (head, no, None), out);
            }
        }
        self.said_without_newline = false;
    }

    fn line(&mut self, line: &[u8], no: u64, out: &mut Vec<Output>) {
        self.tail.push(line);
        if self.is_within(line) {
            return;
        }
        let mut rest = line;
        loop {
            let column = line.len() - rest.len();
            match parse_line(rest) {
                Ok(message) => {
                    self.message(&message, (line, no), out);
                    if message.rest.is_empty() {
                        return;
                    }
                    let next = line.len() - message.rest.len();
                    if column == 0 {
                        self.newline_is_missing((line, no, Some(next)), out);
                    }
                    rest = message.rest;
                }
                Err(error) => {
                    if error.fault == LineFault::Piece {
                        self.open = still_open(rest, 0);
                    }
                    let found = (error.code(), error.to_string(), self.help(&error));
                    self.report(found, (line, no, Some(column + error.column - 1)), out);
                    return;
                }
            }
        }
    }

    /// Whether a line goes on with JSON that was begun on a line before it. That was told there,
    /// once; what is no such line is looked at for itself.
    fn is_within(&mut self, line: &[u8]) -> bool {
        const STARTS: &[u8] = b"\"{}[]-0123456789tfn";
        let line = line.trim_ascii();
        let is_json = line.first().is_none_or(|first| STARTS.contains(first));
        let is_within = self.open > 0 && is_json && parse_line(line).is_err();
        self.open = if is_within { still_open(line, self.open) } else { 0 };
        is_within
    }

    /// The begin of a line to which nothing has been added for a while, or that will never get
    /// its newline. Says whether it is a message; then it counts.
    pub(super) fn unfinished(&mut self, line: &[u8], no: u64, out: &mut Vec<Output>) -> bool {
        let is_whole = line.trim_ascii_end().last() == Some(&b'}')
            && parse_line(line).is_ok_and(|message| message.rest.is_empty());
        if is_whole {
            self.line(line, no, out);
            self.newline_is_missing((line, no, Some(line.len())), out);
            self.said_without_newline = true;
        }
        is_whole
    }

    /// The process ended before the end of this line, which is no message.
    pub(super) fn cut_off(&mut self, line: &[u8], no: u64, out: &mut Vec<Output>) {
        self.tail.push(line);
        let what = "the process ended in the middle of a line".to_owned();
        let help = "why it ended is told beside this; all lines before were read".to_owned();
        self.report(("SQ01", what, help), (line, no, Some(line.len())), out);
    }

    /// How many lines were not reported one by one.
    pub(super) fn summary(&mut self, out: &mut Vec<Output>) {
        let more = std::mem::take(&mut self.bad_lines).saturating_sub(BAD_LINES_MAX);
        if more > 0 {
            let what = format!("{more} more lines of its stdout were no messages");
            let help = "the first ones are reported one by one";
            out.push(self.speaker.finding("SQ01", String::new(), what, help));
        }
    }

    fn message(
        &mut self,
        message: &squall_wire::Line<'_>,
        (line, line_no): (&[u8], u64),
        out: &mut Vec<Output>,
    ) {
        let body = message.body.as_bytes();
        let name = message.head.name.as_deref().unwrap_or_default();
        let (name, form, body) = if name == BINARY_NAME {
            match decode_binary(body) {
                Ok((name, bytes)) => (name.into_owned(), Form::Binary, Bytes::from(&bytes[..])),
                Err(error) => {
                    let help = "a body of type squall is {\"type\":\"squall\",\"name\":…,\"b\":…}";
                    let found = ("SQ04", error.to_string(), help.to_owned());
                    self.report(found, (line, line_no, None), out);
                    return;
                }
            }
        } else {
            (name.to_owned(), Form::Json, Bytes::from(body))
        };
        out.push(Output::Spoken(Spoken {
            by: self.speaker.actor,
            src: message.src.clone().into_owned(),
            dest: message.dest.clone().into_owned(),
            name,
            msg_id: message.head.msg_id.number(),
            in_reply_to: message.head.in_reply_to.number(),
            form,
            body,
            line_no,
        }));
    }

    fn newline_is_missing(&mut self, place: (&[u8], u64, Option<usize>), out: &mut Vec<Output>) {
        let what = "a newline is missing after a message".to_owned();
        let help = match self.speaker.language.print_a_line() {
            Some(fix) => format!("end each message with a newline: {fix}"),
            None => "end each message with a newline and flush".to_owned(),
        };
        self.report(("SQ01", what, help), place, out);
    }

    fn help(&self, error: &LineError) -> String {
        let is_text = matches!(
            error.fault,
            LineFault::Empty | LineFault::NotUtf8 | LineFault::NotJson(_) | LineFault::NotObject(_)
        );
        match self.speaker.language.print_to_stderr() {
            Some(fix) if is_text => format!("stdout is the wire; print to stderr: {fix}"),
            Some(_) | None => error.hint(),
        }
    }

    fn report(
        &mut self,
        (code, what, help): (&'static str, String, String),
        (line, no, column): (&[u8], u64, Option<usize>),
        out: &mut Vec<Output>,
    ) {
        self.bad_lines += 1;
        if self.bad_lines > BAD_LINES_MAX {
            return;
        }
        let finding = Finding {
            code,
            node: self.speaker.name.to_string(),
            line_no: Some(no),
            column: column.map(|column| column as u64 + 1),
            raw: shown(line),
            what,
            help,
        };
        let text = finding.raw.clone();
        out.push(Output::Line(Line { actor: self.speaker.actor, text, finding: Some(finding) }));
    }
}

/// How many braces and brackets are open after a line that began with `open` of them. Strings do
/// not go over the ends of lines.
fn still_open(line: &[u8], mut open: usize) -> usize {
    let (mut in_string, mut is_escaped) = (false, false);
    for &byte in line {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_string => is_escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => open += 1,
            b'}' | b']' if !in_string => open = open.saturating_sub(1),
            _ => {}
        }
    }
    open
}
