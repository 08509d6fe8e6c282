//! Tasks: what ECS is told about one, and the states it passes through.

use std::num::NonZeroU32;

use super::query::Expression;
use super::units::{Cpu, GpuRequest};
use super::{ClassId, DefinitionId, GroupId, InstanceId};

/// Processor architecture, by ECS's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Architecture {
    /// `X86_64`.
    #[default]
    X86_64,
    /// `ARM64` (Graviton).
    Arm64,
}

impl Architecture {
    /// ECS's name, as in `runtimePlatform.cpuArchitecture`.
    pub fn as_str(self) -> &'static str {
        match self {
            Architecture::X86_64 => "X86_64",
            Architecture::Arm64 => "ARM64",
        }
    }

    /// The value of the automatic attribute `ecs.cpu-architecture`.
    pub fn attribute_value(self) -> &'static str {
        match self {
            Architecture::X86_64 => "x86_64",
            Architecture::Arm64 => "arm64",
        }
    }

    /// Reads either spelling, in any case.
    pub fn parse(text: &str) -> Option<Architecture> {
        match text.to_ascii_lowercase().as_str() {
            "x86_64" => Some(Architecture::X86_64),
            "arm64" => Some(Architecture::Arm64),
            _ => None,
        }
    }
}

/// The Docker networking mode of a task definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum NetworkMode {
    /// Ports are mapped; a host port of 0 is dynamic and never conflicts.
    #[default]
    Bridge,
    /// The container's ports are the host's.
    Host,
    /// Every task has a network interface of its own and uses one ENI slot; no host ports.
    Awsvpc,
    /// No network.
    None,
}

/// Transport protocol of a port; TCP and UDP are separate spaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// A host port that a task reserves for itself (a static one).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostPort {
    /// TCP or UDP.
    pub protocol: Protocol,
    /// 1 to 65535.
    pub port: u16,
}

/// An attribute that an instance must carry, with one of the values given.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequiredAttribute {
    /// Attribute name, such as `ecs.cpu-architecture`.
    pub name: String,
    /// Accepted values; empty accepts any value as long as the attribute is there.
    pub any_of: Vec<String>,
}

/// A rule that an instance must satisfy: ECS placement constraints are binding.
///
/// Source: ECS developer guide, "Amazon ECS task placement constraints".
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlacementConstraint {
    /// At most so many tasks of the same service or task group on one instance. ECS knows the
    /// limit 1 only, as `distinctInstance`: [`PlacementConstraint::DISTINCT_INSTANCE`].
    AtMost(NonZeroU32),
    /// The instance satisfies an expression of the cluster query language.
    MemberOf(Expression),
}

impl PlacementConstraint {
    /// No two tasks of the same service or task group on one instance: `distinctInstance`.
    pub const DISTINCT_INSTANCE: PlacementConstraint = PlacementConstraint::AtMost(NonZeroU32::MIN);

    /// Whether it counts the tasks of the group that are on the instance.
    pub fn counts_group(&self) -> bool {
        matches!(self, PlacementConstraint::AtMost(_))
    }
}

/// Limits that the host enforces on the containers of a task; placement does not see them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Limits {
    /// CPU at any time (a CFS quota): the task-level `cpu`. Without it a task may use whatever is
    /// idle.
    pub cpu: Option<Cpu>,
    /// Memory, MiB: container `memory`. A task that uses more is killed. Without it only the host's
    /// memory is a limit.
    pub memory_mib: Option<u32>,
}

/// What ECS is told about a task: the result of the reservation function, not its true use.
///
/// The reservation function (task-level values win, `memoryReservation` before `memory`, sums over
/// containers) is applied where definitions are read; here are its results.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskDefinition {
    /// Family name; standalone tasks are counted in the task group `family:<name>`.
    pub family: String,
    /// Which of the family's, from 0: a deployment of the same numbers is another definition.
    pub revision: u32,
    /// CPU reserved on the instance; 0 is legal.
    pub cpu: Cpu,
    /// Memory reserved on the instance, MiB.
    pub memory_mib: u32,
    /// GPU devices or a share of one.
    pub gpu: GpuRequest,
    /// Static host ports, ascending and distinct; empty under `awsvpc`.
    pub host_ports: Vec<HostPort>,
    /// Whether an essential container has a health check.
    pub has_health_check: bool,
    /// Networking mode; `awsvpc` takes an ENI slot.
    pub network_mode: NetworkMode,
    /// Attributes that the instance must carry (ECS computes `requiresAttributes`).
    pub required_attributes: Vec<RequiredAttribute>,
    /// Placement constraints of the definition and of `RunTask` or the service together.
    pub constraints: Vec<PlacementConstraint>,
    /// What the host enforces.
    pub limits: Limits,
}

impl TaskDefinition {
    /// A definition with CPU and memory only.
    pub fn new(family: impl Into<String>, cpu: Cpu, memory_mib: u32) -> TaskDefinition {
        TaskDefinition {
            family: family.into(),
            revision: 0,
            cpu,
            memory_mib,
            gpu: GpuRequest::default(),
            host_ports: Vec::new(),
            has_health_check: false,
            network_mode: NetworkMode::Bridge,
            required_attributes: Vec::new(),
            constraints: Vec::new(),
            limits: Limits::default(),
        }
    }

