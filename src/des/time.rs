//! Simulated time: instants and spans counted in whole microseconds.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Sub};

/// Microseconds in one second.
const MICROS_PER_SECOND: u64 = 1_000_000;

/// Decimal digits after the point that a microsecond count can hold.
const FRACTION_DIGITS: usize = 6;

/// 2^64 as a float: the first value that no longer fits in a `u64`.
const TWO_POW_64: f64 = 18_446_744_073_709_551_616.0;

/// An instant: microseconds since the start of the run.
///
/// [`fmt::Display`] writes seconds exactly, with at most six decimals and without trailing zeros.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SimTime(u64);

/// A span of simulated time in microseconds; never negative.
///
/// [`fmt::Display`] writes seconds exactly, with at most six decimals and without trailing zeros.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SimDuration(u64);

impl SimTime {
    /// The start of the run.
    pub const ZERO: Self = Self(0);

    /// The last instant that can be represented, about 584 542 years after the start.
    pub const MAX: Self = Self(u64::MAX);

    /// The instant `micros` microseconds after the start of the run.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// Microseconds since the start of the run.
    pub const fn micros(self) -> u64 {
        self.0
    }

    /// Seconds since the start of the run, rounded to the nearest float.
    pub fn as_secs_f64(self) -> f64 {
        SimDuration(self.0).as_secs_f64()
    }

    /// The instant `span` later, or `None` when it lies beyond [`SimTime::MAX`].
    pub const fn checked_add(self, span: SimDuration) -> Option<Self> {
        match self.0.checked_add(span.0) {
            Some(micros) => Some(Self(micros)),
            None => None,
        }
    }

    /// The instant `span` later, or [`SimTime::MAX`] when it lies beyond.
    #[must_use]
    pub const fn saturating_add(self, span: SimDuration) -> Self {
        Self(self.0.saturating_add(span.0))
    }

    /// The span from `earlier` to this instant, or `None` when `earlier` is in fact later.
    pub const fn checked_sub(self, earlier: Self) -> Option<SimDuration> {
        match self.0.checked_sub(earlier.0) {
            Some(micros) => Some(SimDuration(micros)),
            None => None,
        }
    }

    /// The span from `earlier` to this instant, or zero when `earlier` is in fact later.
    #[must_use]
    pub const fn saturating_sub(self, earlier: Self) -> SimDuration {
        SimDuration(self.0.saturating_sub(earlier.0))
    }
}

impl SimDuration {
    /// The empty span.
    pub const ZERO: Self = Self(0);

    /// The longest span that can be represented, about 584 542 years.
    pub const MAX: Self = Self(u64::MAX);

    /// A span of `micros` microseconds.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// A span of whole seconds.
    ///
    /// Panics when `seconds` exceeds `u64::MAX / 1_000_000`, about 1.8e13.
    pub const fn from_secs(seconds: u64) -> Self {
        match seconds.checked_mul(MICROS_PER_SECOND) {
            Some(micros) => Self(micros),
            None => panic!("seconds do not fit in a SimDuration: use at most 18446744073709"),
        }
    }

    /// The span of `seconds`, rounded half away from zero to the nearest microsecond.
    ///
    /// `None` for NaN, an infinity, a negative number, or more than `u64::MAX` microseconds. The
    /// product `seconds * 1e6` is itself rounded to a float first, so that 5e-7, which has no
    /// exact binary form, still counts as half a microsecond and gives one.
    pub fn from_secs_f64_checked(seconds: f64) -> Option<Self> {
        if !seconds.is_finite() || seconds < 0.0 {
            return None;
        }
        let micros = libm::round(seconds * MICROS_PER_SECOND as f64);
        (micros < TWO_POW_64).then_some(Self(micros as u64))
    }

    /// The span in microseconds.
    pub const fn micros(self) -> u64 {
        self.0
    }

    /// The span in seconds as a float; within one unit in the last place of the exact value.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / MICROS_PER_SECOND as f64
    }

    /// What takes this span at speed 1, at a speed of so many thousandths, above 0; rounded up.
    #[must_use]
    pub fn at_speed(self, milli: u32) -> Self {
        let micros = (u128::from(self.0) * 1000).div_ceil(u128::from(milli));
        Self(u64::try_from(micros).unwrap_or(u64::MAX))
    }

    /// The sum of both spans, or `None` when it exceeds [`SimDuration::MAX`].
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(micros) => Some(Self(micros)),
            None => None,
        }
    }

    /// The difference of both spans, or `None` when `other` is longer.
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(micros) => Some(Self(micros)),
            None => None,
        }
    }

    /// This span `factor` times, or `None` when it exceeds [`SimDuration::MAX`].
    pub const fn checked_mul(self, factor: u64) -> Option<Self> {
        match self.0.checked_mul(factor) {
            Some(micros) => Some(Self(micros)),
            None => None,
        }
    }

    /// The sum of both spans, or [`SimDuration::MAX`] when it exceeds that.
    #[must_use]
    pub const fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The difference of both spans, or zero when `other` is longer.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// This span `factor` times, or [`SimDuration::MAX`] when it exceeds that.
    #[must_use]
    pub const fn saturating_mul(self, factor: u64) -> Self {
        Self(self.0.saturating_mul(factor))
    }
}

