//! Stands between a run and its hosts, simulated or real, and notes what passes: what each task was
//! to do, what was decided, what came of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::backend::journal::Journal;
use crate::backend::{Backend, BackendError, HostUsage};
use crate::controller::{Command, Event};
use crate::des::SimTime;
use crate::model::{
    DefinitionId, Origin, Outcome, ServiceId, ServiceSpec, Submission, SubmissionId,
    TaskDefinition, TaskId,
};
use crate::workload::{Behaviour, External, Pace, Usage, UsageId};

use super::observed::ObservedTask;

/// A decision of the control plane, with the time it was made at.
pub type Decision = (SimTime, Command);

/// A backend that passes everything on to another, and notes it.
pub struct Witness<'a> {
    inner: &'a mut dyn Backend,
    notes: Notes,
}

impl std::fmt::Debug for Witness<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Witness").field("notes", &self.notes).finish_non_exhaustive()
    }
}

/// What a run left, as it was seen between the control plane and the hosts.
#[derive(Debug, Default)]
pub struct Notes {
    now: SimTime,
    definitions: Vec<Arc<TaskDefinition>>,
    usages: Vec<Arc<Usage>>,
    submissions: BTreeMap<SubmissionId, (Submission, Behaviour)>,
    services: BTreeMap<ServiceId, (ServiceSpec, UsageId)>,
    instances: Vec<String>,
    /// By serial number of the task; those never placed have none here.
    origins: BTreeMap<u64, Origin>,
    /// CPU of all instances.
    pub cpu: u64,
    /// Tasks by origin; a service's from when they were placed.
    pub tasks: BTreeMap<Origin, ObservedTask>,
    /// What was decided about tasks, in order.
    pub decisions: Vec<Decision>,
    /// What a control plane was told, if there was one.
    pub journal: Journal,
}

impl<'a> Witness<'a> {
    /// Notes what passes to and from `inner`.
    pub fn of(inner: &'a mut dyn Backend) -> Witness<'a> {
        Witness { inner, notes: Notes::default() }
    }

    /// What was noted.
    pub fn notes(self) -> Notes {
        self.notes
    }

    fn told(&mut self, next: Option<&(SimTime, Event)>) {
        if let Some((at, event)) = next {
            self.notes.event(*at, event);
            self.notes.journal.note(*at, event);
        }
    }
}

impl Notes {
    pub(super) fn origins(&self) -> &BTreeMap<u64, Origin> {
        &self.origins
    }

    pub(super) fn label(&self, submission: SubmissionId) -> String {
        let label = self.submissions.get(&submission).and_then(|(one, _)| one.label.as_deref());
        label.unwrap_or_default().to_owned()
    }

    pub(super) fn instance(&self, number: u32) -> &str {
        &self.instances[number as usize]
    }

    /// The task group that a task is counted in, and the family of its definition.
    pub(super) fn group_and_family(&self, origin: Origin) -> (String, String) {
        let family = |definition: DefinitionId| self.definitions[definition.index()].family.clone();
        match origin {
            Origin::Submission { submission, .. } => {
                let (submission, _) = &self.submissions[&submission];
                let family = family(submission.definition);
                let own = || format!("family:{family}");
                (submission.group.as_deref().map_or_else(own, str::to_owned), family)
            }
            Origin::Service { service, .. } => {
                let (spec, _) = &self.services[&service];
                (format!("service:{}", spec.name), family(spec.definition))
            }
        }
    }

    /// Notes what comes from outside.
    pub fn external(&mut self, external: &External) {
        match external {
            External::RegisterDefinition(definition) => {
                self.definitions.push(Arc::clone(definition));
            }
            External::RegisterUsage(usage) => self.usages.push(Arc::clone(usage)),
            External::Submit(submission, behaviour) => {
                self.submissions.insert(submission.id, (submission.clone(), *behaviour));
            }
            External::CreateService(spec, behaviour) => {
                self.services.insert(spec.id, (spec.clone(), behaviour.usage));
            }
            External::MachineUp(spec) => {
                self.cpu += u64::from(spec.cpu.0);
                self.instances.push(spec.name.clone());
            }
            External::UpdateService(service, update, behaviour) => {
                let known = self.services.get_mut(service);
                if let (Some((spec, usage)), Some(behaviour)) = (known, behaviour) {
                    spec.definition = update.definition.unwrap_or(spec.definition);
                    *usage = behaviour.usage;
                }
            }
            External::RegisterConduct(..) | External::ExpectRequests(..) | External::Drain(_) => {}
        }
    }

