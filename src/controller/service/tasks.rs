//! What happens to the tasks of services: placed, RUNNING, healthy or not, gone.

use crate::des::{SimDuration, SimTime};
use crate::model::{Health, Origin, ServiceId, TaskId};

use super::daemon::Daemon;
use super::{Awaits, Held, Lasting, Phase, ServiceEvent};
use crate::controller::{Change, Command, Controller, Reaction, Timer, Transition};

impl Controller {
    /// The service that a task belongs to. Without services, what it belongs to need not be
    /// fetched.
    pub(super) fn service_of(&self, task: TaskId) -> Option<ServiceId> {
        if self.services.all.is_empty() {
            return None;
        }
        match self.records[task.slot as usize].origin {
            Origin::Service { service, .. } => Some(service),
            Origin::Submission { .. } => None,
        }
    }

    /// A task was placed.
    pub(in crate::controller) fn service_task_placed(&mut self, task: TaskId) {
        let Some(id) = self.service_of(task) else { return };
        self.services.update(id, task, |held| held.phase = Phase::Pending);
        let service = self.services.get_mut(id);
        service.retry.reset();
        if !service.daemon.as_ref().is_some_and(Daemon::is_starved) {
            service.told.is_placed();
        }
        *self.services.placed.entry(id).or_default() += 1;
    }

    /// Services tell of the tasks that were placed: those that wait are not started.
    pub(in crate::controller) fn services_tell_starts(&mut self, out: &mut Reaction) {
        while let Some((id, count)) = self.services.placed.pop_first() {
            out.changes.push(Change::Service(id, ServiceEvent::TasksStarted(count)));
        }
    }

    /// A task is RUNNING.
    pub(in crate::controller) fn service_task_runs(
        &mut self,
        now: SimTime,
        task: TaskId,
        out: &mut Reaction,
    ) {
        let Some(id) = self.service_of(task) else { return };
        let settled_after = self.services.rules.settled_after;
        let class = self.cluster.task(task).expect("a task that runs lives").class;
        let awaits = Awaits {
            checks: self.cluster.class(class).definition.has_health_check,
            target: self.has(task, Transition::PassChecks),
        };
        let (mut said, mut deployment) = (None, None);
        self.services.update(id, task, |held| {
            (held.phase, held.running_since, held.awaits) = (Phase::Unproven, now, awaits);
            (said, deployment) = (held.said, Some(held.deployment));
        });
        let service = self.services.get_mut(id);
        service.runs.note(now);
        service.told.ends(Lasting::Impaired);
        if let Some(number) = deployment {
            service.deployment_mut(number).has_run = true;
        }
        let protection = SimDuration::from_micros(service.spec.protection_micros);
        if service.daemon.is_some() && protection > SimDuration::ZERO {
            // Where its instance is none for the daemon any more by then, it goes.
            self.wake_service(now + protection, id, out);
        }
        if let Some(health) = said {
            return self.service_task_health(now, task, health, out);
        }
        if awaits.checks || awaits.target {
            return;
        }
        if settled_after.micros() == 0 {
            self.task_is_healthy(now, id, task, out);
        } else {
            out.commands.push(Command::WakeAt(now + settled_after, Timer::Settled(task)));
        }
    }

    /// A task has passed the checks of its load balancer.
    pub(in crate::controller) fn service_task_passes_checks(
        &mut self,
        now: SimTime,
        task: TaskId,
        out: &mut Reaction,
    ) {
        if let Some(id) = self.service_of(task) {
            self.services.update(id, task, |held| held.awaits.target = false);
            self.task_is_healthy(now, id, task, out);
        }
    }

    /// A task without checks has been RUNNING for long enough.
    pub(in crate::controller) fn service_task_settled(
        &mut self,
        now: SimTime,
        task: TaskId,
        out: &mut Reaction,
    ) {
        // The task may be gone, and its slot taken over.
        if self.cluster.task(task).is_none() {
            return;
        }
        if let Some(id) = self.service_of(task) {
            self.task_is_healthy(now, id, task, out);
        }
    }

    /// The grace period of a task is over whose checks failed meanwhile.
    pub(in crate::controller) fn service_task_grace_over(
        &mut self,
        now: SimTime,
        task: TaskId,
        out: &mut Reaction,
    ) {
        if self.cluster.task(task).is_none() {
            return;
        }
        let Some(id) = self.service_of(task) else { return };
        let held = self.services.held(task);
        if held.is_some_and(|held| held.failing && held.phase != Phase::Unhealthy) {
            self.task_is_unhealthy(now, id, task, out);
        }
    }

