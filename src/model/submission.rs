//! What users hand to ECS to run once, and how tasks end.

use std::sync::Arc;

use super::{DefinitionId, InstanceId, ServiceId};

/// A submission of standalone tasks (`RunTask` or `StartTask`), numbered in order of submission
/// from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubmissionId(pub u64);

/// Standalone tasks to run once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// Its number in the run.
    pub id: SubmissionId,
    /// What each task asks for.
    pub definition: DefinitionId,
    /// Task group; `None` is the definition's own, `family:<name>`.
    pub group: Option<Arc<str>>,
    /// Number of tasks, at least 1.
    pub count: u32,
    /// Whether the tasks are placed in one attempt, all or none (a gang), or each for itself.
    pub all_or_nothing: bool,
    /// The instances to start its tasks on, one each: ECS's `StartTask`. No strategy is asked, and
    /// a task that its instance cannot take is turned away at once. `None` for `RunTask`.
    pub start_on: Option<Arc<[InstanceId]>>,
    /// Name in the trace it came from, for reports.
    pub label: Option<Box<str>>,
}

/// What a task belongs to; the key of its behaviour, whatever is decided about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// The `ordinal`-th task of a submission, from 0.
    Submission {
        /// The submission.
        submission: SubmissionId,
        /// Which of its tasks.
        ordinal: u32,
    },
    /// The `ordinal`-th task a service ever started, from 0.
    Service {
        /// The service.
        service: ServiceId,
        /// Which of its tasks.
        ordinal: u32,
    },
}

/// How a task ended. Every task ends in exactly one way or is counted as unfinished.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// It ran to its end and exited with 0.
    Completed,
    /// It ran and exited with an error.
    Failed,
    /// It was stopped by the scheduler (scale-in, a deleted service).
    Stopped,
    /// It was turned away unplaced: no instance could take it and its queue does not wait.
    Rejected,
    /// Its instance went away under it.
    Lost,
    /// It was killed for using more memory than it or its host may: exit code 137.
    OutOfMemory,
    /// Its containers could not be started.
    FailedToStart,
}

impl Outcome {
    /// Lower-case word for tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Completed => "completed",
            Outcome::Failed => "failed",
            Outcome::Stopped => "stopped",
            Outcome::Rejected => "rejected",
            Outcome::Lost => "lost",
            Outcome::OutOfMemory => "out-of-memory",
            Outcome::FailedToStart => "failed-to-start",
        }
    }

    /// ECS's `stopCode` of a task that ended so; `None` for one that ECS would not have taken in.
    ///
    /// Source: ECS API, `TaskStopCode`.
    pub fn stop_code(self, origin: Origin) -> Option<StopCode> {
        match (self, origin) {
            (Outcome::Completed | Outcome::Failed | Outcome::OutOfMemory, _) => {
                Some(StopCode::EssentialContainerExited)
            }
            (Outcome::FailedToStart, _) => Some(StopCode::TaskFailedToStart),
            (Outcome::Stopped, Origin::Service { .. }) => Some(StopCode::ServiceSchedulerInitiated),
            (Outcome::Stopped, Origin::Submission { .. }) => Some(StopCode::UserInitiated),
            (Outcome::Lost, _) => Some(StopCode::InfrastructureHealth),
            (Outcome::Rejected, _) => None,
        }
    }
}

/// Why a task stopped, in ECS's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StopCode {
    /// Its containers could not be started.
    TaskFailedToStart,
    /// An essential container ended by itself.
    EssentialContainerExited,
    /// A user stopped it.
    UserInitiated,
    /// Its service stopped it.
    ServiceSchedulerInitiated,
    /// Its instance went away.
    InfrastructureHealth,
}

impl StopCode {
    /// ECS's name.
    pub fn as_str(self) -> &'static str {
        match self {
            StopCode::TaskFailedToStart => "TaskFailedToStart",
            StopCode::EssentialContainerExited => "EssentialContainerExited",
            StopCode::UserInitiated => "UserInitiated",
            StopCode::ServiceSchedulerInitiated => "ServiceSchedulerInitiated",
            StopCode::InfrastructureHealth => "InfrastructureHealth",
        }
    }
}
