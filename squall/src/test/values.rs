//! Values of flags: numbers with their bounds, and what to say about the rest.

use std::ops::Range;

use crate::exit::Failure;

/// A decimal number in millionths, not negative.
pub(super) fn millionths(flag: &str, text: &str) -> Result<u64, Failure> {
    let wrong =
        || Failure::usage(format!("{flag} {text}: expected a decimal number, such as 100 or 0.5"));
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    if !part.bytes().all(|b| b.is_ascii_digit()) || whole.is_empty() {
        return Err(wrong());
    }
    let part: String = part.chars().chain("000000".chars()).take(6).collect();
    let whole: u64 = whole.parse().map_err(|_| wrong())?;
    let part: u64 = part.parse().map_err(|_| wrong())?;
    whole.checked_mul(1_000_000).and_then(|whole| whole.checked_add(part)).ok_or_else(wrong)
}

/// Seconds, in ms.
pub(super) fn seconds(flag: &str, text: &str, at_least_ms: u64) -> Result<u64, Failure> {
    let ms = millionths(flag, text)? / 1_000;
    if ms < at_least_ms {
        return Err(Failure::usage(format!("{flag} {text}: expected more than 0 seconds")));
    }
    Ok(ms)
}

/// A whole number in these bounds.
pub(super) fn whole(flag: &str, text: &str, bounds: Range<u64>) -> Result<u64, Failure> {
    let number = text.parse::<u64>().ok().filter(|number| bounds.contains(number));
    number.ok_or_else(|| {
        let (least, most) = (bounds.start, bounds.end - 1);
        Failure::usage(format!("{flag} {text}: expected a whole number from {least} to {most}"))
    })
}

/// A seed.
pub(super) fn seed(flag: &str, text: &str) -> Result<u64, Failure> {
    squall_world::parse_seed(text).ok_or_else(|| {
        Failure::usage(format!("{flag} {text}: expected a seed, decimal or 0x… hexadecimal"))
    })
}

/// Seeds `A..B`, the last one excluded.
pub(super) fn seeds(text: &str) -> Result<Range<u64>, Failure> {
    let wrong = || Failure::usage(format!("--seeds {text}: expected A..B, for example 0..200"));
    let (from, to) = text.split_once("..").ok_or_else(wrong)?;
    let whole = |part: &str| squall_world::parse_seed(part).ok_or_else(wrong);
    let (from, to) = (whole(from)?, whole(to)?);
    if from >= to {
        return Err(Failure::usage(format!("--seeds {text}: there is no seed in it")));
    }
    Ok(from..to)
}

/// How often a test may be repeated, and the like.
pub(super) const MANY: u64 = 1_000_000_001;
