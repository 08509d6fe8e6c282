//! A duration as a scenario writes it: `"90s"`, `"1.5h"`, `"1h30m"`.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::{Serialize, Serializer};

use crate::des::SimDuration;

use super::decimal::{DecimalError, scaled, write_ratio};
use super::{LawSpecError, TimeUnit};

/// The longest duration a scenario may write or a law may give: 100 years of 365.25 days.
///
/// Below 2^53 microseconds, so that every duration is exact as a float, and far enough below
/// [`SimDuration::MAX`] that sums of a few thousand of them cannot overflow.
pub const SPAN_MAX: SimDuration = SimDuration::from_secs(36_525 * 86_400);

/// A duration as written in a scenario: one or more numbers with a unit, `us`, `ms`, `s`, `m`, `h`
/// or `d`, of falling units. Decimals are exact: what is not a whole number of microseconds is
/// refused. At most [`SPAN_MAX`].
///
/// [`fmt::Display`] writes it in the (last) unit it was written in. Spans are equal when they are
/// equally long.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    duration: SimDuration,
    unit: TimeUnit,
}

impl Span {
    /// The duration.
    pub fn duration(self) -> SimDuration {
        self.duration
    }

    /// The duration in seconds; exact up to the last place of the float.
    pub fn as_secs_f64(self) -> f64 {
        self.duration.as_secs_f64()
    }

    /// A span of whole seconds, for defaults. Panics above [`SPAN_MAX`].
    pub fn from_secs(seconds: u64) -> Span {
        let duration = SimDuration::from_secs(seconds);
        assert!(duration <= SPAN_MAX, "a span is at most 100 years");
        let unit = TimeUnit::Second;
        Span { duration, unit }
    }
}

impl PartialEq for Span {
    fn eq(&self, other: &Span) -> bool {
        self.duration == other.duration
    }
}

impl Eq for Span {}

impl PartialOrd for Span {
    fn partial_cmp(&self, other: &Span) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Span {
    fn cmp(&self, other: &Span) -> Ordering {
        self.duration.cmp(&other.duration)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_ratio(formatter, self.duration.micros(), self.unit.micros())?;
        formatter.write_str(self.unit.symbol())
    }
}

impl FromStr for Span {
    type Err = LawSpecError;

    fn from_str(text: &str) -> Result<Span, LawSpecError> {
        let refuse = |problem: String| LawSpecError::Span { written: text.to_owned(), problem };
        let mut rest = text;
        let mut total = SimDuration::ZERO;
        let mut last: Option<TimeUnit> = None;
        while !rest.is_empty() || last.is_none() {
            let (part, unit, after) = next_part(rest).map_err(refuse)?;
            if last.is_some_and(|last| last <= unit) {
                let problem = "units must fall from left to right; write \"1h30m\"";
                return Err(refuse(problem.to_owned()));
            }
            total = total.saturating_add(part);
            (rest, last) = (after, Some(unit));
        }
        if total > SPAN_MAX {
            let problem = "longer than 100 years; write at most \"36525d\"";
            return Err(refuse(problem.to_owned()));
        }
        let unit = last.expect("the loop runs at least once");
        let duration = total;
        Ok(Span { duration, unit })
    }
}

/// The first number with its unit, and what is left of the text.
fn next_part(text: &str) -> Result<(SimDuration, TimeUnit, &str), String> {
    let of_number = |c: char| c.is_ascii_digit() || c == '.';
    let (number, rest) = text.split_at(text.find(|c| !of_number(c)).unwrap_or(text.len()));
    let (symbol, rest) = rest.split_at(rest.find(of_number).unwrap_or(rest.len()));
    if number.is_empty() {
        return Err("not a number with a unit; write \"90s\"".to_owned());
    }
    if symbol.is_empty() {
        return Err(format!("a unit is missing; write \"{number}s\" for seconds"));
    }
    let unit = TimeUnit::parse(symbol).ok_or_else(|| {
        let known = TimeUnit::LISTED;
        format!("unknown unit {symbol:?}; write {number} followed by {known}, without a space")
    })?;
    match scaled(number, unit.micros()) {
        Ok(micros) => Ok((SimDuration::from_micros(micros), unit, rest)),
        Err(DecimalError::Malformed) => {
            Err(format!("{number:?} is not a decimal number; write \"1.5h\""))
        }
        Err(DecimalError::Fractional) => {
            Err(format!("{number}{symbol} is not a whole number of microseconds; round it"))
        }
        Err(DecimalError::TooLarge) => {
            Err("longer than 100 years; write at most \"36525d\"".to_owned())
        }
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Span, D::Error> {
        deserializer.deserialize_any(SpanVisitor)
    }
}

/// Reads a [`Span`], and tells what to write instead of a bare number.
struct SpanVisitor;

impl Visitor<'_> for SpanVisitor {
    type Value = Span;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a duration such as \"90s\" or \"1h30m\"")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Span, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Span, E> {
        Err(bare_number(number))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Span, E> {
        Err(bare_number(number))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Span, E> {
        Err(bare_number(number))
    }
}

/// The error for a duration without unit.
pub(super) fn bare_number<E: de::Error>(number: impl fmt::Display) -> E {
    E::custom(format_args!("duration {number} has no unit; write \"{number}s\" for seconds"))
}
