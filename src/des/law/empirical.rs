//! The law of a finite list of values.

use std::sync::Arc;

use super::table::{CompensatedSum, CumulativeTable};
use super::{LawError, error};

/// One of a list of values, each with its own probability.
#[derive(Clone, Debug, PartialEq)]
pub struct Empirical {
    /// The values in increasing order; clones share them.
    values: Arc<[f64]>,
    /// Cumulative probabilities in the same order.
    table: CumulativeTable,
    /// Mean.
    mean: f64,
    /// Variance.
    variance: f64,
}

impl Empirical {
    /// Name of the law.
    pub(super) const NAME: &'static str = "empirical";

    /// The law that gives each element of `values` with the same probability.
    ///
    /// Refuses an empty list and elements that are not finite. O(n log n) for n values.
    pub fn new(values: &[f64]) -> Result<Self, LawError> {
        Self::with_weights(values, &vec![1.0; values.len()])
    }

    /// The law that gives each element of `values` with a probability proportional to its weight.
    ///
    /// Refuses empty lists, lists of different lengths, values that are not finite, and weights
    /// that are not positive or have an infinite sum. O(n log n) for n values.
    pub fn with_weights(values: &[f64], weights: &[f64]) -> Result<Self, LawError> {
        error::finite_list(Self::NAME, "values", values)?;
        error::same_length(Self::NAME, ("values", values), ("weights", weights))?;
        error::positive_list(Self::NAME, "weights", weights)?;
        let total = error::finite(Self::NAME, "sum of weights", weights.iter().sum())?;
        let mut pairs: Vec<(f64, f64)> =
            values.iter().copied().zip(weights.iter().copied()).collect();
        pairs.sort_by(|left, right| left.0.total_cmp(&right.0));
        let average = |of: &dyn Fn(f64) -> f64| {
            let term = |&(value, weight): &(f64, f64)| of(value) * (weight / total);
            CompensatedSum::of(pairs.iter().map(term))
        };
        let mean = average(&|value| value);
        let variance = average(&|value| (value - mean) * (value - mean));
        let table = CumulativeTable::new(pairs.iter().map(|&(_, weight)| weight));
        let values = pairs.into_iter().map(|(value, _)| value).collect();
        Ok(Self { values, table, mean, variance })
    }

    /// The value that a variate does not exceed with probability `u` in (0, 1); O(log n).
    pub fn quantile(&self, u: f64) -> f64 {
        self.values[self.table.index(u)]
    }

    /// The mean of the list.
    pub fn mean(&self) -> f64 {
        self.mean
    }

    /// The variance of the list taken as the whole population.
    pub fn variance(&self) -> f64 {
        self.variance
    }
}
