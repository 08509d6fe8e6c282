//! The one place of this backend that reads the wall clock: its events happen when they happen.

use std::time::{Instant, UNIX_EPOCH};

/// Now, on a clock that never goes back.
#[expect(clippy::disallowed_methods, reason = "real containers live on the wall clock")]
pub fn now() -> Instant {
    Instant::now()
}

/// Nanoseconds of Unix time: what engines put on their own events.
#[expect(clippy::disallowed_types, reason = "engines tell Unix time")]
pub fn unix_nanos() -> u64 {
    let since = std::time::SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

/// Seconds of Unix time: for deadlines that outlive this process.
#[expect(clippy::disallowed_types, reason = "deadlines that outlive the process need a date")]
pub fn unix_seconds() -> u64 {
    std::time::SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
