//! The life of a placed task: which state follows on which, and what the control plane begins then.
//!
//! A task passes over the states that it has nothing to do in, without an event: a network
//! interface is attached and detached for tasks in `awsvpc` mode, a load balancer is told of tasks
//! of services that have one, and both only where it takes time ([`Transitions`]).

use crate::des::SimTime;
use crate::model::{NetworkMode, Origin, Outcome, TaskId, TaskStatus};

use super::{Change, Command, Controller, Reaction, Transition, Transitions};

impl Controller {
    /// Lets transitions take time; all others take none.
    #[must_use]
    pub fn with_transitions(mut self, timed: Transitions) -> Controller {
        self.timed = timed;
        self
    }

    /// Whether a placed task has a transition that takes time.
    pub(super) fn has(&self, task: TaskId, transition: Transition) -> bool {
        if !self.timed.contains(transition) {
            return false;
        }
        match transition {
            Transition::AttachNetwork | Transition::DetachNetwork => self.is_in_vpc(task),
            Transition::Register | Transition::PassChecks | Transition::Deregister => {
                match self.records[task.slot as usize].origin {
                    Origin::Service { service, .. } => self.services.are_load_balanced(service),
                    Origin::Submission { .. } => false,
                }
            }
        }
    }

    /// Whether a task has a network interface of its own.
    fn is_in_vpc(&self, task: TaskId) -> bool {
        let record = self.cluster.task(task).expect("a task that has not ended");
        let definition = &self.cluster.class(record.class).definition;
        definition.network_mode == NetworkMode::Awsvpc
    }

    fn begin(&self, task: TaskId, transition: Transition, out: &mut Reaction) {
        let origin = self.records[task.slot as usize].origin;
        out.commands.push(Command::Begin { task, origin, transition });
    }

    fn advance(&mut self, task: TaskId, status: TaskStatus, out: &mut Reaction) {
        self.cluster.advance(task, status);
        out.changes.push(Change::TaskAdvanced { task, status });
    }

    fn status(&self, task: TaskId) -> Option<TaskStatus> {
        self.cluster.task(task).map(|record| record.status)
    }

    /// A task has been placed, for good: its network comes first, then its host gets it.
    pub(super) fn placed(&mut self, task: TaskId, out: &mut Reaction) {
        if self.has(task, Transition::AttachNetwork) {
            self.cluster.keep_provisioning(task);
            self.begin(task, Transition::AttachNetwork, out);
        } else {
            self.start(task, out);
        }
    }

    fn start(&mut self, task: TaskId, out: &mut Reaction) {
        let record = self.cluster.task(task).expect("a placed task has not ended");
        let placement = record.placement.expect("a placed task has a place");
        let definition = self.cluster.class(record.class).definition_id;
        let origin = self.records[task.slot as usize].origin;
        out.commands.push(Command::StartTask { task, origin, definition, placement });
    }

    /// The containers of a task run. One that was told to stop meanwhile starts in vain.
    pub(super) fn started(&mut self, now: SimTime, task: TaskId, out: &mut Reaction) {
        if self.status(task) != Some(TaskStatus::Pending) {
            return;
        }
        if self.has(task, Transition::Register) {
            self.advance(task, TaskStatus::Activating, out);
            self.begin(task, Transition::Register, out);
        } else {
            self.runs(now, task, out);
        }
    }

    /// A task is RUNNING.
    fn runs(&mut self, now: SimTime, task: TaskId, out: &mut Reaction) {
        self.cluster.advance(task, TaskStatus::Running);
        out.changes.push(Change::TaskStarted(task));
        if self.has(task, Transition::PassChecks) {
            self.begin(task, Transition::PassChecks, out);
        }
        self.service_task_runs(now, task, out);
    }

