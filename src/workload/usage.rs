//! What the containers of a task really use while they run: nature's side of the reservation.

use serde::{Deserialize, Serialize};

use crate::des::SimDuration;
use crate::model::Cpu;

/// A use of CPU and memory, by its place in [`super::Ids`]; dense, in order of first use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct UsageId(pub u32);

impl UsageId {
    /// Exactly what was reserved, from the start to the end: what tasks use that say nothing else.
    pub const RESERVED: UsageId = UsageId(0);

    /// The id as an index into an array by id, in which [`UsageId::RESERVED`] has no place.
    pub fn index(self) -> Option<usize> {
        (self.0 as usize).checked_sub(1)
    }

    /// The id of the `index`-th use that was interned.
    pub fn of_index(index: usize) -> UsageId {
        UsageId(u32::try_from(index + 1).expect("fewer than 2^32 kinds of use"))
    }
}

/// What happens to a task that gets less CPU than it wants.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Pace {
    /// It runs for its run time all the same, as a server does.
    #[default]
    Time,
    /// It takes longer: it ends when it has got its run time times the CPU it wants, as a batch job
    /// does.
    Work,
}

/// A part of a run with another use than the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UsageStep {
    /// Length in thousandths of the run time; those of all steps add up to 1000.
    pub milli: u16,
    /// CPU wanted.
    pub cpu: Cpu,
    /// Memory in use, MiB.
    pub memory_mib: u32,
}

/// What the containers of a task use of CPU and memory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Usage {
    /// What becomes of it when CPU is short.
    pub pace: Pace,
    /// CPU it wants at any time: one vCPU is one thread that never sleeps.
    pub cpu: Cpu,
    /// Memory it comes to use, MiB.
    pub memory_mib: u32,
    /// Time over which its memory grows from nothing, evenly; wall-clock time, whatever its pace.
    pub memory_ramp: SimDuration,
    /// The run in parts, instead of `cpu` and `memory_mib`; empty where these hold throughout.
    /// Only with [`Pace::Time`] and without a ramp.
    pub steps: Vec<UsageStep>,
}

impl Usage {
    /// The most memory it comes to use, MiB.
    pub fn peak_memory_mib(&self) -> u32 {
        let of_steps = self.steps.iter().map(|step| step.memory_mib).max();
        of_steps.unwrap_or(self.memory_mib)
    }
}
