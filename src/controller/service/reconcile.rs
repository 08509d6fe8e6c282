//! Does what the plan says: starts tasks, chooses whom to stop, and tries again later what no
//! instance took.

use smallvec::smallvec;

use crate::des::{SimDuration, SimTime};
use crate::model::{ClassId, Origin, Outcome, SchedulingStrategy, ServiceId, TaskId, TaskStatus};
use crate::queueing::{Entry, Refused, Shape, Ticket};

use super::plan::{Bounds, Situation, overlap_micros};
use super::{Awaits, Deployment, Held, Lasting, Phase, ServiceEvent};
use crate::controller::{Change, Controller, Reaction};
use crate::model::DeploymentStrategy;
use crate::placement::VictimOrder;

/// Which tasks are to be stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    New,
    OldNotHealthy,
    OldHealthy,
}

/// In which order tasks of a service are stopped: what runs well last.
pub(super) fn rank(phase: Phase) -> u8 {
    match phase {
        Phase::Unhealthy => 0,
        Phase::Waiting => 1,
        Phase::Pending => 2,
        Phase::Unproven | Phase::Healthy => 3,
    }
}

/// Tasks that were stopped in one go.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Stopped {
    running: u32,
    pending: u32,
}

impl Stopped {
    /// One more that had come so far, if it was there.
    pub(super) fn count(&mut self, phase: Option<Phase>) {
        match phase {
            None => {}
            Some(Phase::Waiting | Phase::Pending) => self.pending += 1,
            Some(Phase::Unproven | Phase::Healthy | Phase::Unhealthy) => self.running += 1,
        }
    }

    fn total(self) -> u32 {
        self.running + self.pending
    }

    /// The service tells of them.
    pub(super) fn tell(self, id: ServiceId, out: &mut Reaction) {
        for (count, event) in [
            (self.running, ServiceEvent::TasksStopped(self.running)),
            (self.pending, ServiceEvent::PendingTasksStopped(self.pending)),
        ] {
            if count > 0 {
                out.changes.push(Change::Service(id, event));
            }
        }
    }
}

impl Controller {
    /// Starts and stops tasks until nothing more can be done at this time.
    pub(super) fn reconcile(&mut self, now: SimTime, id: ServiceId, out: &mut Reaction) {
        let mut situation;
        loop {
            self.follow_rollout(now, id, out);
            situation = self.situation(now, id);
            if !self.step(now, id, &situation, out) {
                break;
            }
        }
        if self.make_room(now, id, out) {
            situation = self.situation(now, id);
        }
        self.tell_if_blocked(id, &situation, out);
        self.request_pass(now, out);
    }

    /// The service as it stands, for the plan.
    pub(super) fn situation(&mut self, now: SimTime, id: ServiceId) -> Situation {
        self.daemon_catches_up(id);
        let service = self.services.get(id);
        let desired = self.desired(id);
        let configuration = &service.spec.deployment;
        let primary = service.primary();
        let is_replaced = |one: &Deployment| one.number != service.primary && one.tasks > 0;
        let side_by_side = configuration.strategy != DeploymentStrategy::Rolling
            && (service.serving.is_some_and(|number| number != service.primary)
                || service.deployments.iter().any(is_replaced));
        let overlap = SimDuration::from_micros(overlap_micros(configuration.strategy));
        let (astray, astray_free) = self.tasks_astray(now, id);
        Situation {
            desired,
            bounds: Bounds::of(desired, configuration),
            new: service.new,
            old: service.old,
            extra: u32::from(service.evening_out && service.new.healthy <= desired),
            stopping: service.stopping,
            side_by_side,
            shifted: primary.healthy_since.is_some_and(|since| now >= since + overlap),
            failed: service.is_failed(),
            astray,
            astray_free,
            places: service.daemon.as_ref().map(|daemon| daemon.places(now)),
        }
    }

    /// Tasks wanted now: of a daemon as many as there are instances for it.
    pub(super) fn desired(&self, id: ServiceId) -> u32 {
        let service = self.services.get(id);
        match &service.daemon {
            Some(daemon) => daemon.desired(),
            None => service.desired_count,
        }
    }

