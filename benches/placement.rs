//! One placement decision: every strategy of the table, at several sizes of cluster, by the indexed
//! and by the naive placer. A new strategy is benched from its line in the table on.
//!
//! A decision is timed together with what it entails: the task placed, and the oldest one released,
//! so that the cluster stays about two thirds full and indexes have something to catch up with.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use towtank::des::{Purpose, Seed, pick};
use towtank::model::{
    AttributeSet, CapacityId, ClassId, Cluster, Cpu, GpuRequest, InstanceSpec, Price,
    TaskDefinition, TaskId,
};
use towtank::placement::{
    Ask, PlacementSpec, Placer, PlacerKind, STRATEGIES, TieBreak, WorkloadProfile,
};

/// Purpose of the choice of a class of task.
const CLASS: Purpose = Purpose(1);

/// Share of the CPU that tasks take in the steady state, in percent.
const LOAD_PERCENT: u64 = 66;

/// Zones that instances are in, in turn.
const ZONES: [&str; 3] = ["us-east-1a", "us-east-1b", "us-east-1c"];

fn definitions() -> Vec<TaskDefinition> {
    let sizes = [(256, 512, 0), (512, 2048, 0), (1024, 2048, 300), (2048, 8192, 1000)];
    let define = |(index, (units, memory_mib, gpu_milli)): (usize, (u64, u32, u16))| {
        let cpu = Cpu::from_ecs_units(units).expect("a few vCPUs are in range");
        let mut definition = TaskDefinition::new(format!("kind-{index}"), cpu, memory_mib);
        definition.gpu = GpuRequest::share(gpu_milli);
        definition
    };
    sizes.into_iter().enumerate().map(define).collect()
}

fn instance(index: usize) -> InstanceSpec {
    let mut attributes = AttributeSet::default();
    attributes.set("ecs.availability-zone", ZONES[index % ZONES.len()]);
    InstanceSpec {
        name: format!("i-{index}"),
        capacity: CapacityId(0),
        cpu: Cpu::from_vcpus(16).expect("16 vCPUs are in range"),
        memory_mib: 65_536,
        gpus: 4,
        eni_slots: 14,
        attributes,
        price: Price(0),
        speed_milli: 1000,
        agent_version: None,
        registered_at: None,
    }
}

/// A cluster in its steady state, and the placer that keeps it there.
struct Bench {
    cluster: Cluster,
    classes: Vec<ClassId>,
    placer: Box<dyn Placer>,
    placed: VecDeque<TaskId>,
}

impl Bench {
    fn new(placement: &str, instances: usize, kind: PlacerKind) -> Bench {
        let definitions = definitions();
        let profile = WorkloadProfile::of(definitions.iter().map(|one| (one, 1)), 1_000_000);
        let spec = PlacementSpec::parse(placement).expect("examples can be parsed");
        let placer = spec.build(kind, TieBreak::LowestId, Seed(1), Some(&profile));
        let mut cluster = Cluster::new();
        let mut placer = placer.expect("examples can be built");
        placer.prepare(&mut cluster);
        (0..instances).for_each(|index| {
            cluster.register(instance(index));
        });
        let ids = definitions.into_iter().map(|one| cluster.register_definition(Arc::new(one)));
        let ids: Vec<_> = ids.collect();
        let classes = ids.into_iter().map(|id| cluster.intern_class(id, None)).collect();
        Bench { cluster, classes, placer, placed: VecDeque::new() }
    }

    /// A cluster in its steady state. The indexed placer fills it, whichever is timed: they decide
    /// the same, and the naive one would take long over a large cluster.
    fn filled(placement: &str, instances: usize, kind: PlacerKind) -> Bench {
        let mut bench = Bench::new(placement, instances, PlacerKind::Indexed);
        while !bench.is_loaded() {
            bench.place();
        }
        if kind == PlacerKind::Naive {
            bench.placer = Bench::new(placement, 0, kind).placer;
            bench.placer.prepare(&mut bench.cluster);
        }
        bench
    }

    fn is_loaded(&self) -> bool {
        let totals = self.cluster.totals();
        totals.cpu_used * 100 > totals.cpu * LOAD_PERCENT
    }

    fn place(&mut self) {
        let number = self.cluster.tasks_created();
        let class = self.classes[pick(Seed(1).uniform(CLASS, number, 0), self.classes.len())];
        let task = self.cluster.create_task(class);
        let ask = Ask { class, task, attempt: 0, restrict: None };
        match self.placer.place(&ask, &self.cluster) {
            Ok(placement) => {
                self.cluster.place(task, placement);
                self.placed.push_back(task);
            }
            Err(_) => {
                self.cluster.remove_task(task);
            }
        }
    }

    fn decide(&mut self) {
        self.place();
        if self.is_loaded()
            && let Some(oldest) = self.placed.pop_front()
        {
            self.cluster.release(oldest);
            self.cluster.remove_task(oldest);
        }
    }
}

fn decisions(criterion: &mut Criterion) {
    for entry in STRATEGIES {
        let mut group = criterion.benchmark_group(format!("decision/{}", entry.name));
        group.sample_size(10);
        group.warm_up_time(Duration::from_millis(100));
        group.measurement_time(Duration::from_millis(300));
        for instances in [100, 1_000, 10_000] {
            for (name, kind) in [("indexed", PlacerKind::Indexed), ("naive", PlacerKind::Naive)] {
                // Filled when first timed: the function is called once per sample, and a filter on
                // the command line leaves most of them out.
                let mut filled = None;
                group.bench_function(BenchmarkId::new(name, instances), |bencher| {
                    let new = || Bench::filled(&entry.example(), instances, kind);
                    let bench = filled.get_or_insert_with(new);
                    bencher.iter(|| bench.decide());
                });
            }
        }
        group.finish();
    }
}

criterion_group!(benches, decisions);
criterion_main!(benches);
