//! A placer that can say how it decided.
//!
//! It decides by the placer it is put around. Where its log asks, the same decision is made once
//! more by the full scan, step by step, and must come out the same.

use std::sync::{Arc, Mutex, PoisonError};

use crate::model::{Cluster, InstanceId, InstanceView, Placement};

use super::chain::keep_best;
use super::{Ask, Chain, Placer, Predicate, Refusal, Score, TieBreak, VictimRule, refusal};

/// What a placer answers.
pub type Answer = Result<Placement, Refusal>;

/// A log shared between placers and whoever reads it.
pub type SharedLog = Arc<Mutex<dyn DecisionLog>>;

/// Is told of the decisions of a [`PlacementSpec::build_traced`](super::PlacementSpec) placer.
pub trait DecisionLog: std::fmt::Debug + Send {
    /// One decision was made, on the cluster as it is shown; `how` works out how, in
    /// O(instances).
    fn decided(&mut self, ask: &Ask<'_>, cluster: &Cluster, answer: &Answer, how: &dyn Fn() -> How);
}

/// How a decision came about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct How {
    /// Instances that could take the task.
    pub candidates: u32,
    /// What each strategy left of them; none where there was nothing to choose from.
    pub steps: Vec<Step>,
    /// How the last candidates were told apart.
    pub tie: TieBroken,
}

/// One strategy's narrowing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// As a user would write it.
    pub strategy: String,
    /// Instances it left.
    pub left: u32,
    /// The best of those it was given: best first, then in order of registration. Empty for a
    /// method that has no scores.
    pub best: Vec<Scored>,
}

/// An instance and what a strategy gave it; higher wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scored {
    /// The instance.
    pub instance: InstanceId,
    /// Its score.
    pub score: Score,
}

/// How the last candidates of a decision were told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TieBroken {
    /// There was no tie: one candidate was left, or none.
    Not,
    /// The lowest instance id of so many.
    LowestId(u32),
    /// A keyed draw.
    Drawn {
        /// Which one in order of registration, from 0.
        rank: u32,
        /// Of how many.
        among: u32,
    },
    /// The method chose in a way of its own.
    ByMethod,
}

/// How decisions are made once more.
#[derive(Debug)]
pub(super) enum Scan {
    /// By these strategies, each with its name.
    Chain(Chain, Vec<String>),
    /// Not at all: the method of that name has no steps to show.
    Opaque(String),
}

/// Instances shown of each step.
const SHOWN: usize = 3;

/// Decides like the placer it is put around, and tells a log.
#[derive(Debug)]
pub(super) struct TracedPlacer {
    decides: Box<dyn Placer>,
    scan: Scan,
    log: SharedLog,
}

impl TracedPlacer {
    pub(super) fn new(decides: Box<dyn Placer>, scan: Scan, log: SharedLog) -> TracedPlacer {
        TracedPlacer { decides, scan, log }
    }

    fn how(&self, ask: &Ask<'_>, cluster: &Cluster, answer: &Answer) -> How {
        let class = cluster.class(ask.class);
        let feasible = cluster
            .instances()
            .filter(|&on| ask.allows(on.id()) && Predicate::feasible(class, on))
            .map(InstanceView::id);
        let mut left: Vec<InstanceId> = feasible.collect();
        let candidates = left.len() as u32;
        if left.is_empty() {
            assert!(*answer == Err(refusal(ask, cluster)), "nothing is feasible, but {answer:?}");
            return How { candidates, steps: Vec::new(), tie: TieBroken::Not };
        }
        let (chain, names) = match &self.scan {
            Scan::Chain(chain, names) => (chain, names),
            Scan::Opaque(name) => {
                let chosen = answer.ok().is_some_and(|one| left.contains(&one.instance));
                assert!(chosen, "{name} chose {answer:?}, which is not feasible");
                let step = Step { strategy: name.clone(), left: 1, best: Vec::new() };
                return How { candidates, steps: vec![step], tie: TieBroken::ByMethod };
            }
        };
        let mut steps = Vec::new();
        for (strategy, name) in chain.strategies.iter().zip(names) {
            let score = |id| strategy.score(class, cluster.instance(id));
            let best = best(&left, score);
            keep_best(&mut left, score);
            steps.push(Step { strategy: name.clone(), left: left.len() as u32, best });
        }
        let rank = chain.draw(ask, left.len());
        let devices = chain.devices(class, cluster.instance(left[rank]));
        let again = Placement { instance: left[rank], devices };
        assert!(*answer == Ok(again), "the scan says {again:?}, the placer {answer:?}");
        let among = left.len() as u32;
        let tie = match chain.tie_break {
            _ if among == 1 => TieBroken::Not,
            TieBreak::LowestId => TieBroken::LowestId(among),
            TieBreak::Random => TieBroken::Drawn { rank: rank as u32, among },
        };
        How { candidates, steps, tie }
    }
}

/// The first few by score, then in order of registration.
fn best(of: &[InstanceId], score: impl Fn(InstanceId) -> Score) -> Vec<Scored> {
    let mut scored: Vec<Scored> =
        of.iter().map(|&instance| Scored { instance, score: score(instance) }).collect();
    scored.sort_by_key(|one| (std::cmp::Reverse(one.score), one.instance));
    scored.truncate(SHOWN);
    scored
}

impl Placer for TracedPlacer {
    fn prepare(&mut self, cluster: &mut Cluster) {
        self.decides.prepare(cluster);
        if let Scan::Chain(chain, _) = &mut self.scan {
            chain.prepare(cluster);
        }
    }

    fn place(&mut self, ask: &Ask<'_>, cluster: &Cluster) -> Answer {
        let answer = self.decides.place(ask, cluster);
        // A log whose reader panicked is still told: the panic is what ends the run.
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.decided(ask, cluster, &answer, &|| self.how(ask, cluster, &answer));
        answer
    }

    fn victim_rule(&self) -> VictimRule<'_> {
        self.decides.victim_rule()
    }
}