    /// One round of starts and stops; whether there were any.
    fn step(
        &mut self,
        now: SimTime,
        id: ServiceId,
        situation: &Situation,
        out: &mut Reaction,
    ) -> bool {
        let plan = situation.plan();
        let replica = self.services.get(id).spec.scheduling == SchedulingStrategy::Replica;
        let started = if replica {
            self.start_tasks(now, id, plan.start, out)
        } else {
            self.start_daemons(now, id, plan.start, out)
        };
        let stopped = self.stop_tasks(now, id, Which::New, plan.stop_new, out)
            + self.stop_tasks(now, id, Which::OldNotHealthy, plan.discard_old, out)
            + self.stop_tasks(now, id, Which::OldHealthy, plan.stop_old, out);
        if stopped == plan.stop_new + plan.discard_old + plan.stop_old {
            self.services.get_mut(id).told.ends(Lasting::Protected);
        }
        started + stopped > 0
    }

    // --- starts ---------------------------------------------------------------------------------

    /// How many of `wanted` tasks may be started now; a timer is set for the others.
    pub(super) fn may_start(
        &mut self,
        now: SimTime,
        id: ServiceId,
        wanted: u32,
        out: &mut Reaction,
    ) -> u32 {
        let service = self.services.get_mut(id);
        if wanted == 0 {
            return 0;
        }
        if now < service.not_before {
            let at = service.not_before;
            self.wake_service(at, id, out);
            return 0;
        }
        let granted = service.launches.take(now, wanted);
        if granted < wanted {
            let at = service.launches.next();
            self.wake_service(at, id, out);
        }
        granted
    }

    fn start_tasks(&mut self, now: SimTime, id: ServiceId, wanted: u32, out: &mut Reaction) -> u32 {
        let count = self.may_start(now, id, wanted, out);
        if count > 0 && self.services.get(id).retry_at.is_none() {
            self.meet_known_refusal(now, id, out);
        }
        for _ in 0..count {
            let task = self.create_service_task(id, now, out);
            if self.services.get(id).retry_at.is_none() {
                self.enqueue(id, task);
            }
        }
        count
    }

    /// A task of the primary deployment, not placed and not in the queue.
    pub(super) fn create_service_task(
        &mut self,
        id: ServiceId,
        now: SimTime,
        out: &mut Reaction,
    ) -> TaskId {
        let service = self.services.get_mut(id);
        let origin = Origin::Service { service: id, ordinal: service.created };
        service.created += 1;
        let (deployment, class) = (service.primary, service.primary().class);
        let task = self.create_task(class, origin, out);
        self.services.hold(
            id,
            Held {
                task,
                deployment,
                phase: Phase::Waiting,
                draining: false,
                failing: false,
                said: None,
                awaits: Awaits::default(),
                running_since: now,
            },
        );
        task
    }

    fn enqueue(&mut self, id: ServiceId, task: TaskId) {
        let placer = self.services.get(id).spec.placer;
        let class = self.cluster.task(task).expect("an unplaced task lives").class;
        self.waiting.push(Entry { class, placer, tasks: smallvec![task], attempts: 0 });
    }

    // --- what no instance took ------------------------------------------------------------------

    /// No instance takes a task of a service: it is told, and where the rules say so the service
    /// waits before it tries again, whatever becomes free meanwhile.
    pub(in crate::controller) fn service_refused(
        &mut self,
        now: SimTime,
        ticket: Ticket,
        out: &mut Reaction,
    ) {
        let Some(entry) = self.waiting.get(ticket) else { return };
        let Some(id) = self.service_of(entry.tasks[0]) else { return };
        let (class, rules) = (entry.class, self.services.rules);
        let refused = Refused::now(&self.cluster);
        self.services.get_mut(id).refused = Some((class, refused));
        self.tell_unplaced(now, id, class, out);
        self.make_room(now, id, out);
        if rules.retry_first == SimDuration::ZERO {
            return;
        }
        // The youngest first: they are found at once at the end of their line.
        for &task in self.services.unplaced(id).iter().rev() {
            self.dequeue(id, task);
        }
        self.hold_back(now, id, out);
        // What they held up can be tried.
        self.request_pass(now, out);
    }

