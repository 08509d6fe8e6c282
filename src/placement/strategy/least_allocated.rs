//! Kubernetes `LeastAllocated`: the mean over CPU and memory of (capacity − requested) · 100 /
//! capacity, the task included, in integers.
//!
//! Source: Kubernetes scheduler, `noderesources/least_allocated.go`.

use crate::model::{InstanceView, TaskClass};
use crate::placement::{PlacementStrategy, Reads, Score};

use super::{Policy, StrategyEntry};

pub(super) const ENTRY: StrategyEntry = StrategyEntry::plain(
    "least-allocated",
    "Kubernetes: the lowest requested share of CPU and memory",
    |_| Policy::scored(LeastAllocated),
);

/// Capacity of CPU and memory, and what is requested of each with the task placed.
pub(super) fn capacity_and_requested(class: &TaskClass, on: InstanceView<'_>) -> [(i64, i64); 2] {
    let definition = &class.definition;
    let cpu = i64::from(on.cpu_total().0);
    let memory = i64::from(on.memory_total_mib());
    let cpu_free = i64::from(on.cpu_free().0) - i64::from(definition.cpu.0);
    let memory_free = i64::from(on.memory_free_mib()) - i64::from(definition.memory_mib);
    [(cpu, cpu - cpu_free), (memory, memory - memory_free)]
}

#[derive(Debug)]
struct LeastAllocated;

impl PlacementStrategy for LeastAllocated {
    fn reads(&self) -> Reads {
        Reads::Instance
    }

    fn score(&self, class: &TaskClass, on: InstanceView<'_>) -> Score {
        let resources = capacity_and_requested(class, on);
        let score = |(capacity, requested): (i64, i64)| {
            ((capacity - requested) * 100).checked_div(capacity).unwrap_or(0)
        };
        resources.into_iter().map(score).sum::<i64>() / 2
    }
}
