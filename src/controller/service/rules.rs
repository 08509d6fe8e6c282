//! What AWS does not publish, or publishes as a quota, of how services are scheduled.

use crate::des::SimDuration;

/// Rules that all services go by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServiceRules {
    /// A task without checks counts as healthy after so long RUNNING. ECS: 40 s.
    pub settled_after: SimDuration,
    /// Tasks that a service may start in a minute; 0 for no limit. ECS: 500.
    pub launches_per_minute: u32,
    /// What no instance took is tried again after so long; no time where it is tried whenever room
    /// is made. Not documented; users observe minutes.
    pub retry_first: SimDuration,
    /// The longest that doubles to.
    pub retry_longest: SimDuration,
    /// Tasks in a row that fail to start before further starts are delayed. Not documented.
    pub throttle_after: u32,
    /// The first delay. Not documented.
    pub throttle_first: SimDuration,
    /// The longest that doubles to. ECS: 15 minutes.
    pub throttle_longest: SimDuration,
    /// Whether tasks that are STOPPING count against `maximumPercent`: sources disagree.
    pub maximum_counts_stopping: bool,
    /// Tasks that the fullest availability zone may have more than the emptiest before tasks are
    /// moved, less one. Not documented.
    pub zone_imbalance: u32,
}

impl ServiceRules {
    /// ECS's own times.
    pub fn ecs() -> ServiceRules {
        ServiceRules {
            settled_after: SimDuration::from_secs(40),
            launches_per_minute: 500,
            retry_first: SimDuration::from_secs(60),
            retry_longest: SimDuration::from_secs(300),
            ..ServiceRules::default()
        }
    }
}

impl Default for ServiceRules {
    /// As fast as can be: no limit of launches, healthy as soon as RUNNING, tried as soon as there
    /// is room. Only what fails to start is throttled, or it would fail for ever at one instant.
    fn default() -> ServiceRules {
        ServiceRules {
            settled_after: SimDuration::ZERO,
            launches_per_minute: 0,
            retry_first: SimDuration::ZERO,
            retry_longest: SimDuration::ZERO,
            throttle_after: 10,
            throttle_first: SimDuration::from_secs(10),
            throttle_longest: SimDuration::from_secs(900),
            maximum_counts_stopping: false,
            zone_imbalance: 2,
        }
    }
}
