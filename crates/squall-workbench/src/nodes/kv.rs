//! The words of the key-value protocol: the `lin-kv` workload, and the services that speak it.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;
use squall_node::{Form, Wire, WireError};

use super::decode;

/// A request or an answer. Keys and values are JSON texts, passed on as they came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// What is the value of this key?
    Read {
        /// The key.
        key: String,
    },
    /// The value.
    ReadOk {
        /// The value.
        value: String,
    },
    /// Set it.
    Write {
        /// The key.
        key: String,
        /// The value.
        value: String,
    },
    /// It is set.
    WriteOk,
    /// Set it if it has this value.
    Cas {
        /// The key.
        key: String,
        /// The value expected.
        from: String,
        /// The value to set.
        to: String,
        /// Whether a missing key may be set as well.
        create: bool,
    },
    /// It had it, and is set.
    CasOk,
}

#[derive(Deserialize)]
struct Read<'b> {
    #[serde(borrow)]
    key: &'b RawValue,
}

#[derive(Deserialize)]
struct ReadOk<'b> {
    #[serde(borrow)]
    value: &'b RawValue,
}

#[derive(Deserialize)]
struct Write<'b> {
    #[serde(borrow)]
    key: &'b RawValue,
    /// A missing value stores null.
    #[serde(borrow, default)]
    value: Option<&'b RawValue>,
}

#[derive(Deserialize)]
struct Cas<'b> {
    #[serde(borrow)]
    key: &'b RawValue,
    #[serde(borrow)]
    from: &'b RawValue,
    #[serde(borrow)]
    to: &'b RawValue,
    #[serde(default)]
    create_if_not_exists: bool,
}

fn text(raw: &RawValue) -> String {
    raw.get().to_owned()
}

impl Wire for Message {
    fn name(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Read { .. } => "read",
            Self::ReadOk { .. } => "read_ok",
            Self::Write { .. } => "write",
            Self::WriteOk => "write_ok",
            Self::Cas { .. } => "cas",
            Self::CasOk => "cas_ok",
        })
    }

    fn encode(&self, out: &mut Vec<u8>) {
        let fields = match self {
            Self::Read { key } => format!(",\"key\":{key}"),
            Self::ReadOk { value } => format!(",\"value\":{value}"),
            Self::Write { key, value } => format!(",\"key\":{key},\"value\":{value}"),
            Self::WriteOk | Self::CasOk => String::new(),
            Self::Cas { key, from, to, create } => {
                let create = if *create { ",\"create_if_not_exists\":true" } else { "" };
                format!(",\"key\":{key},\"from\":{from},\"to\":{to}{create}")
            }
        };
        let body = format!("{{\"type\":\"{}\"{fields}}}", self.name());
        out.extend_from_slice(body.as_bytes());
    }

    fn decode(name: &str, _form: Form, body: &[u8]) -> Result<Self, WireError> {
        Ok(match name {
            "read" => Self::Read { key: text(decode::<Read<'_>>(body)?.key) },
            "read_ok" => Self::ReadOk { value: text(decode::<ReadOk<'_>>(body)?.value) },
            "write" => {
                let Write { key, value } = decode(body)?;
                Self::Write { key: text(key), value: value.map_or("null".to_owned(), text) }
            }
            "write_ok" => Self::WriteOk,
            "cas" => {
                let Cas { key, from, to, create_if_not_exists: create } = decode(body)?;
                Self::Cas { key: text(key), from: text(from), to: text(to), create }
            }
            "cas_ok" => Self::CasOk,
            _ => return Err(WireError::UnknownName),
        })
    }
}
