//! Summaries to test comparisons and reports with.

use super::comparison::{ArmRuns, Comparison};
use crate::metrics::summary::{
    InstanceCounts, Shares, Slowdown, Summary, TaskCounts, Verdict, WaitSeconds,
};

/// A stable run of `arm` with every figure defined.
pub(crate) fn summary(arm: &str, seed: u64) -> Summary {
    Summary {
        scenario: "gpu-day".to_owned(),
        arm: arm.to_owned(),
        placement: "binpack:memory".to_owned(),
        queue: "fifo".to_owned(),
        seed,
        engine_version: "0.1.0".to_owned(),
        fingerprint: "0".repeat(32),
        workload_fingerprint: format!("{seed:032x}"),
        verdict: Verdict::Stable,
        warm_up_s: 600.0,
        tasks: TaskCounts {
            submitted: 10_866,
            completed: 10_860,
            running_at_end: 6,
            ..TaskCounts::default()
        },
        wait_s: WaitSeconds {
            mean: Some(0.35),
            p50: Some(0.0),
            p90: Some(1.5),
            p99: Some(12.0),
            max: Some(4320.0),
            unfinished: 0,
        },
        slowdown: Slowdown { mean: Some(1.25), max: Some(40.0) },
        utilisation: Shares { cpu: Some(0.634), memory: Some(0.5), gpu: Some(0.905) },
        allocated_at_end: Shares::default(),
        instances: InstanceCounts {
            mean: Some(99.5),
            peak: 100,
            launched: 101,
            terminated: 3,
            empty_mean: Some(4.25),
        },
        makespan_s: Some(86_400.0),
        cost_usd: 1234.5,
        placements: 10_866,
        refusals: 77,
        requests: crate::metrics::summary::RequestFigures::default(),
    }
}

/// An arm whose runs with seeds 1, 2, … differ in the 99th percentile of waiting time.
pub(crate) fn arm(name: &str, p99: &[f64]) -> ArmRuns {
    let runs = (1..).zip(p99).map(|(seed, p99)| {
        let mut summary = summary(name, seed);
        summary.wait_s.p99 = Some(*p99);
        summary
    });
    ArmRuns {
        name: name.to_owned(),
        placement: name.to_owned(),
        queue: "fifo".to_owned(),
        scaling: "none".to_owned(),
        runs: runs.collect(),
    }
}

/// The arms ranked by the 99th percentile of waiting time.
pub(crate) fn compare(arms: &[ArmRuns]) -> Comparison {
    let name = "wait_s.p99".parse().expect("it is a metric");
    Comparison::of(arms, name).expect("the arms fit together")
}
