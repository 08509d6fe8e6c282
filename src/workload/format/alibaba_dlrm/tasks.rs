//! Instances as standalone tasks.

use std::sync::Arc;

use crate::des::SimTime;
use crate::model::{DefinitionId, Outcome, Submission};
use crate::workload::{Behaviour, External, Ids, Source, UsageId, WorkloadError};

use super::instances::Instances;

/// A submission of one task per instance, when it was created; of those that were created at the
/// same time in order of the file. The task group is the app.
#[derive(Debug)]
pub(super) struct Tasks {
    instances: Instances,
    next: usize,
    /// By group: the id of its definition in the run.
    ids: Vec<Option<DefinitionId>>,
}

impl Tasks {
    pub(super) fn new(mut instances: Instances) -> Tasks {
        instances.list.sort_by_key(|one| one.from);
        let ids = vec![None; instances.groups.len()];
        Tasks { instances, next: 0, ids }
    }
}

impl Source for Tasks {
    fn next_event(&mut self, ids: &mut Ids) -> Result<Option<(SimTime, External)>, WorkloadError> {
        let Some(instance) = self.instances.list.get(self.next) else { return Ok(None) };
        self.next += 1;
        let group = &self.instances.groups[instance.group];
        let definition = *self.ids[instance.group]
            .get_or_insert_with(|| ids.definition(&group.definition));
        let submission = Submission {
            id: ids.submission(),
            definition,
            group: Some(Arc::clone(&group.app)),
            count: 1,
            all_or_nothing: false,
            start_on: None,
            label: Some(instance.name.clone()),
        };
        let behaviour = Behaviour {
            run_time: instance.until.map(|until| until - instance.from),
            ends: Outcome::Completed,
            usage: UsageId::RESERVED,
        };
        Ok(Some((instance.from, External::Submit(submission, behaviour))))
    }

    fn len_hint(&self) -> Option<u64> {
        Some(self.instances.list.len() as u64)
    }
}
