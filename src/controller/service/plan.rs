//! The arithmetic of a service's deployments: how many tasks to start and stop now. Pure functions.
//!
//! Source: ECS API, `DeploymentConfiguration`, `DeploymentCircuitBreaker`; ECS developer guide,
//! "Rolling update".

use crate::model::{DeploymentConfiguration, DeploymentStrategy, FailureThreshold};

/// `part` percent of `whole`, rounded up.
fn percent_up(whole: u32, part: u32) -> u32 {
    clamped((u64::from(whole) * u64::from(part)).div_ceil(100))
}

fn clamped(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// Between how many tasks a service may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    /// Healthy tasks that must stay.
    pub(super) min_healthy: u32,
    /// Tasks that there may be.
    pub(super) max_total: u32,
}

impl Bounds {
    /// The minimum is rounded up, the maximum down.
    pub(super) fn of(desired: u32, configuration: &DeploymentConfiguration) -> Bounds {
        let max = u64::from(desired) * u64::from(configuration.maximum_percent) / 100;
        Bounds {
            min_healthy: percent_up(desired, configuration.minimum_healthy_percent),
            max_total: clamped(max),
        }
    }
}

/// Failed tasks at which a deployment of `desired` tasks fails, at least 1.
pub(super) fn failure_threshold(threshold: FailureThreshold, desired: u32) -> u32 {
    match threshold {
        FailureThreshold::Count(count) => count.max(1),
        FailureThreshold::BoundedPercent(percent) => percent_up(desired, percent).clamp(3, 200),
        FailureThreshold::UnboundedPercent(percent) => percent_up(desired, percent).max(1),
    }
}

/// How long old tasks stay after all new ones are healthy: while traffic is shifted and baked.
///
/// Between the n equal steps of a linear shift are n − 1 waits: the first step is made at once.
pub(super) fn overlap_micros(strategy: DeploymentStrategy) -> u64 {
    match strategy {
        DeploymentStrategy::Rolling => 0,
        DeploymentStrategy::BlueGreen { bake_micros } => bake_micros,
        DeploymentStrategy::Linear { step_permille, step_micros, bake_micros } => {
            let steps = 1000_u32.div_ceil(step_permille.max(1));
            bake_micros.saturating_add(step_micros.saturating_mul(u64::from(steps - 1)))
        }
        DeploymentStrategy::Canary { canary_micros, bake_micros, .. } => {
            bake_micros.saturating_add(canary_micros)
        }
    }
}

/// Tasks of one kind, by how far they have come; tasks that are STOPPING are in none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Tally {
    /// Not placed yet.
    pub(super) waiting: u32,
    /// Placed, not RUNNING.
    pub(super) pending: u32,
    /// RUNNING, and not known to be healthy yet.
    pub(super) unproven: u32,
    /// RUNNING and healthy.
    pub(super) healthy: u32,
    /// RUNNING, with failing checks.
    pub(super) unhealthy: u32,
}

impl Tally {
    pub(super) fn total(&self) -> u32 {
        self.waiting + self.pending + self.unproven + self.healthy + self.unhealthy
    }

    /// On its way to be healthy.
    pub(super) fn coming(&self) -> u32 {
        self.waiting + self.pending + self.unproven
    }
}

/// A service as the plan sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Situation {
    pub(super) desired: u32,
    pub(super) bounds: Bounds,
    /// Tasks of the primary deployment on instances that stay.
    pub(super) new: Tally,
    /// All others: of earlier deployments, and on DRAINING instances.
    pub(super) old: Tally,
    /// New tasks on top of the desired count until they are healthy: availability zones are being
    /// evened out.
    pub(super) extra: u32,
    /// Tasks that are STOPPING and count against the maximum.
    pub(super) stopping: u32,
    /// Old and new run side by side in full, whatever the maximum says: not a rolling deployment.
    pub(super) side_by_side: bool,
    /// The old ones may go now, if they are replaced side by side.
    pub(super) shifted: bool,
    /// The primary deployment has failed and is not to be rolled back: it starts nothing.
    pub(super) failed: bool,
    /// New tasks of a daemon on instances that are none for it, and those of them that are not
    /// protected.
    pub(super) astray: u32,
    pub(super) astray_free: u32,
    /// Of a daemon; `None` where room shows only when it is tried.
    pub(super) places: Option<Places>,
}

