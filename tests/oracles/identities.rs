//! Conservation laws, exact to the microsecond: Little's law, flow balance, the utilisation law and
//! conservation of tasks, each computed twice from different records.

use std::sync::{Arc, Mutex};

use towtank::backend::{Latency, SimulatedBackend};
use towtank::controller::Change;
use towtank::des::{Seed, SimDuration, SimTime};
use towtank::metrics::{Observation, Recorder, Recorders, Records};
use towtank::model::{
    Cluster, Cpu, DefinitionId, Outcome, ServiceId, ServiceSpec, TaskDefinition, TaskId, TaskStatus,
};
use towtank::run::{Run, Until};
use towtank::workload::law_spec::DurationLaw;
use towtank::workload::{
    Conduct, ServiceChange, ServiceEvents, ServicePlan, ServiceTasks, Workload,
};

use super::model::{Arrivals, Class, Model, exponential};

/// When what happened to one task.
#[derive(Debug, Clone)]
struct Log {
    class: usize,
    units: u64,
    created: SimTime,
    placed: Option<SimTime>,
    started: Option<SimTime>,
    /// When its units were given back.
    stopping: Option<SimTime>,
    ended: Option<(SimTime, Outcome)>,
}

/// Integrals over time kept from event to event, beside the log of every task.
#[derive(Debug, Default, Clone)]
struct Audit {
    log: Vec<Log>,
    /// By class: tasks that have not ended, and its integral.
    present: Vec<(u64, u128)>,
    /// Tasks not placed, and its integral.
    waiting: (u64, u128),
    /// CPU reserved by the cluster's own sums, and its integral.
    busy: (u64, u128),
    last: SimTime,
    end: SimTime,
}

impl Audit {
    fn advance(&mut self, now: SimTime) {
        let micros = u128::from((now - self.last).micros());
        let all = self.present.iter_mut().chain([&mut self.waiting, &mut self.busy]);
        all.for_each(|(amount, integral)| *integral += u128::from(*amount) * micros);
        self.last = now;
    }

    fn task(&mut self, task: TaskId) -> &mut Log {
        &mut self.log[task.number as usize]
    }

    fn change(&mut self, now: SimTime, change: &Change, cluster: &Cluster) {
        match *change {
            Change::TaskCreated { task, class, .. } => {
                assert_eq!(task.number, self.log.len() as u64);
                let units = u64::from(cluster.class(class).definition.cpu.0);
                let class = class.index();
                let (placed, started, stopping, ended) = (None, None, None, None);
                let created = now;
                self.log.push(Log { class, units, created, placed, started, stopping, ended });
                self.present.resize(self.present.len().max(class + 1), (0, 0));
                self.present[class].0 += 1;
                self.waiting.0 += 1;
            }
            Change::TaskPlaced { task, .. } => {
                assert!(self.task(task).placed.replace(now).is_none(), "placed once");
                self.waiting.0 -= 1;
            }
            Change::TaskStarted(task) => {
                assert!(self.task(task).placed.is_some_and(|at| at <= now), "placed, then started");
                assert!(self.task(task).started.replace(now).is_none(), "started once");
            }
            Change::TaskStopping(task) => {
                assert!(self.task(task).stopping.replace(now).is_none(), "stops once");
            }
            Change::TaskEnded { task, outcome } => {
                let log = self.task(task);
                assert!(log.ended.replace((now, outcome)).is_none(), "ends once");
                assert_eq!(log.placed.is_some(), log.stopping.is_some(), "held, then given back");
                let (class, placed) = (log.class, log.placed.is_some());
                self.present[class].0 -= 1;
                self.waiting.0 -= u64::from(!placed);
            }
            Change::InstanceJoined(_)
            | Change::InstanceDraining(_)
            | Change::Service(..)
            | Change::PlacementRefused(_)
            | Change::TaskAdvanced { .. } => {}
        }
    }

    /// Sum over tasks of the time from `from` to `to`, clipped to the run.
    fn sum(
        &self,
        weight: impl Fn(&Log) -> u64,
        from: impl Fn(&Log) -> Option<SimTime>,
        to: impl Fn(&Log) -> Option<SimTime>,
    ) -> u128 {
        let of = |log: &Log| {
            let from = from(log)?;
            let to = to(log).unwrap_or(self.end);
            Some(u128::from(weight(log)) * u128::from((to - from).micros()))
        };
        self.log.iter().filter_map(of).sum()
    }
}

