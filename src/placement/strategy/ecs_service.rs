//! ECS's default for services: the availability zone, then the instance, with fewest tasks of the
//! service.
//!
//! Source: ECS API, `UpdateService`.

use crate::model::SpreadField;
use crate::placement::PlacementStrategy;

use super::spread::Spread;
use super::{Build, Policy, StrategyEntry};

pub(super) const ENTRY: StrategyEntry = StrategyEntry::plain(
    "ecs-service",
    "ECS default of services: spread over zones, then instances",
    build,
);

fn build(_: &Build<'_>) -> Result<Policy, String> {
    let step = |field: SpreadField| -> (String, Box<dyn PlacementStrategy>) {
        (format!("spread:{field}"), Box::new(Spread::over(field)))
    };
    let (zones, instances) = (SpreadField::availability_zone(), SpreadField::InstanceId);
    Ok(Policy::Chain(vec![step(zones), step(instances)]))
}
