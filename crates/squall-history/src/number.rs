//! Numbers that do not fit an `i64`, kept as canonical text.
//!
//! A history must not lose a digit: an integer of any size stays exact, and `1.0` stays different
//! from `1`, as it is on the wire. So a big integer and every fractional number is its decimal
//! text, brought into one canonical form; equal numbers of one kind then have equal texts, and no
//! floating point is involved anywhere.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

/// Exponents beyond this bound, in either direction, are cut to it.
const EXPONENT_MAX: i64 = 1_000_000_000;
/// Fractional numbers whose point lies within these bounds are written without an exponent.
const PLAIN_POINT: std::ops::RangeInclusive<i64> = -5..=21;

/// An integer beyond `i64`, or a fractional number, as canonical decimal text.
///
/// - An integer has no leading zeros and no plus sign: `-123456789012345678901234`.
/// - A fractional number has a point with digits on both sides, and an exponent only when it is far
///   from one: `1.0`, `-0.25`, `1.5e300`. Zero keeps its sign.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Number {
    text: Arc<str>,
}

/// What [`Number::parse`] made of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// An integer that fits.
    Int(i64),
    /// Anything else.
    Number(Number),
}

impl Number {
    /// Reads `-?digits[.digits][e[+-]digits]`; `None` if the text is anything else. Leading zeros
    /// are accepted.
    #[must_use]
    pub fn parse(text: &str) -> Option<Parsed> {
        let (negative, rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, exponent) = match rest.find(['e', 'E']) {
            Some(at) => (&rest[..at], Some(&rest[at + 1..])),
            None => (rest, None),
        };
        let (whole, fraction) = match mantissa.split_once('.') {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (mantissa, None),
        };
        if !is_digits(whole) || !fraction.is_none_or(is_digits) {
            return None;
        }
        if fraction.is_none() && exponent.is_none() {
            return Some(integer(negative, whole));
        }
        let exponent = match exponent {
            Some(text) => parse_exponent(text)?,
            None => 0,
        };
        let text = canonical_fraction(negative, whole, fraction.unwrap_or(""), exponent);
        Some(Parsed::Number(Self { text: text.into() }))
    }

    /// The canonical text; valid as it stands in JSON, and in EDN except for the `N` after an
    /// integer.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether this is an integer (one beyond `i64`).
    #[must_use]
    pub fn is_integer(&self) -> bool {
        !self.text.contains('.')
    }

    /// Compares by numeric value with the canonical text of another number.
    pub(crate) fn cmp_text(&self, other: &str) -> Ordering {
        Decimal::of(&self.text).cmp(&Decimal::of(other))
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

fn integer(negative: bool, digits: &str) -> Parsed {
    let digits = match digits.trim_start_matches('0') {
        "" => "0",
        digits => digits,
    };
    let text = if negative { format!("-{digits}") } else { digits.to_owned() };
    match text.parse() {
        Ok(int) => Parsed::Int(int),
        Err(_) => Parsed::Number(Number { text: text.into() }),
    }
}

fn parse_exponent(text: &str) -> Option<i64> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    if !is_digits(digits) {
        return None;
    }
    let size = digits.parse().unwrap_or(EXPONENT_MAX).min(EXPONENT_MAX);
    Some(if negative { -size } else { size })
}

/// The canonical text of `whole.fraction · 10^exponent`.
fn canonical_fraction(negative: bool, whole: &str, fraction: &str, exponent: i64) -> String {
    let sign = if negative { "-" } else { "" };
    let all = format!("{whole}{fraction}");
    let significant = all.trim_start_matches('0');
    let leading = all.len() - significant.len();
    let digits = significant.trim_end_matches('0');
    if digits.is_empty() {
        return format!("{sign}0.0");
    }
    // The number is 0.DIGITS · 10^point.
    let shift = whole.len().abs_diff(leading);
    let shift = i64::try_from(shift).unwrap_or(EXPONENT_MAX);
    let point = if whole.len() >= leading { exponent + shift } else { exponent - shift };
    if !PLAIN_POINT.contains(&point) {
        let (first, rest) = digits.split_at(1);
        let rest = if rest.is_empty() { "0" } else { rest };
        return format!("{sign}{first}.{rest}e{}", point - 1);
    }
    let width = usize::try_from(point.unsigned_abs()).unwrap_or(0);
    if point <= 0 {
        format!("{sign}0.{}{digits}", "0".repeat(width))
    } else if digits.len() <= width {
        format!("{sign}{digits}{}.0", "0".repeat(width - digits.len()))
    } else {
        format!("{sign}{}.{}", &digits[..width], &digits[width..])
    }
}

/// A canonical text taken apart so that numbers can be compared: ± 0.digits · 10^point.
#[derive(PartialEq, Eq)]
struct Decimal {
    negative: bool,
    point: i64,
    digits: String,
}

impl Decimal {
    fn of(canonical: &str) -> Self {
        let (negative, rest) = match canonical.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, canonical),
        };
        let (mantissa, exponent) = rest.split_once('e').unwrap_or((rest, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = format!("{whole}{fraction}");
        let significant = all.trim_start_matches('0');
        let digits = significant.trim_end_matches('0').to_owned();
        if digits.is_empty() {
            return Self { negative: false, point: i64::MIN, digits };
        }
        let signed = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        let leading = signed(all.len() - significant.len());
        let point = parse_exponent(exponent).unwrap_or(0) + signed(whole.len()) - leading;
        Self { negative, point, digits }
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        let size = |a: &Self, b: &Self| a.point.cmp(&b.point).then_with(|| a.digits.cmp(&b.digits));
        match (self.negative, other.negative) {
            (false, false) => size(self, other),
            (true, true) => size(other, self),
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
        }
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(text: &str) -> String {
        match Number::parse(text) {
            Some(Parsed::Int(int)) => format!("int {int}"),
            Some(Parsed::Number(number)) => number.as_str().to_owned(),
            None => "none".to_owned(),
        }
    }

    #[test]
    fn texts_become_canonical() {
        for (text, expected) in [
            ("007", "int 7"),
            ("-0", "int 0"),
            ("9223372036854775808", "9223372036854775808"),
            ("-9223372036854775808", "int -9223372036854775808"),
            ("1.0", "1.0"),
            ("1.00", "1.0"),
            ("1e0", "1.0"),
            ("0.1e1", "1.0"),
            ("-0.00", "-0.0"),
            ("1.5e3", "1500.0"),
            ("12345e-3", "12.345"),
            ("1E+400", "1.0e400"),
            ("0.00000001", "1.0e-8"),
            ("1e99999999999", "1.0e1000000000"),
            ("1.", "none"),
            (".5", "none"),
            ("+1", "none"),
            ("1e", "none"),
            ("", "none"),
        ] {
            assert_eq!(canonical(text), expected, "{text}");
        }
    }

    #[test]
    fn decimals_compare_by_value() {
        let sorted =
            ["-1.0e30", "-10.5", "-2", "-0.1", "0.0", "0.01", "0.5", "3", "10.5", "1.0e30"];
        for (i, a) in sorted.iter().enumerate() {
            for (j, b) in sorted.iter().enumerate() {
                assert_eq!(Decimal::of(a).cmp(&Decimal::of(b)), i.cmp(&j), "{a} {b}");
            }
        }
    }
}
