//! Cells: one small value each, replaced whole.
//!
//! A file holds *generations*, each written twice, each copy in sectors of its own. A put never
//! touches a generation that may be the newest durable one, so two generations serve by turns; a
//! put that comes while a sync is under way takes a third.

use squall_node::DiskError;

use crate::device::{Device, FileId, SECTOR_BYTES};
use crate::store::{CELL_BYTES_MAX, Synced, group_of};

/// `crc32c u32 · header-crc u32 · len u32 · group u32 · generation u64 · durable-up-to u64`
const HEADER_BYTES: usize = 32;

/// A cell, as the store knows it.
///
/// - `value` is that of the highest generation of which a copy is whole, `newest`.
/// - No generation above `highest` has ever been begun. It is above `newest` after a loss of
///   power that broke a put.
/// - Generations up to `durable` are known to be durable; those up to `covered` may be, since a
///   sync of them has begun.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    name: String,
    group: u32,
    slots: Vec<Slot>,
    newest: u64,
    highest: u64,
    durable: u64,
    covered: u64,
    pub(crate) value: Option<Vec<u8>>,
}

/// A place for one generation.
#[derive(Clone, Copy, Debug)]
struct Slot {
    /// Each copy has `1 << class` bytes; slots of one class share a file.
    class: u32,
    number: u64,
    file: FileId,
    /// The highest one that has a header here, whole or not; 0 for none. What is broken must
    /// not be overwritten either: the new bytes might make the old value whole again.
    generation: u64,
}

impl Cell {
    /// The file ending of cells.
    pub(crate) const SUFFIX: &'static str = ".cell";

    /// Reads a cell. `is_settled`: nothing on the device waits for a sync.
    pub(crate) fn load<D: Device>(
        device: &mut D,
        name: &str,
        is_settled: bool,
    ) -> Result<Self, DiskError> {
        let mut cell = Self {
            name: name.to_owned(),
            group: group_of(name),
            slots: Vec::new(),
            newest: 0,
            highest: 0,
            durable: 0,
            covered: 0,
            value: None,
        };
        let mut claims = Claims::default();
        for file_name in device.names()? {
            if let Some(class) = class_of(&file_name, name) {
                cell.scan(device, &file_name, class, &mut claims)?;
            }
        }
        claims.judge(&cell)?;
        cell.covered = cell.highest;
        if is_settled {
            cell.durable = cell.newest;
        }
        Ok(cell)
    }

    fn scan<D: Device>(
        &mut self,
        device: &mut D,
        file_name: &str,
        class: u32,
        claims: &mut Claims,
    ) -> Result<(), DiskError> {
        let file = device.open(file_name)?;
        let length = device.len(file)?;
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
        let read = device.read_at(file, 0, &mut bytes)?;
        bytes.truncate(read);
        let stride = 1_usize << class;
        for (number, slot) in (0..).zip(bytes.chunks(2 * stride)) {
            let mut generation = 0;
            claims.broken = 0;
            for copy in slot.chunks(stride) {
                let (found, value) = claims.read(copy, self.group, class);
                generation = generation.max(found);
                if let Some(value) = value.filter(|_| found > self.newest) {
                    self.newest = found;
                    self.value = Some(value.to_vec());
                }
            }
            claims.wrecked |= claims.broken > 1;
            self.highest = self.highest.max(generation);
            self.slots.push(Slot { class, number, file, generation });
        }
        Ok(())
    }

    /// Replaces the value.
    pub(crate) fn put<D: Device>(
        &mut self,
        device: &mut D,
        value: &[u8],
        scratch: &mut Vec<u8>,
    ) -> Result<(), DiskError> {
        if value.len() > CELL_BYTES_MAX {
            return Err(DiskError::Full);
        }
        let stride = (value.len() + HEADER_BYTES).next_power_of_two();
        let stride = stride.max(usize::try_from(SECTOR_BYTES).unwrap_or(4096));
        let generation = self.highest + 1;
        let at = self.free_slot(device, stride.trailing_zeros())?;
        let Slot { number, file, .. } = self.slots[at];
        scratch.clear();
        encode(scratch, self.group, (generation, self.durable), value);
        let offset = number * 2 * stride as u64;
        // The further copy first: if there is no space for both, none is written.
        device.write_at(file, offset + stride as u64, scratch)?;
        // Until both are, the slot counts as holding nothing.
        self.slots[at].generation = 0;
        device.write_at(file, offset, scratch)?;
        self.slots[at].generation = generation;
        (self.newest, self.highest) = (generation, generation);
        let old = self.value.get_or_insert_default();
        old.clear();
        old.extend_from_slice(value);
        Ok(())
    }

