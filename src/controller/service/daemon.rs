//! DAEMON services: one task on each ACTIVE instance that satisfies their constraints, before all
//! others.
//!
//! What a daemon asks for is reserved: when its task on an instance ends, another takes its place
//! in the same instant, before anything else is placed.
//!
//! Source: ECS developer guide, "Service scheduler concepts", daemon.

use std::collections::BTreeSet;

use crate::des::SimTime;
use crate::model::{InstanceId, Placement, SchedulingStrategy, ServiceId, TaskId};
use crate::placement::{Predicate, tightest_devices};

use super::{Rollout, ServiceEvent, Services};
use crate::controller::{Change, Controller, Reaction};

/// What a daemon has to know of the cluster.
#[derive(Debug, Clone, Default)]
pub(super) struct Daemon {
    /// ACTIVE instances that satisfy its constraints.
    pub(super) eligible: u32,
    /// Those of them without a task of it.
    bare: BTreeSet<InstanceId>,
}

/// What makes an instance one for a service at all; resources do not.
pub(super) const ELIGIBLE: [Predicate; 4] =
    [Predicate::Active, Predicate::Agent, Predicate::Attribute, Predicate::MemberOf];

impl Services {
    /// Whether a daemon is missing somewhere.
    pub(in crate::controller) fn daemons_are_missing(&self) -> bool {
        self.all.iter().any(|one| one.daemon.as_ref().is_some_and(|daemon| !daemon.bare.is_empty()))
    }
}

impl Controller {
    /// Looks at all instances anew: the daemon was made, its constraints may have changed, or an
    /// instance came or went. O(instances + tasks of the service).
    pub(super) fn find_daemon_instances(&mut self, id: ServiceId) {
        let service = self.services.get(id);
        if service.spec.scheduling != SchedulingStrategy::Daemon {
            return;
        }
        let class = self.cluster.class(service.primary().class);
        let is_eligible = |one: &crate::model::InstanceView<'_>| {
            ELIGIBLE.into_iter().all(|predicate| predicate.holds(class, *one))
        };
        let mut bare: BTreeSet<InstanceId> = self
            .cluster
            .instances()
            .filter(is_eligible)
            .map(crate::model::InstanceView::id)
            .collect();
        let eligible = bare.len() as u32;
        for held in service.tasks.values() {
            if let Some(instance) = self.instance_of(held.task) {
                bare.remove(&instance);
            }
        }
        self.services.get_mut(id).daemon = Some(Daemon { eligible, bare });
    }

    /// A daemon's task is about to leave its instance.
    pub(super) fn left_instance(&mut self, id: ServiceId, task: TaskId) {
        let Some(instance) = self.instance_of(task) else { return };
        let service = self.services.get(id);
        if service.daemon.is_none() {
            return;
        }
        let class = self.cluster.class(service.primary().class);
        let on = self.cluster.instance(instance);
        if ELIGIBLE.into_iter().all(|predicate| predicate.holds(class, on)) {
            let daemon = self.services.get_mut(id).daemon.as_mut();
            daemon.expect("it is a daemon").bare.insert(instance);
        }
    }

    /// Places a task on each instance that has none and has room; how many there were.
    pub(super) fn start_daemons(&mut self, now: SimTime, id: ServiceId, out: &mut Reaction) -> u32 {
        let service = self.services.get(id);
        let Some(daemon) = service.daemon.as_ref().filter(|daemon| !daemon.bare.is_empty()) else {
            return 0;
        };
        if service.primary().rollout == Rollout::Failed {
            return 0;
        }
        let class_id = service.primary().class;
        let roomy = self.bare_with_room(id);
        let starved = daemon.bare.len() > roomy.len();
        let count = self.may_start(now, id, roomy.len() as u32, out);
        for &instance in roomy.iter().take(count as usize) {
            let task = self.create_service_task(id, now, out);
            let class = self.cluster.class(class_id);
            let devices = tightest_devices(class, self.cluster.instance(instance));
            self.launch(task, Placement { instance, devices }, out);
            let daemon = self.services.get_mut(id).daemon.as_mut();
            daemon.expect("it is a daemon").bare.remove(&instance);
        }
        if starved && self.services.get_mut(id).told.is_unplaced(now) {
            out.changes.push(Change::Service(id, ServiceEvent::UnableToPlace(class_id)));
        }
        count
    }

    /// Instances without a task of the daemon that have room for one. O(instances without).
    pub(super) fn bare_with_room(&self, id: ServiceId) -> Vec<InstanceId> {
        let service = self.services.get(id);
        let Some(daemon) = &service.daemon else { return Vec::new() };
        let class = self.cluster.class(service.primary().class);
        let fits = |&one: &InstanceId| Predicate::feasible(class, self.cluster.instance(one));
        daemon.bare.iter().copied().filter(fits).collect()
    }

    /// Daemons come first: what has room now is started before the queue is looked at.
    pub(in crate::controller) fn place_daemons(&mut self, now: SimTime, out: &mut Reaction) {
        for id in self.services.ids() {
            if self.services.get(id).daemon.is_some() {
                self.reconcile(now, id, out);
            }
        }
    }
}
