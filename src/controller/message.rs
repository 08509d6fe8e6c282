//! The vocabulary between the control plane and what carries it out, on one page.

use std::sync::Arc;

use crate::des::SimTime;
use crate::model::{
    ClassId, DefinitionId, InstanceId, InstanceSpec, Origin, Outcome, Placement, ServiceId,
    ServiceSpec, Submission, TaskDefinition, TaskId,
};

/// What happens: the only input of the control plane.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A task definition was registered; ids are dense, in this order.
    DefinitionRegistered(Arc<TaskDefinition>),
    /// A machine's agent registered it as a container instance; ids are dense, in this order.
    InstanceRegistered(Box<InstanceSpec>),
    /// Tasks were submitted.
    TaskSubmitted(Submission),
    /// A service was created.
    ServiceCreated(ServiceSpec),
    /// A service's desired count was set.
    ServiceUpdated(ServiceId, u32),
    /// A task's containers run.
    TaskStarted(TaskId),
    /// A task's essential container exited by itself; what it left is still being cleaned up.
    TaskExited(TaskId, Outcome),
    /// A task's containers are gone from the host. The outcome is how they ended.
    TaskStopped(TaskId, Outcome),
    /// A timer set by [`Command::WakeAt`] went off.
    Woken(Timer),
}

/// Timers of the control plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timer {
    /// Try the waiting tasks: once per instant, after all that happens at that instant.
    PlacementPass,
    /// A decision that took simulated time is made.
    DecisionMade,
}

/// What the control plane wants done. A command never returns its effect: that comes as an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Start a placed task.
    StartTask {
        /// The task.
        task: TaskId,
        /// What it belongs to: the key of its behaviour.
        origin: Origin,
        /// What it asks for.
        definition: DefinitionId,
        /// Where.
        placement: Placement,
    },
    /// Stop a task that was started.
    StopTask(TaskId),
    /// The tasks of a submission that were not started never will be.
    Forget(Origin),
    /// Send [`Event::Woken`] at a time, after all else that happens then.
    WakeAt(SimTime, Timer),
}

/// A change of state in the control plane, as ECS sends to `EventBridge`: what recorders see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// An instance is ACTIVE.
    InstanceJoined(InstanceId),
    /// A task is PROVISIONING.
    TaskCreated {
        /// The task.
        task: TaskId,
        /// What it asks for.
        class: ClassId,
        /// What it belongs to.
        origin: Origin,
    },
    /// A task is PENDING on an instance.
    TaskPlaced {
        /// The task.
        task: TaskId,
        /// Where.
        placement: Placement,
    },
    /// No instance could take tasks of a class.
    PlacementRefused(ClassId),
    /// A task is RUNNING.
    TaskStarted(TaskId),
    /// A task is STOPPING: its resources are free to the control plane.
    TaskStopping(TaskId),
    /// A task is STOPPED; the id may be taken over by a later task from now on.
    TaskEnded {
        /// The task.
        task: TaskId,
        /// How it ended.
        outcome: Outcome,
    },
}

/// What handling an event led to.
#[derive(Debug, Default)]
pub struct Reaction {
    /// For the backend, in order.
    pub commands: Vec<Command>,
    /// For recorders, in order.
    pub changes: Vec<Change>,
}

impl Reaction {
    /// Empties it for the next event.
    pub fn clear(&mut self) {
        self.commands.clear();
        self.changes.clear();
    }
}
