//! Services: keep as many tasks running as desired, replace them by deployments, and stay within
//! the bounds meanwhile.
//!
//! `plan.rs` says how many tasks to start and stop, `reconcile.rs` does it, `rollout.rs` follows
//! deployments, `tasks.rs` what happens to tasks and `instances.rs` to instances; `roster.rs` has
//! the tasks; `daemon.rs` and `zones.rs` add what DAEMON services and AZ rebalancing need.

mod daemon;
mod event;
mod instances;
mod pace;
mod plan;
mod reconcile;
mod rollout;
mod roster;
mod rules;
mod tasks;
#[cfg(test)]
mod tests;
mod told;
mod zones;

pub use event::ServiceEvent;
pub use rules::ServiceRules;

use std::collections::{BTreeMap, BTreeSet};

use crate::des::SimTime;
use crate::model::{
    ClassId, FieldId, GroupId, InstanceId, SchedulingStrategy, ServiceId, ServiceSpec,
    ServiceUpdate, TaskId,
};

use super::{Command, Controller, Reaction, Timer};
use crate::placement::VictimOrder;
use crate::queueing::Refused;
use daemon::Daemon;
use pace::{Backoff, LaunchRate, Runs};
use plan::Tally;
use reconcile::{Which, rank};
use roster::{Awaits, Held, Phase, Roster};
use told::{Lasting, Told};

/// A definition being rolled out, or rolled out once.
#[derive(Debug, Clone, Copy)]
struct Deployment {
    /// Number in the service, from 0.
    number: u32,
    class: ClassId,
    rollout: Rollout,
    /// Its tasks that are not STOPPING.
    tasks: u32,
    /// Tasks that failed since it began, or since one was healthy.
    failed_tasks: u32,
    /// Whether a task of it was RUNNING.
    has_run: bool,
    /// Whether all its tasks were healthy beside those it replaces, and since when.
    healthy_since: Option<SimTime>,
}

/// ECS's `rolloutState`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rollout {
    InProgress,
    Completed,
    Failed,
}

/// A service in the control plane.
#[derive(Debug)]
struct Service {
    spec: ServiceSpec,
    group: GroupId,
    desired_count: u32,
    /// In order of time: the primary one, the last one completed, and those with tasks left.
    deployments: Vec<Deployment>,
    /// Number of the deployment that new tasks are started of.
    primary: u32,
    /// Number of the last deployment that completed.
    completed: Option<u32>,
    /// Number of the deployment that the traffic goes to: that completed, or was shifted to.
    serving: Option<u32>,
    /// Deployments ever made.
    deployments_made: u32,
    /// Its tasks in order of creation; what is held of them is in the [`Roster`].
    tasks: BTreeSet<TaskId>,
    /// Tasks of the primary deployment on instances that stay, and all others.
    new: Tally,
    old: Tally,
    /// The old healthy ones in the order in which they are stopped, while they are.
    to_replace: Option<VictimOrder>,
    /// None of them may be stopped before: all are protected.
    protected_until: SimTime,
    /// Tasks that are STOPPING, where they count against the maximum.
    stopping: u32,
    /// Tasks ever created.
    created: u32,
    launches: LaunchRate,
    /// Between tries to place what no instance took.
    retry: Backoff,
    /// When that is tried again; entries are out of the queue until then.
    retry_at: Option<SimTime>,
    /// What was refused last.
    refused: Option<(ClassId, Refused)>,
    /// The task stopped last; where it is DEACTIVATING it still holds its room.
    makes_room: Option<TaskId>,
    /// Tasks in a row that failed to start, and the waits because of it.
    failures_in_row: u32,
    /// Tasks of it that have run meanwhile.
    runs: Runs,
    throttle: Backoff,
    /// Nothing is started before.
    not_before: SimTime,
    /// The timers that are set.
    wakes: BTreeSet<SimTime>,
    /// Whether a task beyond the desired count is on its way, to even out zones.
    evening_out: bool,
    /// No zone that was behind had room for one.
    zones_refused: Option<Refused>,
    /// Of a DAEMON service.
    daemon: Option<Daemon>,
    told: Told,
}

