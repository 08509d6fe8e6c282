//! What one run left, simulated or real, as the verdict compares it.

use std::collections::BTreeMap;

use crate::model::{Origin, Outcome};
use crate::workload::Pace;

/// One task of a run. Times are in seconds of simulated time since the start of the run; those of a
/// real run are wall-clock times multiplied by the time scale.
#[derive(Debug, Clone, PartialEq)]
pub struct ObservedTask {
    /// Which task: the same in every run of a scenario and seed.
    pub origin: Origin,
    /// What becomes of it when CPU is short.
    pub pace: Pace,
    /// Whether it wanted more CPU than it could be sure of: others could slow it down.
    pub contended: bool,
    /// When it was submitted.
    pub submitted_s: f64,
    /// When it was placed, and the instance's number.
    pub placed: Option<(f64, u32)>,
    /// When its containers ran.
    pub started_s: Option<f64>,
    /// When its containers had exited.
    pub ended_s: Option<f64>,
    /// How it ended; `None` if it had not.
    pub outcome: Option<Outcome>,
}

/// One run.
#[derive(Debug, Clone, PartialEq)]
pub struct ObservedRun {
    /// By origin.
    pub tasks: BTreeMap<Origin, ObservedTask>,
    /// First submission to last end, seconds; `None` if nothing ended.
    pub makespan_s: Option<f64>,
    /// Share of the instances' CPU that was used, 0 to 1.
    pub cpu_used: Option<f64>,
    /// Time that containers wanted CPU and were refused it by a quota, core-seconds.
    pub throttled_s: Option<f64>,
    /// Metrics of the summary by name, for the ranking of strategies.
    pub metrics: BTreeMap<String, f64>,
}

/// The runs of one strategy: replications of the simulation, and repetitions on real containers.
#[derive(Debug, Clone, PartialEq)]
pub struct ObservedArm {
    /// The placement.
    pub name: String,
    /// Simulated runs, at least one: the same workload, other draws of latencies.
    pub simulated: Vec<ObservedRun>,
    /// Real runs, at least one.
    pub real: Vec<ObservedRun>,
}
