//! Placement by index: decisions whose cost hardly grows with the cluster.
//!
//! [`Feasibility`] knows which instances can take which tasks. Beside it stands one index of the
//! chain's order, shared by all classes; what kind it is follows from what the strategies read:
//!
//! | The chain | Index |
//! |---|---|
//! | first-fit, random | none: the feasible set itself |
//! | `spread` over attributes, then perhaps over instances | [`GroupOrder`] |
//! | the same, then one key per instance (`binpack`, best fit, worst fit) | [`KeyOrder`] |
//! | any other score of the instance alone | [`ScoreOrder`] |
//! | anything else, and what an index has no room for | none: the naive scan |
//!
//! Equally good instances come out as sets that are counted but not listed, so a tie among 100,000
//! empty instances is broken as fast as one between two. Strategies that remain after the indexed
//! part narrow a list.

mod bit_set;
mod feasibility;
mod feasible;
mod groups;
mod keys;
mod level;
mod partition;
mod scores;
mod thresholds;
mod ties;

use crate::model::{Cluster, InstanceId, Placement, TaskClass};

use super::chain::keep_best;
use super::naive::scan;
use super::{Ask, Chain, Placer, PlacerKind, Reads, Refusal, VictimRule, refusal};

use feasibility::{Feasibility, Follower, Update};
pub(super) use feasible::FeasibleIndex;
use groups::GroupOrder;
use keys::KeyOrder;
use scores::{BestScored, ScoreOrder};
use ties::{Part, Ties};

/// Applies a [`Chain`] like [`super::NaivePlacer`], decision for decision, by indexes that catch up
/// with the cluster's changes.
#[derive(Debug)]
pub struct IndexedPlacer {
    chain: Chain,
    feasibility: Feasibility,
    order: Order,
    /// Strategies that the index stands for: the rest narrows a list.
    indexed: usize,
    candidates: Vec<InstanceId>,
}

/// One decision, as the orders see it.
struct Question<'a> {
    class: &'a TaskClass,
    column: usize,
    feasibility: &'a Feasibility,
    cluster: &'a Cluster,
    chain: &'a Chain,
}

