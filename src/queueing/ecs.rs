//! ECS with a capacity provider: tasks wait in PROVISIONING, and each is retried on its own, in
//! order of arrival; one that does not fit holds nobody up.
//!
//! Source: ECS developer guide, "Amazon ECS cluster auto scaling".

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::model::Cluster;

use super::{OnRefusal, QueueEntry, QueuePolicy, Refused, ShapeId, Ticket, Waiting};

pub(super) const ENTRY: QueueEntry = QueueEntry {
    name: "ecs",
    summary: "tasks wait and each is retried on its own (ECS with a capacity provider)",
    build: || Box::new(Ecs::default()),
};

/// Entries of a shape known not to fit are passed over together, so that a pass costs O(shapes that
/// wait), and O(log shapes) per attempt, however many tasks wait.
#[derive(Debug, Default)]
struct Ecs {
    /// Number of the first entry that the pass has not got to.
    from: u64,
    /// What the candidates were collected for; `None` at the start of a pass.
    collected: Option<Collected>,
    /// Shapes that may fit, each by its first entry from there on.
    candidates: BinaryHeap<Reverse<(Ticket, ShapeId)>>,
    /// Shapes that do not fit and want company, which any placement can be.
    parked: Vec<ShapeId>,
    /// The shape tried last.
    tried: Option<ShapeId>,
    /// By shape.
    refused: Vec<Option<Refused>>,
}

/// While this stays the same, no shape becomes a candidate but those that want company.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Collected {
    room_version: u64,
    arrivals: u64,
}

impl Ecs {
    fn may_fit(&self, shape: ShapeId, waiting: &Waiting, cluster: &Cluster) -> bool {
        let refused = self.refused.get(shape.index()).copied().flatten();
        refused.is_none_or(|refused| !refused.still_holds(waiting.shape(shape).class, cluster))
    }

    /// Makes a shape a candidate if it may fit.
    fn consider(&mut self, shape: ShapeId, waiting: &Waiting, cluster: &Cluster) {
        if self.may_fit(shape, waiting, cluster) {
            let first = waiting.first_of(shape, self.from);
            self.candidates.extend(first.map(|ticket| Reverse((ticket, shape))));
        } else if !cluster.class(waiting.shape(shape).class).is_monotone() {
            self.parked.push(shape);
        }
    }

    /// Brings the candidates up to date.
    fn collect(&mut self, waiting: &Waiting, cluster: &Cluster) {
        let (room_version, arrivals) = (cluster.room_version(), waiting.arrivals());
        let current = Some(Collected { room_version, arrivals });
        if self.collected == current {
            for shape in std::mem::take(&mut self.parked) {
                self.consider(shape, waiting, cluster);
            }
        } else {
            self.collected = current;
            self.candidates.clear();
            self.parked.clear();
            waiting.shapes().for_each(|shape| self.consider(shape, waiting, cluster));
        }
    }
}

impl QueuePolicy for Ecs {
    fn begin(&mut self) {
        self.from = 0;
        self.collected = None;
        self.tried = None;
    }

    fn next(&mut self, waiting: &Waiting, cluster: &Cluster) -> Option<Ticket> {
        if let Some(tried) = self.tried.take() {
            self.consider(tried, waiting, cluster);
        }
        self.collect(waiting, cluster);
        loop {
            let Reverse((ticket, shape)) = self.candidates.pop()?;
            if waiting.get(ticket).is_some() {
                self.from = ticket.number + 1;
                self.tried = Some(shape);
                return Some(ticket);
            }
            // Scaled in while a decision took its time.
            self.consider(shape, waiting, cluster);
        }
    }

    fn refused(&mut self, ticket: Ticket, waiting: &Waiting, cluster: &Cluster) -> OnRefusal {
        if let Some(shape) = waiting.shape_of(ticket) {
            if self.refused.len() <= shape.index() {
                self.refused.resize(shape.index() + 1, None);
            }
            self.refused[shape.index()] = Some(Refused::now(cluster));
        }
        OnRefusal::Wait
    }
}
