//! `[life_cycle]`: what takes time in a task's life besides its run.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::backend::{HostPulls, LifeCycle, Pulls, STOP_TIMEOUT};
use crate::workload::Conduct;
use crate::workload::law_spec::{DurationLaw, Span};

use super::spec::{Preset, ScenarioSpec};
use super::workloads::{WorkloadKind, WorkloadPlan};
use super::{Document, Scenario, ScenarioError};

/// `[life_cycle]`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LifeCycleTable {
    /// PROVISIONING of a placed task in `awsvpc` mode, until its network interface is attached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attach_network: Option<DurationLaw>,
    /// From room on the host, and the image there, until the containers run: the `start_delay` of
    /// capacity without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container_start: Option<DurationLaw>,
    /// ACTIVATING, until the load balancer knows a task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activation: Option<DurationLaw>,
    /// RUNNING, until a task has passed the load balancer's checks: it is not healthy before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_health: Option<DurationLaw>,
    /// DEACTIVATING, until the load balancer has let go of a task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deregistration_delay: Option<DurationLaw>,
    /// From SIGTERM to SIGKILL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_timeout: Option<Span>,
    /// DEPROVISIONING, until the network interface is detached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detach_network: Option<DurationLaw>,
    /// What a pull takes beside the transfer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull_overhead: Option<DurationLaw>,
    /// What the pull of an image takes that the host has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull_cached: Option<DurationLaw>,
    /// What the registry gives all pulls together, Mbit/s; no limit if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registry_mbps: Option<u32>,
}

/// The preset `ecs`: documented are the deregistration delay (Elastic Load Balancing, target group
/// attribute `deregistration_delay.timeout_seconds`) and the checks of targets (five, every 30 s;
/// ECS developer guide, "Optimize load balancer health check parameters"); "several seconds" for a
/// network interface is, and 8 s are our choice, as are the others.
const ATTACH_NETWORK: &str = "\"8s\"";
const CONTAINER_START: &str = "{ uniform = { low = \"1s\", high = \"3s\" } }";
const ACTIVATION: &str = "\"3s\"";
const TARGET_HEALTH: &str = "\"150s\"";
const DEREGISTRATION_DELAY: &str = "\"300s\"";
const DETACH_NETWORK: &str = "\"5s\"";
const PULL_OVERHEAD: &str = "{ lognormal = { median = \"2s\", sigma = 0.25 } }";
const PULL_CACHED: &str = "\"1s\"";

/// The widest link or registry, Mbit/s: in thousands of bits per second it fits 32 bits.
const MBPS_MAX: u32 = 4_000_000;

/// Thousands of bits per second in a Mbit/s.
const KBPS: u32 = 1000;

fn law(text: &str) -> DurationLaw {
    let table: toml::Table = toml::from_str(&format!("law = {text}")).expect("it is TOML");
    table["law"].clone().try_into().expect("it is a law")
}

impl LifeCycleTable {
    /// Whether it says nothing.
    pub(super) fn is_default(&self) -> bool {
        *self == LifeCycleTable::default()
    }

    /// Fills in what the preset says.
    fn resolve(&mut self, preset: Preset) {
        if self.is_default() && preset == Preset::Instant {
            return;
        }
        let default = Span::from_secs(STOP_TIMEOUT.micros() / 1_000_000);
        self.stop_timeout.get_or_insert(default);
        if preset == Preset::Ecs {
            for (key, text) in [
                (&mut self.attach_network, ATTACH_NETWORK),
                (&mut self.container_start, CONTAINER_START),
                (&mut self.activation, ACTIVATION),
                (&mut self.target_health, TARGET_HEALTH),
                (&mut self.deregistration_delay, DEREGISTRATION_DELAY),
                (&mut self.detach_network, DETACH_NETWORK),
                (&mut self.pull_overhead, PULL_OVERHEAD),
                (&mut self.pull_cached, PULL_CACHED),
            ] {
                key.get_or_insert_with(|| law(text));
            }
        }
    }
}

/// Writes into the spec what follows from `[life_cycle]`.
pub(super) fn resolve(spec: &mut ScenarioSpec) {
    spec.life_cycle.resolve(spec.preset);
    for table in spec.capacity.values_mut() {
        if table.start_delay.is_none() {
            table.start_delay.clone_from(&spec.life_cycle.container_start);
        }
    }
}

/// How a group pulls, and through which link. Under the preset `ecs` an instance type has its own.
pub(super) fn host_pulls(
    table: &super::spec::CapacityTable,
    preset: Preset,
    of_type: Option<u32>,
) -> Result<HostPulls, String> {
    let of_type = of_type.filter(|mbps| preset == Preset::Ecs && *mbps > 0);
    let mbps = match table.pull_mbps {
        Some(mbps) if mbps == 0 || mbps > MBPS_MAX => {
            return Err(format!("{mbps} Mbit/s; write 1 to {MBPS_MAX}"));
        }
        Some(mbps) => Some(mbps),
        None => of_type.map(|mbps| mbps.min(MBPS_MAX)),
    };
    let behaviour = table.image_pull.unwrap_or_default();
    Ok(HostPulls { behaviour, link_kbps: mbps.map(|mbps| mbps * KBPS) })
}

