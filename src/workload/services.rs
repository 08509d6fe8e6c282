//! Services: created once, then updated at given times.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::des::SimTime;
use crate::model::{
    DefinitionId, SchedulingStrategy, ServiceId, ServiceSpec, ServiceUpdate, TaskDefinition,
};

use super::law_spec::DurationLaw;
use super::{
    Conduct, Container, External, HealthCheck, Ids, RequestLoad, ServiceBehaviour, Source, Usage,
    UsageId, WorkloadError,
};

/// What the tasks of a service are, from its creation or an update on.
#[derive(Debug, Clone)]
pub struct ServiceTasks {
    /// What they ask for.
    pub definition: TaskDefinition,
    /// How long they run; `None` where they run until they are stopped.
    pub run_time: Option<DurationLaw>,
    /// What they use meanwhile; `None` where that is what they reserve.
    pub usage: Option<Usage>,
    /// How they start and stop.
    pub conduct: Conduct,
}

impl ServiceTasks {
    /// Whether some may end before they are stopped, or turn unhealthy, which are replaced then:
    /// also those that give up waiting for a container, and those that use more memory than they
    /// reserve, which an instance may run out of.
    pub fn end_by_themselves(&self) -> bool {
        let mut containers = self.conduct.containers.iter().flat_map(|all| &all.0);
        let ends = |one: &Container| {
            let exits = one.run.is_some() && (one.essential || one.failures > 0.0);
            exits || one.start_timeout.is_some()
        };
        let checks = self.conduct.health_check.as_ref();
        let peak_mib = self.usage.as_ref().map_or(0, Usage::peak_memory_mib);
        self.run_time.is_some()
            || containers.any(ends)
            || checks.is_some_and(HealthCheck::may_fail)
            || peak_mib > self.definition.memory_mib
    }

    /// The id of their definition.
    fn definition(&self, ids: &mut Ids) -> DefinitionId {
        ids.definition_with(&self.definition, &self.conduct)
    }
}

/// A later change of a service.
#[derive(Debug, Clone, Default)]
pub struct ServiceChange {
    /// When.
    pub at: SimTime,
    /// Tasks to keep running from then on.
    pub desired_count: Option<u32>,
    /// What is rolled out then, by a deployment.
    pub tasks: Option<ServiceTasks>,
    /// Its place among the changes as they were written: one that is repeated is there several
    /// times.
    pub written: usize,
}

/// A service and what will be done to it.
#[derive(Debug, Clone)]
pub struct ServicePlan {
    /// What ECS is told; its number and its definition are given when it is created.
    pub spec: ServiceSpec,
    /// Its first tasks.
    pub tasks: ServiceTasks,
    /// When it is created.
    pub start: SimTime,
    /// The requests it gets, if any.
    pub requests: Option<Arc<RequestLoad>>,
    /// Later changes, ascending in time and not before the start.
    pub changes: Vec<ServiceChange>,
}

impl ServicePlan {
    /// Its first tasks, and those of each later deployment.
    pub fn all_tasks(&self) -> impl Iterator<Item = &ServiceTasks> {
        let later = self.changes.iter().filter_map(|change| change.tasks.as_ref());
        std::iter::once(&self.tasks).chain(later)
    }

    /// Whether tasks of it end by themselves, and are wanted to the end.
    pub fn replaces_for_ever(&self) -> bool {
        let last = self.changes.iter().rev().find_map(|change| change.desired_count);
        let is_daemon = self.spec.scheduling == SchedulingStrategy::Daemon;
        let wanted = is_daemon || last.unwrap_or(self.spec.desired_count) > 0;
        wanted && self.all_tasks().any(ServiceTasks::end_by_themselves)
    }
}

/// What happens to one or more services, in order of time.
#[derive(Debug)]
enum Step {
    Create(Box<ServicePlan>),
    Expect(Arc<RequestLoad>),
    Update(Box<ServiceChange>),
}

/// Creates services and updates them. Services are numbered by (start, name).
#[derive(Debug)]
pub struct ServiceEvents {
    steps: VecDeque<(SimTime, ServiceId, Step)>,
}

impl ServiceEvents {
    /// A source for these services.
    pub fn new(mut plans: Vec<ServicePlan>) -> ServiceEvents {
        plans.sort_by(|a, b| (a.start, &a.spec.name).cmp(&(b.start, &b.spec.name)));
        let mut steps = Vec::new();
        for (index, mut plan) in plans.into_iter().enumerate() {
            let id = ServiceId(u32::try_from(index).expect("fewer than 2^32 services"));
            for change in std::mem::take(&mut plan.changes) {
                steps.push((change.at, id, Step::Update(Box::new(change))));
            }
            steps.extend(plan.requests.take().map(|load| (plan.start, id, Step::Expect(load))));
            steps.push((plan.start, id, Step::Create(Box::new(plan))));
        }
        let order = |step: &Step| match step {
            Step::Create(_) => 0,
            Step::Expect(_) => 1,
            Step::Update(_) => 2,
        };
        steps.sort_by_key(|(at, id, step)| (*at, order(step), *id));
        ServiceEvents { steps: steps.into() }
    }
}

fn behaviour(tasks: ServiceTasks, ids: &mut Ids) -> Box<ServiceBehaviour> {
    let usage = tasks.usage.as_ref().map_or(UsageId::RESERVED, |one| ids.usage(one));
    Box::new(ServiceBehaviour { run_time: tasks.run_time, usage })
}

impl Source for ServiceEvents {
    fn next_event(&mut self, ids: &mut Ids) -> Result<Option<(SimTime, External)>, WorkloadError> {
        let Some((at, id, step)) = self.steps.pop_front() else { return Ok(None) };
        let external = match step {
            Step::Update(change) => {
                let definition = change.tasks.as_ref().map(|one| one.definition(ids));
                let update = ServiceUpdate { desired_count: change.desired_count, definition };
                let behaviour = change.tasks.map(|tasks| behaviour(tasks, ids));
                External::UpdateService(id, update, behaviour)
            }
            Step::Expect(load) => External::ExpectRequests(id, load),
            Step::Create(plan) => {
                let definition = plan.tasks.definition(ids);
                let spec = ServiceSpec { id, definition, ..plan.spec };
                External::CreateService(spec, behaviour(plan.tasks, ids))
            }
        };
        Ok(Some((at, external)))
    }
}
