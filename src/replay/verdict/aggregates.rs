//! One figure per run: makespan, CPU used, time throttled, and the completion of all tasks.

use super::agreement::Sound;
use super::matching::{Matched, Stretch, ordered_pairs};
use super::{Measure, MetricVerdict};
use crate::replay::observed::ObservedRun;
use crate::replay::statistics::{mape, mean, nad, rmsle};

/// A figure of a run, if it has it.
type Figure = fn(&ObservedRun) -> Option<f64>;

/// Figures with the mean absolute percentage error, by name.
const FIGURES: [(&str, Figure); 3] = [
    ("makespan_s", |run| run.makespan_s),
    ("cpu_used", |run| run.cpu_used),
    ("throttled_s", |run| run.throttled_s),
];

/// All of them.
pub(super) fn metrics(sound: &Sound<'_>, matched: &Matched<'_>) -> Vec<MetricVerdict> {
    let (simulated, real) = (sound.simulated_runs(), sound.real_runs());
    let figures = FIGURES.iter().map(|(name, figure)| of_figure(name, *figure, &simulated, &real));
    figures.chain(of_completion(matched)).collect()
}

/// The figure in every run; none if one has none, because the others would be hand-picked.
fn in_all(runs: &[&ObservedRun], figure: Figure) -> Option<Vec<f64>> {
    runs.iter().map(|run| figure(run).filter(|value| value.is_finite())).collect()
}

fn of_figure(
    name: &'static str,
    figure: Figure,
    simulated: &[&ObservedRun],
    real: &[&ObservedRun],
) -> MetricVerdict {
    let simulated = in_all(simulated, figure).and_then(mean);
    let real = in_all(real, figure).unwrap_or_default();
    let error = simulated.and_then(|simulated| {
        let pairs: Vec<(f64, f64)> = real.iter().map(|real| (simulated, *real)).collect();
        mape(&pairs)
    });
    let floor = mape(&ordered_pairs(&real).collect::<Vec<_>>());
    let values = [simulated, mean(real.iter().copied())];
    MetricVerdict::plain(name, Measure::Mape, real.len(), values, [error, floor])
}

/// NAD and RMSLE of the completion of tasks that ended on both sides.
fn of_completion(matched: &Matched<'_>) -> [MetricVerdict; 2] {
    let stretch = Stretch::Completion;
    let against: Vec<Vec<(f64, f64)>> = matched
        .real
        .iter()
        .map(|run| {
            let pair = |(origin, task)| {
                let expected = matched.expected.get(origin)?;
                Some((expected.stretch(stretch)?, stretch.of(task)?))
            };
            run.tasks.iter().filter_map(pair).collect()
        })
        .collect();
    let between: Vec<Vec<(f64, f64)>> = ordered_pairs(&matched.real)
        .map(|(other, run)| {
            let pair =
                |(origin, task)| Some((stretch.of(other.tasks.get(origin)?)?, stretch.of(task)?));
            run.tasks.iter().filter_map(pair).collect()
        })
        .collect();
    let pairs = || against.iter().flatten();
    let values = [mean(pairs().map(|(one, _)| *one)), mean(pairs().map(|(_, other)| *other))];
    [(Measure::Nad, nad as fn(&[(f64, f64)]) -> Option<f64>), (Measure::Rmsle, rmsle)].map(
        |(measure, error)| {
            let errors = [&against, &between].map(|runs| {
                let all: Option<Vec<f64>> = runs.iter().map(|pairs| error(pairs)).collect();
                all.and_then(mean)
            });
            let count = matched.real.len();
            MetricVerdict::plain(stretch.name(), measure, count, values, errors)
        },
    )
}
