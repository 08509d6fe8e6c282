//! Worst fit over several resources: the instance with the most left, summed as shares of its CPU,
//! memory and GPU.

use crate::model::{InstanceView, TaskClass};
use crate::placement::{PlacementStrategy, Reads, Score};

use super::shares::{left, left_after};
use super::{Policy, StrategyEntry};

pub(super) const ENTRY: StrategyEntry = StrategyEntry::plain(
    "worst-fit",
    "most left after placing, summed over shares of CPU, memory, GPU",
    |_| Policy::scored(WorstFit),
);

#[derive(Debug)]
struct WorstFit;

impl PlacementStrategy for WorstFit {
    fn reads(&self) -> Reads {
        Reads::Key(left)
    }

    fn score(&self, class: &TaskClass, on: InstanceView<'_>) -> Score {
        left_after(class, on)
    }
}
