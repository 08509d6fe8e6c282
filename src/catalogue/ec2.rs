//! What the catalogue knows of one EC2 instance type.

use crate::model::Architecture;

/// Date of the built-in EC2 on-demand prices (us-east-1, Linux).
pub const AS_OF: &str = "2026-07-20";

/// Default share of nominal memory that an instance does not register with ECS, in thousandths.
///
/// The operating system sees less than the nominal memory and the agent registers what it sees.
/// Our choice: AWS documents one example only, an m4.large of 8192 MiB registering 7985 MiB.
/// The scenario parameter is `memory_overhead_fraction`.
pub const DEFAULT_MEMORY_OVERHEAD_THOUSANDTHS: u32 = 50;

/// Largest number of vCPUs a catalogue may give an instance type.
pub const MAX_VCPUS: u32 = 16_384;

/// Largest nominal memory a catalogue may give an instance type, in MiB (1 PiB).
pub const MAX_MEMORY_MIB: u32 = 1 << 30;

/// One EC2 instance type, or a machine of the user's own described in the same terms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceType {
    /// Name, such as `m5.large`; unique in its catalogue, without white space.
    pub name: String,
    /// Processor architecture.
    pub architecture: Architecture,
    /// Logical CPUs, 1 to [`MAX_VCPUS`]; ECS registers 1024 CPU units for each.
    pub vcpus: u32,
    /// Nominal memory in MiB, 1 to [`MAX_MEMORY_MIB`]; see
    /// [`InstanceType::registered_memory_mib`] for what ECS gets to see.
    pub memory_mib: u32,
    /// Whole GPUs; 0 for none.
    pub gpus: u16,
    /// Model of the GPUs, such as `T4`; `None` without GPUs or where unknown.
    pub gpu_model: Option<String>,
    /// Baseline network bandwidth in Mbit/s; `None` where unknown.
    pub network_mbps: Option<u32>,
    /// Largest number of network interfaces, over all network cards; at least 1.
    pub enis: u32,
    /// Tasks in network mode `awsvpc` that fit without ENI trunking.
    pub awsvpc_tasks: u32,
    /// The same with ENI trunking; `None` where the type does not support it.
    pub awsvpc_tasks_trunking: Option<u32>,
    /// On-demand price in billionths of a dollar per hour; `None` where unknown.
    pub usd_per_hour_nano: Option<u64>,
}

impl InstanceType {
    /// Memory in MiB that an instance of this type registers with ECS: its nominal memory less
    /// `overhead_thousandths` of it (0 to 1000), rounded down to a whole MiB.
    ///
    /// # Panics
    ///
    /// If `overhead_thousandths` exceeds 1000: a scenario is checked before it gets here.
    pub fn registered_memory_mib(&self, overhead_thousandths: u32) -> u32 {
        assert!(
            overhead_thousandths <= 1000,
            "memory overhead of {overhead_thousandths} thousandths is more than all memory"
        );
        let kept = u64::from(1000 - overhead_thousandths);
        let registered = u64::from(self.memory_mib) * kept / 1000;
        u32::try_from(registered).expect("a share of a u32 fits in a u32")
    }
}
