//! First in, first out: the head of the queue blocks everything behind it.

use crate::model::Cluster;

use super::{OnRefusal, QueueEntry, QueuePolicy, Refused, Ticket, Waiting};

pub(super) const ENTRY: QueueEntry = QueueEntry {
    name: "fifo",
    summary: "tasks wait in order of arrival; the head blocks those behind it",
    build: || Box::new(Fifo::default()),
};

#[derive(Debug, Default)]
struct Fifo {
    /// The head, when it was refused last.
    blocked: Option<(Ticket, Refused)>,
    /// Whether the head was refused in this pass.
    stop: bool,
}

impl QueuePolicy for Fifo {
    fn begin(&mut self) {
        self.stop = false;
    }

    fn next(&mut self, waiting: &Waiting, cluster: &Cluster) -> Option<Ticket> {
        if self.stop {
            return None;
        }
        let head = waiting.first()?;
        let class = waiting.get(head)?.class;
        let bound_to_fail = self
            .blocked
            .is_some_and(|(ticket, refused)| ticket == head && refused.still_holds(class, cluster));
        (!bound_to_fail).then_some(head)
    }

    fn refused(&mut self, ticket: Ticket, _: &Waiting, cluster: &Cluster) -> OnRefusal {
        self.blocked = Some((ticket, Refused::now(cluster)));
        self.stop = true;
        OnRefusal::Wait
    }
}
