//! Deployments: begun by an update, completed when all of it is healthy, failed by a circuit
//! breaker, put back after that.

use crate::des::{SimDuration, SimTime};
use crate::model::{DefinitionId, DeploymentStrategy, ServiceId, TaskId};

use super::plan::{Situation, failure_threshold, overlap_micros};
use super::reconcile::Stopped;
use super::{Deployment, Held, Lasting, Phase, Rollout, Service, ServiceEvent};
use crate::controller::{Change, Controller, Reaction};

impl Controller {
    /// Begins a deployment of a definition: it is the primary one from now on.
    pub(super) fn deploy(&mut self, id: ServiceId, definition: DefinitionId, out: &mut Reaction) {
        let group = self.services.get(id).group;
        let class = self.cluster.intern_class(definition, Some(group));
        let service = self.services.get_mut(id);
        let number = service.deployments_made;
        service.deployments_made += 1;
        service.deployments.push(Deployment {
            number,
            class,
            rollout: Rollout::InProgress,
            tasks: 0,
            failed_tasks: 0,
            has_run: false,
            healthy_since: None,
        });
        self.make_primary(id, number);
        out.changes.push(Change::Service(id, ServiceEvent::DeploymentStarted(number)));
        self.find_daemon_instances(id);
    }

    /// New tasks are of this deployment from now on. That others failed to start, or found no
    /// place, says nothing about its tasks.
    fn make_primary(&mut self, id: ServiceId, number: u32) {
        let service = self.services.get_mut(id);
        service.failures_in_row = 0;
        service.throttle.reset();
        service.not_before = SimTime::ZERO;
        service.retry.reset();
        service.refused = None;
        service.told.is_placed();
        service.told.ends(Lasting::Impaired);
        service.primary = number;
        service.evening_out = false;
        self.services.recount(id);
        self.services.get_mut(id).forget_deployments();
        self.end_hold_back(id);
    }

    /// Side by side with the new one runs what the traffic goes to, or was first; what was on its
    /// way in between is given up, and so is what found no place: it would be tried before the new.
    pub(super) fn give_up_superseded(&mut self, now: SimTime, id: ServiceId, out: &mut Reaction) {
        let service = self.services.get(id);
        if service.spec.deployment.strategy == DeploymentStrategy::Rolling {
            return;
        }
        let replaced = |one: &&Deployment| one.number != service.primary && one.tasks > 0;
        let all = || service.deployments.iter().filter(replaced);
        let serves = all().find(|one| Some(one.number) == service.serving).or(all().next());
        let kept = [Some(service.primary), serves.map(|one| one.number)];
        let superseded = |held: &&Held| {
            let waits_in_vain = held.phase == Phase::Waiting && held.deployment != service.primary;
            waits_in_vain || !kept.contains(&Some(held.deployment))
        };
        // The youngest first: where they wait, they are found at once at the end of their line.
        let youngest_first = self.services.tasks_of(id).rev();
        let tasks: Vec<TaskId> = youngest_first.filter(superseded).map(|held| held.task).collect();
        let mut stopped = Stopped::default();
        for &task in &tasks {
            stopped.count(self.stop_service_task(now, id, task, out));
        }
        stopped.tell(id, out);
    }

    /// Notes what has come of the primary deployment: shifted, steady, complete.
    pub(super) fn follow_rollout(&mut self, now: SimTime, id: ServiceId, out: &mut Reaction) {
        self.try_again(now, id, out);
        let situation = self.situation(now, id);
        let service = self.services.get_mut(id);
        let strategy = service.spec.deployment.strategy;
        let number = service.primary;
        if situation.side_by_side
            && situation.new.healthy >= situation.desired
            && service.primary().healthy_since.is_none()
        {
            service.deployment_mut(number).healthy_since = Some(now);
            let overlap = SimDuration::from_micros(overlap_micros(strategy));
            self.wake_service(now + overlap, id, out);
        }
        let service = self.services.get_mut(id);
        if situation.shifted {
            service.serving = Some(number);
        }
        if !situation.is_steady() {
            service.told.ends(Lasting::Steady);
            return;
        }
        if service.primary().rollout == Rollout::InProgress {
            service.deployment_mut(number).rollout = Rollout::Completed;
            (service.completed, service.serving) = (Some(number), Some(number));
            service.forget_deployments();
            out.changes.push(Change::Service(id, ServiceEvent::DeploymentCompleted(number)));
        }
        if service.told.begins(Lasting::Steady) {
            service.evening_out = false;
            out.changes.push(Change::Service(id, ServiceEvent::SteadyState));
            self.even_out(now, id, out);
        }
    }

    /// Tells once that the bounds allow nothing.
    pub(super) fn tell_if_blocked(
        &mut self,
        id: ServiceId,
        situation: &Situation,
        out: &mut Reaction,
    ) {
        let service = self.services.get_mut(id);
        if !situation.is_blocked() {
            service.told.ends(Lasting::Blocked);
        } else if service.told.begins(Lasting::Blocked) {
            out.changes.push(Change::Service(id, ServiceEvent::Blocked));
        }
    }

    /// A task of a service ended before it was RUNNING, or as soon as it was.
    pub(super) fn started_in_vain(
        &mut self,
        now: SimTime,
        id: ServiceId,
        held: &Held,
        out: &mut Reaction,
    ) {
        let rules = self.services.rules;
        let service = self.services.get_mut(id);
        if held.deployment != service.primary {
            return;
        }
        if service.runs.take(now) {
            service.failures_in_row = 0;
            service.throttle.reset();
        }
        service.failures_in_row += 1;
        // Those that were started together wait once.
        if service.failures_in_row < rules.throttle_after || now < service.not_before {
            return;
        }
        let wait = service.throttle.next(rules.throttle_first, rules.throttle_longest);
        service.not_before = now + wait;
        if service.told.begins(Lasting::Impaired) {
            out.changes.push(Change::Service(id, ServiceEvent::StartImpaired));
        }
    }

    /// A task of a deployment failed: at the threshold of its circuit breaker the deployment does,
    /// and is rolled back if that is wanted and there is something to put back.
    pub(super) fn count_failure(&mut self, id: ServiceId, number: u32, out: &mut Reaction) {
        let desired = self.desired(id);
        let service = self.services.get_mut(id);
        service.deployment_mut(number).failed_tasks += 1;
        let deployment = *service.deployment(number);
        let configuration = service.spec.deployment;
        let Some(breaker) = configuration.circuit_breaker else { return };
        let threshold = failure_threshold(breaker.threshold, desired);
        if number != service.primary
            || deployment.rollout != Rollout::InProgress
            || configuration.strategy != DeploymentStrategy::Rolling
            || deployment.failed_tasks < threshold
        {
            return;
        }
        service.deployment_mut(number).rollout = Rollout::Failed;
        out.changes.push(Change::Service(id, ServiceEvent::DeploymentFailed(number)));
        let Some(earlier) = service.completed.filter(|&one| breaker.rollback && one != number)
        else {
            return;
        };
        let back = service.deployment_mut(earlier);
        (back.rollout, back.failed_tasks, back.healthy_since) = (Rollout::InProgress, 0, None);
        back.has_run = false;
        self.make_primary(id, earlier);
        out.changes.push(Change::Service(id, ServiceEvent::RollingBack(earlier)));
        self.find_daemon_instances(id);
    }
}

impl Service {
    /// Forgets deployments that are neither needed nor have tasks.
    fn forget_deployments(&mut self) {
        let kept = [Some(self.primary), self.completed];
        self.deployments.retain(|one| one.tasks > 0 || kept.contains(&Some(one.number)));
    }
}
