//! Storage of the events that wait: a slab whose places are used again, told apart by sequence.

use super::entry::Entry;

/// A place in the slab; vacant when `event` is `None`.
struct Slot<E> {
    /// Sequence number of the latest occupant.
    sequence: u64,
    /// The event that waits here.
    event: Option<E>,
}

/// The events that wait, each at a place that it keeps until it fires or is cancelled.
pub(super) struct Slots<E> {
    places: Vec<Slot<E>>,
    /// Vacant places, last in, first out: the place taken next is the one that is still cached.
    vacant: Vec<u32>,
}

impl<E> Slots<E> {
    pub(super) fn new() -> Self {
        Self { places: Vec::new(), vacant: Vec::new() }
    }

    /// Number of events that wait.
    pub(super) fn len(&self) -> usize {
        self.places.len() - self.vacant.len()
    }

    /// Puts an event in a vacant place, or in a new one; `None` when 2^32 events wait already.
    pub(super) fn store(&mut self, sequence: u64, event: E) -> Option<u32> {
        let content = Slot { sequence, event: Some(event) };
        if let Some(slot) = self.vacant.pop() {
            self.places[slot as usize] = content;
            return Some(slot);
        }
        let slot = u32::try_from(self.places.len()).ok()?;
        self.places.push(content);
        Some(slot)
    }

    /// Empties a place if it still holds the event with that sequence number.
    pub(super) fn release(&mut self, slot: u32, sequence: u64) -> Option<E> {
        let place = self.places.get_mut(slot as usize)?;
        if place.sequence != sequence {
            return None;
        }
        let event = place.event.take()?;
        self.vacant.push(slot);
        Some(event)
    }

    /// Whether the event of an entry still waits.
    pub(super) fn is_live(&self, entry: &Entry) -> bool {
        let place = &self.places[entry.slot as usize];
        place.sequence == entry.sequence() && place.event.is_some()
    }

    /// The event of an entry, if it still waits.
    pub(super) fn get(&self, entry: &Entry) -> Option<&E> {
        let place = &self.places[entry.slot as usize];
        place.event.as_ref().filter(|_| place.sequence == entry.sequence())
    }

    /// Places in use or reserved.
    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.places.capacity().max(self.vacant.capacity())
    }
}
