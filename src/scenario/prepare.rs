//! A scenario and a seed → a run ready to go.

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::Arc;

use crate::backend::{Backend, EngineSetup, Latency, SimulatedBackend};
use crate::controller::Controller;
use crate::des::Seed;
use crate::metrics::{
    AllocationRecorder, Recorder, Recorders, ServiceEvents as EventTable, ServiceMetricTable,
    Summary, TaskTable,
};
use crate::model::CapacityId;
use crate::placement::{Fragmentation, PlacementError, PlacementSpec, Placer, SharedLog};
use crate::run::{Finished, Progress, Run, RunError};
use crate::workload::format::{Opening, Trace};
use crate::workload::synthetic::{Synthetic, workload_id};
use crate::workload::{
    Drains, Machines, ServiceEvents, ServicePlan, Source, Workload, WorkloadError,
};

use super::workloads::{WorkloadKind, WorkloadPlan};
use super::{DecisionTime, Scenario};

/// What one run records besides its summary.
#[derive(Default)]
pub struct Recording {
    /// Where `tasks.csv` goes.
    pub tasks: Option<Box<dyn Write + Send>>,
    /// Where `service-events.csv` goes.
    pub service_events: Option<Box<dyn Write + Send>>,
    /// Where `service-metrics.csv` goes.
    pub service_metrics: Option<Box<dyn Write + Send>>,
    /// Recorders of a library user's own.
    pub own: Vec<Box<dyn Recorder>>,
}

impl std::fmt::Debug for Recording {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recording").field("tasks", &self.tasks.is_some()).finish_non_exhaustive()
    }
}

/// A run of a scenario with one seed, ready to go on simulated hosts.
#[derive(Debug)]
pub struct Prepared<'s> {
    ready: Ready<'s>,
    backend: SimulatedBackend,
    /// What the user should know of the traces opened, and is no error.
    pub warnings: Vec<String>,
}

/// The same without its hosts.
#[derive(Debug)]
pub struct Ready<'s> {
    scenario: &'s Scenario,
    seed: Seed,
    /// What will happen from outside.
    pub workload: Workload,
    controller: Controller,
}

impl Scenario {
    /// Opens the workloads and builds everything a run with this seed needs.
    ///
    /// # Errors
    /// A trace that cannot be opened.
    pub fn prepare(&self, seed: u64) -> Result<Prepared<'_>, WorkloadError> {
        let placers = self.placers(Seed(seed)).map_err(|why| WorkloadError(why.to_string()))?;
        self.prepare_with(seed, placers)
    }

    /// The same with placers of one's own; the first places standalone tasks.
    ///
    /// # Errors
    /// A trace that cannot be opened.
    pub fn prepare_with(
        &self,
        seed: u64,
        placers: Vec<Box<dyn Placer>>,
    ) -> Result<Prepared<'_>, WorkloadError> {
        let seed = Seed(seed);
        let instances = self.capacity.iter().flat_map(super::CapacityGroup::instances);
        let mut sources: Vec<Box<dyn Source>> = vec![Box::new(Machines::new(instances))];
        let mut warnings = Vec::new();
        let mut services = self.services.clone();
        for plan in &self.workloads {
            let trace = self.open(plan, seed)?;
            services.extend(trace.services);
            sources.push(Box::new(Machines::new(trace.machines)));
            sources.push(trace.events);
            let of_workload = |one| format!("workload.{}: {one}", plan.name);
            warnings.extend(trace.warnings.into_iter().map(of_workload));
        }
        check_names(&services)?;
        sources.push(Box::new(ServiceEvents::new(services)));
        sources.push(Box::new(Drains::new(super::capacity::drains(&self.capacity))));
        let mut latencies: Vec<_> =
            self.capacity.iter().map(|group| group.latency.clone()).collect();
        // Of machines that traces bring.
        let others = Latency { start: self.spec.life_cycle.container_start.clone(), stop: None };
        latencies.resize(self.capacity.len() + self.workloads.len(), others);
        let life_cycle = self.life_cycle();
        let sharing = self.capacity.iter().map(|group| group.sharing).collect();
        let decision_ns =
            self.spec.controller.decision_time.as_ref().map_or(0, DecisionTime::nanos);
        let controller =
            Controller::new(placers, (self.queue.build)()).with_decision_time(decision_ns);
        let controller = controller
            .with_service_rules(self.service_rules)
            .with_transitions(life_cycle.transitions());
        let workload = Workload::new(sources);
        let backend = SimulatedBackend::new(seed, latencies)
            .with_sharing(sharing)
            .with_life_cycle(life_cycle)
            .with_metric_timing(self.metric_timing);
        let backend = match self.engine_setup() {
            None => backend,
            Some(setup) => backend.with_engines(setup),
        };
        Ok(Prepared {
            ready: Ready { scenario: self, seed, workload, controller },
            backend,
            warnings,
        })
    }

    /// The engines of `[engine]`, each on a machine like the one that was measured.
    fn engine_setup(&self) -> Option<EngineSetup> {
        let (table, calibration) = self.spec.engine.as_ref().zip(self.calibration.as_ref())?;
        Some(EngineSetup {
            model: calibration.engine.clone(),
            engines: table.engines,
            cores_milli: Some(calibration.host.cpus.saturating_mul(1000)),
            core_milli: 1000,
            replication: 0,
        })
    }

    /// The placers of a run: of standalone tasks, then of services with their own.
    ///
    /// # Errors
    /// A strategy needs a workload profile and there is none.
    pub fn placers(&self, seed: Seed) -> Result<Vec<Box<dyn Placer>>, PlacementError> {
        let (kind, tie_break) = (self.placer_kind(), self.tie_break());
        let profile = self.profile.as_ref();
        self.placements().map(|one| one.build(kind, tie_break, seed, profile)).collect()
    }

    /// The same placers, with a log that is told of each decision.
    ///
    /// # Errors
    /// As [`Scenario::placers`].
    pub fn traced_placers(
        &self,
        seed: Seed,
        log: &SharedLog,
    ) -> Result<Vec<Box<dyn Placer>>, PlacementError> {
        let (kind, tie_break) = (self.placer_kind(), self.tie_break());
        let profile = self.profile.as_ref();
        let traced =
            |one: &PlacementSpec| one.build_traced(kind, tie_break, seed, profile, Arc::clone(log));
        self.placements().map(traced).collect()
    }

    /// What one of its placers places by; 0 is that of standalone tasks. Panics if there are not so
    /// many.
    pub fn placement_of(&self, placer: usize) -> &PlacementSpec {
        if placer == 0 { &self.placement } else { &self.own_placements[placer - 1] }
    }

    fn placements(&self) -> impl Iterator<Item = &PlacementSpec> {
        std::iter::once(&self.placement).chain(&self.own_placements)
    }

    fn open(&self, plan: &WorkloadPlan, seed: Seed) -> Result<Trace, WorkloadError> {
        match &plan.kind {
            WorkloadKind::Synthetic(spec, kinds) => {
                let id = workload_id(&plan.name);
                let events = Box::new(Synthetic::new(spec, kinds.clone(), seed, id));
                let (machines, services, warnings) = (Vec::new(), Vec::new(), Vec::new());
                Ok(Trace { machines, services, events, warnings })
            }
            WorkloadKind::Trace(format) => {
                format.open_with(&self.opening(plan, seed), &self.reading)
            }
        }
    }

    pub(super) fn opening(&self, plan: &WorkloadPlan, seed: Seed) -> Opening {
        let index = self.workloads.iter().position(|one| one.name == plan.name).unwrap_or(0);
        Opening {
            workload: plan.name.clone(),
            seed,
            capacity: CapacityId((self.capacity.len() + index) as u32),
            placer: plan.placer,
            directory: self.directory.clone(),
            from_command_line: plan.overridden.clone(),
        }
    }
}

