//! The law that always gives the same value.

use super::{LawError, assert_open_unit, error};

/// Always the same value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Constant {
    /// The value.
    value: f64,
}

impl Constant {
    /// Name of the law.
    pub(super) const NAME: &'static str = "constant";

    /// The law of a finite `value` of either sign; refuses any other.
    pub fn new(value: f64) -> Result<Self, LawError> {
        Ok(Self { value: error::finite(Self::NAME, "value", value)? })
    }

    /// The value, whatever `u` in (0, 1).
    pub fn quantile(&self, u: f64) -> f64 {
        assert_open_unit(u);
        self.value
    }

    /// The mean, which is the value.
    pub fn mean(&self) -> f64 {
        self.value
    }

    /// The variance, which is zero.
    pub fn variance(&self) -> f64 {
        0.0
    }
}
