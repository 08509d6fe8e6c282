//! What instances have left, as arrays of fields: a decision reads few of them of many instances,
//! a placement changes most of them of one.

use std::hint::black_box;

use smallvec::SmallVec;

use super::{
    Cpu, DEVICES_MAX, GPU_DEVICE_MILLI, GpuKind, GroupId, HostPort, InstanceId, InstanceSpec,
    InstanceStatus, Placement, Protocol, TaskDefinition,
};

/// The ports that every instance has reserved from the start: SSH, Docker and the agent.
const DEFAULT_PORTS: [u16; 5] = [22, 2375, 2376, 51678, 51679];

/// Task groups on an instance with their tasks, ascending by group.
type GroupCounts = SmallVec<[(GroupId, u32); 8]>;

/// All instances ever registered, by id.
#[derive(Debug)]
pub(super) struct Ledger {
    cpu_free: Vec<Cpu>,
    memory_free_mib: Vec<u32>,
    eni_free: Vec<u32>,
    /// Tasks that hold resources.
    tasks: Vec<u32>,
    groups: Vec<GroupCounts>,
    status: Vec<InstanceStatus>,
    agent_connected: Vec<bool>,
    /// Thousandths left of each device; those of instance `i` are
    /// `first_device[i]..first_device[i + 1]`.
    devices: Vec<u16>,
    first_device: Vec<u32>,
    rarely_read: Vec<RarelyRead>,
}

/// What few decisions read.
#[derive(Debug)]
struct RarelyRead {
    spec: InstanceSpec,
    /// Reserved static ports, ascending.
    ports: Vec<HostPort>,
    /// Tasks with GPUs by kind of request; those without are not counted here.
    gpu_kinds: [u32; GpuKind::COUNT],
}

impl Default for Ledger {
    fn default() -> Ledger {
        Ledger {
            cpu_free: Vec::new(),
            memory_free_mib: Vec::new(),
            eni_free: Vec::new(),
            tasks: Vec::new(),
            groups: Vec::new(),
            status: Vec::new(),
            agent_connected: Vec::new(),
            devices: Vec::new(),
            first_device: vec![0],
            rarely_read: Vec::new(),
        }
    }
}

impl Ledger {
    /// Adds an instance, ACTIVE and empty.
    pub(super) fn register(&mut self, spec: InstanceSpec) -> InstanceId {
        assert!(usize::from(spec.gpus) <= DEVICES_MAX, "more GPUs than a device set holds");
        let id = InstanceId(u32::try_from(self.len()).expect("fewer than 2^32 instances"));
        self.cpu_free.push(spec.cpu);
        self.memory_free_mib.push(spec.memory_mib);
        self.eni_free.push(spec.eni_slots);
        self.tasks.push(0);
        self.groups.push(GroupCounts::new());
        self.status.push(InstanceStatus::Active);
        self.agent_connected.push(true);
        self.devices.extend(std::iter::repeat_n(GPU_DEVICE_MILLI, usize::from(spec.gpus)));
        self.first_device.push(u32::try_from(self.devices.len()).expect("fewer than 2^32 GPUs"));
        let ports = DEFAULT_PORTS.map(|port| HostPort { protocol: Protocol::Tcp, port }).to_vec();
        self.rarely_read.push(RarelyRead { spec, ports, gpu_kinds: [0; GpuKind::COUNT] });
        id
    }

    /// Number of instances ever registered.
    pub(super) fn len(&self) -> usize {
        self.cpu_free.len()
    }

    pub(super) fn spec(&self, id: InstanceId) -> &InstanceSpec {
        &self.rarely_read[id.index()].spec
    }

    pub(super) fn cpu_free(&self, id: InstanceId) -> Cpu {
        self.cpu_free[id.index()]
    }

    pub(super) fn memory_free_mib(&self, id: InstanceId) -> u32 {
        self.memory_free_mib[id.index()]
    }

    pub(super) fn eni_free(&self, id: InstanceId) -> u32 {
        self.eni_free[id.index()]
    }

    pub(super) fn tasks(&self, id: InstanceId) -> u32 {
        self.tasks[id.index()]
    }

    pub(super) fn groups(&self, id: InstanceId) -> &[(GroupId, u32)] {
        &self.groups[id.index()]
    }

    pub(super) fn group_count(&self, id: InstanceId, group: GroupId) -> u32 {
        let groups = self.groups(id);
        match groups.binary_search_by_key(&group, |entry| entry.0) {
            Ok(at) => groups[at].1,
            Err(_) => 0,
        }
    }

    pub(super) fn status(&self, id: InstanceId) -> InstanceStatus {
        self.status[id.index()]
    }

    pub(super) fn set_status(&mut self, id: InstanceId, status: InstanceStatus) {
        let was = std::mem::replace(&mut self.status[id.index()], status);
        assert!(was != InstanceStatus::Deregistered, "a deregistered instance came back");
    }

    pub(super) fn agent_connected(&self, id: InstanceId) -> bool {
        self.agent_connected[id.index()]
    }

