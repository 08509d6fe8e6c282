//! Where events from outside come from: traces and generators, read lazily in order of time.
//!
//! Only this layer and the backend know how long a task will really run ([`Behaviour`]); what ECS
//! is told about it is its [`TaskDefinition`].

mod conduct;
mod containers;
pub mod ecs_json;
pub mod format;
mod health;
pub mod law_spec;
mod machines;
mod merge;
pub mod plain_words;
mod requests;
mod services;
pub mod synthetic;
pub mod trace;
mod usage;
pub mod written_table;

pub use conduct::{Conduct, Image};
pub use containers::{Condition, Container, Containers, Course, Timetable};
pub use health::{HealthChanges, HealthCheck};
pub use machines::{Drains, Machines};
pub use merge::Workload;
pub use requests::{RequestLoad, Serving};
pub use services::{ServiceChange, ServiceEvents, ServicePlan, ServiceTasks};
pub use usage::{Pace, Usage, UsageId, UsageStep};

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::des::{SimDuration, SimTime};
use crate::model::{
    DefinitionId, InstanceId, InstanceSpec, Outcome, ServiceId, ServiceSpec, ServiceUpdate,
    Submission, SubmissionId, TaskDefinition,
};

/// What nature knows of a task and no policy is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Behaviour {
    /// How long its containers run on an instance of nominal speed; `None` until it is stopped.
    pub run_time: Option<SimDuration>,
    /// How it ends by itself: [`Outcome::Completed`] or [`Outcome::Failed`].
    pub ends: Outcome,
    /// What it uses meanwhile.
    pub usage: UsageId,
}

/// What nature knows of the tasks of a service.
#[derive(Debug, Clone, PartialEq)]
pub struct ServiceBehaviour {
    /// Law of the run time; `None` where tasks run until they are stopped.
    pub run_time: Option<law_spec::DurationLaw>,
    /// What they use meanwhile.
    pub usage: UsageId,
}

/// Something that happens to the cluster from outside.
#[derive(Debug, Clone, PartialEq)]
pub enum External {
    /// A task definition is registered; ids are dense, in this order.
    RegisterDefinition(Arc<TaskDefinition>),
    /// How the tasks of the definition registered last start and stop is made known to the backend,
    /// where it is not the default. No event follows.
    RegisterConduct(DefinitionId, Arc<Conduct>),
    /// A kind of use is made known to the backend; ids are dense, in this order. No event follows.
    RegisterUsage(Arc<Usage>),
    /// A machine joins the cluster as a container instance.
    MachineUp(Box<InstanceSpec>),
    /// Tasks are submitted, with what they will do.
    Submit(Submission, Behaviour),
    /// A service is created.
    CreateService(ServiceSpec, Box<ServiceBehaviour>),
    /// The service created last, at this very time, gets requests. No event follows.
    ExpectRequests(ServiceId, Arc<RequestLoad>),
    /// A service is updated; with a new definition, how its tasks behave.
    UpdateService(ServiceId, ServiceUpdate, Option<Box<ServiceBehaviour>>),
    /// An instance is set to DRAINING.
    Drain(InstanceId),
}

impl External {
    /// Whether an event follows for the control plane: not of what only nature knows.
    pub fn brings_event(&self) -> bool {
        match self {
            External::RegisterConduct(..)
            | External::RegisterUsage(_)
            | External::ExpectRequests(..) => false,
            External::RegisterDefinition(_)
            | External::MachineUp(_)
            | External::Submit(..)
            | External::CreateService(..)
            | External::UpdateService(..)
            | External::Drain(_) => true,
        }
    }
}

/// A trace or generator that cannot be read on: what, where, and the remedy.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct WorkloadError(pub String);

impl WorkloadError {
    /// An error about a line of a file.
    pub fn at(file: &str, line: u64, message: impl std::fmt::Display) -> WorkloadError {
        WorkloadError(format!("{file}, line {line}: {message}"))
    }
}

/// Events of one source, in order of time.
pub trait Source: std::fmt::Debug + Send {
    /// The next event; `None` at the end. Definitions it uses are interned in `ids` first, and
    /// submissions numbered from there.
    ///
    /// # Errors
    /// The source cannot be read on; what was yielded before must not be taken for the whole.
    fn next_event(&mut self, ids: &mut Ids) -> Result<Option<(SimTime, External)>, WorkloadError>;

    /// Number of events there will be, where that is known: for progress.
    fn len_hint(&self) -> Option<u64> {
        None
    }
}

/// Hands out the dense ids of definitions and submissions; equal definitions share an id.
#[derive(Debug, Default)]
pub struct Ids {
    definitions: Vec<Arc<TaskDefinition>>,
    /// By definition; `None` where it is the default.
    conducts: Vec<Option<Arc<Conduct>>>,
    index: BTreeMap<String, Vec<DefinitionId>>,
    submissions: u64,
    usages: Vec<Arc<Usage>>,
}

impl Ids {
    /// The id of a definition, a new one if no equal one is known. O(log families + definitions of
    /// the family): sources remember ids by row shape rather than ask for every row.
    pub fn definition(&mut self, definition: &TaskDefinition) -> DefinitionId {
        self.definition_with(definition, &Conduct::default())
    }

    /// The same for tasks with a conduct: definitions whose tasks differ in that are different.
    pub fn definition_with(
        &mut self,
        definition: &TaskDefinition,
        conduct: &Conduct,
    ) -> DefinitionId {
        let conduct = (*conduct != Conduct::default()).then_some(conduct);
        let known = self.index.entry(definition.family.clone()).or_default();
        let equal = |id: &&DefinitionId| {
            *self.definitions[id.index()] == *definition
                && self.conducts[id.index()].as_deref() == conduct
        };
        if let Some(&id) = known.iter().find(equal) {
            return id;
        }
        let id = DefinitionId(self.definitions.len() as u32);
        known.push(id);
        self.definitions.push(Arc::new(definition.clone()));
        self.conducts.push(conduct.cloned().map(Arc::new));
        id
    }

    /// What the tasks of a definition do, where it is not the default.
    pub fn conduct(&self, definition: DefinitionId) -> Option<&Arc<Conduct>> {
        self.conducts.get(definition.index())?.as_ref()
    }

    /// The id of a kind of use, a new one if no equal one is known. O(kinds): sources ask once per
    /// kind.
    pub fn usage(&mut self, usage: &Usage) -> UsageId {
        let known = self.usages.iter().position(|one| **one == *usage);
        let index = known.unwrap_or_else(|| {
            self.usages.push(Arc::new(usage.clone()));
            self.usages.len() - 1
        });
        UsageId::of_index(index)
    }

    /// Kinds of use interned so far, by [`UsageId::index`].
    pub fn usages(&self) -> &[Arc<Usage>] {
        &self.usages
    }

    /// The next submission's id.
    pub fn submission(&mut self) -> SubmissionId {
        self.submissions += 1;
        SubmissionId(self.submissions - 1)
    }

    /// Definitions interned so far, by id.
    pub fn definitions(&self) -> &[Arc<TaskDefinition>] {
        &self.definitions
    }
}
