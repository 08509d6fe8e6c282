//! The engine's timestamps: RFC 3339 to nanoseconds of Unix time.

const DAY_S: i64 = 86_400;

/// Nanoseconds of Unix time; 0 before 1970 (Docker's "never" is the year 1), `None` for anything
/// that is no timestamp.
pub(super) fn unix_nanos(text: &str) -> Option<u64> {
    let bytes = text.as_bytes();
    let separators = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    if separators.iter().any(|&(at, byte)| bytes.get(at) != Some(&byte)) {
        return None;
    }
    let field = |from: usize, to: usize| digits(text.get(from..to)?);
    let (year, month, day) = (field(0, 4)?, field(5, 7)?, field(8, 10)?);
    let (hour, minute, second) = (field(11, 13)?, field(14, 16)?, field(17, 19)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 23 || minute > 59 {
        return None;
    }
    let (fraction, zone) = fraction_and_zone(text.get(19..)?)?;
    let seconds = days_from_civil(year, month, day) * DAY_S + hour * 3600 + minute * 60 + second;
    let seconds = seconds - zone;
    let seconds = u64::try_from(seconds).unwrap_or(0);
    if seconds == 0 { Some(0) } else { seconds.checked_mul(1_000_000_000)?.checked_add(fraction) }
}

fn digits(text: &str) -> Option<i64> {
    let all = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if all { text.parse().ok() } else { None }
}

/// Nanoseconds of `.123456789`, if there, and seconds of `Z` or `+01:00`.
fn fraction_and_zone(rest: &str) -> Option<(u64, i64)> {
    let (fraction, zone) = match rest.strip_prefix('.') {
        None => (0, rest),
        Some(rest) => {
            let end = rest.find(|c: char| !c.is_ascii_digit())?;
            let (written, zone) = rest.split_at(end);
            let nanos = format!("{written:0<9}");
            (u64::try_from(digits(nanos.get(..9)?)?).ok()?, zone)
        }
    };
    if zone == "Z" {
        return Some((fraction, 0));
    }
    let sign = match zone.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, minutes) = zone.get(1..)?.split_once(':')?;
    Some((fraction, sign * (digits(hours)? * 3600 + digits(minutes)? * 60)))
}

/// Days since 1970-01-01 of a date of the Gregorian calendar, by counting years from March, so
/// that the leap day is the last of its year (Hinnant, "chrono-Compatible Low-Level Date
/// Algorithms", `days_from_civil`).
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::unix_nanos;

    #[test]
    fn timestamps_of_engines_are_read() {
        let second = 1_000_000_000;
        for (text, nanos) in [
            ("1970-01-01T00:00:01Z", second),
            ("2000-02-29T12:00:00Z", 951_825_600 * second),
            ("2026-11-22T22:25:46.123456789Z", 1_795_386_346 * second + 123_456_789),
            ("2026-11-22T23:25:46.5+01:00", 1_795_386_346 * second + 500_000_000),
            ("2026-11-22T20:55:46-01:30", 1_795_386_346 * second),
            ("0001-01-01T00:00:00Z", 0),
        ] {
            assert_eq!(unix_nanos(text), Some(nanos), "{text}");
        }
    }

    #[test]
    fn what_is_no_timestamp_is_none() {
        for text in [
            "",
            "2026-11-22",
            "2026-11-22 22:25:46Z",
            "2026-11-22T22:25:46",
            "2026-13-22T22:25:46Z",
            "2026-11-22T25:25:46Z",
            "2026-11-22T22:25:46.Z9",
            "+026-11-22T22:25:46Z",
            "2026-11-22T22:25:46é",
        ] {
            assert_eq!(unix_nanos(text), None, "{text}");
        }
    }
}
