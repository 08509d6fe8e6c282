//! ECS `spread(field)`: the field's value with the fewest tasks of the same service or task group.
//!
//! Source: ECS API, `PlacementStrategy`. Tasks count from PENDING to RUNNING; instances without
//! the attribute form a group of their own (AWS does not say).

use crate::model::{Cluster, FieldId, InstanceView, SpreadField, TaskClass};
use crate::placement::{PlacementStrategy, Reads, Score};

use super::{Build, Policy, StrategyEntry};

pub(super) const ENTRY: StrategyEntry = StrategyEntry {
    name: "spread",
    parameter: Some("instanceId|attribute:NAME"),
    example: "attribute:ecs.availability-zone",
    chains: true,
    needs_profile: false,
    summary: "ECS: the instance or attribute value with the fewest tasks of the group",
    build,
};

/// Spreads a task group over a field.
#[derive(Debug)]
pub(super) struct Spread {
    field: SpreadField,
    tracked: Option<FieldId>,
}

impl Spread {
    pub(super) fn over(field: SpreadField) -> Spread {
        Spread { field, tracked: None }
    }
}

fn build(build: &Build<'_>) -> Result<Policy, String> {
    let remedy = "write spread:instanceId or spread:attribute:NAME, such as \
                  spread:attribute:ecs.availability-zone";
    let text = build.parameter.ok_or_else(|| format!("say over what: {remedy}"))?;
    let field = SpreadField::parse(text);
    Policy::scored(Spread::over(field.ok_or_else(|| format!("unknown field '{text}': {remedy}"))?))
}

impl PlacementStrategy for Spread {
    fn prepare(&mut self, cluster: &mut Cluster) {
        if let SpreadField::Attribute(name) = &self.field {
            self.tracked = Some(cluster.track_field(name));
        }
    }

    fn reads(&self) -> Reads {
        match (&self.field, self.tracked) {
            (SpreadField::InstanceId, _) => Reads::Group,
            (SpreadField::Attribute(_), Some(field)) => Reads::Field(field),
            (SpreadField::Attribute(_), None) => Reads::Cluster,
        }
    }

    fn score(&self, class: &TaskClass, on: InstanceView<'_>) -> Score {
        let tasks = match self.tracked {
            Some(field) => on.tasks_in_field(field, class.group),
            None => on.group_count(class.group),
        };
        -i64::from(tasks)
    }
}