impl Service {
    fn primary(&self) -> &Deployment {
        self.deployment(self.primary)
    }

    /// Whether the primary deployment has failed and nothing was put back: it starts nothing.
    fn is_failed(&self) -> bool {
        self.primary().rollout == Rollout::Failed
    }

    fn deployment(&self, number: u32) -> &Deployment {
        let found = self.deployments.iter().find(|one| one.number == number);
        found.expect("a deployment with tasks, the primary and the last completed are kept")
    }

    fn deployment_mut(&mut self, number: u32) -> &mut Deployment {
        let found = self.deployments.iter_mut().find(|one| one.number == number);
        found.expect("a deployment with tasks, the primary and the last completed are kept")
    }

    /// Whether a task is of the primary deployment and on an instance that stays.
    fn is_new(&self, held: &Held) -> bool {
        held.deployment == self.primary && !held.draining
    }

    /// Whether a task is one of those.
    fn is(&self, held: &Held, which: Which) -> bool {
        match which {
            Which::New => self.is_new(held),
            Which::OldNotHealthy => !self.is_new(held) && held.phase != Phase::Healthy,
            Which::OldHealthy => !self.is_new(held) && held.phase == Phase::Healthy,
        }
    }

    fn tally(&mut self, held: &Held) -> &mut Tally {
        if self.is_new(held) { &mut self.new } else { &mut self.old }
    }

    fn count_in(&mut self, held: &Held) {
        *self.tally(held).of(held.phase) += 1;
        if self.is(held, Which::OldHealthy) {
            self.protected_until = SimTime::ZERO;
            if let Some(order) = &mut self.to_replace {
                order.insert(rank(held.phase), held.task);
            }
        }
    }

    fn count_out(&mut self, held: &Held) {
        *self.tally(held).of(held.phase) -= 1;
        if self.is(held, Which::OldHealthy)
            && let Some(order) = &mut self.to_replace
        {
            order.remove(held.task);
        }
    }

    /// Keeps an order of tasks for the next stops: those of a deployment come one by one.
    /// Protection ends by itself, so there the order would not stay right.
    fn keep(&mut self, which: Which, order: VictimOrder) {
        let stays_right = which == Which::OldHealthy && self.spec.protection_micros == 0;
        if stays_right && !order.is_empty() {
            self.to_replace = Some(order);
        }
    }

    /// Protection is from scale-in and deployments: what is unhealthy is replaced all the same.
    ///
    /// Source: ECS developer guide, "Protect your Amazon ECS tasks from being terminated by
    /// scale-in events".
    fn is_protected(&self, held: &Held, now: SimTime) -> bool {
        let runs = matches!(held.phase, Phase::Unproven | Phase::Healthy);
        runs && (now - held.running_since).micros() < self.spec.protection_micros
    }
}

impl Tally {
    fn of(&mut self, phase: Phase) -> &mut u32 {
        match phase {
            Phase::Waiting => &mut self.waiting,
            Phase::Pending => &mut self.pending,
            Phase::Unproven => &mut self.unproven,
            Phase::Healthy => &mut self.healthy,
            Phase::Unhealthy => &mut self.unhealthy,
        }
    }
}

/// All services, by id, and the rules they go by.
#[derive(Debug, Default)]
pub(super) struct Services {
    all: Vec<Service>,
    roster: Roster,
    /// The DAEMON services, and those that even out zones.
    daemons: Vec<ServiceId>,
    zonal: Vec<ServiceId>,
    /// Tasks of daemons on DRAINING instances: they stop last there, and count for nothing.
    last_there: BTreeMap<InstanceId, Vec<TaskId>>,
    /// How many tasks of which services were placed in the event being handled.
    placed: BTreeMap<ServiceId, u32>,
    pub(super) rules: ServiceRules,
    /// The availability zone of instances, where a service evens them out.
    zone_field: Option<FieldId>,
}

