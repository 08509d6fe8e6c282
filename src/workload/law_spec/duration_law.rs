//! A law of durations as a scenario writes it.

use std::f64::consts::{FRAC_1_SQRT_2, PI};
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde::{Serialize, Serializer};

use crate::des::{Law, SimDuration};

use super::shape::{Normal, Shape};
use super::span::bare_number;
use super::{LawSpecError, SPAN_MAX, Span};

/// A probability so close to 1 that a law which gives 0 there never gives much more.
pub const ALMOST_CERTAIN: f64 = 1.0 - 1e-9;

/// The greatest variate below one that the laws take.
pub(super) const BELOW_ONE: f64 = 1.0 - f64::EPSILON / 2.0;

/// A law of durations: `"90s"` for a constant, or a table with one law, such as
/// `{ exponential = { mean = "60s" } }`.
///
/// The laws are `constant`, `uniform` (`low`, `high`), `exponential` (`mean`), `normal` (`mean`,
/// `sd`; truncated, which is conditioned on not being negative), `lognormal` (`sigma` and one of
/// `median`, `mean` and `mu`, the mean of ln seconds), `pareto` and `weibull` (`scale`, `shape`),
/// `bounded-pareto` (`low`, `high`, `shape`), `gamma` (`shape` and one of `scale` and `mean`),
/// `hyper-exponential` (`weights` and `means`, or `mean` and `cv2`) and `empirical` (`values` and,
/// if they differ, `weights`). Serialised as written.
#[derive(Debug, Clone, PartialEq)]
pub struct DurationLaw {
    shape: Shape<Span>,
    pub(super) law: Law,
    /// Probability mass below zero, which is cut off; not 0 for a normal law only.
    cut: f64,
}

impl DurationLaw {
    fn new(shape: Shape<Span>) -> Result<DurationLaw, LawSpecError> {
        let law = shape.law()?;
        let cut = match &shape {
            Shape::Normal(normal) => negative_mass(normal),
            _ => 0.0,
        };
        Ok(DurationLaw { shape, law, cut })
    }

    /// The law that always gives `span`.
    pub fn constant(span: Span) -> DurationLaw {
        DurationLaw::new(Shape::Constant(span)).expect("any span is a constant law")
    }

    /// The duration that a variate does not exceed with probability `u` in (0, 1), rounded to the
    /// nearest microsecond and at most [`SPAN_MAX`], so that a law of infinite mean cannot
    /// overflow. A constant is exact.
    pub fn sample(&self, u: f64) -> SimDuration {
        if let Shape::Constant(span) = &self.shape {
            return span.duration();
        }
        let u =
            if self.cut > 0.0 { (1.0 - (1.0 - self.cut) * (1.0 - u)).min(BELOW_ONE) } else { u };
        let seconds = self.law.quantile(u).clamp(0.0, SPAN_MAX.as_secs_f64());
        SimDuration::from_secs_f64_checked(seconds).expect("clamped to a range that fits")
    }

    /// The mean in seconds; infinite where it is. The limit at [`SPAN_MAX`] and the rounding of
    /// samples are not taken into account.
    pub fn mean_s(&self) -> f64 {
        match &self.shape {
            Shape::Normal(normal) => truncated_mean(normal, self.cut),
            _ => self.law.mean(),
        }
    }
}

/// Probability that a normal variate is negative.
fn negative_mass(normal: &Normal<Span>) -> f64 {
    let ratio = normal.mean.as_secs_f64() / normal.sd.as_secs_f64();
    libm::erfc(ratio * FRAC_1_SQRT_2) / 2.0
}

/// Mean of a normal variate on condition that it is not negative.
fn truncated_mean(normal: &Normal<Span>, cut: f64) -> f64 {
    let (mean, sd) = (normal.mean.as_secs_f64(), normal.sd.as_secs_f64());
    let ratio = mean / sd;
    let density = libm::exp(-ratio * ratio / 2.0) / libm::sqrt(2.0 * PI);
    mean + sd * density / (1.0 - cut)
}

impl Serialize for DurationLaw {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.shape {
            Shape::Constant(span) => span.serialize(serializer),
            shape => shape.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for DurationLaw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<DurationLaw, D::Error> {
        let shape = deserializer.deserialize_any(DurationLawVisitor)?;
        DurationLaw::new(shape).map_err(de::Error::custom)
    }
}

/// Reads the text of a constant, or the table of a law.
struct DurationLawVisitor;

impl<'de> Visitor<'de> for DurationLawVisitor {
    type Value = Shape<Span>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("\"90s\" or a law such as { exponential = { mean = \"60s\" } }")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Shape<Span>, E> {
        text.parse().map(Shape::Constant).map_err(E::custom)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Shape<Span>, E> {
        Err(bare_number(number))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Shape<Span>, E> {
        Err(bare_number(number))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Shape<Span>, E> {
        Err(bare_number(number))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Shape<Span>, A::Error> {
        Shape::read(map)
    }
}
