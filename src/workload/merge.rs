//! Several sources as one stream in order of time.

use std::sync::Arc;

use crate::des::SimTime;
use crate::model::DefinitionId;

use super::{External, Ids, Source, WorkloadError};

/// All events from outside of one run: the sources merged by (time, order of the sources), with
/// every definition registered before it is first used. Holds one event per source.
#[derive(Debug)]
pub struct Workload {
    inputs: Vec<Input>,
    ids: Ids,
    /// Definitions told to the cluster so far.
    registered: usize,
    /// What the tasks of the definition registered last do, to be told next.
    conduct: Option<External>,
    /// Kinds of use told to the backend so far.
    usages: usize,
    started: bool,
}

/// A source and its next event.
#[derive(Debug)]
struct Input {
    source: Box<dyn Source>,
    head: Option<(SimTime, External)>,
}

impl Workload {
    /// Merges sources; of events at the same time, those of the source listed first come first.
    pub fn new(sources: Vec<Box<dyn Source>>) -> Workload {
        let inputs = sources.into_iter().map(|source| Input { source, head: None }).collect();
        Workload {
            inputs,
            ids: Ids::default(),
            registered: 0,
            conduct: None,
            usages: 0,
            started: false,
        }
    }

    /// The next event from outside; `None` when every source has ended.
    ///
    /// # Errors
    /// A source cannot be read on, or its events are out of order.
    pub fn next_event(&mut self) -> Result<Option<(SimTime, External)>, WorkloadError> {
        if !self.started {
            self.started = true;
            for index in 0..self.inputs.len() {
                self.refill(index)?;
            }
        }
        let due = |(index, input): (usize, &Input)| input.head.as_ref().map(|(at, _)| (*at, index));
        let earliest = self.inputs.iter().enumerate().filter_map(due).min();
        let Some((at, index)) = earliest else { return Ok(None) };
        if let Some(conduct) = self.conduct.take() {
            return Ok(Some((at, conduct)));
        }
        if let Some(definition) = self.unregistered(index) {
            return Ok(Some((at, External::RegisterDefinition(definition))));
        }
        if let Some(usage) = self.ids.usages().get(self.usages) {
            self.usages += 1;
            return Ok(Some((at, External::RegisterUsage(Arc::clone(usage)))));
        }
        let head = self.inputs[index].head.take();
        self.refill(index)?;
        Ok(head)
    }

    /// A definition to register before the head of source `index` may be handed out: ids are
    /// dense, so all up to the one it uses.
    fn unregistered(&mut self, index: usize) -> Option<Arc<crate::model::TaskDefinition>> {
        let needed = match &self.inputs[index].head {
            Some((_, External::Submit(submission, _))) => submission.definition,
            Some((_, External::CreateService(service, _))) => service.definition,
            Some((_, External::UpdateService(_, update, _))) => update.definition?,
            _ => return None,
        };
        if needed.index() < self.registered {
            return None;
        }
        let definition = Arc::clone(&self.ids.definitions()[self.registered]);
        let id = DefinitionId(self.registered as u32);
        let conduct = self.ids.conduct(id).map(Arc::clone);
        self.conduct = conduct.map(|conduct| External::RegisterConduct(id, conduct));
        self.registered += 1;
        Some(definition)
    }

    fn refill(&mut self, index: usize) -> Result<(), WorkloadError> {
        let Input { source, head } = &mut self.inputs[index];
        *head = source.next_event(&mut self.ids)?;
        Ok(())
    }

    /// Number of events the sources expect to yield, where all know it.
    pub fn len_hint(&self) -> Option<u64> {
        self.inputs.iter().map(|input| input.source.len_hint()).sum()
    }
}
