//! The catalogue of sizes: what the tasks of each kind ask for.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::{Serialize, Serializer};

use crate::model::query::Expression;
use crate::model::{
    Architecture, Cpu, DEVICES_MAX, GPU_DEVICE_MILLI, GpuRequest, HostPort, InstanceId,
    NetworkMode, PlacementConstraint, Protocol, TaskDefinition,
};
use crate::workload::ecs_json::{
    CONSTRAINTS_MAX, CpuUnits, Defined, MemoryMib, parse_network_mode, required_architecture,
};
use crate::workload::law_spec::{DurationLaw, NumberLaw, Span};
use crate::workload::{Conduct, Usage};

use super::conduct_spec::{HealthCheckSpec, ImageSpec};
use super::container_spec::ContainerSpec;
use super::spec::SpecError;
use super::use_spec::UseSpec;

/// How a constraint that no two tasks share an instance is written.
const DISTINCT_INSTANCE: &str = "distinctInstance";

/// A static host port, written `80` or `"53/udp"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortSpec(pub HostPort);

/// One kind of the catalogue, a `[[tasks]]` table.
///
/// What it asks for is either written out (`cpu`, `memory` and so on) or read from the file of a
/// real ECS task definition; constraints, group and the rest go with both.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KindSpec {
    /// Relative frequency among arrivals, at least 1.
    #[serde(default = "one")]
    pub weight: u32,
    /// Family of the task definition; `<workload>-<index>`, or what the file says, if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family: Option<String>,
    /// CPU in ECS units (1024 are one vCPU), or a text such as `"0.25 vCPU"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<CpuUnits>,
    /// Memory in MiB, or a text such as `"2 GB"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<MemoryMib>,
    /// GPU devices, 0 to 32; 0 if missing, or 1 with a `gpu_milli`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpus: Option<u16>,
    /// Thousandths of the device, 1 to 1000, for a task that shares it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu_milli: Option<u16>,
    /// Static host ports.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<PortSpec>,
    /// `bridge` (if missing), `host`, `awsvpc` or `none`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network_mode: Option<String>,
    /// Processor architecture that instances must have, `X86_64` or `ARM64`; any if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
    /// Placement constraints: `distinctInstance`, or an expression of the cluster query language.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub constraints: Vec<String>,
    /// Task group; `family:<family>` if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// How long the tasks run; the workload's `duration` if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<DurationLaw>,
    /// Tasks in each submission, at least 1; 1 if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tasks_per_submission: Option<NumberLaw>,
    /// Whether the tasks of a submission are placed all at once or not at all.
    #[serde(default)]
    pub gang: bool,
    /// Instances to start its tasks on, one each, by name: ECS's `StartTask`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_on: Option<Vec<String>>,
    /// What its tasks really use of CPU and memory; what they reserve if missing. It matters on
    /// capacity that is shared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r#use: Option<UseSpec>,
    /// CPU at any time, as `cpu`: the quota of the task-level `cpu`; none if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_limit: Option<CpuUnits>,
    /// Memory beyond which a task is killed, as `memory`; `memory` if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_limit: Option<MemoryMib>,
    /// What a host pulls before it starts one; nothing if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageSpec>,
    /// How long its tasks take to exit after SIGTERM; no time if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shutdown: Option<DurationLaw>,
    /// From SIGTERM to SIGKILL; that of `[life_cycle]` if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_timeout: Option<Span>,
    /// Share of its starts that fail; 0 if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fails_to_start: Option<f64>,
    /// Its health check, and what that will find; none if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health_check: Option<HealthCheckSpec>,
    /// Several containers in one task, and in which order they start.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub containers: Vec<ContainerSpec>,
    /// File with the JSON of an ECS task definition, instead of `cpu`, `memory` and the like.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_definition: Option<PathBuf>,
}

/// Reads the file of a `task_definition`; its error says what is wrong with the file.
pub type ReadDefinition<'a> = dyn Fn(&Path) -> Result<Defined, String> + 'a;