impl Add<SimDuration> for SimTime {
    type Output = Self;

    /// The instant `span` later; panics when it lies beyond [`SimTime::MAX`].
    fn add(self, span: SimDuration) -> Self {
        self.checked_add(span).unwrap_or_else(|| {
            panic!("simulated time overflows: {self} s + {span} s is beyond {} s", Self::MAX)
        })
    }
}

impl AddAssign<SimDuration> for SimTime {
    /// Moves the instant `span` later; panics when it lies beyond [`SimTime::MAX`].
    fn add_assign(&mut self, span: SimDuration) {
        *self = *self + span;
    }
}

impl Sub for SimTime {
    type Output = SimDuration;

    /// The span from `earlier` to this instant; panics when `earlier` is in fact later.
    fn sub(self, earlier: Self) -> SimDuration {
        self.checked_sub(earlier).unwrap_or_else(|| {
            panic!("negative span: {self} s is before {earlier} s; use checked_sub if it may be")
        })
    }
}

impl Add for SimDuration {
    type Output = Self;

    /// The sum of both spans; panics when it exceeds [`SimDuration::MAX`].
    fn add(self, other: Self) -> Self {
        self.checked_add(other).unwrap_or_else(|| {
            panic!("span overflows: {self} s + {other} s is longer than {} s", Self::MAX)
        })
    }
}

impl AddAssign for SimDuration {
    /// Lengthens the span; panics when the sum exceeds [`SimDuration::MAX`].
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for SimDuration {
    type Output = Self;

    /// The difference of both spans; panics when `other` is longer.
    fn sub(self, other: Self) -> Self {
        self.checked_sub(other).unwrap_or_else(|| {
            panic!("negative span: {self} s is shorter than {other} s; use checked_sub if it may")
        })
    }
}

impl Sum for SimDuration {
    /// The total of the spans; panics when it exceeds [`SimDuration::MAX`].
    fn sum<I: Iterator<Item = Self>>(spans: I) -> Self {
        spans.fold(Self::ZERO, Add::add)
    }
}

impl fmt::Display for SimTime {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_seconds(self.0, formatter)
    }
}

impl fmt::Display for SimDuration {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_seconds(self.0, formatter)
    }
}

/// Writes a microsecond count as decimal seconds without loss.
fn write_seconds(micros: u64, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
    let seconds = micros / MICROS_PER_SECOND;
    let fraction = micros % MICROS_PER_SECOND;
    if fraction == 0 {
        return write!(formatter, "{seconds}");
    }
    let digits = format!("{fraction:0FRACTION_DIGITS$}");
    write!(formatter, "{seconds}.{}", digits.trim_end_matches('0'))
}

