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
    /// The last attempt of the pass.
    tried: Option<(Ticket, ShapeId)>,
    /// Shapes that may fit, each by its first entry after that.
    candidates: BinaryHeap<Reverse<(Ticket, ShapeId)>>,
    /// The other shapes that a change other than room can help: they want company.
    parked: Vec<ShapeId>,
    /// By shape.
    refused: Vec<Option<Refused>>,
}

impl Ecs {
    fn may_fit(&self, shape: ShapeId, waiting: &Waiting, cluster: &Cluster) -> bool {
        let refused = self.refused.get(shape.index()).copied().flatten();
        refused.is_none_or(|refused| !refused.still_holds(waiting.shape(shape).class, cluster))
    }

    /// Makes a shape a candidate if it may fit.
    fn consider(&mut self, shape: ShapeId, from: u64, waiting: &Waiting, cluster: &Cluster) {
        if self.may_fit(shape, waiting, cluster) {
            let first = waiting.first_of(shape, from);
            self.candidates.extend(first.map(|ticket| Reverse((ticket, shape))));
        } else if !cluster.class(waiting.shape(shape).class).is_monotone() {
            self.parked.push(shape);
        }
    }
}

impl QueuePolicy for Ecs {
    fn begin(&mut self) {
        self.tried = None;
        self.candidates.clear();
        self.parked.clear();
    }

    fn next(&mut self, waiting: &Waiting, cluster: &Cluster) -> Option<Ticket> {
        if let Some((ticket, shape)) = self.tried {
            for shape in std::mem::take(&mut self.parked).into_iter().chain([shape]) {
                self.consider(shape, ticket.number + 1, waiting, cluster);
            }
        } else {
            waiting.shapes().for_each(|shape| self.consider(shape, 0, waiting, cluster));
        }
        self.tried = self.candidates.pop().map(|Reverse(next)| next);
        self.tried.map(|(ticket, _)| ticket)
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
