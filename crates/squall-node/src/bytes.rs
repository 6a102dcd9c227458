//! Shared bytes: what travels is never copied.

use alloc::sync::Arc;
use core::fmt;
use core::ops::Deref;

/// A range of a shared, immutable buffer. Cloning copies a pointer, not the bytes.
#[derive(Clone)]
pub struct Bytes {
    /// `None`: no bytes, and nothing that was allocated for them.
    buffer: Option<Arc<[u8]>>,
    start: u32,
    end: u32,
}

impl Bytes {
    /// No bytes.
    #[must_use]
    pub const fn new() -> Self {
        Self { buffer: None, start: 0, end: 0 }
    }

    /// The part `start..end` of these bytes, sharing the buffer.
    ///
    /// # Panics
    /// If the range does not lie within these bytes.
    #[must_use]
    pub fn slice(&self, start: usize, end: usize) -> Self {
        assert!(start <= end && end <= self.len(), "a range within the bytes");
        let offset = |n: usize| self.start + u32::try_from(n).expect("checked against the length");
        Self { buffer: self.buffer.clone(), start: offset(start), end: offset(end) }
    }
}

impl From<&[u8]> for Bytes {
    /// # Panics
    /// If there are 4 GiB or more, which no bound on a message allows.
    fn from(bytes: &[u8]) -> Self {
        let end = u32::try_from(bytes.len()).expect("a message below 4 GiB");
        Self { buffer: Some(Arc::from(bytes)), start: 0, end }
    }
}

impl Default for Bytes {
    fn default() -> Self {
        Self::new()
    }
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.buffer {
            Some(buffer) => &buffer[self.start as usize..self.end as usize],
            None => &[],
        }
    }
}

impl PartialEq for Bytes {
    fn eq(&self, other: &Self) -> bool {
        self[..] == other[..]
    }
}

impl Eq for Bytes {}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match core::str::from_utf8(self) {
            Ok(text) => write!(f, "{text:?}"),
            Err(_) => write!(f, "{:?}", &self[..]),
        }
    }
}
