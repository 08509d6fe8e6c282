//! The verdict of a replay: how wrong the simulation was, beside how much reality differs from
//! itself.
//!
//! Tasks of different runs are matched by their [`Origin`](crate::model::Origin). Every error
//! stands beside its *floor*: the same figure between real runs. No simulation can be expected to
//! be nearer to a real run than another real run is.

mod aggregates;
mod agreement;
mod distributions;
mod gate;
mod matching;
mod ranking;
mod task_errors;

use serde::Serialize;

use super::observed::ObservedArm;
use super::statistics::ConfusionMatrix;
use crate::des::Seed;
use crate::scenario::ReplayMetric;

pub use agreement::{InvalidRun, MatchedTasks, World};
pub use gate::{CONTENDED_COMPLETION, Gate, GateFailure, NotJudged};
pub use ranking::{RankedArm, RankedPair, Ranking};
pub use task_errors::{ErrorSamples, Magnitude, RunError};

use agreement::Sound;
use matching::Matched;

/// What a verdict depends on besides the runs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VerdictSettings {
    /// What arms are ranked by; looked up in the metrics of each run.
    pub metric: ReplayMetric,
    /// Error that the gate lets pass whatever the floor, as a share: 0.1 is 10 %.
    pub max_error: f64,
    /// Whether the simulation's latencies were measured on the engine that ran the real containers.
    pub calibrated: bool,
    /// Seed of the bootstrap's draws.
    pub seed: Seed,
}

/// Which tasks a figure is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaskGroup {
    /// All; of run and completion those that ran for a second or longer in reality.
    All,
    /// Of these the fixed-work tasks under contention: others slow them down, so that their times
    /// test how the simulation shares CPU.
    ContendedWork,
    /// Those that ran for less than a second in reality: a relative error of that says nothing.
    Short,
}

/// What the error of a figure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// Median over tasks and real runs of (simulated - real) / real, signed. Its floor is the
    /// median of the magnitude of the same between two real runs.
    RelativeError,
    /// The same of simulated - real, seconds.
    AbsoluteErrorS,
    /// Kolmogorov-Smirnov distance of the distributions, 0 to 1: mean over every simulated and
    /// real run. Its floor is the mean over pairs of real runs, of equal sample sizes therefore.
    Ks,
    /// Wasserstein-1 distance of the same, seconds.
    WassersteinS,
    /// Mean over real runs of |simulated mean - real| / real.
    Mape,
    /// Normalised absolute differences, mean over real runs.
    Nad,
    /// Root mean square logarithmic error, mean over real runs.
    Rmsle,
    /// Share of tasks that ended on one side only, mean over real runs.
    OneSidedShare,
    /// Share of tasks on another instance, which is 1 less the agreement of placement, or of those
    /// that ended on both sides with another outcome; mean over real runs.
    Disagreement,
}

/// One figure of one arm: simulated, real, and how far apart. What is undefined is null.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MetricVerdict {
    /// What: `start_latency_s` (placed to started), `run_s` (started to ended), `completion_s`
    /// (submitted to ended), `wait_s` (submitted to placed), `makespan_s`, `cpu_used`,
    /// `throttled_s`, `ended`, `outcome`, `placement`.
    pub metric: &'static str,
    /// Of which tasks; null for figures of a whole run.
    pub tasks: Option<TaskGroup>,
    /// What the error is.
    pub measure: Measure,
    /// Tasks behind it, for errors of tasks; real runs otherwise.
    pub count: usize,
    /// The simulated value: of tasks the median, of runs the mean.
    pub simulated: Option<f64>,
    /// The real value, likewise.
    pub real: Option<f64>,
    /// The error.
    pub error: Option<f64>,
    /// The same between real runs; null for fewer than two.
    pub error_floor: Option<f64>,
    /// 95 % bootstrap interval of a median error, over tasks; null for other measures.
    pub interval: Option<[f64; 2]>,
    /// Sizes of the errors of tasks, whatever their sign; left out of other measures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub magnitude: Option<Magnitude>,
    /// Each real run by itself; left out of measures that are not of tasks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub runs: Vec<RunError>,
    /// The errors behind it, for plots; in no file.
    #[serde(skip)]
    pub samples: ErrorSamples,
}