/// A kind of the catalogue, checked and ready to be submitted.
#[derive(Debug, Clone, PartialEq)]
pub struct ResolvedKind {
    /// What each task asks for.
    pub definition: TaskDefinition,
    /// Relative frequency among arrivals, at least 1.
    pub weight: u32,
    /// Task group; `None` is the definition's own.
    pub group: Option<String>,
    /// What they use meanwhile; `None` where that is what they reserve.
    pub usage: Option<Usage>,
    /// How they start and stop.
    pub conduct: Conduct,
    /// How long the tasks run.
    pub duration: DurationLaw,
    /// Tasks in each submission.
    pub tasks: NumberLaw,
    /// Whether the tasks of a submission are placed all or none.
    pub gang: bool,
    /// The instances that its tasks are started on, one each; `None` where they are placed. Who
    /// knows the capacity fills it in.
    pub start_on: Option<Arc<[InstanceId]>>,
    /// What the user should know of it.
    pub warnings: Vec<String>,
}

impl ResolvedKind {
    /// Tasks in a submission.
    pub(super) fn count(&self, uniform: impl FnOnce() -> f64) -> u32 {
        match &self.start_on {
            Some(on) => on.len() as u32,
            None => self.tasks.as_constant().unwrap_or_else(|| self.tasks.sample(uniform())),
        }
    }
}

/// Instances that a `StartTask` names at most.
///
/// Source: ECS API, `StartTask.containerInstances`.
const START_TASK_MAX: usize = 10;

fn one() -> u32 {
    1
}

/// Makes errors about the keys of one kind.
#[derive(Debug, Clone, Copy)]
pub(super) struct Keys<'a>(pub(super) &'a str);

impl Keys<'_> {
    pub(super) fn refuse(self, key: &str, problem: impl Into<String>) -> SpecError {
        SpecError::new(format!("{}{key}", self.0), problem)
    }
}

impl KindSpec {
    /// Checks the table, which is number `index`, and makes the kind.
    pub(super) fn resolve(
        &self,
        index: usize,
        workload: &str,
        duration: Option<&DurationLaw>,
        read: &ReadDefinition<'_>,
    ) -> Result<ResolvedKind, SpecError> {
        let prefix = format!("tasks[{index}].");
        let keys = Keys(&prefix);
        let family = format!("{workload}-{index}");
        let Defined { definition, containers, mut warnings } = self.checked(keys, &family, read)?;
        let Some(duration) = self.duration.as_ref().or(duration) else {
            let problem = "missing; set it here, or `duration` of the workload for all kinds";
            return Err(keys.refuse("duration", problem));
        };
        self.check_start_on(keys)?;
        let usage = self.usage_at(keys, &definition, true)?;
        let single = || NumberLaw::constant(1).expect("1 is a count");
        let (conduct, of_containers) = self.conduct_at(keys, &containers)?;
        let path = format!("workload.{workload}.tasks[{index}]");
        warnings.extend(of_containers.into_iter().map(|one| format!("{path}: {one}")));
        Ok(ResolvedKind {
            definition,
            usage,
            conduct,
            warnings,
            weight: self.weight,
            group: self.group.clone(),
            duration: duration.clone(),
            tasks: self.tasks_per_submission.clone().unwrap_or_else(single),
            gang: self.gang,
            start_on: None,
        })
    }

    fn check_start_on(&self, keys: Keys<'_>) -> Result<(), SpecError> {
        let Some(instances) = &self.start_on else { return Ok(()) };
        let count = instances.len();
        if !(1..=START_TASK_MAX).contains(&count) {
            let problem = format!("{count} instances; ECS takes 1 to {START_TASK_MAX}");
            return Err(keys.refuse("start_on", problem));
        }
        let placed = [("tasks_per_submission", self.tasks_per_submission.is_some())];
        let placed = placed.into_iter().chain([("gang", self.gang)]).find(|(_, set)| *set);
        match placed {
            None => Ok(()),
            Some((key, _)) => {
                let problem = "set although `start_on` has one task for each of its instances; \
                               remove one of them";
                Err(keys.refuse(key, problem))
            }
        }
    }

    /// The definition of a table that stands by itself; keys of errors are those of the table.
    ///
    /// # Errors
    /// The first value that cannot be used.
    pub fn definition(
        &self,
        family: &str,
        read: &ReadDefinition<'_>,
    ) -> Result<Defined, SpecError> {
        self.checked(Keys(""), family, read)
    }

