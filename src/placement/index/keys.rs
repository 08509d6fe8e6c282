//! The order of `binpack`, best fit and worst fit: one key per instance, the same for all columns.
//!
//! Instances are kept by key in *levels*. A level counts, for each column, the members that can
//! take its tasks, so the best level of a column is found by a bit and its members are counted
//! without being looked at.

use smallvec::SmallVec;

use crate::model::{FieldId, InstanceId, InstanceView};
use crate::placement::Score;

use super::feasibility::{Follower, Update};
use super::level::Level;
use super::partition::Partitions;
use super::ties::{Part, Ties};
use super::{Left, Question};

/// Levels of a partition at most: where keys are more various, a level holds a range of them.
const LEVELS_MAX: usize = 1024;

/// Levels of a partition, if need be, in spite of [`BYTES_MAX`].
const LEVELS_MIN: usize = 64;

/// What all levels may take, in bytes, if all were in use.
const BYTES_MAX: usize = 64 << 20;

/// From keys to levels: level `n` has the keys from `base + n * width` on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Scale {
    base: Score,
    /// A divisor of all differences of keys.
    unit: Score,
    width: Score,
    /// First key above the last level.
    end: Score,
    /// Instances that it was made for, at most.
    instances: usize,
}

impl Scale {
    /// A scale for the keys of all instances, with room for others around them. Levels take
    /// `weight` times an eighth of a byte per instance.
    fn of(keys: &[Score], weight: usize) -> Scale {
        let low = keys.iter().copied().min().unwrap_or(0);
        let high = keys.iter().copied().max().unwrap_or(0);
        let unit = keys.iter().fold(0, |unit, &key| gcd(unit, key - low)).max(1);
        let room = (high - low) / unit + 1;
        let (base, steps) = (low - room * unit, 3 * room);
        let instances = (keys.len() * 2).max(1024);
        let levels = (BYTES_MAX / (weight * instances / 8)).clamp(LEVELS_MIN, LEVELS_MAX);
        let width = unit * ((steps - 1) / levels as Score + 1);
        Scale { base, unit, width, end: base + steps * unit, instances }
    }

    /// The level of a key; `None` if it does not fit the scale.
    fn level(&self, key: Score) -> Option<usize> {
        if key < self.base || key >= self.end {
            return None;
        }
        let above = key - self.base;
        let level = above / self.width;
        let rest = above - level * self.width;
        let fits = if self.width == self.unit { rest == 0 } else { rest % self.unit == 0 };
        fits.then_some(level as usize)
    }
}

