//! Instances of equal key, and how many of them can take the tasks of each column.

use crate::model::InstanceId;
use crate::placement::Score;

use super::bit_set::{BLOCK_WORDS, place};

/// The instances whose keys fall into one bucket.
#[derive(Debug, Default)]
pub(super) struct Level {
    words: Vec<u64>,
    members: u32,
    /// Feasible members by column.
    feasible: Vec<u32>,
    /// The same by block: `[block][column]`.
    blocks: Vec<u16>,
    /// Lowest and highest key put in since the level was last empty.
    keys: Option<(Score, Score)>,
}

impl Level {
    /// Adds an instance.
    pub(super) fn insert(&mut self, id: InstanceId, key: Score, columns: usize) {
        let (word, bit) = place(id);
        if self.words.len() <= word {
            let blocks = word / BLOCK_WORDS + 1;
            self.words.resize(blocks * BLOCK_WORDS, 0);
            self.feasible.resize(columns, 0);
            self.blocks.resize(blocks * columns, 0);
        }
        self.words[word] |= bit;
        self.members += 1;
        let (low, high) = self.keys.unwrap_or((key, key));
        self.keys = Some((low.min(key), high.max(key)));
    }

    /// Takes an instance out.
    pub(super) fn remove(&mut self, id: InstanceId) {
        let (word, bit) = place(id);
        self.words[word] &= !bit;
        self.members -= 1;
        if self.members == 0 {
            self.keys = None;
        }
    }

    /// Counts a member for some columns; calls `first` with those it is the first of.
    pub(super) fn count(
        &mut self,
        id: InstanceId,
        columns: impl Iterator<Item = usize>,
        mut first: impl FnMut(usize),
    ) {
        let row = id.index() / (64 * BLOCK_WORDS) * self.feasible.len();
        for column in columns {
            self.blocks[row + column] += 1;
            self.feasible[column] += 1;
            if self.feasible[column] == 1 {
                first(column);
            }
        }
    }

    /// Takes a member out of the counts of some columns; calls `last` with those it was the
    /// last of.
    pub(super) fn discount(
        &mut self,
        id: InstanceId,
        columns: impl Iterator<Item = usize>,
        mut last: impl FnMut(usize),
    ) {
        let row = id.index() / (64 * BLOCK_WORDS) * self.feasible.len();
        for column in columns {
            self.blocks[row + column] -= 1;
            self.feasible[column] -= 1;
            if self.feasible[column] == 0 {
                last(column);
            }
        }
    }

    /// The key of all members; `None` if they may differ.
    pub(super) fn key(&self) -> Option<Score> {
        self.keys.and_then(|(low, high)| (low == high).then_some(low))
    }

    /// Members that can take a column's tasks.
    pub(super) fn feasible(&self, column: usize) -> usize {
        self.feasible.get(column).copied().unwrap_or(0) as usize
    }

    /// The same within a block.
    pub(super) fn feasible_in_block(&self, block: usize, column: usize) -> usize {
        self.blocks.get(block * self.feasible.len() + column).copied().unwrap_or(0).into()
    }

    /// The members among 64 instances, as bits.
    pub(super) fn word(&self, word: usize) -> u64 {
        self.words.get(word).copied().unwrap_or(0)
    }
}
