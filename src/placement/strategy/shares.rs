//! Shares of an instance's resources as integers, for strategies that weigh resources together.

use crate::model::{InstanceView, TaskClass};

/// One whole in fixed point.
pub(super) const ONE: i64 = 1 << 20;

/// CPU, memory and GPU as shares of what the instance has, in units of 1/[`ONE`], rounded down; a
/// resource the instance does not have is 0.
pub(super) type Shares = [i64; 3];

fn share(amount: u64, total: u64) -> i64 {
    (amount * ONE as u64).checked_div(total).unwrap_or(0) as i64
}

fn shares(on: InstanceView<'_>, cpu: u32, memory_mib: u32, gpu_milli: u32) -> Shares {
    let devices = u64::from(on.spec().gpus) * 1000;
    [
        share(u64::from(cpu), u64::from(on.cpu_total().0)),
        share(u64::from(memory_mib), u64::from(on.memory_total_mib())),
        share(u64::from(gpu_milli), devices),
    ]
}

/// What is free before placing.
pub(super) fn free(on: InstanceView<'_>) -> Shares {
    shares(on, on.cpu_free().0, on.memory_free_mib(), on.gpu_left_total())
}

/// What a task of `class` takes.
pub(super) fn wanted(class: &TaskClass, on: InstanceView<'_>) -> Shares {
    let definition = &class.definition;
    shares(on, definition.cpu.0, definition.memory_mib, definition.gpu.total_milli())
}

/// What is free before placing, summed over the resources.
pub(super) fn left(on: InstanceView<'_>) -> i64 {
    free(on).iter().sum()
}

/// What would be free after placing, summed over the resources.
pub(super) fn left_after(class: &TaskClass, on: InstanceView<'_>) -> i64 {
    left(on) - wanted(class, on).iter().sum::<i64>()
}
