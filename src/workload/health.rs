//! Container health checks: when their verdict changes, worked out once at the start of a task, not
//! check by check.
//!
//! The first check begins one interval after the start, each further one an interval after the one
//! before has come to its end. A check that passes takes no time; one that fails takes its timeout,
//! as where nobody answers. One that passes makes the container healthy; as many failed ones in a
//! row as there are retries make it unhealthy. Failures do not count while a start period lasts and
//! nothing has passed yet.
//!
//! Source: ECS API, `HealthCheck`; moby, `daemon/health.go` (what counts in the start period is the
//! time at which a check begins). That failed checks take their timeout is our choice.

use smallvec::SmallVec;

use crate::des::SimDuration;
use crate::model::Health;

use super::law_spec::{ALMOST_CERTAIN, DurationLaw};

/// A health check, and what it will find: nature's part.
#[derive(Debug, Clone, PartialEq)]
pub struct HealthCheck {
    /// From the end of a check to the next.
    pub interval: SimDuration,
    /// What a failed check takes.
    pub timeout: SimDuration,
    /// Failures in a row that make it unhealthy, at least 1.
    pub retries: u32,
    /// Time from the start in which failures do not count, before any success.
    pub start_period: SimDuration,
    /// From the start until checks would pass.
    pub ready: Option<DurationLaw>,
    /// From then on until checks would fail; `None` for never.
    pub fails_after: Option<DurationLaw>,
}

/// Changes of the verdict, with the time since the start: at most three.
pub type HealthChanges = SmallVec<[(SimDuration, Health); 3]>;

impl HealthCheck {
    /// Whether it may find a task unhealthy: one that is not ready in time, or fails after it was.
    pub fn may_fail(&self) -> bool {
        let last = |law: &DurationLaw| law.sample(ALMOST_CERTAIN);
        let ready = self.ready.as_ref().map_or(SimDuration::ZERO, last);
        self.fails_after.is_some()
            || self.changes(ready, None).iter().any(|(_, health)| *health == Health::Unhealthy)
    }

    /// When the verdict changes, if checks would pass from `ready` after the start on, and fail
    /// from `fails` on.
    ///
    /// Panics where `fails` is before `ready`.
    pub fn changes(&self, ready: SimDuration, fails: Option<SimDuration>) -> HealthChanges {
        assert!(fails.is_none_or(|fails| fails >= ready), "it fails after it was ready");
        let mut changes = HealthChanges::new();
        let (interval, timeout) = (self.interval.micros(), self.timeout.micros());
        let period = interval.saturating_add(timeout);
        // Checks that fail begin at interval + k · period.
        let first_from = |micros: u64| micros.saturating_sub(interval).div_ceil(period.max(1));
        let begins = |check: u64| period.saturating_mul(check).saturating_add(interval);
        let (first_counted, first_passed) =
            (first_from(self.start_period.micros()), first_from(ready.micros()));
        let passes_at = begins(first_passed);
        // Between the two no check begins.
        let never_found = fails.is_some_and(|fails| passes_at >= fails.micros());
        let last_retry = first_counted.saturating_add(u64::from(self.retries) - 1);
        if last_retry < first_passed || never_found {
            changes.push(at(begins(last_retry).saturating_add(timeout), Health::Unhealthy));
        }
        if never_found {
            return changes;
        }
        changes.push(at(passes_at, Health::Healthy));
        if let Some(fails) = fails {
            let passed = (fails.micros() - passes_at).div_ceil(interval.max(1));
            let first_failed = passes_at.saturating_add(interval.saturating_mul(passed));
            let retries = period.saturating_mul(u64::from(self.retries) - 1);
            let unhealthy = first_failed.saturating_add(retries).saturating_add(timeout);
            changes.push(at(unhealthy, Health::Unhealthy));
        }
        changes
    }
}

