//! The future event list: a total order, rounds within an instant, and cancel.

mod buckets;
mod entry;
mod lanes;
mod slots;

use std::collections::BinaryHeap;
use std::fmt;

use self::buckets::Buckets;
use self::entry::{Entry, PHASE_BITS, ROUNDS_MAX, SEQUENCE_BITS, SEQUENCE_END};
use self::lanes::Lanes;
use self::slots::Slots;
use super::time::SimTime;

/// Tombstones, and early entries, that are not worth a thought.
const FEW: usize = 64;

/// Names one scheduled event so that it can be cancelled.
///
/// A key is good for one event of one queue: once that event has fired or was cancelled, the key
/// stays dead for ever, even though its storage is used again (the sequence number tells them
/// apart).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventKey {
    /// Schedule count of the event, unique within its queue.
    sequence: u64,
    /// Place of the event in the slab.
    slot: u32,
}

/// A priority queue of future events that also holds the simulation clock.
///
/// Events fire in the total order (time, round, phase, sequence). The *sequence* counts calls of
/// [`EventQueue::schedule`], so equals fire first in, first out. The *phase* is chosen by the
/// caller and sorts events of one instant by kind. The *round* lets an event cause others at the
/// same instant without ever going backwards: an event scheduled for the current instant whose
/// phase is not after that of the event being handled opens the next round; with a later phase it
/// stays in the current round. Events at a later time, and all those scheduled before the first
/// pop, are in round 0.
///
/// # Implementation
///
/// Entries of 24 bytes are sorted; the events themselves lie still in a slab. An entry waits in one
/// of four places, and the next event is the first of three heads:
///
/// - the *lanes*, when it was scheduled for the current instant: no sorting at all;
/// - the *batch*, some dozens of entries due next, sorted once, when they are taken from the
///   buckets; their events are looked at together then, so that cache misses overlap;
/// - the *early* heap, when it was scheduled for a time that the batch has covered already;
/// - the *buckets* otherwise, unsorted until their time comes.
///
/// With n live events, `schedule`, `pop` and `cancel` take O(1) amortised time, and O(log n) for
/// early events, which are spread over the buckets again as soon as they are more than half of
/// all; `peek_time` prepares the next `pop`. The others take O(1). A cancelled event leaves its
/// entry behind as a tombstone, whose removal is charged to its `schedule`. Tombstones are swept
/// as soon as they outnumber the live events (and are more than a few), so memory stays
/// proportional to the greatest number of events that were ever live at once.
///
/// Chosen by measurement (`cargo bench -- hold`) over binary, 4-ary and 8-ary heaps and a radix
/// heap of the same entries. With a thousand events or fewer the heaps are as fast; above 10^5
/// they take two to ten times as long, because cache misses decide. Buckets that are linked chunks
/// of a pool instead of vectors were no faster.
pub struct EventQueue<E> {
    /// Storage of the events.
    slots: Slots<E>,
    /// Entries at the current instant that were scheduled during it.
    lanes: Lanes,
    /// Entries up to `edge`, the last one due first.
    batch: Vec<Entry>,
    /// Whether [`EventQueue::due_soon`] has yet to show the batch.
    fresh: bool,
    /// Entries up to `edge` that were scheduled after the batch was taken.
    early: BinaryHeap<Entry>,
    /// Entries after `edge`.
    far: Buckets,
    /// Time of the last entry of the latest batch, never before the clock; `None` before any.
    edge: Option<u64>,
    /// Entries whose event was cancelled.
    tombstones: usize,
    /// The entry popped last, which is the event being handled.
    current: Option<Entry>,
    /// Sequence number of the next event.
    next_sequence: u64,
}

/// Where the next event is taken from.
#[derive(Clone, Copy)]
enum Head {
    Lanes,
    Batch,
    Early,
}

impl<E> EventQueue<E> {
    /// An empty queue whose clock stands at [`SimTime::ZERO`].
    pub fn new() -> Self {
        Self {
            slots: Slots::new(),
            lanes: Lanes::default(),
            batch: Vec::new(),
            fresh: false,
            early: BinaryHeap::new(),
            far: Buckets::new(),
            edge: None,
            tombstones: 0,
            current: None,
            next_sequence: 0,
        }
    }

    /// The clock: time of the event popped last, or [`SimTime::ZERO`] before the first.
    pub fn now(&self) -> SimTime {
        SimTime::from_micros(self.current.map_or(0, |entry| entry.time))
    }

    /// Number of events that still wait.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether no event waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Time of the next event, or `None` when no event waits.
    ///
    /// Exclusive, because it sorts out what is due next if need be; [`EventQueue::pop`] profits.
    pub fn peek_time(&mut self) -> Option<SimTime> {
        self.settle();
        self.first().map(|(entry, _)| SimTime::from_micros(entry.time))
    }

    /// Events that are due next, some dozens at a time: each is shown once at most, and not all
    /// are. What is kept of them elsewhere can then be looked up ahead of time, all at once, so
    /// that the waits for memory overlap.
    pub fn due_soon(&mut self) -> impl Iterator<Item = &E> {
        let shown = std::mem::take(&mut self.fresh);
        let batch = if shown { self.batch.as_slice() } else { &[] };
        batch.iter().rev().filter_map(|entry| self.slots.get(entry))
    }

