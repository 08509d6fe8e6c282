//! Where commands take effect and time passes.
//!
//! The simulated backend jumps from event to event; the same controller can drive another one that
//! waits for real containers.

mod behaviours;
mod host;
mod simulated;

pub use simulated::{Latency, SimulatedBackend, phase};

use crate::controller::{Command, Event};
use crate::des::SimTime;
use crate::model::TaskId;
use crate::workload::External;

/// A backend that cannot go on; the run has failed.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct BackendError(pub String);

/// Carries out commands and yields events in their total order.
pub trait Backend {
    /// Takes something from outside, to happen at its time; it keeps the behaviour to itself.
    fn submit(&mut self, at: SimTime, external: External) -> Result<(), BackendError>;

    /// Begins to carry out a command. Never returns its effect: that comes as an event.
    fn execute(&mut self, command: Command) -> Result<(), BackendError>;

    /// The next event; `None` when nothing is left to happen.
    fn next_event(&mut self) -> Result<Option<(SimTime, Event)>, BackendError>;

    /// Adds tasks that will have events before long. A caller that keeps something of each can look
    /// it up for all of them at once: far-away memory is waited for once and not once per task.
    fn due_soon(&mut self, tasks: &mut Vec<TaskId>) {
        let _ = tasks;
    }

    /// When the next event is due, if that is known.
    fn peek_time(&mut self) -> Option<SimTime>;
}
