//! ECS's service quotas: under `preset = "ecs"` a scenario that is beyond one is told.
//!
//! Source: Amazon ECS endpoints and quotas, "Amazon ECS service quotas".

use crate::workload::ServicePlan;

use super::Scenario;
use super::spec::Preset;

/// Services in a cluster, tasks of a service, and container instances in a cluster.
const IN_A_CLUSTER: usize = 5000;

impl Scenario {
    /// A warning for each quota that the scenario is beyond.
    pub(super) fn beyond_quotas(&self) -> Vec<String> {
        if self.spec.preset != Preset::Ecs {
            return Vec::new();
        }
        let mut found = Vec::new();
        let mut tell = |what: &str, count: usize, of: &str| {
            if count > IN_A_CLUSTER {
                found.push(format!(
                    "{what}: {count}; ECS's quota is {IN_A_CLUSTER} {of}, AWS raises it on request"
                ));
            }
        };
        let instances = self.spec.capacity.values().map(|table| table.count as usize).sum();
        tell("capacity", instances, "container instances in a cluster");
        tell("service", self.services.len(), "services in a cluster");
        for plan in &self.services {
            let what = format!("service.{}", plan.spec.name);
            tell(&what, most_tasks(plan) as usize, "tasks in a service");
        }
        found
    }
}

/// The most tasks that a service is ever to keep running.
fn most_tasks(plan: &ServicePlan) -> u32 {
    let later = plan.changes.iter().filter_map(|change| change.desired_count);
    later.fold(plan.spec.desired_count, u32::max)
}
