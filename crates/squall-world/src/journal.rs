//! The trace writer and the rolling hash of a run.

use std::fmt;
use std::io::{self, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use squall_history::trace::{Header, Line};
use squall_node::{Form, mix};
use xxhash_rust::xxh3::xxh3_64;

/// The buffer is handed on once it holds this much.
const BUFFER_BYTES: usize = 1 << 16;

/// Writes the trace, line by line. Without a sink it only numbers the lines.
#[derive(Default)]
pub(crate) struct Journal {
    sink: Option<Box<dyn Write>>,
    buffer: Vec<u8>,
    lines: u64,
    error: Option<io::Error>,
}

impl Journal {
    pub(crate) fn to(sink: Box<dyn Write>, header: &Header) -> Self {
        let mut journal = Self { sink: Some(sink), ..Self::default() };
        journal.json(header);
        journal.buffer.push(b'\n');
        journal
    }

    pub(crate) const fn is_on(&self) -> bool {
        self.sink.is_some()
    }

    /// The number that the next line will have.
    pub(crate) const fn next(&self) -> u64 {
        self.lines
    }

    /// Writes a line. Its number must be the next one.
    pub(crate) fn line(&mut self, line: &Line<'_>) {
        self.with_body(line, None);
    }

    /// Writes a line with a message body, byte for byte.
    pub(crate) fn with_body(&mut self, line: &Line<'_>, body: Option<(Form, &[u8])>) {
        debug_assert_eq!(line.e, self.lines, "lines are numbered without gaps");
        self.lines += 1;
        if self.sink.is_none() {
            return;
        }
        self.json(line);
        if let Some((form, bytes)) = body {
            self.buffer.pop();
            self.buffer.extend_from_slice(b",\"body\":");
            match form {
                Form::Json => self.buffer.extend_from_slice(bytes),
                Form::Binary => {
                    self.buffer.extend_from_slice(b"{\"b64\":\"");
                    self.buffer.extend_from_slice(STANDARD.encode(bytes).as_bytes());
                    self.buffer.extend_from_slice(b"\"}");
                }
            }
            self.buffer.push(b'}');
        }
        self.buffer.push(b'\n');
        if self.buffer.len() >= BUFFER_BYTES {
            self.hand_on();
        }
    }

    /// Writes what is left, and tells the first error there was.
    pub(crate) fn close(&mut self) -> Option<io::Error> {
        self.hand_on();
        if let Some(sink) = &mut self.sink
            && let Err(error) = sink.flush()
        {
            self.error.get_or_insert(error);
        }
        self.error.take()
    }

    /// Whether writing has failed. The run goes on; its end tells.
    pub(crate) const fn has_failed(&self) -> bool {
        self.error.is_some()
    }

    fn json(&mut self, value: &impl serde::Serialize) {
        serde_json::to_writer(&mut self.buffer, value).expect("writing to memory cannot fail");
    }

    fn hand_on(&mut self) {
        if let Some(sink) = &mut self.sink
            && self.error.is_none()
            && let Err(error) = sink.write_all(&self.buffer)
        {
            self.error = Some(error);
        }
        self.buffer.clear();
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Journal of {} lines", self.lines)
    }
}

/// A 64-bit hash over everything that happened, in order. It contains neither line numbers nor
/// causes, so that observing a run does not change it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rolling(u64);

impl Rolling {
    pub(crate) const fn fold(&mut self, word: u64) {
        self.0 = mix(self.0.rotate_left(5) ^ word);
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.fold(xxh3_64(bytes));
    }

    pub(crate) const fn value(&self) -> u64 {
        self.0
    }
}
