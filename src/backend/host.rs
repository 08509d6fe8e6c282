//! A host's own ledger: what its containers really hold.
//!
//! The control plane frees a task's resources when the task turns STOPPING; the host frees them
//! when the containers are gone. A task that was placed in between waits on the host, first in,
//! first out, and nothing overtakes the head.
//!
//! Source: amazon-ecs-agent 1.73 and later, task engine, `monitorQueuedTasks`.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::model::{DeviceSet, HostPort, InstanceSpec, TaskDefinition, TaskId};

/// A task that takes room on the host.
#[derive(Debug, Clone)]
pub(super) struct Occupant {
    pub(super) task: TaskId,
    pub(super) definition: Arc<TaskDefinition>,
    pub(super) devices: DeviceSet,
}

/// What is free on a host, and who waits for it.
#[derive(Debug)]
pub(super) struct HostLedger {
    cpu_free: u32,
    memory_free_mib: u32,
    devices: Vec<u16>,
    ports: Vec<HostPort>,
    queue: VecDeque<Occupant>,
}

impl HostLedger {
    pub(super) fn new(spec: &InstanceSpec) -> HostLedger {
        HostLedger {
            cpu_free: spec.cpu.0,
            memory_free_mib: spec.memory_mib,
            devices: vec![crate::model::GPU_DEVICE_MILLI; usize::from(spec.gpus)],
            ports: Vec::new(),
            queue: VecDeque::new(),
        }
    }

    /// Puts a task at the end of the queue; [`HostLedger::admit`] tells when it may start.
    pub(super) fn enqueue(&mut self, occupant: Occupant) {
        self.queue.push_back(occupant);
    }

    /// Takes the head of the queue in, if it fits.
    pub(super) fn admit(&mut self) -> Option<TaskId> {
        let fits = self.fits(self.queue.front()?);
        let occupant = if fits { self.queue.pop_front()? } else { return None };
        let definition = &occupant.definition;
        self.cpu_free -= definition.cpu.0;
        self.memory_free_mib -= definition.memory_mib;
        for device in occupant.devices.iter() {
            self.devices[device] -= definition.gpu.milli;
        }
        self.ports.extend(&definition.host_ports);
        Some(occupant.task)
    }

    fn fits(&self, occupant: &Occupant) -> bool {
        let definition = &occupant.definition;
        definition.cpu.0 <= self.cpu_free
            && definition.memory_mib <= self.memory_free_mib
            && occupant.devices.iter().all(|device| definition.gpu.milli <= self.devices[device])
            && !definition.host_ports.iter().any(|port| self.ports.contains(port))
    }

    /// Gives back what a task that had been admitted held.
    pub(super) fn free(&mut self, definition: &TaskDefinition, devices: DeviceSet) {
        self.cpu_free += definition.cpu.0;
        self.memory_free_mib += definition.memory_mib;
        for device in devices.iter() {
            self.devices[device] += definition.gpu.milli;
        }
        self.ports.retain(|port| !definition.host_ports.contains(port));
    }

    /// Takes a task out of the queue; whether it was there.
    pub(super) fn cancel(&mut self, task: TaskId) -> bool {
        let before = self.queue.len();
        self.queue.retain(|occupant| occupant.task != task);
        self.queue.len() < before
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{AttributeSet, CapacityId, Cpu, Price};

    fn ledger() -> HostLedger {
        HostLedger::new(&InstanceSpec {
            name: "i-0".to_owned(),
            capacity: CapacityId(0),
            cpu: Cpu::VCPU,
            memory_mib: 100,
            gpus: 0,
            eni_slots: 0,
            attributes: AttributeSet::default(),
            price: Price(0),
            speed_milli: 1000,
            agent_version: None,
            registered_at: None,
        })
    }

    fn occupant(number: u64, memory_mib: u32) -> Occupant {
        Occupant {
            task: TaskId { number, slot: number as u32 },
            definition: Arc::new(TaskDefinition::new("web", Cpu(1), memory_mib)),
            devices: DeviceSet::default(),
        }
    }

    #[test]
    fn nothing_overtakes_the_head() {
        let mut ledger = ledger();
        let first = occupant(0, 80);
        ledger.enqueue(first.clone());
        ledger.enqueue(occupant(1, 50));
        ledger.enqueue(occupant(2, 10));
        assert_eq!(ledger.admit(), Some(first.task));
        assert_eq!(ledger.admit(), None, "10 MiB would fit, but 50 MiB come first");
        ledger.free(&first.definition, first.devices);
        assert_eq!(ledger.admit().map(|task| task.number), Some(1));
        assert_eq!(ledger.admit().map(|task| task.number), Some(2));
        assert_eq!(ledger.admit(), None);
    }

    #[test]
    fn a_cancelled_head_lets_the_next_in() {
        let mut ledger = ledger();
        ledger.enqueue(occupant(0, 200));
        ledger.enqueue(occupant(1, 10));
        assert_eq!(ledger.admit(), None);
        assert!(ledger.cancel(TaskId { number: 0, slot: 0 }));
        assert_eq!(ledger.admit().map(|task| task.number), Some(1));
    }
}
