//! When what happened in the life of each task that has not ended.

use crate::controller::Change;
use crate::des::SimTime;
use crate::model::{ClassId, InstanceId, Origin, TaskId};

/// The life of one task so far.
#[derive(Debug, Clone, Copy)]
pub struct Life {
    /// The task.
    pub task: TaskId,
    /// What it asks for.
    pub class: ClassId,
    /// What it belongs to.
    pub origin: Origin,
    /// When it was submitted (or created by its service).
    pub submitted: SimTime,
    /// When it was placed.
    pub placed: Option<SimTime>,
    /// Where.
    pub instance: Option<InstanceId>,
    /// When its containers ran.
    pub started: Option<SimTime>,
}

/// Lives by task slot; memory is bounded by the tasks that live.
#[derive(Debug, Default)]
pub struct Lives {
    by_slot: Vec<Option<Life>>,
}

impl Lives {
    /// The life of a task that has not ended, or ended in the event being recorded.
    pub fn get(&self, task: TaskId) -> Option<&Life> {
        let life = self.by_slot.get(task.slot as usize)?.as_ref();
        life.filter(|life| life.task == task)
    }

    /// All lives, by slot.
    pub fn iter(&self) -> impl Iterator<Item = &Life> {
        self.by_slot.iter().flatten()
    }

    fn get_mut(&mut self, task: TaskId) -> &mut Life {
        let life = self.by_slot.get_mut(task.slot as usize).and_then(Option::as_mut);
        life.filter(|life| life.task == task).expect("a task that changes has been created")
    }

    /// Takes in a change; the life that it is about, if there is one. A life that ends stays until
    /// [`Lives::forget`], so that it can be recorded.
    pub(super) fn apply(&mut self, now: SimTime, change: &Change) -> Option<&Life> {
        match *change {
            Change::TaskCreated { task, class, origin } => {
                let slot = task.slot as usize;
                if self.by_slot.len() <= slot {
                    self.by_slot.resize(slot + 1, None);
                }
                let (placed, instance, started) = (None, None, None);
                let submitted = now;
                let life = Life { task, class, origin, submitted, placed, instance, started };
                Some(self.by_slot[slot].insert(life))
            }
            Change::TaskPlaced { task, placement } => {
                let life = self.get_mut(task);
                life.placed = Some(now);
                life.instance = Some(placement.instance);
                Some(life)
            }
            Change::TaskStarted(task) => {
                let life = self.get_mut(task);
                life.started = Some(now);
                Some(life)
            }
            Change::TaskStopping(task) | Change::TaskEnded { task, .. } => Some(self.get_mut(task)),
            Change::InstanceJoined(_) | Change::PlacementRefused(_) => None,
        }
    }

    /// Forgets a task that ended.
    pub(super) fn forget(&mut self, change: &Change) {
        if let Change::TaskEnded { task, .. } = change
            && self.get(*task).is_some()
        {
            self.by_slot[task.slot as usize] = None;
        }
    }
}