    /// Checks what does not depend on a workload and makes the definition.
    fn checked(
        &self,
        keys: Keys<'_>,
        family: &str,
        read: &ReadDefinition<'_>,
    ) -> Result<Defined, SpecError> {
        if self.weight == 0 {
            let problem = "0 would never arrive; write at least 1, or leave the table out";
            return Err(keys.refuse("weight", problem));
        }
        for (key, text) in [("family", &self.family), ("group", &self.group)] {
            if text.as_ref().is_some_and(String::is_empty) {
                return Err(keys.refuse(key, "an empty name; write one, or leave the key out"));
            }
        }
        let mut defined = match &self.task_definition {
            None => {
                let definition = self.written_definition(keys, family)?;
                Defined { definition, containers: Vec::new(), warnings: Vec::new() }
            }
            Some(path) => {
                self.refuse_written_sizes(keys)?;
                read(path).map_err(|why| keys.refuse("task_definition", why))?
            }
        };
        if let Some(family) = &self.family {
            defined.definition.family.clone_from(family);
        }
        self.add_constraints(keys, &mut defined.definition.constraints)?;
        Ok(defined)
    }

    /// Refuses what a task definition's file says already.
    fn refuse_written_sizes(&self, keys: Keys<'_>) -> Result<(), SpecError> {
        let written = [
            ("cpu", self.cpu.is_some()),
            ("memory", self.memory.is_some()),
            ("gpus", self.gpus.is_some()),
            ("gpu_milli", self.gpu_milli.is_some()),
            ("ports", !self.ports.is_empty()),
            ("network_mode", self.network_mode.is_some()),
            ("architecture", self.architecture.is_some()),
            ("cpu_limit", self.cpu_limit.is_some()),
            ("memory_limit", self.memory_limit.is_some()),
        ];
        match written.into_iter().find(|(_, written)| *written) {
            None => Ok(()),
            Some((key, _)) => {
                let problem = "set although `task_definition` says it; remove one of them";
                Err(keys.refuse(key, problem))
            }
        }
    }

    fn written_definition(
        &self,
        keys: Keys<'_>,
        family: &str,
    ) -> Result<TaskDefinition, SpecError> {
        let Some(CpuUnits(units)) = self.cpu else {
            let problem = "missing; write ECS CPU units such as 1024, or \"1 vCPU\"";
            return Err(keys.refuse("cpu", problem));
        };
        let cpu = Cpu::from_ecs_units(u64::from(units)).ok_or_else(|| {
            let problem = format!("{units} CPU units are more than 33554 vCPU; check the unit");
            keys.refuse("cpu", problem)
        })?;
        let Some(MemoryMib(memory_mib)) = self.memory else {
            let problem = "missing; write MiB such as 2048, or \"2 GB\"";
            return Err(keys.refuse("memory", problem));
        };
        if memory_mib == 0 {
            return Err(keys.refuse("memory", "0 MiB; write at least 1"));
        }
        let network_mode = self.network_mode(keys)?;
        let mut definition = TaskDefinition::new(family, cpu, memory_mib);
        definition.limits = self.limits(keys, (cpu, memory_mib))?;
        definition.gpu = self.gpu(keys)?;
        definition.host_ports = self.host_ports(keys, network_mode)?;
        definition.network_mode = network_mode;
        if let Some(written) = &self.architecture {
            let architecture = Architecture::parse(written).ok_or_else(|| {
                let problem = format!("{written:?} is unknown; write X86_64 or ARM64");
                keys.refuse("architecture", problem)
            })?;
            definition.required_attributes.push(required_architecture(architecture));
        }
        Ok(definition)
    }

    fn network_mode(&self, keys: Keys<'_>) -> Result<NetworkMode, SpecError> {
        let Some(written) = &self.network_mode else {
            return Ok(NetworkMode::default());
        };
        parse_network_mode(written).ok_or_else(|| {
            let problem = format!("{written:?} is unknown; write bridge, host, awsvpc or none");
            keys.refuse("network_mode", problem)
        })
    }

