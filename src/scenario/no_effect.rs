//! What is written and has no effect: warned of, as its author expects one.

use crate::model::NetworkMode;
use crate::workload::ServicePlan;
use crate::workload::law_spec::Span;

use super::spec::{Preset, ScenarioSpec};
use super::workloads::WorkloadKind;
use super::{Document, Scenario};

impl Scenario {
    /// Warnings of keys that change nothing in this scenario.
    pub(super) fn warn_of_no_effect(&mut self, document: &Document) {
        let mut warnings = self.after_the_end();
        warnings.extend(self.grace_periods());
        // What the preset fills in stands in resolved scenarios too, and nobody wrote it.
        if self.spec.preset == Preset::Instant {
            let written = |(key, _): &(&str, &str)| document.says(&format!("life_cycle.{key}"));
            let idle = self.idle_transitions().into_iter().filter(written);
            warnings.extend(
                idle.map(|(key, why)| format!("life_cycle.{key}: has no effect, as {why}")),
            );
        }
        self.warnings.extend(warnings);
    }

    /// What would come after the end of the run.
    fn after_the_end(&self) -> Vec<String> {
        let Some(end) = self.until.time else { return Vec::new() };
        let is_late = |(_, at): &(String, Span)| at.duration().micros() > end.micros();
        let late = times(&self.spec).filter(is_late);
        late.map(|(key, at)| format!("{key}: {at} is after `until`, {end} s: has no effect"))
            .collect()
    }

    /// Grace periods of services whose tasks nothing checks.
    fn grace_periods(&self) -> Vec<String> {
        let plans = self.services.iter().filter(|plan| {
            let is_checked = plan.spec.load_balanced
                || plan.all_tasks().any(|tasks| tasks.definition.has_health_check);
            plan.spec.grace_period_micros > 0 && !is_checked
        });
        plans
            .map(|plan| {
                format!(
                    "service.{}.health_check_grace_period: has no effect, as nothing checks its \
                     tasks; write a `health_check` for its `task`, or load_balancer = true",
                    plan.spec.name
                )
            })
            .collect()
    }

    /// Keys of `[life_cycle]` that no task goes through, and why.
    fn idle_transitions(&self) -> Vec<(&'static str, &'static str)> {
        let mut idle = Vec::new();
        if !self.services.iter().any(|plan| plan.spec.load_balanced) {
            let why = "no service has a load balancer; write load_balancer = true for a \
                       [service.NAME]";
            let keys = ["activation", "target_health", "deregistration_delay"];
            idle.extend(keys.map(|key| (key, why)));
        }
        // What tasks of a trace ask for is known when it is read.
        let all_known =
            self.workloads.iter().all(|plan| matches!(plan.kind, WorkloadKind::Synthetic(..)));
        if all_known && !self.some_task_has_a_network_interface() {
            let why = "no task has a network interface of its own; write network_mode = \
                       \"awsvpc\" for a task";
            idle.extend(["attach_network", "detach_network"].map(|key| (key, why)));
        }
        idle
    }

    fn some_task_has_a_network_interface(&self) -> bool {
        let of_workloads = self.workloads.iter().flat_map(|plan| match &plan.kind {
            WorkloadKind::Synthetic(_, kinds) => kinds.as_slice(),
            WorkloadKind::Trace(_) => &[],
        });
        let of_services = self.services.iter().flat_map(ServicePlan::all_tasks);
        let modes = of_workloads.map(|kind| kind.definition.network_mode);
        modes
            .chain(of_services.map(|tasks| tasks.definition.network_mode))
            .any(|mode| mode == NetworkMode::Awsvpc)
    }
}

/// When the scenario says that something happens, with the keys.
fn times(spec: &ScenarioSpec) -> impl Iterator<Item = (String, Span)> {
    let of_services = spec.service.iter().flat_map(|(name, table)| {
        let start = (format!("service.{name}.start"), table.start);
        let changes = table.changes.iter().enumerate();
        let at = move |(index, change): (usize, &super::spec::ServiceChange)| {
            (format!("service.{name}.changes[{index}].at"), change.at)
        };
        std::iter::once(start).chain(changes.map(at))
    });
    let of_capacity = spec.capacity.iter().flat_map(|(name, table)| {
        let drains = table.drain.iter().enumerate();
        drains.map(move |(index, drain)| (format!("capacity.{name}.drain[{index}].at"), drain.at))
    });
    of_services.chain(of_capacity)
}
