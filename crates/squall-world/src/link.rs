//! How long a message is on its way.

use serde::{Deserialize, Serialize};
use squall_node::{Lineage, draw_key, scale, word};

/// Shape of the distribution of one-way delays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Shape {
    /// Always the mean.
    Constant,
    /// Uniform from 0 to twice the mean.
    Uniform,
    /// Exponential.
    Exponential,
}

impl Shape {
    /// All shapes, for help texts.
    pub const ALL: [Self; 3] = [Self::Constant, Self::Uniform, Self::Exponential];

    /// Its name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Constant => "constant",
            Self::Uniform => "uniform",
            Self::Exponential => "exponential",
        }
    }
}

/// One-way delay between two servers. Clients' messages have none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Latency {
    /// Mean, ns.
    pub mean_ns: u64,
    /// Shape.
    pub shape: Shape,
}

const DOMAIN_LINK: u64 = 0x6c69_6e6b_0000_0001;
const LANE_DELAY: u64 = 0;

impl Latency {
    /// The delay of the message of this lineage.
    #[must_use]
    pub fn draw(self, seed: u64, lineage: Lineage) -> u64 {
        if self.mean_ns == 0 {
            return 0;
        }
        let bits = || word(draw_key(seed, DOMAIN_LINK, lineage.0, 0), 0, LANE_DELAY);
        match self.shape {
            Shape::Constant => self.mean_ns,
            Shape::Uniform => scale(bits(), self.mean_ns.saturating_mul(2)),
            Shape::Exponential => exponential(bits(), self.mean_ns),
        }
    }
}

/// ln 2 in units of 2^-32.
const LN2: u64 = 2_977_044_472;

/// An exponentially distributed number with this mean, by integers only: with u = m · 2^-k and
/// m in [1, 2), −ln u = k · ln 2 − ln m. `ln m` comes from the series of 2·artanh((m−1)/(m+1)),
/// whose first five terms are exact to 2^-21 on that range.
fn exponential(bits: u64, mean: u64) -> u64 {
    let u = bits | 1;
    let k = u64::from(u.leading_zeros()) + 1;
    // Mantissa in units of 2^-32, from 2^32 up to 2^33.
    let m = u128::from((u << u.leading_zeros()) >> 31);
    let one = 1_u128 << 32;
    let z = ((m - one) << 32) / (m + one);
    let z2 = (z * z) >> 32;
    let mut term = z;
    let mut sum = 0;
    for odd in [1_u128, 3, 5, 7, 9] {
        sum += term / odd;
        term = (term * z2) >> 32;
    }
    let minus_ln = (u128::from(k) * u128::from(LN2)).saturating_sub(2 * sum);
    u64::try_from((minus_ln * u128::from(mean)) >> 32).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponential_has_its_mean_and_its_tail() {
        let mean = 1_000_000_u64;
        let n = 200_000_u64;
        let draws: Vec<u64> = (0..n).map(|i| exponential(word(7, i, 0), mean)).collect();
        let average = draws.iter().sum::<u64>() / n;
        assert!(average.abs_diff(mean) < mean / 100, "the mean is {average}");
        // A share of e^-1 lies above the mean, e^-3 above three times the mean.
        let above = |t: u64| draws.iter().filter(|&&d| d > t).count() as u64 * 10_000 / n;
        assert!(above(mean).abs_diff(3_679) < 60, "{}", above(mean));
        assert!(above(3 * mean).abs_diff(498) < 25, "{}", above(3 * mean));
    }
}
