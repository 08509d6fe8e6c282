//! Arms compared over the same seeds: their figures, ranking, and which differences are shown.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use super::comparison_error::ComparisonError;
use super::comparison_error::{check_arms, check_seeds, differing_workload, scenarios};
use super::metric::{Better, Metric, MetricName, figures};
use super::statistics::{Estimate, Winner, paired_difference};
use crate::metrics::summary::{Summary, Verdict};

/// One arm's runs: what a comparison is made of.
#[derive(Debug, Clone, PartialEq)]
pub struct ArmRuns {
    /// Name of the arm, unique in the comparison.
    pub name: String,
    /// Placement as written.
    pub placement: String,
    /// Queue policy as written.
    pub queue: String,
    /// Scaling as written.
    pub scaling: String,
    /// One run per seed, in the order of the seeds, which is the same for every arm.
    pub runs: Vec<Summary>,
}

/// An estimate that is undefined where a run has no such figure (no task waited, there is no GPU).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetricEstimate {
    /// Mean over the runs; null when it is undefined in at least one of them, because a mean of
    /// the others would be one of hand-picked seeds.
    pub mean: Option<f64>,
    /// 95 % interval of the mean; null as well for fewer than 2 runs.
    pub ci95: Option<[f64; 2]>,
    /// Runs in which the figure is undefined; left out of the file when there are none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub undefined_runs: u32,
}

impl MetricEstimate {
    fn of(values: &[Option<f64>]) -> Self {
        let defined: Vec<f64> = values.iter().flatten().copied().collect();
        Self::unless_undefined(values.len() - defined.len(), || Estimate::of(&defined))
    }

    /// Of a - b; undefined in the runs in which a or b is.
    fn of_difference(a: &[Option<f64>], b: &[Option<f64>]) -> Self {
        let both = a.iter().zip(b).filter_map(|(a, b)| Some(((*a)?, (*b)?)));
        let (defined_a, defined_b): (Vec<f64>, Vec<f64>) = both.unzip();
        Self::unless_undefined(a.len() - defined_a.len(), || {
            paired_difference(&defined_a, &defined_b)
        })
    }

    fn unless_undefined(undefined: usize, estimate: impl FnOnce() -> Estimate) -> Self {
        let estimate = (undefined == 0).then(estimate);
        Self {
            mean: estimate.map(|estimate| estimate.mean),
            ci95: estimate.and_then(|estimate| estimate.ci95),
            undefined_runs: undefined as u32,
        }
    }

    /// The estimate, if it is defined.
    pub fn estimate(&self) -> Option<Estimate> {
        let ci95 = self.ci95;
        self.mean.map(|mean| Estimate { mean, ci95 })
    }
}

/// How many runs of an arm did not keep up with their load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnstableRuns {
    /// Runs with tasks left waiting or a long queue that did not keep growing.
    pub backlogged: u32,
    /// Runs whose queue kept growing: their waiting times measure how long was simulated.
    pub overloaded: u32,
}

impl UnstableRuns {
    fn of(runs: &[Summary]) -> Self {
        let count = |verdict| runs.iter().filter(|run| run.verdict == verdict).count() as u32;
        Self { backlogged: count(Verdict::Backlogged), overloaded: count(Verdict::Overloaded) }
    }

    /// Whether every run was stable.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// One arm of a comparison.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Arm {
    /// Name, unique in the comparison.
    pub name: String,
    /// Placement as written.
    pub placement: String,
    /// Queue policy as written.
    pub queue: String,
    /// Scaling as written.
    pub scaling: String,
    /// Runs that were not stable; left out of the file when all were.
    #[serde(default, skip_serializing_if = "UnstableRuns::is_none")]
    pub unstable_runs: UnstableRuns,
    /// Every numeric field of the runs' summaries by dotted path.
    pub metrics: BTreeMap<String, MetricEstimate>,
}

impl Arm {
    fn of(arm: &ArmRuns, values: &Values) -> Self {
        let estimates =
            values.iter().map(|(name, values)| (name.clone(), MetricEstimate::of(values)));
        Self {
            name: arm.name.clone(),
            placement: arm.placement.clone(),
            queue: arm.queue.clone(),
            scaling: arm.scaling.clone(),
            unstable_runs: UnstableRuns::of(&arm.runs),
            metrics: estimates.collect(),
        }
    }

    /// The estimate of that metric, if the arm has the metric and it is defined in every run.
    pub fn estimate(&self, metric: &str) -> Option<Estimate> {
        self.metrics.get(metric)?.estimate()
    }
}

/// Two arms compared by the metric that arms are ranked by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pair {
    /// Name of the arm ranked better.
    pub a: String,
    /// Name of the arm ranked worse.
    pub b: String,
    /// What they are compared by.
    pub metric: MetricName,
    /// Mean of a - b over the seeds and its interval, of paired runs. The interval is that of
    /// this pair alone: nothing corrects for the number of pairs.
    pub difference: MetricEstimate,
    /// Which is better. No difference is shown when the interval contains 0, and also when
    /// there is none: for fewer than 2 seeds, or where the metric is undefined.
    pub verdict: Winner,
}

