//! The one place that reads the wall clock: progress, `timing.json` and benchmarks, never a
//! simulated result.

use std::time::Instant;

use crate::benchmark::Clock;

/// Seconds since it was started.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stopwatch(Instant);

impl Stopwatch {
    #[expect(clippy::disallowed_methods, reason = "wall-clock measurements are made here alone")]
    pub(super) fn start() -> Stopwatch {
        Stopwatch(Instant::now())
    }

    /// Seconds of wall-clock time since the start.
    pub(super) fn seconds(self) -> f64 {
        self.0.elapsed().as_secs_f64()
    }
}

impl Clock for Stopwatch {
    fn nanos(&self) -> u64 {
        u64::try_from(self.0.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

/// The date in the Gregorian calendar, UTC, of so many seconds of Unix time: `2026-11-22`.
///
/// After Hinnant, "chrono-compatible low-level date algorithms", `civil_from_days`: years begin in
/// March, so that the leap day is the last one, and repeat every 400 years.
#[cfg_attr(not(feature = "docker"), expect(dead_code, reason = "calibrations alone are dated"))]
pub(super) fn date(unix_s: u64) -> String {
    const DAYS_OF_400_YEARS: u64 = 146_097;
    let days = unix_s / 86_400 + 719_468;
    let (era, day) = (days / DAYS_OF_400_YEARS, days % DAYS_OF_400_YEARS);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = 400 * era + year + u64::from(month <= 2);
    format!("{year}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::date;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (unix_s, expected) in [
            (0, "1970-01-01"),
            (86_399, "1970-01-01"),
            (951_782_400, "2000-02-29"),
            (1_709_251_199, "2024-02-29"),
            (1_709_251_200, "2024-03-01"),
            (1_795_305_600, "2026-11-22"),
            (4_102_444_799, "2099-12-31"),
            (4_107_542_400, "2100-03-01"),
        ] {
            assert_eq!(date(unix_s), expected, "{unix_s}");
        }
    }
}
