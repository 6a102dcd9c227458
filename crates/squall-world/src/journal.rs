//! The trace writer and the rolling hash of a run.

use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use squall_history::trace::{Header, Line};
use squall_node::{Form, quoted};
use xxhash_rust::xxh3::xxh3_64;

/// The buffer is handed on once it holds this much.
const BUFFER_BYTES: usize = 1 << 16;

/// Writes the trace, line by line. Without a sink it only numbers the lines.
#[derive(Default)]
pub(crate) struct Journal {
    sink: Option<Box<dyn Write>>,
    buffer: Vec<u8>,
    /// The time of the last message as its line has it.
    time: Vec<u8>,
    time_ns: u64,
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
        debug_assert_eq!(line.e, self.lines, "lines are numbered without gaps");
        self.lines += 1;
        if self.sink.is_some() {
            self.json(line);
            self.end_line();
        }
    }

    /// Counts a line that nobody reads.
    pub(crate) const fn skip(&mut self) {
        self.lines += 1;
    }

    /// Writes the line of a message that is sent. Messages are most of a trace: their lines are
    /// put together from parts, and a test holds them equal to what [`Line`] gives.
    pub(crate) fn sent(&mut self, sent: &Sent<'_>) {
        self.begin_line(sent.e, sent.t);
        let out = &mut self.buffer;
        out.extend_from_slice(&sent.src.send);
        if let Some(cause) = sent.cause {
            number(out, b",\"c\":", cause);
        }
        number(out, &sent.dest.to, sent.id);
        number(out, b",\"link\":", sent.link);
        out.extend_from_slice(sent.name.0.as_bytes());
        if let Some(id) = sent.msg_id {
            number(out, b",\"msg_id\":", id);
        }
        if let Some(id) = sent.re {
            number(out, b",\"re\":", id);
        }
        if let Some(due) = sent.due {
            number(out, b",\"due\":", due);
        }
        if let Some(fate) = sent.fate {
            out.extend_from_slice(b",\"fate\":\"");
            out.extend_from_slice(fate.as_bytes());
            out.push(b'"');
        }
        if let Some(held) = sent.held_from {
            number(out, b",\"held_from\":", held);
        }
        body(out, sent.body);
        self.end_line();
    }

    /// Writes the line of a message that is handed over: its number, time, receiver, and the
    /// number of the line of its send.
    pub(crate) fn received(&mut self, (e, t): (u64, u64), dest: &ActorText, of: u64) {
        self.begin_line(e, t);
        number(&mut self.buffer, &dest.recv, of);
        self.buffer.push(b'}');
        self.end_line();
    }

    /// Writes number and time of a line. Many lines have the time of the one before.
    fn begin_line(&mut self, e: u64, t: u64) {
        self.lines += 1;
        if self.time.is_empty() || self.time_ns != t {
            self.time_ns = t;
            self.time.clear();
            number(&mut self.time, b",\"t\":", t);
        }
        number(&mut self.buffer, b"{\"e\":", e);
        self.buffer.extend_from_slice(&self.time);
    }

    fn end_line(&mut self) {
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

/// The parts of lines that an actor's name is in.
#[derive(Clone, Debug)]
pub(crate) struct ActorText {
    send: Box<[u8]>,
    to: Box<[u8]>,
    recv: Box<[u8]>,
}

impl ActorText {
    pub(crate) fn new(name: &str) -> Self {
        let name = quoted(name);
        let part = |text: String| text.into_bytes().into_boxed_slice();
        Self {
            send: part(format!(",\"k\":\"send\",\"a\":{name}")),
            to: part(format!(",\"to\":{name},\"id\":")),
            recv: part(format!(",\"k\":\"recv\",\"a\":{name},\"of\":")),
        }
    }
}

/// The part of a line that a message's name is in.
#[derive(Clone, Debug)]
pub(crate) struct NameText(Arc<str>);

impl NameText {
    pub(crate) fn new(name: &str) -> Self {
        Self(format!(",\"name\":{}", quoted(name)).into())
    }
}

/// The line of a message that is sent.
#[derive(Debug)]
pub(crate) struct Sent<'a> {
    pub(crate) e: u64,
    pub(crate) t: u64,
    pub(crate) src: &'a ActorText,
    pub(crate) cause: Option<u64>,
    pub(crate) dest: &'a ActorText,
    pub(crate) id: u64,
    pub(crate) link: u64,
    pub(crate) name: &'a NameText,
    pub(crate) msg_id: Option<u64>,
    pub(crate) re: Option<u64>,
    pub(crate) due: Option<u64>,
    pub(crate) fate: Option<&'static str>,
    pub(crate) held_from: Option<u64>,
    pub(crate) body: (Form, &'a [u8]),
}

fn number(out: &mut Vec<u8>, key: &[u8], n: u64) {
    let mut digits = itoa::Buffer::new();
    out.extend_from_slice(key);
    out.extend_from_slice(digits.format(n).as_bytes());
}

/// Ends a line with a message body, byte for byte, or as `{"b64":…}`.
fn body(out: &mut Vec<u8>, (form, bytes): (Form, &[u8])) {
    match form {
        Form::Json => {
            out.extend_from_slice(b",\"body\":");
            out.extend_from_slice(bytes);
            out.push(b'}');
        }
        Form::Binary => {
            out.extend_from_slice(b",\"body\":{\"b64\":\"");
            let from = out.len();
            out.resize(from + bytes.len().div_ceil(3) * 4, 0);
            let written = STANDARD.encode_slice(bytes, &mut out[from..]);
            debug_assert!(written.is_ok(), "four letters for each three bytes");
            out.extend_from_slice(b"\"}}");
        }
    }
}

/// A 64-bit hash over everything that happened, in order. It contains neither line numbers nor
/// causes, so that observing a run does not change it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rolling(u64);

impl Rolling {
    pub(crate) const fn fold(&mut self, word: u64) {
        self.0 = multiply(self.0.rotate_left(5) ^ word ^ ODD[0], ODD[1]);
    }

    /// Folds three words at once. Only the last step waits for what was folded before.
    pub(crate) const fn fold_all(&mut self, [a, b, c]: [u64; 3]) {
        self.fold(multiply(a ^ ODD[2], b ^ ODD[1]) ^ c);
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.fold(xxh3_64(bytes));
    }

    pub(crate) const fn value(&self) -> u64 {
        self.0
    }
}

const ODD: [u64; 3] = [0x9E37_79B9_7F4A_7C15, 0xC2B2_AE3D_27D4_EB4F, 0x1656_67B1_9E37_79F9];

/// Both halves of the product, one over the other.
#[allow(clippy::cast_possible_truncation, reason = "the two halves of a 64 by 64 bit product")]
const fn multiply(a: u64, b: u64) -> u64 {
    let product = a as u128 * b as u128;
    product as u64 ^ (product >> 64) as u64
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use squall_history::trace::Kind;

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Rc<RefCell<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.borrow_mut().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What the fast way writes is what `Line` would.
    #[test]
    fn lines_of_messages_are_those_of_the_format() {
        let kept = Kept::default();
        let mut journal = Journal { sink: Some(Box::new(kept.clone())), ..Journal::default() };
        let odd = "n\"0\u{1}";
        let body = br#"{"type":"echo","echo":1}"#;
        for (at, form) in [(0, Form::Json), (1, Form::Binary)] {
            journal.sent(&Sent {
                e: at,
                t: u64::MAX,
                src: &ActorText::new(odd),
                cause: Some(9).filter(|_| at == 0),
                dest: &ActorText::new("n1"),
                id: 3,
                link: 4,
                name: &NameText::new("echo"),
                msg_id: Some(5),
                re: Some(6).filter(|_| at == 1),
                due: Some(7).filter(|_| at == 0),
                fate: Some("nowhere").filter(|_| at == 1),
                held_from: Some(8),
                body: (form, body),
            });
        }
        journal.received((2, 17), &ActorText::new(odd), 1);
        journal.close();
        let text = String::from_utf8(kept.0.borrow().clone()).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        for (at, line) in lines.iter().enumerate() {
            let mut parsed: Line<'_> = serde_json::from_str(line).unwrap();
            assert_eq!(parsed.e, at as u64);
            assert_eq!(parsed.a, odd);
            let body = parsed.body.take();
            let mut again = serde_json::to_string(&parsed).unwrap();
            if let Some(body) = body {
                assert_eq!(again.pop(), Some('}'));
                again.push_str(&format!(",\"body\":{}}}", body.get()));
            }
            assert_eq!(again, **line, "the keys come in the order of the format");
        }
        let last: Line<'_> = serde_json::from_str(lines[2]).unwrap();
        assert_eq!((last.k, last.of, last.t), (Kind::Recv, Some(1), 17));
        let second: Line<'_> = serde_json::from_str(lines[1]).unwrap();
        assert!(second.body.unwrap().get().starts_with("{\"b64\":"));
    }
}
