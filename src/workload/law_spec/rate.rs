//! A rate as a scenario writes it: `"3/s"`, `"0.5/m"`, `"12/h"`.

use std::fmt;
use std::str::FromStr;

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::{Serialize, Serializer};

use super::decimal::{DecimalError, scaled, write_ratio};
use super::{LawSpecError, TimeUnit};

/// Parts of an event that a rate counts in.
const PARTS_PER_EVENT: u64 = 1_000_000_000;

/// Events per unit of time, as written in a scenario: a positive decimal number of at most nine
/// decimals, a slash, and `us`, `ms`, `s`, `m`, `h` or `d`. Kept as an exact fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Billionths of an event per unit of time; at least 1.
    parts: u64,
    unit: TimeUnit,
}

impl Rate {
    /// The mean time between events in microseconds, as the fraction `.0 / .1` in which both are
    /// positive.
    pub fn micros_per_event(self) -> (u128, u64) {
        let numerator = u128::from(PARTS_PER_EVENT) * u128::from(self.unit.micros());
        (numerator, self.parts)
    }

    /// Events per second, to the last place of the float.
    pub fn per_second(self) -> f64 {
        let (numerator, denominator) = self.micros_per_event();
        1e6 * denominator as f64 / numerator as f64
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_ratio(formatter, self.parts, PARTS_PER_EVENT)?;
        write!(formatter, "/{}", self.unit.symbol())
    }
}

impl FromStr for Rate {
    type Err = LawSpecError;

    fn from_str(text: &str) -> Result<Rate, LawSpecError> {
        let refuse = |problem: String| LawSpecError::Rate { written: text.to_owned(), problem };
        let Some((number, symbol)) = text.split_once('/') else {
            return Err(refuse("no unit of time; write \"3/s\"".to_owned()));
        };
        let unit = TimeUnit::parse(symbol).ok_or_else(|| {
            let known = TimeUnit::LISTED;
            refuse(format!("unknown unit {symbol:?}; write {number}/ followed by {known}"))
        })?;
        let parts = scaled(number, PARTS_PER_EVENT).map_err(|why| {
            refuse(match why {
                DecimalError::Malformed => {
                    format!("{number:?} is not a decimal number; write \"0.5/{symbol}\"")
                }
                DecimalError::Fractional => "more than nine decimals; use a longer unit".to_owned(),
                DecimalError::TooLarge => "too many events; use a shorter unit".to_owned(),
            })
        })?;
        if parts == 0 {
            let problem = "nothing would ever arrive; write a rate above 0, or leave it out";
            return Err(refuse(problem.to_owned()));
        }
        Ok(Rate { parts, unit })
    }
}

impl Serialize for Rate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Rate, D::Error> {
        deserializer.deserialize_any(RateVisitor)
    }
}

/// Reads a [`Rate`], and tells what to write instead of a bare number.
struct RateVisitor;

impl RateVisitor {
    fn bare<E: de::Error>(number: impl fmt::Display) -> E {
        E::custom(format_args!(
            "rate {number} has no unit of time; write \"{number}/s\" for events per second"
        ))
    }
}

impl Visitor<'_> for RateVisitor {
    type Value = Rate;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a rate such as \"3/s\" or \"0.5/m\"")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Rate, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Rate, E> {
        Err(Self::bare(number))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Rate, E> {
        Err(Self::bare(number))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Rate, E> {
        Err(Self::bare(number))
    }
}
