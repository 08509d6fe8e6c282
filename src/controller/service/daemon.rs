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
    Cluster, InstanceId, InstanceView, Placement, SchedulingStrategy, ServiceId, TaskClass,
};
use crate::placement::{Predicate, tightest_devices};

use super::{ServiceEvent, Services};
use crate::controller::{Change, Controller, Reaction};

/// What a daemon has to know of the cluster, as it was at the version `seen`.
#[derive(Debug, Clone, Default)]
pub(super) struct Daemon {
    /// ACTIVE instances that satisfy its constraints.
    eligible: BTreeSet<InstanceId>,
    /// Those of them without a task of it.
    bare: BTreeSet<InstanceId>,
    /// Those of them with room for one.
    roomy: BTreeSet<InstanceId>,
    seen: u64,
    /// Whether tasks of others decide which instances are eligible.
    minds_tasks: bool,
}

/// What makes an instance one for a service at all; resources do not.
const ELIGIBLE: [Predicate; 4] =
    [Predicate::Active, Predicate::Agent, Predicate::Attribute, Predicate::MemberOf];

/// Whether a service may have tasks on an instance, if there is room.
pub(super) fn is_eligible(class: &TaskClass, on: InstanceView<'_>) -> bool {
    ELIGIBLE.into_iter().all(|predicate| predicate.holds(class, on))
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
    pub(super) fn places(&self) -> u32 {
        self.roomy.len() as u32
    }

    /// Whether some instance may be without a task of it.
    fn is_missing(&self) -> bool {
        self.minds_tasks || !self.bare.is_empty()
    }

    /// An instance may have changed.
    fn look_at(&mut self, class: &TaskClass, on: InstanceView<'_>) {
        let is_eligible = is_eligible(class, on);
        let is_bare = is_eligible && on.group_count(class.group) == 0;
        let is_roomy = is_bare && Predicate::feasible(class, on);
        for (set, belongs) in [
            (&mut self.eligible, is_eligible),
            (&mut self.bare, is_bare),
            (&mut self.roomy, is_roomy),
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
        let service = self.services.get(id);
        let Some(daemon) = service.daemon.as_ref().filter(|daemon| !daemon.bare.is_empty()) else {
            return 0;
        };
        let (class_id, is_failed) = (service.primary().class, service.is_failed());
        let starved = !is_failed && daemon.bare.len() > daemon.roomy.len();
        let roomy: Vec<InstanceId> = daemon.roomy.iter().take(wanted as usize).copied().collect();
        let count = self.may_start(now, id, roomy.len() as u32, out);
        for &instance in roomy.iter().take(count as usize) {
            let task = self.create_service_task(id, now, out);
            let class = self.cluster.class(class_id);
            let devices = tightest_devices(class, self.cluster.instance(instance));
            self.launch(task, Placement { instance, devices }, out);
        }
        if starved && self.services.get_mut(id).told.is_unplaced(now) {
            out.changes.push(Change::Service(id, ServiceEvent::UnableToPlace(class_id)));
        }
        count
    }

    /// Daemons come first: what has room now is started before the queue is looked at.
    pub(in crate::controller) fn place_daemons(&mut self, now: SimTime, out: &mut Reaction) {
        for id in self.services.daemons.clone() {
            self.reconcile(now, id, out);
        }
    }
}
