//! Values that the cluster query language orders: agent versions, dates and decimal numbers.

use std::cmp::Ordering;
use std::fmt;

/// An agent version: one or more dot-separated numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Version {
    components: Vec<u64>,
}

impl Version {
    /// Reads `1.86.3`; `None` if `text` is not dot-separated numbers below 2^64.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let components = text.split('.').map(version_component).collect::<Option<_>>()?;
        Some(Self { components })
    }

    /// How the version `found` relates to this one, component by component; missing components
    /// count as 0, so `1.10` equals `1.10.0`. `None` if `found` is not a version.
    pub(super) fn compare_with(&self, found: &str) -> Option<Ordering> {
        let mut wanted = self.components.iter().copied();
        let mut outcome = Ordering::Equal;
        for component in found.split('.') {
            let found_component = version_component(component)?;
            outcome = outcome.then(found_component.cmp(&wanted.next().unwrap_or(0)));
        }
        let rest_is_zero = wanted.all(|component| component == 0);
        Some(outcome.then(if rest_is_zero { Ordering::Equal } else { Ordering::Less }))
    }
}

/// A number of decimal digits only (`u64::from_str` would also take a sign).
fn version_component(text: &str) -> Option<u64> {
    if is_digits(text) { text.parse().ok() } else { None }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, component) in self.components.iter().enumerate() {
            let separator = if index > 0 { "." } else { "" };
            write!(formatter, "{separator}{component}")?;
        }
        Ok(())
    }
}

/// A moment written as one of the documented date formats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Timestamp {
    unix_seconds: i64,
    text: String,
}

const SECONDS_PER_MINUTE: i64 = 60;
const SECONDS_PER_HOUR: i64 = 3600;
const SECONDS_PER_DAY: i64 = 86_400;

/// Largest offset from UTC, in seconds: 18 hours, as in Java's `ZoneOffset`.
const MAX_OFFSET: i64 = 18 * SECONDS_PER_HOUR;

impl Timestamp {
    /// Reads `2018-06-18` or `2018-06-18T22:28:28` with nothing, `Z` or an offset such as
    /// `+00:00` behind it; years 0001 to 9999. The error says which part is wrong.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let mut rest = text;
        let year = number(&mut rest, 4).ok_or("the year needs four digits")?;
        let month = after(&mut rest, "-", 2).ok_or("the year needs '-' and a month behind it")?;
        let day = after(&mut rest, "-", 2).ok_or("the month needs '-' and a day behind it")?;
        if year < 1 {
            return Err("the year is not within 0001 to 9999");
        }
        if !(1..=12).contains(&month) {
            return Err("the month is not within 01 to 12");
        }
        if !(1..=days_in_month(year, month)).contains(&day) {
            return Err("the month does not have that day");
        }
        let mut unix_seconds = days_since_1970(year, month, day) * SECONDS_PER_DAY;
        if !rest.is_empty() {
            unix_seconds += time_of_day(&mut rest)?;
            unix_seconds -= offset(&mut rest)?;
        }
        Ok(Self { unix_seconds, text: text.to_owned() })
    }

    /// Seconds since 1970-01-01T00:00:00Z, leap seconds not counted.
    pub(super) fn unix_seconds(&self) -> i64 {
        self.unix_seconds
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

/// Takes a number of exactly `digits` digits off the start of `rest`.
fn number(rest: &mut &str, digits: usize) -> Option<i64> {
    let (head, tail) = rest.split_at_checked(digits)?;
    if !is_digits(head) {
        return None;
    }
    *rest = tail;
    head.parse().ok()
}

/// Takes `separator` and then a number of exactly `digits` digits off the start of `rest`.
fn after(rest: &mut &str, separator: &str, digits: usize) -> Option<i64> {
    *rest = rest.strip_prefix(separator)?;
    number(rest, digits)
}

/// Takes `T22:28:28` off the start of `rest`; in seconds since midnight.
fn time_of_day(rest: &mut &str) -> Result<i64, &'static str> {
    let hour = after(rest, "T", 2).ok_or("the day needs nothing, or 'T' and a time, behind it")?;
    let minute = after(rest, ":", 2).ok_or("the hour needs ':' and minutes behind it")?;
    let second = after(rest, ":", 2).ok_or("the minutes need ':' and seconds behind them")?;
    if hour > 23 {
        return Err("the hour is not within 00 to 23");
    }
    if minute > 59 {
        return Err("the minutes are not within 00 to 59");
    }
    if second > 59 {
        return Err("the seconds are not within 00 to 59");
    }
    Ok(hour * SECONDS_PER_HOUR + minute * SECONDS_PER_MINUTE + second)
}

