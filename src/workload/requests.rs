//! The requests that a service gets, and what one of them takes.

use crate::des::SimTime;

/// Requests to a service. They come as a fluid: no request is an event.
#[derive(Debug, Clone, PartialEq)]
pub struct RequestLoad {
    /// Requests a second from a time on, ascending in time; none before the first.
    pub rates: Vec<(SimTime, f64)>,
    /// CPU time of a request on one vCPU at nominal speed, seconds, more than 0. A request runs on
    /// one vCPU at a time.
    pub cpu_s: f64,
    /// How a task serves several at once.
    pub serving: Serving,
    /// Requests that would take longer fail, seconds.
    pub timeout_s: f64,
}

/// How a task serves several requests at once.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Serving {
    /// All of them at once, at equal speed: processor sharing, for which the law of their CPU time
    /// does not matter (M/G/1-PS on up to one vCPU).
    Shared,
    /// First come, first served, by workers: G/G/c.
    Queue {
        /// Workers of a task; as many as it has whole vCPUs, at least 1, if `None`.
        workers: Option<u32>,
        /// Squared coefficients of variation of the times between requests, and of CPU times.
        arrival_cv2: f64,
        /// See above.
        service_cv2: f64,
    },
}
