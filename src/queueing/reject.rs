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
    /// The entry tried last in this pass.
    tried: Option<Ticket>,
    /// The last one that was tried and waits all the same: a service's.
    kept: Option<Ticket>,
}

impl QueuePolicy for Reject {
    fn begin(&mut self) {
        *self = Reject::default();
    }

    fn next(&mut self, waiting: &Waiting, _: &Cluster) -> Option<Ticket> {
        self.kept = self.tried.filter(|&tried| waiting.get(tried).is_some()).or(self.kept);
        self.tried = self.kept.map_or_else(|| waiting.first(), |kept| waiting.after(kept));
        self.tried
    }

    fn refused(&mut self, _: Ticket, _: &Waiting, _: &Cluster) -> OnRefusal {
        OnRefusal::Reject
    }
}
