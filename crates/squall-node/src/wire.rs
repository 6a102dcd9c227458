//! How the words of a node look outside.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// In which form a body travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Form {
    /// The text of a JSON object with a key `type`, as Maelstrom's protocol has it.
    #[default]
    Json,
    /// Bytes that only members of the same program understand.
    Binary,
}

/// A message type: every word that the node's program says or understands, with its wire form.
///
/// - `encode` of a JSON message writes the whole body object, `type` included, without `msg_id`
///   and `in_reply_to`: these two belong to the runtime, which splices them in.
/// - `decode` is bounded and total: any bytes give a value or an error, never a panic. It must
///   ignore keys that it does not know, since the ids are among them.
pub trait Wire: Sized {
    /// The name of this message: the `type` of a JSON body.
    fn name(&self) -> Cow<'static, str>;

    /// The form this message travels in.
    fn form(&self) -> Form {
        Form::Json
    }

    /// Appends the body.
    fn encode(&self, out: &mut Vec<u8>);

    /// The message of these bytes.
    ///
    /// # Errors
    /// If the name is unknown or the bytes are no such message.
    fn decode(name: &str, form: Form, body: &[u8]) -> Result<Self, WireError>;
}

/// Why bytes are not a message. The node never sees them; a client that sent them gets a
/// definite error, and the run reports a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WireError {
    /// No message of this name exists here: error 10, not supported.
    UnknownName,
    /// The name is known, but the body is not of its shape: error 12, malformed request.
    Malformed(String),
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownName => f.write_str("no message of this type is understood here"),
            Self::Malformed(why) => f.write_str(why),
        }
    }
}

impl core::error::Error for WireError {}
