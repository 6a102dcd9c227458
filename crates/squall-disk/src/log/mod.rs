//! Logs: numbered records, appended to a chain of segments.
//!
//! Nothing that may be durable is ever overwritten: truncation and compaction are records too.
//! A new life goes on behind the last whole record; if anything but zeros lies there, it begins
//! a new segment, whose header says how much of the former one counts. So the bytes of a tail
//! that was cut can never be taken for records again.

mod record;
mod recover;
mod segment;

use std::collections::VecDeque;

use squall_node::{Bounds, DiskError, READ_BYTES_MAX, Record};

use self::record::What;
use self::segment::State;
use crate::device::{Device, FileId};
use crate::store::{PAYLOAD_BYTES_MAX, SEGMENT_BYTES_MAX, Synced};

/// A log, as the store knows it.
///
/// - `chain` is in ascending order of epochs; each segment continues the one before it.
/// - `entries` holds the places of `state.first .. state.next`.
/// - Records are written at `end` of the last segment, or, if it is sealed, to a new one.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    name: String,
    group: u32,
    state: State,
    entries: VecDeque<Entry>,
    chain: Vec<Segment>,
    end: u64,
    is_sealed: bool,
    /// The highest epoch ever seen, those of segments that are not part of the chain included.
    epoch_max: u32,
    /// Segments that no longer count. They go when the log is written next.
    orphans: Vec<u32>,
    /// Segments that may go once the record of this sequence number is durable.
    outdated: Vec<(u64, FileId)>,
}

#[derive(Clone, Copy, Debug)]
struct Segment {
    epoch: u32,
    file: FileId,
}

/// Where an entry is. Epoch 0: in a segment that is gone.
#[derive(Clone, Copy, Debug)]
struct Entry {
    epoch: u32,
    size: u32,
    offset: u64,
}

impl Log {
    /// The file ending of segments.
    pub(crate) const SUFFIX: &'static str = ".log";

    pub(crate) fn bounds(&self) -> Bounds {
        Bounds { first: self.state.first, next: self.state.next }
    }

    /// Appends an entry and says its index.
    pub(crate) fn append<D: Device>(
        &mut self,
        device: &mut D,
        (term, kind): (u64, u8),
        payload: &[u8],
        scratch: &mut Vec<u8>,
    ) -> Result<u64, DiskError> {
        if payload.len() > PAYLOAD_BYTES_MAX {
            return Err(DiskError::Full);
        }
        let index = self.state.next;
        let entry = self.write(device, (What::Entry, index), (term, kind), payload, scratch)?;
        self.entries.push_back(entry);
        self.state.next += 1;
        Ok(index)
    }

    /// Removes the entries from `index` on.
    pub(crate) fn truncate_from<D: Device>(
        &mut self,
        device: &mut D,
        index: u64,
        scratch: &mut Vec<u8>,
    ) -> Result<(), DiskError> {
        if index < self.state.first {
            return Err(DiskError::OutOfRange);
        }
        if index < self.state.next {
            self.write(device, (What::TruncateFrom, index), (0, 0), &[], scratch)?;
            self.truncated(index);
        }
        Ok(())
    }

    /// Forgets the entries up to `index`, which may lie beyond the last one: the next entry then
    /// comes after it.
    pub(crate) fn compact<D: Device>(
        &mut self,
        device: &mut D,
        index: u64,
        scratch: &mut Vec<u8>,
    ) -> Result<(), DiskError> {
        if index < self.state.first {
            return Ok(());
        }
        self.write(device, (What::CompactTo, index), (0, 0), &[], scratch)?;
        self.compacted(index);
        let last = self.chain.last().map_or(0, |segment| segment.epoch);
        let oldest = self.entries.front().map_or(last, |entry| entry.epoch);
        let kept = self.chain.partition_point(|segment| segment.epoch < oldest);
        let sequence = self.state.sequence - 1;
        self.outdated.extend(self.chain.drain(..kept).map(|segment| (sequence, segment.file)));
        Ok(())
    }

