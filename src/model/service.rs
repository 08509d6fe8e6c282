//! Services as ECS is told of them: how many tasks, and how they are replaced.
//!
//! Times are microseconds: this layer knows no clock.
//!
//! Source: ECS API, `CreateService`, `DeploymentConfiguration`, `DeploymentCircuitBreaker`.

use super::DefinitionId;

/// A service, numbered in order of creation from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceId(pub u32);

impl ServiceId {
    /// The id as an index into an array by id.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// How many tasks a service wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum SchedulingStrategy {
    /// As many as its desired count.
    #[default]
    Replica,
    /// One on each ACTIVE instance that satisfies its constraints.
    Daemon,
}

/// How the tasks of a new deployment take over from the old ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeploymentStrategy {
    /// Step by step within the bounds of [`DeploymentConfiguration`].
    #[default]
    Rolling,
    /// All new tasks beside all old ones; these are stopped after the bake time.
    BlueGreen {
        /// How long both run once all traffic is shifted.
        bake_micros: u64,
    },
    /// Like blue/green, with traffic shifted in equal steps.
    Linear {
        /// Traffic of a step, tenths of a percent, 30 to 1000.
        step_permille: u32,
        /// Between two steps.
        step_micros: u64,
        /// How long both run once all traffic is shifted.
        bake_micros: u64,
    },
    /// Like blue/green, with a small part of the traffic shifted first.
    Canary {
        /// Between the first step and the rest.
        canary_micros: u64,
        /// How long both run once all traffic is shifted.
        bake_micros: u64,
    },
}

/// Failed tasks that make a deployment fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureThreshold {
    /// So many.
    Count(u32),
    /// So many percent of the desired count, rounded up, at least 3 and at most 200.
    BoundedPercent(u32),
    /// So many percent of the desired count, rounded up, at least 1.
    UnboundedPercent(u32),
}

/// Lets deployments fail whose tasks do not come up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CircuitBreaker {
    /// Failed tasks at which a deployment fails.
    pub threshold: FailureThreshold,
    /// Whether the last deployment that completed is put back.
    pub rollback: bool,
    /// Whether a task that is healthy sets the count to zero.
    pub reset_on_healthy_task: bool,
}

/// How tasks are replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeploymentConfiguration {
    /// Healthy tasks that must stay, percent of the desired count, rounded up.
    pub minimum_healthy_percent: u32,
    /// Tasks that there may be, percent of the desired count, rounded down.
    pub maximum_percent: u32,
    /// Rolling deployments only.
    pub circuit_breaker: Option<CircuitBreaker>,
    /// How new tasks take over.
    pub strategy: DeploymentStrategy,
}

impl Default for DeploymentConfiguration {
    /// ECS's defaults for a REPLICA service: 100 and 200 percent, rolling, no circuit breaker.
    fn default() -> DeploymentConfiguration {
        DeploymentConfiguration {
            minimum_healthy_percent: 100,
            maximum_percent: 200,
            circuit_breaker: None,
            strategy: DeploymentStrategy::Rolling,
        }
    }
}

/// A service to keep running.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceSpec {
    /// Its number in the run.
    pub id: ServiceId,
    /// Name; its tasks are counted in the group `service:<name>`.
    pub name: String,
    /// What its tasks ask for.
    pub definition: DefinitionId,
    /// Tasks to keep running; no meaning for a daemon.
    pub desired_count: u32,
    /// Which of the controller's placers places it.
    pub placer: usize,
    /// How many tasks it wants.
    pub scheduling: SchedulingStrategy,
    /// How they are replaced.
    pub deployment: DeploymentConfiguration,
    /// Whether its tasks are behind a load balancer or in service discovery.
    pub load_balanced: bool,
    /// For so long after RUNNING failing checks are ignored.
    pub grace_period_micros: u64,
    /// For so long after RUNNING a task protects itself from scale-in and from deployments.
    pub protection_micros: u64,
    /// Whether tasks are moved between availability zones until these are even.
    pub zone_rebalancing: bool,
}

impl ServiceSpec {
    /// A REPLICA service with ECS's defaults, without checks and rebalancing.
    pub fn new(
        id: ServiceId,
        name: impl Into<String>,
        definition: DefinitionId,
        desired_count: u32,
        placer: usize,
    ) -> ServiceSpec {
        ServiceSpec {
            id,
            name: name.into(),
            definition,
            desired_count,
            placer,
            scheduling: SchedulingStrategy::Replica,
            deployment: DeploymentConfiguration::default(),
            load_balanced: false,
            grace_period_micros: 0,
            protection_micros: 0,
            zone_rebalancing: false,
        }
    }
}

/// What `UpdateService` changes; what is `None` stays as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ServiceUpdate {
    /// Tasks to keep running.
    pub desired_count: Option<u32>,
    /// What new tasks ask for: this starts a deployment, with the same definition too.
    pub definition: Option<DefinitionId>,
}

impl ServiceUpdate {
    /// Sets the desired count and nothing else.
    pub fn to(desired_count: u32) -> ServiceUpdate {
        ServiceUpdate { desired_count: Some(desired_count), definition: None }
    }
}
