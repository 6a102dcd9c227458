//! One record: `len u32 · crc32c u32 · epoch u32 · group u32 · kind u8 · flags u8 · index u64 ·
//! term u64 · durable-up-to u64 · header-crc u32 · payload · pad to 8`, little endian.
//!
//! The header has its own checksum, so that a damaged payload still tells what is lost.

/// Bytes before the payload.
pub(super) const HEADER_BYTES: usize = 46;
/// Records begin at multiples of this.
pub(super) const ALIGN: usize = 8;

/// What a record says to the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// A record of the node.
    Entry,
    /// All records from `index` on are removed.
    TruncateFrom,
    /// All records up to `index` are forgotten.
    CompactTo,
}

/// The header of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) epoch: u32,
    pub(super) group: u32,
    pub(super) kind: u8,
    pub(super) what: What,
    pub(super) index: u64,
    pub(super) term: u64,
    /// The last record of this log that was known to be durable, by its sequence number.
    pub(super) durable: u64,
}

/// A record in a buffer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parsed<'b> {
    pub(super) header: Header,
    /// `None`: damaged.
    pub(super) payload: Option<&'b [u8]>,
    /// Bytes of the whole record.
    pub(super) size: usize,
}

/// Bytes of a record with a payload of this length.
pub(super) const fn size_of(payload: usize) -> usize {
    (HEADER_BYTES + payload).next_multiple_of(ALIGN)
}

/// Appends a record.
pub(super) fn encode(out: &mut Vec<u8>, header: &Header, payload: &[u8]) {
    let length = u32::try_from(payload.len()).expect("bounded by PAYLOAD_BYTES_MAX");
    let mut bytes = [0_u8; HEADER_BYTES];
    bytes[0..4].copy_from_slice(&length.to_le_bytes());
    bytes[8..12].copy_from_slice(&header.epoch.to_le_bytes());
    bytes[12..16].copy_from_slice(&header.group.to_le_bytes());
    bytes[16] = header.kind;
    bytes[17] = match header.what {
        What::Entry => 0,
        What::TruncateFrom => 1,
        What::CompactTo => 2,
    };
    bytes[18..26].copy_from_slice(&header.index.to_le_bytes());
    bytes[26..34].copy_from_slice(&header.term.to_le_bytes());
    bytes[34..42].copy_from_slice(&header.durable.to_le_bytes());
    let header_crc = header_checksum(&bytes);
    bytes[42..46].copy_from_slice(&header_crc.to_le_bytes());
    let crc = crc32c::crc32c_append(crc32c::crc32c(&bytes[8..]), payload);
    bytes[4..8].copy_from_slice(&crc.to_le_bytes());
    out.extend_from_slice(&bytes);
    out.extend_from_slice(payload);
    out.resize(out.len() + size_of(payload.len()) - HEADER_BYTES - payload.len(), 0);
}

/// The record at the beginning of `bytes`, if its header is whole and of this epoch and group.
pub(super) fn parse(bytes: &[u8], epoch: u32, group: u32) -> Option<Parsed<'_>> {
    let head = bytes.first_chunk::<HEADER_BYTES>()?;
    let word = |at: usize| head[at..].first_chunk().map_or(0, |&b| u32::from_le_bytes(b));
    let long = |at: usize| head[at..].first_chunk().map_or(0, |&b| u64::from_le_bytes(b));
    if (word(8), word(12)) != (epoch, group) || word(42) != header_checksum(head) {
        return None;
    }
    let what = match head[17] {
        0 => What::Entry,
        1 => What::TruncateFrom,
        2 => What::CompactTo,
        _ => return None,
    };
    let (kind, index, term, durable) = (head[16], long(18), long(26), long(34));
    let header = Header { epoch, group, kind, what, index, term, durable };
    let length = usize::try_from(word(0)).ok()?;
    let crc =
        |payload: &&[u8]| crc32c::crc32c_append(crc32c::crc32c(&head[8..]), payload) == word(4);
    let payload = bytes[HEADER_BYTES..].get(..length).filter(crc);
    Some(Parsed { header, payload, size: size_of(length) })
}

/// Covers everything in the header but the two checksums.
fn header_checksum(header: &[u8; HEADER_BYTES]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&header[0..4]), &header[8..42])
}
