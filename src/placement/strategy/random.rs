//! ECS `random`: any feasible instance, uniformly.
//!
//! Probes a keyed sequence of eight instances, then takes the ⌊u·k⌋-th of the k feasible: uniform,
//! and cheap unless the cluster is nearly full.

use crate::des::{Seed, Stream, pick};
use crate::model::{Cluster, InstanceId, Placement};
use crate::placement::devices::random_device;
use crate::placement::index::FeasibleIndex;
use crate::placement::{
    Ask, DEVICE_DRAW, PICK_DRAW, Placer, Predicate, Refusal, refusal, tightest_devices,
};

use super::{Build, Policy, StrategyEntry};

pub(super) const ENTRY: StrategyEntry = StrategyEntry {
    name: "random",
    parameter: None,
    example: "",
    chains: true,
    needs_profile: false,
    summary: "ECS: a feasible instance at random",
    build,
};

/// Instances probed before all are looked at.
const PROBES: usize = 8;

fn build(build: &Build<'_>) -> Result<Policy, String> {
    Ok(Policy::Whole(Box::new(Random::new(build, false))))
}

/// Uniform choice of an instance, and of a device if `any_device`.
#[derive(Debug)]
pub(super) struct Random {
    seed: Seed,
    any_device: bool,
    index: Option<FeasibleIndex>,
}

impl Random {
    pub(super) fn new(build: &Build<'_>, any_device: bool) -> Random {
        Random { seed: build.seed, any_device, index: build.feasible_index() }
    }
}

impl Placer for Random {
    fn place(&mut self, ask: &Ask<'_>, cluster: &Cluster) -> Result<Placement, Refusal> {
        let class = cluster.class(ask.class);
        let mut draws = self.seed.stream(PICK_DRAW, ask.task.number, ask.attempt);
        let instance = any_feasible(ask, cluster, &mut draws, self.index.as_mut())
            .ok_or_else(|| refusal(ask, cluster))?;
        let on = cluster.instance(instance);
        let devices = if self.any_device {
            let u = self.seed.uniform(DEVICE_DRAW, ask.task.number, ask.attempt);
            random_device(class, on, u)
        } else {
            tightest_devices(class, on)
        };
        Ok(Placement { instance, devices })
    }
}

/// A feasible instance, uniformly; `None` if there is none. O(changes) with an index; without one
/// O(1) expected while a fair share of instances is feasible, else O(instances).
pub(super) fn any_feasible(
    ask: &Ask<'_>,
    cluster: &Cluster,
    draws: &mut Stream,
    index: Option<&mut FeasibleIndex>,
) -> Option<InstanceId> {
    let set = index.and_then(|index| index.of(ask, cluster));
    let count = ask.restrict.map_or(cluster.instance_count(), <[InstanceId]>::len);
    if count == 0 || set.is_some_and(|set| set.len() == 0) {
        return None;
    }
    let class = cluster.class(ask.class);
    let at = |index: usize| ask.restrict.map_or(InstanceId(index as u32), |only| only[index]);
    let feasible = |id: &InstanceId| match set {
        Some(set) => set.contains(*id),
        None => Predicate::feasible(class, cluster.instance(*id)),
    };
    for _ in 0..PROBES {
        let probe = at(pick(draws.uniform(), count));
        if feasible(&probe) {
            return Some(probe);
        }
    }
    let u = draws.uniform();
    if let Some(set) = set {
        return Some(set.nth(pick(u, set.len())));
    }
    let all: Vec<InstanceId> = (0..count).map(at).filter(feasible).collect();
    (!all.is_empty()).then(|| all[pick(u, all.len())])
}
