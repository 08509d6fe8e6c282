//! Instances of equal key, and how many of them can take the tasks of each column.

use crate::model::InstanceId;
use crate::placement::Score;

use super::bit_set::{BLOCK_WORDS, bits, place};

/// The bits of a byte as numbers, to be added to eight counts at once.
static LANES: [[i16; 8]; 256] = {
    let mut lanes = [[0; 8]; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut bit = 0;
        while bit < 8 {
            lanes[byte][bit] = (byte >> bit & 1) as i16;
            bit += 1;
        }
        byte += 1;
    }
    lanes
};

/// The instances whose keys fall into one bucket.
#[derive(Debug, Default)]
pub(super) struct Level {
    words: Vec<u64>,
    members: u32,
    /// Feasible members by column, eight columns together so that they are counted at once.
    feasible: Vec<[u32; 8]>,
    /// The same by block: `[block][column]`.
    blocks: Vec<[u16; 8]>,
    /// Lowest and highest key put in since the level was last empty.
    keys: Option<(Score, Score)>,
}

impl Level {
    /// Adds an instance; `columns` is a multiple of 64.
    pub(super) fn insert(&mut self, id: InstanceId, key: Score, columns: usize) {
        let (word, bit) = place(id);
        if self.words.len() <= word {
            let blocks = word / BLOCK_WORDS + 1;
            self.words.resize(blocks * BLOCK_WORDS, 0);
            self.feasible.resize(columns / 8, [0; 8]);
            self.blocks.resize(blocks * columns / 8, [0; 8]);
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

    /// Counts a member for the columns of a mask; calls `first` with those it is the first of.
    pub(super) fn count(&mut self, id: InstanceId, mask: &[u64], first: impl FnMut(usize)) {
        self.add::<1>(id, mask, first);
    }

    /// Takes a member out of the counts of a mask's columns; calls `last` with those it was the
    /// last of.
    pub(super) fn discount(&mut self, id: InstanceId, mask: &[u64], last: impl FnMut(usize)) {
        self.add::<-1>(id, mask, last);
    }

    /// Adds `BY`, which is 1 or -1, to the counts of a mask's columns; calls `changes` with those
    /// that have a first member now, or none any more.
    fn add<const BY: i16>(&mut self, id: InstanceId, mask: &[u64], mut changes: impl FnMut(usize)) {
        let edge = u32::from(BY > 0);
        let row = self.row(id);
        for (word, mask) in mask.iter().enumerate() {
            for (byte, columns) in mask.to_le_bytes().into_iter().enumerate() {
                if columns == 0 {
                    continue;
                }
                let eight = word * 8 + byte;
                let one = &LANES[columns as usize];
                let (here, all) = (&mut self.blocks[row + eight], &mut self.feasible[eight]);
                for lane in 0..8 {
                    here[lane] = here[lane].wrapping_add_signed(BY * one[lane]);
                }
                for lane in 0..8 {
                    all[lane] = all[lane].wrapping_add_signed(i32::from(BY * one[lane]));
                }
                if all.contains(&edge) {
                    let at_edge = bits(columns.into()).filter(|&lane| all[lane as usize] == edge);
                    at_edge.for_each(|lane| changes(eight * 8 + lane as usize));
                }
            }
        }
    }

    /// Where the counts of an instance's block start.
    fn row(&self, id: InstanceId) -> usize {
        id.index() / (64 * BLOCK_WORDS) * self.feasible.len()
    }

    /// The key of all members; `None` if they may differ.
    pub(super) fn key(&self) -> Option<Score> {
        self.keys.and_then(|(low, high)| (low == high).then_some(low))
    }

    /// Members that can take a column's tasks.
    pub(super) fn feasible(&self, column: usize) -> usize {
        self.feasible.get(column / 8).map_or(0, |eight| eight[column % 8]) as usize
    }

    /// The same within a block.
    pub(super) fn feasible_in_block(&self, block: usize, column: usize) -> usize {
        let eight = self.blocks.get(block * self.feasible.len() + column / 8);
        eight.map_or(0, |eight| eight[column % 8]).into()
    }

    /// The members among 64 instances, as bits.
    pub(super) fn word(&self, word: usize) -> u64 {
        self.words.get(word).copied().unwrap_or(0)
    }
}
