//! First fit: the feasible instance with the lowest id.

use crate::model::{InstanceView, TaskClass};
use crate::placement::{PlacementStrategy, Reads, Score};

use super::{Policy, StrategyEntry};

pub(super) const ENTRY: StrategyEntry = StrategyEntry::plain(
    "first-fit",
    "the first feasible instance in order of registration",
    |_| Policy::scored(FirstFit),
);

#[derive(Debug)]
struct FirstFit;

impl PlacementStrategy for FirstFit {
    fn reads(&self) -> Reads {
        Reads::Registration
    }

    fn score(&self, _class: &TaskClass, on: InstanceView<'_>) -> Score {
        -i64::from(on.id().0)
    }
}
