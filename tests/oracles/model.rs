//! What the oracles simulate: Poisson arrivals on equal instances, through the whole library.

use std::sync::{Arc, Mutex};

use rayon::prelude::*;
use towtank::backend::{EngineSetup, LifeCycle, Sharing, SimulatedBackend};
use towtank::controller::{Change, Controller};
use towtank::des::{Law, Purpose, Seed, SimDuration, SimTime, law};
use towtank::metrics::{Observation, Recorder, Recorders};
use towtank::model::{
    AttributeSet, CapacityId, Cluster, Cpu, DefinitionId, InstanceSpec, NetworkMode, Outcome,
    Price, Submission, TaskDefinition, TaskId,
};
use towtank::placement::{PlacementSpec, PlacerKind, TieBreak};
use towtank::queueing::queue_policy;
use towtank::run::{Run, Until};
use towtank::workload::law_spec::{DurationLaw, Span};
use towtank::workload::{
    Behaviour, External, Ids, Machines, Source, Usage, UsageId, Workload, WorkloadError,
};

pub(crate) const RUNS: u64 = 30;
const GAP: Purpose = Purpose(1);
const KIND: Purpose = Purpose(2);
const LENGTH: Purpose = Purpose(3);

/// A class of tasks: arrival rate per second, size in vCPU, law of the run time in seconds.
#[derive(Debug, Clone)]
pub(crate) struct Class {
    pub(crate) rate: f64,
    pub(crate) vcpus: u64,
    pub(crate) run_time: Law,
}

impl Class {
    pub(crate) fn new(rate: f64, vcpus: u64, run_time: Law) -> Class {
        Class { rate, vcpus, run_time }
    }
}

/// What is simulated.
#[derive(Debug, Clone)]
pub(crate) struct Model {
    pub(crate) classes: Vec<Class>,
    pub(crate) instances: usize,
    pub(crate) vcpus: u64,
    pub(crate) placement: &'static str,
    pub(crate) queue: &'static str,
    /// Tasks, those of the warm-up included.
    pub(crate) tasks: u64,
    pub(crate) warm_up: u64,
    /// Tasks per submission, placed all or none.
    pub(crate) gang: u32,
    /// All classes in one task group.
    pub(crate) one_group: bool,
    /// Count the time with at least so many tasks running.
    pub(crate) crowd: u32,
    /// Cut the run there.
    pub(crate) until: Option<SimTime>,
    /// What tasks use, on instances that are shared; what they reserve on such that are not.
    pub(crate) usage: Option<Usage>,
    /// Who starts and cleans up.
    pub(crate) engines: Option<EngineSetup>,
    /// Tasks pass through every state, in no time.
    pub(crate) whole_life: bool,
}

impl Model {
    /// Tasks that are turned away if they do not fit.
    pub(crate) fn loss(classes: Vec<Class>, instances: usize, vcpus: u64) -> Model {
        Model {
            classes,
            instances,
            vcpus,
            placement: "first-fit",
            queue: "reject",
            tasks: 0,
            warm_up: 0,
            gang: 1,
            one_group: false,
            crowd: u32::MAX,
            until: None,
            usage: None,
            engines: None,
            whole_life: false,
        }
    }

    /// Tasks that wait, first in, first out.
    pub(crate) fn waiting(classes: Vec<Class>, instances: usize, vcpus: u64) -> Model {
        Model { queue: "fifo", ..Model::loss(classes, instances, vcpus) }
    }

    pub(crate) fn placed_by(self, placement: &'static str) -> Model {
        Model { placement, ..self }
    }

    /// Measures `tasks` tasks after `warm_up` others.
    pub(crate) fn measuring(self, tasks: u64, warm_up: u64) -> Model {
        Model { tasks: tasks + warm_up, warm_up, ..self }
    }

    /// The runs of the gate, with fixed seeds.
    pub(crate) fn replicate(&self) -> Vec<Tally> {
        (1..=RUNS).into_par_iter().map(|seed| self.simulate(seed)).collect()
    }

    /// The instances.
    pub(crate) fn machines(&self) -> Machines {
        let machine = |index: usize| InstanceSpec {
            name: format!("i-{index}"),
            capacity: CapacityId(0),
            cpu: Cpu::from_vcpus(self.vcpus).unwrap(),
            memory_mib: 1024,
            gpus: 0,
            eni_slots: if self.whole_life { 1_000_000 } else { 0 },
            attributes: AttributeSet::default(),
            price: Price(0),
            speed_milli: 1000,
            agent_version: None,
            registered_at: None,
        };
        Machines::new((0..self.instances).map(machine))
    }

    /// The control plane.
    pub(crate) fn controller(&self, seed: Seed) -> Controller {
        let spec = PlacementSpec::parse(self.placement).unwrap();
        let placer = spec.build(PlacerKind::Indexed, TieBreak::LowestId, seed, None).unwrap();
        let controller = Controller::new(vec![placer], (queue_policy(self.queue).unwrap().build)());
        controller.with_transitions(self.life_cycle().transitions())
    }

