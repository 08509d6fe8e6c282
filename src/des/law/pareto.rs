//! The Pareto law and its bounded form.

use super::{LawError, assert_open_unit, error};

/// Remedy for a shape that is refused.
const SHAPE_REMEDY: &str = "give the tail exponent, often between 1 and 3";

/// Least 1 - (low / high)^shape of a bounded law; below, products with it would underflow.
const MIN_MASS: f64 = 1e-250;

/// Power-law tail: exceeds x with probability (scale / x)^shape.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pareto {
    /// Scale, which is the least value.
    scale: f64,
    /// Shape, the tail exponent.
    shape: f64,
}

impl Pareto {
    /// Name of the law.
    pub(super) const NAME: &'static str = "pareto";

    /// The law with a positive `scale` (its least value) and `shape`; refuses any others.
    pub fn new(scale: f64, shape: f64) -> Result<Self, LawError> {
        Ok(Self {
            scale: error::positive(Self::NAME, "scale", scale, "give the least value")?,
            shape: error::positive(Self::NAME, "shape", shape, SHAPE_REMEDY)?,
        })
    }

    /// The value that a variate does not exceed with probability `u` in (0, 1).
    pub fn quantile(&self, u: f64) -> f64 {
        assert_open_unit(u);
        self.scale * libm::exp(-libm::log1p(-u) / self.shape)
    }

    /// The mean; infinite for a shape of at most one.
    pub fn mean(&self) -> f64 {
        if self.shape <= 1.0 {
            return f64::INFINITY;
        }
        self.scale * (self.shape / (self.shape - 1.0))
    }

    /// The variance; infinite for a shape of at most two.
    pub fn variance(&self) -> f64 {
        if self.shape <= 2.0 {
            return f64::INFINITY;
        }
        let ratio = self.scale / (self.shape - 1.0);
        ratio * ratio * (self.shape / (self.shape - 2.0))
    }
}

/// A Pareto law conditioned on not exceeding an upper bound.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BoundedPareto {
    /// Least value.
    low: f64,
    /// Greatest value.
    high: f64,
    /// Shape, the tail exponent.
    shape: f64,
    /// Probability that the unbounded law stays below `high`.
    mass: f64,
}

impl BoundedPareto {
    /// Name of the law.
    pub(super) const NAME: &'static str = "bounded-pareto";

    /// The law on `low..=high` with a positive `shape`.
    ///
    /// Refuses a `low` or `shape` that is not positive, bounds that are not finite or not
    /// increasing, and a shape so close to zero that the power vanishes between the bounds.
    pub fn new(low: f64, high: f64, shape: f64) -> Result<Self, LawError> {
        error::positive(Self::NAME, "low", low, "give the least value")?;
        let (low, high) = error::increasing(Self::NAME, ("low", low), ("high", high))?;
        error::positive(Self::NAME, "shape", shape, SHAPE_REMEDY)?;
        let mass = -libm::expm1(-shape * log_ratio(low, high));
        if mass < MIN_MASS {
            return Err(LawError::Parameter {
                law: Self::NAME,
                parameter: "shape",
                value: shape,
                requirement: "so great that (low / high)^shape differs from one",
                remedy: SHAPE_REMEDY,
            });
        }
        Ok(Self { low, high, shape, mass })
    }

    /// The value that a variate does not exceed with probability `u` in (0, 1).
    pub fn quantile(&self, u: f64) -> f64 {
        assert_open_unit(u);
        let value = self.low * libm::exp(-libm::log1p(-u * self.mass) / self.shape);
        value.clamp(self.low, self.high)
    }

    /// The mean; always finite.
    pub fn mean(&self) -> f64 {
        self.low * self.moment(1.0)
    }

    /// The variance; infinite only when beyond the range of `f64`. A difference of moments, which
    /// loses digits when the bounds almost coincide.
    pub fn variance(&self) -> f64 {
        let (first, second) = (self.moment(1.0), self.moment(2.0));
        if second.is_infinite() {
            return f64::INFINITY;
        }
        self.low * self.low * (second - first * first).max(0.0)
    }

    /// The raw moment of that order for a least value of one.
    ///
    /// The integral of x^(order - shape - 1) is written with `expm1`, so that it stays accurate
    /// when the exponent is near -1, where the closed form changes to a logarithm.
    fn moment(&self, order: f64) -> f64 {
        let logarithm = log_ratio(self.low, self.high);
        let excess = order - self.shape;
        let integral =
            if excess == 0.0 { logarithm } else { libm::expm1(excess * logarithm) / excess };
        self.shape * integral / self.mass
    }
}

/// Natural logarithm of `high / low`, without overflow and accurate when they are close.
fn log_ratio(low: f64, high: f64) -> f64 {
    let excess = (high - low) / low;
    if excess < 1.0 { libm::log1p(excess) } else { libm::log(high) - libm::log(low) }
}
