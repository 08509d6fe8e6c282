//! The tasks that wait for capacity.

use std::collections::{BTreeMap, BTreeSet};

use smallvec::SmallVec;

use crate::model::{ClassId, TaskId};

/// A place in the queue, ascending in order of arrival; the key of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Ticket(pub u64);

/// What decides whether an entry fits: entries of one shape are interchangeable to a placer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Shape {
    /// What each task asks for.
    pub class: ClassId,
    /// Which of the controller's placers decides.
    pub placer: usize,
    /// Number of tasks placed at once.
    pub tasks: usize,
}

/// Tasks that are tried together: one task, or a gang.
#[derive(Debug, Clone)]
pub struct Entry {
    /// What each asks for.
    pub class: ClassId,
    /// Which of the controller's placers decides.
    pub placer: usize,
    /// The tasks, in order of creation.
    pub tasks: SmallVec<[TaskId; 1]>,
    /// Attempts made so far.
    pub attempts: u32,
}

impl Entry {
    /// Its shape.
    pub fn shape(&self) -> Shape {
        Shape { class: self.class, placer: self.placer, tasks: self.tasks.len() }
    }
}

/// The queue: entries by order of arrival, and by shape. All operations O(log entries).
#[derive(Debug, Default)]
pub struct Waiting {
    entries: BTreeMap<Ticket, Entry>,
    by_shape: BTreeMap<Shape, BTreeSet<Ticket>>,
    next: u64,
    tasks: u64,
}

impl Waiting {
    /// Adds an entry at the end.
    pub fn push(&mut self, entry: Entry) -> Ticket {
        let ticket = Ticket(self.next);
        self.next += 1;
        self.tasks += entry.tasks.len() as u64;
        self.by_shape.entry(entry.shape()).or_default().insert(ticket);
        self.entries.insert(ticket, entry);
        ticket
    }

    /// Takes an entry out.
    pub fn remove(&mut self, ticket: Ticket) -> Option<Entry> {
        let entry = self.entries.remove(&ticket)?;
        self.tasks -= entry.tasks.len() as u64;
        let shape = entry.shape();
        let tickets = self.by_shape.get_mut(&shape).expect("an entry is listed by its shape");
        tickets.remove(&ticket);
        if tickets.is_empty() {
            self.by_shape.remove(&shape);
        }
        Some(entry)
    }

    /// An entry.
    pub fn get(&self, ticket: Ticket) -> Option<&Entry> {
        self.entries.get(&ticket)
    }

    /// Counts one more attempt and returns how many were made before.
    pub fn count_attempt(&mut self, ticket: Ticket) -> u32 {
        let entry = self.entries.get_mut(&ticket).expect("an attempt is made for a waiting entry");
        entry.attempts += 1;
        entry.attempts - 1
    }

    /// The entry that waits longest.
    pub fn first(&self) -> Option<(Ticket, &Entry)> {
        self.entries.first_key_value().map(|(&ticket, entry)| (ticket, entry))
    }

    /// The first entry that arrived at `from` or later.
    pub fn first_from(&self, from: Ticket) -> Option<Ticket> {
        self.entries.range(from..).next().map(|(&ticket, _)| ticket)
    }

    /// All entries in order of arrival.
    pub fn iter(&self) -> impl Iterator<Item = (Ticket, &Entry)> {
        self.entries.iter().map(|(&ticket, entry)| (ticket, entry))
    }

    /// The shapes that wait.
    pub fn shapes(&self) -> impl Iterator<Item = Shape> {
        self.by_shape.keys().copied()
    }

    /// The first entry of a shape that arrived at `from` or later.
    pub fn first_of(&self, shape: Shape, from: Ticket) -> Option<Ticket> {
        self.by_shape.get(&shape)?.range(from..).next().copied()
    }

    /// Number of tasks waiting.
    pub fn tasks(&self) -> u64 {
        self.tasks
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}
