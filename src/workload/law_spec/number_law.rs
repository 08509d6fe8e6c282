//! A law of counts as a scenario writes it.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde::{Serialize, Serializer};

use crate::des::Law;

use super::LawSpecError;
use super::shape::Shape;

/// The greatest count a law gives.
pub const COUNT_MAX: u32 = 1_000_000;

/// A law of counts such as batch sizes: `4` for a constant, or a table with one law, such as
/// `{ zipf = { n = 1000, exponent = 1.8 } }`.
///
/// The laws are those of [`DurationLaw`](super::DurationLaw) over plain numbers, and `poisson`
/// (`mean`) and `zipf` (`n` ranks, `exponent`). Serialised as written.
#[derive(Debug, Clone, PartialEq)]
pub struct NumberLaw {
    shape: Shape<f64>,
    law: Law,
}

impl NumberLaw {
    fn new(shape: Shape<f64>) -> Result<NumberLaw, LawSpecError> {
        if let Shape::Constant(value) = shape {
            let whole = value.is_finite() && libm::floor(value) == value;
            if !whole || !(1.0..=f64::from(COUNT_MAX)).contains(&value) {
                return Err(LawSpecError::Parameters {
                    law: "constant",
                    problem: format!("{value} is no count; write a whole number, 1 to {COUNT_MAX}"),
                });
            }
        }
        let law = shape.law()?;
        Ok(NumberLaw { shape, law })
    }

    /// The law that always gives `count`, which must be 1 to [`COUNT_MAX`].
    ///
    /// # Errors
    /// A count outside that range.
    pub fn constant(count: u32) -> Result<NumberLaw, LawSpecError> {
        NumberLaw::new(Shape::Constant(f64::from(count)))
    }

    /// The count that a variate does not exceed with probability `u` in (0, 1): the law's value
    /// rounded to the nearest whole number, at least 1 and at most [`COUNT_MAX`].
    pub fn sample(&self, u: f64) -> u32 {
        let value = libm::round(self.law.quantile(u));
        value.clamp(1.0, f64::from(COUNT_MAX)) as u32
    }

    /// The mean of the law, infinite where it is; rounding and limits of samples are not taken
    /// into account.
    pub fn mean(&self) -> f64 {
        self.law.mean()
    }

    /// The count, where it is always the same.
    pub fn as_constant(&self) -> Option<u32> {
        match self.shape {
            Shape::Constant(value) => Some(value as u32),
            _ => None,
        }
    }
}

impl Serialize for NumberLaw {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.as_constant() {
            Some(count) => count.serialize(serializer),
            None => self.shape.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for NumberLaw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<NumberLaw, D::Error> {
        let shape = deserializer.deserialize_any(NumberLawVisitor)?;
        NumberLaw::new(shape).map_err(de::Error::custom)
    }
}

/// Reads the number of a constant, or the table of a law.
struct NumberLawVisitor;

impl<'de> Visitor<'de> for NumberLawVisitor {
    type Value = Shape<f64>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a whole number or a law such as { poisson = { mean = 4 } }")
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Shape<f64>, E> {
        Ok(Shape::Constant(number as f64))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Shape<f64>, E> {
        Ok(Shape::Constant(number as f64))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Shape<f64>, E> {
        Ok(Shape::Constant(number))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Shape<f64>, A::Error> {
        Shape::read(map)
    }
}
