//! What is written and has no effect: warned of, as its author expects one.

use crate::des::SimTime;
use crate::model::NetworkMode;
use crate::workload::ServicePlan;
use crate::workload::law_spec::Span;
use crate::workload::synthetic::KindSpec;

use super::spec::{Preset, ScenarioSpec};
use super::workloads::WorkloadKind;
use super::{Document, Scenario};

impl Scenario {
    /// Warnings of keys that change nothing in this scenario.
    pub(super) fn warn_of_no_effect(&mut self, document: &Document) {
        let mut warnings = self.after_the_end();
        warnings.extend(keys_of_submissions(&self.spec));
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

    /// What would come at the end of the run, when nothing can follow from it, or after it.
    fn after_the_end(&self) -> Vec<String> {
        let Some(end) = self.until.time else { return Vec::new() };
        let is_late = |(_, at): &(String, Span)| SimTime::ZERO + at.duration() >= end;
        let late = self.starts().chain(times(&self.spec)).filter(is_late);
        let late = late
            .map(|(key, at)| format!("{key}: {at} is not before `until`, {end} s: has no effect"));
        late.chain(repetitions_cut_short(&self.spec, end)).collect()
    }

    /// When workloads begin, with the keys.
    fn starts(&self) -> impl Iterator<Item = (String, Span)> {
        self.workloads.iter().filter_map(|plan| match &plan.kind {
            WorkloadKind::Synthetic(spec, _) => {
                Some((format!("workload.{}.start", plan.name), spec.start?))
            }
            WorkloadKind::Trace(_) => None,
        })
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
        let rates = table.requests.iter().flat_map(|requests| requests.rates.iter().enumerate());
        let rates = rates.map(move |(index, rate)| {
            (format!("service.{name}.requests.rates[{index}].at"), rate.at)
        });
        std::iter::once(start).chain(changes.map(at)).chain(rates)
    });
    let of_capacity = spec.capacity.iter().flat_map(|(name, table)| {
        let drains = table.drain.iter().enumerate();
        drains.map(move |(index, drain)| (format!("capacity.{name}.drain[{index}].at"), drain.at))
    });
    of_services.chain(of_capacity)
}

/// Changes that are repeated on beyond the end of the run.
fn repetitions_cut_short(spec: &ScenarioSpec, end: SimTime) -> Vec<String> {
    let mut warnings = Vec::new();
    for (name, table) in &spec.service {
        for (index, change) in table.changes.iter().enumerate() {
            let (Some(every), Some(times)) = (change.every, change.times) else { continue };
            let left = end.micros().saturating_sub(change.at.duration().micros());
            let before = left.div_ceil(every.duration().micros());
            // One that does not even begin is told of by its own time.
            if (1..u64::from(times)).contains(&before) {
                warnings.push(format!(
                    "service.{name}.changes[{index}].times: only {before} of {times} come before \
                     `until`, {end} s: the rest has no effect"
                ));
            }
        }
    }
    warnings
}

/// Keys about submissions, of tasks that a service starts one by one.
fn keys_of_submissions(spec: &ScenarioSpec) -> Vec<String> {
    let keys = |kind: &KindSpec| {
        let all = [
            ("weight", kind.weight != 1),
            ("group", kind.group.is_some()),
            ("tasks_per_submission", kind.tasks_per_submission.is_some()),
            ("gang", kind.gang),
        ];
        all.into_iter().filter(|(_, is_set)| *is_set).map(|(key, _)| key)
    };
    let of_services = spec.kinds_of_services();
    of_services
        .flat_map(|(path, kind)| {
            keys(kind).map(move |key| {
                format!("{path}.{key}: has no effect, as a service submits no tasks; remove it")
            })
        })
        .collect()
}
