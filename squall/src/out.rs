//! Results go to stdout, everything else to stderr.

use std::borrow::Cow;
use std::io::{IsTerminal, Write};

use crate::exit::Failure;

/// Prints a text on stdout. Nobody listening is no error: `squall test … | head` is fine.
pub(crate) fn say(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    let done = out.write_all(text.as_bytes()).and_then(|()| {
        if !text.ends_with('\n') {
            out.write_all(b"\n")?;
        }
        out.flush()
    });
    match done {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        done => done.map_err(Failure::from),
    }
}

/// Prints a remark on stderr.
pub(crate) fn remark(text: &str) {
    let mut err = std::io::stderr().lock();
    writeln!(err, "{text}").ok();
}

/// Whether a person looks at this stream and does not mind movement or colour.
pub(crate) fn is_lively(stream: &impl IsTerminal) -> bool {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    stream.is_terminal() && !is_set("CI") && !is_set("NO_COLOR") && !is_dumb
}

/// One live line on a terminal, nothing elsewhere.
#[derive(Debug)]
pub(crate) struct Status {
    is_live: bool,
    is_shown: bool,
}

impl Status {
    pub(crate) fn new() -> Self {
        Self { is_live: is_lively(&std::io::stderr()), is_shown: false }
    }

    /// Replaces the line.
    pub(crate) fn set(&mut self, text: &str) {
        if self.is_live {
            let mut err = std::io::stderr().lock();
            // A line that is too long is cut, not continued on the next one.
            write!(err, "\r\x1b[2K\x1b[?7l{text}\x1b[?7h").and_then(|()| err.flush()).ok();
            self.is_shown = true;
        }
    }

    /// Removes the line.
    pub(crate) fn clear(&mut self) {
        if self.is_shown {
            let mut err = std::io::stderr().lock();
            write!(err, "\r\x1b[2K").and_then(|()| err.flush()).ok();
            self.is_shown = false;
        }
    }
}

impl Drop for Status {
    fn drop(&mut self) {
        self.clear();
    }
}

/// Colours a text, if somebody looks who can see it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paint(bool);

impl Paint {
    pub(crate) fn stdout() -> Self {
        Self(is_lively(&std::io::stdout()))
    }

    pub(crate) fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    pub(crate) fn good(self, text: &str) -> String {
        self.with("1;32", text)
    }

    pub(crate) fn bad(self, text: &str) -> String {
        self.with("1;31", text)
    }

    pub(crate) fn doubtful(self, text: &str) -> String {
        self.with("1;33", text)
    }

    pub(crate) fn faint(self, text: &str) -> String {
        self.with("2", text)
    }

    fn with(self, code: &str, text: &str) -> String {
        if self.0 { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// A text of a node or a file as it can be shown: nothing in it moves the cursor, changes colours
/// or turns the direction of the line.
pub(crate) fn plain(text: &str) -> Cow<'_, str> {
    let is_odd = |c: char| {
        let turns = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}')
            || matches!(c, '\u{2066}'..='\u{2069}');
        (c.is_control() && c != '\n' && c != '\t') || turns
    };
    if !text.contains(is_odd) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_odd(c) { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    Cow::Owned(shown)
}

/// A path or argument as a shell takes it.
pub(crate) fn shell_word(text: &str) -> Cow<'_, str> {
    let is_safe = |c: char| c.is_ascii_alphanumeric() || "/._-+=:@%,".contains(c);
    if !text.is_empty() && text.chars().all(is_safe) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("'{}'", text.replace('\'', "'\\''")))
}

/// A number with commas between thousands.
pub(crate) fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
