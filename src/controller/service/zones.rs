//! AZ rebalancing: once a service is steady, tasks move from the availability zone with the most to
//! the one with the fewest, one at a time and the new one first.
//!
//! Source: ECS developer guide, "Balancing an Amazon ECS service across Availability Zones".

use crate::des::{SimDuration, SimTime};
use crate::model::{FieldId, InstanceId, SchedulingStrategy, ServiceId, TaskId, ValueId};
use crate::placement::{Ask, Predicate};
use crate::queueing::Refused;

use super::plan::Bounds;
use super::{Lasting, ServiceEvent};
use crate::controller::{Change, Controller, Reaction};

/// The attribute that names an instance's zone.
const ZONE: &str = "ecs.availability-zone";

impl Controller {
    pub(super) fn track_zones(&mut self) {
        let field = self.cluster.track_field(ZONE);
        self.services.zone_field = Some(field);
    }

    /// Starts a task in the emptiest zone if the service is steady and uneven.
    pub(super) fn even_out(&mut self, now: SimTime, id: ServiceId, out: &mut Reaction) {
        let service = self.services.get(id);
        let bounds = Bounds::of(service.desired_count, &service.spec.deployment);
        let may = service.spec.zone_rebalancing
            && service.spec.scheduling == SchedulingStrategy::Replica
            && bounds.max_total > service.desired_count + service.stopping;
        let Some(field) = self.services.zone_field.filter(|_| may) else { return };
        let zones = self.zones_of(id, field);
        let Some(most) = zones.iter().map(|(count, _)| *count).max() else { return };
        let imbalance = self.services.rules.zone_imbalance;
        let apart = |(count, _): &&(u32, ValueId)| most - count >= imbalance;
        let behind: Vec<ValueId> = zones.iter().filter(apart).map(|(_, zone)| *zone).collect();
        let service = self.services.get_mut(id);
        let told = &mut service.told;
        if behind.is_empty() {
            service.zones_refused = None;
            told.ends(Lasting::UnplacedInZone);
            if told.ends(Lasting::Unbalanced) {
                out.changes.push(Change::Service(id, ServiceEvent::ZonesBalanced));
            }
            return;
        }
        if told.begins(Lasting::Unbalanced) {
            out.changes.push(Change::Service(id, ServiceEvent::ZonesUnbalanced));
        }
        if !behind.iter().any(|zone| self.start_in_zone(now, id, field, *zone, out)) {
            self.unplaced_in_zone(now, id, field, behind[0], out);
        }
    }

    /// No zone that is behind has room. It is tried again when room is made, or, where services
    /// wait before they try again, after that.
    fn unplaced_in_zone(
        &mut self,
        now: SimTime,
        id: ServiceId,
        field: FieldId,
        zone: ValueId,
        out: &mut Reaction,
    ) {
        let rules = self.services.rules;
        let there = self.cluster.instances().find(|one| one.value(field) == zone);
        let there = there.expect("a zone has instances").id();
        let service = self.services.get_mut(id);
        service.zones_refused = Some(Refused::now(&self.cluster));
        if service.told.begins(Lasting::UnplacedInZone) {
            let event = ServiceEvent::UnableToPlaceInZone(there);
            out.changes.push(Change::Service(id, event));
        }
        if rules.retry_first > SimDuration::ZERO {
            let longest = rules.retry_longest.max(rules.retry_first);
            self.wake_service(now + longest, id, out);
        }
    }

    /// Services whose zones could not be evened out, where that may be otherwise now.
    pub(in crate::controller) fn even_out_again(&mut self, now: SimTime, out: &mut Reaction) {
        if self.services.rules.retry_first > SimDuration::ZERO {
            return;
        }
        for id in self.services.zonal.clone() {
            let service = self.services.get(id);
            let class = service.primary().class;
            let refused = service.zones_refused.filter(|_| service.told.lasts(Lasting::Steady));
            if refused.is_some_and(|refused| !refused.still_holds(class, &self.cluster)) {
                self.even_out(now, id, out);
            }
        }
    }

    /// The zones that a service can have tasks in, with the tasks it has there, fewest first.
    fn zones_of(&self, id: ServiceId, field: FieldId) -> Vec<(u32, ValueId)> {
        let service = self.services.get(id);
        let class = self.cluster.class(service.primary().class);
        let mut zones: Vec<ValueId> = self
            .cluster
            .instances()
            .filter(|one| Predicate::eligible(class, *one))
            .map(|one| one.value(field))
            .collect();
        zones.sort_unstable();
        zones.dedup();
        let count = |zone: ValueId| self.cluster.tasks_in_field(field, zone, service.group);
        let mut zones: Vec<(u32, ValueId)> =
            zones.into_iter().map(|zone| (count(zone), zone)).collect();
        zones.sort_unstable();
        zones
    }

    /// Starts a task in a zone; whether it has room there, or will be told when it may.
    fn start_in_zone(
        &mut self,
        now: SimTime,
        id: ServiceId,
        field: FieldId,
        zone: ValueId,
        out: &mut Reaction,
    ) -> bool {
        let service = self.services.get(id);
        let there: Vec<InstanceId> = self
            .cluster
            .instances()
            .filter(|one| one.value(field) == zone)
            .map(crate::model::InstanceView::id)
            .collect();
        // The task is made once it has a place: until then its number is the next one.
        let task = TaskId { number: self.cluster.tasks_created(), slot: 0 };
        let ask = Ask { class: service.primary().class, task, attempt: 0, restrict: Some(&there) };
        let placer = service.spec.placer;
        let Ok(placement) = self.placers[placer].place(&ask, &self.cluster) else {
            return false;
        };
        if self.may_start(now, id, 1, out) == 0 {
            return true;
        }
        let task = self.create_service_task(id, now, out);
        self.launch(task, placement, out);
        self.tell_daemons(now, out);
        let service = self.services.get_mut(id);
        service.evening_out = true;
        service.told.ends(Lasting::UnplacedInZone);
        service.told.ends(Lasting::Steady);
        service.zones_refused = None;
        true
    }
}
