//! The order of `spread`: for each column, its feasible instances by partition and by the number of
//! tasks of the column's group.

use smallvec::SmallVec;

use crate::model::{FieldId, GroupId, InstanceId};

use super::Question;
use super::bit_set::BitSet;
use super::feasibility::{Follower, Update, difference};
use super::partition::Partitions;
use super::ties::{Part, Ties};

/// Sets of feasible instances: `[column][partition][tasks of the group]`.
#[derive(Debug)]
pub(super) struct GroupOrder {
    /// Whether the tasks on the instance count; if not, all are on level 0.
    by_count: bool,
    partitions: Partitions,
    sets: Vec<Vec<Vec<BitSet>>>,
    /// The level of each instance in each column, feasible or not: `[instance][column]`.
    counts: Vec<u16>,
    /// Columns of `counts` that there is room for.
    width: usize,
    overflown: bool,
    /// The columns of a group.
    columns_of: Vec<Vec<usize>>,
}

impl GroupOrder {
    pub(super) fn new(fields: Vec<FieldId>, by_count: bool) -> GroupOrder {
        let partitions = Partitions::new(fields, false);
        GroupOrder {
            by_count,
            partitions,
            sets: Vec::new(),
            counts: Vec::new(),
            width: 0,
            overflown: false,
            columns_of: Vec::new(),
        }
    }

    /// The feasible instances that the strategies like best, of at least one.
    pub(super) fn best(&self, question: &Question<'_>) -> Ties<'_> {
        let partitions = &self.sets[question.column];
        let lowest = |levels: &Vec<BitSet>| levels.iter().position(|set| !set.is_empty());
        let mut best: SmallVec<[(usize, usize); 8]> = SmallVec::new();
        let feasible = partitions.iter().enumerate();
        best.extend(feasible.filter_map(|(at, levels)| lowest(levels).map(|level| (at, level))));
        self.partitions.narrow(&mut best, |one| one.0, question);
        let fewest = best.iter().map(|one| one.1).min();
        let mut ties = Ties::default();
        for (partition, level) in best.into_iter().filter(|one| Some(one.1) == fewest) {
            ties.push(Part::Whole(&partitions[partition][level]));
        }
        ties
    }

    /// Tasks of a column's group on an instance, as far as they matter.
    fn count(&self, column: usize, id: InstanceId, seen: &Update<'_>) -> u16 {
        if !self.by_count {
            return 0;
        }
        let group = seen.feasibility.columns[column].group;
        let count = seen.cluster.instance(id).group_count(group);
        u16::try_from(count).unwrap_or(u16::MAX)
    }

    /// Makes room for the columns and instances that are there.
    fn grow(&mut self, seen: &Update<'_>) {
        let id = seen.instance;
        let known = self.counts.len() / self.width;
        for column in self.sets.len()..seen.feasibility.columns.len() {
            self.sets.push(Vec::new());
            let group = seen.feasibility.columns[column].group.index();
            if self.columns_of.len() <= group {
                self.columns_of.resize_with(group + 1, Vec::new);
            }
            self.columns_of[group].push(column);
            for index in 0..known {
                let count = self.count(column, InstanceId(index as u32), seen);
                self.counts[index * self.width + column] = count;
            }
        }
        for index in known..=id.index() {
            self.counts.resize((index + 1) * self.width, 0);
            for column in 0..self.sets.len() {
                let count = self.count(column, InstanceId(index as u32), seen);
                self.counts[index * self.width + column] = count;
            }
        }
    }

    /// The number of tasks of `group` on the instance changed: it changes levels in the columns of
    /// the group where it is and stays feasible.
    fn recount(&mut self, group: GroupId, partition: usize, seen: &Update<'_>) {
        let (id, after) = (seen.instance, seen.feasibility.mask(seen.instance));
        let columns = self.columns_of.get(group.index()).map_or(0, Vec::len);
        for at in 0..columns {
            let column = self.columns_of[group.index()][at];
            let new = self.count(column, id, seen);
            self.overflown |= new == u16::MAX;
            let old = std::mem::replace(&mut self.counts[id.index() * self.width + column], new);
            let (word, bit) = (column / 64, 1 << (column % 64));
            if seen.before[word] & after[word] & bit != 0 {
                self.sets[column][partition][usize::from(old)].remove(id);
                self.insert(column, partition, id);
            }
        }
    }

    /// Puts an instance on the level of its count.
    fn insert(&mut self, column: usize, partition: usize, id: InstanceId) {
        let level = usize::from(self.counts[id.index() * self.width + column]);
        let partitions = &mut self.sets[column];
        if partitions.len() <= partition {
            partitions.resize_with(partition + 1, Vec::new);
        }
        let levels = &mut partitions[partition];
        if levels.len() <= level {
            levels.resize_with(level + 1, BitSet::default);
        }
        levels[level].insert(id);
    }

    /// Whether the index is of no use: too many partitions, or more tasks than levels.
    pub(super) fn overflown(&self) -> bool {
        self.overflown || self.partitions.overflown()
    }
}

impl Follower for GroupOrder {
    fn clear(&mut self, words: usize) {
        self.width = words * 64;
        self.sets.clear();
        self.columns_of.clear();
        self.counts.clear();
    }

    fn update(&mut self, seen: &Update<'_>) {
        self.grow(seen);
        let id = seen.instance;
        let partition = self.partitions.of(id, seen.cluster);
        let after = seen.feasibility.mask(id);
        for column in difference(seen.before, after) {
            let level = usize::from(self.counts[id.index() * self.width + column]);
            self.sets[column][partition][level].remove(id);
        }
        if let Some(group) = seen.group.filter(|_| self.by_count) {
            self.recount(group, partition, seen);
        }
        for column in difference(after, seen.before) {
            self.insert(column, partition, id);
        }
    }
}
