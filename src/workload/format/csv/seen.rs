//! The names of a trace, each of which may stand there once.

use std::num::NonZeroU64;

use xxhash_rust::xxh3::xxh3_128;

use super::places::Places;

/// Lines by the hash of the name, in 24 bytes a place. With 128 bits, two different names of a
/// billion have the same hash with a probability of 1e-21.
#[derive(Debug, Default)]
pub(super) struct SeenNames {
    /// By one half of the hash: the other half, and the line.
    lines: Places<(u64, NonZeroU64)>,
}

impl SeenNames {
    /// Adds a name and its line; the line at which it stands already, if it does.
    pub(super) fn add(&mut self, name: &str, line: u64) -> Option<u64> {
        let hash = xxh3_128(name.as_bytes());
        let (low, high) = (hash as u64, (hash >> 64) as u64);
        if let Some((_, before)) = self.lines.find(low, |(known, _)| known == high) {
            return Some(before.get());
        }
        self.lines.add(low, (high, NonZeroU64::new(line).expect("lines are counted from 1")));
        None
    }
}