impl MetricVerdict {
    /// A figure that is not of tasks: without interval, magnitude and samples.
    fn plain(
        metric: &'static str,
        measure: Measure,
        count: usize,
        values: [Option<f64>; 2],
        errors: [Option<f64>; 2],
    ) -> Self {
        let ([simulated, real], [error, error_floor]) = (values, errors);
        Self {
            metric,
            tasks: None,
            measure,
            count,
            simulated,
            real,
            error,
            error_floor,
            interval: None,
            magnitude: None,
            runs: Vec::new(),
            samples: ErrorSamples::default(),
        }
    }
}

/// One arm.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ArmVerdict {
    /// Its name.
    pub name: String,
    /// Simulated runs that count.
    pub simulated_runs: usize,
    /// Real runs that count.
    pub real_runs: usize,
    /// Runs left out of everything, because they do not tell when tasks ran.
    pub invalid_runs: Vec<InvalidRun>,
    /// Every figure.
    pub metrics: Vec<MetricVerdict>,
    /// Share of tasks on the same instance, 0 to 1: each real run against the first simulated one.
    /// A task placed in one of them only is on another.
    pub placement_agreement: Option<f64>,
    /// The same between real runs.
    pub placement_agreement_floor: Option<f64>,
    /// Tasks that ended in both, by whether they were killed for memory; over all real runs.
    pub out_of_memory: ConfusionMatrix,
    /// Tasks by where they were seen to end; over all real runs.
    pub tasks: MatchedTasks,
}

impl ArmVerdict {
    fn of(arm: &ObservedArm, seed: Seed) -> Self {
        let sound = Sound::of(arm);
        let matched = Matched::of(&sound);
        let mut metrics = task_errors::metrics(&matched, seed);
        metrics.extend(distributions::metrics(&sound));
        metrics.extend(aggregates::metrics(&sound, &matched));
        metrics.extend([agreement::ended(&matched), agreement::outcomes(&matched)]);
        let agreements = agreement::of_placement(&sound);
        let apart = agreements.map(|agreement| agreement.map(|share| 1.0 - share));
        let (of_placement, runs) = (Measure::Disagreement, matched.real.len());
        metrics.push(MetricVerdict::plain("placement", of_placement, runs, [None; 2], apart));
        let [placement_agreement, placement_agreement_floor] = agreements;
        Self {
            name: arm.name.clone(),
            simulated_runs: sound.simulated.iter().flatten().count(),
            real_runs: sound.real.iter().flatten().count(),
            metrics,
            placement_agreement,
            placement_agreement_floor,
            out_of_memory: agreement::of_memory(&matched),
            tasks: MatchedTasks::of(&matched),
            invalid_runs: sound.invalid,
        }
    }

    /// The figure of that name, group and measure.
    pub fn metric(
        &self,
        metric: &str,
        tasks: Option<TaskGroup>,
        measure: Measure,
    ) -> Option<&MetricVerdict> {
        let is = |one: &&MetricVerdict| {
            one.metric == metric && one.tasks == tasks && one.measure == measure
        };
        self.metrics.iter().find(is)
    }
}

/// The verdict of a replay.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verdict {
    /// Whether the simulation's latencies were measured on the engine that ran the real containers.
    pub calibrated: bool,
    /// Each arm by itself, in the order given.
    pub arms: Vec<ArmVerdict>,
    /// Kendall's τ-b of the arms' simulated and real means of the ranking metric, -1 to 1.
    pub kendall_tau: Option<f64>,
    /// The arms against each other.
    pub ranking: Ranking,
    /// Whether the errors are small enough.
    pub gate: Gate,
}

impl Verdict {
    /// Judges the runs of each arm and the arms' ranking.
    ///
    /// Runs that do not tell when tasks ran are listed as invalid and left out of all figures.
    /// What cannot be worked out is `None`, never NaN.
    pub fn judge(arms: &[ObservedArm], settings: &VerdictSettings) -> Verdict {
        let judged: Vec<ArmVerdict> =
            arms.iter().map(|arm| ArmVerdict::of(arm, settings.seed)).collect();
        let ranking = Ranking::of(arms, settings.metric);
        Verdict {
            calibrated: settings.calibrated,
            kendall_tau: ranking.kendall_tau(),
            gate: Gate::of(&judged, arms, settings.max_error),
            arms: judged,
            ranking,
        }
    }
}

#[cfg(test)]
pub(crate) mod fixtures;
#[cfg(test)]
mod tests;
