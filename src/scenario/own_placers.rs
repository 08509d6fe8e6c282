//! The placers of services: those of one strategy share one, so that it follows the cluster once.

use crate::placement::PlacementSpec;

use super::spec::{ScenarioSpec, StrategySpec};
use super::{Document, ScenarioError};

/// Services that a placer serves at most. Its index has room for so many kinds of tasks only, and
/// each service brings some of its own.
const SERVICES_PER_PLACER: u32 = 64;

/// Placements of services that are not placed like standalone tasks: placers 1, 2, …
#[derive(Debug, Default)]
pub(super) struct OwnPlacers(Vec<Shared>);

#[derive(Debug)]
struct Shared {
    strategy: StrategySpec,
    placement: PlacementSpec,
    services: u32,
}

impl OwnPlacers {
    /// The placer of one more service, or of those of a trace, with this strategy: that of
    /// standalone tasks, or one of services of the same strategy.
    ///
    /// # Errors
    /// At `key`: there is no such strategy.
    pub(super) fn placer(
        &mut self,
        document: &Document,
        key: &str,
        spec: &ScenarioSpec,
        strategy: &StrategySpec,
    ) -> Result<usize, ScenarioError> {
        if spec.placement.strategy.as_ref() == Some(strategy) {
            return Ok(0);
        }
        let has_room =
            |one: &Shared| one.strategy == *strategy && one.services < SERVICES_PER_PLACER;
        let index = if let Some(index) = self.0.iter().position(has_room) {
            index
        } else {
            let placement = PlacementSpec::parse(&strategy.0);
            let placement = placement.map_err(|why| document.error(key, why.to_string()))?;
            self.0.push(Shared { strategy: strategy.clone(), placement, services: 0 });
            self.0.len() - 1
        };
        self.0[index].services += 1;
        Ok(index + 1)
    }

    /// The placements, in order of their placers.
    pub(super) fn into_placements(self) -> Vec<PlacementSpec> {
        self.0.into_iter().map(|one| one.placement).collect()
    }
}
