//! Container instances: what one registers with, and the read-only view that strategies get.

use super::ledger::Ledger;
use super::query::Subject;
use super::{
    AttributeSet, CapacityId, Cluster, Cpu, FieldId, GpuKind, GroupId, HostPort, InstanceId, Price,
    ValueId,
};

/// Static ports reserved on one instance at most, ECS's own included.
///
/// Source: ECS API, `PortMapping`: "a maximum of 100 reserved ports at a time".
pub const RESERVED_PORTS_MAX: usize = 100;

/// What a container instance registers with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceSpec {
    /// Its name: `ec2InstanceId` to the query language, and the column of the results.
    pub name: String,
    /// The group of capacity it belongs to.
    pub capacity: CapacityId,
    /// CPU registered.
    pub cpu: Cpu,
    /// Memory registered, MiB: what the operating system sees, less what is kept back.
    pub memory_mib: u32,
    /// GPU devices, 0 to [`super::DEVICES_MAX`].
    pub gpus: u16,
    /// Tasks in `awsvpc` mode it can hold (network interfaces less the primary, or the trunk's).
    pub eni_slots: u32,
    /// Attributes, the automatic `ecs.*` ones among them.
    pub attributes: AttributeSet,
    /// On-demand price.
    pub price: Price,
    /// Speed of its CPU in thousandths: a task's run time is divided by it. 1000 is nominal.
    pub speed_milli: u32,
    /// Version of the ECS agent, for `agentVersion` in the query language.
    pub agent_version: Option<String>,
    /// Unix time of registration in seconds, for `registeredAt` in the query language.
    pub registered_at: Option<i64>,
}

/// Status of a container instance in the control plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum InstanceStatus {
    /// Takes placements.
    Active,
    /// Keeps its tasks, takes no new ones.
    Draining,
    /// Gone.
    Deregistered,
}

/// One container instance as a decision sees it: a small handle to copy, with accessors.
#[derive(Clone, Copy)]
pub struct InstanceView<'a> {
    cluster: &'a Cluster,
    id: InstanceId,
}

impl std::fmt::Debug for InstanceView<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InstanceView").field("id", &self.id).finish_non_exhaustive()
    }
}

impl<'a> InstanceView<'a> {
    pub(super) fn new(cluster: &'a Cluster, id: InstanceId) -> InstanceView<'a> {
        InstanceView { cluster, id }
    }

    fn ledger(self) -> &'a Ledger {
        self.cluster.ledger()
    }

    /// Its id: ascending in order of registration.
    pub fn id(self) -> InstanceId {
        self.id
    }

    /// What it registered with.
    pub fn spec(self) -> &'a InstanceSpec {
        self.ledger().spec(self.id)
    }

    /// Status in the control plane.
    pub fn status(self) -> InstanceStatus {
        self.ledger().status(self.id)
    }

    /// CPU not reserved.
    pub fn cpu_free(self) -> Cpu {
        self.cluster.cpu_free(self.id)
    }

    /// CPU registered.
    pub fn cpu_total(self) -> Cpu {
        self.spec().cpu
    }

    /// Memory not reserved, MiB.
    pub fn memory_free_mib(self) -> u32 {
        self.cluster.memory_free_mib(self.id)
    }

    /// Memory registered, MiB.
    pub fn memory_total_mib(self) -> u32 {
        self.spec().memory_mib
    }

    /// Thousandths left on each GPU device.
    pub fn gpu_left(self) -> &'a [u16] {
        self.ledger().devices(self.id)
    }

    /// Thousandths left over all devices.
    pub fn gpu_left_total(self) -> u32 {
        self.gpu_left().iter().map(|&left| u32::from(left)).sum()
    }

    /// ENI slots not taken.
    pub fn eni_free(self) -> u32 {
        self.ledger().eni_free(self.id)
    }

    /// Static ports reserved, ascending.
    pub fn reserved_ports(self) -> &'a [HostPort] {
        self.ledger().ports(self.id)
    }

    /// Tasks that hold resources here.
    pub fn task_count(self) -> u32 {
        self.ledger().tasks(self.id)
    }

    /// Of these, the ones of a task group.
    pub fn group_count(self, group: GroupId) -> u32 {
        self.ledger().group_count(self.id, group)
    }

    /// Of these, the ones by kind of GPU request, indexed by `GpuKind as usize`.
    pub fn gpu_kinds(self) -> [u32; GpuKind::COUNT] {
        self.ledger().gpu_kinds(self.id)
    }

    /// The value of a tracked field here.
    pub fn value(self, field: FieldId) -> ValueId {
        self.cluster.value(field, self.id)
    }

    /// Tasks of `group` on all instances that share this one's value of `field`.
    pub fn tasks_in_field(self, field: FieldId, group: GroupId) -> u32 {
        self.cluster.tasks_in_field(field, self.value(field), group)
    }

    /// What expressions see of it without the tasks of a group.
    pub fn without(self, group: GroupId) -> WithoutGroup<'a> {
        WithoutGroup { on: self, group }
    }

    /// The cluster it is part of.
    pub fn cluster(self) -> &'a Cluster {
        self.cluster
    }
}

impl Subject for InstanceView<'_> {
    fn attribute(&self, name: &str) -> Option<&str> {
        self.cluster.attributes(self.id).get(name)
    }

    fn agent_connected(&self) -> bool {
        self.ledger().agent_connected(self.id)
    }

    fn ec2_instance_id(&self) -> &str {
        &self.spec().name
    }

    fn agent_version(&self) -> Option<&str> {
        self.spec().agent_version.as_deref()
    }

    fn registered_at(&self) -> Option<i64> {
        self.spec().registered_at
    }

    fn running_tasks_count(&self) -> u32 {
        self.ledger().tasks(self.id)
    }

    fn any_task_group(&self, test: &mut dyn FnMut(&str) -> bool) -> bool {
        self.ledger().groups(self.id).iter().any(|&(group, _)| test(self.cluster.group_name(group)))
    }
}

/// An instance as expressions see it, the tasks of a group left out.
#[derive(Debug, Clone, Copy)]
pub struct WithoutGroup<'a> {
    on: InstanceView<'a>,
    group: GroupId,
}

impl Subject for WithoutGroup<'_> {
    fn attribute(&self, name: &str) -> Option<&str> {
        self.on.attribute(name)
    }

    fn agent_connected(&self) -> bool {
        Subject::agent_connected(&self.on)
    }

    fn ec2_instance_id(&self) -> &str {
        self.on.ec2_instance_id()
    }

    fn agent_version(&self) -> Option<&str> {
        self.on.agent_version()
    }

    fn registered_at(&self) -> Option<i64> {
        self.on.registered_at()
    }

    fn running_tasks_count(&self) -> u32 {
        self.on.running_tasks_count() - self.on.group_count(self.group)
    }

    fn any_task_group(&self, test: &mut dyn FnMut(&str) -> bool) -> bool {
        let groups = self.on.ledger().groups(self.on.id).iter();
        let mut others = groups.filter(|(group, _)| *group != self.group);
        others.any(|&(group, _)| test(self.on.cluster.group_name(group)))
    }
}
