//! What happens to the instances that tasks of services are on.

use crate::des::SimTime;
use crate::model::{InstanceId, SchedulingStrategy, TaskId};

use super::reconcile::Stopped;
use super::{Held, Lasting, Phase};
use crate::controller::{Controller, Reaction};

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
                service.tasks.values().filter(is_there).copied().collect()
            } else {
                Vec::new()
            };
            for held in &there {
                self.services.get_mut(id).update(held.task, |held| held.draining = true);
            }
            let at_once = |held: &&Held| is_daemon || held.phase == Phase::Pending;
            let mut stopped = Stopped::default();
            for held in there.iter().filter(at_once) {
                stopped.count(self.stop_service_task(now, id, held.task, out));
            }
            stopped.tell(id, out);
            if is_daemon || !there.is_empty() {
                self.reconcile(now, id, out);
            }
        }
    }

    pub(super) fn instance_of(&self, task: TaskId) -> Option<InstanceId> {
        Some(self.cluster.task(task)?.placement?.instance)
    }
}
