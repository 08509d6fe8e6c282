//! How a scenario writes quantities and probability laws: `"90s"`, `"3/s"`, and
//! `{ lognormal = { median = "176s", sigma = 1.75 } }`.

mod decimal;
mod duration_law;
mod number_law;
mod rate;
mod shape;
mod span;
#[cfg(test)]
mod tests;

pub use decimal::{DecimalError, scaled};
pub use duration_law::{ALMOST_CERTAIN, DurationLaw};
pub use number_law::{COUNT_MAX, NumberLaw};
pub use rate::Rate;
pub use span::{SPAN_MAX, Span};

use crate::des::LawError;

/// A quantity or law that cannot be read: what was written, what is wrong with it, and the remedy.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum LawSpecError {
    /// A duration that is not a number with a unit.
    #[error("duration {written:?}: {problem}")]
    Span {
        /// The text as written.
        written: String,
        /// What is wrong, and the remedy.
        problem: String,
    },
    /// A rate that is not a number per unit of time.
    #[error("rate {written:?}: {problem}")]
    Rate {
        /// The text as written.
        written: String,
        /// What is wrong, and the remedy.
        problem: String,
    },
    /// Parameters that do not go together, or a number out of range.
    #[error("{law} law: {problem}")]
    Parameters {
        /// Name of the law.
        law: &'static str,
        /// What is wrong, and the remedy.
        problem: String,
    },
    /// Parameters that the law itself refuses.
    #[error(transparent)]
    Law(#[from] LawError),
}

/// A unit of time that durations and rates are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum TimeUnit {
    Microsecond,
    Millisecond,
    Second,
    Minute,
    Hour,
    Day,
}

impl TimeUnit {
    /// Every unit, the shortest first.
    const ALL: [TimeUnit; 6] = [
        TimeUnit::Microsecond,
        TimeUnit::Millisecond,
        TimeUnit::Second,
        TimeUnit::Minute,
        TimeUnit::Hour,
        TimeUnit::Day,
    ];

    /// The units as a phrase for messages.
    const LISTED: &'static str = "us, ms, s, m (minutes), h or d";

    fn symbol(self) -> &'static str {
        match self {
            TimeUnit::Microsecond => "us",
            TimeUnit::Millisecond => "ms",
            TimeUnit::Second => "s",
            TimeUnit::Minute => "m",
            TimeUnit::Hour => "h",
            TimeUnit::Day => "d",
        }
    }

    fn micros(self) -> u64 {
        match self {
            TimeUnit::Microsecond => 1,
            TimeUnit::Millisecond => 1_000,
            TimeUnit::Second => 1_000_000,
            TimeUnit::Minute => 60_000_000,
            TimeUnit::Hour => 3_600_000_000,
            TimeUnit::Day => 86_400_000_000,
        }
    }

    fn parse(symbol: &str) -> Option<TimeUnit> {
        TimeUnit::ALL.into_iter().find(|unit| unit.symbol() == symbol)
    }
}
