//! A reply of a node, key by key, its values untouched.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

/// The first level of a JSON object.
#[derive(Clone, Debug)]
pub struct Body<'b> {
    fields: BTreeMap<String, &'b RawValue>,
}

impl<'b> Body<'b> {
    /// Reads a body.
    ///
    /// # Errors
    /// If it is no JSON object.
    pub fn parse(bytes: &'b [u8]) -> Result<Self, String> {
        let fields = serde_json::from_slice(bytes)
            .map_err(|error| format!("the body is no JSON object: {error}"))?;
        Ok(Self { fields })
    }

    /// A value, as its text.
    #[must_use]
    pub fn field(&self, key: &str) -> Option<&'b RawValue> {
        self.fields.get(key).copied()
    }

    /// A value that is a string.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<String> {
        serde_json::from_str(self.field(key)?.get()).ok()
    }

    /// Keys that are neither among these, nor `type`, `in_reply_to` and `msg_id`.
    pub fn others<'s>(&'s self, known: &'s [&str]) -> impl Iterator<Item = &'s str> {
        let usual = ["type", "in_reply_to", "msg_id"];
        let keys = self.fields.keys().map(String::as_str);
        keys.filter(move |key| !usual.contains(key) && !known.contains(key))
    }

    /// Refuses keys that the protocol does not know.
    ///
    /// # Errors
    /// The first such key.
    pub fn only(&self, known: &[&str]) -> Result<(), String> {
        match self.others(known).next() {
            None => Ok(()),
            Some(key) => {
                let expected = known.iter().map(|key| format!("{key:?}, ")).collect::<String>();
                Err(format!(
                    "the reply has the extra key {key:?}; expected only {expected}\"type\", \
                     \"in_reply_to\" and \"msg_id\""
                ))
            }
        }
    }
}