    /// A slot whose loss would lose nothing that may be durable and newest.
    fn free_slot<D: Device>(&mut self, device: &mut D, class: u32) -> Result<usize, DiskError> {
        let is_free = |slot: &Slot| {
            let is_never_synced = slot.generation > self.covered;
            let is_outdated = slot.generation < self.durable;
            slot.class == class && (is_never_synced || is_outdated)
        };
        if let Some(at) = self.slots.iter().position(is_free) {
            return Ok(at);
        }
        let file = device.open(&format!("{}.{class}{}", self.name, Self::SUFFIX))?;
        let number = self.slots.iter().filter(|slot| slot.class == class).count() as u64;
        self.slots.push(Slot { class, number, file, generation: 0 });
        Ok(self.slots.len() - 1)
    }
}

impl Synced for Cell {
    fn begin_sync(&mut self) -> u64 {
        self.covered = self.covered.max(self.newest);
        self.newest
    }

    fn end_sync<D: Device>(&mut self, _device: &mut D, generation: u64) -> Result<(), DiskError> {
        self.durable = self.durable.max(generation);
        Ok(())
    }
}

/// What the copies of a cell tell, valid or not.
#[derive(Default)]
struct Claims {
    /// The highest generation that some header knows to be durable.
    durable: u64,
    /// Copies of this slot that have one sector and are neither whole nor empty.
    broken: usize,
    /// Whether there is a slot of which both copies are broken. A loss of power tears one.
    wrecked: bool,
}

impl Claims {
    /// The generation of a copy, 0 if that cannot be told, and its value, if it is whole.
    fn read<'c>(&mut self, copy: &'c [u8], group: u32, class: u32) -> (u64, Option<&'c [u8]>) {
        let mut generation = 0;
        if let Some(header) = decode_header(copy, group) {
            generation = header.generation;
            self.durable = self.durable.max(header.durable);
            let value = copy[HEADER_BYTES..].get(..header.length);
            if let Some(value) = value.filter(|value| checksum(copy, value) == header.crc) {
                return (generation, Some(value));
            }
        }
        let is_one_sector = 1_u64 << class == SECTOR_BYTES;
        self.broken += usize::from(is_one_sector && copy.iter().any(|&b| b != 0));
        (generation, None)
    }

    /// A cell whose newest durable value is gone is never taken for an older or an empty one.
    fn judge(&self, cell: &Cell) -> Result<(), DiskError> {
        let is_lost = cell.newest < self.durable;
        let is_wrecked = cell.value.is_none() && self.wrecked;
        if is_lost || is_wrecked {
            let what = format!("cell {}: no valid copy of its durable value", cell.name);
            return Err(DiskError::Corrupt(what));
        }
        Ok(())
    }
}

struct Header {
    crc: u32,
    length: usize,
    generation: u64,
    durable: u64,
}

fn encode(out: &mut Vec<u8>, group: u32, (generation, durable): (u64, u64), value: &[u8]) {
    let length = u32::try_from(value.len()).expect("bounded by CELL_BYTES_MAX");
    out.resize(HEADER_BYTES, 0);
    out[8..12].copy_from_slice(&length.to_le_bytes());
    out[12..16].copy_from_slice(&group.to_le_bytes());
    out[16..24].copy_from_slice(&generation.to_le_bytes());
    out[24..32].copy_from_slice(&durable.to_le_bytes());
    let header_crc = crc32c::crc32c(&out[8..HEADER_BYTES]);
    out[4..8].copy_from_slice(&header_crc.to_le_bytes());
    let crc = checksum(out, value);
    out[0..4].copy_from_slice(&crc.to_le_bytes());
    out.extend_from_slice(value);
}

fn checksum(header: &[u8], value: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&header[4..HEADER_BYTES]), value)
}

fn decode_header(copy: &[u8], group: u32) -> Option<Header> {
    let header = copy.first_chunk::<HEADER_BYTES>()?;
    let word = |at: usize| header[at..].first_chunk().map_or(0, |&b| u32::from_le_bytes(b));
    let long = |at: usize| header[at..].first_chunk().map_or(0, |&b| u64::from_le_bytes(b));
    let is_ours = word(4) == crc32c::crc32c(&header[8..]) && word(12) == group;
    is_ours.then(|| Header {
        crc: word(0),
        length: usize::try_from(word(8)).unwrap_or(usize::MAX),
        generation: long(16),
        durable: long(24),
    })
}

/// The size class of a file of this cell.
fn class_of(file_name: &str, cell: &str) -> Option<u32> {
    let class = file_name.strip_prefix(cell)?.strip_prefix('.')?.strip_suffix(Cell::SUFFIX)?;
    class.parse().ok().filter(|class| (12..=32).contains(class))
}