#[derive(Debug)]
struct AuditRecorder {
    audit: Audit,
    shared: Arc<Mutex<Audit>>,
}

impl Recorder for AuditRecorder {
    fn record(&mut self, seen: &Observation<'_>) {
        self.audit.advance(seen.now);
        for change in seen.changes {
            self.audit.change(seen.now, change, seen.cluster);
        }
        self.audit.busy.0 = seen.cluster.totals().cpu_used;
        let count = |status| seen.cluster.tasks().filter(|(_, one)| one.status == status).count();
        let present: u64 = self.audit.present.iter().map(|(count, _)| count).sum();
        assert_eq!(present, seen.cluster.tasks().count() as u64, "tasks present");
        assert_eq!(self.audit.waiting.0, count(TaskStatus::Provisioning) as u64, "tasks waiting");
    }

    fn finish(&mut self, now: SimTime, _: &Cluster) {
        self.audit.advance(now);
        self.audit.end = now;
        *self.shared.lock().unwrap() = std::mem::take(&mut self.audit);
    }
}

fn law(text: &str) -> DurationLaw {
    toml::from_str::<std::collections::BTreeMap<String, DurationLaw>>(&format!("law = {text}"))
        .unwrap()
        .remove("law")
        .unwrap()
}

/// A service that is scaled out and in while its tasks run for a while and are replaced.
fn service() -> ServiceEvents {
    let at = |seconds| SimTime::ZERO + SimDuration::from_secs_f64_checked(seconds).unwrap();
    ServiceEvents::new(vec![ServicePlan {
        spec: ServiceSpec::new(ServiceId(0), "web", DefinitionId(0), 3, 0),
        tasks: ServiceTasks {
            definition: TaskDefinition::new("web", Cpu::VCPU, 7),
            run_time: Some(law("{ exponential = { mean = \"3s\" } }")),
            usage: None,
            conduct: Conduct::default(),
        },
        start: at(0.5),
        requests: None,
        changes: [(40.0, 8), (90.0, 1), (90.0, 5), (160.0, 0)]
            .map(|(seconds, desired)| ServiceChange {
                at: at(seconds),
                desired_count: Some(desired),
                ..ServiceChange::default()
            })
            .to_vec(),
    }])
}

fn run(model: &Model, seed: u64, latency: Latency, with_service: bool) -> (Audit, Records) {
    let seed = Seed(seed);
    let shared = Arc::new(Mutex::new(Audit::default()));
    let mut recorders = Recorders::new(SimDuration::ZERO);
    let own = AuditRecorder { audit: Audit::default(), shared: Arc::clone(&shared) };
    recorders.own.push(Box::new(own));
    let mut workload =
        Workload::new(vec![Box::new(model.machines()), Box::new(Arrivals::new(seed, model))]);
    if with_service {
        workload = Workload::new(vec![
            Box::new(model.machines()),
            Box::new(Arrivals::new(seed, model)),
            Box::new(service()),
        ]);
    }
    let finished = Run {
        workload,
        controller: model.controller(seed),
        backend: &mut SimulatedBackend::new(seed, vec![latency]),
        recorders,
        until: Until { time: model.until, drained: false },
        audit_every: 7,
        watch: &mut |_| true,
    };
    let records = finished.run().unwrap().records;
    let audit = shared.lock().unwrap().clone();
    (audit, records)
}

