//! A disk in memory that knows what a loss of power would leave of it.

use std::collections::BTreeMap;

use squall_node::{DiskError, draw_key, hash_text, word};

use crate::device::{Device, FileId, SECTOR_BYTES, SyncMark};

/// Sectors are written whole or up to a multiple of this.
const TEAR_BYTES: u64 = 512;
const DOMAIN_CRASH: u64 = 0x6372_6173_685f_6469;
/// Lanes of the draws of one file; the first three belong to each of its changes.
const LANE_KEPT: u64 = 0;
const LANE_TORN: u64 = 1;
const LANE_TEAR: u64 = 2;
const LANE_RATE: u64 = 3;

/// A disk in memory: a durable image, and the ordered list of what was written since.
///
/// - `pending` holds the changes that no finished sync has covered, in the order of issue;
///   `issued` counts all changes ever, so `issued - pending.len()` of them are applied.
/// - `used` is the sum of the visible lengths of the files that have a name.
#[derive(Clone, Debug, Default)]
pub struct MemoryDevice {
    files: Vec<Image>,
    names: BTreeMap<String, FileId>,
    durable_names: BTreeMap<String, FileId>,
    pending: Vec<Change>,
    /// The bytes of pending writes, one behind the other.
    bytes: Vec<u8>,
    issued: u64,
    used: u64,
    capacity: Option<u64>,
}

#[derive(Clone, Debug, Default)]
struct Image {
    name: String,
    visible: Vec<u8>,
    durable: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
struct Change {
    file: FileId,
    kind: Kind,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Create,
    Remove,
    /// `length` bytes of the arena from `start` on. Never crosses a sector bound.
    Write {
        offset: u64,
        start: usize,
        length: usize,
    },
}

impl MemoryDevice {
    /// An empty disk without a limit.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty disk of this many bytes.
    #[must_use]
    pub fn with_capacity(bytes: u64) -> Self {
        Self { capacity: Some(bytes), ..Self::default() }
    }

    /// The machine loses power: of the changes to each file that no finished sync has covered, a
    /// random subset is kept, and the last kept write may stop at a multiple of 512 bytes. The
    /// draws are keyed, so the same key on the same disk leaves the same bytes.
    pub fn power_loss(&mut self, key: u64) {
        let pending = std::mem::take(&mut self.pending);
        let arena = std::mem::take(&mut self.bytes);
        let mut kept = Kept::new(key, self);
        for change in &pending {
            kept.judge(change);
        }
        for (at, change) in pending.iter().enumerate() {
            if let Some(change) = kept.outcome(at, change) {
                self.apply(change, &arena);
            }
        }
        self.names.clone_from(&self.durable_names);
        let named: Vec<bool> = self.named();
        for (file, is_named) in self.files.iter_mut().zip(named) {
            if !is_named {
                file.durable = Vec::new();
            }
            file.visible.clone_from(&file.durable);
        }
        self.used = self.files.iter().map(|file| file.visible.len() as u64).sum();
    }

    /// Bytes of all files.
    #[must_use]
    pub fn used_bytes(&self) -> u64 {
        self.used
    }

    /// Overwrites durable bytes behind the back of whoever owns the file, as rot does. Nothing
    /// happens to a file that does not exist.
    pub fn damage(&mut self, name: &str, offset: usize, bytes: &[u8]) {
        let Some(&file) = self.names.get(name) else { return };
        let image = &mut self.files[file.index()];
        for part in [&mut image.visible, &mut image.durable] {
            let end = (offset + bytes.len()).min(part.len());
            if let Some(hit) = part.get_mut(offset..end) {
                hit.copy_from_slice(&bytes[..hit.len()]);
            }
        }
    }

    fn named(&self) -> Vec<bool> {
        let mut named = vec![false; self.files.len()];
        for file in self.durable_names.values() {
            named[file.index()] = true;
        }
        named
    }

    fn issue(&mut self, file: FileId, kind: Kind) {
        self.pending.push(Change { file, kind });
        self.issued += 1;
    }

    /// Makes a change durable.
    fn apply(&mut self, change: Change, arena: &[u8]) {
        let Change { file, kind } = change;
        let image = &mut self.files[file.index()];
        match kind {
            Kind::Create => {
                self.durable_names.insert(image.name.clone(), file);
            }
            Kind::Remove => {
                if self.durable_names.get(&image.name) == Some(&file) {
                    self.durable_names.remove(&image.name);
                }
                if self.names.get(&image.name) != Some(&file) {
                    image.durable = Vec::new();
                }
            }
            Kind::Write { offset, start, length } => {
                put(&mut image.durable, offset, &arena[start..start + length]);
            }
        }
    }
}

impl Device for MemoryDevice {
    fn names(&mut self) -> Result<Vec<String>, DiskError> {
        Ok(self.names.keys().cloned().collect())
    }

    fn open(&mut self, name: &str) -> Result<FileId, DiskError> {
        if let Some(&file) = self.names.get(name) {
            return Ok(file);
        }
        let file = FileId::new(self.files.len());
        self.files.push(Image { name: name.to_owned(), ..Image::default() });
        self.names.insert(name.to_owned(), file);
        self.issue(file, Kind::Create);
        Ok(file)
    }

