//! Services: created once, then scaled at given times.

use std::collections::VecDeque;

use crate::des::SimTime;
use crate::model::{ServiceId, ServiceSpec, TaskDefinition};

use super::law_spec::DurationLaw;
use super::{External, Ids, ServiceBehaviour, Source, Usage, UsageId, WorkloadError};

/// A service and what will be done to it.
#[derive(Debug, Clone)]
pub struct ServicePlan {
    /// Name; unique.
    pub name: String,
    /// What its tasks ask for.
    pub definition: TaskDefinition,
    /// How long its tasks run; `None` where they run until they are stopped.
    pub run_time: Option<DurationLaw>,
    /// What they use meanwhile; `None` where that is what they reserve.
    pub usage: Option<Usage>,
    /// Which of the controller's placers places it.
    pub placer: usize,
    /// When it is created.
    pub start: SimTime,
    /// Tasks to keep running at first.
    pub desired_count: u32,
    /// Later desired counts, ascending in time and not before the start.
    pub changes: Vec<(SimTime, u32)>,
}

/// What happens to one or more services, in order of time.
#[derive(Debug)]
enum Step {
    Create(Box<ServicePlan>),
    Update(ServiceId, u32),
}

/// Creates services and sets their desired counts. Services are numbered by (start, name).
#[derive(Debug)]
pub struct ServiceEvents {
    steps: VecDeque<(SimTime, ServiceId, Step)>,
}

impl ServiceEvents {
    /// A source for these services.
    pub fn new(mut plans: Vec<ServicePlan>) -> ServiceEvents {
        plans.sort_by(|a, b| (a.start, &a.name).cmp(&(b.start, &b.name)));
        let mut steps = Vec::new();
        for (index, plan) in plans.into_iter().enumerate() {
            let id = ServiceId(u32::try_from(index).expect("fewer than 2^32 services"));
            for &(at, desired) in &plan.changes {
                steps.push((at, id, Step::Update(id, desired)));
            }
            steps.push((plan.start, id, Step::Create(Box::new(plan))));
        }
        let is_update = |step: &Step| matches!(step, Step::Update(..));
        steps.sort_by_key(|(at, id, step)| (*at, is_update(step), *id));
        ServiceEvents { steps: steps.into() }
    }
}

impl Source for ServiceEvents {
    fn next_event(&mut self, ids: &mut Ids) -> Result<Option<(SimTime, External)>, WorkloadError> {
        let Some((at, id, step)) = self.steps.pop_front() else { return Ok(None) };
        let external = match step {
            Step::Update(id, desired) => External::UpdateService(id, desired),
            Step::Create(plan) => {
                let spec = ServiceSpec {
                    id,
                    definition: ids.definition(&plan.definition),
                    name: plan.name,
                    desired_count: plan.desired_count,
                    placer: plan.placer,
                };
                let usage = plan.usage.as_ref().map_or(UsageId::RESERVED, |one| ids.usage(one));
                let behaviour = ServiceBehaviour { run_time: plan.run_time, usage };
                External::CreateService(spec, Box::new(behaviour))
            }
        };
        Ok(Some((at, external)))
    }
}
