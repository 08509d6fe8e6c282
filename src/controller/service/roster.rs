//! The tasks of all services: an event about one finds what is held of it by the slot of the task,
//! and those of a service come in order of creation.

use crate::des::SimTime;
use crate::model::{Health, ServiceId, TaskId};

use super::{Services, Tally};

/// How far a task of a service has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Not placed yet.
    Waiting,
    /// Placed, not RUNNING.
    Pending,
    /// RUNNING, not known to be healthy yet.
    Unproven,
    Healthy,
    Unhealthy,
}

/// What a RUNNING task has yet to show before it counts as healthy.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Awaits {
    /// A good result of its own checks.
    pub(super) checks: bool,
    /// One of its load balancer's.
    pub(super) target: bool,
}

/// A task that a service counts: it is not STOPPING.
#[derive(Debug, Clone, Copy)]
pub(super) struct Held {
    pub(super) task: TaskId,
    /// Number of its deployment.
    pub(super) deployment: u32,
    pub(super) phase: Phase,
    /// It is on an instance that is DRAINING.
    pub(super) draining: bool,
    /// Its checks fail, in its grace period or after it.
    pub(super) failing: bool,
    /// What its checks said before it was RUNNING, which counts from then on.
    pub(super) said: Option<Health>,
    pub(super) awaits: Awaits,
    /// When it turned RUNNING.
    pub(super) running_since: SimTime,
}

/// What services hold of their tasks, by task slot. All operations take O(1).
#[derive(Debug, Default)]
pub(super) struct Roster {
    held: Vec<Option<Held>>,
}

impl Roster {
    fn get(&self, task: TaskId) -> Option<&Held> {
        let held = self.held.get(task.slot as usize)?.as_ref();
        held.filter(|held| held.task == task)
    }

    fn get_mut(&mut self, task: TaskId) -> Option<&mut Held> {
        let held = self.held.get_mut(task.slot as usize)?.as_mut();
        held.filter(|held| held.task == task)
    }

    fn insert(&mut self, held: Held) {
        let slot = held.task.slot as usize;
        if self.held.len() <= slot {
            self.held.resize(slot + 1, None);
        }
        self.held[slot] = Some(held);
    }

    fn remove(&mut self, task: TaskId) -> Option<Held> {
        self.held.get_mut(task.slot as usize)?.take_if(|held| held.task == task)
    }
}

impl Services {
    /// What is held of a task; `None` if it is of no service, or STOPPING, or gone.
    pub(super) fn held(&self, task: TaskId) -> Option<&Held> {
        self.roster.get(task)
    }

    /// The tasks of a service in order of creation.
    pub(super) fn tasks_of(&self, id: ServiceId) -> impl DoubleEndedIterator<Item = &Held> {
        let held = |task: &TaskId| self.roster.get(*task).expect("a service's tasks are held");
        self.get(id).tasks.iter().map(held)
    }

    /// Those that are not placed yet.
    pub(super) fn unplaced(&self, id: ServiceId) -> Vec<TaskId> {
        let waits = |held: &&Held| held.phase == Phase::Waiting;
        self.tasks_of(id).filter(waits).map(|held| held.task).collect()
    }

    /// A service has one task more.
    pub(super) fn hold(&mut self, id: ServiceId, held: Held) {
        self.roster.insert(held);
        let service = self.get_mut(id);
        service.count_in(&held);
        service.deployment_mut(held.deployment).tasks += 1;
        service.tasks.insert(held.task);
    }

    /// A service counts a task no more; what was held of it, if anything was.
    pub(super) fn let_go(&mut self, id: ServiceId, task: TaskId) -> Option<Held> {
        let held = self.roster.remove(task)?;
        let service = self.get_mut(id);
        service.tasks.remove(&task);
        service.count_out(&held);
        service.deployment_mut(held.deployment).tasks -= 1;
        if held.phase == Phase::Waiting && service.new.waiting + service.old.waiting == 0 {
            // What is wanted next does not wait because these have waited.
            service.retry_at = None;
            service.retry.reset();
            service.told.is_placed();
        }
        Some(held)
    }

    /// Changes what is held of a task, but not its deployment.
    pub(super) fn update(&mut self, id: ServiceId, task: TaskId, change: impl FnOnce(&mut Held)) {
        let Some(held) = self.roster.get_mut(task) else { return };
        let before = *held;
        change(held);
        let after = *held;
        let service = self.get_mut(id);
        service.count_out(&before);
        service.count_in(&after);
    }

    /// Counts all tasks of a service anew, when which of them are new has changed.
    pub(super) fn recount(&mut self, id: ServiceId) {
        let all: Vec<Held> = self.tasks_of(id).copied().collect();
        let service = self.get_mut(id);
        service.to_replace = None;
        (service.new, service.old) = (Tally::default(), Tally::default());
        for held in &all {
            service.count_in(held);
        }
    }
}
