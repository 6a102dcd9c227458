//! Runs a [`Node`] as a process that speaks Maelstrom's protocol: JSON lines on stdin and stdout.
//!
//! ```no_run
//! # use squall_node::{Ctx, Form, Input, Never, Node, Wire, WireError};
//! # struct Echo;
//! # struct Word;
//! # impl Wire for Word {
//! #     fn name(&self) -> std::borrow::Cow<'static, str> { "echo_ok".into() }
//! #     fn encode(&self, _: &mut Vec<u8>) {}
//! #     fn decode(_: &str, _: Form, _: &[u8]) -> Result<Self, WireError> { Ok(Word) }
//! # }
//! # impl Node for Echo {
//! #     type Message = Word;
//! #     type Timer = Never;
//! #     type Pending = Never;
//! #     fn handle(&mut self, _: &mut Ctx<'_, Self>, _: Input<Self>) {}
//! # }
//! let options = squall_stdio::Options::from_environment()?;
//! squall_stdio::serve(|| Echo, &options)?;
//! # Ok::<(), squall_stdio::ServeError>(())
//! ```
//!
//! The shell around the [driver](squall_node::Driver) turns: it waits for lines or for the next
//! timer, hands in everything that has come, lets the disk sync once, and writes all answers in
//! one go. What the first line, `init`, says makes the node: its id, and the members in the
//! order given there.
//!
//! With a directory ([`Options::data`]) the node's disk is real files in it, and the life is
//! counted in a cell there. Without one the disk is memory, and lasts as long as the process.
//!
//! # What this does not do
//!
//! - No virtual time: a timer is due when the machine's clock says so.
//! - No check of `dest`: what comes on stdin is for this node.

mod options;
mod outside;
mod process;

mod remark;
mod timers;

use squall_disk::{Device, FileDevice, MemoryDevice, Store};
use squall_node::Node;

pub use options::{Options, ServeError};
pub use outside::{Outside, Stdio};
use process::{Process, Storage};

/// Runs a node on stdin and stdout until stdin ends.
///
/// # Errors
/// If the disk or stdout fails.
pub fn serve<N: Node>(factory: impl Fn() -> N, options: &Options) -> Result<(), ServeError> {
    serve_in(&mut Stdio::new(), factory, options)
}

/// As [`serve`], with another world outside.
///
/// # Errors
/// If the disk or the outside fails.
pub fn serve_in<N: Node>(
    outside: &mut impl Outside,
    factory: impl Fn() -> N,
    options: &Options,
) -> Result<(), ServeError> {
    match &options.data {
        Some(directory) => {
            let store = Store::new(FileDevice::open(directory)?);
            turn(outside, Process::new(factory, options, Storage { store, is_durable: true }))
        }
        None => {
            let store = Store::new(MemoryDevice::new());
            turn(outside, Process::new(factory, options, Storage { store, is_durable: false }))
        }
    }
}

/// Turns until the input ends: wait, hand in, sync, write.
fn turn<N: Node, D: Device, F: Fn() -> N>(
    outside: &mut impl Outside,
    mut process: Process<N, D, F>,
) -> Result<(), ServeError> {
    let mut input = Lines::default();
    loop {
        let is_open = outside.wait(process.next_due(), &mut input.bytes)?;
        while let Some(line) = input.next() {
            process.take_line(outside, line);
        }
        if !is_open {
            process.take_line(outside, input.rest());
            process.stop(outside);
        }
        process.fire_timers(outside);
        let ended = process.end_turn(outside);
        outside.say(process.lines())?;
        process.clear();
        ended?;
        if !is_open {
            return Ok(());
        }
    }
}

/// Bytes as they came, cut into lines. Every byte is looked at once.
#[derive(Default)]
struct Lines {
    bytes: Vec<u8>,
    /// Where the next line begins, and up to where no newline was found.
    start: usize,
    seen: usize,
}

impl Lines {
    /// The next whole line. When there is none, the lines that were given out are dropped.
    fn next(&mut self) -> Option<&[u8]> {
        match self.bytes[self.seen..].iter().position(|&b| b == b'\n') {
            Some(length) => {
                let (start, end) = (self.start, self.seen + length);
                (self.start, self.seen) = (end + 1, end + 1);
                Some(&self.bytes[start..end])
            }
            None => {
                self.bytes.drain(..self.start);
                (self.start, self.seen) = (0, self.bytes.len());
                None
            }
        }
    }

    /// What is left at the end of the input: a line without a newline, perhaps empty.
    fn rest(&self) -> &[u8] {
        &self.bytes[self.start..]
    }
}