    pub(super) fn set_agent_connected(&mut self, id: InstanceId, connected: bool) {
        self.agent_connected[id.index()] = connected;
    }

    /// Thousandths left of each device.
    pub(super) fn devices(&self, id: InstanceId) -> &[u16] {
        let first = self.first_device[id.index()] as usize;
        &self.devices[first..self.first_device[id.index() + 1] as usize]
    }

    pub(super) fn ports(&self, id: InstanceId) -> &[HostPort] {
        &self.rarely_read[id.index()].ports
    }

    /// Tasks by kind of GPU request, those without GPUs included.
    pub(super) fn gpu_kinds(&self, id: InstanceId) -> [u32; GpuKind::COUNT] {
        let mut kinds = self.rarely_read[id.index()].gpu_kinds;
        kinds[GpuKind::None as usize] = self.tasks(id) - kinds.iter().sum::<u32>();
        kinds
    }

    /// Reads what a placement changes.
    pub(super) fn look_ahead(&self, id: InstanceId) {
        let at = id.index();
        let amounts = [self.cpu_free[at].0, self.memory_free_mib[at], self.eni_free[at]];
        let tasks = self.groups[at].first().map(|group| group.1);
        black_box((amounts, self.tasks[at], self.status[at], tasks));
    }

    /// Takes what a task of a definition in a group asks for; whether the instance was empty.
    ///
    /// # Panics
    /// If it is not there: a placer is wrong.
    pub(super) fn take(
        &mut self,
        definition: &TaskDefinition,
        group: GroupId,
        Placement { instance, devices }: Placement,
    ) -> bool {
        let at = instance.index();
        assert!(self.status[at] == InstanceStatus::Active, "placed on an instance not active");
        let cpu = &mut self.cpu_free[at].0;
        *cpu = cpu.checked_sub(definition.cpu.0).expect("the placer checked the CPU");
        let memory = &mut self.memory_free_mib[at];
        *memory = memory.checked_sub(definition.memory_mib).expect("the placer checked the memory");
        let eni = &mut self.eni_free[at];
        *eni = eni.checked_sub(definition.eni_slots()).expect("the placer checked the ENI slots");
        assert!(devices.len() == usize::from(definition.gpu.devices), "wrong number of devices");
        if !devices.is_empty() {
            self.rarely_read[at].gpu_kinds[definition.gpu.kind() as usize] += 1;
            let first = self.first_device[at] as usize;
            let here = &mut self.devices[first..self.first_device[at + 1] as usize];
            for device in devices.iter() {
                let left = here[device].checked_sub(definition.gpu.milli);
                here[device] = left.expect("the placer checked the GPU");
            }
        }
        for port in &definition.host_ports {
            let ports = &mut self.rarely_read[at].ports;
            let free = ports.binary_search(port).expect_err("the placer checked the ports");
            ports.insert(free, *port);
        }
        let groups = &mut self.groups[at];
        match groups.binary_search_by_key(&group, |entry| entry.0) {
            Ok(at) => groups[at].1 += 1,
            Err(at) => groups.insert(at, (group, 1)),
        }
        self.tasks[at] += 1;
        self.tasks[at] == 1
    }

    /// Takes ENI slots, and nothing else.
    pub(super) fn take_eni(&mut self, id: InstanceId, slots: u32) {
        let free = &mut self.eni_free[id.index()];
        *free = free.checked_sub(slots).expect("the task gave these slots back just now");
    }

    /// Gives back what [`Ledger::take_eni`] took.
    pub(super) fn give_back_eni(&mut self, id: InstanceId, slots: u32) {
        self.eni_free[id.index()] += slots;
    }

    /// A task of a group counts on an instance no more.
    pub(super) fn leave_group(&mut self, group: GroupId, instance: InstanceId) {
        let groups = &mut self.groups[instance.index()];
        let entry = groups.binary_search_by_key(&group, |entry| entry.0);
        let entry = entry.expect("a placed task was counted in its group");
        groups[entry].1 -= 1;
        if groups[entry].1 == 0 {
            groups.remove(entry);
        }
    }

    /// Gives back what [`Ledger::take`] took, but for the count of its group; whether the instance
    /// is empty now.
    pub(super) fn give_back(
        &mut self,
        definition: &TaskDefinition,
        Placement { instance, devices }: Placement,
    ) -> bool {
        let at = instance.index();
        self.cpu_free[at].0 += definition.cpu.0;
        self.memory_free_mib[at] += definition.memory_mib;
        self.eni_free[at] += definition.eni_slots();
        if !devices.is_empty() {
            self.rarely_read[at].gpu_kinds[definition.gpu.kind() as usize] -= 1;
            let first = self.first_device[at] as usize;
            for device in devices.iter() {
                self.devices[first + device] += definition.gpu.milli;
            }
        }
        for port in &definition.host_ports {
            let ports = &mut self.rarely_read[at].ports;
            let taken = ports.binary_search(port).expect("a placed task holds its ports");
            ports.remove(taken);
        }
        self.tasks[at] -= 1;
        self.tasks[at] == 0
    }
}
