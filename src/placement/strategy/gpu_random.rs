//! The FGD study's random policy: any feasible instance, and any device that fits a share.
//!
//! Source: Weng et al., USENIX ATC 2023, artifact's `random` score plugin.

use super::random::Random;
use super::{Build, Policy, StrategyEntry};

pub(super) const ENTRY: StrategyEntry = StrategyEntry::plain(
    "gpu-random",
    "GPU: a feasible instance and a device that fits, at random",
    build,
);

fn build(build: &Build<'_>) -> Result<Policy, String> {
    Ok(Policy::Whole(Box::new(Random::new(build, true))))
}
