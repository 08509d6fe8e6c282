//! What was seen of each container, and how late the harness was.

use crate::des::SimTime;
use crate::model::{InstanceId, Origin, Outcome, TaskId};

use super::message::Exit;

/// The life of one container; times are simulated ones, of the moment they were known here.
#[derive(Debug, Clone, PartialEq)]
pub struct ContainerObservation {
    /// Its task.
    pub task: TaskId,
    /// What the task belongs to.
    pub origin: Origin,
    /// Where it was placed.
    pub instance: InstanceId,
    /// When the control plane placed it.
    pub placed: SimTime,
    /// When its host had room and the engine was asked to start it.
    pub requested: Option<SimTime>,
    /// When it was created.
    pub created: Option<SimTime>,
    /// When it ran.
    pub started: Option<SimTime>,
    /// When it had exited.
    pub exited: Option<SimTime>,
    /// From when to when it ran by the engine's own clock, once it has exited.
    pub ran: Option<(SimTime, SimTime)>,
    /// When it was gone.
    pub removed: Option<SimTime>,
    /// How it exited.
    pub exit: Option<Exit>,
}

impl ContainerObservation {
    /// A task that was just placed.
    pub(super) fn new(
        task: TaskId,
        origin: Origin,
        instance: InstanceId,
        placed: SimTime,
    ) -> ContainerObservation {
        ContainerObservation {
            task,
            origin,
            instance,
            placed,
            requested: None,
            created: None,
            started: None,
            exited: None,
            ran: None,
            removed: None,
            exit: None,
        }
    }

    /// How the task ended: as its container did, unless it was told to stop.
    pub(super) fn outcome(&self, stopping: bool) -> Outcome {
        match &self.exit {
            Some(exit) if exit.oom => Outcome::OutOfMemory,
            _ if stopping => Outcome::Stopped,
            Some(exit) if exit.code == 0 => Outcome::Completed,
            _ => Outcome::Failed,
        }
    }
}

/// How long after it was due each event was handled, wall-clock microseconds.
#[derive(Debug, Clone, Default)]
pub struct Lags {
    micros: Vec<u64>,
}

impl Lags {
    pub(super) fn add(&mut self, micros: u64) {
        self.micros.push(micros);
    }

    /// The quantile that `share` (0 to 1) of the lags do not exceed, microseconds; 0 without any.
    pub fn quantile(&self, share: f64) -> u64 {
        let mut sorted = self.micros.clone();
        sorted.sort_unstable();
        let last = sorted.len().saturating_sub(1);
        let place = libm::round(share.clamp(0.0, 1.0) * last as f64) as usize;
        sorted.get(place).copied().unwrap_or(0)
    }
}
