//! Container instances: what one registers with, and the read-only view that strategies get.

use smallvec::SmallVec;

use super::query::Subject;
use super::{
    AttributeSet, CapacityId, Cluster, Cpu, FieldId, GpuKind, GroupId, HostPort, InstanceId, Price,
    Protocol, ValueId,
};

/// Static ports reserved on one instance at most, ECS's own included.
///
/// Source: ECS API, `PortMapping`: "a maximum of 100 reserved ports at a time".
pub const RESERVED_PORTS_MAX: usize = 100;

/// The ports that every instance has reserved from the start: SSH, Docker and the agent.
pub(super) const DEFAULT_PORTS: [u16; 5] = [22, 2375, 2376, 51678, 51679];

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

/// The part of an instance's record that a decision rarely reads; the hot fields are arrays in
/// [`Cluster`].
#[derive(Debug)]
pub(super) struct Host {
    pub(super) spec: InstanceSpec,
    pub(super) status: InstanceStatus,
    pub(super) agent_connected: bool,
    /// Index of the first device in the cluster's array of devices.
    pub(super) first_device: usize,
    pub(super) eni_used: u32,
    /// Reserved static ports, ascending.
    pub(super) ports: Vec<HostPort>,
    /// Tasks holding resources.
    pub(super) tasks: u32,
    /// Of these by task group, ascending by group.
    pub(super) groups: SmallVec<[(GroupId, u32); 4]>,
    /// Of these by kind of GPU request.
    pub(super) gpu_kinds: [u32; GpuKind::COUNT],
}

impl Host {
    pub(super) fn new(spec: InstanceSpec, first_device: usize) -> Host {
        let ports = DEFAULT_PORTS.map(|port| HostPort { protocol: Protocol::Tcp, port });
        Host {
            spec,
            status: InstanceStatus::Active,
            agent_connected: true,
            first_device,
            eni_used: 0,
            ports: ports.to_vec(),
            tasks: 0,
            groups: SmallVec::new(),
            gpu_kinds: [0; GpuKind::COUNT],
        }
    }

    pub(super) fn group_count(&self, group: GroupId) -> u32 {
        match self.groups.binary_search_by_key(&group, |entry| entry.0) {
            Ok(at) => self.groups[at].1,
            Err(_) => 0,
        }
    }

    pub(super) fn add_to_group(&mut self, group: GroupId) {
        match self.groups.binary_search_by_key(&group, |entry| entry.0) {
            Ok(at) => self.groups[at].1 += 1,
            Err(at) => self.groups.insert(at, (group, 1)),
        }
    }

    pub(super) fn remove_from_group(&mut self, group: GroupId) {
        let at = self.groups.binary_search_by_key(&group, |entry| entry.0);
        let at = at.expect("a released task was counted in its group");
        self.groups[at].1 -= 1;
        if self.groups[at].1 == 0 {
            self.groups.remove(at);
        }
    }
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

    fn host(self) -> &'a Host {
        self.cluster.host(self.id)
    }

    /// Its id: ascending in order of registration.
    pub fn id(self) -> InstanceId {
        self.id
    }

    /// What it registered with.
    pub fn spec(self) -> &'a InstanceSpec {
        &self.host().spec
    }

    /// Status in the control plane.
    pub fn status(self) -> InstanceStatus {
        self.host().status
    }

    /// CPU not reserved.
    pub fn cpu_free(self) -> Cpu {
        self.cluster.cpu_free(self.id)
    }

    /// CPU registered.
    pub fn cpu_total(self) -> Cpu {
        self.host().spec.cpu
    }

    /// Memory not reserved, MiB.
    pub fn memory_free_mib(self) -> u32 {
        self.cluster.memory_free_mib(self.id)
    }

    /// Memory registered, MiB.
    pub fn memory_total_mib(self) -> u32 {
        self.host().spec.memory_mib
    }

    /// Thousandths left on each GPU device.
    pub fn gpu_left(self) -> &'a [u16] {
        let host = self.host();
        self.cluster.devices(host.first_device, usize::from(host.spec.gpus))
    }

    /// Thousandths left over all devices.
    pub fn gpu_left_total(self) -> u32 {
        self.gpu_left().iter().map(|&left| u32::from(left)).sum()
    }

    /// ENI slots not taken.
    pub fn eni_free(self) -> u32 {
        let host = self.host();
        host.spec.eni_slots - host.eni_used
    }

    /// Static ports reserved, ascending.
    pub fn reserved_ports(self) -> &'a [HostPort] {
        &self.host().ports
    }

    /// Tasks that hold resources here.
    pub fn task_count(self) -> u32 {
        self.host().tasks
    }

    /// Of these, the ones of a task group.
    pub fn group_count(self, group: GroupId) -> u32 {
        self.host().group_count(group)
    }

    /// Of these, the ones by kind of GPU request, indexed by `GpuKind as usize`.
    pub fn gpu_kinds(self) -> &'a [u32; GpuKind::COUNT] {
        &self.host().gpu_kinds
    }

    /// The value of a tracked field here.
    pub fn value(self, field: FieldId) -> ValueId {
        self.cluster.value(field, self.id)
    }

    /// Tasks of `group` on all instances that share this one's value of `field`.
    pub fn tasks_in_field(self, field: FieldId, group: GroupId) -> u32 {
        self.cluster.tasks_in_field(field, self.value(field), group)
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
        self.host().agent_connected
    }

    fn ec2_instance_id(&self) -> &str {
        &self.host().spec.name
    }

    fn agent_version(&self) -> Option<&str> {
        self.host().spec.agent_version.as_deref()
    }

    fn registered_at(&self) -> Option<i64> {
        self.host().spec.registered_at
    }

    fn running_tasks_count(&self) -> u32 {
        self.host().tasks
    }

    fn any_task_group(&self, test: &mut dyn FnMut(&str) -> bool) -> bool {
        self.host().groups.iter().any(|&(group, _)| test(self.cluster.group_name(group)))
    }
}
