//! The ECS control plane as a pure state machine: an event in, commands and changes out.
//!
//! Does no IO, reads no clock and cannot fail for outside reasons: "no room" is a value.

mod decisions;
mod life_cycle;
#[cfg(test)]
mod life_cycle_tests;
mod message;
mod service;
#[cfg(test)]
mod tests;

pub use message::{Change, Command, Event, Reaction, Timer, Transition, Transitions};
pub use service::{ServiceEvent, ServiceRules};

use std::hint::black_box;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::des::SimTime;
use crate::model::{
    ClassId, Cluster, InstanceId, InstanceSpec, InstanceStatus, Origin, Outcome, Placement,
    Submission, SubmissionId, TaskDefinition, TaskId,
};
use crate::placement::{Ask, Placer, Refusal};
use crate::queueing::{Entry, OnRefusal, QueuePolicy, Ticket, Waiting};

use decisions::DecisionServer;
use service::Services;

/// What the controller keeps of a task beside the cluster's record.
#[derive(Debug, Clone, Copy)]
struct Record {
    origin: Origin,
    /// How the task will have ended, once that is decided.
    outcome: Option<Outcome>,
}

/// The control plane.
#[derive(Debug)]
pub struct Controller {
    cluster: Cluster,
    /// `placers[0]` places standalone tasks; services may have their own.
    placers: Vec<Box<dyn Placer>>,
    queue: Box<dyn QueuePolicy>,
    waiting: Waiting,
    services: Services,
    /// By task slot; meaningful where a task lives.
    records: Vec<Record>,
    /// Class of the tasks in a definition's own group, by definition; `None` before the first.
    own_classes: Vec<Option<ClassId>>,
    /// Tasks that ended in the event being handled.
    ended: Vec<TaskId>,
    /// Whether a placement pass is due at this instant already.
    pass_due: bool,
    /// Where decisions take simulated time.
    server: Option<DecisionServer>,
    /// What takes time in the life of tasks that have it.
    timed: Transitions,
}

impl Controller {
    /// A control plane of an empty cluster. `placers[0]` places standalone tasks.
    pub fn new(mut placers: Vec<Box<dyn Placer>>, queue: Box<dyn QueuePolicy>) -> Controller {
        assert!(!placers.is_empty(), "standalone tasks need a placer");
        let mut cluster = Cluster::new();
        for placer in &mut placers {
            placer.prepare(&mut cluster);
        }
        Controller {
            cluster,
            placers,
            queue,
            waiting: Waiting::default(),
            services: Services::default(),
            records: Vec::new(),
            own_classes: Vec::new(),
            ended: Vec::new(),
            pass_due: false,
            server: None,
            timed: Transitions::default(),
        }
    }

    /// The cluster as it stands.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// The tasks that wait.
    pub fn waiting(&self) -> &Waiting {
        &self.waiting
    }

    /// Reads what is kept of some tasks, so that it is at hand when they have events.
    pub fn look_ahead(&self, tasks: &[TaskId]) {
        let records = tasks.iter().filter_map(|task| self.records.get(task.slot as usize));
        black_box(records.filter(|record| record.outcome.is_some()).count());
        self.cluster.look_ahead(tasks);
    }

    /// Takes one event; what follows from it is appended to `out`.
    pub fn handle(&mut self, now: SimTime, event: &Event, out: &mut Reaction) {
        self.react(now, event, out);
        self.services_tell_starts(out);
        for task in self.ended.drain(..) {
            self.cluster.remove_task(task);
        }
    }

    fn react(&mut self, now: SimTime, event: &Event, out: &mut Reaction) {
        match event {
            Event::DefinitionRegistered(definition) => self.register(Arc::clone(definition)),
            Event::InstanceRegistered(spec) => self.instance_registered(now, spec, out),
            Event::TaskSubmitted(submission) => self.submitted(now, submission, out),
            Event::ServiceCreated(spec) => self.create_service(now, spec, out),
            Event::ServiceUpdated(service, update) => {
                self.update_service(now, *service, *update, out);
            }
            Event::InstanceDraining(instance) => self.drain(now, *instance, out),
            // Nothing is decided on it.
            Event::ImagePulled { .. } | Event::MetricsPublished(_) => {}
            Event::TaskStarted(task) => self.started(now, *task, out),
            Event::TaskExited(task, outcome) => self.exited(now, *task, *outcome, out),
            Event::TaskStopped(task, outcome) => self.stopped(now, *task, *outcome, out),
            Event::TransitionMade(task, transition) => self.reached(now, *task, *transition, out),
            Event::TaskHealthChanged(task, health) => {
                self.service_task_health(now, *task, *health, out);
            }
            Event::Woken(timer) => self.woken(now, *timer, out),
        }
    }

