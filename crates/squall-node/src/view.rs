//! Named values: what a node shows of its state, and what a note says.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Display;

/// One value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Field {
    /// A number.
    Int(i64),
    /// A number that is never negative.
    Count(u64),
    /// A text.
    Text(String),
    /// Yes or no.
    Flag(bool),
    /// Nothing: there was a value of this name, and there is none any more.
    Gone,
}

impl From<u64> for Field {
    fn from(n: u64) -> Self {
        Self::Count(n)
    }
}

impl From<u32> for Field {
    fn from(n: u32) -> Self {
        Self::Count(u64::from(n))
    }
}

impl From<usize> for Field {
    fn from(n: usize) -> Self {
        Self::Count(n as u64)
    }
}

impl From<i64> for Field {
    fn from(n: i64) -> Self {
        Self::Int(n)
    }
}

impl From<bool> for Field {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<&str> for Field {
    fn from(text: &str) -> Self {
        Self::Text(String::from(text))
    }
}

impl From<String> for Field {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

/// Named values in the order in which they were set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// Name and value.
    pub fields: Vec<(Cow<'static, str>, Field)>,
    /// Digests that must be equal on all replicas once the cluster has healed.
    pub replicated: Vec<(&'static str, u64)>,
}

impl View {
    /// Sets a value.
    pub fn set(&mut self, name: impl Into<Cow<'static, str>>, value: impl Into<Field>) {
        self.fields.push((name.into(), value.into()));
    }

    /// Sets a value by its text.
    pub fn show(&mut self, name: impl Into<Cow<'static, str>>, value: impl Display) {
        use alloc::string::ToString;
        self.fields.push((name.into(), Field::Text(value.to_string())));
    }

    /// Tells the digest of a part of the state that all replicas must share in the end.
    pub fn replicated(&mut self, name: &'static str, digest: u64) {
        self.replicated.push((name, digest));
    }

    /// The names of all values and digests.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let fields = self.fields.iter().map(|(name, _)| &**name);
        fields.chain(self.replicated.iter().map(|(name, _)| *name))
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.fields.clear();
        self.replicated.clear();
    }
}
