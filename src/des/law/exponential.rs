//! The exponential law.

use super::{LawError, assert_open_unit, error};

/// Memoryless waiting time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exponential {
    /// Mean, the reciprocal of the rate.
    mean: f64,
}

impl Exponential {
    /// Name of the law.
    pub(super) const NAME: &'static str = "exponential";

    /// The law with a positive `mean` (not rate); refuses any other.
    pub fn new(mean: f64) -> Result<Self, LawError> {
        let remedy = "give the mean waiting time, which is 1 / rate";
        Ok(Self { mean: error::positive(Self::NAME, "mean", mean, remedy)? })
    }

    /// The value that a variate does not exceed with probability `u` in (0, 1).
    pub fn quantile(&self, u: f64) -> f64 {
        assert_open_unit(u);
        -self.mean * libm::log1p(-u)
    }

    /// The mean.
    pub fn mean(&self) -> f64 {
        self.mean
    }

    /// The variance, the mean squared.
    pub fn variance(&self) -> f64 {
        self.mean * self.mean
    }
}
