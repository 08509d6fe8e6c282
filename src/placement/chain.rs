//! A chain of strategies: each narrows what the one before it left, then a tie is broken.

use crate::des::{Seed, pick};
use crate::model::{Cluster, InstanceId, TaskClass};

use super::{Ask, PlacementStrategy, Score, TIE_DRAW};

/// How a tie among the last candidates is broken. AWS does not document its rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TieBreak {
    /// The ⌊u·k⌋-th of the k candidates in id order, u keyed by (seed, task, attempt).
    #[default]
    Random,
    /// The candidate with the lowest instance id.
    LowestId,
}

/// Strategies in order, and the rule for ties: what both scanning placers apply.
#[derive(Debug)]
pub struct Chain {
    /// Strategies, the most important first.
    pub strategies: Vec<Box<dyn PlacementStrategy>>,
    /// Rule for ties.
    pub tie_break: TieBreak,
    /// Seed of the random tie-break.
    pub seed: Seed,
}

impl Chain {
    /// Lets every strategy prepare.
    pub(super) fn prepare(&mut self, cluster: &mut Cluster) {
        self.strategies.iter_mut().for_each(|strategy| strategy.prepare(cluster));
    }

    /// Breaks a tie: which of `count` candidates in id order, at least one, is taken.
    pub(super) fn draw(&self, ask: &Ask<'_>, count: usize) -> usize {
        match self.tie_break {
            TieBreak::Random if count > 1 => {
                pick(self.seed.uniform(TIE_DRAW, ask.task.number, ask.attempt), count)
            }
            TieBreak::Random | TieBreak::LowestId => 0,
        }
    }

    /// The strategy that chooses devices: the first, or the tightest fit in an empty chain.
    pub(super) fn devices(
        &self,
        class: &TaskClass,
        on: crate::model::InstanceView<'_>,
    ) -> crate::model::DeviceSet {
        match self.strategies.first() {
            Some(strategy) => strategy.devices(class, on),
            None => super::tightest_devices(class, on),
        }
    }
}

/// Keeps the candidates with the highest score, in order.
pub(super) fn keep_best(candidates: &mut Vec<InstanceId>, score: impl Fn(InstanceId) -> Score) {
    let mut best = Score::MIN;
    let mut kept = 0;
    for index in 0..candidates.len() {
        let candidate = candidates[index];
        let value = score(candidate);
        if value > best {
            best = value;
            kept = 0;
        }
        if value == best {
            candidates[kept] = candidate;
            kept += 1;
        }
    }
    candidates.truncate(kept);
}
