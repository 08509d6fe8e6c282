//! The ECS control plane as a pure state machine: an event in, commands and changes out.
//!
//! Does no IO, reads no clock and cannot fail for outside reasons: "no room" is a value.

mod decisions;
mod message;
mod services;
#[cfg(test)]
mod tests;

pub use message::{Change, Command, Event, Reaction, Timer};

use std::hint::black_box;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::des::SimTime;
use crate::model::{
    ClassId, Cluster, InstanceSpec, Origin, Outcome, Placement, Submission, TaskDefinition, TaskId,
    TaskStatus,
};
use crate::placement::{Ask, Placer, Refusal};
use crate::queueing::{Entry, OnRefusal, QueuePolicy, Ticket, Waiting};

use decisions::DecisionServer;
use services::Services;

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
    /// Whether a placement pass is due at this instant already.
    pass_due: bool,
    /// Where decisions take simulated time.
    server: Option<DecisionServer>,
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
            pass_due: false,
            server: None,
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
        match event {
            Event::DefinitionRegistered(definition) => self.register(Arc::clone(definition)),
            Event::InstanceRegistered(spec) => self.instance_registered(now, spec, out),
            Event::TaskSubmitted(submission) => self.submitted(now, submission, out),
            Event::ServiceCreated(spec) => self.create_service(now, spec, out),
            Event::ServiceUpdated(service, desired) => {
                self.set_desired_count(now, *service, *desired, out);
            }
            Event::TaskStarted(task) => self.started(*task, out),
            Event::TaskExited(task, outcome) => self.exited(now, *task, *outcome, out),
            Event::TaskStopped(task, outcome) => self.stopped(now, *task, *outcome, out),
            Event::Woken(Timer::PlacementPass) => self.placement_pass(now, out),
            Event::Woken(Timer::DecisionMade) => self.decision_made(now, out),
        }
    }

    fn register(&mut self, definition: Arc<TaskDefinition>) {
        self.cluster.register_definition(definition);
        self.own_classes.push(None);
    }

    fn instance_registered(&mut self, now: SimTime, spec: &InstanceSpec, out: &mut Reaction) {
        let instance = self.cluster.register(spec.clone());
        out.changes.push(Change::InstanceJoined(instance));
        self.request_pass(now, out);
    }

    fn submitted(&mut self, now: SimTime, submission: &Submission, out: &mut Reaction) {
        let class = self.class_of(submission);
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

    fn started(&mut self, task: TaskId, out: &mut Reaction) {
        let status = self.cluster.task(task).map(|record| record.status);
        // A task that was told to stop meanwhile starts in vain.
        if status == Some(TaskStatus::Pending) {
            self.cluster.set_running(task);
            out.changes.push(Change::TaskStarted(task));
        }
    }

    fn is_stopping(&self, task: TaskId) -> bool {
        let record = self.cluster.task(task).expect("an event is about a task that has not ended");
        record.status == TaskStatus::Stopping
    }

    fn exited(&mut self, now: SimTime, task: TaskId, outcome: Outcome, out: &mut Reaction) {
        if !self.is_stopping(task) {
            self.release(now, task, outcome, out);
            self.replace_service_task(now, task, out);
        }
    }

    /// Turns a task STOPPING.
    fn release(&mut self, now: SimTime, task: TaskId, outcome: Outcome, out: &mut Reaction) {
        self.cluster.release(task);
        self.records[task.slot as usize].outcome = Some(outcome);
        out.changes.push(Change::TaskStopping(task));
        self.request_pass(now, out);
    }

    fn stopped(&mut self, now: SimTime, task: TaskId, outcome: Outcome, out: &mut Reaction) {
        let decided = if self.is_stopping(task) {
            let decided = self.records[task.slot as usize].outcome;
            decided.expect("it is decided when a task turns STOPPING")
        } else {
            self.exited(now, task, outcome, out);
            outcome
        };
        self.end(task, decided, out);
    }

    fn end(&mut self, task: TaskId, outcome: Outcome, out: &mut Reaction) {
        self.cluster.remove_task(task);
        out.changes.push(Change::TaskEnded { task, outcome });
    }

    // --- placement passes ------------------------------------------------------------

    /// Asks for a pass at this instant, unless nothing waits or one is due already.
    fn request_pass(&mut self, now: SimTime, out: &mut Reaction) {
        if self.waiting.is_empty() || self.pass_due {
            return;
        }
        if !self.server.as_mut().is_some_and(DecisionServer::defers_pass) {
            self.pass_due = true;
            out.commands.push(Command::WakeAt(now, Timer::PlacementPass));
        }
    }

    /// Sweeps over the queue until a sweep places nothing: a placement can make room for a task
    /// that wants company (`task:group == …`) and was refused earlier in the sweep.
    fn placement_pass(&mut self, now: SimTime, out: &mut Reaction) {
        self.pass_due = false;
        if self.server.is_some() {
            self.begin_decisions(now, out);
        } else {
            while !self.waiting.is_empty() && self.sweep(out) {}
        }
    }

    /// Tries what waits, once each; whether anything was placed.
    fn sweep(&mut self, out: &mut Reaction) -> bool {
        let mut placed = false;
        self.queue.begin();
        while let Some(ticket) = self.queue.next(&self.waiting, &self.cluster) {
            placed |= self.try_entry(ticket, out);
        }
        placed
    }

    /// Tries one entry; whether it was placed.
    fn try_entry(&mut self, ticket: Ticket, out: &mut Reaction) -> bool {
        match self.attempt(ticket, out) {
            Ok(()) => {
                self.waiting.remove(ticket);
                true
            }
            Err(refusal) => {
                out.changes.push(Change::PlacementRefused(refusal.class));
                let then = self.queue.refused(ticket, &self.waiting, &self.cluster);
                if then == OnRefusal::Reject {
                    self.reject(ticket, out);
                }
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
        for (task, placement) in placed {
            let origin = self.records[task.slot as usize].origin;
            out.changes.push(Change::TaskPlaced { task, placement });
            let definition = self.cluster.class(entry.class).definition_id;
            out.commands.push(Command::StartTask { task, origin, definition, placement });
        }
        Ok(())
    }

    /// Turns the tasks of an entry away, unless they are a service's: those keep waiting.
    fn reject(&mut self, ticket: Ticket, out: &mut Reaction) {
        let entry = self.waiting.get(ticket).expect("a refused entry waits");
        let origin = |task: &TaskId| self.records[task.slot as usize].origin;
        if entry.tasks.iter().any(|task| matches!(origin(task), Origin::Service { .. })) {
            return;
        }
        let entry = self.waiting.remove(ticket).expect("a refused entry waits");
        for task in entry.tasks {
            out.commands.push(Command::Forget(self.records[task.slot as usize].origin));
            self.end(task, Outcome::Rejected, out);
        }
    }

    /// Compares the ledger with the tasks, and the tasks with the queue.
    ///
    /// # Errors
    /// The first invariant found broken, in words.
    pub fn audit(&self) -> Result<(), String> {
        self.cluster.audit()?;
        let provisioning = |status| status == TaskStatus::Provisioning;
        let unplaced = self.cluster.tasks().filter(|(_, task)| provisioning(task.status)).count();
        if unplaced as u64 != self.waiting.tasks() {
            let waiting = self.waiting.tasks();
            return Err(format!("{unplaced} tasks are unplaced but {waiting} wait"));
        }
        Ok(())
    }
}
