//! The simulator against results known exactly: Markov chains solved exactly and queueing formulas.
//!
//! Gate: 30 runs with fixed seeds; the mean is within 4 standard errors of the exact value, and the
//! standard error is at most 2 % of it. Fixed seeds make a failure mean a change.

use towtank::backend::SimulatedBackend;
use towtank::controller::{Change, Controller};
use towtank::des::{Law, Purpose, Seed, SimDuration, SimTime, law};
use towtank::metrics::{Observation, Recorder, Recorders};
use towtank::model::{
    AttributeSet, CapacityId, Cluster, Cpu, InstanceSpec, Outcome, Price, Submission,
    TaskDefinition, TaskId,
};
use towtank::placement::{PlacementSpec, PlacerKind, TieBreak};
use towtank::queueing::queue_policy;
use towtank::run::{Run, Until};
use towtank::workload::{Behaviour, External, Ids, Machines, Source, Workload, WorkloadError};

const RUNS: u64 = 30;
const GAP: Purpose = Purpose(1);
const KIND: Purpose = Purpose(2);
const LENGTH: Purpose = Purpose(3);

/// A class of tasks: arrival rate per second, size in vCPU, law of the run time in seconds.
#[derive(Debug, Clone)]
struct Class {
    rate: f64,
    vcpus: u64,
    run_time: Law,
}

/// What is simulated.
#[derive(Debug, Clone)]
struct Model {
    classes: Vec<Class>,
    instances: usize,
    vcpus: u64,
    placement: &'static str,
    queue: &'static str,
    tasks: u64,
    warm_up: u64,
}

/// Poisson arrivals of several classes, as one source.
#[derive(Debug)]
struct Arrivals {
    seed: Seed,
    classes: Vec<Class>,
    left: u64,
    next: u64,
    /// Seconds, exact enough: below one microsecond over the longest run here.
    now: f64,
}

impl Source for Arrivals {
    fn next_event(&mut self, ids: &mut Ids) -> Result<Option<(SimTime, External)>, WorkloadError> {
        if self.next == self.left {
            return Ok(None);
        }
        let k = self.next;
        self.next += 1;
        let total: f64 = self.classes.iter().map(|class| class.rate).sum();
        self.now -= (1.0 - self.seed.uniform(GAP, k, 0)).ln() / total;
        let mut u = self.seed.uniform(KIND, k, 0) * total;
        let last = self.classes.len() - 1;
        let mut kind = 0;
        while kind < last && u >= self.classes[kind].rate {
            u -= self.classes[kind].rate;
            kind += 1;
        }
        let class = &self.classes[kind];
        let cpu = Cpu::from_vcpus(class.vcpus).unwrap();
        let definition = ids.definition(&TaskDefinition::new(format!("class-{kind}"), cpu, 0));
        let seconds = class.run_time.quantile(self.seed.uniform(LENGTH, k, 0));
        let run_time = SimDuration::from_secs_f64_checked(seconds);
        let submission = Submission {
            id: ids.submission(),
            definition,
            group: None,
            count: 1,
            all_or_nothing: false,
            label: None,
        };
        let at = SimTime::ZERO + SimDuration::from_secs_f64_checked(self.now).unwrap();
        let behaviour = Behaviour { run_time, ends: Outcome::Completed };
        Ok(Some((at, External::Submit(submission, behaviour))))
    }
}

/// What one run yields, after the warm-up, by class.
#[derive(Debug, Default, Clone)]
struct Tally {
    warm_up: u64,
    arrived: Vec<u64>,
    rejected: Vec<u64>,
    waited: u64,
    wait_s: f64,
    started: u64,
    waits: Vec<f64>,
    last: SimTime,
    busy: f64,
    empty: f64,
    running: f64,
    span: f64,
    now: (f64, f64, f64),
}

#[derive(Debug, Default)]
struct TallyRecorder(std::sync::Arc<std::sync::Mutex<Tally>>);

impl Recorder for TallyRecorder {
    fn record(&mut self, seen: &Observation<'_>) {
        let mut tally = self.0.lock().unwrap();
        if seen.cluster.tasks_created() > tally.warm_up {
            let span = (seen.now - tally.last).as_secs_f64();
            let (busy, empty, running) = tally.now;
            tally.span += span;
            tally.busy += busy * span;
            tally.empty += empty * span;
            tally.running += running * span;
        }
        tally.last = seen.now;
        let totals = seen.cluster.totals();
        let running = seen.cluster.instances().map(|on| f64::from(on.task_count())).sum();
        tally.now = (
            totals.cpu_used as f64 / totals.cpu.max(1) as f64,
            f64::from(totals.empty_instances),
            running,
        );
        let classes = seen.cluster.classes().len();
        tally.arrived.resize(classes, 0);
        tally.rejected.resize(classes, 0);
        let warm_up = tally.warm_up;
        let measured = |task: TaskId| task.number >= warm_up;
        for change in seen.changes {
            match *change {
                Change::TaskCreated { task, class, .. } if measured(task) => {
                    tally.arrived[class.index()] += 1;
                }
                Change::TaskEnded { task, outcome: Outcome::Rejected } if measured(task) => {
                    let class = seen.lives.get(task).unwrap().class;
                    tally.rejected[class.index()] += 1;
                }
                Change::TaskStarted(task) if measured(task) => {
                    let wait = (seen.now - seen.lives.get(task).unwrap().submitted).as_secs_f64();
                    tally.wait_s += wait;
                    tally.waited += u64::from(wait > 0.0);
                    tally.started += 1;
                }
                _ => {}
            }
        }
    }
}

