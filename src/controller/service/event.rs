//! What a service tells its operators.

use crate::model::{ClassId, InstanceId, SchedulingStrategy, TaskId};

/// An entry of a service's event log. ECS's words for it are made where it is written down.
///
/// Source: ECS developer guide, "Service event messages".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServiceEvent {
    /// As many tasks as desired run and are healthy.
    SteadyState,
    /// Tasks were started.
    TasksStarted(u32),
    /// Tasks that were running are being stopped.
    TasksStopped(u32),
    /// Tasks that were not running are being stopped.
    PendingTasksStopped(u32),
    /// No instance takes a task of the class; of a DAEMON, one without a task of it does not. Told
    /// again when the cause was away in between, or when it is tried six hours later.
    UnableToPlace(ClassId, SchedulingStrategy),
    /// The same in the availability zone of an instance: zones are to be evened out.
    UnableToPlaceInZone(InstanceId),
    /// The bounds of the deployment configuration allow neither to stop nor to start a task.
    Blocked,
    /// Tasks fail to start one after the other: further starts are delayed.
    StartImpaired,
    /// Checks of a task fail.
    Unhealthy(TaskId),
    /// Tasks protect themselves from being stopped.
    Protected(u32),
    /// A deployment, by its number in the service, began.
    DeploymentStarted(u32),
    /// All tasks of a deployment are healthy, and no others are left.
    DeploymentCompleted(u32),
    /// Its circuit breaker stopped a deployment.
    DeploymentFailed(u32),
    /// An earlier deployment is put back.
    RollingBack(u32),
    /// Tasks are spread unevenly over availability zones: they are being moved.
    ZonesUnbalanced,
    /// Tasks are spread evenly over availability zones again.
    ZonesBalanced,
}