/// Reads decimal seconds such as `12`, `0.25` or `3.1234567` without going through a float.
///
/// Digits past the sixth decimal round half up. `None` for anything but ASCII digits with at most
/// one point that has digits on both sides (so no sign, exponent, space, `nan` or `inf`), and for
/// more than [`SimDuration::MAX`]. Linear in the length of the text.
pub fn parse_seconds(text: &str) -> Option<SimDuration> {
    let (whole, fraction) = match text.split_once('.') {
        Some((_, "")) => return None,
        Some(parts) => parts,
        None => (text, ""),
    };
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) {
        return None;
    }
    let append =
        |value: u64, digit: u8| value.checked_mul(10)?.checked_add(u64::from(digit - b'0'));
    let kept = fraction.bytes().chain(std::iter::repeat(b'0')).take(FRACTION_DIGITS);
    let micros = whole.bytes().chain(kept).try_fold(0_u64, append)?;
    let round_up = fraction.as_bytes().get(FRACTION_DIGITS).is_some_and(|&digit| digit >= b'5');
    micros.checked_add(u64::from(round_up)).map(SimDuration)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    #[test]
    fn display_is_exact_and_trimmed() {
        let shown = |micros| SimTime::from_micros(micros).to_string();
        assert_eq!(shown(0), "0");
        assert_eq!(shown(1), "0.000001");
        assert_eq!(shown(1_500_000), "1.5");
        assert_eq!(shown(12_000_000), "12");
        assert_eq!(shown(100_000_010), "100.00001");
        assert_eq!(shown(u64::MAX), "18446744073709.551615");
        assert_eq!(SimDuration::from_micros(250_000).to_string(), "0.25");
    }

    #[test]
    fn parse_accepts_plain_decimals() {
        let parsed = |text| parse_seconds(text).map(SimDuration::micros);
        assert_eq!(parsed("12"), Some(12_000_000));
        assert_eq!(parsed("0.25"), Some(250_000));
        assert_eq!(parsed("007.5"), Some(7_500_000));
        assert_eq!(parsed("3.1234567"), Some(3_123_457));
        assert_eq!(parsed("3.1234564999"), Some(3_123_456));
        assert_eq!(parsed("0.0000005"), Some(1));
        assert_eq!(parsed("0.9999995"), Some(1_000_000));
        assert_eq!(parsed("18446744073709.551615"), Some(u64::MAX));
        assert_eq!(parsed("18446744073709.5516154"), Some(u64::MAX));
    }

    #[test]
    fn parse_refuses_everything_else() {
        let refused = [
            "",
            ".",
            ".5",
            "5.",
            "+1",
            "-1",
            "-0",
            "1e3",
            "1E3",
            "nan",
            "inf",
            " 1",
            "1 ",
            "1_000",
            "1.2.3",
            "0x1",
            "1,5",
            "१",
            "18446744073709.5516155",
            "18446744073709.551616",
            "99999999999999999999",
        ];
        for text in refused {
            assert_eq!(parse_seconds(text), None, "{text:?} was accepted");
        }
    }

    #[test]
    fn from_secs_f64_checks_its_range() {
        let micros = |value| SimDuration::from_secs_f64_checked(value).map(SimDuration::micros);
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.0, -1e-300, 18_446_744_073_709.6]
        {
            assert_eq!(micros(bad), None, "{bad} was accepted");
        }
        assert_eq!(micros(f64::MAX), None);
        assert_eq!(micros(-0.0), Some(0));
        assert_eq!(micros(5e-7), Some(1));
        assert_eq!(micros(4.9e-7), Some(0));
        assert_eq!(micros(2.5e-6), Some(3));
        assert_eq!(micros(1.5), Some(1_500_000));
    }

    #[test]
    fn arithmetic_saturates_or_reports() {
        let second = SimDuration::from_secs(1);
        assert_eq!(SimTime::MAX.checked_add(second), None);
        assert_eq!(SimTime::MAX.saturating_add(second), SimTime::MAX);
        assert_eq!(SimTime::ZERO.checked_sub(SimTime::MAX), None);
        assert_eq!(SimTime::ZERO.saturating_sub(SimTime::MAX), SimDuration::ZERO);
        assert_eq!(SimDuration::MAX.checked_mul(2), None);
        assert_eq!(SimDuration::MAX.saturating_mul(2), SimDuration::MAX);
        assert_eq!(SimDuration::ZERO.checked_sub(second), None);
        assert_eq!([second, second].into_iter().sum::<SimDuration>(), SimDuration::from_secs(2));
        assert_eq!(SimTime::ZERO + second - SimTime::ZERO, second);
        assert_eq!(second.as_secs_f64(), 1.0);
    }

    #[test]
    #[should_panic(expected = "simulated time overflows")]
    fn adding_past_the_end_panics() {
        let _ = SimTime::MAX + SimDuration::from_micros(1);
    }

    #[test]
    #[should_panic(expected = "negative span")]
    fn subtracting_a_later_instant_panics() {
        let _ = SimTime::ZERO - SimTime::from_micros(1);
    }

    #[test]
    #[should_panic(expected = "do not fit in a SimDuration")]
    fn too_many_seconds_panic() {
        let _ = SimDuration::from_secs(u64::MAX);
    }

    /// Fixed cases, so that a run depends on nothing but the code.
    fn config() -> ProptestConfig {
        ProptestConfig {
            cases: ProptestConfig::default().cases.max(1000),
            rng_seed: RngSeed::Fixed(20),
            failure_persistence: None,
            ..ProptestConfig::default()
        }
    }

    proptest! {
        #![proptest_config(config())]

        #[test]
        fn display_and_parse_are_inverse(micros: u64) {
            let span = SimDuration::from_micros(micros);
            prop_assert_eq!(parse_seconds(&span.to_string()), Some(span));
        }
    }
}
