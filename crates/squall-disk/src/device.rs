//! What a store needs of the machine below it.

use squall_node::DiskError;

/// Writes are split at multiples of this; a power loss keeps or loses each part on its own.
pub const SECTOR_BYTES: u64 = 4096;

/// A file of a device, while the device lives. A file that was removed keeps its number; one of
/// the same name that is created later gets another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileId(pub(crate) u32);

impl FileId {
    pub(crate) fn new(index: usize) -> Self {
        Self(u32::try_from(index).expect("fewer than 2^32 files"))
    }

    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A sync that has begun and not ended: how far it reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SyncMark(pub(crate) u64);

/// Named files of bytes in one directory.
///
/// - A write, a creation, a removal is visible at once and durable when a sync that began after
///   it has ended. In between, a loss of power keeps any part of such changes.
/// - A sync has two halves, so that time may pass between them, and a loss of power too.
/// - What was never written reads as zeros, up to the length of the file.
pub trait Device {
    /// The names of all files, in ascending order.
    ///
    /// # Errors
    /// [`DiskError::Failed`].
    fn names(&mut self) -> Result<Vec<String>, DiskError>;

    /// The file of this name, created empty if there is none.
    ///
    /// # Errors
    /// [`DiskError::Full`] or [`DiskError::Failed`].
    fn open(&mut self, name: &str) -> Result<FileId, DiskError>;

    /// Removes a file.
    ///
    /// # Errors
    /// [`DiskError::Failed`].
    fn remove(&mut self, file: FileId) -> Result<(), DiskError>;

    /// The length of a file.
    ///
    /// # Errors
    /// [`DiskError::Failed`].
    fn len(&mut self, file: FileId) -> Result<u64, DiskError>;

    /// Fills `into` from `offset` on and says how many bytes there were; fewer than asked for
    /// only at the end of the file.
    ///
    /// # Errors
    /// [`DiskError::Failed`].
    fn read_at(&mut self, file: FileId, offset: u64, into: &mut [u8]) -> Result<usize, DiskError>;

    /// Writes all of `bytes` at `offset`, or nothing that a read can see.
    ///
    /// # Errors
    /// [`DiskError::Full`] if the file would have to grow and cannot; it has not changed then.
    /// [`DiskError::Failed`].
    fn write_at(&mut self, file: FileId, offset: u64, bytes: &[u8]) -> Result<(), DiskError>;

    /// Begins a sync of everything that has been issued so far.
    fn begin_sync(&mut self) -> SyncMark;

    /// Ends a sync: what it covers is durable.
    ///
    /// # Errors
    /// [`DiskError::Failed`], after which no sync of this device may succeed any more: pages
    /// that were lost may count as clean.
    fn end_sync(&mut self, mark: SyncMark) -> Result<(), DiskError>;

    /// Whether there are changes that no finished sync has covered.
    fn is_dirty(&self) -> bool;
}
