//! One stretch of time of one run, as plots over time draw it.

use serde::{Deserialize, Serialize};

/// Time-weighted means over one stretch of simulated time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimelinePoint {
    /// Start of the stretch, seconds since the start of the run.
    pub start_s: f64,
    /// End of the stretch, seconds since the start of the run, after its start.
    pub end_s: f64,
    /// Share of the CPU registered that was reserved, 0 to 1; none where there was no CPU.
    pub cpu: Option<f64>,
    /// Share of the memory registered that was reserved, 0 to 1; none where there was none.
    pub memory: Option<f64>,
    /// Share of the GPUs registered that were reserved, 0 to 1; none where there were none.
    pub gpu: Option<f64>,
    /// Tasks submitted and not placed.
    pub pending: f64,
    /// Tasks placed and not ended.
    pub running: f64,
    /// Container instances registered.
    pub instances: f64,
}
