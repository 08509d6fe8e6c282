//! What the queue sorts: the packed key of an event, and where the event lies.

use std::cmp::Ordering;

/// Bits of the sequence number within the packed order.
pub(super) const SEQUENCE_BITS: u32 = 38;

/// Bits of the phase within the packed order.
pub(super) const PHASE_BITS: u32 = 4;

/// Rounds of one instant at most: a loop of zero delays is stopped there.
pub(super) const ROUNDS_MAX: u32 = (1 << (64 - SEQUENCE_BITS - PHASE_BITS)) - 1;

/// First sequence number that no longer fits.
pub(super) const SEQUENCE_END: u64 = 1 << SEQUENCE_BITS;

/// The key of an event and its place in the slab; ordered such that the event due first is the
/// greatest, because the standard heap keeps its greatest element on top.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    /// Microseconds since the start of the run.
    pub(super) time: u64,
    /// Round (22 bits), phase (4 bits) and sequence (38 bits), most significant first.
    order: u64,
    /// Place of the event in the slab.
    pub(super) slot: u32,
}

impl Entry {
    /// Packs a key; the fields must be within their bits.
    pub(super) fn new(time: u64, round: u32, phase: u8, sequence: u64, slot: u32) -> Self {
        let order = (u64::from(round) << (SEQUENCE_BITS + PHASE_BITS))
            | (u64::from(phase) << SEQUENCE_BITS)
            | sequence;
        Self { time, order, slot }
    }

    /// The whole 128-bit key; two words are stored because a `u128` would pad an entry to 32 bytes.
    pub(super) fn rank(&self) -> u128 {
        (u128::from(self.time) << 64) | u128::from(self.order)
    }

    /// Round of the event within its instant.
    pub(super) fn round(&self) -> u32 {
        (self.order >> (SEQUENCE_BITS + PHASE_BITS)) as u32
    }

    /// Phase of the event within its round.
    pub(super) fn phase(&self) -> u8 {
        ((self.order >> SEQUENCE_BITS) % (1 << PHASE_BITS)) as u8
    }

    /// Schedule count of the event.
    pub(super) fn sequence(&self) -> u64 {
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
    fn cmp(&self, other: &Self) -> Ordering {
        other.rank().cmp(&self.rank())
    }
}
