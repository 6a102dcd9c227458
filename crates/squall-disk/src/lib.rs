//! The disks behind a node's verbs: what keeps its promise when the power goes.
//!
//! ```text
//! squall_node::Disk   cells and logs, as a node sees them
//!       Store         their formats: checksums, generations, segments, recovery
//!      Device         named files of bytes, synced in two halves
//! MemoryDevice   FileDevice
//! ```
//!
//! The same [`Store`] runs on memory and on real files, so checksums and torn tails are exercised
//! by every simulated power loss. A [`MemoryDevice`] keeps what was synced apart from what was
//! only written; [`MemoryDevice::power_loss`] keeps a random part of the rest.
//!
//! # Promises of the store
//!
//! - What a finished sync has covered survives any number of kills and power losses, unchanged.
//! - What none has covered is there or not, piece by piece: a cell is old or new, never a
//!   mixture; a log ends before its first hole. No read ever returns bytes that were not written.
//! - Damage to what was known to be durable is [`DiskError::Corrupt`](squall_node::DiskError),
//!   never an empty disk or a shorter log.
//!
//! # What this does not do
//!
//! - Damage to the newest synced records of a log, with no younger record to tell that they
//!   were durable, looks like a torn tail and is cut.
//! - No repair: a node gets lost records back from its peers.
//! - No blobs yet, and no lock on a directory: one process, one directory.

mod store;

mod cell;
mod log;

mod device;
mod file;
mod memory;

pub use device::{Device, FileId, SECTOR_BYTES, SyncMark};
pub use file::FileDevice;
pub use memory::MemoryDevice;
pub use store::{CELL_BYTES_MAX, PAYLOAD_BYTES_MAX, SEGMENT_BYTES_MAX, Store};
