//! A segment: a file with a header and the records of one epoch.

use squall_node::DiskError;

use crate::device::{Device, FileId};

/// Bytes before the first record.
pub(super) const HEADER_BYTES: usize = 72;
const MAGIC: [u8; 8] = *b"squallog";
const VERSION: u32 = 1;

/// The header: `magic · version u32 · epoch u32 · group u32 · previous u32 · previous-end u64 ·
/// first u64 · next u64 · sequence u64 · durable-up-to u64 · crc32c u32`, padded to 72 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// Number of this segment; those of later segments are higher.
    pub(super) epoch: u32,
    /// Checksum of the name of the log, so that a segment of another one is not ours.
    pub(super) group: u32,
    /// The segment that this one continues, and how much of it is part of the log; 0 for none.
    pub(super) previous: u32,
    pub(super) previous_end: u64,
    /// The state of the log at the beginning of this segment.
    pub(super) state: State,
}

/// Where a log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct State {
    /// Index of the first entry.
    pub(super) first: u64,
    /// Index of the next entry.
    pub(super) next: u64,
    /// Sequence number of the next record, entry or not. They are never given twice, except for
    /// those of records that were lost before they were durable.
    pub(super) sequence: u64,
    /// Sequence number of the last record that is known to be durable.
    pub(super) durable: u64,
}

impl Header {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&MAGIC);
        for word in [VERSION, self.epoch, self.group, self.previous] {
            out.extend_from_slice(&word.to_le_bytes());
        }
        let State { first, next, sequence, durable } = self.state;
        for long in [self.previous_end, first, next, sequence, durable] {
            out.extend_from_slice(&long.to_le_bytes());
        }
        let crc = crc32c::crc32c(&out[start..]);
        out.extend_from_slice(&crc.to_le_bytes());
        out.resize(start + HEADER_BYTES, 0);
    }

    pub(super) fn decode(bytes: &[u8], epoch: u32, group: u32) -> Option<Self> {
        let bytes = bytes.first_chunk::<HEADER_BYTES>()?;
        let word = |at: usize| bytes[at..].first_chunk().map_or(0, |&b| u32::from_le_bytes(b));
        let long = |at: usize| bytes[at..].first_chunk().map_or(0, |&b| u64::from_le_bytes(b));
        let is_ours = bytes[..8] == MAGIC && word(8) == VERSION;
        if !is_ours || (word(12), word(16)) != (epoch, group) {
            return None;
        }
        if word(64) != crc32c::crc32c(&bytes[..64]) {
            return None;
        }
        let state =
            State { first: long(32), next: long(40), sequence: long(48), durable: long(56) };
        Some(Self { epoch, group, previous: word(20), previous_end: long(24), state })
    }
}

/// The file of a segment.
pub(super) fn file_name(log: &str, epoch: u32) -> String {
    format!("{log}.{epoch:08x}{}", super::Log::SUFFIX)
}

/// The epoch of a file, if it is a segment of this log.
pub(super) fn epoch_of(file_name: &str, log: &str) -> Option<u32> {
    let epoch = file_name.strip_prefix(log)?.strip_prefix('.')?.strip_suffix(super::Log::SUFFIX)?;
    u32::from_str_radix(epoch, 16).ok().filter(|&epoch| epoch > 0)
}

/// The whole content of a file.
pub(super) fn read_whole<D: Device>(device: &mut D, file: FileId) -> Result<Vec<u8>, DiskError> {
    let length = device.len(file)?;
    let mut bytes = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
    let read = device.read_at(file, 0, &mut bytes)?;
    bytes.truncate(read);
    Ok(bytes)
}
