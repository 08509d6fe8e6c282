//! ECS with a capacity provider: tasks wait in PROVISIONING, and each is retried on its own, in
//! order of arrival; one that does not fit holds nobody up.
//!
//! Source: ECS developer guide, "Amazon ECS cluster auto scaling".

use std::collections::BTreeMap;

use crate::model::Cluster;

use super::{OnRefusal, QueueEntry, QueuePolicy, Refused, Shape, Ticket, Waiting};

pub(super) const ENTRY: QueueEntry = QueueEntry {
    name: "ecs",
    summary: "tasks wait and each is retried on its own (ECS with a capacity provider)",
    build: || Box::new(Ecs::default()),
};

/// Entries of a shape known not to fit are passed over together, so that a pass costs O(shapes)
/// per attempt however many tasks wait.
#[derive(Debug, Default)]
struct Ecs {
    /// Where the pass has got to.
    from: Ticket,
    refused: BTreeMap<Shape, Refused>,
}

impl QueuePolicy for Ecs {
    fn begin(&mut self) {
        self.from = Ticket(0);
    }

    fn next(&mut self, waiting: &Waiting, cluster: &Cluster) -> Option<Ticket> {
        let may_fit = |shape: &Shape| {
            self.refused.get(shape).is_none_or(|refused| !refused.still_holds(*shape, cluster))
        };
        let candidates = waiting.shapes().filter(may_fit);
        let next = candidates.filter_map(|shape| waiting.first_of(shape, self.from)).min()?;
        self.from = Ticket(next.0 + 1);
        Some(next)
    }

    fn refused(&mut self, ticket: Ticket, waiting: &Waiting, cluster: &Cluster) -> OnRefusal {
        if let Some(entry) = waiting.get(ticket) {
            self.refused.insert(entry.shape(), Refused::now(cluster));
        }
        OnRefusal::Wait
    }
}
