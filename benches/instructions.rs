//! Instructions executed, counted under Valgrind: the same on every run of one binary, so that a
//! change can be compared with the commit before it where wall-clock time is noise. What is set up
//! beforehand is not counted. `.ci/instructions` runs it on both commits.

#![expect(missing_docs, reason = "the macros of gungraun make public items")]

use std::hint::black_box;
use std::sync::Arc;

use gungraun::{library_benchmark, library_benchmark_group, main};
use towtank::des::{EventQueue, Purpose, Seed, SimDuration, SimTime, pick};
use towtank::model::{
    AttributeSet, CapacityId, ClassId, Cluster, Cpu, InstanceSpec, Price, TaskDefinition, TaskId,
};
use towtank::placement::{Ask, PlacementSpec, Placer, PlacerKind, TieBreak};
use towtank::scenario::{Document, Recording, Scenario};

/// Purpose of all draws here.
const DRAW: Purpose = Purpose(1);

const SEED: Seed = Seed(1);

/// A queue of `pending` events up to a second ahead.
fn queue(pending: u64) -> EventQueue<u64> {
    let mut queue = EventQueue::new();
    for event in 0..pending {
        queue.schedule(SimTime::from_micros(delay(event)), 0, event);
    }
    queue
}

fn delay(event: u64) -> u64 {
    event.wrapping_mul(0x9E37_79B9_7F4A_7C15) % 1_000_000
}

#[library_benchmark]
#[bench::of_1000(queue(1_000))]
#[bench::of_100000(queue(100_000))]
fn hold(mut queue: EventQueue<u64>) -> EventQueue<u64> {
    for turn in 0..10_000 {
        let (now, event) = queue.pop().expect("as many are scheduled as are taken");
        let later = now + SimDuration::from_micros(delay(event ^ turn));
        queue.schedule(later, 0, black_box(event));
    }
    queue
}

/// A cluster at 80 % of its CPU, and the placer that keeps it there.
struct Churn {
    cluster: Cluster,
    classes: Vec<ClassId>,
    placer: Box<dyn Placer>,
    live: Vec<TaskId>,
    turn: u64,
}

fn churn(placement: &str) -> Churn {
    let spec = PlacementSpec::parse(placement).expect("a placement");
    let placer = spec.build(PlacerKind::Indexed, TieBreak::Random, SEED, None);
    let mut placer = placer.expect("it needs no profile");
    let mut cluster = Cluster::new();
    placer.prepare(&mut cluster);
    for index in 0..2_000 {
        cluster.register(instance(index));
    }
    let mut classes = Vec::new();
    for units in [256, 512, 768, 1024, 1280, 1536, 2048, 4096] {
        for ratio in [2, 4, 8] {
            let cpu = Cpu::from_ecs_units(units).expect("a few vCPUs are in range");
            let memory_mib = units as u32 * ratio;
            let definition = TaskDefinition::new(format!("{units}-{ratio}"), cpu, memory_mib);
            let definition = cluster.register_definition(Arc::new(definition));
            classes.push(cluster.intern_class(definition, None));
        }
    }
    let mut churn = Churn { cluster, classes, placer, live: Vec::new(), turn: 0 };
    while churn.cluster.totals().cpu_used * 10 < churn.cluster.totals().cpu * 8 {
        churn.place();
    }
    churn
}

fn instance(index: usize) -> InstanceSpec {
    let mut attributes = AttributeSet::default();
    attributes.set("ecs.availability-zone", ["a", "b", "c"][index % 3]);
    InstanceSpec {
        name: format!("i-{index}"),
        capacity: CapacityId(0),
        cpu: Cpu::from_vcpus(16).expect("16 vCPUs are in range"),
        memory_mib: 65_536,
        gpus: 0,
        eni_slots: 14,
        attributes,
        price: Price(0),
        speed_milli: 1000,
        agent_version: None,
        registered_at: None,
    }
}

impl Churn {
    fn draw(&mut self, count: usize) -> usize {
        self.turn += 1;
        pick(SEED.uniform(DRAW, self.turn, 0), count)
    }

    fn place(&mut self) {
        let class = self.draw(self.classes.len());
        let class = self.classes[class];
        let task = self.cluster.create_task(class);
        let ask = Ask { class, task, attempt: 0, restrict: None };
        match self.placer.place(&ask, &self.cluster) {
            Ok(placement) => {
                self.cluster.place(task, placement);
                self.live.push(task);
            }
            Err(_) => drop(self.cluster.remove_task(task)),
        }
    }

    fn release(&mut self) {
        let at = self.draw(self.live.len());
        let task = self.live.swap_remove(at);
        self.cluster.release(task);
        self.cluster.remove_task(task);
    }
}

#[library_benchmark]
#[bench::first_fit(churn("first-fit"))]
#[bench::binpack(churn("binpack:cpu"))]
#[bench::worst_fit(churn("worst-fit"))]
#[bench::spread(churn("spread:instanceId"))]
#[bench::zones(churn("spread:attribute:ecs.availability-zone+binpack:memory"))]
#[bench::random(churn("random"))]
#[bench::dot_product(churn("dot-product"))]
fn decisions(mut churn: Churn) -> Churn {
    for _ in 0..1_000 {
        churn.release();
        churn.place();
    }
    churn
}

fn scenario() -> Scenario {
    let text = r#"
        [capacity.general]
        instance_type = "m6i.2xlarge"
        count = 200

        [workload.batch]
        rate = "7/s"
        count = 20_000
        duration = { exponential = { mean = "60s" } }
        tasks = [{ cpu = 512, memory = 1024 }, { cpu = 2048, memory = 4096 }]

        [placement]
        strategy = "binpack:memory"
    "#;
    let document = Document::parse("instructions.toml", text).expect("it is right");
    Scenario::of(document, &[]).expect("it is right")
}

#[library_benchmark]
#[bench::tasks_20000(scenario())]
fn run(scenario: Scenario) -> u64 {
    let prepared = scenario.prepare(1).expect("it can be prepared");
    let finished = prepared.run(Recording::default(), &mut |_| true).expect("it runs");
    finished.events
}

library_benchmark_group!(name = engine; benchmarks = hold, run);
library_benchmark_group!(name = placement; benchmarks = decisions);
main!(library_benchmark_groups = engine, placement);
