//! The scan over remembered scores: per class, only instances that changed are scored again.

use crate::model::{AttributeSetId, ClassId, Cluster, InstanceId, Placement, TaskClass, TaskId};

use super::chain::keep_best;
use super::{Ask, Chain, Placer, Predicate, Reads, Refusal, Score, refusal};

/// Marks an instance that cannot take the class. Strategies never score as low.
const INFEASIBLE: Score = Score::MIN;

/// Applies a [`Chain`] like [`super::NaivePlacer`], decision for decision, but remembers for every
/// class the feasibility and the scores that depend on the instance alone. A decision costs one
/// pass over an array and one rescoring per instance changed since the class was last asked for.
#[derive(Debug)]
pub struct IncrementalPlacer {
    chain: Chain,
    classes: Vec<ClassScores>,
    candidates: Vec<InstanceId>,
    /// Instances rescored in the present catch-up: `seen[i] == epoch`.
    seen: Vec<u64>,
    epoch: u64,
}

/// What is remembered of one class.
#[derive(Debug, Default)]
struct ClassScores {
    /// Version of the cluster the scores belong to.
    version: u64,
    /// `[strategy][instance]`; the first row also carries feasibility. Rows of strategies that
    /// read more than the instance stay empty (the first holds zeros).
    rows: Vec<Vec<Score>>,
    /// Whether instances with a set of attributes can carry the class at all.
    attributes_match: Vec<Option<bool>>,
}

impl IncrementalPlacer {
    /// A placer for a chain.
    pub fn new(chain: Chain) -> IncrementalPlacer {
        let (classes, candidates, seen) = (Vec::new(), Vec::new(), Vec::new());
        IncrementalPlacer { chain, classes, candidates, seen, epoch: 0 }
    }

    /// Brings the scores of a class up to the cluster's version.
    fn catch_up(&mut self, id: ClassId, cluster: &Cluster) {
        if self.classes.len() <= id.index() {
            self.classes.resize_with(id.index() + 1, ClassScores::default);
        }
        self.seen.resize(cluster.instance_count(), 0);
        self.epoch += 1;
        let scores = &mut self.classes[id.index()];
        let class = cluster.class(id);
        let first_time = scores.rows.is_empty();
        scores.grow(&self.chain, cluster);
        match cluster.changes_since(scores.version).filter(|_| !first_time) {
            Some(changed) => {
                for &instance in changed {
                    if self.seen[instance.index()] != self.epoch {
                        self.seen[instance.index()] = self.epoch;
                        scores.rescore(&self.chain, class, instance, cluster);
                    }
                }
            }
            None => {
                for on in cluster.instances() {
                    scores.rescore(&self.chain, class, on.id(), cluster);
                }
            }
        }
        scores.version = cluster.version();
    }

    /// Fills `candidates` with the feasible instances that the first strategy likes best.
    fn first_step(&mut self, ask: &Ask<'_>, cluster: &Cluster) {
        let row = &self.classes[ask.class.index()].rows[0];
        self.candidates.clear();
        if let Some(only) = ask.restrict {
            let feasible = only.iter().copied().filter(|id| row[id.index()] != INFEASIBLE);
            self.candidates.extend(feasible);
            self.narrow(0, ask.class, cluster);
        } else if self.reads_instance(0) {
            let best = row.iter().copied().max().unwrap_or(INFEASIBLE);
            if best != INFEASIBLE {
                let equal = row.iter().enumerate().filter(|&(_, &score)| score == best);
                self.candidates.extend(equal.map(|(index, _)| InstanceId(index as u32)));
            }
        } else {
            let feasible = row.iter().enumerate().filter(|&(_, &score)| score != INFEASIBLE);
            self.candidates.extend(feasible.map(|(index, _)| InstanceId(index as u32)));
            self.narrow(0, ask.class, cluster);
        }
    }

    fn reads_instance(&self, step: usize) -> bool {
        self.chain.strategies.get(step).is_none_or(|one| one.reads() == Reads::Instance)
    }

    /// Applies one strategy to the candidates.
    fn narrow(&mut self, step: usize, class: ClassId, cluster: &Cluster) {
        let Some(strategy) = self.chain.strategies.get(step) else { return };
        if strategy.reads() == Reads::Instance {
            let row = &self.classes[class.index()].rows[step];
            keep_best(&mut self.candidates, |id| row[id.index()]);
        } else {
            let class = cluster.class(class);
            keep_best(&mut self.candidates, |id| strategy.score(class, cluster.instance(id)));
        }
    }
}

impl ClassScores {
    /// Makes room for instances registered since.
    fn grow(&mut self, chain: &Chain, cluster: &Cluster) {
        self.rows.resize_with(chain.strategies.len().max(1), Vec::new);
        for (step, row) in self.rows.iter_mut().enumerate() {
            let reads_instance =
                chain.strategies.get(step).is_some_and(|one| one.reads() == Reads::Instance);
            if step == 0 || reads_instance {
                row.resize(cluster.instance_count(), INFEASIBLE);
            }
        }
        self.attributes_match.resize(cluster.attribute_sets().len(), None);
    }

    fn rescore(&mut self, chain: &Chain, class: &TaskClass, id: InstanceId, cluster: &Cluster) {
        let on = cluster.instance(id);
        let AttributeSetId(set) = cluster.attribute_set(id);
        let known = &mut self.attributes_match[set as usize];
        let matches = *known.get_or_insert_with(|| Predicate::Attribute.holds(class, on));
        if !matches || !Predicate::feasible(class, on) {
            self.rows[0][id.index()] = INFEASIBLE;
            return;
        }
        self.rows[0][id.index()] = 0;
        for (strategy, row) in chain.strategies.iter().zip(&mut self.rows) {
            if strategy.reads() == Reads::Instance {
                let score = strategy.score(class, on);
                debug_assert!(score != INFEASIBLE, "a score is above Score::MIN");
                row[id.index()] = score;
            }
        }
    }
}

impl Placer for IncrementalPlacer {
    fn prepare(&mut self, cluster: &mut Cluster) {
        self.chain.prepare(cluster);
    }

    fn place(&mut self, ask: &Ask<'_>, cluster: &Cluster) -> Result<Placement, Refusal> {
        self.catch_up(ask.class, cluster);
        self.first_step(ask, cluster);
        if self.candidates.is_empty() {
            return Err(refusal(ask, cluster));
        }
        for step in 1..self.chain.strategies.len() {
            self.narrow(step, ask.class, cluster);
        }
        let instance = self.chain.break_tie(ask, &self.candidates);
        let class = cluster.class(ask.class);
        let devices = self.chain.devices(class, cluster.instance(instance));
        Ok(Placement { instance, devices })
    }

    fn victim(&self, candidates: &[TaskId], cluster: &Cluster) -> usize {
        self.chain.victim(candidates, cluster)
    }
}
