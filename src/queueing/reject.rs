//! A loss system: what does not fit at once is turned away, as `RunTask` does without a capacity
//! provider.
//!
//! Source: ECS API, `RunTask`, failures.

use crate::model::Cluster;

use super::{OnRefusal, QueueEntry, QueuePolicy, Ticket, Waiting};

pub(super) const ENTRY: QueueEntry = QueueEntry {
    name: "reject",
    summary: "what does not fit at once is turned away (RunTask without capacity provider)",
    build: || Box::new(Reject),
};

#[derive(Debug)]
struct Reject;

impl QueuePolicy for Reject {
    fn begin(&mut self) {}

    fn next(&mut self, waiting: &Waiting, _: &Cluster) -> Option<Ticket> {
        waiting.first().map(|(ticket, _)| ticket)
    }

    fn refused(&mut self, _: Ticket, _: &Waiting, _: &Cluster) -> OnRefusal {
        OnRefusal::Reject
    }
}
