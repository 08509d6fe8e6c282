//! Tests of placement: fixtures; the tests are in the modules below.

mod gpu;
mod large;
mod properties;
mod spec;
mod strategies;
mod traced;
mod victims;

use std::sync::Arc;

use crate::des::Seed;
use crate::model::{
    AttributeSet, CapacityId, ClassId, Cluster, Cpu, InstanceId, InstanceSpec, Placement, Price,
    TaskDefinition, TaskId,
};

use super::{
    Ask, Build, PlacementSpec, PlacementStrategy, Placer, PlacerKind, Policy, Refusal, STRATEGIES,
    TieBreak, WorkloadProfile,
};

const ZONE: &str = "ecs.availability-zone";

/// An instance with vCPUs, memory and GPU devices, and room for awsvpc tasks.
fn instance(vcpus: u64, memory_mib: u32, gpus: u16) -> InstanceSpec {
    InstanceSpec {
        name: "i".to_owned(),
        capacity: CapacityId(0),
        cpu: Cpu::from_vcpus(vcpus).unwrap(),
        memory_mib,
        gpus,
        eni_slots: 2,
        attributes: AttributeSet::default(),
        price: Price(0),
        speed_milli: 1000,
        agent_version: None,
        registered_at: None,
    }
}

/// The same in a zone.
fn in_zone(mut spec: InstanceSpec, zone: &str) -> InstanceSpec {
    spec.attributes.set(ZONE, zone);
    spec
}

/// A definition with vCPUs and memory.
fn wants(family: &str, vcpus: u64, memory_mib: u32) -> TaskDefinition {
    TaskDefinition::new(family, Cpu::from_vcpus(vcpus).unwrap(), memory_mib)
}

/// A cluster with a placer, ready to place task after task.
struct Bench {
    cluster: Cluster,
    placer: Box<dyn Placer>,
}

impl Bench {
    /// The naive placer, ties to the lowest id: the properties show that the other one agrees.
    fn new(placement: &str, instances: impl IntoIterator<Item = InstanceSpec>) -> Bench {
        Bench::with(placement, TieBreak::LowestId, None, instances)
    }

    fn with(
        placement: &str,
        ties: TieBreak,
        profile: Option<&WorkloadProfile>,
        instances: impl IntoIterator<Item = InstanceSpec>,
    ) -> Bench {
        let spec = PlacementSpec::parse(placement).unwrap();
        let mut placer = spec.build(PlacerKind::Naive, ties, Seed(1), profile).unwrap();
        let mut cluster = Cluster::new();
        placer.prepare(&mut cluster);
        instances.into_iter().for_each(|spec| {
            cluster.register(spec);
        });
        Bench { cluster, placer }
    }

    fn class(&mut self, definition: TaskDefinition) -> ClassId {
        let id = self.cluster.register_definition(Arc::new(definition));
        self.cluster.intern_class(id, None)
    }

    fn ask(&mut self, class: ClassId) -> (TaskId, Result<Placement, Refusal>) {
        let task = self.cluster.create_task(class);
        let ask = Ask { class, task, attempt: 0, restrict: None };
        (task, self.placer.place(&ask, &self.cluster))
    }

    /// Places a task where the placer says; the instance, or `None` if it is refused.
    fn place(&mut self, class: ClassId) -> Option<u32> {
        let (task, placement) = self.ask(class);
        let placement = placement.ok()?;
        self.cluster.place(task, placement);
        Some(placement.instance.0)
    }

    /// Places tasks in turn and lists where they went.
    fn place_all(&mut self, class: ClassId, count: usize) -> Vec<u32> {
        (0..count).map(|_| self.place(class).expect("there is room")).collect()
    }

    /// Puts a task on an instance, whatever the placer thinks.
    fn put(&mut self, class: ClassId, on: u32) -> TaskId {
        let task = self.cluster.create_task(class);
        let view = self.cluster.instance(InstanceId(on));
        let devices = super::tightest_devices(self.cluster.class(class), view);
        let placement = Placement { instance: InstanceId(on), devices };
        self.cluster.place(task, placement);
        task
    }
}

/// The score a strategy gives an instance.
fn score(
    bench: &Bench,
    name: &str,
    profile: Option<&WorkloadProfile>,
    class: ClassId,
    on: u32,
) -> i64 {
    strategy(name, profile)
        .score(bench.cluster.class(class), bench.cluster.instance(InstanceId(on)))
}

fn strategy(name: &str, profile: Option<&WorkloadProfile>) -> Box<dyn PlacementStrategy> {
    let entry = STRATEGIES.iter().find(|entry| entry.name == name).expect("in the table");
    match (entry.build)(&Build { parameter: None, kind: PlacerKind::Naive, seed: Seed(1), profile })
    {
        Ok(Policy::Scored(strategy)) => strategy,
        other => panic!("{name} does not score instances: {other:?}"),
    }
}
