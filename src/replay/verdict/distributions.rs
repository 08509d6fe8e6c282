//! Distributions of start latency, run and wait: simulated against real.

use super::agreement::Sound;
use super::matching::{Stretch, pairs};
use super::{Measure, MetricVerdict};
use crate::replay::observed::ObservedRun;
use crate::replay::statistics::{Distance, distance, mean};

/// Both distances of each distribution.
///
/// Each simulated run stands against each real one, not all against all: the distance of two
/// finite samples is above 0 by their size alone, and this way it is so by as much as the floor.
pub(super) fn metrics(sound: &Sound<'_>) -> Vec<MetricVerdict> {
    let (simulated, real) = (sound.simulated_runs(), sound.real_runs());
    let stretches = [Stretch::StartLatency, Stretch::Run, Stretch::Wait];
    stretches.into_iter().flat_map(|stretch| of(stretch, &simulated, &real)).collect()
}

fn of(stretch: Stretch, simulated: &[&ObservedRun], real: &[&ObservedRun]) -> [MetricVerdict; 2] {
    let sample = |run: &&ObservedRun| -> Vec<f64> {
        run.tasks.values().filter_map(|task| stretch.of(task)).collect()
    };
    let simulated: Vec<Vec<f64>> = simulated.iter().map(sample).collect();
    let real: Vec<Vec<f64>> = real.iter().map(sample).collect();
    let against: Vec<Distance> = simulated
        .iter()
        .flat_map(|one| real.iter().filter_map(|other| distance(one, other)))
        .collect();
    let samples: Vec<&[f64]> = real.iter().map(Vec::as_slice).collect();
    let between: Vec<Distance> = pairs(&samples).filter_map(|(a, b)| distance(a, b)).collect();
    let errors = |part: fn(&Distance) -> f64| {
        [&against, &between].map(|distances| mean(distances.iter().map(part)))
    };
    let values = [&simulated, &real].map(|samples| mean(samples.iter().flatten().copied()));
    let metric = |measure, values, errors| {
        MetricVerdict::plain(stretch.name(), measure, real.len(), values, errors)
    };
    [
        metric(Measure::Ks, [None; 2], errors(|distance| distance.ks)),
        metric(Measure::WassersteinS, values, errors(|distance| distance.wasserstein)),
    ]
}
