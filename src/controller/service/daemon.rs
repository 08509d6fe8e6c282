//! DAEMON services: one task on each ACTIVE instance that satisfies their constraints, before all
//! others.
//!
//! What a daemon asks for is reserved: when its task on an instance ends, another takes its place
//! in the same instant, before anything else is placed.
//!
//! Source: ECS developer guide, "Service scheduler concepts", daemon.

use std::collections::BTreeSet;

use crate::des::SimTime;
use crate::model::{
    Cluster, InstanceId, InstanceView, Placement, SchedulingStrategy, ServiceId, TaskClass, TaskId,
};
use crate::placement::{Predicate, tightest_devices};

use super::plan::Places;
use super::{Held, Phase, Services};
use crate::controller::{Controller, Reaction};

/// What a daemon has to know of the cluster, as it was at the version `seen`.
#[derive(Debug, Clone, Default)]
pub(super) struct Daemon {
    /// ACTIVE instances that satisfy its constraints.
    eligible: BTreeSet<InstanceId>,
    /// Those of them without a task of it.
    bare: BTreeSet<InstanceId>,
    /// Those of them with room for one.
    roomy: BTreeSet<InstanceId>,
    /// ACTIVE instances with a task of it that are none for it.
    astray: BTreeSet<InstanceId>,
    /// Those that it was taken off at `left_at` because they were none for it any more: at that
    /// time it does not come back, or two daemons that mind each other would never come to rest.
    left: BTreeSet<InstanceId>,
    left_at: SimTime,
    seen: u64,
    /// Whether tasks of others decide which instances are eligible.
    minds_tasks: bool,
}

impl Daemon {
    /// Whose tasks are of this class. O(instances).
    fn of(class: &TaskClass, cluster: &Cluster) -> Daemon {
        let (seen, minds_tasks) = (cluster.version(), !class.is_monotone());
        let mut daemon = Daemon { seen, minds_tasks, ..Daemon::default() };
        cluster.instances().for_each(|on| daemon.look_at(class, on));
        daemon
    }

    /// Instances that one is wanted on.
    pub(super) fn desired(&self) -> u32 {
        self.eligible.len() as u32
    }

    /// Instances where one can be started now.
    fn free(&self, now: SimTime) -> impl Iterator<Item = InstanceId> {
        let left = (self.left_at == now).then_some(&self.left);
        let is_barred = move |on: &InstanceId| left.is_some_and(|left| left.contains(on));
        self.roomy.iter().copied().filter(move |on| !is_barred(on))
    }

    /// How many there are without one. O(1), or O(instances with room) at an instant at which it
    /// left some.
    pub(super) fn places(&self, now: SimTime) -> Places {
        let none_left = self.left_at != now || self.left.is_empty();
        let free = if none_left { self.roomy.len() } else { self.free(now).count() };
        Places { bare: self.bare.len() as u32, free: free as u32 }
    }

    /// Whether an instance is one for it.
    pub(super) fn wants(&self, instance: InstanceId) -> bool {
        self.eligible.contains(&instance)
    }

    /// Its task was taken off an instance that is none for it.
    pub(super) fn leaves(&mut self, now: SimTime, instance: InstanceId) {
        if self.left_at != now {
            self.left.clear();
            self.left_at = now;
        }
        self.left.insert(instance);
    }

    /// Whether some instance may be without a task of it.
    fn is_missing(&self) -> bool {
        self.minds_tasks || !self.bare.is_empty()
    }

    /// Whether an instance without a task of it has no room for one.
    pub(super) fn is_starved(&self) -> bool {
        self.bare.len() > self.roomy.len()
    }

    /// An instance may have changed.
    fn look_at(&mut self, class: &TaskClass, on: InstanceView<'_>) {
        let is_eligible = Predicate::eligible(class, on);
        let has_one = on.group_count(class.group) > 0;
        let is_bare = is_eligible && !has_one;
        let is_roomy = is_bare && Predicate::feasible(class, on);
        let is_astray = !is_eligible && has_one && Predicate::Active.holds(class, on);
        for (set, belongs) in [
            (&mut self.eligible, is_eligible),
            (&mut self.bare, is_bare),
            (&mut self.roomy, is_roomy),
            (&mut self.astray, is_astray),
        ] {
            if belongs {
                set.insert(on.id());
            } else {
                set.remove(&on.id());
            }
        }
    }

    /// Looks at what has changed. O(changes), or O(instances) where that was too much.
    fn catch_up(&mut self, class: &TaskClass, cluster: &Cluster) {
        let Some(changes) = cluster.changes_since(self.seen) else {
            *self = Daemon::of(class, cluster);
            return;
        };
        for change in changes {
            // A task of others comes or goes where one of this daemon runs.
            let is_of_others = change.group.is_some_and(|group| group != class.group);
            if self.minds_tasks || !is_of_others || self.bare.contains(&change.instance) {
                self.look_at(class, cluster.instance(change.instance));
            }
        }
        self.seen = cluster.version();
    }
}