    fn remove(&mut self, file: FileId) -> Result<(), DiskError> {
        let image = &mut self.files[file.index()];
        if self.names.get(&image.name) == Some(&file) {
            self.names.remove(&image.name);
            self.used -= image.visible.len() as u64;
            image.visible = Vec::new();
            self.issue(file, Kind::Remove);
        }
        Ok(())
    }

    fn len(&mut self, file: FileId) -> Result<u64, DiskError> {
        Ok(self.files[file.index()].visible.len() as u64)
    }

    fn read_at(&mut self, file: FileId, offset: u64, into: &mut [u8]) -> Result<usize, DiskError> {
        let visible = &self.files[file.index()].visible;
        let from = visible.len().min(usize::try_from(offset).unwrap_or(usize::MAX));
        let length = into.len().min(visible.len() - from);
        into[..length].copy_from_slice(&visible[from..from + length]);
        Ok(length)
    }

    fn write_at(&mut self, file: FileId, offset: u64, bytes: &[u8]) -> Result<(), DiskError> {
        let image = &mut self.files[file.index()];
        let end = offset + bytes.len() as u64;
        let grows = end.saturating_sub(image.visible.len() as u64);
        if self.capacity.is_some_and(|capacity| self.used + grows > capacity) {
            return Err(DiskError::Full);
        }
        self.used += grows;
        put(&mut image.visible, offset, bytes);
        let mut start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        let mut at = offset;
        while at < end {
            let stop = end.min((at / SECTOR_BYTES + 1) * SECTOR_BYTES);
            let length = usize::try_from(stop - at).expect("at most a sector");
            self.issue(file, Kind::Write { offset: at, start, length });
            (at, start) = (stop, start + length);
        }
        Ok(())
    }

    fn begin_sync(&mut self) -> SyncMark {
        SyncMark(self.issued)
    }

    fn end_sync(&mut self, mark: SyncMark) -> Result<(), DiskError> {
        let applied = self.issued - self.pending.len() as u64;
        let covered = usize::try_from(mark.0.saturating_sub(applied)).unwrap_or(usize::MAX);
        let covered = covered.min(self.pending.len());
        let arena = std::mem::take(&mut self.bytes);
        let mut pending = std::mem::take(&mut self.pending);
        for change in pending.drain(..covered) {
            self.apply(change, &arena);
        }
        self.bytes = arena;
        let write_start = |change: &Change| match change.kind {
            Kind::Write { start, .. } => Some(start),
            Kind::Create | Kind::Remove => None,
        };
        let gone = pending.iter().find_map(write_start).unwrap_or(self.bytes.len());
        self.bytes.drain(..gone);
        for change in &mut pending {
            if let Kind::Write { start, .. } = &mut change.kind {
                *start -= gone;
            }
        }
        self.pending = pending;
        Ok(())
    }

    fn is_dirty(&self) -> bool {
        !self.pending.is_empty()
    }
}

/// Which pending changes a loss of power keeps.
struct Kept {
    files: Vec<FileDraws>,
    ordinals: Vec<(bool, u64)>,
    next: usize,
}

struct FileDraws {
    key: u64,
    count: u64,
    /// Of 4: how many changes to this file are kept, on average.
    rate: u64,
    last_kept: Option<usize>,
}

impl Kept {
    fn new(key: u64, device: &MemoryDevice) -> Self {
        let draws = |file: &Image| {
            let key = draw_key(key, DOMAIN_CRASH, hash_text(&file.name), 0);
            FileDraws { key, count: 0, rate: word(key, 0, LANE_RATE) % 5, last_kept: None }
        };
        Self { files: device.files.iter().map(draws).collect(), ordinals: Vec::new(), next: 0 }
    }

    fn judge(&mut self, change: &Change) {
        let file = &mut self.files[change.file.index()];
        file.count += 1;
        let is_kept = word(file.key, file.count, LANE_KEPT) % 4 < file.rate;
        if is_kept && matches!(change.kind, Kind::Write { .. }) {
            file.last_kept = Some(self.next);
        }
        self.ordinals.push((is_kept, file.count));
        self.next += 1;
    }

    /// The part of a change that is kept.
    fn outcome(&self, at: usize, change: &Change) -> Option<Change> {
        let (is_kept, ordinal) = self.ordinals[at];
        if !is_kept {
            return None;
        }
        let file = &self.files[change.file.index()];
        let is_torn = file.last_kept == Some(at) && word(file.key, ordinal, LANE_TORN) >> 63 == 0;
        let Kind::Write { offset, start, length } = change.kind else { return Some(*change) };
        let first = offset / TEAR_BYTES + 1;
        let bounds = (offset + length as u64).div_ceil(TEAR_BYTES) - first;
        if !is_torn || bounds == 0 {
            return Some(*change);
        }
        let tear = (first + word(file.key, ordinal, LANE_TEAR) % bounds) * TEAR_BYTES;
        let length = usize::try_from(tear - offset).expect("less than the write");
        Some(Change { kind: Kind::Write { offset, start, length }, ..*change })
    }
}

/// Writes into an image that grows with zeros.
fn put(image: &mut Vec<u8>, offset: u64, bytes: &[u8]) {
    let offset = usize::try_from(offset).expect("a file that fits into memory");
    if offset == image.len() {
        image.extend_from_slice(bytes);
        return;
    }
    let end = offset + bytes.len();
    if image.len() < end {
        image.resize(end, 0);
    }
    image[offset..end].copy_from_slice(bytes);
}