/// What `comparison.json` holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Comparison {
    /// Name of the scenario; of several, all of them joined by commas.
    pub scenario: String,
    /// Whether arms had different workloads for the same seed; left out of the file when not.
    #[serde(default, skip_serializing_if = "is_false")]
    pub workloads_differ: bool,
    /// Seeds of the runs of every arm, in their order.
    pub seeds: Vec<u64>,
    /// What arms are ranked by.
    pub ranking_metric: MetricName,
    /// In rank order, best first: by mean in the metric's better direction, then by name; arms
    /// in which the metric is undefined come last.
    pub arms: Vec<Arm>,
    /// Every two arms, in rank order of the first and then of the second.
    pub pairs: Vec<Pair>,
}

/// The values of each metric, one per run in the order of the seeds.
type Values = BTreeMap<String, Vec<Option<f64>>>;

impl Comparison {
    /// Compares arms that faced the same workloads, seed by seed.
    ///
    /// Runs of one scenario must have had the same workload for the same seed under every
    /// arm (common random numbers). Arms of different scenarios are compared as by
    /// [`Comparison::of_different_workloads`]. Takes time proportional to the number of runs, and
    /// of pairs of arms times seeds.
    pub fn of(arms: &[ArmRuns], ranking_metric: MetricName) -> Result<Self, ComparisonError> {
        let comparison = Self::of_different_workloads(arms, ranking_metric)?;
        if let (1, Some(differ)) = (scenarios(arms).len(), differing_workload(arms)) {
            return Err(differ);
        }
        Ok(comparison)
    }

    /// Compares arms of which the workload is what differs (`--axis workload.batch.rate=1/s,2/s`).
    ///
    /// Differences are still of runs with the same seed. Their intervals hold, as seeds are
    /// independent of one another, but may be wider than for equal workloads.
    pub fn of_different_workloads(
        arms: &[ArmRuns],
        ranking_metric: MetricName,
    ) -> Result<Self, ComparisonError> {
        check_arms(arms)?;
        check_seeds(arms)?;
        let mut ranked: Vec<(&ArmRuns, Values)> =
            arms.iter().map(|arm| (arm, values(&arm.runs))).collect();
        let mut arms_by_name: BTreeMap<&str, Arm> =
            ranked.iter().map(|(arm, values)| (arm.name.as_str(), Arm::of(arm, values))).collect();
        ranked.sort_by_cached_key(|(arm, _)| {
            let estimate = arms_by_name[arm.name.as_str()].estimate(ranking_metric.as_str());
            (RankKey::of(estimate, ranking_metric.metric()), arm.name.clone())
        });
        Ok(Self {
            scenario: scenarios(arms).join(", "),
            workloads_differ: differing_workload(arms).is_some(),
            seeds: arms[0].runs.iter().map(|run| run.seed).collect(),
            ranking_metric,
            pairs: pairs(&ranked, ranking_metric),
            arms: ranked
                .iter()
                .filter_map(|(arm, _)| arms_by_name.remove(arm.name.as_str()))
                .collect(),
        })
    }

    /// The pair of the arms at ranks `a` < `b`, counted from 0; none if there is no such pair.
    pub fn pair(&self, a: usize, b: usize) -> Option<&Pair> {
        let (a, b) = (self.arms.get(a)?, self.arms.get(b)?);
        self.pairs.iter().find(|pair| pair.a == a.name && pair.b == b.name)
    }
}

/// Place in the ranking: the lesser the better. Undefined is after everything.
#[derive(Debug, PartialEq, PartialOrd)]
struct RankKey(f64);

impl RankKey {
    fn of(estimate: Option<Estimate>, metric: &Metric) -> Self {
        let Some(estimate) = estimate else {
            return Self(f64::INFINITY);
        };
        // Adding 0 makes -0 and 0 the same.
        match metric.better {
            Better::Higher => Self(0.0 - estimate.mean),
            Better::Lower | Better::Neither => Self(0.0 + estimate.mean),
        }
    }
}

impl Eq for RankKey {}

#[expect(clippy::derive_ord_xor_partial_ord, reason = "no key is NaN: the orders agree")]
impl Ord for RankKey {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

fn values(runs: &[Summary]) -> Values {
    let mut values = Values::new();
    for run in runs {
        for (name, value) in figures(run) {
            values.entry(name).or_default().push(value);
        }
    }
    debug_assert!(values.values().all(|values| values.len() == runs.len()));
    values
}

fn pairs(ranked: &[(&ArmRuns, Values)], metric: MetricName) -> Vec<Pair> {
    let better = metric.metric().better;
    let mut pairs = Vec::new();
    for (rank, (a, a_values)) in ranked.iter().enumerate() {
        for (b, b_values) in &ranked[rank + 1..] {
            let difference = MetricEstimate::of_difference(
                &a_values[metric.as_str()],
                &b_values[metric.as_str()],
            );
            let verdict = difference
                .estimate()
                .map_or(Winner::NoDifferenceShown, |difference| Winner::of(&difference, better));
            pairs.push(Pair { a: a.name.clone(), b: b.name.clone(), metric, difference, verdict });
        }
    }
    pairs
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_false(flag: &bool) -> bool {
    !*flag
}

#[cfg(test)]
#[path = "comparison_tests.rs"]
mod tests;