fn at(micros: u64, health: Health) -> (SimDuration, Health) {
    (SimDuration::from_micros(micros), health)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> SimDuration {
        SimDuration::from_secs(seconds)
    }

    /// ECS's defaults.
    fn check(start_period_s: u64) -> HealthCheck {
        HealthCheck {
            interval: seconds(30),
            timeout: seconds(5),
            retries: 3,
            start_period: seconds(start_period_s),
            ready: None,
            fails_after: None,
        }
    }

    fn changes(check: &HealthCheck, ready_s: u64, fails_s: Option<u64>) -> Vec<(u64, Health)> {
        let changes = check.changes(seconds(ready_s), fails_s.map(seconds));
        changes.into_iter().map(|(at, health)| (at.micros() / 1_000_000, health)).collect()
    }

    use Health::{Healthy, Unhealthy};

    #[test]
    fn ecs_1_1_the_first_check_that_passes_makes_it_healthy() {
        assert_eq!(changes(&check(0), 0, None), [(30, Healthy)]);
        assert_eq!(changes(&check(0), 30, None), [(30, Healthy)]);
        // The check at 30 s fails at 35 s, and the next is at 65 s.
        assert_eq!(changes(&check(0), 31, None), [(65, Healthy)]);
    }

    #[test]
    fn ecs_1_1_as_many_failures_as_retries_make_it_unhealthy() {
        // Checks at 30, 65 and 100 s fail; the one at 135 s passes.
        assert_eq!(changes(&check(0), 101, None), [(105, Unhealthy), (135, Healthy)]);
        assert_eq!(changes(&check(0), 100, None), [(100, Healthy)]);
    }

    #[test]
    fn ecs_1_1_failures_in_the_start_period_do_not_count() {
        // Those that count are at 100, 135 and 170 s.
        assert_eq!(changes(&check(66), 1000, None)[0], (175, Unhealthy));
        assert_eq!(changes(&check(65), 1000, None)[0], (140, Unhealthy));
        assert_eq!(changes(&check(300), 100, None), [(100, Healthy)]);
    }

    #[test]
    fn ecs_1_1_one_that_was_healthy_turns_unhealthy_after_failures_in_a_row() {
        // Checks at 30, 60, 90 s pass, those at 120, 155 and 190 s fail.
        let expected = [(30, Healthy), (195, Unhealthy)];
        assert_eq!(changes(&check(0), 0, Some(91)), expected);
        assert_eq!(changes(&check(0), 0, Some(120)), expected);
        assert_eq!(changes(&check(600), 0, Some(91)), expected, "the start period is over");
        assert_eq!(changes(&check(0), 0, Some(30)), [(105, Unhealthy)], "never found ready");
    }

    /// The same check by check.
    fn naive(
        check: &HealthCheck,
        ready: u64,
        fails: Option<u64>,
        until: u64,
    ) -> Vec<(u64, Health)> {
        let (mut now, mut failed, mut health) = (0, 0, None);
        let mut changes = Vec::new();
        while now < until {
            now += check.interval.micros();
            let passes = now >= ready && fails.is_none_or(|fails| now < fails);
            let counts = now >= check.start_period.micros() || health.is_some();
            if passes {
                failed = 0;
            } else {
                failed += u32::from(counts);
                now += check.timeout.micros();
            }
            let verdict = if passes { Healthy } else { Unhealthy };
            if (passes || failed >= check.retries) && health != Some(verdict) {
                health = Some(verdict);
                changes.push((now, verdict));
            }
        }
        changes
    }

    proptest::proptest! {
        #[test]
        fn changes_are_those_found_check_by_check(
            interval in 1_u64..40, timeout in 1_u64..40, retries in 1_u32..5,
            start_period in 0_u64..300,
            ready in 0_u64..300,
            fails in proptest::option::of(0_u64..300),
        ) {
            let micros = SimDuration::from_micros;
            let check = HealthCheck {
                interval: micros(interval),
                timeout: micros(timeout),
                retries,
                start_period: micros(start_period),
                ready: None,
                fails_after: None,
            };
            let fails = fails.map(|after| ready + after);
            let changes = check.changes(micros(ready), fails.map(micros));
            let changes: Vec<(u64, Health)> =
                changes.into_iter().map(|(at, health)| (at.micros(), health)).collect();
            proptest::prop_assert_eq!(changes, naive(&check, ready, fails, 2000));
        }
    }
}
