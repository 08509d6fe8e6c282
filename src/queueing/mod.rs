//! Queueing: which waiting tasks are tried next, and what happens to those that do not fit.
//!
//! A new policy is one file here and one line in the table below.

#[cfg(test)]
mod interrupted_tests;
#[cfg(test)]
mod tests;
mod waiting;

pub use waiting::{Entry, Shape, ShapeId, Ticket, Waiting};

use crate::model::{ClassId, Cluster};

macro_rules! policies {
    ($($module:ident),* $(,)?) => {
        $(mod $module;)*

        /// Every queue policy, in the order of `towtank list queues`.
        pub static QUEUES: &[QueueEntry] = &[$($module::ENTRY),*];
    };
}

policies! {
    ecs,
    fifo,
    reject,
}

/// A line of the table.
#[derive(Debug, Clone)]
pub struct QueueEntry {
    /// The name users write.
    pub name: &'static str,
    /// One line for `towtank list queues`.
    pub summary: &'static str,
    /// Builds it.
    pub build: fn() -> Box<dyn QueuePolicy>,
}

/// What becomes of tasks that no instance can take now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnRefusal {
    /// They keep waiting.
    Wait,
    /// They are turned away; tasks of services wait all the same.
    Reject,
}

/// Decides the order of attempts. A pass is made whenever tasks arrive or room is made; in it the
/// controller tries what [`QueuePolicy::next`] names until that is nothing.
pub trait QueuePolicy: std::fmt::Debug + Send {
    /// A new pass begins.
    fn begin(&mut self);

    /// What to try next in this pass; `None` ends it.
    fn next(&mut self, waiting: &Waiting, cluster: &Cluster) -> Option<Ticket>;

    /// The attempt was refused.
    fn refused(&mut self, ticket: Ticket, waiting: &Waiting, cluster: &Cluster) -> OnRefusal;
}

/// The policy of that name.
///
/// # Errors
/// The name is unknown; says which are known and what may have been meant.
pub fn queue_policy(name: &str) -> Result<&'static QueueEntry, String> {
    QUEUES.iter().find(|entry| entry.name == name).ok_or_else(|| {
        let known: Vec<&str> = QUEUES.iter().map(|entry| entry.name).collect();
        let near = known.iter().min_by_key(|known| strsim::damerau_levenshtein(name, known));
        let near = near.filter(|known| strsim::damerau_levenshtein(name, known) <= 2);
        let hint = near.map_or(String::new(), |known| format!("; did you mean '{known}'?"));
        format!("unknown queue policy '{name}'{hint} (known: {})", known.join(", "))
    })
}

/// Remembers that a shape was refused, so that it is not tried again before anything changed that
/// could help.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Refused {
    version: u64,
    room_version: u64,
}

impl Refused {
    pub(crate) fn now(cluster: &Cluster) -> Refused {
        Refused { version: cluster.version(), room_version: cluster.room_version() }
    }

    /// Whether an attempt now is bound to be refused like the one remembered.
    pub(crate) fn still_holds(self, class: ClassId, cluster: &Cluster) -> bool {
        if cluster.class(class).is_monotone() {
            cluster.room_version() == self.room_version
        } else {
            cluster.version() == self.version
        }
    }
}
