//! Errors of tasks' times: start latency, run and completion, simulated against real.

use std::collections::BTreeMap;

use serde::Serialize;

use super::matching::{Matched, Stretch, is_contended_work, ordered_pairs};
use super::{Measure, MetricVerdict, TaskGroup};
use crate::des::Seed;
use crate::model::Origin;
use crate::replay::observed::{ObservedRun, ObservedTask};
use crate::replay::statistics::{median, median_interval, quantile, relative_error, sorted};

/// Run time below which errors are in seconds.
const SHORT_S: f64 = 1.0;

/// Sizes of errors, whatever their sign.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Magnitude {
    /// Median.
    pub median: f64,
    /// 95th percentile.
    pub p95: f64,
    /// 95th percentile between real runs; null for fewer than two.
    pub p95_floor: Option<f64>,
    /// Comparisons left out because the real value is 0 and the simulated one is not.
    pub undefined: usize,
}

/// The errors of one real run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct RunError {
    /// Number of the real run, from 0.
    pub run: usize,
    /// Tasks compared.
    pub count: usize,
    /// Median, signed.
    pub error: f64,
    /// 95 % bootstrap interval of the median.
    pub interval: [f64; 2],
    /// Median of the magnitude.
    pub magnitude: f64,
    /// 95th percentile of the magnitude.
    pub p95: f64,
}

/// Magnitudes of all errors, ascending.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ErrorSamples {
    /// Simulated against real.
    pub errors: Vec<f64>,
    /// Real against real.
    pub floor: Vec<f64>,
}

/// One task of a real run, and what stands beside it.
#[derive(Clone, Copy)]
struct Compared {
    origin: Origin,
    run: usize,
    simulated: f64,
    real: f64,
    error: Option<f64>,
}

/// The figures of all stretches and groups.
pub(super) fn metrics(matched: &Matched<'_>, seed: Seed) -> Vec<MetricVerdict> {
    let mut metrics = Vec::new();
    for stretch in Stretch::OF_TASKS {
        let groups: &[TaskGroup] = match stretch {
            Stretch::StartLatency => &[TaskGroup::All, TaskGroup::ContendedWork],
            _ => &[TaskGroup::All, TaskGroup::ContendedWork, TaskGroup::Short],
        };
        metrics.extend(groups.iter().map(|group| metric(matched, stretch, *group, seed)));
    }
    metrics
}

/// Whether a task belongs to the group, as it went in the run it is compared with.
fn is_in(group: TaskGroup, stretch: Stretch, real: &ObservedTask) -> bool {
    let is_short = Stretch::Run.of(real).is_some_and(|run_s| run_s < SHORT_S);
    // How long a task takes to start does not hang on how long it runs.
    let is_comparable = stretch == Stretch::StartLatency || !is_short;
    match group {
        TaskGroup::All => is_comparable,
        TaskGroup::ContendedWork => is_comparable && is_contended_work(real),
        TaskGroup::Short => is_short,
    }
}

/// Tasks of a real run beside what `simulated` says of them.
fn compare<'a>(
    run: usize,
    real: &'a ObservedRun,
    stretch: Stretch,
    group: TaskGroup,
    simulated: impl Fn(&Origin) -> Option<f64> + 'a,
) -> impl Iterator<Item = Compared> + 'a {
    real.tasks.iter().filter(move |(_, task)| is_in(group, stretch, task)).filter_map(
        move |(origin, task)| {
            let (simulated, real) = (simulated(origin)?, stretch.of(task)?);
            let error = match group {
                TaskGroup::All | TaskGroup::ContendedWork => relative_error(simulated, real),
                TaskGroup::Short => Some(simulated - real),
            };
            Some(Compared { origin: *origin, run, simulated, real, error })
        },
    )
}

fn magnitudes(compared: &[Compared]) -> Vec<f64> {
    sorted(compared.iter().filter_map(|one| one.error).map(f64::abs))
}

/// The errors of each task, so that a task is resampled with all of its runs.
fn by_task(compared: &[Compared]) -> Vec<Vec<f64>> {
    let mut groups: BTreeMap<Origin, Vec<f64>> = BTreeMap::new();
    for one in compared {
        if let Some(error) = one.error {
            groups.entry(one.origin).or_default().push(error);
        }
    }
    groups.into_values().collect()
}

fn metric(matched: &Matched<'_>, stretch: Stretch, group: TaskGroup, seed: Seed) -> MetricVerdict {
    let mut compared = Vec::new();
    for (run, real) in matched.numbers.iter().zip(&matched.real) {
        let expected =
            |origin: &Origin| matched.expected.get(origin).and_then(|one| one.stretch(stretch));
        compared.extend(compare(*run, real, stretch, group, expected));
    }
    let mut between = Vec::new();
    for (other, real) in ordered_pairs(&matched.real) {
        let in_other = |origin: &Origin| other.tasks.get(origin).and_then(|task| stretch.of(task));
        between.extend(compare(0, real, stretch, group, in_other));
    }
    let tasks = by_task(&compared);
    let samples = ErrorSamples { errors: magnitudes(&compared), floor: magnitudes(&between) };
    let magnitude = |p95: f64| {
        let middle = quantile(&samples.errors, 0.5)?;
        let p95_floor = quantile(&samples.floor, 0.95);
        let undefined = compared.len() - samples.errors.len();
        Some(Magnitude { median: middle, p95, p95_floor, undefined })
    };
    MetricVerdict {
        metric: stretch.name(),
        tasks: Some(group),
        measure: match group {
            TaskGroup::All | TaskGroup::ContendedWork => Measure::RelativeError,
            TaskGroup::Short => Measure::AbsoluteErrorS,
        },
        count: tasks.len(),
        simulated: median(compared.iter().map(|one| one.simulated)),
        real: median(compared.iter().map(|one| one.real)),
        error: median(compared.iter().filter_map(|one| one.error)),
        error_floor: quantile(&samples.floor, 0.5),
        interval: median_interval(&tasks, seed),
        magnitude: quantile(&samples.errors, 0.95).and_then(magnitude),
        runs: matched.numbers.iter().filter_map(|run| of_run(*run, &compared, seed)).collect(),
        samples,
    }
}

fn of_run(run: usize, compared: &[Compared], seed: Seed) -> Option<RunError> {
    let own: Vec<Compared> = compared.iter().filter(|one| one.run == run).copied().collect();
    let sizes = magnitudes(&own);
    Some(RunError {
        run,
        count: sizes.len(),
        error: median(own.iter().filter_map(|one| one.error))?,
        interval: median_interval(&by_task(&own), seed)?,
        magnitude: quantile(&sizes, 0.5)?,
        p95: quantile(&sizes, 0.95)?,
    })
}
