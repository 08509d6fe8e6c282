//! Reads real ECS task definitions: the JSON of `register-task-definition`, or of
//! `describe-task-definition` with its `taskDefinition` wrapper.

mod containers;
mod error;
mod ports;
mod quantity;
mod shape;
#[cfg(test)]
mod tests;
mod unique;

pub use containers::{DefinedContainer, RESTART_PERIOD_S, START_TIMEOUT_S};
pub use error::EcsJsonError;
pub use quantity::{CpuUnits, MemoryMib};

use serde_json::Value;

use crate::model::query::Expression;
use crate::model::{
    Architecture, Cpu, DEVICES_MAX, GpuRequest, Limits, NetworkMode, PlacementConstraint,
    RequiredAttribute, TaskDefinition,
};

use self::error::Document;
use self::shape::{Container, Definition};

/// Containers in one definition at most. Source: ECS developer guide, "Amazon ECS quotas".
const CONTAINERS_MAX: usize = 10;

/// CPU units at task level on EC2. Source: ECS API, `TaskDefinition.cpu`.
const TASK_CPU: std::ops::RangeInclusive<u32> = 128..=196_608;

/// Least memory of a container in MiB. Source: ECS API, `ContainerDefinition.memory`: Docker 20.10.
const MEMORY_MIN_MIB: u32 = 6;

/// Placement constraints of a task at most. Source: ECS API, `RunTask.placementConstraints`.
pub const CONSTRAINTS_MAX: usize = 10;

/// The automatic attribute of the processor architecture.
const ARCHITECTURE_ATTRIBUTE: &str = "ecs.cpu-architecture";

/// What a file says.
#[derive(Debug, Clone, PartialEq)]
pub struct Defined {
    /// What each task asks for.
    pub definition: TaskDefinition,
    /// The containers of a task.
    pub containers: Vec<DefinedContainer>,
    /// One for each field that could change where or when the task runs but is not modelled, each
    /// starting with the field's path.
    pub warnings: Vec<String>,
}

/// Reads a task definition and applies ECS's reservation function: task-level values win over the
/// sum of the containers, and `memoryReservation` counts before `memory`.
///
/// `file` is the name for messages.
///
/// # Errors
/// Text that is not JSON, is not a task definition, or is one that ECS would refuse to register.
pub fn task_definition(text: &str, file: &str) -> Result<Defined, EcsJsonError> {
    let document = Document::new(file);
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    serde_json::from_str::<unique::UniqueKeys>(text).map_err(|why| document.syntax(&why))?;
    let mut value: Value = serde_json::from_str(text).map_err(|why| document.syntax(&why))?;
    let inner = value.get_mut("taskDefinition").map(Value::take);
    let document = document.within(if inner.is_some() { "taskDefinition." } else { "" });
    let definition: Definition = serde_path_to_error::deserialize(inner.unwrap_or(value))
        .map_err(|why| document.shape(&why))?;
    read(&definition, &document)
}

fn read(definition: &Definition, document: &Document<'_>) -> Result<Defined, EcsJsonError> {
    let family = definition.family.as_deref().unwrap_or_default();
    if family.is_empty() {
        return Err(document.refuse("family", "missing; give the definition a family name"));
    }
    let containers = definition.container_definitions.as_deref().unwrap_or_default();
    check_containers(containers, document)?;
    let mut warnings = warnings(definition, containers);
    let network_mode = network_mode(definition, document)?;
    let defined = containers::containers(containers, document, &mut warnings)?;
    let result = TaskDefinition {
        family: family.to_owned(),
        revision: 0,
        has_health_check: false,
        cpu: cpu(definition, containers, document)?,
        memory_mib: memory(definition, containers, document)?,
        gpu: gpu(containers, document, &mut warnings)?,
        host_ports: ports::static_ports(containers, network_mode, document, &mut warnings)?,
        network_mode,
        required_attributes: architecture(definition, document)?,
        constraints: constraints(definition, document)?,
        limits: limits(definition, containers),
    };
    Ok(Defined { definition: result, containers: defined, warnings })
}

fn check_containers(containers: &[Container], document: &Document<'_>) -> Result<(), EcsJsonError> {
    let key = "containerDefinitions";
    let count = containers.len();
    if count == 0 {
        return Err(document.refuse(key, "no containers; give at least one"));
    }
    if count > CONTAINERS_MAX {
        let problem = format!("{count} containers; ECS takes at most {CONTAINERS_MAX}");
        return Err(document.refuse(key, problem));
    }
    if containers.iter().all(|container| container.essential == Some(false)) {
        let problem = "no container is essential; remove `essential: false` from one of them";
        return Err(document.refuse(key, problem));
    }
    Ok(())
}

