//! Instances in groups whose members an order may compare with each other.

use smallvec::SmallVec;

use crate::model::{Cluster, FieldId, InstanceId, ValueId};

use super::Question;

/// Partitions at most: with more, the scan takes over.
pub(super) const PARTITIONS_MAX: usize = 256;

/// What the members of a partition have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Kind {
    /// Values of the fields told apart.
    values: SmallVec<[ValueId; 4]>,
    /// CPU, memory and GPU devices registered, where sizes are told apart.
    size: Option<(u32, u32, u16)>,
}

/// The partition of each instance, found when it is first met: neither attributes nor sizes change.
#[derive(Debug, Default)]
pub(super) struct Partitions {
    fields: Vec<FieldId>,
    by_size: bool,
    kinds: Vec<Kind>,
    /// By instance.
    of: Vec<u16>,
}

impl Partitions {
    /// Tells apart values of `fields` and, if `by_size`, registered sizes.
    pub(super) fn new(fields: Vec<FieldId>, by_size: bool) -> Partitions {
        Partitions { fields, by_size, ..Partitions::default() }
    }

    /// The partition of an instance; the last stands for all that came too late.
    pub(super) fn of(&mut self, id: InstanceId, cluster: &Cluster) -> usize {
        for index in self.of.len()..=id.index() {
            let partition = self.find(InstanceId(index as u32), cluster);
            self.of.push(partition);
        }
        self.of[id.index()].into()
    }

    fn find(&mut self, id: InstanceId, cluster: &Cluster) -> u16 {
        let on = cluster.instance(id);
        let size = || (on.cpu_total().0, on.memory_total_mib(), on.gpu_left().len() as u16);
        let kind = Kind {
            values: self.fields.iter().map(|&field| on.value(field)).collect(),
            size: self.by_size.then(size),
        };
        let known = self.kinds.iter().position(|one| *one == kind);
        let partition = known.unwrap_or_else(|| {
            if self.kinds.len() < PARTITIONS_MAX + 1 {
                self.kinds.push(kind);
            }
            self.kinds.len() - 1
        });
        partition as u16
    }

    /// Number of fields told apart.
    pub(super) fn fields(&self) -> usize {
        self.fields.len()
    }

    /// Number of partitions met.
    pub(super) fn len(&self) -> usize {
        self.kinds.len()
    }

    /// Whether there are too many to be of use.
    pub(super) fn overflown(&self) -> bool {
        self.kinds.len() > PARTITIONS_MAX
    }

    /// Keeps the partitions with the fewest tasks of the class's group, by each field in turn: what
    /// `spread` over the fields does.
    pub(super) fn narrow<T>(
        &self,
        candidates: &mut SmallVec<[T; 8]>,
        partition: impl Fn(&T) -> usize,
        question: &Question<'_>,
    ) {
        let group = question.class.group;
        for (n, &field) in self.fields.iter().enumerate() {
            let tasks = |one: &T| {
                let value = self.kinds[partition(one)].values[n];
                question.cluster.tasks_in_field(field, value, group)
            };
            let fewest = candidates.iter().map(tasks).min();
            candidates.retain(|one| Some(tasks(one)) == fewest);
        }
    }
}
