//! The figures of one run, as `summary.json` holds them.

use serde::{Deserialize, Serialize};

/// What became of the load: see `Verdict::judge`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Nothing was left waiting and the queue did not grow.
    Stable,
    /// Tasks were left waiting, or the queue was long, but it did not keep growing.
    Backlogged,
    /// The queue kept growing as long as tasks arrived.
    Overloaded,
}

/// Tasks by what became of them; `submitted` is the sum of all the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskCounts {
    /// Tasks created.
    pub submitted: u64,
    /// Ran to their end.
    pub completed: u64,
    /// Ran and exited with an error.
    pub failed: u64,
    /// Stopped by the scheduler.
    pub stopped: u64,
    /// Turned away unplaced.
    pub rejected: u64,
    /// Lost with their instance.
    pub lost: u64,
    /// Placed and not ended when the run ended.
    pub running_at_end: u64,
    /// Not placed when the run ended.
    pub pending_at_end: u64,
}

/// Requests to services, after the warm-up, as far as CloudWatch had them when the run ended.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestFigures {
    /// Requests that came.
    pub count: u64,
    /// Of these, the ones that failed.
    pub failed: u64,
    /// Mean response time of those that did not, seconds.
    pub response_s: Option<f64>,
    /// The longest mean response time of any service and period, seconds.
    pub slowest_s: Option<f64>,
    /// CPU used over CPU reserved by the tasks that served, a share.
    pub cpu_utilisation: Option<f64>,
}

/// Waiting time from submission to start, of tasks submitted after the warm-up that started.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WaitSeconds {
    /// Arithmetic mean, seconds.
    pub mean: Option<f64>,
    /// Median, seconds; quantiles are within 0.1 %.
    pub p50: Option<f64>,
    /// 90th percentile, seconds.
    pub p90: Option<f64>,
    /// 99th percentile, seconds.
    pub p99: Option<f64>,
    /// Longest wait, seconds.
    pub max: Option<f64>,
    /// Tasks submitted after the warm-up that never started: they are in none of the figures above.
    pub unfinished: u64,
}

/// Response time (submission to end) over run time, of tasks that ran to their end.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Slowdown {
    /// Arithmetic mean.
    pub mean: Option<f64>,
    /// Largest.
    pub max: Option<f64>,
}

/// A share per resource, 0 to 1; null where the cluster has none of it.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shares {
    /// Of CPU.
    pub cpu: Option<f64>,
    /// Of memory.
    pub memory: Option<f64>,
    /// Of GPU.
    pub gpu: Option<f64>,
}

/// Container instances.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InstanceCounts {
    /// Time-weighted mean number registered.
    pub mean: Option<f64>,
    /// Most registered at once.
    pub peak: u64,
    /// Registered over the whole run.
    pub launched: u64,
    /// Deregistered over the whole run.
    pub terminated: u64,
    /// Time-weighted mean number without any task.
    pub empty_mean: Option<f64>,
}

/// Everything `summary.json` holds. Undefined is null, shares are 0 to 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Summary {
    /// Name of the scenario.
    pub scenario: String,
    /// Name of the arm: what is compared.
    pub arm: String,
    /// Placement as written.
    pub placement: String,
    /// Queue policy.
    pub queue: String,
    /// Seed of the run.
    pub seed: u64,
    /// Version of towtank.
    pub engine_version: String,
    /// 128-bit fingerprint of the trajectory, 32 hexadecimal digits.
    pub fingerprint: String,
    /// The same of the workload alone: equal under every strategy.
    pub workload_fingerprint: String,
    /// Whether the cluster kept up.
    pub verdict: Verdict,
    /// Length of the warm-up left out of means and quantiles, seconds.
    pub warm_up_s: f64,
    /// Tasks by what became of them, over the whole run.
    pub tasks: TaskCounts,
    /// Waiting time.
    pub wait_s: WaitSeconds,
    /// Response time over run time.
    pub slowdown: Slowdown,
    /// Time-weighted share of what was registered that was reserved.
    pub utilisation: Shares,
    /// Share reserved when the run ended.
    pub allocated_at_end: Shares,
    /// Container instances.
    pub instances: InstanceCounts,
    /// From the first submission to the last end of a task, seconds.
    pub makespan_s: Option<f64>,
    /// Price of the instances registered, US dollars, from 0 to the end of the run.
    pub cost_usd: f64,
    /// Tasks placed.
    pub placements: u64,
    /// Decisions that found no instance.
    pub refusals: u64,
    /// Requests to services.
    #[serde(default)]
    pub requests: RequestFigures,
}
