//! ECS's default for standalone tasks (`RunTask`): random.
//!
//! Source: ECS developer guide, "Scheduling tasks".

use super::StrategyEntry;

pub(super) const ENTRY: StrategyEntry = StrategyEntry::plain(
    "ecs-run-task",
    "ECS default of standalone tasks: random",
    super::random::ENTRY.build,
);
