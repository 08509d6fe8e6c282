//! Dot product of what the task takes and what is free, as shares of the instance: the highest.
//!
//! Source: Panigrahy et al., "Heuristics for Vector Bin Packing", Microsoft Research 2011.

use crate::model::{InstanceView, TaskClass};
use crate::placement::{PlacementStrategy, Reads, Score};

use super::shares::{free, wanted};
use super::{Policy, StrategyEntry};

pub(super) const ENTRY: StrategyEntry = StrategyEntry::plain(
    "dot-product",
    "highest dot product of demand and free shares",
    |_| Policy::scored(DotProduct),
);

#[derive(Debug)]
struct DotProduct;

impl PlacementStrategy for DotProduct {
    fn reads(&self) -> Reads {
        Reads::Instance
    }

    fn score(&self, class: &TaskClass, on: InstanceView<'_>) -> Score {
        wanted(class, on).iter().zip(free(on)).map(|(wanted, free)| wanted * free).sum()
    }
}
