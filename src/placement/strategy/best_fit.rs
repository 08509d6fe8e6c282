//! Best fit over several resources: the instance with the least left, summed as shares of its CPU,
//! memory and GPU.

use crate::model::{InstanceView, TaskClass};
use crate::placement::{PlacementStrategy, Reads, Score};

use super::shares::{left, left_after};
use super::{Policy, StrategyEntry};

pub(super) const ENTRY: StrategyEntry = StrategyEntry::plain(
    "best-fit",
    "least left after placing, summed over shares of CPU, memory, GPU",
    |_| Policy::scored(BestFit),
);

#[derive(Debug)]
struct BestFit;

impl PlacementStrategy for BestFit {
    fn reads(&self) -> Reads {
        Reads::Key(|on| -left(on))
    }

    fn score(&self, class: &TaskClass, on: InstanceView<'_>) -> Score {
        -left_after(class, on)
    }
}
