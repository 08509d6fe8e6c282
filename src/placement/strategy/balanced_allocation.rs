//! Kubernetes `NodeResourcesBalancedAllocation`: the smallest spread between the requested shares
//! of CPU and memory, the task included.
//!
//! The formula is in floats: 100 · (1 − |f₁ − f₂| / 2) with f = min(1, requested / capacity),
//! evaluated in this order and truncated before anything is compared.
//! Source: Kubernetes scheduler, `noderesources/balanced_allocation.go`.

use crate::model::{InstanceView, TaskClass};
use crate::placement::{PlacementStrategy, Reads, Score};

use super::least_allocated::capacity_and_requested;
use super::{Policy, StrategyEntry};

pub(super) const ENTRY: StrategyEntry = StrategyEntry::plain(
    "balanced-allocation",
    "Kubernetes: CPU and memory requested in equal shares",
    |_| Policy::scored(BalancedAllocation),
);

#[derive(Debug)]
struct BalancedAllocation;

impl PlacementStrategy for BalancedAllocation {
    fn reads(&self) -> Reads {
        Reads::Instance
    }

    fn score(&self, class: &TaskClass, on: InstanceView<'_>) -> Score {
        let [cpu, memory] = capacity_and_requested(class, on).map(|(capacity, requested)| {
            if capacity == 0 { 1.0 } else { (requested as f64 / capacity as f64).min(1.0) }
        });
        let deviation = (cpu - memory).abs() / 2.0;
        ((1.0 - deviation) * 100.0) as Score
    }
}
