//! What nature knows of the tasks: their definitions, how long they run, what they use.
//!
//! Both backends ask here, so that a task does the same in simulation as on real containers.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::controller::Event;
use crate::des::{Purpose, Seed};
use crate::model::{DefinitionId, Origin, Outcome, TaskDefinition};
use crate::workload::{Behaviour, Conduct, External, ServiceBehaviour, Usage, UsageId};

use super::behaviours::Behaviours;
use super::simulated::phase;

const RUN_TIME_DRAW: Purpose = Purpose(u32::from_be_bytes(*b"RUNT"));

/// Definitions, kinds of use, and the behaviour of every task that has not started.
#[derive(Debug)]
pub(super) struct Nature {
    seed: Seed,
    definitions: Vec<Arc<TaskDefinition>>,
    /// By definition, as far as any has one that is not the default.
    conducts: Vec<Option<Arc<Conduct>>>,
    usages: Vec<Arc<Usage>>,
    submissions: Behaviours,
    /// By service, and there by definition.
    services: Vec<BTreeMap<DefinitionId, ServiceBehaviour>>,
}

impl Nature {
    /// Knows nothing yet; `seed` is the run's.
    pub(super) fn new(seed: Seed) -> Nature {
        Nature {
            seed,
            definitions: Vec::new(),
            conducts: Vec::new(),
            usages: Vec::new(),
            submissions: Behaviours::default(),
            services: Vec::new(),
        }
    }

    /// Takes in what comes from outside and keeps what is nature's; the event that the control
    /// plane gets of it, with its phase, if it gets one. Machines are the caller's to set up.
    pub(super) fn take_in(&mut self, external: External) -> Option<(u8, Event)> {
        Some(match external {
            External::RegisterDefinition(definition) => {
                self.definitions.push(Arc::clone(&definition));
                (phase::REGISTRATIONS, Event::DefinitionRegistered(definition))
            }
            External::RegisterConduct(definition, conduct) => {
                self.conducts.resize(definition.index(), None);
                self.conducts.push(Some(conduct));
                return None;
            }
            External::RegisterUsage(usage) => {
                self.usages.push(usage);
                return None;
            }
            // Who has hosts to simulate keeps them.
            External::ExpectRequests(..) => return None,
            External::MachineUp(spec) => (phase::REGISTRATIONS, Event::InstanceRegistered(spec)),
            External::Submit(submission, behaviour) => {
                self.submissions.insert(submission.id, behaviour, submission.count);
                (phase::SUBMISSIONS, Event::TaskSubmitted(submission))
            }
            External::CreateService(spec, behaviour) => {
                self.services.push(BTreeMap::from([(spec.definition, *behaviour)]));
                (phase::SUBMISSIONS, Event::ServiceCreated(spec))
            }
            External::UpdateService(service, update, behaviour) => {
                let known = &mut self.services[service.index()];
                if let (Some(definition), Some(behaviour)) = (update.definition, behaviour) {
                    known.insert(definition, *behaviour);
                }
                (phase::SUBMISSIONS, Event::ServiceUpdated(service, update))
            }
            External::Drain(instance) => (phase::REGISTRATIONS, Event::InstanceDraining(instance)),
        })
    }

    pub(super) fn definition(&self, id: DefinitionId) -> &Arc<TaskDefinition> {
        &self.definitions[id.index()]
    }

    /// `None` for the default.
    pub(super) fn conduct(&self, id: DefinitionId) -> Option<&Conduct> {
        self.conducts.get(id.index())?.as_deref()
    }

    /// `None` for a task that uses what it reserved.
    pub(super) fn usage(&self, id: UsageId) -> Option<&Arc<Usage>> {
        id.index().map(|index| &self.usages[index])
    }

    /// The behaviour of a task that is about to start: from its origin alone, never from where or
    /// when it was placed.
    pub(super) fn behaviour(&mut self, origin: Origin, definition: DefinitionId) -> Behaviour {
        match origin {
            Origin::Submission { submission, .. } => {
                self.submissions.take(submission).expect("each task starts once")
            }
            Origin::Service { service, .. } => {
                let service = &self.services[service.index()][&definition];
                let (entity, attempt) = draw_key(origin);
                let uniform = || self.seed.uniform(RUN_TIME_DRAW, entity, attempt);
                let run_time = service.run_time.as_ref().map(|law| law.sample(uniform()));
                Behaviour { run_time, ends: Outcome::Completed, usage: service.usage }
            }
        }
    }

    /// The tasks of a submission that were not started never will be.
    pub(super) fn forget(&mut self, origin: Origin) {
        if let Origin::Submission { submission, .. } = origin {
            self.submissions.take(submission);
        }
    }
}

/// The key of the draws made for a task: (entity, attempt).
pub(super) fn draw_key(origin: Origin) -> (u64, u32) {
    match origin {
        Origin::Submission { submission, ordinal } => (submission.0, ordinal),
        // The top bit keeps services apart from submissions.
        Origin::Service { service, ordinal } => (u64::from(service.0) | 1 << 63, ordinal),
    }
}
