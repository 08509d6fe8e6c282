//! The full scan: every instance, every predicate, every strategy. Always right, the oracle of
//! every faster placer.

use crate::model::{Cluster, InstanceId, InstanceView, Placement, TaskId};

use super::chain::keep_best;
use super::{Ask, Chain, Placer, Predicate, Refusal, refusal};

/// Applies a [`Chain`] by looking at every instance. O(instances) per decision.
#[derive(Debug)]
pub struct NaivePlacer {
    chain: Chain,
    candidates: Vec<InstanceId>,
}

impl NaivePlacer {
    /// A placer for a chain.
    pub fn new(chain: Chain) -> NaivePlacer {
        NaivePlacer { chain, candidates: Vec::new() }
    }
}

impl Placer for NaivePlacer {
    fn prepare(&mut self, cluster: &mut Cluster) {
        self.chain.prepare(cluster);
    }

    fn place(&mut self, ask: &Ask<'_>, cluster: &Cluster) -> Result<Placement, Refusal> {
        let class = cluster.class(ask.class);
        self.candidates.clear();
        let feasible = cluster
            .instances()
            .filter(|&on| ask.allows(on.id()) && Predicate::feasible(class, on))
            .map(InstanceView::id);
        self.candidates.extend(feasible);
        if self.candidates.is_empty() {
            return Err(refusal(ask, cluster));
        }
        for strategy in &self.chain.strategies {
            let score = |id| strategy.score(class, cluster.instance(id));
            keep_best(&mut self.candidates, score);
        }
        let instance = self.chain.break_tie(ask, &self.candidates);
        let devices = self.chain.devices(class, cluster.instance(instance));
        Ok(Placement { instance, devices })
    }

    fn victim(&self, candidates: &[TaskId], cluster: &Cluster) -> usize {
        self.chain.victim(candidates, cluster)
    }
}
