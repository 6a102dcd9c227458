//! How a log is found again: follow the chain, replay it, cut what was never durable.

use std::collections::{BTreeMap, VecDeque};

use squall_node::DiskError;

use super::record::{self, ALIGN, What};
use super::segment::{self, Header, State};
use super::{Entry, Log, Segment};
use crate::device::{Device, FileId};
use crate::store::group_of;

/// All segments of a log that are on the disk, by epoch.
type Found = BTreeMap<u32, Piece>;

struct Piece {
    file: FileId,
    bytes: Vec<u8>,
    header: Option<Header>,
}

impl Log {
    /// Reads a log. `is_settled`: nothing on the device waits for a sync.
    pub(crate) fn load<D: Device>(
        device: &mut D,
        name: &str,
        is_settled: bool,
    ) -> Result<Self, DiskError> {
        let group = group_of(name);
        let mut found = Found::new();
        for file_name in device.names()? {
            let Some(epoch) = segment::epoch_of(&file_name, name) else { continue };
            let file = device.open(&file_name)?;
            let bytes = segment::read_whole(device, file)?;
            let header = Header::decode(&bytes, epoch, group);
            found.insert(epoch, Piece { file, bytes, header });
        }
        let epoch_max = found.last_key_value().map_or(0, |(&epoch, _)| epoch);
        let mut log = Self::empty(name, group, epoch_max);
        // A segment that continues one that was lost with it is no part of the log.
        for last in found.values().rev().filter_map(|piece| piece.header) {
            let mut candidate = Self::empty(name, group, epoch_max);
            candidate.replay(&found, &chain(&found, last));
            if candidate.entries.iter().all(|entry| entry.epoch > 0) {
                log = candidate;
                break;
            }
        }
        log.judge(&found)?;
        let is_kept = |epoch: u32| log.chain.iter().any(|segment| segment.epoch == epoch);
        log.orphans = found.keys().copied().filter(|&epoch| !is_kept(epoch)).collect();
        // What is written next must outrank them.
        log.is_sealed |= !log.orphans.is_empty();
        log.state.durable = if is_settled { log.state.sequence - 1 } else { 0 };
        Ok(log)
    }

    fn empty(name: &str, group: u32, epoch_max: u32) -> Self {
        Self {
            name: name.to_owned(),
            group,
            state: State { first: 1, next: 1, sequence: 1, durable: 0 },
            entries: VecDeque::new(),
            chain: Vec::new(),
            end: 0,
            is_sealed: true,
            epoch_max,
            orphans: Vec::new(),
            outdated: Vec::new(),
        }
    }

    /// Replays a chain of segments, up to its first hole.
    fn replay(&mut self, found: &Found, chain: &[(u32, Header)]) {
        let mut pieces = chain.iter().peekable();
        let mut is_first = true;
        while let Some(&(epoch, header)) = pieces.next() {
            let piece = &found[&epoch];
            if std::mem::take(&mut is_first) {
                self.begin(header);
            } else if (header.state.first, header.state.next, header.state.sequence)
                != (self.state.first, self.state.next, self.state.sequence)
            {
                return;
            }
            self.chain.push(Segment { epoch, file: piece.file });
            let is_last = pieces.peek().is_none();
            let limit = pieces.peek().map_or(piece.bytes.len() as u64, |(_, it)| it.previous_end);
            let limit = usize::try_from(limit).unwrap_or(usize::MAX).min(piece.bytes.len());
            let end = self.replay_segment(epoch, &piece.bytes[..limit]);
            self.end = end as u64;
            self.is_sealed = !is_last || piece.bytes[end..].iter().any(|&b| b != 0);
            if pieces.peek().is_some_and(|(_, it)| it.previous_end != self.end) {
                return;
            }
        }
    }

    /// The state at the beginning of the oldest segment; what came before it was compacted.
    fn begin(&mut self, header: Header) {
        self.state = header.state;
        let missing = Entry { epoch: 0, size: 0, offset: 0 };
        let count = header.state.next.saturating_sub(header.state.first);
        self.entries.extend(std::iter::repeat_n(missing, usize::try_from(count).unwrap_or(0)));
    }

    /// Takes in whole records that continue the log; says where they end.
    fn replay_segment(&mut self, epoch: u32, bytes: &[u8]) -> usize {
        let mut at = segment::HEADER_BYTES;
        while let Some(parsed) = bytes.get(at..).and_then(|b| record::parse(b, epoch, self.group)) {
            let header = parsed.header;
            let is_next = match header.what {
                What::Entry => header.index == self.state.next,
                What::TruncateFrom => {
                    self.state.first <= header.index && header.index < self.state.next
                }
                What::CompactTo => self.state.first <= header.index,
            };
            if parsed.payload.is_none() || !is_next || at + parsed.size > bytes.len() {
                break;
            }
            match header.what {
                What::Entry => {
                    let size = u32::try_from(parsed.size).expect("its length is a u32");
                    self.entries.push_back(Entry { epoch, size, offset: at as u64 });
                    self.state.next += 1;
                }
                What::TruncateFrom => self.truncated(header.index),
                What::CompactTo => self.compacted(header.index),
            }
            self.state.sequence += 1;
            at += parsed.size;
        }
        at
    }

    /// Tells a torn tail, which nobody has ever been told of, from damage: any mark that is left
    /// and claims durability of a record that is not, is the difference.
    fn judge(&self, found: &Found) -> Result<(), DiskError> {
        let claimed = found.iter().map(|(&epoch, piece)| claims(piece, epoch, self.group)).max();
        if claimed.unwrap_or(0) >= self.state.sequence {
            return Err(self.damaged(self.state.next));
        }
        Ok(())
    }
}

/// A segment and those that it continues, oldest first.
fn chain(found: &Found, last: Header) -> Vec<(u32, Header)> {
    let header = |epoch: u32| found.get(&epoch).and_then(|piece| piece.header);
    let mut chain: Vec<_> = std::iter::successors(Some(last), |it| {
        header(it.previous).filter(|previous| previous.epoch < it.epoch)
    })
    .map(|it| (it.epoch, it))
    .collect();
    chain.reverse();
    chain
}

/// The highest sequence number that anything in a segment claims to be durable. A claim is true
/// for ever, even in a tail that was cut: what is durable is never cut.
fn claims(piece: &Piece, epoch: u32, group: u32) -> u64 {
    let mut claimed = piece.header.map_or(0, |header| header.state.durable);
    let mut at = segment::HEADER_BYTES;
    while at < piece.bytes.len() {
        match record::parse(&piece.bytes[at..], epoch, group) {
            Some(parsed) => {
                claimed = claimed.max(parsed.header.durable);
                at += parsed.size;
            }
            None => at += ALIGN,
        }
    }
    claimed
}