/// What the indexed part of the chain leaves.
enum Left<'a> {
    /// Equally good instances, counted.
    Ties(Ties<'a>),
    /// Equally scored ones, counted.
    Scored(BestScored<'a>),
    /// Equally good ones, listed in `candidates`.
    List,
    /// The one.
    One(InstanceId),
    /// Nothing is known: the scan has to look.
    Unknown,
}

/// The index beside [`Feasibility`].
#[derive(Debug)]
enum Order {
    /// None: the `first` feasible instance is the best, or all are alike.
    Feasible {
        first: bool,
    },
    Groups(GroupOrder),
    Keys(KeyOrder),
    Scores(ScoreOrder),
    /// None, and feasibility is of no use either.
    Scan,
}

impl Follower for Order {
    fn clear(&mut self, words: usize) {
        match self {
            Order::Groups(order) => order.clear(words),
            Order::Keys(order) => order.clear(words),
            Order::Feasible { .. } | Order::Scores(_) | Order::Scan => {}
        }
    }

    fn update(&mut self, seen: &Update<'_>) {
        match self {
            Order::Groups(order) => order.update(seen),
            Order::Keys(order) => order.update(seen),
            Order::Feasible { .. } | Order::Scores(_) | Order::Scan => {}
        }
    }
}

impl IndexedPlacer {
    /// A placer for a chain.
    pub fn new(chain: Chain) -> IndexedPlacer {
        let (feasibility, candidates) = (Feasibility::default(), Vec::new());
        IndexedPlacer { chain, feasibility, order: Order::Scan, indexed: 0, candidates }
    }

    /// Chooses the index by what the strategies read.
    fn plan(&mut self) {
        let strategies = self.chain.strategies.iter();
        let reads: Vec<Reads> = strategies.map(|strategy| strategy.reads()).collect();
        let field = |one: &Reads| match *one {
            Reads::Field(field) => Some(field),
            _ => None,
        };
        let fields: Vec<_> = reads.iter().map_while(field).collect();
        let (spread, next) = (fields.len(), reads.get(fields.len()));
        self.indexed = spread + 1;
        self.order = match next {
            Some(&Reads::Key(key)) => Order::Keys(KeyOrder::new(fields, key)),
            Some(Reads::Group) => Order::Groups(GroupOrder::new(fields, true)),
            Some(Reads::Registration) if spread == 0 => Order::Feasible { first: true },
            Some(Reads::Instance) if spread == 0 => Order::Scores(ScoreOrder::default()),
            Some(Reads::Cluster) if spread == 0 => Order::Scan,
            None if spread == 0 => Order::Feasible { first: false },
            _ => {
                self.indexed = spread;
                Order::Groups(GroupOrder::new(fields, false))
            }
        };
        let by_group = matches!(self.order, Order::Groups(_));
        self.feasibility = Feasibility::new(by_group);
    }

    /// The column of the class, with everything caught up; `None` leaves it to the scan.
    fn column(&mut self, ask: &Ask<'_>, cluster: &Cluster) -> Option<usize> {
        if ask.restrict.is_some() || matches!(self.order, Order::Scan) {
            return None;
        }
        let column = self.feasibility.column(ask.class, cluster, &mut self.order);
        let overflown = match &self.order {
            Order::Groups(order) => order.overflown(),
            Order::Keys(order) => order.partitions.overflown(),
            _ => false,
        };
        if overflown {
            self.order = Order::Scan;
            return None;
        }
        column
    }

    /// The instance for a class that has a feasible one; `None` leaves it to the scan.
    fn choose(&mut self, ask: &Ask<'_>, column: usize, cluster: &Cluster) -> Option<InstanceId> {
        let IndexedPlacer { chain, feasibility, order, indexed, candidates } = self;
        let class = cluster.class(ask.class);
        let question = Question { class, column, feasibility, cluster, chain };
        candidates.clear();
        let narrow = chain.strategies.get(*indexed..).unwrap_or_default();
        match order.best(&question, candidates) {
            Left::Unknown => return None,
            Left::One(instance) => return Some(instance),
            Left::Ties(ties) if narrow.is_empty() => {
                return Some(ties.nth(chain.draw(ask, ties.len())));
            }
            Left::Scored(best) if narrow.is_empty() => {
                return Some(best.nth(chain.draw(ask, best.len())));
            }
            Left::Ties(ties) => candidates.extend(ties.iter()),
            Left::Scored(best) => candidates.extend(best.iter()),
            Left::List => {}
        }
        for strategy in narrow {
            keep_best(candidates, |id| strategy.score(class, cluster.instance(id)));
        }
        Some(candidates[chain.draw(ask, candidates.len())])
    }
}

impl Order {
    /// What the indexed part of the chain likes best, of at least one feasible instance.
    fn best<'a>(
        &'a mut self,
        question: &Question<'a>,
        candidates: &mut Vec<InstanceId>,
    ) -> Left<'a> {
        let feasible = &question.feasibility.columns[question.column].feasible;
        match self {
            Order::Feasible { first: true } => {
                let first = feasible.first_from(InstanceId(0));
                Left::One(first.expect("an instance is feasible"))
            }
            Order::Feasible { first: false } => Left::Ties(Ties::of(Part::Whole(feasible))),
            Order::Groups(order) => Left::Ties(order.best(question)),
            Order::Keys(order) => order.best(question, candidates),
            Order::Scores(order) => order.best(question).map_or(Left::Unknown, Left::Scored),
            Order::Scan => Left::Unknown,
        }
    }
}

impl Placer for IndexedPlacer {
    fn prepare(&mut self, cluster: &mut Cluster) {
        self.chain.prepare(cluster);
        self.plan();
    }

    fn place(&mut self, ask: &Ask<'_>, cluster: &Cluster) -> Result<Placement, Refusal> {
        let column = self.column(ask, cluster);
        if column.is_some_and(|column| self.feasibility.columns[column].feasible.is_empty()) {
            return Err(refusal(ask, cluster));
        }
        let chosen = match column.and_then(|column| self.choose(ask, column, cluster)) {
            Some(instance) => instance,
            None => scan(&self.chain, ask, cluster, &mut self.candidates)?,
        };
        let class = cluster.class(ask.class);
        let devices = self.chain.devices(class, cluster.instance(chosen));
        Ok(Placement { instance: chosen, devices })
    }

    fn victim_rule(&self) -> VictimRule<'_> {
        VictimRule { strategies: &self.chain.strategies, kind: PlacerKind::Indexed }
    }
}
