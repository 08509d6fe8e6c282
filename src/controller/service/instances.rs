//! What happens to the instances that tasks of services are on.

use crate::des::SimTime;
use crate::model::{InstanceId, SchedulingStrategy, TaskId};

use super::reconcile::Stopped;
use super::{Held, Lasting, Phase, ServiceEvent};
use crate::controller::{Change, Controller, Reaction};

impl Controller {
    /// An instance joined: daemons start on it, and zones may be evened out.
    pub(in crate::controller) fn services_see_instance(
        &mut self,
        now: SimTime,
        out: &mut Reaction,
    ) {
        for id in self.services.ids() {
            if self.services.get(id).daemon.is_some() {
                self.reconcile(now, id, out);
            }
            if self.services.get(id).told.lasts(Lasting::Steady) {
                self.even_out(now, id, out);
            }
        }
    }

    /// An instance is DRAINING: its tasks are to be replaced.
    pub(in crate::controller) fn services_leave(
        &mut self,
        now: SimTime,
        instance: InstanceId,
        out: &mut Reaction,
    ) {
        for id in self.services.ids() {
            let service = self.services.get(id);
            let is_daemon = service.spec.scheduling == SchedulingStrategy::Daemon;
            let is_there = |held: &&Held| self.instance_of(held.task) == Some(instance);
            let has_any = self.cluster.instance(instance).group_count(service.group) > 0;
            let there: Vec<Held> = if has_any {
                self.services.tasks_of(id).filter(is_there).copied().collect()
            } else {
                Vec::new()
            };
            let mut stopped = Stopped::default();
            for held in &there {
                if held.phase == Phase::Pending {
                    stopped.count(self.stop_service_task(now, id, held.task, out));
                } else if is_daemon {
                    self.services.let_go(id, held.task);
                    self.services.last_there.entry(instance).or_default().push(held.task);
                } else {
                    self.services.update(id, held.task, |held| held.draining = true);
                }
            }
            stopped.tell(id, out);
            if is_daemon || !there.is_empty() {
                self.reconcile(now, id, out);
            }
        }
        self.stop_last_there(now, instance, out);
    }

    /// A task has turned STOPPING: the daemons on its instance may be what is left there.
    pub(in crate::controller) fn daemons_stop_last(
        &mut self,
        now: SimTime,
        task: TaskId,
        out: &mut Reaction,
    ) {
        if self.services.last_there.is_empty() {
            return;
        }
        let instance = self.instance_of(task).expect("a task that held resources is somewhere");
        let Some(last) = self.services.last_there.get_mut(&instance) else { return };
        if let Some(index) = last.iter().position(|one| *one == task) {
            // It ended by itself.
            last.remove(index);
            self.count_stopping(self.service_of(task).expect("daemons are services"));
        }
        self.stop_last_there(now, instance, out);
    }

    /// Stops the daemons on a DRAINING instance when nothing else holds resources of it.
    ///
    /// Source: ECS developer guide, "Service scheduler concepts", daemon.
    fn stop_last_there(&mut self, now: SimTime, instance: InstanceId, out: &mut Reaction) {
        let Some(last) = self.services.last_there.get(&instance) else { return };
        if self.cluster.instance(instance).task_count() as usize > last.len() {
            return;
        }
        for task in self.services.last_there.remove(&instance).into_iter().flatten() {
            let id = self.service_of(task).expect("daemons are services");
            self.count_stopping(id);
            self.stop_task(now, task, out);
            out.changes.push(Change::Service(id, ServiceEvent::TasksStopped(1)));
        }
    }

    pub(super) fn instance_of(&self, task: TaskId) -> Option<InstanceId> {
        Some(self.cluster.task(task)?.placement?.instance)
    }
}
