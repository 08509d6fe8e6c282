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

    fn level(&self, seen: &Update<'_>, column: usize) -> usize {
        let group = seen.feasibility.columns[column].group;
        let on = seen.cluster.instance(seen.instance);
        if self.by_count { on.group_count(group) as usize } else { 0 }
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

    /// Takes an instance out, wherever it is; it is looked for at `near` first.
    fn remove(&mut self, column: usize, partition: usize, near: usize, id: InstanceId) {
        let levels = &mut self.sets[column][partition];
        let has = |&level: &usize| levels.get(level).is_some_and(|set| set.contains(id));
        let outward = (0..=levels.len().max(near)).flat_map(|far| {
            let below = near.checked_sub(far);
            [Some(near + far), below.filter(|_| far > 0)].into_iter().flatten()
        });
        let level = outward.into_iter().find(has).expect("a feasible instance is on a level");
        levels[level].remove(id);
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
        for column in difference(seen.before, after) {
            self.remove(column, partition, self.level(seen, column), id);
        }
        for column in difference(after, seen.before) {
            self.insert(column, partition, self.level(seen, column), id);
        }
        let Some(group) = seen.group.filter(|_| self.by_count) else { return };
        let Some(list) = self.columns_of.get(group.index()) else { return };
        for at in 0..list.len() {
            let column = self.columns_of[group.index()][at];
            let (word, bit) = (column / 64, 1 << (column % 64));
            if seen.before[word] & after[word] & bit != 0 {
                let level = self.level(seen, column);
                self.remove(column, partition, level, id);
                self.insert(column, partition, level, id);
            }
        }
    }
}
