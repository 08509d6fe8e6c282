//! The tasks that wait for capacity.

use std::collections::VecDeque;

use slab::Slab;
use smallvec::SmallVec;

use crate::model::{ClassId, TaskId};

/// A place in the queue, ascending in order of arrival; the key of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket {
    /// Number of entries that came before.
    pub number: u64,
    /// Where the entry is stored; taken over by a later one.
    slot: u32,
}

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

/// A shape by its number, in order of first use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShapeId(u32);

impl ShapeId {
    /// The id as an index into an array by id.
    pub fn index(self) -> usize {
        self.0 as usize
    }
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

/// An entry and its neighbours in order of arrival.
#[derive(Debug)]
struct Link {
    number: u64,
    entry: Entry,
    shape: ShapeId,
    before: Option<Ticket>,
    after: Option<Ticket>,
}

/// The entries of one shape.
#[derive(Debug)]
struct Line {
    shape: Shape,
    /// In order of arrival.
    tickets: VecDeque<Ticket>,
    /// Index in [`Waiting::busy`], while there are any.
    busy_at: usize,
}

/// The queue: entries by order of arrival, and by shape. Adding and removing is O(1), apart from
/// O(log shapes) of a class with many, and O(entries of the shape) to remove one from their middle.
#[derive(Debug, Default)]
pub struct Waiting {
    links: Slab<Link>,
    ends: Option<(Ticket, Ticket)>,
    lines: Vec<Line>,
    /// By class: its shapes in ascending order.
    shapes_of: Vec<Vec<ShapeId>>,
    /// Shapes with entries, in no order.
    busy: Vec<ShapeId>,
    next: u64,
    tasks: u64,
}

impl Waiting {
    /// Adds an entry at the end.
    pub fn push(&mut self, entry: Entry) -> Ticket {
        let number = self.next;
        self.next += 1;
        self.tasks += entry.tasks.len() as u64;
        let shape = self.intern(entry.shape());
        let before = self.ends.map(|(_, last)| last);
        let slot = self.links.insert(Link { number, entry, shape, before, after: None });
        let slot = u32::try_from(slot).expect("fewer than 2^32 entries wait");
        let ticket = Ticket { number, slot };
        if let Some(before) = before {
            self.links[before.slot as usize].after = Some(ticket);
        }
        self.ends = Some((self.ends.map_or(ticket, |(first, _)| first), ticket));
        let line = &mut self.lines[shape.index()];
        if line.tickets.is_empty() {
            line.busy_at = self.busy.len();
            self.busy.push(shape);
        }
        line.tickets.push_back(ticket);
        ticket
    }

    fn intern(&mut self, shape: Shape) -> ShapeId {
        let class = shape.class.index();
        if self.shapes_of.len() <= class {
            self.shapes_of.resize_with(class + 1, Vec::new);
        }
        self.find(shape).unwrap_or_else(|at| {
            let id = ShapeId(self.lines.len() as u32);
            self.lines.push(Line { shape, tickets: VecDeque::new(), busy_at: 0 });
            self.shapes_of[class].insert(at, id);
            id
        })
    }

    /// The id of a shape of a class known; else where it belongs among those of its class.
    fn find(&self, shape: Shape) -> Result<ShapeId, usize> {
        let known = &self.shapes_of[shape.class.index()];
        let at = known.binary_search_by_key(&shape, |id| self.lines[id.index()].shape)?;
        Ok(known[at])
    }

    /// Takes an entry out.
    pub fn remove(&mut self, ticket: Ticket) -> Option<Entry> {
        self.get(ticket)?;
        let Link { entry, shape, before, after, .. } = self.links.remove(ticket.slot as usize);
        self.tasks -= entry.tasks.len() as u64;
        if let Some(before) = before {
            self.links[before.slot as usize].after = after;
        }
        if let Some(after) = after {
            self.links[after.slot as usize].before = before;
        }
        self.ends = self.ends.and_then(|(first, last)| {
            let first = if first == ticket { after? } else { first };
            Some((first, if last == ticket { before? } else { last }))
        });
        self.leave_line(shape, ticket);
        Some(entry)
    }

    fn leave_line(&mut self, shape: ShapeId, ticket: Ticket) {
        let Line { tickets, busy_at, .. } = &mut self.lines[shape.index()];
        if tickets.front() == Some(&ticket) {
            tickets.pop_front();
        } else {
            let at = tickets.binary_search(&ticket).expect("an entry is listed by its shape");
            tickets.remove(at);
        }
        if tickets.is_empty() {
            let at = *busy_at;
            self.busy.swap_remove(at);
            if let Some(moved) = self.busy.get(at) {
                self.lines[moved.index()].busy_at = at;
            }
        }
    }

    fn link(&self, ticket: Ticket) -> Option<&Link> {
        let link = self.links.get(ticket.slot as usize);
        link.filter(|link| link.number == ticket.number)
    }

    /// An entry.
    pub fn get(&self, ticket: Ticket) -> Option<&Entry> {
        self.link(ticket).map(|link| &link.entry)
    }

    /// Counts one more attempt and returns how many were made before.
    pub fn count_attempt(&mut self, ticket: Ticket) -> u32 {
        let link = self.links.get_mut(ticket.slot as usize);
        let link = link.filter(|link| link.number == ticket.number);
        let entry = &mut link.expect("an attempt is made for a waiting entry").entry;
        entry.attempts += 1;
        entry.attempts - 1
    }

    /// The entry that waits longest.
    pub fn first(&self) -> Option<Ticket> {
        self.ends.map(|(first, _)| first)
    }

    /// The first entry that arrived as number `from` or later. O(1) where that is the first of all,
    /// else O(shapes).
    pub fn first_from(&self, from: u64) -> Option<Ticket> {
        let first = self.first().filter(|first| first.number >= from);
        first.or_else(|| self.shapes().filter_map(|shape| self.first_of(shape, from)).min())
    }

    /// All entries in order of arrival.
    pub fn iter(&self) -> impl Iterator<Item = (Ticket, &Entry)> {
        let tickets = std::iter::successors(self.first(), |&ticket| self.link(ticket)?.after);
        tickets.map(|ticket| (ticket, &self.links[ticket.slot as usize].entry))
    }

    /// The shapes that wait, in no particular order.
    pub fn shapes(&self) -> impl Iterator<Item = ShapeId> {
        self.busy.iter().copied()
    }

    /// A shape.
    pub fn shape(&self, id: ShapeId) -> Shape {
        self.lines[id.index()].shape
    }

    /// The shape of an entry.
    pub fn shape_of(&self, ticket: Ticket) -> Option<ShapeId> {
        self.link(ticket).map(|link| link.shape)
    }

    /// The first entry of a shape that arrived as number `from` or later. O(1) where that is the
    /// first of all, else O(log entries of the shape).
    pub fn first_of(&self, shape: ShapeId, from: u64) -> Option<Ticket> {
        let tickets = &self.lines[shape.index()].tickets;
        let first = tickets.front().filter(|first| first.number >= from);
        first.or_else(|| tickets.get(tickets.partition_point(|one| one.number < from))).copied()
    }

    /// The entries of a shape of a class that has waited before, the last to arrive first.
    pub fn latest_of(&self, shape: Shape) -> impl Iterator<Item = Ticket> {
        let id = self.find(shape).ok();
        id.into_iter().flat_map(|id| self.lines[id.index()].tickets.iter().rev().copied())
    }

    /// Number of entries ever added.
    pub fn arrivals(&self) -> u64 {
        self.next
    }

    /// Number of tasks waiting.
    pub fn tasks(&self) -> u64 {
        self.tasks
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.links.is_empty()
    }
}
