//! How fast a service may start tasks, and how long it waits after it could not.

use crate::des::{SimDuration, SimTime};

/// Microseconds in a minute.
const MINUTE: u64 = 60_000_000;

/// At most so many launches a minute: a bucket of as many tokens, one comes back every
/// minute ÷ rate.
///
/// Source: ECS service quotas, "Rate of tasks launched by a service on an Amazon EC2 or External
/// instance": 500 a minute. That they may come in one go is our choice.
#[derive(Debug, Clone, Copy)]
pub(super) struct LaunchRate {
    per_minute: u32,
    /// Microseconds × rate that are missing from a full bucket; a token is a minute of them.
    missing: u128,
    at: SimTime,
}

impl LaunchRate {
    /// `per_minute` of 0 is no limit.
    pub(super) fn new(per_minute: u32) -> LaunchRate {
        LaunchRate { per_minute, missing: 0, at: SimTime::ZERO }
    }

    fn catch_up(&mut self, now: SimTime) {
        let passed = u128::from((now - self.at).micros()) * u128::from(self.per_minute);
        self.missing = self.missing.saturating_sub(passed);
        self.at = now;
    }

    /// Takes up to `wanted` tokens; how many there were.
    pub(super) fn take(&mut self, now: SimTime, wanted: u32) -> u32 {
        if self.per_minute == 0 {
            return wanted;
        }
        self.catch_up(now);
        let full = u128::from(self.per_minute) * u128::from(MINUTE);
        let there = (full - self.missing) / u128::from(MINUTE);
        let taken = wanted.min(u32::try_from(there).unwrap_or(u32::MAX));
        self.missing += u128::from(taken) * u128::from(MINUTE);
        taken
    }

    /// When there will be a token again.
    pub(super) fn next(&self) -> SimTime {
        let full = u128::from(self.per_minute) * u128::from(MINUTE);
        let over = (self.missing + u128::from(MINUTE)).saturating_sub(full);
        let micros = over.div_ceil(u128::from(self.per_minute.max(1)));
        self.at + SimDuration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
    }
}

/// Whether a task has run since one last failed to start. One that ends as soon as it runs shows
/// nothing, and what runs from the instant of a failure on shows that the next one stands alone.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Runs {
    /// One has run before `at`.
    earlier: bool,
    at: SimTime,
    /// Tasks that turned RUNNING then and did not end at once.
    then: u32,
}

impl Runs {
    fn catch_up(&mut self, now: SimTime) {
        if self.at != now {
            self.earlier |= self.then > 0;
            (self.at, self.then) = (now, 0);
        }
    }

    /// A task has turned RUNNING.
    pub(super) fn note(&mut self, now: SimTime) {
        self.catch_up(now);
        self.then += 1;
    }

    /// One that has turned RUNNING now is gone.
    pub(super) fn note_gone_at_once(&mut self, now: SimTime) {
        self.catch_up(now);
        self.then = self.then.saturating_sub(1);
    }

    /// A task fails to start: whether one has run before, since the last that did.
    pub(super) fn take(&mut self, now: SimTime) -> bool {
        self.catch_up(now);
        std::mem::take(&mut self.earlier)
    }
}

/// Waits that double from a first one up to a longest one.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Backoff {
    /// Waits since the last reset.
    waits: u32,
}

impl Backoff {
    /// The next wait; none where `first` is none.
    pub(super) fn next(&mut self, first: SimDuration, longest: SimDuration) -> SimDuration {
        let doublings = self.waits.min(63);
        self.waits = self.waits.saturating_add(1);
        let wait = u128::from(first.micros()) << doublings;
        let wait = wait.min(u128::from(longest.micros().max(first.micros())));
        SimDuration::from_micros(wait as u64)
    }

    pub(super) fn reset(&mut self) {
        self.waits = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: u64) -> SimTime {
        SimTime::from_micros(micros)
    }

    #[test]
    fn ecs_5_8_a_service_launches_500_tasks_a_minute() {
        let mut rate = LaunchRate::new(500);
        assert_eq!(rate.take(at(0), 5000), 500);
        assert_eq!(rate.next(), at(120_000), "one every 120 ms");
        assert_eq!(rate.take(at(119_999), 5000), 0);
        assert_eq!(rate.take(at(120_000), 5000), 1);
        assert_eq!(rate.take(at(60_000_000), 5000), 499);
        assert_eq!(rate.take(at(600_000_000), 5000), 500, "no more than a bucket is saved up");
        assert_eq!(LaunchRate::new(0).take(at(0), 5000), 5000);
    }

    #[test]
    fn waits_double_up_to_the_longest() {
        let mut backoff = Backoff::default();
        let (first, longest) = (SimDuration::from_secs(60), SimDuration::from_secs(300));
        let waits: Vec<u64> =
            (0..5).map(|_| backoff.next(first, longest).micros() / 1_000_000).collect();
        assert_eq!(waits, [60, 120, 240, 300, 300]);
        backoff.reset();
        assert_eq!(backoff.next(first, longest), first);
        for _ in 0..200 {
            backoff.next(first, longest);
        }
        assert_eq!(backoff.next(first, longest), longest);
    }
}
