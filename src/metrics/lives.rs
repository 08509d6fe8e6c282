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

/// How far a life has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Ended,
    Created,
    Placed,
    Started,
}

/// A life as it is stored: in one cache line, because the line is fetched from far away when the
/// task ends.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
struct Slot {
    number: u64,
    origin: Origin,
    class: ClassId,
    stage: Stage,
    submitted: SimTime,
    /// Meaningful from [`Stage::Placed`] on, like the instance.
    placed: SimTime,
    instance: InstanceId,
    /// Meaningful from [`Stage::Started`] on.
    started: SimTime,
}

/// Lives by task slot; memory is bounded by the tasks that live.
#[derive(Debug, Default)]
pub struct Lives {
    slots: Vec<Slot>,
}

impl Lives {
    /// The life of a task that has not ended, or ended in the event being recorded.
    pub fn get(&self, task: TaskId) -> Option<Life> {
        self.at(task.slot as usize).filter(|life| life.task == task)
    }

    /// All lives, by slot.
    pub fn iter(&self) -> impl Iterator<Item = Life> {
        (0..self.slots.len()).filter_map(|slot| self.at(slot))
    }

    fn at(&self, index: usize) -> Option<Life> {
        let slot = self.slots.get(index).filter(|slot| slot.stage != Stage::Ended)?;
        let placed = slot.stage >= Stage::Placed;
        Some(Life {
            task: TaskId { number: slot.number, slot: index as u32 },
            class: slot.class,
            origin: slot.origin,
            submitted: slot.submitted,
            placed: placed.then_some(slot.placed),
            instance: placed.then_some(slot.instance),
            started: (slot.stage == Stage::Started).then_some(slot.started),
        })
    }

    fn get_mut(&mut self, task: TaskId) -> &mut Slot {
        let slot = self.slots.get_mut(task.slot as usize);
        let slot = slot.filter(|slot| slot.number == task.number && slot.stage != Stage::Ended);
        slot.expect("a task that changes has been created")
    }

    /// Takes in a change, ends apart: those are forgotten by [`Lives::forget`] once recorded.
    /// Returns the life of a task that starts or ends: of others, nothing is fetched for it.
    pub(super) fn apply(&mut self, now: SimTime, change: &Change) -> Option<Life> {
        match *change {
            Change::TaskCreated { task, class, origin } => self.create(now, task, class, origin),
            Change::TaskPlaced { task, placement } => {
                let slot = self.get_mut(task);
                slot.stage = Stage::Placed;
                slot.placed = now;
                slot.instance = placement.instance;
            }
            Change::TaskStarted(task) => {
                let slot = self.get_mut(task);
                slot.stage = Stage::Started;
                slot.started = now;
                return self.get(task);
            }
            Change::TaskEnded { task, .. } => return self.get(task),
            Change::TaskAdvanced { .. }
            | Change::TaskStopping(_)
            | Change::InstanceJoined(_)
            | Change::InstanceDraining(_)
            | Change::Service(..)
            | Change::PlacementRefused(_) => {}
        }
        None
    }

    fn create(&mut self, now: SimTime, task: TaskId, class: ClassId, origin: Origin) {
        let slot = Slot {
            number: task.number,
            origin,
            class,
            stage: Stage::Created,
            submitted: now,
            placed: now,
            instance: InstanceId::default(),
            started: now,
        };
        let index = task.slot as usize;
        if self.slots.len() <= index {
            self.slots.resize(index + 1, Slot { stage: Stage::Ended, ..slot });
        }
        self.slots[index] = slot;
    }

    /// Forgets a task that ended.
    pub(super) fn forget(&mut self, change: &Change) {
        if let Change::TaskEnded { task, .. } = change {
            self.slots[task.slot as usize].stage = Stage::Ended;
        }
    }
}
