//! Binary bodies on lines of JSON, so that any Maelstrom harness can carry them:
//! `{"type":"squall","name":"append","b":"<base64>"}`.

use std::borrow::Cow;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::write::{push_number, push_text};

/// The `type` of a body that holds a binary one.
pub const BINARY_NAME: &str = "squall";

/// Appends the JSON body that carries a binary one.
pub fn write_binary(
    out: &mut Vec<u8>,
    name: &str,
    msg_id: Option<u64>,
    in_reply_to: Option<u64>,
    body: &[u8],
) {
    out.push(b'{');
    for (key, id) in [(&b"\"msg_id\":"[..], msg_id), (&b"\"in_reply_to\":"[..], in_reply_to)] {
        let Some(id) = id else { continue };
        out.extend_from_slice(key);
        push_number(out, id);
        out.push(b',');
    }
    out.extend_from_slice(b"\"type\":\"squall\",\"name\":");
    push_text(out, name);
    out.extend_from_slice(b",\"b\":\"");
    let start = out.len();
    out.resize(start + body.len().div_ceil(3) * 4, 0);
    STANDARD.encode_slice(body, &mut out[start..]).expect("room for four letters of each three");
    out.extend_from_slice(b"\"}");
}

/// The name and the bytes that a JSON body of type [`BINARY_NAME`] carries.
///
/// # Errors
/// If a key is missing or the bytes are not in base64 as `write_binary` writes it.
pub fn decode_binary(body: &[u8]) -> Result<(Cow<'_, str>, Vec<u8>), BinaryError> {
    let wrapper: Wrapper<'_> =
        serde_json::from_slice(body).map_err(|error| BinaryError(error.to_string()))?;
    let bytes = STANDARD
        .decode(wrapper.b.as_bytes())
        .map_err(|error| BinaryError(format!("`b` is not base64: {error}")))?;
    Ok((wrapper.name, bytes))
}

/// Why a body of type [`BINARY_NAME`] carries nothing. It is to be refused as malformed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BinaryError(String);

impl fmt::Display for BinaryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no binary body: {}", self.0)
    }
}

impl std::error::Error for BinaryError {}

#[derive(Deserialize)]
struct Wrapper<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    b: Cow<'a, str>,
}
