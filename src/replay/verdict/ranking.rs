//! Whether the simulator ranks strategies as reality does: what its users need of it.

use serde::Serialize;

use super::agreement::Sound;
use super::matching::{ordered_pairs, pairs};
use crate::experiment::statistics::{Estimate, paired_difference};
use crate::replay::observed::{ObservedArm, ObservedRun};
use crate::replay::statistics::{kendall_tau_b, mape, relative_error};
use crate::scenario::ReplayMetric;

/// The arms against each other.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ranking {
    /// What they are ranked by.
    pub metric: ReplayMetric,
    /// In the order given.
    pub arms: Vec<RankedArm>,
    /// Every two of them.
    pub pairs: Vec<RankedPair>,
    /// Pairs whose real difference is more than noise.
    pub truly_different: usize,
    /// Those of them that the simulator orders as reality does.
    pub ordered_right: usize,
    /// Share of the truly different pairs that the simulator orders right; null if there are none.
    pub share_ordered_right: Option<f64>,
}

/// One arm's values of the ranking metric, with their 95 % intervals (Student t, over runs).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RankedArm {
    /// Its name.
    pub name: String,
    /// Over the simulated runs; null if one has no such metric.
    pub simulated: Option<Estimate>,
    /// Over the real runs, likewise.
    pub real: Option<Estimate>,
    /// (simulated mean - real mean) / real mean.
    pub error: Option<f64>,
    /// Mean of |a - b| / b over real runs.
    pub error_floor: Option<f64>,
    /// Arms that are better in the simulation, and 1.
    pub simulated_rank: Option<usize>,
    /// Arms that are better in reality, and 1.
    pub real_rank: Option<usize>,
}

/// Two arms.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RankedPair {
    /// The first.
    pub a: String,
    /// The second.
    pub b: String,
    /// Simulated a - b, of runs of the same number.
    pub simulated: Option<Estimate>,
    /// Real a - b, of repetitions of the same number, which were made one after the other.
    pub real: Option<Estimate>,
    /// Half the 95 % interval of the real difference; null for fewer than two repetitions.
    pub real_noise: Option<f64>,
    /// Whether the real difference is larger than its noise; null if that is not known.
    pub truly_different: Option<bool>,
    /// Whether the simulated difference has the sign of the real one.
    pub ordered_right: Option<bool>,
}

/// The ranking metric in each run of an arm, by number of the run.
struct Values {
    name: String,
    simulated: Vec<Option<f64>>,
    real: Vec<Option<f64>>,
}

impl Values {
    fn of(arm: &ObservedArm, metric: ReplayMetric) -> Self {
        let sound = Sound::of(arm);
        let values = |runs: &[Option<&ObservedRun>]| {
            let value = |run: Option<&ObservedRun>| {
                let value = run?.metrics.get(metric.as_str());
                value.copied().filter(|value| value.is_finite())
            };
            runs.iter().copied().map(value).collect()
        };
        let (simulated, real) = (values(&sound.simulated), values(&sound.real));
        Self { name: arm.name.clone(), simulated, real }
    }
}

fn estimate(values: &[Option<f64>]) -> Option<Estimate> {
    let known: Vec<f64> = values.iter().copied().flatten().collect();
    (!known.is_empty()).then(|| Estimate::of(&known))
}

/// Of a - b in the runs that both have.
fn difference(a: &[Option<f64>], b: &[Option<f64>]) -> Option<Estimate> {
    let both = a.iter().zip(b).filter_map(|(a, b)| Some(((*a)?, (*b)?)));
    let (a, b): (Vec<f64>, Vec<f64>) = both.unzip();
    (!a.is_empty()).then(|| paired_difference(&a, &b))
}

impl RankedArm {
    fn of(values: &Values) -> Self {
        let (simulated, real) = (estimate(&values.simulated), estimate(&values.real));
        let known: Vec<f64> = values.real.iter().copied().flatten().collect();
        let error = simulated
            .zip(real)
            .and_then(|(simulated, real)| relative_error(simulated.mean, real.mean));
        Self {
            name: values.name.clone(),
            simulated,
            real,
            error,
            error_floor: mape(&ordered_pairs(&known).collect::<Vec<_>>()),
            simulated_rank: None,
            real_rank: None,
        }
    }
}

/// The rank of each mean: how many are lower, which is better, and 1.
fn ranks(means: &[Option<f64>]) -> Vec<Option<usize>> {
    let rank = |mean: &Option<f64>| {
        mean.map(|mean| 1 + means.iter().flatten().filter(|one| **one < mean).count())
    };
    means.iter().map(rank).collect()
}

impl RankedPair {
    fn of(a: &Values, b: &Values) -> Self {
        let simulated = difference(&a.simulated, &b.simulated);
        let real = difference(&a.real, &b.real);
        let real_noise = real.and_then(|real| real.half_width());
        let truly_different = real.zip(real_noise).map(|(real, noise)| real.mean.abs() > noise);
        let sign =
            |estimate: Estimate| i32::from(estimate.mean > 0.0) - i32::from(estimate.mean < 0.0);
        let ordered_right = simulated.zip(real).map(|(one, other)| sign(one) == sign(other));
        let (a, b) = (a.name.clone(), b.name.clone());
        Self { a, b, simulated, real, real_noise, truly_different, ordered_right }
    }
}

impl Ranking {
    pub(super) fn of(arms: &[ObservedArm], metric: ReplayMetric) -> Self {
        let values: Vec<Values> = arms.iter().map(|arm| Values::of(arm, metric)).collect();
        let mut ranked: Vec<RankedArm> = values.iter().map(RankedArm::of).collect();
        let means = |of: fn(&RankedArm) -> Option<Estimate>| -> Vec<Option<f64>> {
            ranked.iter().map(|arm| of(arm).map(|estimate| estimate.mean)).collect()
        };
        let simulated = ranks(&means(|arm| arm.simulated));
        let real = ranks(&means(|arm| arm.real));
        for (arm, (simulated, real)) in ranked.iter_mut().zip(simulated.into_iter().zip(real)) {
            (arm.simulated_rank, arm.real_rank) = (simulated, real);
        }
        let references: Vec<&Values> = values.iter().collect();
        let compared: Vec<RankedPair> =
            pairs(&references).map(|(a, b)| RankedPair::of(a, b)).collect();
        let different = |pair: &&RankedPair| pair.truly_different == Some(true);
        let truly_different = compared.iter().filter(different).count();
        let right = |pair: &&RankedPair| pair.ordered_right == Some(true);
        let ordered_right = compared.iter().filter(different).filter(right).count();
        let share = ordered_right as f64 / truly_different as f64;
        Self {
            metric,
            arms: ranked,
            pairs: compared,
            truly_different,
            ordered_right,
            share_ordered_right: (truly_different > 0).then_some(share),
        }
    }

    /// Kendall's τ-b of the simulated and the real means.
    pub(super) fn kendall_tau(&self) -> Option<f64> {
        let means = |arm: &RankedArm| Some((arm.simulated?.mean, arm.real?.mean));
        kendall_tau_b(&self.arms.iter().filter_map(means).collect::<Vec<_>>())
    }
}
