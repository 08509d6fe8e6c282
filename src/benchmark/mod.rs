//! What a placement decision costs on this machine, in wall-clock time.
//!
//! Not part of any simulated result. The clock and the count of bytes allocated come from outside,
//! so that everything here can be tested with made-up ones.

mod cell;
mod churn;
mod row;
mod samples;
mod scenario;
mod sustained;
#[cfg(test)]
mod tests;

pub use cell::{Cell, Effort, ROUNDS, measure};
pub use churn::{Churn, DEFAULT_STRATEGIES, WarmUp, every_strategy};
pub use row::{Latency, Level, Quantiles, Row};
pub use scenario::{Settings, Side, measure_scenario};
pub use sustained::{RATES, ramp};

use std::fmt;
use std::sync::Arc;

use crate::placement::{PlacementError, PlacerKind};
use crate::run::RunError;
use crate::workload::WorkloadError;

/// A clock that only goes forward.
pub trait Clock: fmt::Debug + Send + Sync {
    /// Nanoseconds since some fixed moment.
    fn nanos(&self) -> u64;
}

/// What is measured with.
#[derive(Debug, Clone)]
pub struct Instruments {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Bytes that the process has allocated and not freed; `None` where nobody counts.
    pub allocated: Option<fn() -> usize>,
}

impl Instruments {
    /// What reading the clock costs: the median of many readings in a row, nanoseconds. Taken off
    /// every single measurement.
    pub fn clock_overhead_ns(&self) -> u64 {
        let mut costs: Vec<u64> = (0..1001)
            .map(|_| {
                let start = self.clock.nanos();
                self.clock.nanos().saturating_sub(start)
            })
            .collect();
        costs.sort_unstable();
        costs[costs.len() / 2]
    }

    fn allocated(&self) -> Option<usize> {
        self.allocated.map(|bytes| bytes())
    }
}

/// A measurement that did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The user wants no more of it.
    #[error("interrupted")]
    Interrupted,
    /// The strategy cannot be built.
    #[error(transparent)]
    Placement(#[from] PlacementError),
    /// The scenario's workload cannot be read.
    #[error(transparent)]
    Workload(#[from] WorkloadError),
    /// The scenario's run failed.
    #[error(transparent)]
    Run(RunError),
    /// The indexed placer and the naive scan decided differently: a bug in towtank.
    #[error("{0}: the indexed placer and the naive scan decide differently; please report this")]
    Disagreement(String),
}

/// The name of a placer, as results and `--placer` have it.
pub fn placer_name(kind: PlacerKind) -> &'static str {
    match kind {
        PlacerKind::Naive => "naive",
        PlacerKind::Indexed => "indexed",
    }
}
