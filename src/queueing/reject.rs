//! A loss system: what does not fit at once is turned away, as `RunTask` does without a capacity
//! provider. Tasks of services wait all the same: ECS keeps trying to start them.
//!
//! Source: ECS API, `RunTask`, failures; ECS developer guide, "Service scheduler".

use crate::model::Cluster;

use super::{OnRefusal, QueueEntry, QueuePolicy, Ticket, Waiting};

pub(super) const ENTRY: QueueEntry = QueueEntry {
    name: "reject",
    summary: "what does not fit at once is turned away (RunTask without capacity provider)",
    build: || Box::new(Reject::default()),
};

#[derive(Debug, Default)]
struct Reject {
    /// Number of the first entry that the pass has not got to.
    from: u64,
}

impl QueuePolicy for Reject {
    fn begin(&mut self) {
        self.from = 0;
    }

    fn next(&mut self, waiting: &Waiting, _: &Cluster) -> Option<Ticket> {
        let next = waiting.first_from(self.from)?;
        self.from = next.number + 1;
        Some(next)
    }

    fn refused(&mut self, _: Ticket, _: &Waiting, _: &Cluster) -> OnRefusal {
        OnRefusal::Reject
    }
}
