//! The logs of a key-value store that Porcupine is tested with: EDN maps, one a line, with `:key`.
//!
//! ```edn
//! {:process 0, :type :invoke, :f :append, :key "1", :value "x 0 0 y"}
//! {:process 0, :type :ok, :f :append, :key "1", :value "x 0 0 y"}
//! ```
//!
//! An event's value becomes the pair of key and value. A key that is missing reads as the empty
//! string, which is what a key holds at first.

use super::edn;
use crate::event::name;
use crate::jsonl::Read;
use crate::problem::Problem;
use crate::value::Value;

/// Whether a text looks like this.
#[must_use]
pub fn looks_like(text: &[u8]) -> bool {
    let line = text.trim_ascii_start().split(|&b| b == b'\n').next().unwrap_or_default();
    let Ok(Value::Map(pairs)) = Value::from_edn(line) else { return false };
    let has = |key: &str| pairs.iter().any(|(known, _)| known.as_text() == Some(key));
    has("type") && has("key") && has("f")
}

/// Reads a whole text.
///
/// # Errors
/// As [`edn::read`].
pub fn read(text: &[u8]) -> Result<Read, Problem> {
    let mut read = edn::read(text)?;
    for event in &mut read.history.events {
        let place = event.other.iter().position(|(field, _)| *field == name("key"));
        let key = place.map(|place| event.other.remove(place).1).unwrap_or_default();
        event.value = Value::list([key, std::mem::take(&mut event.value)]);
    }
    Ok(read)
}
