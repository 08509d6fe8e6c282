//! Sets of instances as bits, counted by block: the n-th member is found without reading them all.

use crate::model::InstanceId;

/// Words of a block. A smaller block makes longer lists of counts, a larger one more to read in
/// the block that has the member.
pub(super) const BLOCK_WORDS: usize = 16;

/// The word of an instance, and its bit in the word.
pub(super) fn place(id: InstanceId) -> (usize, u64) {
    (id.index() / 64, 1 << (id.index() % 64))
}

/// The instance of a bit.
pub(super) fn instance(word: usize, bit: u32) -> InstanceId {
    InstanceId(word as u32 * 64 + bit)
}

/// The bits of a word, ascending.
pub(super) fn bits(mut word: u64) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        let bit = (word != 0).then(|| word.trailing_zeros())?;
        word &= word - 1;
        Some(bit)
    })
}

/// The `n`-th bit of a word that is set, of more than `n`.
pub(super) fn nth_bit(word: u64, n: u32) -> u32 {
    (0..n).fold(word, |word, _| word & (word - 1)).trailing_zeros()
}

/// A set of instances. Grows to hold what is put in.
#[derive(Debug, Clone, Default)]
pub(super) struct BitSet {
    words: Vec<u64>,
    /// Members by block.
    blocks: Vec<u16>,
    len: u32,
}

impl BitSet {
    /// Adds an instance that is not there. O(1) amortised.
    pub(super) fn insert(&mut self, id: InstanceId) {
        let (word, bit) = place(id);
        if self.words.len() <= word {
            let blocks = word / BLOCK_WORDS + 1;
            self.words.resize(blocks * BLOCK_WORDS, 0);
            self.blocks.resize(blocks, 0);
        }
        debug_assert!(self.words[word] & bit == 0, "an instance is put in once");
        self.words[word] |= bit;
        self.blocks[word / BLOCK_WORDS] += 1;
        self.len += 1;
    }

    /// Takes out an instance that is there. O(1).
    pub(super) fn remove(&mut self, id: InstanceId) {
        let (word, bit) = place(id);
        debug_assert!(self.words[word] & bit != 0, "only what is there is taken out");
        self.words[word] &= !bit;
        self.blocks[word / BLOCK_WORDS] -= 1;
        self.len -= 1;
    }

    pub(super) fn contains(&self, id: InstanceId) -> bool {
        let (word, bit) = place(id);
        self.word(word) & bit != 0
    }

    /// Number of members.
    pub(super) fn len(&self) -> usize {
        self.len as usize
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Number of blocks that may have members.
    pub(super) fn blocks(&self) -> usize {
        self.blocks.len()
    }

    /// Members in a block.
    pub(super) fn in_block(&self, block: usize) -> usize {
        self.blocks.get(block).copied().unwrap_or(0).into()
    }

    /// The members among 64 instances, as bits.
    pub(super) fn word(&self, word: usize) -> u64 {
        self.words.get(word).copied().unwrap_or(0)
    }

    /// The `n`-th member in id order, of more than `n`. O(blocks).
    pub(super) fn nth(&self, n: usize) -> InstanceId {
        let mut left = n as u32;
        let mut is_in = |members: u32| {
            let here = left < members;
            left -= if here { 0 } else { members };
            here
        };
        let block = self.blocks.iter().position(|&members| is_in(members.into()));
        let first = block.expect("the set has more members") * BLOCK_WORDS;
        let word = self.words[first..].iter().position(|word| is_in(word.count_ones()));
        let word = first + word.expect("the block has more members");
        instance(word, nth_bit(self.words[word], left))
    }

    /// The first member at `from` or after. O(blocks).
    pub(super) fn first_from(&self, from: InstanceId) -> Option<InstanceId> {
        let (start, bit) = place(from);
        let block_end = (start / BLOCK_WORDS + 1) * BLOCK_WORDS;
        let rest_of_word = self.word(start) & !(bit - 1);
        let in_words = |words: std::ops::Range<usize>| {
            let word = words.into_iter().find(|&word| self.word(word) != 0)?;
            Some(instance(word, self.word(word).trailing_zeros()))
        };
        if rest_of_word != 0 {
            return Some(instance(start, rest_of_word.trailing_zeros()));
        }
        in_words(start + 1..block_end).or_else(|| {
            let later = block_end / BLOCK_WORDS..self.blocks.len();
            let block = later.into_iter().find(|&block| self.blocks[block] > 0)?;
            in_words(block * BLOCK_WORDS..(block + 1) * BLOCK_WORDS)
        })
    }
}
