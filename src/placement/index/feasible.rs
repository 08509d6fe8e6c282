//! The feasible instances of a class, for placers that choose by a method of their own.

use crate::model::{Cluster, InstanceId};
use crate::placement::Ask;

use super::bit_set::BitSet;
use super::feasibility::Feasibility;
use super::ties::{Part, Ties};

/// Which instances can take the tasks of each class.
#[derive(Debug, Default)]
pub(in crate::placement) struct FeasibleIndex(Feasibility);

/// The instances that can take a task.
#[derive(Debug, Clone, Copy)]
pub(in crate::placement) struct FeasibleSet<'a>(&'a BitSet);

impl FeasibleIndex {
    /// The instances that can take what is asked for; `None` if they have to be looked for: the
    /// ask is restricted, or its class has no column. O(changes since the last call).
    pub(in crate::placement) fn of(
        &mut self,
        ask: &Ask<'_>,
        cluster: &Cluster,
    ) -> Option<FeasibleSet<'_>> {
        if ask.restrict.is_some() {
            return None;
        }
        let column = self.0.column(ask.class, cluster, &mut ())?;
        Some(FeasibleSet(&self.0.columns[column].feasible))
    }
}

impl FeasibleSet<'_> {
    /// Whether an instance is one of them.
    pub(in crate::placement) fn contains(self, id: InstanceId) -> bool {
        self.0.contains(id)
    }

    /// Their number.
    pub(in crate::placement) fn len(self) -> usize {
        self.0.len()
    }

    /// The `n`-th in id order, of more than `n`. O(instances / 1024).
    pub(in crate::placement) fn nth(self, n: usize) -> InstanceId {
        Ties::of(Part::Whole(self.0)).nth(n)
    }

    /// The first at `from` or after. O(instances / 1024).
    pub(in crate::placement) fn first_from(self, from: InstanceId) -> Option<InstanceId> {
        self.0.first_from(from)
    }
}
