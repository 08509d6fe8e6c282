//! The Poisson law.

use super::incomplete_gamma::LargeShape;
use super::normal::standard_normal_quantile;
use super::table::CumulativeTable;
use super::{LawError, assert_open_unit};

/// Mean up to which all probabilities are tabulated; above, every count that matters is so large
/// that the uniform expansion of the incomplete gamma function holds.
const TABLE_MEAN: f64 = 500.0;

/// Tail probability past which the table ends, far below what a uniform variate can tell apart.
const TABLE_TAIL: f64 = 1e-20;

/// Count of independent rare events.
#[derive(Clone, Debug, PartialEq)]
pub struct Poisson {
    /// Mean.
    mean: f64,
    /// Cumulative probabilities of the counts from zero up, for a small mean.
    table: Option<CumulativeTable>,
}

impl Poisson {
    /// Name of the law.
    pub(super) const NAME: &'static str = "poisson";

    /// Greatest mean accepted.
    pub const MAX_MEAN: f64 = 1e9;

    /// The law with a positive `mean` of at most [`Poisson::MAX_MEAN`]; refuses any other.
    pub fn new(mean: f64) -> Result<Self, LawError> {
        if !(mean > 0.0 && mean <= Self::MAX_MEAN) {
            return Err(LawError::Parameter {
                law: Self::NAME,
                parameter: "mean",
                value: mean,
                requirement: "greater than zero and at most 1e9",
                remedy: "use the constant law for zero and the normal law for a greater mean",
            });
        }
        let table = (mean <= TABLE_MEAN).then(|| CumulativeTable::new(probabilities(mean)));
        Ok(Self { mean, table })
    }

    /// The count that a variate does not exceed with probability `u` in (0, 1), a whole number.
    ///
    /// O(log mean) up to a mean of 500, with `u` resolved to about 1e-16; above that mean two or
    /// three incomplete gamma functions, accurate far into both tails.
    pub fn quantile(&self, u: f64) -> f64 {
        match &self.table {
            Some(table) => table.index(u) as f64,
            None => self.search(u),
        }
    }

    /// The mean.
    pub fn mean(&self) -> f64 {
        self.mean
    }

    /// The variance, which equals the mean.
    pub fn variance(&self) -> f64 {
        self.mean
    }

    /// The least count that reaches `u`, searched from the Cornish-Fisher approximation.
    fn search(&self, u: f64) -> f64 {
        assert_open_unit(u);
        let z = standard_normal_quantile(u);
        let root = self.mean.sqrt();
        let third = (z * z - 1.0) / 6.0 + (z - z * z * z) / (72.0 * root);
        let mut count = libm::floor(self.mean + root * z + third);
        while self.reaches(count, u) {
            count -= 1.0;
        }
        while !self.reaches(count, u) {
            count += 1.0;
        }
        count
    }

    /// Whether a variate is at most `count` with probability `u` or more.
    ///
    /// That probability is Q(count + 1, mean), DLMF 8.11 with 8.4.10; compared in the smaller tail.
    fn reaches(&self, count: f64, u: f64) -> bool {
        let tails = LargeShape::new(count + 1.0).tails(self.mean);
        if u < 0.5 { tails.upper >= u } else { tails.lower <= 1.0 - u }
    }
}

/// Probabilities of the counts from zero up, as multiples of that at the mode, for a small mean.
///
/// Relative to the mode, because the probability of zero may be too small to start from.
fn probabilities(mean: f64) -> impl Iterator<Item = f64> {
    let mode = libm::floor(mean) as u32;
    let mut downward = Vec::with_capacity(mode as usize + 1);
    let mut weight = 1.0;
    for count in (0..=mode).rev() {
        downward.push(weight);
        weight *= f64::from(count) / mean;
    }
    let upward = (mode + 1..).scan(1.0, move |weight, count| {
        *weight *= mean / f64::from(count);
        (*weight > TABLE_TAIL).then_some(*weight)
    });
    downward.into_iter().rev().chain(upward)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Probabilities of the reference quantiles; the last is the greatest float below one.
    const PROBABILITIES: [f64; 8] = [
        f64::EPSILON / 2.0,
        1e-6,
        0.1,
        0.5,
        0.75,
        0.99,
        1.0 - 1.0 / 1_099_511_627_776.0,
        1.0 - f64::EPSILON / 2.0,
    ];

    /// Mean, then the quantiles, computed with 40 digits in mpmath.
    const REFERENCE: [(f64, [u32; 8]); 9] = [
        (0.001, [0, 0, 0, 0, 0, 0, 3, 4]),
        (0.5, [0, 0, 0, 0, 1, 3, 11, 14]),
        (3.7, [0, 0, 1, 4, 5, 9, 24, 28]),
        (42.0, [2, 15, 34, 42, 46, 58, 95, 105]),
        (499.5, [327, 397, 471, 499, 514, 552, 665, 694]),
        (500.5, [328, 398, 472, 500, 515, 553, 666, 695]),
        (10_000.25, [9_190, 9_529, 9_872, 10_000, 10_068, 10_234, 10_713, 10_832]),
        (
            1_000_000.0,
            [991_802, 995_250, 998_719, 1_000_000, 1_000_674, 1_002_327, 1_007_056, 1_008_221],
        ),
        (
            1e9,
            [
                999_740_403,
                999_849_687,
                999_959_474,
                1_000_000_000,
                1_000_021_329,
                1_000_073_566,
                1_000_222_876,
                1_000_259_619,
            ],
        ),
    ];

    #[test]
    fn quantiles_match_forty_digit_references() {
        for (mean, quantiles) in REFERENCE {
            let law = Poisson::new(mean).unwrap();
            for (u, expected) in PROBABILITIES.into_iter().zip(quantiles) {
                // Table entries are rounded by up to 1e-16, as much as the last u is from one.
                let slack = if mean <= TABLE_MEAN && u > 1.0 - 1e-15 { 2.0 } else { 0.0 };
                let error = (law.quantile(u) - f64::from(expected)).abs();
                assert!(error <= slack, "mean {mean}, u {u}: off by {error}");
            }
        }
    }

    #[test]
    fn table_and_search_agree() {
        let tabulated = Poisson::new(TABLE_MEAN).unwrap();
        let searched = Poisson { mean: TABLE_MEAN, table: None };
        for step in 1..10_000 {
            let u = f64::from(step) / 10_000.0;
            assert_eq!(tabulated.quantile(u), searched.quantile(u), "u {u}");
        }
    }

    #[test]
    fn a_tiny_mean_gives_almost_always_zero() {
        let law = Poisson::new(1e-300).unwrap();
        assert_eq!(PROBABILITIES.map(|u| law.quantile(u)), [0.0; 8]);
    }
}
