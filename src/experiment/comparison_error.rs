//! What makes runs incomparable, and the checks for it.

use std::collections::BTreeSet;

use super::comparison::ArmRuns;
use crate::metrics::summary::Summary;

/// Why runs cannot be compared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ComparisonError {
    /// There is no arm.
    #[error("nothing to compare: give at least one arm")]
    NoArms,
    /// Two arms have the same name.
    #[error("two arms are called {arm:?}: give each arm a name of its own")]
    DuplicateArm {
        /// The name.
        arm: String,
    },
    /// An arm has no run.
    #[error("arm {arm:?} has no runs: give at least one seed")]
    NoRuns {
        /// Name of the arm.
        arm: String,
    },
    /// An arm has two runs with the same seed.
    #[error("arm {arm:?} has two runs with seed {seed}: keep one of them")]
    DuplicateSeed {
        /// Name of the arm.
        arm: String,
        /// The seed.
        seed: u64,
    },
    /// An arm lacks seeds that another arm has.
    #[error("arm {arm:?} lacks seeds that other arms have: run it with seeds {missing:?} too")]
    MissingSeeds {
        /// Name of the first such arm.
        arm: String,
        /// The seeds that it lacks, ascending.
        missing: Vec<u64>,
    },
    /// An arm has the seeds of the first arm in another order.
    #[error("arm {arm:?} has its seeds in another order than {first:?}: sort its runs by seed")]
    SeedOrder {
        /// Name of the arm.
        arm: String,
        /// Name of the first arm.
        first: String,
    },
    /// Two arms did not face the same workload.
    #[error(
        "arms {first:?} and {second:?} had different workloads with seed {seed}, so the seeds do \
         not pair their runs: run both with the same version, scenario and inputs, or compare \
         them as different workloads"
    )]
    WorkloadsDiffer {
        /// Name of the first arm.
        first: String,
        /// Name of the other arm.
        second: String,
        /// The seed.
        seed: u64,
    },
}

/// Refuses no arms at all, arms of the same name, and arms without a run.
pub(super) fn check_arms(arms: &[ArmRuns]) -> Result<(), ComparisonError> {
    let mut names = BTreeSet::new();
    for arm in arms {
        let name = || arm.name.clone();
        if arm.runs.is_empty() {
            return Err(ComparisonError::NoRuns { arm: name() });
        }
        if !names.insert(arm.name.as_str()) {
            return Err(ComparisonError::DuplicateArm { arm: name() });
        }
    }
    if arms.is_empty() {
        return Err(ComparisonError::NoArms);
    }
    Ok(())
}

/// Refuses arms that do not have the same seeds in the same order, each once.
pub(super) fn check_seeds(arms: &[ArmRuns]) -> Result<(), ComparisonError> {
    let all: BTreeSet<u64> = arms.iter().flat_map(|arm| &arm.runs).map(|run| run.seed).collect();
    for arm in arms {
        let mut own = BTreeSet::new();
        if let Some(run) = arm.runs.iter().find(|run| !own.insert(run.seed)) {
            let (arm, seed) = (arm.name.clone(), run.seed);
            return Err(ComparisonError::DuplicateSeed { arm, seed });
        }
        let missing: Vec<u64> = all.difference(&own).copied().collect();
        if !missing.is_empty() {
            let arm = arm.name.clone();
            return Err(ComparisonError::MissingSeeds { arm, missing });
        }
        let in_order = |(first, run): (&Summary, &Summary)| first.seed == run.seed;
        if !arms[0].runs.iter().zip(&arm.runs).all(in_order) {
            let (arm, first) = (arm.name.clone(), arms[0].name.clone());
            return Err(ComparisonError::SeedOrder { arm, first });
        }
    }
    Ok(())
}

/// The first workload that is not that of the first arm.
pub(super) fn differing_workload(arms: &[ArmRuns]) -> Option<ComparisonError> {
    let first = arms.first()?;
    arms.iter().find_map(|arm| {
        let mut runs = first.runs.iter().zip(&arm.runs);
        let (_, run) =
            runs.find(|(first, run)| first.workload_fingerprint != run.workload_fingerprint)?;
        Some(ComparisonError::WorkloadsDiffer {
            first: first.name.clone(),
            second: arm.name.clone(),
            seed: run.seed,
        })
    })
}

/// The names of the scenarios, each once, as they first appear.
pub(super) fn scenarios(arms: &[ArmRuns]) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for run in arms.iter().flat_map(|arm| &arm.runs) {
        if !names.contains(&run.scenario.as_str()) {
            names.push(&run.scenario);
        }
    }
    names
}