fn gcd(a: Score, b: Score) -> Score {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// The levels of a partition.
#[derive(Debug, Default)]
struct Levels {
    levels: Vec<Level>,
    /// The levels where each column has a feasible instance, as bits.
    occupied: Vec<[u64; LEVELS_MAX / 64]>,
}

impl Levels {
    fn at(&mut self, level: usize, width: usize) -> &mut Level {
        if self.levels.len() <= level {
            self.levels.resize_with(level + 1, Level::default);
        }
        self.occupied.resize(width, [0; LEVELS_MAX / 64]);
        &mut self.levels[level]
    }

    fn count(&mut self, level: usize, id: InstanceId, mask: &[u64]) {
        let occupied = &mut self.occupied;
        let first = |column: usize| occupied[column][level / 64] |= 1 << (level % 64);
        self.levels[level].count(id, mask, first);
    }

    fn discount(&mut self, level: usize, id: InstanceId, mask: &[u64]) {
        let occupied = &mut self.occupied;
        let last = |column: usize| occupied[column][level / 64] &= !(1 << (level % 64));
        self.levels[level].discount(id, mask, last);
    }

    /// The highest level with a feasible instance.
    fn highest(&self, column: usize) -> Option<usize> {
        let mut words = self.occupied.get(column)?.iter().enumerate().rev();
        let top = |(index, word): (usize, &u64)| {
            word.checked_ilog2().map(|bit| index * 64 + bit as usize)
        };
        words.find_map(top)
    }
}

/// All instances by key.
#[derive(Debug)]
pub(super) struct KeyOrder {
    key: fn(InstanceView<'_>) -> Score,
    pub(super) partitions: Partitions,
    scale: Scale,
    /// By partition.
    levels: Vec<Levels>,
    /// By instance.
    keys: Vec<Score>,
    /// The level of each instance.
    level_of: Vec<u16>,
    /// Bits of a mask: columns there is room for.
    width: usize,
}

/// The best level of a partition for a column.
#[derive(Debug, Clone, Copy)]
struct Best<'a> {
    partition: usize,
    /// Its feasible members.
    part: Part<'a>,
    /// The best of their keys.
    key: Score,
    /// Whether all have that key.
    uniform: bool,
}

impl KeyOrder {
    pub(super) fn new(fields: Vec<FieldId>, key: fn(InstanceView<'_>) -> Score) -> KeyOrder {
        let partitions = Partitions::new(fields, true);
        KeyOrder {
            key,
            partitions,
            scale: Scale::default(),
            levels: Vec::new(),
            keys: Vec::new(),
            level_of: Vec::new(),
            width: 0,
        }
    }

    /// The feasible instances that the strategies like best, of at least one.
    pub(super) fn best<'a>(
        &'a self,
        question: &Question<'a>,
        candidates: &mut Vec<InstanceId>,
    ) -> Left<'a> {
        let mut best: SmallVec<[Best<'_>; 8]> = SmallVec::new();
        for (partition, levels) in self.levels.iter().enumerate() {
            if let Some(level) = self.best_level(partition, levels, question) {
                best.push(level);
            }
        }
        self.partitions.narrow(&mut best, |one| one.partition, question);
        if best.len() > 1 {
            // Keys can be compared among instances of one size; scores can among all.
            let strategy = &question.chain.strategies[self.partitions.fields()];
            let has_key = |id: &InstanceId, key| self.keys[id.index()] == key;
            let score = |one: &Best<'_>| {
                let example = Ties::of(one.part).iter().find(|id| has_key(id, one.key));
                example.map(|id| strategy.score(question.class, question.cluster.instance(id)))
            };
            let highest = best.iter().map(score).max();
            best.retain(|one| Some(score(one)) == highest);
        }
        if best.iter().all(|one| one.uniform) {
            return Left::Ties(best.iter().map(|one| one.part).collect());
        }
        for one in &best {
            let members = Ties::of(one.part);
            candidates.extend(members.iter().filter(|id| self.keys[id.index()] == one.key));
        }
        if best.len() > 1 {
            candidates.sort_unstable();
        }
        Left::List
    }

    /// The best level of a partition; `None` if nothing is feasible there. O(levels / 64) where the
    /// level has one key, else O(instances / 64 + members of the level).
    fn best_level<'a>(
        &'a self,
        partition: usize,
        levels: &'a Levels,
        question: &Question<'a>,
    ) -> Option<Best<'a>> {
        let level = &levels.levels[levels.highest(question.column)?];
        let feasible = &question.feasibility.columns[question.column].feasible;
        let part = Part::Feasible(level, question.column, feasible);
        if let Some(key) = level.key() {
            return Some(Best { partition, part, key, uniform: true });
        }
        let key = Ties::of(part).iter().map(|id| self.keys[id.index()]).max()?;
        Some(Best { partition, part, key, uniform: false })
    }

    /// Takes in the instances up to the one that changed. Those before it have empty masks yet.
    fn meet(&mut self, seen: &Update<'_>) {
        for index in self.keys.len() as u32..=seen.instance.0 {
            let key = (self.key)(seen.cluster.instance(InstanceId(index)));
            self.keys.push(key);
            self.level_of.push(0);
            match self.scale.level(key).filter(|_| self.keys.len() <= self.scale.instances) {
                Some(level) => self.insert(InstanceId(index), level, seen),
                None => self.rescale(seen),
            }
        }
    }

    /// Puts every instance on its level of a new scale. O(instances × columns).
    fn rescale(&mut self, seen: &Update<'_>) {
        let per_instance = self.width / 512 + 1;
        let partitions = self.partitions.len().max(1);
        self.scale = Scale::of(&self.keys, partitions * per_instance);
        self.levels.clear();
        for index in 0..self.keys.len() as u32 {
            let level = self.scale.level(self.keys[index as usize]);
            self.insert(InstanceId(index), level.expect("the scale fits all keys"), seen);
        }
    }

    fn insert(&mut self, id: InstanceId, level: usize, seen: &Update<'_>) {
        let partition = self.partitions.of(id, seen.cluster);
        if self.levels.len() <= partition {
            self.levels.resize_with(partition + 1, Levels::default);
        }
        self.level_of[id.index()] = level as u16;
        let levels = &mut self.levels[partition];
        levels.at(level, self.width).insert(id, self.keys[id.index()], self.width);
        levels.count(level, id, seen.feasibility.mask(id));
    }

    fn remove(&mut self, id: InstanceId, level: usize, seen: &Update<'_>) {
        let partition = self.partitions.of(id, seen.cluster);
        let levels = &mut self.levels[partition];
        levels.levels[level].remove(id);
        levels.discount(level, id, seen.before);
    }

    /// The mask of an instance changed, its key did not.
    fn recount(&mut self, level: usize, seen: &Update<'_>) {
        let partition = self.partitions.of(seen.instance, seen.cluster);
        let levels = &mut self.levels[partition];
        let after = seen.feasibility.mask(seen.instance);
        if seen.before != after {
            levels.discount(level, seen.instance, seen.before);
            levels.count(level, seen.instance, after);
        }
    }
}

impl Follower for KeyOrder {
    fn clear(&mut self, words: usize) {
        self.width = words * 64;
        self.levels.clear();
        self.keys.clear();
        self.level_of.clear();
        self.scale = Scale::default();
    }

    /// O(columns feasible there), amortised.
    fn update(&mut self, seen: &Update<'_>) {
        let id = seen.instance;
        let key = (self.key)(seen.cluster.instance(id));
        if id.index() >= self.keys.len() {
            self.meet(seen);
        } else if let Some(level) = self.scale.level(key) {
            if key == self.keys[id.index()] {
                self.recount(level, seen);
            } else {
                self.remove(id, self.level_of[id.index()].into(), seen);
                self.keys[id.index()] = key;
                self.insert(id, level, seen);
            }
        } else {
            self.keys[id.index()] = key;
            self.rescale(seen);
        }
    }
}
