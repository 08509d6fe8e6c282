//! Round robin: the next feasible instance after the one chosen last.

use crate::model::{Cluster, InstanceId, Placement};
use crate::placement::index::FeasibleIndex;
use crate::placement::{Ask, Placer, Predicate, Refusal, refusal, tightest_devices};

use super::{Policy, StrategyEntry};

pub(super) const ENTRY: StrategyEntry = StrategyEntry::plain(
    "round-robin",
    "the next feasible instance after the last one chosen",
    |build| Ok(Policy::Whole(Box::new(RoundRobin { next: 0, index: build.feasible_index() }))),
);

#[derive(Debug)]
struct RoundRobin {
    /// Where the search starts: one past the last choice.
    next: usize,
    index: Option<FeasibleIndex>,
}

impl Placer for RoundRobin {
    fn place(&mut self, ask: &Ask<'_>, cluster: &Cluster) -> Result<Placement, Refusal> {
        let class = cluster.class(ask.class);
        let indexed = self.index.as_mut().and_then(|index| index.of(ask, cluster));
        let chosen = if let Some(set) = indexed {
            set.first_from(InstanceId(self.next as u32)).or_else(|| set.first_from(InstanceId(0)))
        } else {
            let count = cluster.instance_count();
            let in_turn = (self.next..count).chain(0..self.next.min(count));
            in_turn.map(|index| InstanceId(index as u32)).find(|&id| {
                ask.allows(id) && Predicate::feasible(class, cluster.instance(id))
            })
        };
        let instance = chosen.ok_or_else(|| refusal(ask, cluster))?;
        self.next = instance.index() + 1;
        let devices = tightest_devices(class, cluster.instance(instance));
        Ok(Placement { instance, devices })
    }
}
