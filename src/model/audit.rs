//! The ledger recounted from the tasks.

use std::collections::BTreeMap;

use super::{
    Cluster, GPU_DEVICE_MILLI, GroupId, InstanceId, InstanceStatus, InstanceView, NetworkMode,
    Placement, Task, TaskClass, ValueId,
};

/// What the tasks hold, counted from scratch.
pub(super) struct Recount {
    cpu: Vec<u64>,
    memory_mib: Vec<u64>,
    devices: Vec<Vec<u32>>,
    tasks: Vec<u32>,
    enis: Vec<u32>,
    groups: Vec<BTreeMap<GroupId, u32>>,
}

impl Recount {
    pub(super) fn new(cluster: &Cluster) -> Recount {
        let n = cluster.instance_count();
        Recount {
            cpu: vec![0; n],
            memory_mib: vec![0; n],
            devices: cluster.instances().map(|on| vec![0; on.gpu_left().len()]).collect(),
            tasks: vec![0; n],
            enis: vec![0; n],
            groups: vec![BTreeMap::new(); n],
        }
    }

    pub(super) fn add(&mut self, cluster: &Cluster, task: &Task) -> Result<(), String> {
        let TaskClass { definition, group, .. } = cluster.class(task.class);
        let Some(Placement { instance, devices }) = task.placement else {
            return Err(format!("task {} runs nowhere", task.number));
        };
        let at = instance.index();
        self.cpu[at] += u64::from(definition.cpu.0);
        self.memory_mib[at] += u64::from(definition.memory_mib);
        self.tasks[at] += 1;
        self.enis[at] += u32::from(definition.network_mode == NetworkMode::Awsvpc);
        if task.status.counts_in_group() {
            *self.groups[at].entry(*group).or_default() += 1;
        }
        for device in devices.iter() {
            self.devices[at][device] += u32::from(definition.gpu.milli);
        }
        Ok(())
    }

    /// A task that holds nothing any more but its ENI slot.
    pub(super) fn add_eni(&mut self, task: &Task) -> Result<(), String> {
        let Some(Placement { instance, .. }) = task.placement.filter(|_| task.keeps_eni) else {
            return Err(format!("task {} keeps an ENI slot nowhere", task.number));
        };
        self.enis[instance.index()] += 1;
        Ok(())
    }

    pub(super) fn compare(&self, cluster: &Cluster) -> Result<(), String> {
        for (at, on) in cluster.instances().enumerate() {
            let groups: BTreeMap<GroupId, u32> =
                cluster.ledger().groups(on.id()).iter().copied().collect();
            let taken = |&left: &u16| u32::from(GPU_DEVICE_MILLI - left);
            let same = u64::from(on.cpu_total().0 - on.cpu_free().0) == self.cpu[at]
                && u64::from(on.memory_total_mib() - on.memory_free_mib()) == self.memory_mib[at]
                && on.task_count() == self.tasks[at]
                && on.spec().eni_slots - on.eni_free() == self.enis[at]
                && on.gpu_left().iter().map(taken).eq(self.devices[at].iter().copied())
                && groups == self.groups[at];
            if !same {
                return Err(format!("instance {at}: the ledger differs from its tasks"));
            }
        }
        self.compare_sums(cluster)
    }

    fn compare_sums(&self, cluster: &Cluster) -> Result<(), String> {
        let totals = cluster.totals();
        let is_empty = |on: &InstanceView<'_>| {
            on.task_count() == 0 && on.status() != InstanceStatus::Deregistered
        };
        let empty = cluster.instances().filter(is_empty).count();
        let gpu: u64 = self.devices.iter().flatten().map(|&milli| u64::from(milli)).sum();
        let same = totals.cpu_used == self.cpu.iter().sum::<u64>()
            && totals.memory_used_mib == self.memory_mib.iter().sum::<u64>()
            && totals.gpu_used_milli == gpu
            && totals.empty_instances as usize == empty;
        if !same {
            return Err("the cluster's sums differ from its instances".to_owned());
        }
        for field in cluster.field_ids() {
            let mut counts: BTreeMap<(ValueId, GroupId), u32> = BTreeMap::new();
            for (at, groups) in self.groups.iter().enumerate() {
                let value = cluster.value(field, InstanceId(at as u32));
                for (&group, &count) in groups {
                    *counts.entry((value, group)).or_default() += count;
                }
            }
            for (&(value, group), &count) in &counts {
                if cluster.tasks_in_field(field, value, group) != count {
                    return Err(format!("{field:?}, {value:?}: the count of {group:?} differs"));
                }
            }
        }
        Ok(())
    }
}
