//! The time of one placement decision as a scenario writes it: `"350ns"`, `"1.2ms"`.
//!
//! Finer than other durations, which are whole microseconds: decisions of a fast scheduler take
//! less than one.

use std::fmt;
use std::str::FromStr;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::workload::law_spec::{DecimalError, scaled};

/// Units and what they are in nanoseconds.
const UNITS: [(&str, u64); 5] =
    [("ns", 1), ("us", 1_000), ("ms", 1_000_000), ("s", 1_000_000_000), ("m", 60_000_000_000)];

/// The longest: an hour, so that no run's decisions reach the end of the clock.
const NANOS_MAX: u64 = 3_600_000_000_000;

/// How long one placement decision takes: whole nanoseconds, at most an hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecisionTime {
    nanos: u64,
    /// As written.
    text: String,
}

impl DecisionTime {
    /// The time in nanoseconds.
    pub fn nanos(&self) -> u64 {
        self.nanos
    }
}

impl FromStr for DecisionTime {
    type Err = String;

    fn from_str(text: &str) -> Result<DecisionTime, String> {
        let refuse = |problem: &str| Err(format!("decision time {text:?}: {problem}"));
        let of_number = |c: char| c.is_ascii_digit() || c == '.';
        let (number, symbol) = text.split_at(text.find(|c| !of_number(c)).unwrap_or(text.len()));
        let Some((_, unit)) = UNITS.iter().find(|(known, _)| *known == symbol) else {
            return refuse("write a number followed by ns, us, ms, s or m, such as \"350ns\"");
        };
        match scaled(number, *unit) {
            Ok(nanos) if nanos <= NANOS_MAX => Ok(DecisionTime { nanos, text: text.to_owned() }),
            Ok(_) | Err(DecimalError::TooLarge) => {
                refuse("more than an hour; write at most \"60m\"")
            }
            Err(DecimalError::Malformed) => refuse("not a decimal number; write \"1.5us\""),
            Err(DecimalError::Fractional) => refuse("not a whole number of nanoseconds; round it"),
        }
    }
}

impl fmt::Display for DecisionTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for DecisionTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for DecisionTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<DecisionTime, D::Error> {
        match toml::Value::deserialize(deserializer)? {
            toml::Value::String(text) => text.parse().map_err(D::Error::custom),
            other => {
                let expected = "a time with a unit, such as \"350ns\"";
                Err(D::Error::custom(format!("{other} is not {expected}")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_exactly_and_written_as_they_were() {
        for (text, nanos) in [
            ("350ns", 350),
            ("0.35us", 350),
            ("1.000001ms", 1_000_001),
            ("2s", 2_000_000_000),
            ("0ns", 0),
            ("60m", NANOS_MAX),
        ] {
            let time: DecisionTime = text.parse().unwrap();
            assert_eq!((time.nanos(), time.to_string().as_str()), (nanos, text));
        }
    }

    #[test]
    fn what_is_no_time_is_refused_with_a_remedy() {
        for (text, says) in [
            ("350", "followed by ns"),
            ("-1ns", "followed by ns"),
            ("", "followed by ns"),
            ("1.2.3us", "decimal number"),
            ("us", "decimal number"),
            ("0.5ns", "round it"),
            ("61m", "60m"),
            ("99999999999999999999s", "60m"),
        ] {
            let why = text.parse::<DecisionTime>().unwrap_err();
            assert!(why.contains(says) && why.contains(&format!("{text:?}")), "{why}");
        }
    }
}
