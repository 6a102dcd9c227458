//! The verbs of a node's disk. Devices and formats live elsewhere; this is what a node may ask.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// How far a node has written: the number of its writes in this incarnation. A kill without
/// power loss leaves writes that the former life never synced; they count as position 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Position(pub u64);

/// A read returns at most this much; a longer range is read in pieces.
pub const READ_BYTES_MAX: usize = 1 << 20;

/// One record of a log. The log numbers them: `index` is given by `append` and has no gaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'r> {
    /// Place in the log, from 1.
    pub index: u64,
    /// A number of the node's own, for example a Raft term; 0 where there is none.
    pub term: u64,
    /// A mark of the node's own.
    pub kind: u8,
    /// The record itself.
    pub payload: &'r [u8],
}

/// Which records a log holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Index of the first record that is still there.
    pub first: u64,
    /// Index that the next record will get; `first` if the log is empty.
    pub next: u64,
}

/// Why a disk did not do what it was asked. What a variant says about the data decides what a
/// node may do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DiskError {
    /// No space: nothing was changed. The node lives on and refuses politely.
    Full,
    /// Bytes that were once durable are damaged. Never treated as an empty disk.
    Corrupt(String),
    /// The device failed. What was written last may be there or not; the node must stop.
    Failed(String),
    /// The range was compacted away, or was never written.
    OutOfRange,
}

impl fmt::Display for DiskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("no space left; nothing was changed"),
            Self::Corrupt(what) => write!(f, "damaged data: {what}"),
            Self::Failed(what) => write!(f, "the device failed: {what}"),
            Self::OutOfRange => f.write_str("no such records"),
        }
    }
}

impl core::error::Error for DiskError {}

/// The files of one node: *cells*, which hold one small value that is replaced whole, and *logs*,
/// which hold numbered records. Names are short and `[a-z0-9-]`.
///
/// Writes are visible to reads at once and durable after the next sync that covers them. The
/// runtime syncs; a node never does. Within one sync window a power loss may keep any subset of
/// the writes, but a cell is old or new, never a mixture, and a log ends before its first hole.
pub trait Disk {
    /// Replaces the value of a cell.
    ///
    /// # Errors
    /// [`DiskError::Full`] leaves the old value; see the variants.
    fn put(&mut self, cell: &str, value: &[u8]) -> Result<(), DiskError>;

    /// The value of a cell; `None` if it was never written.
    ///
    /// # Errors
    /// [`DiskError::Corrupt`] if it was written and no valid copy is left.
    fn get(&mut self, cell: &str) -> Result<Option<Vec<u8>>, DiskError>;

    /// Appends a record and says its index.
    ///
    /// # Errors
    /// [`DiskError::Full`] leaves the log as it was; see the variants.
    fn append(&mut self, log: &str, term: u64, kind: u8, payload: &[u8]) -> Result<u64, DiskError>;

    /// Removes the record at `index` and all after it.
    ///
    /// # Errors
    /// See the variants of [`DiskError`].
    fn truncate_from(&mut self, log: &str, index: u64) -> Result<(), DiskError>;

    /// Forgets all records up to and including `index`.
    ///
    /// # Errors
    /// See the variants of [`DiskError`].
    fn compact(&mut self, log: &str, index: u64) -> Result<(), DiskError>;

    /// Which records a log holds.
    ///
    /// # Errors
    /// [`DiskError::Corrupt`] if that can no longer be told.
    fn bounds(&mut self, log: &str) -> Result<Bounds, DiskError>;

    /// Hands out records from `from` on, until `upto` (exclusive) or [`READ_BYTES_MAX`], and
    /// says the index after the last one. At least one record is handed out if there is one.
    ///
    /// # Errors
    /// [`DiskError::OutOfRange`] if `from` is not in the log.
    fn read(
        &mut self,
        log: &str,
        from: u64,
        upto: u64,
        sink: &mut dyn FnMut(Record<'_>),
    ) -> Result<u64, DiskError>;

    /// Whether there are writes that no finished sync has covered.
    fn is_dirty(&self) -> bool;
}

/// The disk of a node that has none: every write fails, every read finds nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoDisk;

impl NoDisk {
    fn refuse<T>() -> Result<T, DiskError> {
        Err(DiskError::Failed(String::from("this node was given no disk")))
    }
}

impl Disk for NoDisk {
    fn put(&mut self, _cell: &str, _value: &[u8]) -> Result<(), DiskError> {
        Self::refuse()
    }

    fn get(&mut self, _cell: &str) -> Result<Option<Vec<u8>>, DiskError> {
        Ok(None)
    }

    fn append(&mut self, _: &str, _: u64, _: u8, _: &[u8]) -> Result<u64, DiskError> {
        Self::refuse()
    }

    fn truncate_from(&mut self, _log: &str, _index: u64) -> Result<(), DiskError> {
        Self::refuse()
    }

    fn compact(&mut self, _log: &str, _index: u64) -> Result<(), DiskError> {
        Self::refuse()
    }

    fn bounds(&mut self, _log: &str) -> Result<Bounds, DiskError> {
        Ok(Bounds { first: 1, next: 1 })
    }

    fn read(
        &mut self,
        _log: &str,
        _from: u64,
        _upto: u64,
        _sink: &mut dyn FnMut(Record<'_>),
    ) -> Result<u64, DiskError> {
        Err(DiskError::OutOfRange)
    }

    fn is_dirty(&self) -> bool {
        false
    }
}
