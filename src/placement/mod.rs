//! Placement: which instance takes a task. Pure decisions over a read-only cluster.
//!
//! ECS's order of steps: [`Predicate`]s filter the instances (capacity, attributes, constraints;
//! binding), then each strategy of a chain narrows what the one before it left (best effort), then
//! a tie is broken. A strategy that scores each instance by itself implements
//! [`PlacementStrategy`]; a method that does not is a [`Placer`] of its own.
//!
//! Source: ECS developer guide, "How Amazon ECS places tasks on container instances".

mod chain;
mod devices;
mod fragmentation;
mod index;
mod naive;
mod predicate;
mod spec;
mod strategy;
#[cfg(test)]
mod tests;
mod traced;
mod victims;

pub use chain::{Chain, TieBreak};
pub use devices::tightest_devices;
pub use fragmentation::{Fragmentation, TypicalTask, WorkloadProfile};
pub use index::IndexedPlacer;
pub use naive::NaivePlacer;
pub use predicate::{Predicate, RefusalHistogram, has_attribute};
pub use spec::{PlacementError, PlacementSpec, PlacementStep, PlacerKind};
pub use strategy::{Build, Policy, STRATEGIES, StrategyEntry};
pub use traced::{Answer, DecisionLog, How, Scored, SharedLog, Step, TieBroken};
pub use victims::{VictimOrder, VictimRule};

use crate::des::Purpose;
use crate::model::{
    ClassId, Cluster, DeviceSet, FieldId, InstanceId, InstanceView, Placement, TaskClass, TaskId,
};

/// How good an instance is for a task; higher wins. Integers, so that no rounding decides.
pub type Score = i64;

/// Purpose of the draws that break ties: "TIES".
pub const TIE_DRAW: Purpose = Purpose(u32::from_be_bytes(*b"TIES"));
/// Purpose of the draws that pick instances at random: "PICK".
pub const PICK_DRAW: Purpose = Purpose(u32::from_be_bytes(*b"PICK"));
/// Purpose of the draws that choose among devices: "DEVI".
pub const DEVICE_DRAW: Purpose = Purpose(u32::from_be_bytes(*b"DEVI"));

/// What a strategy's score depends on. It decides how the indexed placer finds the best instance;
/// [`Reads::Instance`] is right for every score of the instance alone, and [`Reads::Cluster`] is
/// always right and always slow.
#[derive(Debug, Clone, Copy)]
pub enum Reads {
    /// The order of registration alone: the lower the instance's id, the higher the score.
    Registration,
    /// A key of the instance, the same for all classes: among instances that registered with the
    /// same CPU, memory and number of GPUs, scores differ as their keys do. Keys lie within ±2^60.
    Key(fn(InstanceView<'_>) -> Score),
    /// The tasks of the class's group on the instance: the fewer, the higher, and nothing else.
    Group,
    /// The tasks of the class's group on all instances with the same value of a field: the fewer,
    /// the higher, and nothing else.
    Field(FieldId),
    /// The class, and the instance alone: its resources, its tasks, its attributes.
    Instance,
    /// Anything.
    Cluster,
}

/// A strategy that scores each feasible instance by itself.
pub trait PlacementStrategy: std::fmt::Debug + Send {
    /// Called once before the first decision: the place to track fields.
    fn prepare(&mut self, cluster: &mut Cluster) {
        let _ = cluster;
    }

    /// What [`PlacementStrategy::score`] depends on.
    fn reads(&self) -> Reads;

    /// How good `on` is for a task of `class`, before the task is placed. `on` is feasible.
    fn score(&self, class: &TaskClass, on: InstanceView<'_>) -> Score;

    /// The devices a task gets on the instance chosen: by default the tightest that fit.
    fn devices(&self, class: &TaskClass, on: InstanceView<'_>) -> DeviceSet {
        tightest_devices(class, on)
    }

    /// Whom scale-in stops: of a service's tasks, one on the instance with the highest key. By
    /// default the instance that is the worst place now: `spread` keeps its balance, `binpack`
    /// empties the instance with most resources left.
    ///
    /// Source: ECS developer guide, "Amazon ECS task placement strategies", scale-in.
    fn victim_key(&self, class: &TaskClass, on: InstanceView<'_>) -> Score {
        -self.score(class, on)
    }
}

/// What a placer is asked.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// What the task asks for.
    pub class: ClassId,
    /// The task, the key of its random draws.
    pub task: TaskId,
    /// How often the task was tried before, the other part of the key.
    pub attempt: u32,
    /// Only these instances, in id order (a capacity provider's, say); `None` for all.
    pub restrict: Option<&'a [InstanceId]>,
}

impl Ask<'_> {
    /// Whether an instance may be chosen at all.
    pub fn allows(&self, instance: InstanceId) -> bool {
        self.restrict.is_none_or(|only| only.binary_search(&instance).is_ok())
    }
}

/// No instance takes the task: a value, not an error. [`RefusalHistogram::of`] tells why when
/// someone wants to read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// The class refused.
    pub class: ClassId,
    /// The cluster's version when it was.
    pub cluster_version: u64,
}

/// Chooses an instance and devices for one task, or refuses.
pub trait Placer: std::fmt::Debug + Send {
    /// Called once before the first decision: the place to track fields.
    fn prepare(&mut self, cluster: &mut Cluster) {
        let _ = cluster;
    }

    /// One decision. Must be feasible by [`Predicate::first_failed`].
    fn place(&mut self, ask: &Ask<'_>, cluster: &Cluster) -> Result<Placement, Refusal>;

    /// Whom scale-in stops. By default the youngest; chains apply their strategies' victim keys.
    fn victim_rule(&self) -> VictimRule<'_> {
        VictimRule { strategies: &[], kind: PlacerKind::Indexed }
    }
}

/// The refusal of `ask` by a cluster as it stands.
fn refusal(ask: &Ask<'_>, cluster: &Cluster) -> Refusal {
    Refusal { class: ask.class, cluster_version: cluster.version() }
}