    fn woken(&mut self, now: SimTime, timer: Timer, out: &mut Reaction) {
        match timer {
            Timer::PlacementPass => self.placement_pass(now, out),
            Timer::DecisionMade => self.decision_made(now, out),
            Timer::Service(service) => self.service_woken(now, service, out),
            Timer::Settled(task) => self.service_task_settled(now, task, out),
            Timer::GraceOver(task) => self.service_task_grace_over(now, task, out),
        }
    }

    fn register(&mut self, definition: Arc<TaskDefinition>) {
        self.cluster.register_definition(definition);
        self.own_classes.push(None);
    }

    fn instance_registered(&mut self, now: SimTime, spec: &InstanceSpec, out: &mut Reaction) {
        let instance = self.cluster.register(spec.clone());
        out.changes.push(Change::InstanceJoined(instance));
        self.services_see_instance(now, out);
        self.request_pass(now, out);
    }

    /// No more tasks are placed on an instance; those of services are replaced.
    fn drain(&mut self, now: SimTime, instance: InstanceId, out: &mut Reaction) {
        if self.cluster.instance(instance).status() == InstanceStatus::Active {
            self.cluster.set_status(instance, InstanceStatus::Draining);
            out.changes.push(Change::InstanceDraining(instance));
            self.services_leave(now, instance, out);
        }
    }

    fn submitted(&mut self, now: SimTime, submission: &Submission, out: &mut Reaction) {
        let class = self.class_of(submission);
        if let Some(on) = &submission.start_on {
            return self.start_on(now, class, submission.id, on, out);
        }
        let mut gang = SmallVec::new();
        for ordinal in 0..submission.count {
            let origin = Origin::Submission { submission: submission.id, ordinal };
            let task = self.create_task(class, origin, out);
            gang.push(task);
            if !submission.all_or_nothing {
                let tasks = std::mem::take(&mut gang);
                self.waiting.push(Entry { class, placer: 0, tasks, attempts: 0 });
            }
        }
        if submission.all_or_nothing {
            self.waiting.push(Entry { class, placer: 0, tasks: gang, attempts: 0 });
        }
        self.request_pass(now, out);
    }

    /// `StartTask`: a task on each of these instances, each at once or turned away. It passes the
    /// queue by: ECS's scheduler has no part in it.
    ///
    /// Source: ECS API, `StartTask`.
    fn start_on(
        &mut self,
        now: SimTime,
        class: ClassId,
        submission: SubmissionId,
        on: &[InstanceId],
        out: &mut Reaction,
    ) {
        for (ordinal, instance) in (0..).zip(on) {
            let origin = Origin::Submission { submission, ordinal };
            let task = self.create_task(class, origin, out);
            let only = Some(std::slice::from_ref(instance));
            let ask = Ask { class, task, attempt: 0, restrict: only };
            if let Ok(placement) = self.placers[0].place(&ask, &self.cluster) {
                self.launch(task, placement, out);
            } else {
                out.changes.push(Change::PlacementRefused(class));
                self.turn_away(task, out);
            }
        }
        // A task that waits may want the company of these.
        self.request_pass(now, out);
        self.tell_daemons(now, out);
    }

    fn class_of(&mut self, submission: &Submission) -> ClassId {
        let definition = submission.definition;
        if let Some(name) = submission.group.as_deref() {
            let group = self.cluster.intern_group(name);
            return self.cluster.intern_class(definition, Some(group));
        }
        let intern = || self.cluster.intern_class(definition, None);
        *self.own_classes[definition.index()].get_or_insert_with(intern)
    }

    fn create_task(&mut self, class: ClassId, origin: Origin, out: &mut Reaction) -> TaskId {
        let task = self.cluster.create_task(class);
        let record = Record { origin, outcome: None };
        if self.records.len() <= task.slot as usize {
            self.records.resize(task.slot as usize + 1, record);
        }
        self.records[task.slot as usize] = record;
        out.changes.push(Change::TaskCreated { task, class, origin });
        task
    }

    // --- placement passes ------------------------------------------------------------

    /// Asks for a pass at this instant, unless nothing waits or one is due already.
    fn request_pass(&mut self, now: SimTime, out: &mut Reaction) {
        if !self.waiting.is_empty()
            && !self.pass_due
            && !self.server.as_mut().is_some_and(DecisionServer::defers_pass)
        {
            self.make_pass_due(now, out);
        }
    }

    /// The same where room was made, which a daemon or a zone may wait for too: they do not wait
    /// for what is being decided on.
    fn room_made(&mut self, now: SimTime, out: &mut Reaction) {
        if self.services.daemons_are_missing() || self.services.zones_wait() {
            self.make_pass_due(now, out);
        } else {
            self.request_pass(now, out);
        }
    }

    fn make_pass_due(&mut self, now: SimTime, out: &mut Reaction) {
        if !self.pass_due {
            self.pass_due = true;
            out.commands.push(Command::WakeAt(now, Timer::PlacementPass));
        }
    }

