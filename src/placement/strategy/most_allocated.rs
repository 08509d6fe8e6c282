//! Kubernetes `MostAllocated`: the mean over CPU and memory of requested · 100 / capacity, the task
//! included, in integers.
//!
//! Source: Kubernetes scheduler, `noderesources/most_allocated.go`.

use crate::model::{InstanceView, TaskClass};
use crate::placement::{PlacementStrategy, Reads, Score};

use super::least_allocated::capacity_and_requested;
use super::{Policy, StrategyEntry};

pub(super) const ENTRY: StrategyEntry = StrategyEntry::plain(
    "most-allocated",
    "Kubernetes: the highest requested share of CPU and memory",
    |_| Policy::scored(MostAllocated),
);

#[derive(Debug)]
struct MostAllocated;

impl PlacementStrategy for MostAllocated {
    fn reads(&self) -> Reads {
        Reads::Instance
    }

    fn score(&self, class: &TaskClass, on: InstanceView<'_>) -> Score {
        let resources = capacity_and_requested(class, on);
        let score = |(capacity, requested): (i64, i64)| {
            (requested * 100).checked_div(capacity).unwrap_or(0)
        };
        resources.into_iter().map(score).sum::<i64>() / 2
    }
}
