//! AZ rebalancing: once a service is steady, tasks move from the availability zone with the most to
//! the one with the fewest, one at a time and the new one first.
//!
//! Source: ECS developer guide, "Balancing an Amazon ECS service across Availability Zones".

use crate::des::SimTime;
use crate::model::{
    FieldId, InstanceId, InstanceStatus, SchedulingStrategy, ServiceId, TaskId, ValueId,
};
use crate::placement::Ask;

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
            && bounds.max_total > service.desired_count;
        let Some(field) = self.services.zone_field.filter(|_| may) else { return };
        let Some((zone, fewest, most)) = self.extremes(id, field) else { return };
        if most - fewest < self.services.rules.zone_imbalance {
            let told = &mut self.services.get_mut(id).told;
            if told.ends(Lasting::Unbalanced) {
                out.changes.push(Change::Service(id, ServiceEvent::ZonesBalanced));
            }
            return;
        }
        if self.services.get_mut(id).told.begins(Lasting::Unbalanced) {
            out.changes.push(Change::Service(id, ServiceEvent::ZonesUnbalanced));
        }
        self.start_in_zone(now, id, field, zone, out);
    }

    /// The zone with the fewest tasks of a service (the first among equals), and the fewest and the
    /// most tasks of any zone that has ACTIVE instances.
    fn extremes(&self, id: ServiceId, field: FieldId) -> Option<(ValueId, u32, u32)> {
        let group = self.services.get(id).group;
        let mut zones: Vec<ValueId> = self
            .cluster
            .instances()
            .filter(|one| one.status() == InstanceStatus::Active)
            .map(|one| one.value(field))
            .collect();
        zones.sort_unstable();
        zones.dedup();
        let count = |zone: &ValueId| self.cluster.tasks_in_field(field, *zone, group);
        let fewest = zones.iter().copied().min_by_key(count)?;
        let most = zones.iter().map(count).max()?;
        Some((fewest, count(&fewest), most))
    }

    fn start_in_zone(
        &mut self,
        now: SimTime,
        id: ServiceId,
        field: FieldId,
        zone: ValueId,
        out: &mut Reaction,
    ) {
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
            let told = &mut self.services.get_mut(id).told;
            if told.begins(Lasting::UnplacedInZone) {
                let event = ServiceEvent::UnableToPlaceInZone(there[0]);
                out.changes.push(Change::Service(id, event));
            }
            return;
        };
        if self.may_start(now, id, 1, out) == 0 {
            return;
        }
        let task = self.create_service_task(id, now, out);
        self.launch(task, placement, out);
        let service = self.services.get_mut(id);
        service.evening_out = true;
        service.told.ends(Lasting::UnplacedInZone);
        service.told.ends(Lasting::Steady);
        out.changes.push(Change::Service(id, ServiceEvent::TasksStarted(1)));
    }
}
