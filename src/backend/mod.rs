//! Where commands take effect and time passes.
//!
//! The simulated backend jumps from event to event; the same controller can drive another one that
//! waits for real containers.

mod behaviours;
#[cfg(feature = "docker")]
pub mod docker;
mod downloads;
pub mod fluid;
mod host;
mod host_memory;
pub mod journal;
mod nature;
mod requests;
mod shared_host;
mod simulated;

pub use simulated::{
    EngineSetup, HostPulls, Latency, LifeCycle, MetricTiming, PullBehaviour, Pulls, STOP_TIMEOUT,
    Sharing, SimulatedBackend, phase,
};

use crate::controller::{Command, Event};
use crate::des::SimTime;
use crate::model::{InstanceId, TaskId};
use crate::workload::External;

/// A backend that cannot go on; the run has failed.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct BackendError(pub String);

/// What the containers on one instance really used, from the start of the run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostUsage {
    /// The instance.
    pub instance: InstanceId,
    /// CPU used: [`crate::model::Cpu`] units × µs.
    pub cpu_used: u128,
    /// CPU that was wanted within what the machine has, and not given: the same unit. What a
    /// task's own quota forbids is not wanted.
    pub cpu_denied: u128,
    /// Tasks killed for their use of memory.
    pub oom_kills: u64,
    /// The most memory in use at once, MiB.
    pub memory_peak_mib: u32,
}

/// Carries out commands and yields events in their total order.
pub trait Backend {
    /// Takes something from outside, to happen at its time; it keeps the behaviour to itself.
    fn submit(&mut self, at: SimTime, external: External) -> Result<(), BackendError>;

    /// Begins to carry out a command. Never returns its effect: that comes as an event.
    fn execute(&mut self, command: Command) -> Result<(), BackendError>;

    /// The next event; `None` when nothing is left to happen.
    fn next_event(&mut self) -> Result<Option<(SimTime, Event)>, BackendError>;

    /// The next event not after `until`; `None` when nothing is left to happen by then. Not the
    /// same as to peek and take: a backend may have things to do that bring no event.
    fn next_event_until(
        &mut self,
        until: Option<SimTime>,
    ) -> Result<Option<(SimTime, Event)>, BackendError> {
        match until {
            Some(until) if self.peek_time().is_some_and(|at| at > until) => Ok(None),
            _ => self.next_event(),
        }
    }

    /// What the containers used until `now`, of every instance for which that is known, in order
    /// of the instances.
    fn host_usage(&self, now: SimTime) -> Vec<HostUsage> {
        let _ = now;
        Vec::new()
    }

    /// Adds tasks that will have events before long. A caller that keeps something of each can look
    /// it up for all of them at once: far-away memory is waited for once and not once per task.
    fn due_soon(&mut self, tasks: &mut Vec<TaskId>) {
        let _ = tasks;
    }

    /// When the next event is due, if that is known.
    fn peek_time(&mut self) -> Option<SimTime>;
}