    fn life_cycle(&self) -> LifeCycle {
        let no_time = self.whole_life.then(|| DurationLaw::constant(Span::from_secs(0)));
        LifeCycle {
            attach_network: no_time.clone(),
            register: no_time.clone(),
            pass_checks: no_time.clone(),
            deregister: no_time.clone(),
            detach_network: no_time,
            exits_take_time: self.whole_life,
            ..LifeCycle::default()
        }
    }

    fn backend(&self, seed: Seed) -> SimulatedBackend {
        let sharing = if self.usage.is_some() { Sharing::Cfs } else { Sharing::Reserved };
        let backend = SimulatedBackend::new(seed, Vec::new())
            .with_sharing(vec![sharing])
            .with_life_cycle(self.life_cycle());
        match &self.engines {
            Some(setup) => backend.with_engines(setup.clone()),
            None => backend,
        }
    }

    /// One run.
    pub(crate) fn simulate(&self, seed: u64) -> Tally {
        let seed = Seed(seed);
        let shared = Arc::new(Mutex::new(Tally::default()));
        let mut recorders = Recorders::new(SimDuration::ZERO);
        recorders.own.push(Box::new(TallyRecorder::new(self, Arc::clone(&shared))));
        let run = Run {
            workload: Workload::new(vec![
                Box::new(self.machines()),
                Box::new(Arrivals::new(seed, self)),
            ]),
            controller: self.controller(seed),
            backend: &mut self.backend(seed),
            recorders,
            until: Until { time: self.until, drained: false },
            audit_every: 0,
            watch: &mut |_| true,
        };
        run.run().unwrap();
        shared.lock().unwrap().clone()
    }
}

pub(crate) fn exponential(mean: f64) -> Law {
    law::Exponential::new(mean).unwrap().into()
}

/// Poisson arrivals of several classes, as one source. Definitions are numbered like the classes.
#[derive(Debug)]
pub(crate) struct Arrivals {
    seed: Seed,
    classes: Vec<Class>,
    definitions: Vec<DefinitionId>,
    group: Option<Arc<str>>,
    usage: Option<Usage>,
    usage_id: UsageId,
    network_mode: NetworkMode,
    gang: u32,
    gap: Law,
    rate: f64,
    left: u64,
    next: u64,
    /// Seconds, exact enough: below one microsecond over the longest run here.
    now: f64,
}

impl Arrivals {
    pub(crate) fn new(seed: Seed, model: &Model) -> Arrivals {
        let rate = model.classes.iter().map(|class| class.rate).sum();
        Arrivals {
            seed,
            classes: model.classes.clone(),
            definitions: Vec::new(),
            group: model.one_group.then(|| Arc::from("jobs")),
            usage: model.usage.clone(),
            usage_id: UsageId::RESERVED,
            network_mode: if model.whole_life { NetworkMode::Awsvpc } else { NetworkMode::Bridge },
            gang: model.gang,
            gap: exponential(1.0 / rate),
            rate,
            left: model.tasks,
            next: 0,
            now: 0.0,
        }
    }

    fn draw_class(&self, u: f64) -> usize {
        let mut left = u * self.rate;
        let last = self.classes.len() - 1;
        let mut kind = 0;
        while kind < last && left >= self.classes[kind].rate {
            left -= self.classes[kind].rate;
            kind += 1;
        }
        kind
    }
}

impl Source for Arrivals {
    fn next_event(&mut self, ids: &mut Ids) -> Result<Option<(SimTime, External)>, WorkloadError> {
        if self.definitions.is_empty() {
            for (kind, class) in self.classes.iter().enumerate() {
                let cpu = Cpu::from_vcpus(class.vcpus).unwrap();
                let mut definition = TaskDefinition::new(format!("class-{kind}"), cpu, 0);
                definition.network_mode = self.network_mode;
                self.definitions.push(ids.definition(&definition));
            }
            if let Some(usage) = &self.usage {
                self.usage_id = ids.usage(usage);
            }
        }
        if self.next == self.left {
            return Ok(None);
        }
        let k = self.next;
        self.next += 1;
        self.now += self.gap.quantile(self.seed.uniform(GAP, k, 0));
        let kind = if self.classes.len() == 1 {
            0
        } else {
            self.draw_class(self.seed.uniform(KIND, k, 0))
        };
        let seconds = self.classes[kind].run_time.quantile(self.seed.uniform(LENGTH, k, 0));
        let run_time = SimDuration::from_secs_f64_checked(seconds);
        let submission = Submission {
            id: ids.submission(),
            definition: self.definitions[kind],
            group: self.group.clone(),
            count: self.gang,
            all_or_nothing: self.gang > 1,
            start_on: None,
            label: None,
        };
        let at = SimTime::ZERO + SimDuration::from_secs_f64_checked(self.now).unwrap();
        let usage = self.usage_id;
        let behaviour = Behaviour { run_time, ends: Outcome::Completed, usage };
        Ok(Some((at, External::Submit(submission, behaviour))))
    }
}