fn simulate(model: &Model, seed: u64) -> Tally {
    let seed = Seed(seed);
    let machine = |index: usize| InstanceSpec {
        name: format!("i-{index}"),
        capacity: CapacityId(0),
        cpu: Cpu::from_vcpus(model.vcpus).unwrap(),
        memory_mib: 1024,
        gpus: 0,
        eni_slots: 0,
        attributes: AttributeSet::default(),
        price: Price(0),
        speed_milli: 1000,
        agent_version: None,
        registered_at: None,
    };
    let machines = Machines::new((0..model.instances).map(machine));
    let (classes, left) = (model.classes.clone(), model.tasks);
    let arrivals = Arrivals { seed, classes, left, next: 0, now: 0.0 };
    let spec = PlacementSpec::parse(model.placement).unwrap();
    let placer = spec.build(PlacerKind::Indexed, TieBreak::LowestId, seed, None).unwrap();
    let queue = (queue_policy(model.queue).unwrap().build)();
    let tally = TallyRecorder::default();
    tally.0.lock().unwrap().warm_up = model.warm_up;
    let mut recorders = Recorders::new(SimDuration::ZERO);
    let shared = tally.0.clone();
    recorders.own.push(Box::new(tally));
    let run = Run {
        workload: Workload::new(vec![Box::new(machines), Box::new(arrivals)]),
        controller: Controller::new(vec![placer], queue),
        backend: &mut SimulatedBackend::new(seed, Vec::new()),
        recorders,
        until: Until::default(),
        audit_every: 0,
        watch: &mut |_| true,
    };
    run.run().unwrap();
    let tally = shared.lock().unwrap().clone();
    tally
}

/// Checks one figure over the runs against its exact value.
fn gate(what: &str, exact: f64, values: &[f64]) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let error = (variance / n).sqrt();
    let z = (mean - exact) / error;
    eprintln!("{what}: exact {exact:.6}, mean {mean:.6}, SE {:.2} %, z {z:+.2}", 100.0 * error / exact);
    assert!(z.abs() <= 4.0, "{what}: z = {z:.2}");
    assert!(error <= 0.02 * exact, "{what}: standard error {:.2} %", 100.0 * error / exact);
}

fn replicate(model: &Model) -> Vec<Tally> {
    (0..RUNS).map(|seed| simulate(model, seed + 1)).collect()
}

fn figures(tallies: &[Tally], of: impl Fn(&Tally) -> f64) -> Vec<f64> {
    tallies.iter().map(of).collect()
}

fn exponential(mean: f64) -> Law {
    law::Exponential::new(mean).unwrap().into()
}

// --- placement: a Markov chain of 343 states -------------------------------------------------------

/// Three instances of 4 vCPU; tasks of 1 vCPU (rate 3) and 3 vCPU (rate 1), exponential time 1.
fn chain(placement: &'static str, block1: f64, block3: f64, utilisation: f64, empty: f64) {
    let class = |rate, vcpus| Class { rate, vcpus, run_time: exponential(1.0) };
    let model = Model {
        classes: vec![class(3.0, 1), class(1.0, 3)],
        instances: 3,
        vcpus: 4,
        placement,
        queue: "reject",
        tasks: 102_000,
        warm_up: 2_000,
    };
    let tallies = replicate(&model);
    // Class ids follow the order of first use: look the larger one up by its rarer arrivals.
    let small = |tally: &Tally| usize::from(tally.arrived[1] > tally.arrived[0]);
    let share = |tally: &Tally, class: usize| tally.rejected[class] as f64 / tally.arrived[class] as f64;
    gate(&format!("{placement}, P(block 1)"), block1, &figures(&tallies, |t| share(t, small(t))));
    gate(&format!("{placement}, P(block 3)"), block3, &figures(&tallies, |t| share(t, 1 - small(t))));
    gate(&format!("{placement}, utilisation"), utilisation, &figures(&tallies, |t| t.busy / t.span));
    gate(&format!("{placement}, empty"), empty, &figures(&tallies, |t| t.empty / t.span));
}

#[test]
fn chain_first_fit() {
    chain("first-fit", 0.013_539, 0.178_042, 0.452_105, 0.983_782);
}

#[test]
fn chain_binpack() {
    chain("binpack:cpu", 0.018_006, 0.151_423, 0.457_643, 0.982_437);
}

#[test]
fn chain_spread() {
    chain("worst-fit", 0.008_740, 0.241_930, 0.437_333, 0.502_008);
}

#[test]
fn chain_random() {
    chain("random", 0.014_481, 0.181_709, 0.450_953, 0.689_688);
}
