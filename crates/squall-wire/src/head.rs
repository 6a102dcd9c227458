//! The three keys of a body that belong to the protocol.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

/// `type`, `msg_id` and `in_reply_to` of a body. Nothing else in it is looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head<'a> {
    /// The value of `type`, if it is a string.
    pub name: Option<Cow<'a, str>>,
    /// The id of the message.
    pub msg_id: Id,
    /// The id of the message that it answers.
    pub in_reply_to: Id,
}

/// An id of a message, as it was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Id {
    /// The key is not there.
    #[default]
    Absent,
    /// `null`, which is legal towards nodes and services and never matches.
    Null,
    /// An integer.
    Number(u64),
    /// Something else, such as `1.0`, `"1"`, `-1` or 2^70. It never matches.
    Other,
}

impl Id {
    /// The id, if it is one.
    #[must_use]
    pub const fn number(self) -> Option<u64> {
        match self {
            Self::Number(id) => Some(id),
            Self::Absent | Self::Null | Self::Other => None,
        }
    }

    /// Whether the key is there and holds no integer that could be an id.
    #[must_use]
    pub const fn is_odd(self) -> bool {
        matches!(self, Self::Other)
    }

    fn of(raw: &RawValue) -> Self {
        match raw.get() {
            "null" => Self::Null,
            // A leading sign or zero is no JSON, or no id: what parses as `u64` is what counts.
            text if text.bytes().all(|b| b.is_ascii_digit()) => {
                text.parse().map_or(Self::Other, Self::Number)
            }
            _ => Self::Other,
        }
    }
}

impl<'a> Head<'a> {
    /// The head of a body; an empty one of what is no JSON object.
    #[must_use]
    pub fn of(body: &'a [u8]) -> Self {
        serde_json::from_slice(body).unwrap_or_default()
    }

    /// The head of a body that is known to be JSON.
    pub(crate) fn of_text(body: &'a str) -> Self {
        serde_json::from_str(body).unwrap_or_default()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Head<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(HeadVisitor)
    }
}

struct HeadVisitor;

impl<'de> Visitor<'de> for HeadVisitor {
    type Value = Head<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a body")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Head<'de>, M::Error> {
        let mut head = Head::default();
        while let Some(Text(key)) = map.next_key()? {
            match &*key {
                "type" => head.name = text_of(map.next_value()?),
                "msg_id" => head.msg_id = Id::of(map.next_value()?),
                "in_reply_to" => head.in_reply_to = Id::of(map.next_value()?),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(head)
    }
}

/// The string that a piece of JSON is, if it is one.
pub(crate) fn text_of(raw: &RawValue) -> Option<Cow<'_, str>> {
    let text = raw.get();
    let content = text.strip_prefix('"')?.strip_suffix('"')?;
    if content.contains('\\') {
        return serde_json::from_str(text).ok().map(Cow::Owned);
    }
    Some(Cow::Borrowed(content))
}

/// A string, borrowed unless it has escapes.
pub(crate) struct Text<'a>(pub(crate) Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_str(TextVisitor).map(Text)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}