    /// CPU weight among the tasks of an instance: what is reserved in ECS units, at least 2.
    ///
    /// Source: ECS API, `ContainerDefinition.cpu`: "the minimum valid CPU share value that the
    /// Linux kernel allows is 2".
    pub fn cpu_shares(&self) -> u32 {
        (self.cpu.0 / Cpu::ECS_UNIT.0).max(2)
    }

    /// ENI slots taken on the instance: 1 under `awsvpc`, else 0.
    pub fn eni_slots(&self) -> u32 {
        u32::from(self.network_mode == NetworkMode::Awsvpc)
    }
}

/// A task definition together with the task group its tasks are counted in: everything a placement
/// decision needs to know of a task. Tasks of one class are interchangeable to a placer.
#[derive(Debug, Clone)]
pub struct TaskClass {
    /// The class's own id.
    pub id: ClassId,
    /// Id of its task definition.
    pub definition_id: DefinitionId,
    /// What ECS is told.
    pub definition: TaskDefinition,
    /// `family:<name>`, `service:<name>` or a group of the user's.
    pub group: GroupId,
}

impl TaskClass {
    /// Whether a refusal of this class can only be cured by capacity that is freed or added.
    /// Affinity (`task:group == x`) can be satisfied by a placement too.
    pub fn is_monotone(&self) -> bool {
        !self.definition.constraints.iter().any(|constraint| match constraint {
            PlacementConstraint::AtMost(_) => false,
            PlacementConstraint::MemberOf(expression) => expression.reads_tasks(),
        })
    }
}

/// GPU devices of one instance as a set of bits: bit `i` is device `i`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct DeviceSet(pub u32);

impl DeviceSet {
    /// Adds device `index`.
    #[must_use]
    pub fn with(self, index: usize) -> DeviceSet {
        debug_assert!(index < super::DEVICES_MAX);
        DeviceSet(self.0 | 1 << index)
    }

    /// The devices, ascending.
    pub fn iter(self) -> impl Iterator<Item = usize> {
        (0..super::DEVICES_MAX).filter(move |index| self.0 & (1 << index) != 0)
    }

    /// Number of devices.
    pub fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// Where a task goes: the answer of a placer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placement {
    /// The instance.
    pub instance: InstanceId,
    /// GPU devices assigned, as many as the class asks for.
    pub devices: DeviceSet,
}

/// The life cycle of a task in the control plane, in order. A task passes over the states that it
/// has nothing to do in, and is forgotten when it is STOPPED.
///
/// Source: ECS developer guide, "Amazon ECS task lifecycle".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TaskStatus {
    /// Waits for capacity; or, placed, for its network interface.
    Provisioning,
    /// Placed; the host is starting it.
    Pending,
    /// Its containers run; a load balancer is told of it.
    Activating,
    /// Its containers run.
    Running,
    /// Told to stop; it runs on while its load balancer lets go of it.
    Deactivating,
    /// Told to stop, or ended by itself: the control plane has freed its resources already.
    Stopping,
    /// Its containers are gone, and its network interface is being detached.
    Deprovisioning,
}

impl TaskStatus {
    /// ECS's name.
    pub fn as_str(self) -> &'static str {
        match self {
            TaskStatus::Provisioning => "PROVISIONING",
            TaskStatus::Pending => "PENDING",
            TaskStatus::Activating => "ACTIVATING",
            TaskStatus::Running => "RUNNING",
            TaskStatus::Deactivating => "DEACTIVATING",
            TaskStatus::Stopping => "STOPPING",
            TaskStatus::Deprovisioning => "DEPROVISIONING",
        }
    }

    /// Whether a placed task holds CPU, memory, GPU and ports of its instance.
    pub fn holds_resources(self) -> bool {
        self < TaskStatus::Stopping
    }

    /// Whether a placed task counts where tasks of its group are counted: by `spread`, by
    /// `distinctInstance`, by zone. Source: only tasks whose desired status is RUNNING do.
    pub fn counts_in_group(self) -> bool {
        self < TaskStatus::Deactivating
    }
}

/// What the health checks of a task's containers say; nothing yet is ECS's UNKNOWN.
///
/// Source: ECS API, `HealthStatus`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Health {
    /// A check has passed.
    Healthy,
    /// Checks have failed too often.
    Unhealthy,
}

/// A task in the control plane's ledger.
#[derive(Debug, Clone)]
pub struct Task {
    /// Serial number, unique in the run.
    pub number: u64,
    /// What it asks for.
    pub class: ClassId,
    /// Where in its life it is.
    pub status: TaskStatus,
    /// Where it was placed; `None` while it waits for capacity.
    pub placement: Option<Placement>,
    /// Whether it keeps its ENI slot although it holds nothing else any more.
    pub keeps_eni: bool,
}

impl Task {
    /// Whether it waits for capacity.
    pub fn is_unplaced(&self) -> bool {
        self.placement.is_none()
    }
}