    /// A service tells that no instance takes its tasks, if it has not just told so.
    pub(super) fn tell_unplaced(
        &mut self,
        now: SimTime,
        id: ServiceId,
        class: ClassId,
        out: &mut Reaction,
    ) {
        let service = self.services.get_mut(id);
        if service.told.is_unplaced(now) {
            let event = ServiceEvent::UnableToPlace(class, service.spec.scheduling);
            out.changes.push(Change::Service(id, event));
        }
    }

    /// Tasks are started that no instance took before, and nothing has changed since: it is as if
    /// they had been tried.
    fn meet_known_refusal(&mut self, now: SimTime, id: ServiceId, out: &mut Reaction) {
        let service = self.services.get(id);
        let class = service.primary().class;
        let known = service.refused.filter(|(of, _)| *of == class);
        if !known.is_some_and(|(_, refused)| refused.still_holds(class, &self.cluster)) {
            return;
        }
        self.tell_unplaced(now, id, class, out);
        if self.services.rules.retry_first > SimDuration::ZERO {
            self.hold_back(now, id, out);
        }
    }

    /// No instance takes the replacements of unhealthy tasks: one of those goes first, each time,
    /// and the next only when that has given up its room. Whether one was stopped.
    ///
    /// Source: ECS API, `DeploymentConfiguration.maximumPercent`: replacements are started first
    /// "as long as cluster resources for starting replacement tasks are available".
    fn make_room(&mut self, now: SimTime, id: ServiceId, out: &mut Reaction) -> bool {
        let service = self.services.get(id);
        let Some((class, refused)) = service.refused.filter(|_| service.new.unhealthy > 0) else {
            return false;
        };
        let is_refused =
            class == service.primary().class && refused.still_holds(class, &self.cluster);
        let Situation { new, failed, .. } = self.situation(now, id);
        let makes_room = self.services.get(id).makes_room.and_then(|task| self.cluster.task(task));
        let makes_room = is_refused
            && !failed
            && new.waiting > 0
            && new.coming() == new.waiting
            && makes_room.is_none_or(|task| task.status != TaskStatus::Deactivating);
        makes_room && self.stop_tasks(now, id, Which::New, 1, out) > 0
    }

    /// What no instance took is not tried before the next wait is over.
    fn hold_back(&mut self, now: SimTime, id: ServiceId, out: &mut Reaction) {
        let rules = self.services.rules;
        let service = self.services.get_mut(id);
        let at = now + service.retry.next(rules.retry_first, rules.retry_longest);
        service.retry_at = Some(at);
        self.wake_service(at, id, out);
    }

    /// Puts back into the queue what was held back, when its time has come; where nothing has
    /// changed that could help, it is as if it had been tried.
    pub(super) fn try_again(&mut self, now: SimTime, id: ServiceId, out: &mut Reaction) {
        let service = self.services.get(id);
        if service.retry_at.is_none_or(|at| now < at) {
            return;
        }
        let still =
            |(class, refused): &(ClassId, Refused)| refused.still_holds(*class, &self.cluster);
        let Some((class, _)) = service.refused.filter(still) else {
            return self.end_hold_back(id);
        };
        self.tell_unplaced(now, id, class, out);
        self.hold_back(now, id, out);
    }

    /// Puts back into the queue what was held back, if anything was.
    pub(super) fn end_hold_back(&mut self, id: ServiceId) {
        let service = self.services.get_mut(id);
        if service.retry_at.take().is_some() {
            for task in self.services.unplaced(id) {
                self.enqueue(id, task);
            }
        }
    }

    /// Takes an unplaced task out of the queue.
    fn dequeue(&mut self, id: ServiceId, task: TaskId) {
        let class = self.cluster.task(task).expect("an unplaced task lives").class;
        let shape = Shape { class, placer: self.services.get(id).spec.placer, tasks: 1 };
        let holds = |ticket: &Ticket| {
            self.waiting.get(*ticket).is_some_and(|entry| entry.tasks.contains(&task))
        };
        let ticket = self.waiting.latest_of(shape).find(holds);
        self.waiting.remove(ticket.expect("an unplaced task waits"));
    }