fn check(model: &Model, audit: &Audit, records: &Records) {
    let one = |_: &Log| 1;
    let ended = |log: &Log| log.ended.map(|(at, _)| at);
    // Little's law, by class: the integral of the number present is the sum of the times present.
    for (class, (left, integral)) in audit.present.iter().enumerate() {
        let of_class = |log: &Log| u64::from(log.class == class);
        assert_eq!(*integral, audit.sum(of_class, |log| Some(log.created), ended), "Little");
        let arrived = audit.log.iter().filter(|log| log.class == class).count();
        let gone = audit.log.iter().filter(|log| log.class == class && log.ended.is_some()).count();
        assert_eq!(arrived - gone, *left as usize, "flow balance");
    }
    // The same for those that wait.
    let left_queue = |log: &Log| log.placed.or(ended(log));
    assert_eq!(audit.waiting.1, audit.sum(one, |log| Some(log.created), left_queue), "waiting");
    // Utilisation law: units reserved over time are what tasks held, times how long.
    let held = audit.sum(|log| log.units, |log| log.placed, |log| log.stopping);
    assert_eq!(audit.busy.1, held, "utilisation law");
    // The figures of the run are these.
    let registered = model.instances as u64 * model.vcpus * u64::from(Cpu::VCPU.0);
    let capacity = u128::from(registered) * u128::from(audit.end.micros());
    let utilisation = audit.busy.1 as f64 / capacity as f64;
    assert_eq!(records.utilisation.cpu, Some(utilisation));
    let outcome = |wanted| {
        let same = |log: &&Log| log.ended.is_some_and(|(_, outcome)| outcome == wanted);
        audit.log.iter().filter(same).count() as u64
    };
    assert_eq!(records.tasks.submitted, audit.log.len() as u64);
    assert_eq!(records.tasks.completed, outcome(Outcome::Completed));
    assert_eq!(records.tasks.stopped, outcome(Outcome::Stopped));
    assert_eq!(records.tasks.rejected, outcome(Outcome::Rejected));
    assert_eq!(records.tasks.pending_at_end, audit.waiting.0);
    let started = audit.log.iter().filter_map(|log| Some((log.started? - log.created).micros()));
    let (count, sum) = started.fold((0, 0), |(count, sum), wait| (count + 1, sum + wait));
    assert_eq!(records.wait_s.mean, Some(sum as f64 / f64::from(count) / 1e6));
}

fn two_sizes(tasks: u64) -> Model {
    let class = |rate, vcpus| Class::new(rate, vcpus, exponential(1.0));
    Model::loss(vec![class(3.0, 1), class(1.0, 3)], 3, 4).measuring(tasks, 0)
}

#[test]
fn laws_hold_exactly_when_tasks_are_turned_away() {
    for placement in ["random", "binpack:cpu"] {
        let model = two_sizes(5_000).placed_by(placement);
        let (audit, records) = run(&model, 1, Latency::default(), false);
        assert!(records.tasks.rejected > 0);
        assert_eq!(records.tasks.running_at_end, 0);
        check(&model, &audit, &records);
    }
}

#[test]
fn laws_hold_exactly_when_tasks_wait_and_the_run_is_cut_short() {
    let end = SimTime::ZERO + SimDuration::from_secs_f64_checked(777.123_457).unwrap();
    for queue in ["fifo", "ecs"] {
        let crowded = Model {
            queue,
            classes: vec![
                Class::new(6.0, 1, exponential(1.0)),
                Class::new(2.0, 3, exponential(1.0)),
            ],
            until: Some(end),
            ..two_sizes(100_000)
        };
        let (audit, records) = run(&crowded, 2, Latency::default(), false);
        assert!(records.tasks.pending_at_end > 0 && records.tasks.running_at_end > 0);
        assert_eq!(audit.end, end);
        check(&crowded, &audit, &records);
    }
}

#[test]
fn laws_hold_exactly_with_gangs_services_and_slow_hosts() {
    let latency = Latency {
        start: Some(law("{ uniform = { low = \"100ms\", high = \"900ms\" } }")),
        stop: Some(law("{ exponential = { mean = \"700ms\" } }")),
    };
    for queue in ["fifo", "ecs", "reject"] {
        for seed in 0..4 {
            let gangs = Model {
                queue,
                gang: 2,
                classes: vec![
                    Class::new(1.0, 1, exponential(1.0)),
                    Class::new(0.3, 2, exponential(1.0)),
                ],
                ..two_sizes(300)
            };
            let gangs = gangs.placed_by("spread:instanceId+binpack:memory");
            let (audit, records) = run(&gangs, seed, latency.clone(), true);
            assert!(records.tasks.stopped > 0, "scale-in stops tasks");
            assert_eq!(records.tasks.rejected > 0, queue == "reject");
            assert_eq!(records.tasks.running_at_end + records.tasks.pending_at_end, 0);
            check(&gangs, &audit, &records);
        }
    }
}