/// Conducts of a scenario's tasks, with the path of the table each is in.
fn conducts<'a>(
    workloads: &'a [WorkloadPlan],
    services: &'a [crate::workload::ServicePlan],
) -> Vec<(String, &'a Conduct)> {
    let mut all = Vec::new();
    for plan in workloads {
        let WorkloadKind::Synthetic(_, kinds) = &plan.kind else { continue };
        for (index, kind) in kinds.iter().enumerate() {
            all.push((format!("workload.{}.tasks[{index}]", plan.name), &kind.conduct));
        }
    }
    for plan in services {
        all.push((format!("service.{}.task", plan.spec.name), &plan.tasks.conduct));
        let mut seen = BTreeSet::new();
        for change in plan.changes.iter().filter(|change| seen.insert(change.written)) {
            let path = format!("service.{}.changes[{}].task", plan.spec.name, change.written);
            all.extend(change.tasks.as_ref().map(|tasks| (path, &tasks.conduct)));
        }
    }
    all
}

impl Scenario {
    /// Refuses what cannot be, and warns of what has no effect.
    pub(super) fn check_life_cycle(&mut self, document: &Document) -> Result<(), ScenarioError> {
        let table = &self.spec.life_cycle;
        if let Some(mbps) = table.registry_mbps.filter(|mbps| *mbps == 0 || *mbps > MBPS_MAX) {
            let problem = format!("{mbps} Mbit/s; write 1 to {MBPS_MAX}");
            return Err(document.error("life_cycle.registry_mbps", problem));
        }
        let pulls_take_time = self.life_cycle().pulls.take_time();
        let mut warnings = Vec::new();
        let mut sizes = BTreeMap::new();
        for (path, conduct) in conducts(&self.workloads, &self.services) {
            if path.starts_with("service.")
                && conduct.fails_to_start >= 1.0
                && self.until.time.is_none()
            {
                let problem = "no task ever starts, and each is replaced; write less than 1, or \
                               an `until` with a time";
                return Err(document.error(&format!("{path}.fails_to_start"), problem));
            }
            let Some(image) = &conduct.image else { continue };
            let (size, other) = sizes.entry(&image.name).or_insert((image.bytes, path.clone()));
            if *size != image.bytes {
                let problem = format!(
                    "'{}' has another size in {other}.image; write the same, or another name",
                    image.name
                );
                return Err(document.error(&format!("{path}.image.size_mb"), problem));
            }
            if !pulls_take_time {
                warnings.push(format!(
                    "{path}.image: has no effect, as pulls take no time; write preset = \
                     \"ecs\" at the top, or pull_mbps for a [capacity.NAME]"
                ));
            }
        }
        let registers = table.activation.is_some()
            || table.target_health.is_some()
            || table.deregistration_delay.is_some();
        let balanced = self.services.iter().filter(|plan| plan.spec.load_balanced && !registers);
        warnings.extend(balanced.map(|plan| {
            format!(
                "service.{}.load_balancer: has no effect, as that takes no time; write \
                 preset = \"ecs\" at the top",
                plan.spec.name
            )
        }));
        self.warnings.extend(warnings);
        Ok(())
    }

    /// The life cycle as simulated hosts have it.
    pub(super) fn life_cycle(&self) -> LifeCycle {
        let table = self.spec.life_cycle.clone();
        let takes_time = |(_, conduct): &(String, &Conduct)| conduct.takes_time_to_exit();
        LifeCycle {
            attach_network: table.attach_network,
            register: table.activation,
            pass_checks: table.target_health,
            deregister: table.deregistration_delay,
            detach_network: table.detach_network,
            stop_timeout: table.stop_timeout.map_or(STOP_TIMEOUT, Span::duration),
            exits_take_time: conducts(&self.workloads, &self.services).iter().any(takes_time),
            pulls: Pulls {
                overhead: table.pull_overhead,
                cached: table.pull_cached,
                registry_kbps: table.registry_mbps.map(|mbps| u64::from(mbps) * u64::from(KBPS)),
                hosts: self.capacity.iter().map(|group| group.pulls).collect(),
            },
        }
    }

    /// The first key, if any, that gives the life of a task more than a placement, a start, a run
    /// and an end: what real containers cannot carry out.
    pub fn key_of_life_cycle(&self) -> Option<String> {
        if self.spec.preset == Preset::Ecs {
            return Some("preset".to_owned());
        }
        if !self.spec.life_cycle.is_default() {
            return Some("life_cycle".to_owned());
        }
        let of_capacity = self.spec.capacity.iter().find_map(|(name, table)| {
            let keys = [
                ("pull_mbps", table.pull_mbps.is_some()),
                ("image_pull", table.image_pull.is_some()),
            ];
            let (key, _) = keys.into_iter().find(|(_, set)| *set)?;
            Some(format!("capacity.{name}.{key}"))
        });
        let of_workloads = || {
            self.workloads.iter().find_map(|plan| {
                let WorkloadKind::Synthetic(synthetic, _) = &plan.kind else { return None };
                synthetic.tasks.iter().enumerate().find_map(|(index, kind)| {
                    let key = *kind.keys_of_conduct().first()?;
                    Some(format!("workload.{}.tasks[{index}].{key}", plan.name))
                })
            })
        };
        let of_services = || {
            let mut services = self.spec.service.iter();
            let balanced = services.find(|(_, table)| table.load_balancer);
            let balanced = balanced.map(|(name, _)| format!("service.{name}.load_balancer"));
            balanced.or_else(|| {
                self.spec.kinds_of_services().find_map(|(path, kind)| {
                    let key = *kind.keys_of_conduct().first()?;
                    Some(format!("{path}.{key}"))
                })
            })
        };
        of_capacity.or_else(of_workloads).or_else(of_services)
    }
}

#[cfg(test)]
#[path = "life_cycle_tests.rs"]
mod tests;
