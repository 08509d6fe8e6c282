//! The Weibull law.

use super::{LawError, assert_open_unit, error};

/// Waiting time with a falling (shape below one) or rising (shape above one) hazard.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weibull {
    /// Scale, which is the quantile of 1 - 1/e.
    scale: f64,
    /// Shape.
    shape: f64,
}

impl Weibull {
    /// Name of the law.
    pub(super) const NAME: &'static str = "weibull";

    /// The law with a positive `scale` and `shape`; refuses any others.
    pub fn new(scale: f64, shape: f64) -> Result<Self, LawError> {
        let remedy = "use shape 1 for the exponential law";
        Ok(Self {
            scale: error::positive(Self::NAME, "scale", scale, "give the time scale")?,
            shape: error::positive(Self::NAME, "shape", shape, remedy)?,
        })
    }

    /// The value that a variate does not exceed with probability `u` in (0, 1).
    pub fn quantile(&self, u: f64) -> f64 {
        assert_open_unit(u);
        self.scale * libm::pow(-libm::log1p(-u), 1.0 / self.shape)
    }

    /// The mean; infinite when beyond the range of `f64` (a tiny shape).
    pub fn mean(&self) -> f64 {
        self.scale * self.moment(1.0)
    }

    /// The variance; infinite when beyond the range of `f64` (a tiny shape). A difference of
    /// moments, which loses digits for a shape above some thousands.
    pub fn variance(&self) -> f64 {
        let (first, second) = (self.moment(1.0), self.moment(2.0));
        if second.is_infinite() {
            return f64::INFINITY;
        }
        self.scale * self.scale * (second - first * first).max(0.0)
    }

    /// The raw moment of that order at scale one.
    fn moment(&self, order: f64) -> f64 {
        libm::tgamma(1.0 + order / self.shape)
    }
}
