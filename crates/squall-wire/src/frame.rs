//! Length-prefixed frames: `len u32 (little endian) · payload`.

use std::fmt;

/// The longest payload of a frame. A longer one is never written, and ends the connection that
/// announces it.
pub const FRAME_BYTES_MAX: usize = 16 << 20;

const PREFIX_BYTES: usize = 4;

/// Appends a frame.
///
/// # Errors
/// If the payload is longer than [`FRAME_BYTES_MAX`]; nothing was appended.
pub fn write_frame(out: &mut Vec<u8>, payload: &[u8]) -> Result<(), FrameError> {
    let too_long = FrameError { length: payload.len() };
    let length = u32::try_from(payload.len()).map_err(|_| too_long)?;
    if payload.len() > FRAME_BYTES_MAX {
        return Err(too_long);
    }
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(payload);
    Ok(())
}

/// The first frame and what follows it; `None` until the frame is complete.
///
/// # Errors
/// If the frame announces more than [`FRAME_BYTES_MAX`]: what follows cannot be read.
pub fn read_frame(bytes: &[u8]) -> Result<Option<Frame<'_>>, FrameError> {
    let Some((prefix, rest)) = bytes.split_first_chunk::<PREFIX_BYTES>() else { return Ok(None) };
    let length = usize::try_from(u32::from_le_bytes(*prefix)).unwrap_or(usize::MAX);
    if length > FRAME_BYTES_MAX {
        return Err(FrameError { length });
    }
    Ok(rest.split_at_checked(length).map(|(payload, rest)| Frame { payload, rest }))
}

/// A complete frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// What it carries.
    pub payload: &'a [u8],
    /// What follows it.
    pub rest: &'a [u8],
}

/// A frame above [`FRAME_BYTES_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameError {
    /// Its length.
    pub length: usize,
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a frame of {} bytes; at most {FRAME_BYTES_MAX} are allowed", self.length)
    }
}

impl std::error::Error for FrameError {}