    /// Adds an event at `at`, in order of `phase` within that instant; see the type for rounds.
    ///
    /// Panics when `at` is before the clock, for a phase above 15, after 2^22 - 1 rounds within
    /// one instant (a loop of zero delays), after 2^38 events, or with 2^32 live at once.
    pub fn schedule(&mut self, at: SimTime, phase: u8, event: E) -> EventKey {
        assert!(phase < 1 << PHASE_BITS, "phase {phase} is above 15");
        let round = self.round_for(at, phase);
        let sequence = self.next_sequence;
        assert!(
            sequence < SEQUENCE_END,
            "event sequence exhausted after 2^{SEQUENCE_BITS} events at {at} s: split the run"
        );
        self.next_sequence += 1;
        let slot = self.slots.store(sequence, event).unwrap_or_else(|| {
            panic!("more than 2^32 events live at once at {} s: lower the load", self.now())
        });
        self.insert(Entry::new(at.micros(), round, phase, sequence, slot));
        EventKey { sequence, slot }
    }

    /// Takes the next event and advances the clock to its time; `None` when no event waits.
    pub fn pop(&mut self) -> Option<(SimTime, E)> {
        self.settle();
        let (entry, head) = self.first()?;
        assert!(
            self.current.is_none_or(|last| last.rank() < entry.rank()),
            "event order must strictly increase: at {} s an event came out of order",
            self.now()
        );
        match head {
            Head::Lanes => self.lanes.pop(entry.phase()),
            Head::Batch => drop(self.batch.pop()),
            Head::Early => drop(self.early.pop()),
        }
        self.current = Some(entry);
        let event = self.slots.release(entry.slot, entry.sequence());
        let event = event.expect("a settled head is never a tombstone");
        Some((SimTime::from_micros(entry.time), event))
    }

    /// Removes an event before it fires and returns it.
    ///
    /// `None` when it has fired or was cancelled already. The key must come from this queue.
    pub fn cancel(&mut self, key: EventKey) -> Option<E> {
        let event = self.slots.release(key.slot, key.sequence)?;
        self.tombstones += 1;
        if self.tombstones > self.len().max(FEW) {
            self.rebuild();
        }
        Some(event)
    }

    /// The round in which an event at `at` with `phase` belongs.
    fn round_for(&self, at: SimTime, phase: u8) -> u32 {
        let now = self.now();
        assert!(at >= now, "event scheduled in the past: {at} s is before the clock at {now} s");
        match self.current {
            Some(current) if at == now && phase <= current.phase() => {
                let round = current.round() + 1;
                assert!(
                    round <= ROUNDS_MAX,
                    "more than {ROUNDS_MAX} rounds at {now} s: break the loop of zero delays"
                );
                round
            }
            Some(current) if at == now => current.round(),
            _ => 0,
        }
    }

    /// Puts a new entry where it belongs.
    fn insert(&mut self, entry: Entry) {
        if self.current.is_some_and(|current| current.time == entry.time) {
            self.lanes.push(entry);
        } else if self.edge.is_some_and(|edge| entry.time <= edge) {
            self.early.push(entry);
            if self.early.len() > FEW.max(self.len() / 2) {
                self.rebuild();
            }
        } else {
            self.far.push(entry);
        }
    }

    /// The entry due first, and where it is, once the heads are settled.
    fn first(&self) -> Option<(Entry, Head)> {
        let mut first = self.batch.last().map(|entry| (*entry, Head::Batch));
        let mut consider = |entry: &Entry, head| {
            if first.is_none_or(|(other, _)| entry.rank() < other.rank()) {
                first = Some((*entry, head));
            }
        };
        if let Some(entry) = self.early.peek() {
            consider(entry, Head::Early);
        }
        if let Some(entry) = self.lanes.first() {
            consider(entry, Head::Lanes);
        }
        first
    }

    /// Sees to the heads: none is a tombstone then, and there is one if an event waits.
    fn settle(&mut self) {
        if self.tombstones > 0 {
            self.strip();
        }
        if self.batch.is_empty() && self.early.is_empty() && self.lanes.is_empty() {
            self.refill();
        }
    }

    /// Removes the tombstones at the heads.
    #[cold]
    fn strip(&mut self) {
        while self.batch.pop_if(|entry| !self.slots.is_live(entry)).is_some() {
            self.tombstones -= 1;
        }
        while self.early.peek().is_some_and(|entry| !self.slots.is_live(entry)) {
            self.early.pop();
            self.tombstones -= 1;
        }
        self.tombstones -= self.lanes.strip(|entry| self.slots.is_live(entry));
    }

    /// Takes the next batch from the buckets; the batch must be empty.
    fn refill(&mut self) {
        while self.batch.is_empty()
            && let Some(edge) = self.far.take_first(&mut self.batch)
        {
            self.edge = Some(edge);
            let taken = self.batch.len();
            // Not only for the tombstones: this fetches the events of the batch into the cache,
            // many at a time.
            self.batch.retain(|entry| self.slots.is_live(entry));
            self.tombstones -= taken - self.batch.len();
            self.batch.sort_unstable();
            self.fresh = true;
        }
    }

    /// Sweeps all tombstones, and puts all entries that are not in the lanes into the buckets.
    ///
    /// Linear in the number of entries, of which tombstones or early ones are the majority.
    #[cold]
    fn rebuild(&mut self) {
        let mut entries = std::mem::take(&mut self.batch);
        entries.extend(std::mem::take(&mut self.early));
        self.far.reset(self.now().micros(), |entry| entries.push(entry));
        entries.retain(|entry| self.slots.is_live(entry));
        for &entry in &entries {
            self.far.push(entry);
        }
        self.lanes.retain(|entry| self.slots.is_live(entry));
        self.tombstones = 0;
        self.edge = None;
        self.refill();
    }
}

impl<E> Default for EventQueue<E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<E> fmt::Debug for EventQueue<E> {
    /// Shows clock and sizes only, so that events need not be `Debug`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("EventQueue")
            .field("now", &self.now())
            .field("len", &self.len())
            .field("next_sequence", &self.next_sequence)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "queue_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "queue_oracle_tests.rs"]
mod oracle_tests;
