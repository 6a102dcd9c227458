//! Keyed chance: a draw is a pure function of what it is for.
//!
//! No generator is shared between purposes, so adding or removing one draw leaves all others as
//! they were. Golden values are committed in the tests; changing a function here raises the
//! generator version of the plan format.

use core::ops::Range;

/// 2^64 divided by the golden ratio: the step of the SplitMix64 sequence.
const PHI: u64 = 0x9E37_79B9_7F4A_7C15;

/// The SplitMix64 finaliser (Steele, Lea, Flood, OOPSLA 2014, figure 17): a bijection on 64 bits.
#[must_use]
pub const fn mix(z: u64) -> u64 {
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// The key of all draws of one purpose: `mix(mix(mix(seed ^ domain) ^ a) ^ b)`.
#[must_use]
pub const fn draw_key(seed: u64, domain: u64, a: u64, b: u64) -> u64 {
    mix(mix(mix(seed ^ domain) ^ a) ^ b)
}

/// The `n`th word of a key, on one of its lanes: `mix(mix(key + n * PHI) + lane)`.
#[must_use]
pub const fn word(key: u64, n: u64, lane: u64) -> u64 {
    mix(mix(key.wrapping_add(n.wrapping_mul(PHI))).wrapping_add(lane))
}

/// A number for a text that is the same on every machine, for draws that are keyed by a name.
/// Not for tables that strangers can fill: it does not resist chosen collisions.
#[must_use]
pub const fn hash_text(text: &str) -> u64 {
    let bytes = text.as_bytes();
    let mut hash = mix(bytes.len() as u64 ^ PHI);
    let mut at = 0;
    while at < bytes.len() {
        let mut chunk = 0;
        let mut lane = 0;
        while lane < 8 && at < bytes.len() {
            chunk |= (bytes[at] as u64) << (8 * lane);
            lane += 1;
            at += 1;
        }
        hash = mix(hash ^ chunk).wrapping_add(PHI);
    }
    hash
}

/// A small generator over the words of one key. Two generators of different keys have nothing
/// to do with each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Random {
    key: u64,
    drawn: u64,
}

impl Random {
    /// The generator of a key made by [`draw_key`] or [`word`].
    #[must_use]
    pub const fn new(key: u64) -> Self {
        Self { key, drawn: 0 }
    }

    /// The next 64 random bits.
    pub const fn next_u64(&mut self) -> u64 {
        let bits = word(self.key, self.drawn, 0);
        self.drawn += 1;
        bits
    }

    /// Uniform in `0..bound`, by multiply and shift (Lemire 2019, without rejection: the bias is
    /// below bound / 2^64). 0 if the bound is 0.
    pub const fn below(&mut self, bound: u64) -> u64 {
        scale(self.next_u64(), bound)
    }

    /// Uniform in the range; its start if it is empty.
    pub const fn range(&mut self, range: Range<u64>) -> u64 {
        range.start + self.below(range.end.saturating_sub(range.start))
    }

    /// True with probability `ppm` / 1,000,000.
    pub const fn chance_ppm(&mut self, ppm: u64) -> bool {
        self.below(1_000_000) < ppm
    }

    /// A uniformly drawn element; `None` of an empty slice.
    pub fn pick<'s, T>(&mut self, of: &'s [T]) -> Option<&'s T> {
        let at = usize::try_from(self.below(of.len() as u64)).ok()?;
        of.get(at)
    }

    /// Puts the slice into a uniformly drawn order (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let at = usize::try_from(self.below(last as u64 + 1)).unwrap_or(last);
            items.swap(last, at);
        }
    }
}

/// `bits` scaled down to `0..bound`.
#[allow(clippy::cast_possible_truncation, reason = "the high half of a 64 by 64 bit product")]
#[must_use]
pub const fn scale(bits: u64, bound: u64) -> u64 {
    ((bits as u128 * bound as u128) >> 64) as u64
}

#[cfg(feature = "rand_core")]
impl rand_core::RngCore for Random {
    #[allow(clippy::cast_possible_truncation, reason = "the high half is asked for")]
    fn next_u32(&mut self) -> u32 {
        (Self::next_u64(self) >> 32) as u32
    }

    fn next_u64(&mut self) -> u64 {
        Self::next_u64(self)
    }

    fn fill_bytes(&mut self, dest: &mut [u8]) {
        rand_core::impls::fill_bytes_via_next(self, dest);
    }
}
