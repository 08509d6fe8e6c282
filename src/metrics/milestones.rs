//! When what happened in the life of each task beside its placement, start and end: kept apart from
//! [`super::Lives`], and only where a life cycle is configured.

use crate::controller::{Change, Event};
use crate::des::SimTime;
use crate::model::{Cluster, TaskId, TaskStatus};

/// Times of one task, by ECS's names; `None` for what has not happened.
///
/// Source: ECS API, `Task`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TaskTimes {
    /// When it turned PENDING.
    pub created_at: Option<SimTime>,
    /// When its host began to see to its image; known once that is over.
    pub pull_started_at: Option<SimTime>,
    /// When its image was there.
    pub pull_stopped_at: Option<SimTime>,
    /// When it turned STOPPING.
    pub stopping_at: Option<SimTime>,
    /// When its containers had exited, if they ran.
    pub execution_stopped_at: Option<SimTime>,
    /// Whether its containers ran, RUNNING or not.
    has_run: bool,
}

/// Times by task slot; memory is bounded by the tasks that live.
#[derive(Debug, Default)]
pub(super) struct Milestones {
    times: Vec<TaskTimes>,
}

impl Milestones {
    /// The times of a task that has not ended, or ended in the event being recorded.
    pub(super) fn get(&self, task: TaskId) -> TaskTimes {
        self.times.get(task.slot as usize).copied().unwrap_or_default()
    }

    fn get_mut(&mut self, task: TaskId) -> &mut TaskTimes {
        &mut self.times[task.slot as usize]
    }

    /// Takes in an event.
    pub(super) fn event(&mut self, now: SimTime, event: &Event) {
        match *event {
            Event::ImagePulled { task, since } => {
                let times = self.get_mut(task);
                (times.pull_started_at, times.pull_stopped_at) = (Some(since), Some(now));
            }
            Event::TaskStarted(task) => self.get_mut(task).has_run = true,
            Event::TaskExited(task, _) | Event::TaskStopped(task, _) => {
                let times = self.get_mut(task);
                if times.has_run {
                    times.execution_stopped_at.get_or_insert(now);
                }
            }
            _ => {}
        }
    }

    /// Takes in a change; the cluster is as it was left by the event.
    pub(super) fn change(&mut self, now: SimTime, change: &Change, cluster: &Cluster) {
        match *change {
            Change::TaskCreated { task, .. } => {
                let slot = task.slot as usize;
                if self.times.len() <= slot {
                    self.times.resize(slot + 1, TaskTimes::default());
                }
                self.times[slot] = TaskTimes::default();
            }
            Change::TaskPlaced { task, .. } => {
                let waits = cluster.task(task).map(|one| one.status);
                if waits != Some(TaskStatus::Provisioning) {
                    self.get_mut(task).created_at = Some(now);
                }
            }
            Change::TaskAdvanced { task, status: TaskStatus::Pending } => {
                self.get_mut(task).created_at = Some(now);
            }
            Change::TaskStopping(task) => self.get_mut(task).stopping_at = Some(now),
            Change::InstanceJoined(_)
            | Change::InstanceDraining(_)
            | Change::Service(..)
            | Change::PlacementRefused(_)
            | Change::TaskAdvanced { .. }
            | Change::TaskStarted(_)
            | Change::TaskEnded { .. } => {}
        }
    }
}
