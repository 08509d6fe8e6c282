//! What users hand to ECS: tasks to run once, and services to keep running.

use std::sync::Arc;

use super::DefinitionId;

/// A submission of standalone tasks (`RunTask`), numbered in order of submission from 0.
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
    /// Name in the trace it came from, for reports.
    pub label: Option<Box<str>>,
}

/// A service, numbered in order of creation from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceId(pub u32);

impl ServiceId {
    /// The id as an index into an array by id.
    pub fn index(self) -> usize {
        self.0 as usize
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
    /// Tasks to keep running.
    pub desired_count: u32,
    /// Which of the controller's placers places it.
    pub placer: usize,
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
        }
    }
}