    /// A task was placed, whose company a daemon may want.
    pub(in crate::controller) fn tell_daemons(&mut self, now: SimTime, out: &mut Reaction) {
        if self.services.daemons_mind_tasks() {
            self.make_pass_due(now, out);
        }
    }

    /// Sweeps over the queue until a sweep places nothing: a placement can make room for a task
    /// that wants company (`task:group == …`) and was refused earlier in the sweep.
    fn placement_pass(&mut self, now: SimTime, out: &mut Reaction) {
        // Daemons come before all that waits; what they ask for is done in this very pass.
        if self.services.daemons_are_missing() {
            self.place_daemons(now, out);
        }
        if self.services.zones_wait() {
            self.even_out_again(now, out);
        }
        self.pass_due = false;
        match self.server.as_mut().map(DecisionServer::defers_pass) {
            None => while !self.waiting.is_empty() && self.sweep(now, out) {},
            Some(false) => self.begin_decisions(now, out),
            Some(true) => {}
        }
    }

    /// Tries what waits, once each; whether anything was placed.
    fn sweep(&mut self, now: SimTime, out: &mut Reaction) -> bool {
        let mut placed = false;
        self.queue.begin();
        while let Some(ticket) = self.queue.next(&self.waiting, &self.cluster) {
            placed |= self.try_entry(now, ticket, out);
        }
        placed
    }

    /// Tries one entry; whether it was placed.
    fn try_entry(&mut self, now: SimTime, ticket: Ticket, out: &mut Reaction) -> bool {
        match self.attempt(ticket, out) {
            Ok(()) => {
                self.waiting.remove(ticket);
                self.tell_daemons(now, out);
                true
            }
            Err(refusal) => {
                out.changes.push(Change::PlacementRefused(refusal.class));
                let then = self.queue.refused(ticket, &self.waiting, &self.cluster);
                if then == OnRefusal::Reject {
                    self.reject(ticket, out);
                }
                self.service_refused(now, ticket, out);
                false
            }
        }
    }

    /// Places the tasks of one entry, all or none.
    fn attempt(&mut self, ticket: Ticket, out: &mut Reaction) -> Result<(), Refusal> {
        let attempt = self.waiting.count_attempt(ticket);
        let entry = self.waiting.get(ticket).expect("the policy names a waiting entry");
        let placer = &mut self.placers[entry.placer];
        let mut placed: SmallVec<[(TaskId, Placement); 1]> = SmallVec::new();
        for &task in &entry.tasks {
            let ask = Ask { class: entry.class, task, attempt, restrict: None };
            match placer.place(&ask, &self.cluster) {
                Ok(placement) => {
                    self.cluster.place(task, placement);
                    placed.push((task, placement));
                }
                Err(refusal) => {
                    placed.iter().rev().for_each(|&(task, _)| self.cluster.unplace(task));
                    return Err(refusal);
                }
            }
        }
        placed.into_iter().for_each(|(task, placement)| self.order(task, placement, out));
        Ok(())
    }

    /// Places an unplaced task that is not in the queue.
    fn launch(&mut self, task: TaskId, placement: Placement, out: &mut Reaction) {
        self.cluster.place(task, placement);
        self.order(task, placement, out);
    }

    /// Has a task started that was placed.
    fn order(&mut self, task: TaskId, placement: Placement, out: &mut Reaction) {
        out.changes.push(Change::TaskPlaced { task, placement });
        self.placed(task, out);
        self.service_task_placed(task);
    }

    /// Turns the tasks of an entry away, unless they are a service's: those keep waiting.
    fn reject(&mut self, ticket: Ticket, out: &mut Reaction) {
        let entry = self.waiting.get(ticket).expect("a refused entry waits");
        let origin = |task: &TaskId| self.records[task.slot as usize].origin;
        if entry.tasks.iter().any(|task| matches!(origin(task), Origin::Service { .. })) {
            return;
        }
        let entry = self.waiting.remove(ticket).expect("a refused entry waits");
        entry.tasks.into_iter().for_each(|task| self.turn_away(task, out));
    }

    fn turn_away(&mut self, task: TaskId, out: &mut Reaction) {
        out.commands.push(Command::Forget(self.records[task.slot as usize].origin));
        self.end(task, Outcome::Rejected, out);
    }

    /// Compares the ledger with the tasks, and the tasks with the queue.
    ///
    /// # Errors
    /// The first invariant found broken, in words.
    pub fn audit(&self) -> Result<(), String> {
        self.cluster.audit()?;
        let unplaced = self.cluster.tasks().filter(|(_, task)| task.is_unplaced()).count();
        let waiting = self.waiting.tasks() + self.services.held_back();
        if unplaced as u64 != waiting {
            return Err(format!("{unplaced} tasks are unplaced but {waiting} wait"));
        }
        Ok(())
    }
}