    /// Hands out entries; see [`squall_node::Disk::read`].
    pub(crate) fn read<D: Device>(
        &self,
        device: &mut D,
        (from, upto): (u64, u64),
        sink: &mut dyn FnMut(Record<'_>),
        buffer: &mut Vec<u8>,
    ) -> Result<u64, DiskError> {
        if from < self.state.first || from >= self.state.next {
            return Err(DiskError::OutOfRange);
        }
        let upto = upto.min(self.state.next);
        let (mut at, mut budget) = (from, READ_BYTES_MAX);
        while at < upto && (at == from || size_of(self.entry(at)) <= budget) {
            let (end, span) = self.run(at, upto, budget);
            let start = self.entry(at);
            buffer.resize(span, 0);
            let read = device.read_at(self.file(start.epoch), start.offset, buffer)?;
            for index in at..end {
                let skip = usize::try_from(self.entry(index).offset - start.offset);
                let bytes = buffer[..read].get(skip.unwrap_or(usize::MAX)..).unwrap_or_default();
                self.hand_out(bytes, start.epoch, index, sink)?;
            }
            (at, budget) = (end, budget.saturating_sub(span));
        }
        Ok(at)
    }

    /// Entries from `at` on that lie together and fit: the index after them, and their bytes.
    fn run(&self, at: u64, upto: u64, budget: usize) -> (u64, usize) {
        let start = self.entry(at);
        let (mut end, mut span) = (at + 1, size_of(start));
        while end < upto {
            let entry = self.entry(end);
            if entry.epoch != start.epoch {
                break;
            }
            let wider = entry.offset - start.offset + u64::from(entry.size);
            match usize::try_from(wider) {
                Ok(wider) if wider <= budget => span = wider,
                _ => break,
            }
            end += 1;
        }
        (end, span)
    }

    fn hand_out(
        &self,
        bytes: &[u8],
        epoch: u32,
        index: u64,
        sink: &mut dyn FnMut(Record<'_>),
    ) -> Result<(), DiskError> {
        let parsed = record::parse(bytes, epoch, self.group);
        let parsed = parsed.filter(|it| (it.header.what, it.header.index) == (What::Entry, index));
        let Some((header, payload)) = parsed.and_then(|it| Some((it.header, it.payload?))) else {
            return Err(self.damaged(index));
        };
        sink(Record { index, term: header.term, kind: header.kind, payload });
        Ok(())
    }

    /// Writes a record behind the last one, in a new segment if need be.
    fn write<D: Device>(
        &mut self,
        device: &mut D,
        (what, index): (What, u64),
        (term, kind): (u64, u8),
        payload: &[u8],
        scratch: &mut Vec<u8>,
    ) -> Result<Entry, DiskError> {
        scratch.clear();
        let is_new = self.is_sealed || self.end >= SEGMENT_BYTES_MAX;
        let last = self.chain.last().copied();
        debug_assert!(is_new || last.is_some_and(|segment| segment.epoch == self.epoch_max));
        let epoch = if is_new { self.epoch_max + 1 } else { self.epoch_max };
        if is_new {
            let previous = last.map_or(0, |segment| segment.epoch);
            let (group, state) = (self.group, self.state);
            segment::Header { epoch, group, previous, previous_end: self.end, state }
                .encode(scratch);
        }
        let start = scratch.len();
        let durable = self.state.durable;
        let header = record::Header { epoch, group: self.group, kind, what, index, term, durable };
        record::encode(scratch, &header, payload);
        let size = u32::try_from(scratch.len() - start).expect("bounded by PAYLOAD_BYTES_MAX");
        let file = match last {
            Some(segment) if !is_new => segment.file,
            _ => device.open(&segment::file_name(&self.name, epoch))?,
        };
        let at = if is_new { 0 } else { self.end };
        device.write_at(file, at, scratch)?;
        if is_new {
            self.chain.push(Segment { epoch, file });
            self.epoch_max = epoch;
            self.is_sealed = false;
            self.drop_orphans(device)?;
        }
        self.end = at + scratch.len() as u64;
        self.state.sequence += 1;
        Ok(Entry { epoch, size, offset: at + start as u64 })
    }

    fn drop_orphans<D: Device>(&mut self, device: &mut D) -> Result<(), DiskError> {
        for epoch in std::mem::take(&mut self.orphans) {
            let file = device.open(&segment::file_name(&self.name, epoch))?;
            device.remove(file)?;
        }
        Ok(())
    }

    fn truncated(&mut self, index: u64) {
        let kept = usize::try_from(index - self.state.first).unwrap_or(usize::MAX);
        self.entries.truncate(kept);
        self.state.next = index;
    }

    fn compacted(&mut self, index: u64) {
        let gone = usize::try_from(index + 1 - self.state.first).unwrap_or(usize::MAX);
        self.entries.drain(..gone.min(self.entries.len()));
        self.state.first = index + 1;
        self.state.next = self.state.next.max(index + 1);
    }

    fn entry(&self, index: u64) -> Entry {
        let at = usize::try_from(index - self.state.first).expect("an index of the log");
        self.entries[at]
    }

    fn file(&self, epoch: u32) -> FileId {
        let at = self.chain.partition_point(|segment| segment.epoch < epoch);
        self.chain[at].file
    }

    fn damaged(&self, index: u64) -> DiskError {
        DiskError::Corrupt(format!("log {}: record {index}", self.name))
    }
}

impl Synced for Log {
    fn begin_sync(&mut self) -> u64 {
        self.state.sequence - 1
    }

    fn end_sync<D: Device>(&mut self, device: &mut D, sequence: u64) -> Result<(), DiskError> {
        self.state.durable = self.state.durable.max(sequence);
        while let Some(&(needed, file)) = self.outdated.first() {
            if needed > self.state.durable {
                break;
            }
            device.remove(file)?;
            self.outdated.remove(0);
        }
        Ok(())
    }
}

const fn size_of(entry: Entry) -> usize {
    entry.size as usize
}
