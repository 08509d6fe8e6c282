//! The vocabulary between the control plane and what carries it out, on one page.

use std::sync::Arc;

use crate::des::SimTime;
use crate::model::{
    ClassId, DefinitionId, Health, InstanceId, InstanceSpec, Origin, Outcome, Placement, ServiceId,
    ServiceMetrics, ServiceSpec, ServiceUpdate, Submission, TaskDefinition, TaskId, TaskStatus,
};

use super::ServiceEvent;

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
    /// A service was updated.
    ServiceUpdated(ServiceId, ServiceUpdate),
    /// An instance was set to DRAINING.
    InstanceDraining(InstanceId),
    /// The image that a task needs is on its host: it was pulled, or the registry was asked whether
    /// the cached one is right.
    ImagePulled {
        /// The task.
        task: TaskId,
        /// When that began.
        since: SimTime,
    },
    /// A task's containers run.
    TaskStarted(TaskId),
    /// The health checks of a task have come to another verdict: an event for each change, none for
    /// each check.
    TaskHealthChanged(TaskId, Health),
    /// A task's essential container exited by itself; what it left is still being cleaned up.
    TaskExited(TaskId, Outcome),
    /// A task's containers are gone from the host. The outcome is how they ended.
    TaskStopped(TaskId, Outcome),
    /// A transition that [`Command::Begin`] began is over.
    TransitionMade(TaskId, Transition),
    /// What CloudWatch has of a service arrived.
    MetricsPublished(ServiceMetrics),
    /// A timer set by [`Command::WakeAt`] went off.
    Woken(Timer),
}

/// What happens to a task outside of its host, and takes time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Transition {
    /// A network interface is attached to its instance for it: PROVISIONING.
    AttachNetwork,
    /// A load balancer is told of it: ACTIVATING.
    Register,
    /// It passes the checks of a load balancer, which sends it requests then: RUNNING.
    PassChecks,
    /// A load balancer lets go of it: DEACTIVATING.
    Deregister,
    /// Its network interface is detached: DEPROVISIONING.
    DetachNetwork,
}

/// A set of transitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Transitions(u8);

impl Transitions {
    /// Whether a transition is one of them.
    pub fn contains(self, transition: Transition) -> bool {
        self.0 & 1 << transition as u8 != 0
    }
}

impl FromIterator<Transition> for Transitions {
    fn from_iter<I: IntoIterator<Item = Transition>>(transitions: I) -> Transitions {
        Transitions(transitions.into_iter().fold(0, |set, one| set | 1 << one as u8))
    }
}

/// Timers of the control plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timer {
    /// Try the waiting tasks: once per instant, after all that happens at that instant.
    PlacementPass,
    /// A decision that took simulated time is made.
    DecisionMade,
    /// A service has something to do.
    Service(ServiceId),
    /// A task without checks has been RUNNING for long enough to count as healthy.
    Settled(TaskId),
    /// The grace period of a task with failing checks is over.
    GraceOver(TaskId),
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
    /// Stop a task that was started, or whose network interface is being attached for that.
    StopTask(TaskId),
    /// Begin a transition. A task is in one at a time: another that goes on is given up.
    Begin {
        /// The task.
        task: TaskId,
        /// What it belongs to.
        origin: Origin,
        /// Which.
        transition: Transition,
    },
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
    /// An instance is DRAINING.
    InstanceDraining(InstanceId),
    /// A service tells its operators something.
    Service(ServiceId, ServiceEvent),
    /// A task is PROVISIONING.
    TaskCreated {
        /// The task.
        task: TaskId,
        /// What it asks for.
        class: ClassId,
        /// What it belongs to.
        origin: Origin,
    },
    /// A task has its place on an instance. It is PENDING unless its network is yet to be attached.
    TaskPlaced {
        /// The task.
        task: TaskId,
        /// Where.
        placement: Placement,
    },
    /// No instance could take tasks of a class.
    PlacementRefused(ClassId),
    /// A placed task is PENDING after its network was attached, ACTIVATING, DEACTIVATING or
    /// DEPROVISIONING: states that take time where that is configured.
    TaskAdvanced {
        /// The task.
        task: TaskId,
        /// Its state now.
        status: TaskStatus,
    },
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
