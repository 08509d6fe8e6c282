//! What a task does, as a container that does the same on a smaller machine.

use std::time::Duration;

use crate::des::SimDuration;
use crate::model::{Cpu, Outcome, TaskDefinition};
use crate::workload::{Behaviour, Pace, Usage};

use super::message::{ContainerSpec, Network};
use super::program::{Phase, Program};
use super::scale::Scale;

/// Docker refuses a smaller limit.
const MEMORY_LIMIT_MIN_KIB: u64 = 6 * 1024;

/// What is the same for all containers of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct ContainerRules {
    /// Image of every task.
    pub image: String,
    /// Whether the image is the workload image, which can be told what to do.
    pub programmed: bool,
    /// The scale of the run.
    pub scale: Scale,
    /// Networking.
    pub network: Network,
    /// Between SIGTERM and SIGKILL.
    pub stop_grace: Duration,
    /// After which a container ends by itself.
    pub deadline: Duration,
    /// Memory that the workload image's program takes for itself, KiB.
    pub memory_floor_kib: u64,
}

/// Where an instance's containers go.
#[derive(Debug, Clone, Copy)]
pub(super) struct InstanceRoom<'a> {
    /// Its budget, if it has one.
    pub(super) cgroup_parent: Option<&'a str>,
    /// Its cores; empty is all.
    pub(super) cores: &'a [u32],
}

impl ContainerRules {
    /// The container of a task. With a parent cgroup CPU is shared by weight within it; without,
    /// what a task reserves is its quota.
    pub(super) fn container(
        &self,
        task: u64,
        instance: u32,
        room: InstanceRoom<'_>,
        definition: &TaskDefinition,
        behaviour: Behaviour,
        usage: Option<&Usage>,
    ) -> ContainerSpec {
        let alone = room.cgroup_parent.is_none();
        let quota = definition.limits.cpu.or(alone.then_some(definition.cpu));
        let limit = definition.limits.memory_mib.or(alone.then_some(definition.memory_mib));
        let limit_kib = limit.map(|mib| self.scale.memory_kib(mib).max(MEMORY_LIMIT_MIN_KIB));
        let program = self.programmed.then(|| self.program(definition, behaviour, usage));
        ContainerSpec {
            image: self.image.clone(),
            program,
            task,
            instance,
            cpu_shares: definition.cpu_shares(),
            cpu_quota_milli: quota.map(|cpu| self.scale.core_milli(cpu)),
            memory_limit: limit_kib.map(|kib| kib * 1024),
            cgroup_parent: room.cgroup_parent.map(str::to_owned),
            cores: room.cores.to_vec(),
            network: self.network,
            stop_grace: self.stop_grace,
            deadline: self.deadline,
        }
    }

    fn program(
        &self,
        definition: &TaskDefinition,
        behaviour: Behaviour,
        usage: Option<&Usage>,
    ) -> Program {
        let run_time = behaviour.run_time.map_or(0, |span| self.scale.real_micros(span));
        let phase = |milli: u64, cpu: Cpu, memory_mib: u32| Phase {
            micros: u64::try_from(u128::from(run_time) * u128::from(milli) / 1000)
                .unwrap_or(u64::MAX),
            cpu_milli: self.scale.core_milli(cpu),
            memory_kib: self.scale.memory_kib(memory_mib).saturating_sub(self.memory_floor_kib),
        };
        let phases = match usage {
            None => vec![phase(1000, definition.cpu, 0)],
            Some(usage) if usage.steps.is_empty() => {
                vec![phase(1000, usage.cpu, usage.memory_mib)]
            }
            Some(usage) => {
                let of = |step: &crate::workload::UsageStep| {
                    phase(u64::from(step.milli), step.cpu, step.memory_mib)
                };
                usage.steps.iter().map(of).collect()
            }
        };
        let ramp = usage.map_or(SimDuration::ZERO, |usage| usage.memory_ramp);
        Program {
            work: usage.is_some_and(|usage| usage.pace == Pace::Work),
            phases,
            until_stopped: behaviour.run_time.is_none(),
            memory_ramp_micros: self.scale.real_micros(ramp),
            exit_code: u8::from(behaviour.ends != Outcome::Completed),
            deadline_micros: u64::try_from(self.deadline.as_micros()).unwrap_or(u64::MAX),
        }
    }
}
