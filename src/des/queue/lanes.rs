//! The events scheduled for the current instant, in order without any sorting.

use std::collections::VecDeque;

use super::entry::{Entry, PHASE_BITS};

/// Phases, and so lanes.
const LANES: usize = 1 << PHASE_BITS;

/// A lane that once held more gives its memory back when it runs empty.
const KEPT: usize = 1024;

/// Events scheduled for the current instant while it lasts: one line, first in first out, for each
/// phase. Within a phase both the sequence and the round only grow while an instant lasts, so that
/// each line is in order by itself and the next event is at the head of one of them.
#[derive(Default)]
pub(super) struct Lanes {
    lanes: [VecDeque<Entry>; LANES],
    /// One bit for each lane that is not empty.
    occupied: u16,
}

impl Lanes {
    pub(super) fn is_empty(&self) -> bool {
        self.occupied == 0
    }

    pub(super) fn push(&mut self, entry: Entry) {
        let phase = entry.phase();
        self.lanes[usize::from(phase)].push_back(entry);
        self.occupied |= 1 << phase;
    }

    /// The entry due first; looks at the head of each occupied lane.
    pub(super) fn first(&self) -> Option<&Entry> {
        let mut first: Option<&Entry> = None;
        let mut occupied = self.occupied;
        while occupied != 0 {
            let head = self.lanes[occupied.trailing_zeros() as usize].front();
            occupied &= occupied - 1;
            // Of two entries the greater is due first, and any is greater than none.
            first = first.max(head);
        }
        first
    }

    /// Removes the head of the lane of a phase.
    pub(super) fn pop(&mut self, phase: u8) {
        let lane = &mut self.lanes[usize::from(phase)];
        lane.pop_front();
        if lane.is_empty() {
            self.occupied &= !(1 << phase);
            if lane.capacity() > KEPT {
                *lane = VecDeque::new();
            }
        }
    }

    /// Removes the heads that are not live, and returns how many.
    pub(super) fn strip(&mut self, is_live: impl Fn(&Entry) -> bool) -> usize {
        let mut removed = 0;
        let mut occupied = self.occupied;
        while occupied != 0 {
            let phase = occupied.trailing_zeros() as u8;
            occupied &= occupied - 1;
            while self.lanes[usize::from(phase)].front().is_some_and(|head| !is_live(head)) {
                self.pop(phase);
                removed += 1;
            }
        }
        removed
    }

    /// Removes all entries that are not live.
    pub(super) fn retain(&mut self, is_live: impl Fn(&Entry) -> bool) {
        for (phase, lane) in self.lanes.iter_mut().enumerate() {
            lane.retain(&is_live);
            lane.shrink_to(2 * lane.len());
            if lane.is_empty() {
                self.occupied &= !(1 << phase);
            }
        }
    }

    /// Entries held, and entries that there is room for.
    #[cfg(test)]
    pub(super) fn size(&self) -> (usize, usize) {
        let lanes = || self.lanes.iter();
        (lanes().map(VecDeque::len).sum(), lanes().map(VecDeque::capacity).sum())
    }
}
