//! The table of strategies. A new one is one file here and one line in the table below; from then
//! on it stands in `--help`, in `towtank list strategies`, in the message for a misspelt name, in
//! the benches and in every property test.

use crate::des::Seed;

use super::index::FeasibleIndex;
use super::{PlacementStrategy, Placer, PlacerKind, WorkloadProfile};

mod shares;

macro_rules! strategies {
    ($($module:ident),* $(,)?) => {
        $(mod $module;)*

        /// Every placement strategy, in the order of `towtank list strategies`.
        pub static STRATEGIES: &[StrategyEntry] = &[$($module::ENTRY),*];
    };
}

strategies! {
    binpack,
    spread,
    random,
    ecs_service,
    ecs_run_task,
    first_fit,
    best_fit,
    worst_fit,
    round_robin,
    power_of_d,
    dot_product,
    cosine,
    least_allocated,
    most_allocated,
    balanced_allocation,
    fgd,
    fgd_best_fit,
    fgd_dot_product,
    gpu_packing,
    gpu_clustering,
    gpu_random,
}

/// A line of the table.
#[derive(Debug, Clone)]
pub struct StrategyEntry {
    /// The name users write.
    pub name: &'static str,
    /// What its parameter is, as help shows it (`cpu|memory`); `None` if it takes none.
    pub parameter: Option<&'static str>,
    /// A parameter for tests and benches that try every strategy; empty if it needs none.
    pub example: &'static str,
    /// Whether it is one of ECS's own, which chain.
    pub chains: bool,
    /// Whether it must be told the workload's typical tasks.
    pub needs_profile: bool,
    /// One line for `towtank list strategies`.
    pub summary: &'static str,
    /// Builds it; the error says what is wrong with the parameter, and the remedy.
    pub build: fn(&Build<'_>) -> Result<Policy, String>,
}

impl StrategyEntry {
    /// The name with the example parameter: a placement that can be parsed.
    pub fn example(&self) -> String {
        match self.example {
            "" => self.name.to_owned(),
            parameter => format!("{}:{parameter}", self.name),
        }
    }

    /// An entry for a strategy without parameter that does not chain.
    const fn plain(
        name: &'static str,
        summary: &'static str,
        build: fn(&Build<'_>) -> Result<Policy, String>,
    ) -> StrategyEntry {
        let (parameter, example) = (None, "");
        let (chains, needs_profile) = (false, false);
        StrategyEntry { name, parameter, example, chains, needs_profile, summary, build }
    }
}

/// What a strategy is built from.
#[derive(Debug, Clone, Copy)]
pub struct Build<'a> {
    /// The text after the colon.
    pub parameter: Option<&'a str>,
    /// Which implementation is wanted: strategies that are placers of their own have both.
    pub kind: PlacerKind,
    /// Seed of keyed draws.
    pub seed: Seed,
    /// The workload's typical tasks, where declared.
    pub profile: Option<&'a WorkloadProfile>,
}

impl Build<'_> {
    /// An index of feasible instances for a placer of its own, unless the naive one is wanted.
    fn feasible_index(&self) -> Option<FeasibleIndex> {
        (self.kind == PlacerKind::Indexed).then(FeasibleIndex::default)
    }
}

/// What a table line builds.
#[derive(Debug)]
pub enum Policy {
    /// A strategy that scores each instance.
    Scored(Box<dyn PlacementStrategy>),
    /// Several of them, in order, each as a user would write it.
    Chain(Vec<(String, Box<dyn PlacementStrategy>)>),
    /// A method of its own.
    Whole(Box<dyn Placer>),
}

impl Policy {
    fn scored(strategy: impl PlacementStrategy + 'static) -> Result<Policy, String> {
        Ok(Policy::Scored(Box::new(strategy)))
    }
}
