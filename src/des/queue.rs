//! The future event list: a binary heap with a total order, rounds within an instant, and cancel.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::fmt;

use super::time::SimTime;

/// Bits of the sequence number within the packed order.
const SEQUENCE_BITS: u32 = 38;

/// Bits of the phase within the packed order.
const PHASE_BITS: u32 = 4;

/// Rounds of one instant at most: a loop of zero delays is stopped there.
const ROUNDS_MAX: u32 = (1 << (64 - SEQUENCE_BITS - PHASE_BITS)) - 1;

/// First sequence number that no longer fits.
const SEQUENCE_END: u64 = 1 << SEQUENCE_BITS;

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

/// A place in the slab; vacant when `event` is `None`.
struct Slot<E> {
    /// Sequence number of the latest occupant.
    sequence: u64,
    /// The event that waits here.
    event: Option<E>,
}

/// What the heap sorts: the packed key of an event and where the event lies.
#[derive(Clone, Copy)]
struct Entry {
    /// Microseconds since the start of the run.
    time: u64,
    /// Round (22 bits), phase (4 bits) and sequence (38 bits), most significant first.
    order: u64,
    /// Place of the event in the slab.
    slot: u32,
}

impl Entry {
    /// The whole 128-bit key; two words are stored because a `u128` would pad an entry to 32 bytes.
    fn rank(&self) -> u128 {
        (u128::from(self.time) << 64) | u128::from(self.order)
    }

    /// Round of the event within its instant.
    fn round(&self) -> u32 {
        (self.order >> (SEQUENCE_BITS + PHASE_BITS)) as u32
    }

    /// Phase of the event within its round.
    fn phase(&self) -> u8 {
        ((self.order >> SEQUENCE_BITS) % (1 << PHASE_BITS)) as u8
    }

    /// Schedule count of the event.
    fn sequence(&self) -> u64 {
        self.order % SEQUENCE_END
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.rank() == other.rank()
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    /// Reversed, because the standard heap keeps its greatest element on top.
    fn cmp(&self, other: &Self) -> Ordering {
        other.rank().cmp(&self.rank())
    }
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
/// With n live events, `schedule` and `pop` take O(log n) time, `cancel` O(1) amortised (the heap
/// entry stays behind as a tombstone, whose later removal is charged to its `schedule`), all
/// others O(1). Tombstones are swept as soon as they outnumber the live events, so memory stays
/// proportional to the greatest number of events that were ever live at once.
pub struct EventQueue<E> {
    /// Keys of the live events and of tombstones; the top is never a tombstone.
    heap: BinaryHeap<Entry>,
    /// Storage of the events.
    slots: Vec<Slot<E>>,
    /// Vacant places in `slots`, last in, first out.
    vacant: Vec<u32>,
    /// The entry popped last, which is the event being handled.
    current: Option<Entry>,
    /// Sequence number of the next event.
    next_sequence: u64,
}

impl<E> EventQueue<E> {
    /// An empty queue whose clock stands at [`SimTime::ZERO`].
    pub fn new() -> Self {
        Self {
            heap: BinaryHeap::new(),
            slots: Vec::new(),
            vacant: Vec::new(),
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
        self.slots.len() - self.vacant.len()
    }

    /// Whether no event waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Time of the next event, or `None` when no event waits.
    pub fn peek_time(&self) -> Option<SimTime> {
        self.heap.peek().map(|entry| SimTime::from_micros(entry.time))
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
        let slot = self.store(sequence, event);
        let order = (u64::from(round) << (SEQUENCE_BITS + PHASE_BITS))
            | (u64::from(phase) << SEQUENCE_BITS)
            | sequence;
        self.heap.push(Entry { time: at.micros(), order, slot });
        EventKey { sequence, slot }
    }

    /// Takes the next event and advances the clock to its time; `None` when no event waits.
    pub fn pop(&mut self) -> Option<(SimTime, E)> {
        let entry = self.heap.pop()?;
        assert!(
            self.current.is_none_or(|last| last.rank() < entry.rank()),
            "event order must strictly increase: at {} s an event came out of order",
            self.now()
        );
        let event = self.release(entry.slot, entry.sequence());
        self.current = Some(entry);
        self.sweep();
        let event = event.expect("the top of the heap is never a tombstone");
        Some((SimTime::from_micros(entry.time), event))
    }

    /// Removes an event before it fires and returns it.
    ///
    /// `None` when it has fired or was cancelled already. The key must come from this queue.
    pub fn cancel(&mut self, key: EventKey) -> Option<E> {
        let event = self.release(key.slot, key.sequence)?;
        self.sweep();
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

    /// Puts an event in a vacant place, or in a new one when there is none.
    fn store(&mut self, sequence: u64, event: E) -> u32 {
        let content = Slot { sequence, event: Some(event) };
        if let Some(slot) = self.vacant.pop() {
            self.slots[slot as usize] = content;
            return slot;
        }
        let slot = u32::try_from(self.slots.len()).unwrap_or_else(|_| {
            panic!("more than 2^32 events live at once at {} s: lower the load", self.now())
        });
        self.slots.push(content);
        slot
    }

    /// Empties a place if it still holds the event with that sequence number.
    fn release(&mut self, slot: u32, sequence: u64) -> Option<E> {
        let place = self.slots.get_mut(slot as usize)?;
        if place.sequence != sequence {
            return None;
        }
        let event = place.event.take()?;
        self.vacant.push(slot);
        Some(event)
    }

    /// Restores both invariants of the heap: its top is live, and at most half of it is not.
    ///
    /// A full sweep takes time linear in the tombstones that it removes, as they are the majority.
    fn sweep(&mut self) {
        let live = self.len();
        if self.heap.len() - live > live {
            let slots = &self.slots;
            self.heap.retain(|entry| is_live(slots, entry));
        }
        while self.heap.peek().is_some_and(|entry| !is_live(&self.slots, entry)) {
            self.heap.pop();
        }
    }
}

/// Whether the event of a heap entry still waits.
fn is_live<E>(slots: &[Slot<E>], entry: &Entry) -> bool {
    let place = &slots[entry.slot as usize];
    place.sequence == entry.sequence() && place.event.is_some()
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