    /// A transition is over. What a task has left behind meanwhile is of no account.
    pub(super) fn reached(
        &mut self,
        now: SimTime,
        task: TaskId,
        transition: Transition,
        out: &mut Reaction,
    ) {
        match (transition, self.status(task)) {
            (Transition::AttachNetwork, Some(TaskStatus::Provisioning)) => {
                self.advance(task, TaskStatus::Pending, out);
                self.start(task, out);
            }
            (Transition::Register, Some(TaskStatus::Activating)) => self.runs(now, task, out),
            (Transition::PassChecks, Some(TaskStatus::Running)) => {
                self.service_task_passes_checks(now, task, out);
            }
            (Transition::Deregister, Some(TaskStatus::Deactivating)) => {
                self.order_stop(now, task, out);
            }
            (Transition::DetachNetwork, Some(TaskStatus::Deprovisioning)) => {
                let outcome = self.records[task.slot as usize].outcome;
                self.end(task, outcome.expect("it is decided when a task turns STOPPING"), out);
                self.service_task_gone(now, task, out);
                self.room_made(now, out);
            }
            _ => {}
        }
    }

    /// Stops a placed task. Behind a load balancer it runs on until that has let go of it, and
    /// holds its resources; it turns STOPPING then, and else at once.
    pub(super) fn stop_task(&mut self, now: SimTime, task: TaskId, out: &mut Reaction) {
        let serves =
            matches!(self.status(task), Some(TaskStatus::Activating | TaskStatus::Running));
        if serves && self.has(task, Transition::Deregister) {
            self.records[task.slot as usize].outcome = Some(Outcome::Stopped);
            self.cluster.deactivate(task);
            let status = TaskStatus::Deactivating;
            out.changes.push(Change::TaskAdvanced { task, status });
            self.begin(task, Transition::Deregister, out);
            self.room_made(now, out);
        } else {
            self.order_stop(now, task, out);
        }
    }

    /// Turns a task STOPPING and has its containers stopped.
    fn order_stop(&mut self, now: SimTime, task: TaskId, out: &mut Reaction) {
        let never_started = self.status(task) == Some(TaskStatus::Provisioning);
        self.release(now, task, Outcome::Stopped, out);
        out.commands.push(Command::StopTask(task));
        if never_started {
            out.commands.push(Command::Forget(self.records[task.slot as usize].origin));
        }
    }

    fn is_stopping(&self, task: TaskId) -> bool {
        let status = self.status(task).expect("an event is about a task that has not ended");
        !status.holds_resources()
    }

    /// A task's essential container has exited.
    pub(super) fn exited(
        &mut self,
        now: SimTime,
        task: TaskId,
        outcome: Outcome,
        out: &mut Reaction,
    ) {
        if !self.is_stopping(task) {
            self.release(now, task, outcome, out);
            self.service_task_left(now, task, out);
        }
    }

    /// Turns a task STOPPING. How it ends is what was decided first. Its network interface is there
    /// until its containers are gone, and then until it is detached.
    fn release(&mut self, now: SimTime, task: TaskId, outcome: Outcome, out: &mut Reaction) {
        if self.is_in_vpc(task) && !self.is_succeeded(task) {
            self.cluster.release_but_eni(task);
        } else {
            self.cluster.release(task);
        }
        self.records[task.slot as usize].outcome.get_or_insert(outcome);
        out.changes.push(Change::TaskStopping(task));
        self.daemons_stop_last(now, task, out);
        self.room_made(now, out);
    }

    /// The containers of a task are gone from its host.
    pub(super) fn stopped(
        &mut self,
        now: SimTime,
        task: TaskId,
        outcome: Outcome,
        out: &mut Reaction,
    ) {
        self.exited(now, task, outcome, out);
        if self.has(task, Transition::DetachNetwork) {
            self.advance(task, TaskStatus::Deprovisioning, out);
            self.begin(task, Transition::DetachNetwork, out);
        } else {
            let decided = self.records[task.slot as usize].outcome;
            let gives_room = self.cluster.task(task).is_some_and(|record| record.keeps_eni);
            self.end(task, decided.expect("it is decided when a task turns STOPPING"), out);
            self.service_task_gone(now, task, out);
            if gives_room {
                self.room_made(now, out);
            }
        }
    }

    /// A task is STOPPED. It is forgotten when the event is handled: until then no other takes its
    /// slot, so that recorders can tell them apart.
    pub(super) fn end(&mut self, task: TaskId, outcome: Outcome, out: &mut Reaction) {
        self.ended.push(task);
        out.changes.push(Change::TaskEnded { task, outcome });
    }
}