    /// Notes what happens.
    pub fn event(&mut self, at: SimTime, event: &Event) {
        self.now = at;
        match event {
            Event::TaskSubmitted(submission) => {
                for ordinal in 0..submission.count {
                    self.created(Origin::Submission { submission: submission.id, ordinal });
                }
            }
            Event::TaskStarted(task) => {
                let at = Some(at.as_secs_f64());
                self.with(*task, |task| task.started_s = at);
            }
            Event::TaskExited(task, outcome) | Event::TaskStopped(task, outcome) => {
                self.with(*task, |task| {
                    task.ended_s.get_or_insert(at.as_secs_f64());
                    task.outcome.get_or_insert(*outcome);
                });
            }
            _ => {}
        }
    }

    /// Notes that it is later.
    pub fn at(&mut self, now: SimTime) {
        self.now = now;
    }

    /// Notes what is decided.
    pub fn command(&mut self, command: &Command) {
        match command {
            Command::StartTask { task, origin, placement, .. } => {
                self.origins.insert(task.number, *origin);
                self.created(*origin);
                let placed = Some((self.now.as_secs_f64(), placement.instance.0));
                self.with(*task, |task| task.placed = placed);
                self.decisions.push((self.now, command.clone()));
            }
            Command::StopTask(_) => self.decisions.push((self.now, command.clone())),
            Command::Forget(origin) => {
                if let Some(task) = self.tasks.get_mut(origin) {
                    task.outcome = Some(Outcome::Rejected);
                }
            }
            Command::Begin { .. } | Command::WakeAt(..) => {}
        }
    }

    fn with(&mut self, task: TaskId, note: impl FnOnce(&mut ObservedTask)) {
        let origin = self.origins.get(&task.number);
        if let Some(task) = origin.and_then(|origin| self.tasks.get_mut(origin)) {
            note(task);
        }
    }

    fn created(&mut self, origin: Origin) {
        let (usage, definition) = match origin {
            Origin::Submission { submission, .. } => {
                let (submission, behaviour) = &self.submissions[&submission];
                (behaviour.usage, submission.definition)
            }
            Origin::Service { service, .. } => {
                let (spec, usage) = &self.services[&service];
                (*usage, spec.definition)
            }
        };
        let usage = usage.index().map(|index| &self.usages[index]);
        let reserved = self.definitions[definition.index()].cpu;
        let task = ObservedTask {
            origin,
            pace: usage.map_or(Pace::Time, |usage| usage.pace),
            contended: usage.is_some_and(|usage| usage.cpu > reserved),
            submitted_s: self.now.as_secs_f64(),
            placed: None,
            started_s: None,
            ended_s: None,
            outcome: None,
        };
        self.tasks.entry(origin).or_insert(task);
    }
}

impl Backend for Witness<'_> {
    fn submit(&mut self, at: SimTime, external: External) -> Result<(), BackendError> {
        self.notes.external(&external);
        self.inner.submit(at, external)
    }

    fn execute(&mut self, command: Command) -> Result<(), BackendError> {
        self.notes.command(&command);
        self.inner.execute(command)
    }

    fn next_event(&mut self) -> Result<Option<(SimTime, Event)>, BackendError> {
        let next = self.inner.next_event()?;
        self.told(next.as_ref());
        Ok(next)
    }

    fn next_event_until(
        &mut self,
        until: Option<SimTime>,
    ) -> Result<Option<(SimTime, Event)>, BackendError> {
        let next = self.inner.next_event_until(until)?;
        self.told(next.as_ref());
        Ok(next)
    }

    fn due_soon(&mut self, tasks: &mut Vec<TaskId>) {
        self.inner.due_soon(tasks);
    }

    fn peek_time(&mut self) -> Option<SimTime> {
        self.inner.peek_time()
    }

    fn host_usage(&self, now: SimTime) -> Vec<HostUsage> {
        self.inner.host_usage(now)
    }
}