impl Services {
    fn get(&self, id: ServiceId) -> &Service {
        &self.all[id.index()]
    }

    fn get_mut(&mut self, id: ServiceId) -> &mut Service {
        &mut self.all[id.index()]
    }

    /// Whether the tasks of a service are behind a load balancer.
    pub(super) fn are_load_balanced(&self, id: ServiceId) -> bool {
        self.get(id).spec.load_balanced
    }

    fn ids(&self) -> impl Iterator<Item = ServiceId> + use<> {
        (0..self.all.len() as u32).map(ServiceId)
    }

    /// Whether a service waits for room in a zone.
    pub(super) fn zones_wait(&self) -> bool {
        self.zonal.iter().any(|id| self.get(*id).zones_refused.is_some())
    }

    /// Tasks that are not placed and not in the queue either.
    pub(super) fn held_back(&self) -> u64 {
        let held = self.all.iter().filter(|service| service.retry_at.is_some());
        held.map(|service| u64::from(service.new.waiting + service.old.waiting)).sum()
    }
}

impl Controller {
    /// Makes services go by `rules`.
    #[must_use]
    pub fn with_service_rules(mut self, rules: ServiceRules) -> Controller {
        self.services.rules = rules;
        self
    }

    pub(super) fn create_service(&mut self, now: SimTime, spec: &ServiceSpec, out: &mut Reaction) {
        assert!(spec.id.index() == self.services.all.len(), "services are numbered densely");
        let group = self.cluster.intern_group(&format!("service:{}", spec.name));
        self.services.all.push(Service {
            spec: spec.clone(),
            group,
            desired_count: spec.desired_count,
            deployments: Vec::new(),
            primary: 0,
            completed: None,
            serving: None,
            deployments_made: 0,
            tasks: BTreeSet::new(),
            new: Tally::default(),
            old: Tally::default(),
            to_replace: None,
            protected_until: SimTime::ZERO,
            stopping: 0,
            created: 0,
            launches: LaunchRate::new(self.services.rules.launches_per_minute),
            retry: Backoff::default(),
            retry_at: None,
            refused: None,
            makes_room: None,
            failures_in_row: 0,
            runs: Runs::default(),
            throttle: Backoff::default(),
            not_before: SimTime::ZERO,
            wakes: BTreeSet::new(),
            evening_out: false,
            zones_refused: None,
            daemon: None,
            told: Told::default(),
        });
        if spec.scheduling == SchedulingStrategy::Daemon {
            self.services.daemons.push(spec.id);
        }
        if spec.zone_rebalancing {
            self.services.zonal.push(spec.id);
            self.track_zones();
        }
        self.deploy(spec.id, spec.definition, out);
        self.reconcile(now, spec.id, out);
    }

    pub(super) fn update_service(
        &mut self,
        now: SimTime,
        id: ServiceId,
        update: ServiceUpdate,
        out: &mut Reaction,
    ) {
        if let Some(desired_count) = update.desired_count {
            self.services.get_mut(id).desired_count = desired_count;
        }
        if let Some(definition) = update.definition {
            self.deploy(id, definition, out);
            self.give_up_superseded(now, id, out);
        }
        self.reconcile(now, id, out);
    }

    /// A timer of a service went off.
    pub(super) fn service_woken(&mut self, now: SimTime, id: ServiceId, out: &mut Reaction) {
        self.services.get_mut(id).wakes.retain(|at| *at > now);
        self.reconcile(now, id, out);
        if self.services.get(id).told.lasts(Lasting::Steady) {
            self.even_out(now, id, out);
        }
    }

    /// Asks to be woken for a service, unless it will be just then.
    fn wake_service(&mut self, at: SimTime, id: ServiceId, out: &mut Reaction) {
        if self.services.get_mut(id).wakes.insert(at) {
            out.commands.push(Command::WakeAt(at, Timer::Service(id)));
        }
    }
}
