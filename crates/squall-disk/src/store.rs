//! The disk of a node: cells and logs on a device.

use std::collections::BTreeMap;

use squall_node::{Bounds, Disk, DiskError, READ_BYTES_MAX, Record};

use crate::MemoryDevice;
use crate::cell::Cell;
use crate::device::{Device, SyncMark};
use crate::log::Log;

/// The longest value of a cell. A longer one is refused as [`DiskError::Full`].
pub const CELL_BYTES_MAX: usize = READ_BYTES_MAX;
/// The longest payload of a record. A longer one is refused as [`DiskError::Full`].
pub const PAYLOAD_BYTES_MAX: usize = 64 << 20;
/// A segment of a log that has grown to this many bytes is followed by another one.
pub const SEGMENT_BYTES_MAX: u64 = 1 << 20;

/// The cells and logs of a node, on a device.
///
/// - Files are read when they are first asked for, and known from then on.
/// - One sync at a time: it begins, then it ends.
/// - `is_settled`: what a former life left on the device is durable. It is false from a start on
///   a dirty device to the end of the first sync.
#[derive(Clone, Debug)]
pub struct Store<D> {
    device: D,
    cells: Table<Cell>,
    logs: Table<Log>,
    is_settled: bool,
    syncing: Option<Syncing>,
    scratch: Vec<u8>,
}

/// A sync under way: what each cell and log will know to be durable.
#[derive(Clone, Debug)]
struct Syncing {
    mark: SyncMark,
    cells: Vec<(usize, u64)>,
    logs: Vec<(usize, u64)>,
}

impl<D: Device> Store<D> {
    /// The store on a device, empty or as a former life left it.
    #[must_use]
    pub fn new(device: D) -> Self {
        Self {
            is_settled: !device.is_dirty(),
            device,
            cells: Table::default(),
            logs: Table::default(),
            syncing: None,
            scratch: Vec::new(),
        }
    }

    /// Begins a new life on the same device: everything known is forgotten and read again, a
    /// sync that was under way never ends.
    pub fn restart(&mut self) {
        self.is_settled = !self.device.is_dirty();
        self.cells = Table::default();
        self.logs = Table::default();
        self.syncing = None;
    }

    /// The device.
    #[must_use]
    pub fn device(&self) -> &D {
        &self.device
    }

    /// The device. Whoever changes its bytes must call [`Store::restart`] afterwards.
    pub fn device_mut(&mut self) -> &mut D {
        &mut self.device
    }

    /// Begins a sync of everything written so far.
    ///
    /// # Panics
    /// If one is under way.
    pub fn begin_sync(&mut self) -> SyncMark {
        assert!(self.syncing.is_none(), "one sync at a time");
        let (cells, logs) = (self.cells.begin_sync(), self.logs.begin_sync());
        let mark = self.device.begin_sync();
        self.syncing = Some(Syncing { mark, cells, logs });
        mark
    }

    /// Ends the sync that is under way: what was written before it began is durable.
    ///
    /// # Errors
    /// [`DiskError::Failed`]: nothing may be taken for durable, and the node must stop.
    ///
    /// # Panics
    /// If another sync is under way, or none.
    pub fn end_sync(&mut self, mark: SyncMark) -> Result<(), DiskError> {
        let syncing = self.syncing.take().filter(|syncing| syncing.mark == mark);
        let syncing = syncing.expect("the sync that was begun is ended");
        self.device.end_sync(mark)?;
        self.is_settled = true;
        self.cells.end_sync(&mut self.device, syncing.cells)?;
        self.logs.end_sync(&mut self.device, syncing.logs)
    }

    /// A cell, read from the device if it is not known yet, and what is needed to change it.
    fn cell(&mut self, name: &str) -> Result<Open<'_, Cell, D>, DiskError> {
        let Self { device, is_settled, .. } = self;
        let at = self.cells.place(name, *is_settled, || Cell::load(device, name, *is_settled))?;
        Ok(Open { part: &mut self.cells.parts[at], device, scratch: &mut self.scratch })
    }

    /// A log, as [`Store::cell`].
    fn log(&mut self, name: &str) -> Result<Open<'_, Log, D>, DiskError> {
        let Self { device, is_settled, .. } = self;
        let at = self.logs.place(name, *is_settled, || Log::load(device, name, *is_settled))?;
        Ok(Open { part: &mut self.logs.parts[at], device, scratch: &mut self.scratch })
    }
}