/// Refuses services that share a name: their tasks would be counted in one group.
fn check_names(services: &[ServicePlan]) -> Result<(), WorkloadError> {
    let mut names = BTreeSet::new();
    match services.iter().find(|service| !names.insert(&service.spec.name)) {
        None => Ok(()),
        Some(ServicePlan { spec, .. }) => Err(WorkloadError(format!(
            "two services are called {}: rename the [service.NAME], or the [workload.NAME] \
             whose trace has one",
            spec.name
        ))),
    }
}

impl<'s> Prepared<'s> {
    /// Number of events the workload expects to yield, where it knows.
    pub fn len_hint(&self) -> Option<u64> {
        self.ready.workload.len_hint()
    }

    /// Runs to the end; `watch` is told of progress and interrupts the run with `false`.
    ///
    /// # Errors
    /// As [`Run::run`].
    pub fn run(
        mut self,
        recording: Recording,
        watch: &mut dyn FnMut(Progress) -> bool,
    ) -> Result<Finished, RunError> {
        self.ready.run_on(&mut self.backend, recording, watch)
    }

    /// The run and its simulated hosts, apart: for hosts of another kind, or to look in between.
    pub fn split(self) -> (Ready<'s>, SimulatedBackend) {
        (self.ready, self.backend)
    }

    /// Seed of the run.
    pub fn seed(&self) -> u64 {
        self.ready.seed.0
    }
}

impl Ready<'_> {
    /// Runs to the end on a backend.
    ///
    /// # Errors
    /// As [`Run::run`].
    pub fn run_on(
        self,
        backend: &mut dyn Backend,
        recording: Recording,
        watch: &mut dyn FnMut(Progress) -> bool,
    ) -> Result<Finished, RunError> {
        let mut recorders = Recorders::new(self.scenario.spec.warm_up.duration());
        recorders.tasks = recording.tasks.map(TaskTable::new);
        recorders.service_events = recording.service_events.map(EventTable::new);
        recorders.service_metrics = recording.service_metrics.map(ServiceMetricTable::new);
        recorders.own = recording.own;
        if recorders.tasks.is_some() && self.scenario.key_of_life_cycle().is_some() {
            recorders.keep_task_times();
        }
        if self.scenario.spec.record.allocation {
            let measure = self.scenario.profile.clone().map(Fragmentation::new);
            recorders.allocation = Some(AllocationRecorder::new(measure));
        }
        let run = Run {
            workload: self.workload,
            controller: self.controller,
            backend,
            recorders,
            until: self.scenario.until,
            audit_every: 0,
            watch,
        };
        run.run()
    }
}

impl Scenario {
    /// The summary of a finished run, as `summary.json` holds it.
    pub fn summary(&self, arm: &str, seed: u64, finished: &Finished) -> Summary {
        let records = &finished.records;
        Summary {
            scenario: self.spec.name.clone(),
            arm: arm.to_owned(),
            placement: self.placement.to_string(),
            queue: self.queue.name.to_owned(),
            seed,
            engine_version: Scenario::engine_version().to_owned(),
            fingerprint: records.fingerprint.to_string(),
            workload_fingerprint: records.workload_fingerprint.to_string(),
            verdict: records.verdict,
            warm_up_s: self.spec.warm_up.as_secs_f64(),
            tasks: records.tasks,
            wait_s: records.wait_s,
            slowdown: records.slowdown,
            utilisation: records.utilisation,
            allocated_at_end: records.allocated_at_end,
            instances: records.instances,
            makespan_s: records.makespan_s,
            cost_usd: records.cost_usd,
            placements: records.placements,
            refusals: records.refusals,
            requests: records.requests,
        }
    }
}
