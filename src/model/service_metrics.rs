//! What CloudWatch tells of a service.

use super::ServiceId;

/// A datum about the requests to a service and what they take.
///
/// Source: ECS developer guide, "Amazon ECS CloudWatch metrics" (`CPUUtilization`); Elastic Load
/// Balancing, "CloudWatch metrics for your Application Load Balancer" (`RequestCount`,
/// `HTTPCode_ELB_5XX_Count`, `RequestCountPerTarget`, `TargetResponseTime`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServiceMetrics {
    /// The service.
    pub service: ServiceId,
    /// The time that it is about begins here, µs, …
    pub since_micros: u64,
    /// … and ends here.
    pub until_micros: u64,
    /// Requests that came.
    pub requests: u64,
    /// Those of them, or of earlier ones that waited, that failed: no task served, or not in time.
    pub failed: u64,
    /// Requests that came and that tasks had time for then; some may fail later, when the tasks
    /// that they wait for leave.
    pub let_in: u64,
    /// Tasks that served, thousandths, over the time.
    pub tasks_milli: u64,
    /// CPU used over CPU reserved by these tasks, millionths; `None` where there were none.
    pub cpu_ppm: Option<u64>,
    /// Mean response time of those let in, µs; `None` where there were none.
    pub response_micros: Option<u64>,
}
