//! Equally good instances, as a union of disjoint sets that is counted but not listed.

use smallvec::SmallVec;

use crate::model::InstanceId;

use super::bit_set::{BLOCK_WORDS, BitSet, bits, instance, nth_bit};
use super::level::Level;

/// One of the sets.
#[derive(Debug, Clone, Copy)]
pub(super) enum Part<'a> {
    /// All of it.
    Whole(&'a BitSet),
    /// The instances of a level that can take a column's tasks.
    Feasible(&'a Level, usize, &'a BitSet),
}

impl Part<'_> {
    fn len(self) -> usize {
        match self {
            Part::Whole(set) => set.len(),
            Part::Feasible(level, column, _) => level.feasible(column),
        }
    }

    fn blocks(self) -> usize {
        match self {
            Part::Whole(set) | Part::Feasible(_, _, set) => set.blocks(),
        }
    }

    fn in_block(self, block: usize) -> usize {
        match self {
            Part::Whole(set) => set.in_block(block),
            Part::Feasible(level, column, _) => level.feasible_in_block(block, column),
        }
    }

    fn word(self, word: usize) -> u64 {
        match self {
            Part::Whole(set) => set.word(word),
            Part::Feasible(level, _, feasible) => level.word(word) & feasible.word(word),
        }
    }
}

/// Disjoint sets of instances, seen as one.
#[derive(Debug, Default)]
pub(super) struct Ties<'a>(SmallVec<[Part<'a>; 4]>);

impl<'a> Ties<'a> {
    /// One set.
    pub(super) fn of(part: Part<'a>) -> Ties<'a> {
        Ties(SmallVec::from_iter([part]))
    }

    pub(super) fn push(&mut self, part: Part<'a>) {
        self.0.push(part);
    }

    /// Number of instances.
    pub(super) fn len(&self) -> usize {
        self.0.iter().map(|part| part.len()).sum()
    }

    /// The `n`-th instance in id order, counted from 0. O(blocks × sets).
    pub(super) fn nth(&self, n: usize) -> InstanceId {
        if let [Part::Whole(set)] = &self.0[..] {
            return set.nth(n);
        }
        let mut left = n;
        let blocks = self.0.iter().map(|part| part.blocks()).max().unwrap_or(0);
        for block in 0..blocks {
            let here: usize = self.0.iter().map(|part| part.in_block(block)).sum();
            if left < here {
                return self.nth_in_block(block, left);
            }
            left -= here;
        }
        unreachable!("fewer than {n} instances tie");
    }

    fn nth_in_block(&self, block: usize, n: usize) -> InstanceId {
        let mut left = n;
        for word in block * BLOCK_WORDS..(block + 1) * BLOCK_WORDS {
            let members = self.word(word);
            let here = members.count_ones() as usize;
            if left < here {
                return instance(word, nth_bit(members, left as u32));
            }
            left -= here;
        }
        unreachable!("the block has more members");
    }

    fn word(&self, word: usize) -> u64 {
        self.0.iter().fold(0, |members, part| members | part.word(word))
    }

    /// The instances in id order. O(instances / 64 × sets).
    pub(super) fn iter(&self) -> impl Iterator<Item = InstanceId> {
        let blocks = self.0.iter().map(|part| part.blocks()).max().unwrap_or(0);
        (0..blocks * BLOCK_WORDS)
            .flat_map(|word| bits(self.word(word)).map(move |bit| instance(word, bit)))
    }
}

impl<'a> FromIterator<Part<'a>> for Ties<'a> {
    fn from_iter<I: IntoIterator<Item = Part<'a>>>(parts: I) -> Ties<'a> {
        Ties(parts.into_iter().collect())
    }
}