fn warnings(definition: &Definition, containers: &[Container]) -> Vec<String> {
    let of_task = definition.not_modelled().map(str::to_owned);
    let of_containers = containers.iter().enumerate().flat_map(|(index, container)| {
        let path = move |name: &str| format!("containerDefinitions[{index}].{name}");
        container.not_modelled().map(path)
    });
    let mut warnings: Vec<String> =
        of_task.chain(of_containers).map(|path| format!("{path}: not modelled")).collect();
    for attribute in definition.requires_attributes.iter().flatten() {
        // The network interface that this one is about is counted by ENI slots.
        if attribute.name != "ecs.capability.task-eni" {
            let name = &attribute.name;
            warnings.push(format!("requiresAttributes: `{name}` is taken as given everywhere"));
        }
    }
    let compatibilities = definition.requires_compatibilities.as_deref().unwrap_or_default();
    if !compatibilities.is_empty() && !compatibilities.iter().any(|name| name == "EC2") {
        let names = compatibilities.join(", ");
        warnings.push(format!(
            "requiresCompatibilities: {names} is not modelled; placed on instances as if EC2"
        ));
    }
    let platform = definition.runtime_platform.as_ref();
    if let Some(system) = platform.and_then(|platform| platform.operating_system_family.as_ref())
        && system != "LINUX"
    {
        warnings.push(format!(
            "runtimePlatform.operatingSystemFamily: {system} is not modelled; taken as LINUX"
        ));
    }
    warnings
}

fn network_mode(
    definition: &Definition,
    document: &Document<'_>,
) -> Result<NetworkMode, EcsJsonError> {
    let Some(written) = definition.network_mode.as_deref() else {
        return Ok(NetworkMode::Bridge);
    };
    parse_network_mode(written).ok_or_else(|| {
        let problem = format!("{written:?} is unknown; write bridge, host, awsvpc or none");
        document.refuse("networkMode", problem)
    })
}

/// Reads ECS's name of a networking mode.
pub(super) fn parse_network_mode(text: &str) -> Option<NetworkMode> {
    match text {
        "bridge" => Some(NetworkMode::Bridge),
        "host" => Some(NetworkMode::Host),
        "awsvpc" => Some(NetworkMode::Awsvpc),
        "none" => Some(NetworkMode::None),
        _ => None,
    }
}

fn cpu(
    definition: &Definition,
    containers: &[Container],
    document: &Document<'_>,
) -> Result<Cpu, EcsJsonError> {
    let of_containers: u64 =
        containers.iter().map(|container| container.cpu.map_or(0, |cpu| u64::from(cpu.0))).sum();
    let units = match definition.cpu {
        Some(CpuUnits(units)) if !TASK_CPU.contains(&units) => {
            let (least, most) = (TASK_CPU.start(), TASK_CPU.end());
            let problem = format!("{units} CPU units; ECS takes {least} to {most} at task level");
            return Err(document.refuse("cpu", problem));
        }
        Some(CpuUnits(units)) if of_containers > u64::from(units) => {
            let problem = format!(
                "{units} CPU units, but its containers have {of_containers} together, which ECS \
                 refuses; raise it, or lower theirs"
            );
            return Err(document.refuse("cpu", problem));
        }
        Some(CpuUnits(units)) => u64::from(units),
        None => of_containers,
    };
    Cpu::from_ecs_units(units).ok_or_else(|| {
        let problem = format!("{units} CPU units in all containers is out of range; write less");
        document.refuse("containerDefinitions", problem)
    })
}

fn memory(
    definition: &Definition,
    containers: &[Container],
    document: &Document<'_>,
) -> Result<u32, EcsJsonError> {
    let at_least = |key: &str, memory: Option<MemoryMib>| match memory {
        Some(MemoryMib(mib)) if mib < MEMORY_MIN_MIB => {
            let problem = format!("{mib} MiB; Docker takes no less than {MEMORY_MIN_MIB}");
            Err(document.refuse(key, problem))
        }
        _ => Ok(memory.map(|memory| memory.0)),
    };
    let of_task = at_least("memory", definition.memory)?;
    let mut sum = 0_u32;
    for (index, container) in containers.iter().enumerate() {
        let path = format!("containerDefinitions[{index}]");
        // The agent takes 0 for unset.
        let set = |memory: Option<MemoryMib>| memory.filter(|memory| memory.0 > 0);
        let limit = at_least(&format!("{path}.memory"), set(container.memory))?;
        let reservation_path = format!("{path}.memoryReservation");
        let reservation = at_least(&reservation_path, set(container.memory_reservation))?;
        if let (Some(limit), Some(reservation)) = (limit, reservation)
            && limit <= reservation
        {
            let problem = format!(
                "{reservation} MiB, but must be less than `memory`, which is {limit}; lower it or \
                 leave one of them out"
            );
            return Err(document.refuse(&reservation_path, problem));
        }
        if let (Some(most), Some(least)) = (of_task, limit.or(reservation))
            && least > most
        {
            let key = if limit.is_some() { "memory" } else { "memoryReservation" };
            let problem = format!(
                "{least} MiB, but `memory` of the task is {most}, and ECS refuses more; lower it, \
                 or raise that of the task"
            );
            return Err(document.refuse(&format!("{path}.{key}"), problem));
        }
        let reserved = reservation.or(limit);
        if of_task.is_none() && reserved.is_none() {
            let problem = "no memory; set `memory` or `memoryReservation` here, or `memory` of \
                           the task";
            return Err(document.refuse(&path, problem));
        }
        sum = sum.checked_add(reserved.unwrap_or(0)).ok_or_else(|| {
            document.refuse(&path, "memory of all containers is out of range; write less")
        })?;
    }
    Ok(of_task.unwrap_or(sum))
}