    /// Checks of a task have a new result.
    pub(in crate::controller) fn service_task_health(
        &mut self,
        now: SimTime,
        task: TaskId,
        health: Health,
        out: &mut Reaction,
    ) {
        let Some(id) = self.service_of(task) else { return };
        let phase = self.services.held(task).map(|held| held.phase);
        if matches!(phase, Some(Phase::Waiting | Phase::Pending)) {
            self.services.update(id, task, |held| held.said = Some(health));
            return;
        }
        match health {
            Health::Healthy => {
                self.services.update(id, task, |held| {
                    (held.awaits.checks, held.failing) = (false, false);
                });
                self.task_is_healthy(now, id, task, out);
            }
            Health::Unhealthy => self.task_is_unhealthy(now, id, task, out),
        }
    }

    /// A task is healthy, unless there is more to wait for.
    fn task_is_healthy(&mut self, now: SimTime, id: ServiceId, task: TaskId, out: &mut Reaction) {
        let Some(held) = self.services.held(task).copied() else { return };
        if held.awaits.checks || held.awaits.target || held.failing {
            if held.phase == Phase::Unhealthy && !held.failing {
                self.services.update(id, task, |held| held.phase = Phase::Unproven);
                self.reconcile(now, id, out);
            }
            return;
        }
        self.services.update(id, task, |held| held.phase = Phase::Healthy);
        let service = self.services.get_mut(id);
        let resets = service.spec.deployment.circuit_breaker;
        if resets.is_some_and(|breaker| breaker.reset_on_healthy_task) {
            service.deployment_mut(held.deployment).failed_tasks = 0;
        }
        self.reconcile(now, id, out);
    }

    fn task_is_unhealthy(&mut self, now: SimTime, id: ServiceId, task: TaskId, out: &mut Reaction) {
        let service = self.services.get(id);
        let Some(held) = self.services.held(task).copied() else { return };
        let grace_period = SimDuration::from_micros(service.spec.grace_period_micros);
        let grace_ends = held.running_since + grace_period;
        if now < grace_ends {
            self.services.update(id, task, |held| held.failing = true);
            out.commands.push(Command::WakeAt(grace_ends, Timer::GraceOver(task)));
            return;
        }
        let fails = |held: &mut Held| (held.phase, held.failing) = (Phase::Unhealthy, true);
        self.services.update(id, task, fails);
        out.changes.push(Change::Service(id, ServiceEvent::Unhealthy(task)));
        self.count_failure(id, held.deployment, out);
        self.reconcile(now, id, out);
    }

    /// A task has turned STOPPING, or was never placed and is gone, without being told to.
    pub(in crate::controller) fn service_task_left(
        &mut self,
        now: SimTime,
        task: TaskId,
        out: &mut Reaction,
    ) {
        let Some(id) = self.service_of(task) else { return };
        let Some(held) = self.services.let_go(id, task) else { return };
        self.count_stopping(id);
        let service = self.services.get(id);
        if matches!(held.phase, Phase::Waiting | Phase::Pending) {
            // Once a task of a deployment has run, its checks alone tell whether it fails.
            if !service.deployment(held.deployment).has_run {
                self.count_failure(id, held.deployment, out);
            }
            self.started_in_vain(now, id, &held, out);
        } else if held.running_since == now {
            // Replaced without a delay it would end again at this very instant, for ever.
            self.services.get_mut(id).runs.note_gone_at_once(now);
            self.started_in_vain(now, id, &held, out);
        }
        self.reconcile(now, id, out);
    }

    /// A task that was STOPPING is gone.
    pub(in crate::controller) fn service_task_gone(
        &mut self,
        now: SimTime,
        task: TaskId,
        out: &mut Reaction,
    ) {
        if !self.services.rules.maximum_counts_stopping {
            return;
        }
        let Some(id) = self.service_of(task) else { return };
        self.services.get_mut(id).stopping -= 1;
        self.reconcile(now, id, out);
        if self.services.get(id).told.lasts(Lasting::Steady) {
            self.even_out(now, id, out);
        }
    }
}
