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
    pub(super) partitions: Partitions,
    sets: Vec<Vec<Vec<BitSet>>>,
    /// The columns of a group.
    columns_of: Vec<Vec<usize>>,
}

impl GroupOrder {
    pub(super) fn new(fields: Vec<FieldId>, by_count: bool) -> GroupOrder {
        let partitions = Partitions::new(fields, false);
        GroupOrder { by_count, partitions, sets: Vec::new(), columns_of: Vec::new() }
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

    fn insert(&mut self, column: usize, partition: usize, level: usize, id: InstanceId) {
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

    /// Takes an instance out, wherever it is: mostly on one of few levels, else near `count`.
    fn remove(
        &mut self,
        column: usize,
        partition: usize,
        id: InstanceId,
        count: impl FnOnce() -> usize,
    ) {
        let levels = &mut self.sets[column][partition];
        let has = |&level: &usize| levels.get(level).is_some_and(|set| set.contains(id));
        let level = if levels.len() <= 4 {
            (0..levels.len()).find(has)
        } else {
            let near = count();
            let around = [near, near + 1, near.saturating_sub(1)];
            around.into_iter().chain(0..levels.len()).find(has)
        };
        levels[level.expect("a feasible instance is on a level")].remove(id);
    }

    /// Makes room for the columns that are there.
    fn grow(&mut self, seen: &Update<'_>) {
        for column in self.sets.len()..seen.feasibility.columns.len() {
            self.sets.push(Vec::new());
            let GroupId(group) = seen.feasibility.columns[column].group;
            if self.columns_of.len() <= group as usize {
                self.columns_of.resize_with(group as usize + 1, Vec::new);
            }
            self.columns_of[group as usize].push(column);
        }
    }
}

impl Follower for GroupOrder {
    fn clear(&mut self, _words: usize) {
        self.sets.clear();
        self.columns_of.clear();
    }

    fn update(&mut self, seen: &Update<'_>) {
        self.grow(seen);
        let id = seen.instance;
        let partition = self.partitions.of(id, seen.cluster);
        let after = seen.feasibility.mask(id);
        let on = seen.cluster.instance(id);
        let by_count = self.by_count;
        let level = |column: usize| {
            let group = seen.feasibility.columns[column].group;
            if by_count { on.group_count(group) as usize } else { 0 }
        };
        for column in difference(seen.before, after) {
            self.remove(column, partition, id, || level(column));
        }
        for column in difference(after, seen.before) {
            self.insert(column, partition, level(column), id);
        }
        let Some(group) = seen.group.filter(|_| by_count) else { return };
        let columns = self.columns_of.get(group.index()).map_or(0, Vec::len);
        for at in 0..columns {
            let column = self.columns_of[group.index()][at];
            let (word, bit) = (column / 64, 1 << (column % 64));
            if seen.before[word] & after[word] & bit != 0 {
                self.remove(column, partition, id, || level(column));
                self.insert(column, partition, level(column), id);
            }
        }
    }
}