/// What the host enforces: the quota of the task-level `cpu`, and hard limits of memory. A
/// container without one can use what others leave, so the sum limits only where all have one.
///
/// Source: ECS API, `TaskDefinition.cpu` and `ContainerDefinition.memory`.
fn limits(definition: &Definition, containers: &[Container]) -> Limits {
    let quota = definition.cpu.and_then(|CpuUnits(units)| Cpu::from_ecs_units(u64::from(units)));
    let hard = |sum: u32, container: &Container| {
        let limit = container.memory.filter(|memory| memory.0 > 0)?;
        sum.checked_add(limit.0)
    };
    let sum = containers.iter().try_fold(0, hard);
    let of_task = definition.memory.map(|memory| memory.0);
    Limits { cpu: quota, memory_mib: sum.into_iter().chain(of_task).min() }
}

fn gpu(
    containers: &[Container],
    document: &Document<'_>,
    warnings: &mut Vec<String>,
) -> Result<GpuRequest, EcsJsonError> {
    let mut devices = 0_usize;
    for (index, container) in containers.iter().enumerate() {
        let path = format!("containerDefinitions[{index}].resourceRequirements");
        for requirement in container.resource_requirements.iter().flatten() {
            let value = &requirement.value;
            if requirement.kind != "GPU" {
                warnings.push(format!("{path}: type {} is not modelled", requirement.kind));
                continue;
            }
            let count: u16 = value.parse().map_err(|_| {
                let problem = format!("GPU value {value:?} is no count; write one such as \"1\"");
                document.refuse(&path, problem)
            })?;
            devices += usize::from(count);
        }
    }
    if devices > DEVICES_MAX {
        let problem = format!("{devices} GPUs; an instance has at most {DEVICES_MAX}");
        return Err(document.refuse("containerDefinitions", problem));
    }
    Ok(GpuRequest::whole(devices as u16))
}

fn architecture(
    definition: &Definition,
    document: &Document<'_>,
) -> Result<Vec<RequiredAttribute>, EcsJsonError> {
    let platform = definition.runtime_platform.as_ref();
    let Some(written) = platform.and_then(|platform| platform.cpu_architecture.as_deref()) else {
        return Ok(Vec::new());
    };
    let architecture = Architecture::parse(written).ok_or_else(|| {
        let problem = format!("{written:?} is unknown; write X86_64 or ARM64");
        document.refuse("runtimePlatform.cpuArchitecture", problem)
    })?;
    Ok(vec![required_architecture(architecture)])
}

/// The attribute that a task for one processor architecture requires of its instance.
pub(super) fn required_architecture(architecture: Architecture) -> RequiredAttribute {
    RequiredAttribute {
        name: ARCHITECTURE_ATTRIBUTE.to_owned(),
        any_of: vec![architecture.attribute_value().to_owned()],
    }
}

fn constraints(
    definition: &Definition,
    document: &Document<'_>,
) -> Result<Vec<PlacementConstraint>, EcsJsonError> {
    let written = definition.placement_constraints.as_deref().unwrap_or_default();
    if written.len() > CONSTRAINTS_MAX {
        let problem = format!("{} of them; ECS takes at most {CONSTRAINTS_MAX}", written.len());
        return Err(document.refuse("placementConstraints", problem));
    }
    let read = |(index, constraint): (usize, &shape::Constraint)| {
        let path = format!("placementConstraints[{index}]");
        if constraint.kind != "memberOf" {
            let problem = format!(
                "type {:?} is not allowed in a task definition; write memberOf, and \
                 distinctInstance where the task is run",
                constraint.kind
            );
            return Err(document.refuse(&path, problem));
        }
        let Some(expression) = &constraint.expression else {
            return Err(document.refuse(&path, "no expression; write what the instance must be"));
        };
        Expression::parse(expression).map(PlacementConstraint::MemberOf).map_err(|why| {
            let problem = format!("{why}\n{}", why.caret(expression));
            document.refuse(&format!("{path}.expression"), problem)
        })
    };
    written.iter().enumerate().map(read).collect()
}