    fn gpu(&self, keys: Keys<'_>) -> Result<GpuRequest, SpecError> {
        let devices = self.gpus.unwrap_or(u16::from(self.gpu_milli.is_some()));
        if usize::from(devices) > DEVICES_MAX {
            let problem = format!("{devices} devices; an instance has at most {DEVICES_MAX}");
            return Err(keys.refuse("gpus", problem));
        }
        let Some(milli) = self.gpu_milli else {
            return Ok(GpuRequest::whole(devices));
        };
        if milli == 0 || milli > GPU_DEVICE_MILLI {
            let problem = format!("{milli}; write 1 to 1000 thousandths of a device");
            return Err(keys.refuse("gpu_milli", problem));
        }
        if devices == 0 || (devices > 1 && milli < GPU_DEVICE_MILLI) {
            let problem = format!("{milli}, but only a task with 1 device shares it; set gpus = 1");
            return Err(keys.refuse("gpu_milli", problem));
        }
        Ok(GpuRequest { devices, milli })
    }

    fn host_ports(&self, keys: Keys<'_>, mode: NetworkMode) -> Result<Vec<HostPort>, SpecError> {
        let takes_ports = matches!(mode, NetworkMode::Bridge | NetworkMode::Host);
        if !self.ports.is_empty() && !takes_ports {
            let problem = "host ports need bridge or host mode; remove them or `network_mode`";
            return Err(keys.refuse("ports", problem));
        }
        let mut ports: Vec<HostPort> = self.ports.iter().map(|port| port.0).collect();
        ports.sort_unstable();
        if let Some(pair) = ports.windows(2).find(|pair| pair[0] == pair[1]) {
            let problem = format!("{} is there twice; remove one of them", PortSpec(pair[0]));
            return Err(keys.refuse("ports", problem));
        }
        Ok(ports)
    }

    /// Adds the constraints of the kind to those of its definition.
    fn add_constraints(
        &self,
        keys: Keys<'_>,
        constraints: &mut Vec<PlacementConstraint>,
    ) -> Result<(), SpecError> {
        for (index, written) in self.constraints.iter().enumerate() {
            if written == DISTINCT_INSTANCE {
                constraints.push(PlacementConstraint::DISTINCT_INSTANCE);
                continue;
            }
            let expression = Expression::parse(written).map_err(|why| {
                let problem = format!("{why}\n{}", why.caret(written));
                keys.refuse(&format!("constraints[{index}]"), problem)
            })?;
            constraints.push(PlacementConstraint::MemberOf(expression));
        }
        if constraints.len() > CONSTRAINTS_MAX {
            let count = constraints.len();
            let problem = format!(
                "{count} with those of the task definition; ECS takes at most {CONSTRAINTS_MAX}"
            );
            return Err(keys.refuse("constraints", problem));
        }
        Ok(())
    }
}

impl fmt::Display for PortSpec {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let protocol = match self.0.protocol {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
        };
        write!(formatter, "{}/{protocol}", self.0.port)
    }
}

impl Serialize for PortSpec {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.protocol {
            Protocol::Tcp => self.0.port.serialize(serializer),
            Protocol::Udp => serializer.collect_str(self),
        }
    }
}

impl<'de> Deserialize<'de> for PortSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<PortSpec, D::Error> {
        deserializer.deserialize_any(PortVisitor)
    }
}

/// Reads a [`PortSpec`].
struct PortVisitor;

impl Visitor<'_> for PortVisitor {
    type Value = PortSpec;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a host port such as 80 or \"53/udp\"")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<PortSpec, E> {
        let (number, protocol) = match text.split_once('/') {
            None => (text, Protocol::Tcp),
            Some((number, "tcp")) => (number, Protocol::Tcp),
            Some((number, "udp")) => (number, Protocol::Udp),
            Some((number, other)) => {
                return Err(E::custom(format_args!(
                    "protocol {other:?} is unknown; write \"{number}/tcp\" or \"{number}/udp\""
                )));
            }
        };
        match number.parse() {
            Ok(port) if port > 0 => Ok(PortSpec(HostPort { protocol, port })),
            _ => Err(E::custom(format_args!("{text:?} is no port; write 1 to 65535"))),
        }
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<PortSpec, E> {
        match u16::try_from(number) {
            Ok(port) if port > 0 => Ok(PortSpec(HostPort { protocol: Protocol::Tcp, port })),
            _ => Err(E::custom(format_args!("{number} is no port; write 1 to 65535"))),
        }
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<PortSpec, E> {
        self.visit_i64(i64::try_from(number).unwrap_or(i64::MAX))
    }
}