impl Services {
    /// Whether a daemon may be missing somewhere.
    pub(in crate::controller) fn daemons_are_missing(&self) -> bool {
        let daemon = |id: &ServiceId| self.get(*id).daemon.as_ref();
        self.daemons.iter().filter_map(daemon).any(Daemon::is_missing)
    }

    /// Whether the tasks of others decide where a daemon is wanted.
    pub(in crate::controller) fn daemons_mind_tasks(&self) -> bool {
        let daemon = |id: &ServiceId| self.get(*id).daemon.as_ref();
        self.daemons.iter().filter_map(daemon).any(|daemon| daemon.minds_tasks)
    }
}

impl Controller {
    /// The daemon was made, or its constraints may have changed.
    pub(super) fn find_daemon_instances(&mut self, id: ServiceId) {
        let service = self.services.get_mut(id);
        if service.spec.scheduling == SchedulingStrategy::Daemon {
            let class = self.cluster.class(service.primary().class);
            service.daemon = Some(Daemon::of(class, &self.cluster));
        }
    }

    /// A daemon catches up with what became of the instances.
    pub(super) fn daemon_catches_up(&mut self, id: ServiceId) {
        let service = self.services.get_mut(id);
        let class = service.primary().class;
        if let Some(daemon) = &mut service.daemon {
            daemon.catch_up(self.cluster.class(class), &self.cluster);
        }
    }

    /// Places a task on each of `wanted` instances that have none and have room; how many.
    pub(super) fn start_daemons(
        &mut self,
        now: SimTime,
        id: ServiceId,
        wanted: u32,
        out: &mut Reaction,
    ) -> u32 {
        let service = self.services.get_mut(id);
        let (class_id, is_failed) = (service.primary().class, service.is_failed());
        let daemon = service.daemon.as_ref().expect("only a daemon is started so");
        let starved = !is_failed && daemon.is_starved();
        if !starved {
            service.told.is_placed();
        }
        let roomy: Vec<InstanceId> = daemon.free(now).take(wanted as usize).collect();
        let count = self.may_start(now, id, roomy.len() as u32, out);
        for &instance in roomy.iter().take(count as usize) {
            let task = self.create_service_task(id, now, out);
            let class = self.cluster.class(class_id);
            let devices = tightest_devices(class, self.cluster.instance(instance));
            self.launch(task, Placement { instance, devices }, out);
        }
        if starved {
            self.tell_unplaced(now, id, class_id, out);
        }
        count
    }

    /// How many tasks of the primary deployment that are not unhealthy are on instances that are
    /// none for them, and how many of those are not protected. O(1) where there are none, else
    /// O(tasks).
    pub(super) fn tasks_astray(&self, now: SimTime, id: ServiceId) -> (u32, u32) {
        let service = self.services.get(id);
        if service.daemon.as_ref().is_none_or(|daemon| daemon.astray.is_empty()) {
            return (0, 0);
        }
        let is_astray = |held: &&Held| {
            let counts = service.is_new(held) && held.phase != Phase::Unhealthy;
            counts && self.is_out_of_place(id, held.task)
        };
        let astray: Vec<&Held> = self.services.tasks_of(id).filter(is_astray).collect();
        let free = astray.iter().filter(|held| !service.is_protected(held, now)).count();
        (astray.len() as u32, free as u32)
    }

    /// Whether the place of a task is reserved for the next one of its daemon, which takes it at
    /// once.
    pub(in crate::controller) fn is_succeeded(&self, task: TaskId) -> bool {
        let daemon = |id| self.services.get(id).daemon.as_ref();
        let wanted =
            |daemon: &Daemon| self.instance_of(task).is_some_and(|instance| daemon.wants(instance));
        self.service_of(task).and_then(daemon).is_some_and(wanted)
    }

    /// Whether a daemon's task is on an instance that is none for it any more.
    pub(super) fn is_out_of_place(&self, id: ServiceId, task: TaskId) -> bool {
        let Some(daemon) = &self.services.get(id).daemon else { return false };
        self.instance_of(task).is_some_and(|instance| !daemon.wants(instance))
    }

    /// A daemon's task is going to be stopped.
    pub(super) fn daemon_leaves(&mut self, now: SimTime, id: ServiceId, task: TaskId) {
        if !self.is_out_of_place(id, task) {
            return;
        }
        let instance = self.instance_of(task).expect("it is on an instance");
        let daemon = self.services.get_mut(id).daemon.as_mut();
        daemon.expect("only a daemon's is out of place").leaves(now, instance);
    }

    /// Daemons come first: what has room now is started before the queue is looked at.
    pub(in crate::controller) fn place_daemons(&mut self, now: SimTime, out: &mut Reaction) {
        for id in self.services.daemons.clone() {
            if self.services.get(id).daemon.as_ref().is_some_and(Daemon::is_missing) {
                self.reconcile(now, id, out);
            }
        }
    }
}