/// What one run yields. Tasks of the warm-up are left out; times are counted from the first
/// arrival after it to the last arrival, so that the emptying at the end is not measured.
#[derive(Debug, Default, Clone)]
pub(crate) struct Tally {
    /// By class.
    pub(crate) arrived: Vec<u64>,
    /// By class.
    pub(crate) rejected: Vec<u64>,
    pub(crate) started: u64,
    pub(crate) waited: u64,
    pub(crate) wait_micros: u128,
    /// Tasks that ended by themselves, and the sum of their times from submission to end.
    pub(crate) ended: u64,
    pub(crate) response_micros: u128,
    pub(crate) span: u64,
    pub(crate) cpu_used: u128,
    pub(crate) empty: u128,
    pub(crate) task_micros: u128,
    pub(crate) crowded: u64,
    /// Tasks running when the run ended.
    pub(crate) running_at_end: u32,
}

impl Tally {
    pub(crate) fn blocked(&self, class: usize) -> f64 {
        self.rejected[class] as f64 / self.arrived[class] as f64
    }

    /// Mean vCPUs in use.
    pub(crate) fn vcpus_used(&self) -> f64 {
        self.cpu_used as f64 / f64::from(Cpu::VCPU.0) / self.span as f64
    }

    pub(crate) fn empty(&self) -> f64 {
        self.empty as f64 / self.span as f64
    }

    pub(crate) fn running(&self) -> f64 {
        self.task_micros as f64 / self.span as f64
    }

    pub(crate) fn crowded(&self) -> f64 {
        self.crowded as f64 / self.span as f64
    }

    pub(crate) fn mean_wait(&self) -> f64 {
        self.wait_micros as f64 / 1e6 / self.started as f64
    }

    pub(crate) fn mean_response(&self) -> f64 {
        self.response_micros as f64 / 1e6 / self.ended as f64
    }

    pub(crate) fn share_waited(&self) -> f64 {
        self.waited as f64 / self.started as f64
    }
}

/// Fills a [`Tally`] in O(1) per change and hands it over at the end.
#[derive(Debug)]
struct TallyRecorder {
    shared: Arc<Mutex<Tally>>,
    tally: Tally,
    warm_up: u64,
    tasks: u64,
    crowd: u32,
    last: SimTime,
    cpu_used: u64,
    empty: u32,
    running: u32,
    created: u64,
}

impl TallyRecorder {
    fn new(model: &Model, shared: Arc<Mutex<Tally>>) -> TallyRecorder {
        let zeros = vec![0; model.classes.len()];
        TallyRecorder {
            shared,
            tally: Tally { arrived: zeros.clone(), rejected: zeros, ..Tally::default() },
            warm_up: model.warm_up,
            tasks: model.tasks,
            crowd: model.crowd,
            last: SimTime::ZERO,
            cpu_used: 0,
            empty: 0,
            running: 0,
            created: 0,
        }
    }

    fn advance(&mut self, now: SimTime) {
        if self.created > self.warm_up && self.created < self.tasks && now > self.last {
            let micros = (now - self.last).micros();
            let tally = &mut self.tally;
            tally.span += micros;
            tally.cpu_used += u128::from(self.cpu_used) * u128::from(micros);
            tally.empty += u128::from(self.empty) * u128::from(micros);
            tally.task_micros += u128::from(self.running) * u128::from(micros);
            tally.crowded += if self.running >= self.crowd { micros } else { 0 };
        }
        self.last = now;
    }

    fn started(&mut self, task: TaskId, wait: SimDuration) {
        self.running += 1;
        if task.number >= self.warm_up {
            self.tally.wait_micros += u128::from(wait.micros());
            self.tally.waited += u64::from(wait > SimDuration::ZERO);
            self.tally.started += 1;
        }
    }
}

impl Recorder for TallyRecorder {
    fn record(&mut self, seen: &Observation<'_>) {
        self.advance(seen.now);
        let totals = seen.cluster.totals();
        (self.cpu_used, self.empty) = (totals.cpu_used, totals.empty_instances);
        self.created = seen.cluster.tasks_created();
        let kind = |class| seen.cluster.class(class).definition_id.index();
        for change in seen.changes {
            match *change {
                Change::TaskCreated { task, class, .. } if task.number >= self.warm_up => {
                    self.tally.arrived[kind(class)] += 1;
                }
                Change::TaskEnded { task, outcome: Outcome::Rejected } => {
                    let counts = u64::from(task.number >= self.warm_up);
                    let class = seen.lives.get(task).unwrap().class;
                    self.tally.rejected[kind(class)] += counts;
                }
                Change::TaskEnded { task, .. } => {
                    self.running -= 1;
                    if task.number >= self.warm_up {
                        let submitted = seen.lives.get(task).unwrap().submitted;
                        self.tally.response_micros += u128::from((seen.now - submitted).micros());
                        self.tally.ended += 1;
                    }
                }
                Change::TaskStarted(task) => {
                    self.started(task, seen.now - seen.lives.get(task).unwrap().submitted);
                }
                _ => {}
            }
        }
    }

    fn finish(&mut self, now: SimTime, _: &Cluster) {
        self.advance(now);
        self.tally.running_at_end = self.running;
        *self.shared.lock().unwrap() = std::mem::take(&mut self.tally);
    }
}