/// The instances that are without their daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Places {
    /// All of them.
    pub(super) bare: u32,
    /// Those where it can be started now.
    pub(super) free: u32,
}

/// What to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Plan {
    /// New tasks to start.
    pub(super) start: u32,
    /// New tasks to stop: beyond the desired count, astray, or unhealthy.
    pub(super) stop_new: u32,
    /// Old tasks to stop that are not healthy: all of them.
    pub(super) discard_old: u32,
    /// Old healthy tasks to stop.
    pub(super) stop_old: u32,
}

impl Situation {
    /// Starts what is missing within the maximum, stops what is beyond within the minimum.
    pub(super) fn plan(&self) -> Plan {
        let (new, old) = (&self.new, &self.old);
        let total = new.total() + old.total() + self.stopping;
        let missing = self.missing();
        let room =
            if self.side_by_side { missing } else { self.bounds.max_total.saturating_sub(total) };
        let start = missing.min(room).min(self.places.map_or(u32::MAX, |places| places.free));
        let (discard_old, stop_old) = self.stop_old();
        Plan { start, stop_new: self.stop_new(missing, start), discard_old, stop_old }
    }

    /// New tasks that are what they should be, or may become so.
    fn good(&self) -> u32 {
        self.new.total() - self.new.unhealthy - self.astray
    }

    /// New tasks that are wanted and not there.
    fn missing(&self) -> u32 {
        if self.failed { 0 } else { self.desired.saturating_sub(self.good()) }
    }

    /// Beyond the desired count, or astray; and unhealthy ones, once their replacements are
    /// healthy, or one at a time where there is no room for a replacement.
    fn stop_new(&self, missing: u32, start: u32) -> u32 {
        let beyond = self.good().saturating_sub(self.desired + self.extra) + self.astray_free;
        if self.new.healthy >= self.desired {
            return beyond + self.new.unhealthy;
        }
        let under_way = self.new.coming() + self.stopping;
        let stuck = missing > 0 && start == 0 && self.new.unhealthy > 0 && under_way == 0;
        beyond + u32::from(stuck)
    }

    /// Those that are not healthy count for nothing and go at once; of the others as many as the
    /// minimum allows.
    fn stop_old(&self) -> (u32, u32) {
        let old = &self.old;
        if self.is_shifting() {
            return (0, 0);
        }
        let healthy = self.new.healthy + old.healthy;
        let spare = healthy.saturating_sub(self.bounds.min_healthy);
        (old.total() - old.healthy, spare.min(old.healthy))
    }

    /// Traffic still goes to what is replaced side by side.
    fn is_shifting(&self) -> bool {
        self.side_by_side && !self.shifted
    }

    /// All that is desired is there, healthy and with the traffic, and nothing else.
    pub(super) fn is_steady(&self) -> bool {
        !self.is_shifting()
            && self.old.total() + self.astray == 0
            && self.new.healthy == self.desired
            && self.new.total() == self.desired
    }

    /// Nothing can be started or stopped, nothing is under way, and yet it is not steady.
    pub(super) fn is_blocked(&self) -> bool {
        let bakes = self.is_shifting() && self.new.healthy >= self.desired;
        let no_room = |places: Places| places.free == 0 && places.bare > 0;
        let starved = self.missing() > 0 && self.places.is_some_and(no_room);
        let is_done = self.failed || bakes || starved || self.astray > 0 || self.is_steady();
        let under_way = self.new.coming() + self.stopping;
        !is_done && under_way == 0 && self.plan() == Plan::default()
    }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
