//! The hyper-exponential law, a mixture of exponential laws.

use std::sync::Arc;

use super::{LawError, assert_open_unit, error};

/// Iterations after which the search for a quantile must have ended; a dozen is usual.
const MAX_ITERATIONS: u32 = 200;

/// A mixture of exponential laws: more variable than any single one.
#[derive(Clone, Debug, PartialEq)]
pub struct HyperExponential {
    /// The branches; clones share them.
    branches: Arc<[Branch]>,
    /// Probability-weighted sum of the rates, which is the density at zero.
    initial_rate: f64,
}

/// One exponential law of the mixture.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Branch {
    /// Probability of this branch.
    probability: f64,
    /// Mean of this branch.
    mean: f64,
}

impl HyperExponential {
    /// Name of the law.
    pub(super) const NAME: &'static str = "hyper-exponential";

    /// The mixture that takes branch i with a probability proportional to `weights[i]` and then
    /// is exponential with mean `means[i]`.
    ///
    /// Refuses empty lists, lists of different lengths, elements that are not positive, and
    /// weights or rates with an infinite sum.
    pub fn new(weights: &[f64], means: &[f64]) -> Result<Self, LawError> {
        error::positive_list(Self::NAME, "weights", weights)?;
        error::same_length(Self::NAME, ("weights", weights), ("means", means))?;
        error::positive_list(Self::NAME, "means", means)?;
        let total = error::finite(Self::NAME, "sum of weights", weights.iter().sum())?;
        let branch = |(&weight, &mean)| Branch { probability: weight / total, mean };
        let branches: Arc<[Branch]> = weights.iter().zip(means).map(branch).collect();
        let rate = branches.iter().map(|branch| branch.probability / branch.mean).sum();
        let initial_rate = error::finite(Self::NAME, "sum of rates", rate)?;
        Ok(Self { branches, initial_rate })
    }

    /// The value that a variate does not exceed with probability `u` in (0, 1).
    ///
    /// A true inverse of the mixture's distribution function, so it increases with `u`. The log of
    /// the survival function is convex, because the hazard of a mixture of exponentials falls;
    /// Newton's method from a point below the root therefore climbs to it without overshooting.
    /// About ten steps of one exponential per branch.
    pub fn quantile(&self, u: f64) -> f64 {
        assert_open_unit(u);
        let target = libm::log1p(-u);
        let mut value = self.lower_bound(target);
        for _ in 0..MAX_ITERATIONS {
            let (log_survival, hazard) = self.log_survival_and_hazard(value);
            let next = value + (log_survival - target) / hazard;
            // Rounding alone can make a step go down, which means that the root is reached.
            if next <= value {
                break;
            }
            value = next;
        }
        value
    }

    /// The mean.
    pub fn mean(&self) -> f64 {
        self.branches.iter().map(|branch| branch.probability * branch.mean).sum()
    }

    /// The variance.
    ///
    /// Sum of the mean variance of the branches and the variance of their means, which unlike the
    /// difference of moments does not cancel.
    pub fn variance(&self) -> f64 {
        let mean = self.mean();
        let spread = |branch: &Branch| {
            let offset = branch.mean - mean;
            branch.probability * (branch.mean * branch.mean + offset * offset)
        };
        self.branches.iter().map(spread).sum()
    }

    /// A value at which the log of the survival function is still at least `target`.
    ///
    /// The survival function is at least that of each branch times its probability, and by
    /// Jensen's inequality at least that of the exponential law with the initial rate.
    fn lower_bound(&self, target: f64) -> f64 {
        let of_branch = |branch: &Branch| branch.mean * (libm::log(branch.probability) - target);
        self.branches.iter().map(of_branch).fold(-target / self.initial_rate, f64::max)
    }

    /// Log of the survival function and the hazard, both at `value`.
    fn log_survival_and_hazard(&self, value: f64) -> (f64, f64) {
        let (mut survival, mut failed, mut density) = (0.0, 0.0, 0.0);
        for branch in self.branches.iter() {
            let lost = -libm::expm1(-value / branch.mean);
            let kept = if lost < 0.5 { 1.0 - lost } else { libm::exp(-value / branch.mean) };
            failed += branch.probability * lost;
            survival += branch.probability * kept;
            density += branch.probability * kept / branch.mean;
        }
        let log = if failed < 0.5 { libm::log1p(-failed) } else { libm::log(survival) };
        (log, density / survival)
    }
}