    // --- stops ----------------------------------------------------------------------------------

    /// Stops so many tasks, or as many as do not protect themselves.
    fn stop_tasks(
        &mut self,
        now: SimTime,
        id: ServiceId,
        which: Which,
        count: u32,
        out: &mut Reaction,
    ) -> u32 {
        let all_protected =
            which == Which::OldHealthy && now < self.services.get(id).protected_until;
        if count == 0 || all_protected {
            return 0;
        }
        let mut order = self.candidates(now, id, which);
        if order.len() < count as usize {
            let first = self.wait_for_protection(now, id, which, out);
            if which == Which::OldHealthy && order.is_empty() {
                self.services.get_mut(id).protected_until = first.unwrap_or(SimTime::ZERO);
            }
        }
        let placer = self.services.get(id).spec.placer;
        let mut stopped = Stopped::default();
        while stopped.total() < count {
            let rule = self.placers[placer].victim_rule();
            let Some(task) = order.take_first(rule, &self.cluster) else { break };
            self.daemon_leaves(now, id, task);
            stopped.count(self.stop_service_task(now, id, task, out));
        }
        self.services.get_mut(id).keep(which, order);
        stopped.tell(id, out);
        stopped.total()
    }

    /// The tasks that may be stopped, in the order in which they are: of the lowest rank first, and
    /// among those as the placer's strategies say.
    fn candidates(&mut self, now: SimTime, id: ServiceId, which: Which) -> VictimOrder {
        let service = self.services.get_mut(id);
        if let Some(order) = service.to_replace.take_if(|_| which == Which::OldHealthy) {
            return order;
        }
        let rule = self.placers[service.spec.placer].victim_rule();
        let mut order = VictimOrder::new(service.group, rule, &self.cluster);
        let service = self.services.get(id);
        for held in self.services.tasks_of(id) {
            if service.is(held, which) && !service.is_protected(held, now) {
                let is_out_of_place = self.is_out_of_place(id, held.task);
                order.insert(if is_out_of_place { 0 } else { rank(held.phase) }, held.task);
            }
        }
        order
    }

    /// Waits for the first of those that are protected, until when.
    fn wait_for_protection(
        &mut self,
        now: SimTime,
        id: ServiceId,
        which: Which,
        out: &mut Reaction,
    ) -> Option<SimTime> {
        let service = self.services.get(id);
        let protection = SimDuration::from_micros(service.spec.protection_micros);
        let protects = |held: &&Held| service.is(held, which) && service.is_protected(held, now);
        let safe: Vec<&Held> = self.services.tasks_of(id).filter(protects).collect();
        let first = safe.iter().map(|held| held.running_since + protection).min()?;
        let event = ServiceEvent::Protected(safe.len() as u32);
        if self.services.get_mut(id).told.begins(Lasting::Protected) {
            out.changes.push(Change::Service(id, event));
        }
        self.wake_service(first, id, out);
        Some(first)
    }

    /// Stops one task: it leaves the queue, or turns STOPPING. How far it had come.
    pub(super) fn stop_service_task(
        &mut self,
        now: SimTime,
        id: ServiceId,
        task: TaskId,
        out: &mut Reaction,
    ) -> Option<Phase> {
        let is_held_back = self.services.get(id).retry_at.is_some();
        let held = self.services.let_go(id, task)?;
        if held.phase == Phase::Waiting {
            if !is_held_back {
                self.dequeue(id, task);
            }
            self.end(task, Outcome::Stopped, out);
        } else {
            self.services.get_mut(id).makes_room = Some(task);
            self.count_stopping(id);
            self.stop_task(now, task, out);
        }
        Some(held.phase)
    }

    /// One more task of a service turns STOPPING.
    pub(super) fn count_stopping(&mut self, id: ServiceId) {
        let counts = self.services.rules.maximum_counts_stopping;
        self.services.get_mut(id).stopping += u32::from(counts);
    }
}
