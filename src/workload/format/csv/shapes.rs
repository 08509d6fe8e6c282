//! Numbers for what rows say of their task definitions.

use xxhash_rust::xxh3::xxh3_64;

use super::places::Places;

/// Shapes by their keys, numbered from 0 in order of appearance.
#[derive(Debug, Default)]
pub(super) struct Shapes {
    keys: Vec<Box<[u8]>>,
    numbers: Places<u32>,
}

impl Shapes {
    /// The number of a shape; `None` if it is new.
    pub(super) fn number(&self, key: &[u8]) -> Option<u32> {
        self.numbers.find(xxh3_64(key), |number| *self.keys[number as usize] == *key)
    }

    /// Adds a new shape; its number.
    pub(super) fn add(&mut self, key: &[u8]) -> u32 {
        let number = self.keys.len() as u32;
        self.numbers.add(xxh3_64(key), number);
        self.keys.push(key.into());
        number
    }
}
