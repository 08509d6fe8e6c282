//! Zipf's law on a finite number of ranks.

use super::LawError;
use super::table::{CompensatedSum, CumulativeTable};

/// A rank from 1 to n that comes up with a probability proportional to rank^-exponent.
#[derive(Clone, Debug, PartialEq)]
pub struct Zipf {
    /// Cumulative probabilities of the ranks.
    table: CumulativeTable,
    /// Mean rank.
    mean: f64,
    /// Variance of the rank.
    variance: f64,
}

impl Zipf {
    /// Name of the law.
    pub(super) const NAME: &'static str = "zipf";

    /// Greatest number of ranks; their table then takes 8 MB.
    pub const MAX_RANKS: usize = 1_000_000;

    /// The law on ranks `1..=ranks`; an exponent of zero makes all equally likely.
    ///
    /// Refuses no ranks or more than [`Zipf::MAX_RANKS`], and an exponent that is negative or not
    /// finite. Linear in the number of ranks.
    pub fn new(ranks: usize, exponent: f64) -> Result<Self, LawError> {
        if ranks == 0 || ranks > Self::MAX_RANKS {
            return Err(LawError::Count {
                law: Self::NAME,
                parameter: "ranks",
                value: ranks,
                low: 1,
                high: Self::MAX_RANKS,
                remedy: "use the bounded Pareto law for a greater range",
            });
        }
        if !exponent.is_finite() || exponent < 0.0 {
            return Err(LawError::Parameter {
                law: Self::NAME,
                parameter: "exponent",
                value: exponent,
                requirement: "a finite number of at least zero",
                remedy: "give the exponent without its sign, often near 1",
            });
        }
        let weight = |rank: usize| libm::pow(rank as f64, -exponent);
        let total = CompensatedSum::of((1..=ranks).map(weight));
        let average = |of: &dyn Fn(f64) -> f64| {
            let term = |rank: usize| of(rank as f64) * (weight(rank) / total);
            CompensatedSum::of((1..=ranks).map(term))
        };
        let mean = average(&|rank| rank);
        let variance = average(&|rank| (rank - mean) * (rank - mean));
        Ok(Self { table: CumulativeTable::new((1..=ranks).map(weight)), mean, variance })
    }

    /// The rank that a variate does not exceed with probability `u` in (0, 1); O(log ranks).
    pub fn quantile(&self, u: f64) -> f64 {
        (self.table.index(u) + 1) as f64
    }

    /// The mean rank.
    pub fn mean(&self) -> f64 {
        self.mean
    }

    /// The variance of the rank.
    pub fn variance(&self) -> f64 {
        self.variance
    }
}
