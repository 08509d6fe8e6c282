//! Services: keep the desired number of tasks, and choose whom scale-in stops.
//!
//! A REPLICA service in steady state and when its desired count changes. Deployments, health checks
//! and throttling are not modelled yet.

use smallvec::smallvec;

use crate::des::SimTime;
use crate::model::{ClassId, Origin, Outcome, ServiceId, ServiceSpec, TaskId, TaskStatus};
use crate::queueing::{Entry, Shape, Ticket};

use super::{Command, Controller, Reaction};

/// A service in the control plane.
#[derive(Debug)]
struct Service {
    class: ClassId,
    placer: usize,
    desired_count: u32,
    /// Tasks not STOPPING, in order of creation.
    tasks: Vec<TaskId>,
    /// Tasks ever created.
    created: u32,
}

/// All services, by id.
#[derive(Debug, Default)]
pub(super) struct Services(Vec<Service>);

impl Controller {
    pub(super) fn create_service(&mut self, now: SimTime, spec: &ServiceSpec, out: &mut Reaction) {
        assert!(spec.id.index() == self.services.0.len(), "services are numbered densely");
        let group = self.cluster.intern_group(&format!("service:{}", spec.name));
        self.services.0.push(Service {
            class: self.cluster.intern_class(spec.definition, Some(group)),
            placer: spec.placer,
            desired_count: 0,
            tasks: Vec::new(),
            created: 0,
        });
        self.set_desired_count(now, spec.id, spec.desired_count, out);
    }

    pub(super) fn set_desired_count(
        &mut self,
        now: SimTime,
        id: ServiceId,
        desired_count: u32,
        out: &mut Reaction,
    ) {
        self.services.0[id.index()].desired_count = desired_count;
        self.reconcile(now, id, out);
    }

    /// A task ended by itself: if it was a service's, another takes its place.
    pub(super) fn replace_service_task(&mut self, now: SimTime, task: TaskId, out: &mut Reaction) {
        // Without services, what the task belongs to need not be fetched.
        if self.services.0.is_empty() {
            return;
        }
        if let Origin::Service { service, .. } = self.records[task.slot as usize].origin {
            self.services.0[service.index()].tasks.retain(|&one| one != task);
            self.reconcile(now, service, out);
        }
    }

    /// Starts or stops tasks until as many as desired are there or on their way.
    fn reconcile(&mut self, now: SimTime, id: ServiceId, out: &mut Reaction) {
        let desired = self.services.0[id.index()].desired_count as usize;
        while self.services.0[id.index()].tasks.len() < desired {
            let service = &mut self.services.0[id.index()];
            let (class, placer) = (service.class, service.placer);
            let origin = Origin::Service { service: id, ordinal: service.created };
            service.created += 1;
            let task = self.create_task(class, origin, out);
            self.services.0[id.index()].tasks.push(task);
            self.waiting.push(Entry { class, placer, tasks: smallvec![task], attempts: 0 });
        }
        while self.services.0[id.index()].tasks.len() > desired {
            self.stop_one(now, id, out);
        }
        self.request_pass(now, out);
    }

    /// Scale-in: the youngest waiting task, else the one the placer's strategy names.
    fn stop_one(&mut self, now: SimTime, id: ServiceId, out: &mut Reaction) {
        let service = &self.services.0[id.index()];
        let waits = |task: &TaskId| {
            self.cluster.task(*task).is_some_and(|one| one.status == TaskStatus::Provisioning)
        };
        if let Some(index) = service.tasks.iter().rposition(waits) {
            let task = service.tasks[index];
            let shape = Shape { class: service.class, placer: service.placer, tasks: 1 };
            let holds = |ticket: &Ticket| {
                self.waiting.get(*ticket).is_some_and(|entry| entry.tasks.contains(&task))
            };
            let ticket = self.waiting.latest_of(shape).find(holds);
            self.waiting.remove(ticket.expect("an unplaced task waits"));
            self.services.0[id.index()].tasks.remove(index);
            self.end(task, Outcome::Stopped, out);
            return;
        }
        let index = self.placers[service.placer].victim(&service.tasks, &self.cluster);
        let task = self.services.0[id.index()].tasks.remove(index);
        self.release(now, task, Outcome::Stopped, out);
        out.commands.push(Command::StopTask(task));
    }
}
