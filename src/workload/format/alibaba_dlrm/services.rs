//! Groups of instances as services whose desired counts follow the trace.

use std::collections::BTreeMap;

use crate::des::SimTime;
use crate::model::{DefinitionId, ServiceId, ServiceSpec, TaskDefinition};
use crate::workload::{Conduct, ServiceChange, ServicePlan, ServiceTasks};

use super::instances::{Group, Instances, Role};

/// A service per group, named like its family; those that are there at `update_at` deploy their
/// definition anew then. O(instances × log instances).
pub(super) fn plans(
    instances: &Instances,
    placer: usize,
    update_at: Option<SimTime>,
) -> Vec<ServicePlan> {
    // By group and time: how many more exist from then on.
    let mut more: Vec<BTreeMap<SimTime, i64>> = vec![BTreeMap::new(); instances.groups.len()];
    for one in &instances.list {
        *more[one.group].entry(one.from).or_default() += 1;
        if let Some(until) = one.until {
            *more[one.group].entry(until).or_default() -= 1;
        }
    }
    let groups = instances.groups.iter().zip(more);
    let plans = groups.map(|(group, more)| plan(group, more, placer));
    let Some(at) = update_at else { return plans.collect() };
    plans.map(|plan| with_update(plan, at)).collect()
}

fn plan(group: &Group, more: BTreeMap<SimTime, i64>, placer: usize) -> ServicePlan {
    let mut exist = 0;
    let mut counts = more.into_iter().map(|(at, more)| {
        exist += more;
        (at, u32::try_from(exist).expect("an instance is created before it is deleted"))
    });
    let (start, desired_count) = counts.next().expect("a group has an instance");
    let mut changes: Vec<ServiceChange> = Vec::new();
    let mut before = desired_count;
    for (at, desired) in counts {
        if desired != before {
            let desired_count = Some(desired);
            changes.push(ServiceChange { at, desired_count, ..ServiceChange::default() });
        }
        before = desired;
    }
    // Number and definition are given when it is created.
    let (id, definition) = (ServiceId(0), DefinitionId(0));
    let name = &group.definition.family;
    ServicePlan {
        spec: ServiceSpec::new(id, name, definition, desired_count, placer),
        tasks: ServiceTasks {
            definition: group.definition.clone(),
            run_time: None,
            usage: None,
            conduct: Conduct::default(),
        },
        start,
        requests: None,
        changes,
    }
}

/// The same service with a deployment of its next revision, after what else changes at that time.
fn with_update(mut plan: ServicePlan, at: SimTime) -> ServicePlan {
    if plan.start > at {
        return plan;
    }
    let definition = TaskDefinition { revision: 1, ..plan.tasks.definition.clone() };
    let tasks = Some(ServiceTasks { definition, ..plan.tasks.clone() });
    let after = plan.changes.partition_point(|change| change.at <= at);
    plan.changes.insert(after, ServiceChange { at, tasks, ..ServiceChange::default() });
    plan
}

/// What of the trace the desired counts do not say, or ECS does not keep.
pub(super) fn notes(instances: &Instances) -> Vec<String> {
    let never = instances.list.iter().filter(|one| one.until == Some(one.from)).count();
    let never = (never > 0).then(|| {
        format!(
            "{never} instances were deleted at the time of their creation: no desired count has \
             them"
        )
    });
    // By app and role: how many services there are, and whether one has a limit.
    let mut roles: BTreeMap<(&str, Role), (u32, bool)> = BTreeMap::new();
    for group in &instances.groups {
        let (services, limited) = roles.entry((&group.app, group.role)).or_default();
        *services += 1;
        *limited |= !group.definition.constraints.is_empty();
    }
    let (split, all) = (roles.values().filter(|one| one.0 > 1 && one.1).count(), roles.len());
    let split = (split > 0).then(|| {
        format!(
            "{split} of {all} pairs of app and role are several services, as their instances \
             differ: max_instance_per_node holds for each service by itself"
        )
    });
    never.into_iter().chain(split).collect()
}