impl Store<MemoryDevice> {
    /// The machine loses power and starts again; see [`MemoryDevice::power_loss`].
    pub fn power_loss(&mut self, key: u64) {
        self.device.power_loss(key);
        self.restart();
    }
}

impl<D: Device> Disk for Store<D> {
    fn put(&mut self, cell: &str, value: &[u8]) -> Result<(), DiskError> {
        let Open { part, device, scratch } = self.cell(cell)?;
        part.is_dirty = true;
        part.it.put(device, value, scratch)
    }

    fn get(&mut self, cell: &str) -> Result<Option<Vec<u8>>, DiskError> {
        Ok(self.cell(cell)?.part.it.value.clone())
    }

    fn append(&mut self, log: &str, term: u64, kind: u8, payload: &[u8]) -> Result<u64, DiskError> {
        let Open { part, device, scratch } = self.log(log)?;
        part.is_dirty = true;
        part.it.append(device, (term, kind), payload, scratch)
    }

    fn truncate_from(&mut self, log: &str, index: u64) -> Result<(), DiskError> {
        let Open { part, device, scratch } = self.log(log)?;
        part.is_dirty = true;
        part.it.truncate_from(device, index, scratch)
    }

    fn compact(&mut self, log: &str, index: u64) -> Result<(), DiskError> {
        let Open { part, device, scratch } = self.log(log)?;
        part.is_dirty = true;
        part.it.compact(device, index, scratch)
    }

    fn bounds(&mut self, log: &str) -> Result<Bounds, DiskError> {
        Ok(self.log(log)?.part.it.bounds())
    }

    fn read(
        &mut self,
        log: &str,
        from: u64,
        upto: u64,
        sink: &mut dyn FnMut(Record<'_>),
    ) -> Result<u64, DiskError> {
        let Open { part, device, scratch } = self.log(log)?;
        part.it.read(device, (from, upto), sink, scratch)
    }

    fn is_dirty(&self) -> bool {
        self.device.is_dirty()
    }
}

/// What knows which of its writes are durable.
pub(crate) trait Synced {
    /// A sync of everything written so far begins. It will make durable what is numbered up to
    /// the result.
    fn begin_sync(&mut self) -> u64;

    /// That sync has ended.
    fn end_sync<D: Device>(&mut self, device: &mut D, upto: u64) -> Result<(), DiskError>;
}

/// The cells or the logs that are known in this life.
#[derive(Clone, Debug)]
struct Table<T> {
    places: BTreeMap<String, usize>,
    parts: Vec<Part<T>>,
}

/// A cell or a log, and whether the next sync tells it something new.
#[derive(Clone, Debug)]
struct Part<T> {
    it: T,
    is_dirty: bool,
}

/// A cell or a log, and what is needed to change it.
struct Open<'s, T, D> {
    part: &'s mut Part<T>,
    device: &'s mut D,
    scratch: &'s mut Vec<u8>,
}

impl<T: Synced> Table<T> {
    fn place(
        &mut self,
        name: &str,
        is_settled: bool,
        load: impl FnOnce() -> Result<T, DiskError>,
    ) -> Result<usize, DiskError> {
        if let Some(&at) = self.places.get(name) {
            return Ok(at);
        }
        let is_fit = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        assert!(!name.is_empty() && name.bytes().all(is_fit), "a name of [a-z0-9-]: {name:?}");
        // What is not settled yet has to hear of the next sync, written or not.
        self.parts.push(Part { it: load()?, is_dirty: !is_settled });
        self.places.insert(name.to_owned(), self.parts.len() - 1);
        Ok(self.parts.len() - 1)
    }

    fn begin_sync(&mut self) -> Vec<(usize, u64)> {
        let parts = self.parts.iter_mut().enumerate();
        let dirty = parts.filter(|(_, part)| part.is_dirty);
        dirty
            .map(|(at, part)| {
                part.is_dirty = false;
                (at, part.it.begin_sync())
            })
            .collect()
    }

    fn end_sync<D: Device>(
        &mut self,
        device: &mut D,
        covered: Vec<(usize, u64)>,
    ) -> Result<(), DiskError> {
        covered.into_iter().try_for_each(|(at, upto)| self.parts[at].it.end_sync(device, upto))
    }
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { places: BTreeMap::new(), parts: Vec::new() }
    }
}

/// A number for the name of a file, written into everything that belongs to it.
pub(crate) fn group_of(name: &str) -> u32 {
    crc32c::crc32c(name.as_bytes())
}
