//! What travels between processes, as bytes: Maelstrom's JSON lines, and binary frames.
//!
//! ```text
//! {"src":"n0","dest":"c2","body":{"type":"echo_ok","in_reply_to":1,"echo":"hi"}}
//! ```
//!
//! [`parse_line`] reads the envelope and the three keys of the body that belong to the protocol
//! (`type`, `msg_id`, `in_reply_to`). Everything else in the body is passed on byte for byte:
//! integers of any size, the order of keys, white space. [`write_line`] is the way back.
//!
//! # Bounds
//!
//! Decoding is total: any bytes give a value or a [`LineError`] that names the column and what to
//! do about it. It takes linear time and never recurses, however deep a line is nested; a body of
//! more than [`DEPTH_MAX`] levels is an error, so that whoever reads it after us may recurse.
//!
//! # What this does not do
//!
//! - No reading from pipes: a line is a slice that somebody else has found the end of.
//! - No check of bodies against a workload: that is the workload's matter.

mod error;
mod head;
mod line;

mod binary;
mod frame;
mod write;

pub use binary::{BINARY_NAME, BinaryError, decode_binary, write_binary};
pub use error::{LineError, LineFault};
pub use frame::{FRAME_BYTES_MAX, Frame, FrameError, read_frame, write_frame};
pub use head::{Head, Id};
pub use line::{DEPTH_MAX, Line, parse_line};
pub use write::{write_line, write_node_line};
