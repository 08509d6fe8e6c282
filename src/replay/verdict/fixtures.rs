//! Runs made up to test verdicts and their reports with.

use std::collections::BTreeMap;

use super::{Verdict, VerdictSettings};
use crate::des::Seed;
use crate::model::{Origin, Outcome, SubmissionId};
use crate::replay::observed::{ObservedArm, ObservedRun, ObservedTask};
use crate::workload::Pace;

/// The task of that number.
pub(crate) fn origin(number: u64) -> Origin {
    Origin::Submission { submission: SubmissionId(number), ordinal: 0 }
}

/// A completed fixed-work task under contention on instance 0: submitted at 0, placed after
/// `wait_s`, started after `start_s` more, ended after `run_s` more.
pub(crate) fn task(number: u64, wait_s: f64, start_s: f64, run_s: f64) -> ObservedTask {
    ObservedTask {
        origin: origin(number),
        pace: Pace::Work,
        contended: true,
        submitted_s: 0.0,
        placed: Some((wait_s, 0)),
        started_s: Some(wait_s + start_s),
        ended_s: Some(wait_s + start_s + run_s),
        outcome: Some(Outcome::Completed),
    }
}

/// A run of these tasks; the last end is its makespan, which is also its only metric.
pub(crate) fn run(tasks: impl IntoIterator<Item = ObservedTask>) -> ObservedRun {
    let tasks: BTreeMap<Origin, ObservedTask> =
        tasks.into_iter().map(|task| (task.origin, task)).collect();
    let ends = tasks.values().filter_map(|task| task.ended_s);
    let makespan_s = ends.max_by(f64::total_cmp);
    let metrics = makespan_s.map(|makespan_s| ("makespan_s".to_owned(), makespan_s));
    ObservedRun {
        tasks,
        makespan_s,
        cpu_used: Some(0.5),
        throttled_s: Some(4.0),
        metrics: metrics.into_iter().collect(),
    }
}

/// Twenty tasks, each time `factor` times what it is without; runs of 10 s to 200 s, placed on four
/// instances.
pub(crate) fn scaled(factor: f64) -> ObservedRun {
    run((0..20).map(|number| {
        let size = number as f64 + 1.0;
        let mut task = task(number, factor * size, factor * 0.25 * size, factor * 10.0 * size);
        task.placed = task.placed.map(|(placed_s, _)| (placed_s, number as u32 % 4));
        task
    }))
}

/// An arm of runs scaled so.
pub(crate) fn arm(name: &str, simulated: &[f64], real: &[f64]) -> ObservedArm {
    let runs = |factors: &[f64]| factors.iter().map(|factor| scaled(*factor)).collect();
    ObservedArm { name: name.to_owned(), simulated: runs(simulated), real: runs(real) }
}

/// Ranked by makespan, calibrated, 5 % allowed.
pub(crate) fn settings() -> VerdictSettings {
    let metric = crate::scenario::ReplayMetric::parse("makespan_s").unwrap();
    VerdictSettings { metric, max_error: 0.05, calibrated: true, seed: Seed(1) }
}

/// The verdict with these settings.
pub(crate) fn judge(arms: &[ObservedArm]) -> Verdict {
    Verdict::judge(arms, &settings())
}
