//! What a measurement comes to.

use serde::Serialize;

/// Mean and quantiles of a cost, nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Quantiles {
    /// Mean; in the grid of the middle half of the batches, without pauses of the machine.
    pub mean: f64,
    /// Median.
    pub p50: f64,
    /// 99th percentile.
    pub p99: f64,
}

/// The cost of decisions of one strategy by one placer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// The placement as written.
    pub strategy: String,
    /// Container instances.
    pub instances: u64,
    /// Share of the CPU in use: as asked for, or the time-weighted mean of a scenario's whole run.
    pub utilisation: Option<f64>,
    /// `indexed` or `naive`.
    pub placer: &'static str,
    /// Cost of a decision: of a whole step (release, decide, commit) in the grid, of the decision
    /// alone in a scenario.
    pub ns_per_decision: Quantiles,
    /// 10⁹ over the mean.
    pub decisions_per_second: f64,
    /// Decisions that found no instance, of all.
    pub failed_share: f64,
    /// Heap bytes that a placed task takes; `None` where not measured.
    pub bytes_per_task: Option<f64>,
    /// Heap bytes that an instance takes, the placer's index included; `None` where not measured.
    pub bytes_per_instance: Option<f64>,
    /// Decisions measured.
    pub decisions: u64,
    /// How often the tasks in place had been replaced by the strategy before it was measured.
    pub turnovers: Option<f64>,
    /// Share of the memory in use.
    pub memory_utilisation: Option<f64>,
    /// Mean cost of refusing a task that fits nowhere, nothing having changed since the last one.
    pub ns_per_refusal_unchanged: Option<f64>,
    /// The same, a task having ended and another been placed since.
    pub ns_per_refusal_changed: Option<f64>,
    /// Cost of the naive scan over that of the indexed placer in the same run: median over the
    /// rounds in which both took turns. In rows of the indexed placer.
    pub naive_over_indexed: Option<f64>,
    /// Events of a scenario's run, of which decisions are a part.
    pub events: Option<u64>,
    /// Cost of an event, everything included, in a run whose decisions are not timed.
    pub ns_per_event: Option<f64>,
    /// Whether the decisions are those of whole runs of the scenario: it ended in the time given.
    pub complete: Option<bool>,
}

/// Latency of decisions at one rate of arrivals.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Level {
    /// The placement as written.
    pub strategy: String,
    /// Container instances.
    pub instances: u64,
    /// Share of the CPU in use.
    pub utilisation: f64,
    /// `indexed` or `naive`.
    pub placer: &'static str,
    /// Arrivals per second, Poisson.
    pub rate_per_s: f64,
    /// Decisions per second made.
    pub achieved_per_s: f64,
    /// Share of the time in which the scheduler was busy.
    pub scheduler_utilisation: f64,
    /// From the arrival to the end of the decision, the wait for earlier ones included.
    pub latency_ns: Latency,
    /// Whether the scheduler fell behind.
    pub saturated: bool,
}

/// Quantiles of a latency, nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Latency {
    /// Median.
    pub p50: f64,
    /// 99th percentile.
    pub p99: f64,
    /// The longest.
    pub max: f64,
}
