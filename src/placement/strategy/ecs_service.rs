//! ECS's default for services: the availability zone, then the instance, with fewest tasks of the
//! service.
//!
//! Source: ECS API, `UpdateService`.

use crate::model::SpreadField;

use super::spread::Spread;
use super::{Build, Policy, StrategyEntry};

pub(super) const ENTRY: StrategyEntry = StrategyEntry::plain(
    "ecs-service",
    "ECS default of services: spread over zones, then instances",
    build,
);

fn build(_: &Build<'_>) -> Result<Policy, String> {
    let zones = Spread::over(SpreadField::availability_zone());
    let instances = Spread::over(SpreadField::InstanceId);
    Ok(Policy::Chain(vec![Box::new(zones), Box::new(instances)]))
}
