//! The full scan: every instance, every predicate, every strategy. Always right, the oracle of
//! every faster placer.

use crate::model::{Cluster, InstanceId, InstanceView, Placement};

use super::chain::keep_best;
use super::{Ask, Chain, Placer, PlacerKind, Predicate, Refusal, VictimRule, refusal};

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

/// The instance that a chain chooses, by looking at all; `candidates` is overwritten.
pub(super) fn scan(
    chain: &Chain,
    ask: &Ask<'_>,
    cluster: &Cluster,
    candidates: &mut Vec<InstanceId>,
) -> Result<InstanceId, Refusal> {
    let class = cluster.class(ask.class);
    candidates.clear();
    let feasible = cluster
        .instances()
        .filter(|&on| ask.allows(on.id()) && Predicate::feasible(class, on))
        .map(InstanceView::id);
    candidates.extend(feasible);
    if candidates.is_empty() {
        return Err(refusal(ask, cluster));
    }
    for strategy in &chain.strategies {
        keep_best(candidates, |id| strategy.score(class, cluster.instance(id)));
    }
    Ok(candidates[chain.draw(ask, candidates.len())])
}

impl Placer for NaivePlacer {
    fn prepare(&mut self, cluster: &mut Cluster) {
        self.chain.prepare(cluster);
    }

    fn place(&mut self, ask: &Ask<'_>, cluster: &Cluster) -> Result<Placement, Refusal> {
        let instance = scan(&self.chain, ask, cluster, &mut self.candidates)?;
        let devices = self.chain.devices(cluster.class(ask.class), cluster.instance(instance));
        Ok(Placement { instance, devices })
    }

    fn victim_rule(&self) -> VictimRule<'_> {
        VictimRule { strategies: &self.chain.strategies, kind: PlacerKind::Naive }
    }
}
