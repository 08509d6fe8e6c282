//! The continuous uniform law.

use super::{LawError, assert_open_unit, error};

/// Any value between two bounds with the same density.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Uniform {
    /// Lower bound.
    low: f64,
    /// Width of the interval; finite.
    width: f64,
    /// Upper bound.
    high: f64,
}

impl Uniform {
    /// Name of the law.
    pub(super) const NAME: &'static str = "uniform";

    /// The law on `low..high`; refuses bounds that are not finite, not increasing, or whose
    /// difference is beyond the range of `f64`.
    pub fn new(low: f64, high: f64) -> Result<Self, LawError> {
        let (low, high) = error::increasing(Self::NAME, ("low", low), ("high", high))?;
        let width = error::finite(Self::NAME, "high - low", high - low)?;
        Ok(Self { low, width, high })
    }

    /// The value that a variate does not exceed with probability `u` in (0, 1).
    pub fn quantile(&self, u: f64) -> f64 {
        assert_open_unit(u);
        (self.low + self.width * u).min(self.high)
    }

    /// The mean, half-way between the bounds.
    pub fn mean(&self) -> f64 {
        self.low + self.width / 2.0
    }

    /// The variance, a twelfth of the width squared.
    pub fn variance(&self) -> f64 {
        self.width * self.width / 12.0
    }
}