/// Takes the offset that must be all of `rest`; in seconds east of UTC.
fn offset(rest: &mut &str) -> Result<i64, &'static str> {
    const WRONG: &str = "the time needs nothing, 'Z' or an offset such as '+00:00' behind it";
    let sign = match rest.bytes().next() {
        None => return Ok(0),
        Some(b'Z') if rest.len() == 1 => return Ok(0),
        Some(b'+') => 1,
        Some(b'-') => -1,
        Some(_) => return Err(WRONG),
    };
    *rest = &rest[1..];
    let hours = number(rest, 2).ok_or(WRONG)?;
    let minutes = after(rest, ":", 2).ok_or(WRONG)?;
    if !rest.is_empty() {
        return Err(WRONG);
    }
    let size = hours * SECONDS_PER_HOUR + minutes * SECONDS_PER_MINUTE;
    if minutes > 59 || size > MAX_OFFSET {
        return Err("the offset is not within -18:00 to +18:00");
    }
    Ok(sign * size)
}

fn is_leap_year(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap_year(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to the given day of the Gregorian calendar.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    /// Days from 0001-01-01 to 1970-01-01.
    const DAYS_BEFORE_1970: i64 = 719_162;
    let full_years = year - 1;
    let leap_days = full_years / 4 - full_years / 100 + full_years / 400;
    let months: i64 = (1..month).map(|earlier| days_in_month(year, earlier)).sum();
    full_years * 365 + leap_days + months + day - 1 - DAYS_BEFORE_1970
}

/// Order of two attribute values: by amount if both are decimal numbers, otherwise by Unicode
/// code points.
pub(super) fn compare_values(left: &str, right: &str) -> Ordering {
    match (Decimal::parse(left), Decimal::parse(right)) {
        (Some(left), Some(right)) => left.compare(&right),
        _ => left.cmp(right),
    }
}

/// A decimal number of any length, so that comparing needs no rounding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Decimal<'a> {
    /// Below zero; never true for zero.
    negative: bool,
    /// Digits before the point, without leading zeros.
    integer: &'a str,
    /// Digits behind the point, without trailing zeros.
    fraction: &'a str,
}

impl<'a> Decimal<'a> {
    /// Reads digits with an optional sign before them and an optional point and digits behind.
    fn parse(text: &'a str) -> Option<Self> {
        let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
        let (integer, fraction) = match unsigned.split_once('.') {
            Some((integer, fraction)) if is_digits(fraction) => (integer, fraction),
            Some(_) => return None,
            None => (unsigned, ""),
        };
        if !is_digits(integer) {
            return None;
        }
        let integer = integer.trim_start_matches('0');
        let fraction = fraction.trim_end_matches('0');
        let is_zero = integer.is_empty() && fraction.is_empty();
        Some(Self { negative: text.starts_with('-') && !is_zero, integer, fraction })
    }

    fn compare(&self, other: &Self) -> Ordering {
        let sizes = (self.integer.len().cmp(&other.integer.len()))
            .then_with(|| self.integer.cmp(other.integer))
            .then_with(|| self.fraction.cmp(other.fraction));
        match (self.negative, other.negative) {
            (false, false) => sizes,
            (true, true) => sizes.reverse(),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }
}
