//! Random clusters, classes and histories: the naive, the indexed and the traced placer agree, what
//! they choose is feasible and best by its own rule, and the ledger stays right.

use std::sync::Mutex;

use std::num::NonZeroU32;

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::RngSeed;

use super::*;
use crate::model::query::Expression;
use crate::model::{
    GpuRequest, GroupId, HostPort, InstanceStatus, InstanceView, NetworkMode, PlacementConstraint,
    Protocol, RequiredAttribute, TaskStatus,
};
use crate::placement::{Answer, DecisionLog, How, Predicate, RefusalHistogram, TieBroken};

/// Fixed cases, so that a run depends on nothing but the code; `PROPTEST_CASES` above its default
/// of 256 makes them more in proportion.
fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases: cases * (ProptestConfig::default().cases / 256).max(1),
        rng_seed: RngSeed::Fixed(31),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// Static and dynamic expressions; the last ones can be satisfied by a placement.
const EXPRESSIONS: [&str; 7] = [
    "attribute:ecs.availability-zone in [a, b]",
    "attribute:rack == 1 or attribute:rack !exists",
    "agentConnected == true",
    "runningTasksCount < 2",
    "not(task:group == group-0)",
    "task:group == group-1",
    "runningTasksCount >= 1 and attribute:rack exists",
];

fn machine() -> impl Strategy<Value = InstanceSpec> {
    let zone = prop::option::weighted(0.8, prop::sample::select(vec!["a", "b", "c"]));
    let rack = prop::option::weighted(0.6, prop::sample::select(vec!["1", "2"]));
    let memory = prop::sample::select(vec![0_u32, 500, 1000, 4000]);
    (0..=4_u64, memory, 0..=4_u16, 0..=2_u32, zone, rack).prop_map(
        |(vcpus, memory_mib, gpus, eni_slots, zone, rack)| {
            let mut spec = InstanceSpec { eni_slots, ..instance(vcpus, memory_mib, gpus) };
            for (name, value) in [(ZONE, zone), ("rack", rack)] {
                if let Some(value) = value {
                    spec.attributes.set(name, value);
                }
            }
            spec
        },
    )
}

fn gpu() -> impl Strategy<Value = GpuRequest> {
    prop_oneof![
        3 => Just(GpuRequest::default()),
        2 => prop::sample::select(vec![1_u16, 250, 400, 500, 999]).prop_map(GpuRequest::share),
        1 => (1..=3_u16).prop_map(GpuRequest::whole),
    ]
}

fn at_most(tasks: u32) -> PlacementConstraint {
    PlacementConstraint::AtMost(NonZeroU32::new(tasks).unwrap())
}

fn constraints() -> impl Strategy<Value = Vec<PlacementConstraint>> {
    let member = |text: &str| PlacementConstraint::MemberOf(Expression::parse(text).unwrap());
    let one = prop_oneof![
        1 => (1..=3_u32).prop_map(at_most),
        2 => prop::sample::select(EXPRESSIONS.to_vec()).prop_map(member),
    ];
    prop_oneof![3 => Just(Vec::new()), 2 => prop::collection::vec(one, 1..=2)]
}

/// A definition and the task group its tasks are in.
fn kind() -> impl Strategy<Value = (TaskDefinition, usize)> {
    let cpu = prop::sample::select(vec![0_u32, 125, 32_000, 128_000, 200_000]);
    let memory = prop::sample::select(vec![0_u32, 64, 300]);
    let port = prop::option::weighted(0.2, prop::sample::select(vec![22_u16, 80, 443]));
    let required = prop::option::weighted(0.2, prop::sample::select(vec!["1", "2", "any"]));
    (cpu, memory, gpu(), port, any::<bool>(), constraints(), required, 0..3_usize).prop_map(
        |(cpu, memory, gpu, port, awsvpc, constraints, required, group)| {
            let mut definition = TaskDefinition::new("kind", Cpu(cpu), memory);
            definition.gpu = gpu;
            definition.constraints = constraints;
            if let Some(port) = port {
                definition.host_ports = vec![HostPort { protocol: Protocol::Tcp, port }];
            } else if awsvpc && cpu == 125 {
                definition.network_mode = NetworkMode::Awsvpc;
            }
            if let Some(value) = required {
                let any_of = if value == "any" { Vec::new() } else { vec![value.to_owned()] };
                let name = "rack".to_owned();
                definition.required_attributes = vec![RequiredAttribute { name, any_of }];
            }
            (definition, group)
        },
    )
}

#[derive(Debug, Clone)]
enum Step {
    /// Ask for a place for a task of a class, on its so-manieth attempt, perhaps on some instances
    /// only (bits), and take it.
    Place(Index, u32, Option<u16>),
    Release(Index),
    /// A placed task is put back, as when the rest of its gang does not fit.
    Unplace(Index),
    Status(Index, bool),
    Agent(Index, bool),
    Deregister(Index),
    Register(Box<InstanceSpec>),
}

fn step() -> impl Strategy<Value = Step> {
    let index = any::<Index>;
    prop_oneof![
        12 => (index(), 0..3_u32, prop::option::weighted(0.2, any::<u16>()))
            .prop_map(|(class, attempt, only)| Step::Place(class, attempt, only)),
        4 => index().prop_map(Step::Release),
        1 => index().prop_map(Step::Unplace),
        1 => (index(), any::<bool>()).prop_map(|(on, active)| Step::Status(on, active)),
        1 => (index(), any::<bool>()).prop_map(|(on, connected)| Step::Agent(on, connected)),
        1 => index().prop_map(Step::Deregister),
        1 => machine().prop_map(|spec| Step::Register(Box::new(spec))),
    ]
}

/// A cluster to begin with, the classes of its tasks, and what happens.
#[derive(Debug, Clone)]
struct History {
    machines: Vec<InstanceSpec>,
    kinds: Vec<(TaskDefinition, usize)>,
    steps: Vec<Step>,
}

fn history() -> impl Strategy<Value = History> {
    let machines = prop::collection::vec(machine(), 1..12);
    let kinds = prop::collection::vec(kind(), 1..6);
    (machines, kinds, prop::collection::vec(step(), 1..60))
        .prop_map(|(machines, kinds, steps)| History { machines, kinds, steps })
}

/// Asks how every decision was made, and keeps the last answer.
#[derive(Debug, Default)]
struct Curious(Option<How>);

impl DecisionLog for Curious {
    fn decided(&mut self, _: &Ask<'_>, _: &Cluster, _: &Answer, how: &dyn Fn() -> How) {
        self.0 = Some(how());
    }
}

/// A placement under test: the placers on one cluster.
struct World {
    text: String,
    ties: TieBreak,
    cluster: Cluster,
    naive: Box<dyn Placer>,
    indexed: Box<dyn Placer>,
    traced: Box<dyn Placer>,
    curious: Arc<Mutex<Curious>>,
    classes: Vec<ClassId>,
    placed: Vec<TaskId>,
}

impl World {
    fn new(text: &str, ties: TieBreak, history: &History) -> World {
        let spec = PlacementSpec::parse(text).unwrap();
        let tasks = history.kinds.iter().zip(1..).map(|((task, _), weight)| (task, weight));
        let profile = WorkloadProfile::of(tasks, 1_000_000);
        let build = |kind| spec.build(kind, ties, Seed(9), Some(&profile)).unwrap();
        let (mut naive, mut indexed) = (build(PlacerKind::Naive), build(PlacerKind::Indexed));
        let curious = Arc::new(Mutex::new(Curious::default()));
        let (kind, log) = (PlacerKind::Indexed, curious.clone());
        let mut traced = spec.build_traced(kind, ties, Seed(9), Some(&profile), log).unwrap();
        let mut cluster = Cluster::new();
        naive.prepare(&mut cluster);
        indexed.prepare(&mut cluster);
        traced.prepare(&mut cluster);
        let classes = history.kinds.iter().map(|(definition, group)| {
            let group = cluster.intern_group(&format!("group-{group}"));
            let definition = cluster.register_definition(Arc::new(definition.clone()));
            cluster.intern_class(definition, Some(group))
        });
        let classes = classes.collect();
        for spec in &history.machines {
            cluster.register(spec.clone());
        }
        let (text, placed) = (text.to_owned(), Vec::new());
        World { text, ties, cluster, naive, indexed, traced, curious, classes, placed }
    }

    /// Some instance that has not been deregistered.
    fn on(&self, index: Index) -> Option<InstanceId> {
        let there = self.cluster.instances();
        let there = there.filter(|on| on.status() != InstanceStatus::Deregistered);
        let there: Vec<InstanceId> = there.map(InstanceView::id).collect();
        (!there.is_empty()).then(|| *index.get(&there))
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Place(class, attempt, only) => {
                let class = *class.get(&self.classes);
                self.place(class, *attempt, *only);
            }
            Step::Release(index) if !self.placed.is_empty() => {
                let task = self.placed.swap_remove(index.index(self.placed.len()));
                self.end(task);
            }
            Step::Unplace(index) if !self.placed.is_empty() => {
                let task = self.placed.swap_remove(index.index(self.placed.len()));
                self.cluster.unplace(task);
                self.cluster.remove_task(task);
            }
            Step::Release(_) | Step::Unplace(_) => {}
            Step::Status(index, active) => {
                let status =
                    if *active { InstanceStatus::Active } else { InstanceStatus::Draining };
                if let Some(on) = self.on(*index) {
                    self.cluster.set_status(on, status);
                }
            }
            Step::Agent(index, connected) => {
                if let Some(on) = self.on(*index) {
                    self.cluster.set_agent_connected(on, *connected);
                }
            }
            Step::Deregister(index) => {
                if let Some(on) = self.on(*index) {
                    self.deregister(on);
                }
            }
            Step::Register(spec) => {
                self.cluster.register(InstanceSpec::clone(spec));
            }
        }
        self.cluster.audit().unwrap();
    }

    fn end(&mut self, task: TaskId) {
        self.cluster.release(task);
        self.cluster.remove_task(task);
    }

    fn deregister(&mut self, on: InstanceId) {
        let here = |task: &TaskId| {
            let placement = self.cluster.task(*task).and_then(|task| task.placement);
            placement.is_some_and(|placement| placement.instance == on)
        };
        let (gone, left): (Vec<_>, Vec<_>) = self.placed.iter().copied().partition(here);
        self.placed = left;
        for task in gone {
            self.end(task);
        }
        self.cluster.deregister(on);
    }

    fn place(&mut self, class: ClassId, attempt: u32, only: Option<u16>) {
        let restrict = only.map(|bits| {
            let all = (0..self.cluster.instance_count() as u32).map(InstanceId);
            all.filter(|id| bits & (1 << (id.0 % 16)) != 0).collect::<Vec<_>>()
        });
        let task = self.cluster.create_task(class);
        let ask = Ask { class, task, attempt, restrict: restrict.as_deref() };
        let answer = self.naive.place(&ask, &self.cluster);
        assert_eq!(self.indexed.place(&ask, &self.cluster), answer, "{}", self.text);
        let feasible: Vec<InstanceId> = self
            .cluster
            .instances()
            .filter(|on| ask.allows(on.id()) && can_take(&self.cluster, class, on.id()))
            .map(InstanceView::id)
            .collect();
        check_histogram(&self.cluster, class);
        assert_eq!(self.traced.place(&ask, &self.cluster), answer, "{}, traced", self.text);
        check_how(self.curious.lock().unwrap().0.as_ref().unwrap(), feasible.len());
        if let Ok(placement) = answer {
            assert!(feasible.contains(&placement.instance), "{}: not feasible", self.text);
            self.check_devices(class, placement);
            self.check_best(class, placement.instance, &feasible);
            self.cluster.place(task, placement);
            self.placed.push(task);
        } else {
            assert!(feasible.is_empty(), "{}: refused with {feasible:?} feasible", self.text);
            self.cluster.remove_task(task);
        }
    }

    fn check_devices(&self, class: ClassId, placement: Placement) {
        let wanted = self.cluster.class(class).definition.gpu;
        let left = self.cluster.instance(placement.instance).gpu_left();
        assert_eq!(placement.devices.len(), usize::from(wanted.devices));
        assert!(placement.devices.iter().all(|device| left[device] >= wanted.milli));
    }

    /// Whether the choice is best by the rule of each ECS strategy in turn, written down anew.
    fn check_best(&self, class: ClassId, chosen: InstanceId, feasible: &[InstanceId]) {
        if !self
            .text
            .split('+')
            .all(|step| step.starts_with("binpack") || step.starts_with("spread"))
        {
            return;
        }
        let group = self.cluster.class(class).group;
        let key = |id: InstanceId| -> Vec<u32> {
            self.text.split('+').map(|step| rank(&self.cluster, step, group, id)).collect()
        };
        let best = feasible.iter().map(|&id| key(id)).min().unwrap();
        assert_eq!(key(chosen), best, "{}", self.text);
        if self.ties == TieBreak::LowestId {
            let first = feasible.iter().find(|&&id| key(id) == best);
            assert_eq!(first, Some(&chosen), "{}", self.text);
        }
    }
}

/// What a strategy of ECS wants least of.
fn rank(cluster: &Cluster, step: &str, group: GroupId, id: InstanceId) -> u32 {
    let tasks_where = |there: &dyn Fn(InstanceId) -> bool| {
        let counted = cluster.tasks().filter(|(_, task)| {
            let held = matches!(task.status, TaskStatus::Pending | TaskStatus::Running);
            let here = task.placement.is_some_and(|placement| there(placement.instance));
            held && here && cluster.class(task.class).group == group
        });
        counted.count() as u32
    };
    match step.strip_prefix("spread:attribute:") {
        Some(name) => {
            let value = |id| cluster.attributes(id).get(name);
            tasks_where(&|other| value(other) == value(id))
        }
        None if step == "spread:instanceId" => tasks_where(&|other| other == id),
        None if step == "binpack:cpu" => cluster.cpu_free(id).0,
        None => cluster.memory_free_mib(id),
    }
}

/// Whether an instance can take a task, with the plain resources and the tasks of the group
/// recounted from the tasks on it.
fn can_take(cluster: &Cluster, class: ClassId, id: InstanceId) -> bool {
    let on = cluster.instance(id);
    let (wanted, group) = (&cluster.class(class).definition, cluster.class(class).group);
    let here = cluster.tasks().map(|(_, task)| task);
    let here = here.filter(|task| task.placement.is_some_and(|place| place.instance == id));
    let (mut cpu, mut memory, mut of_group) = (wanted.cpu.0, wanted.memory_mib, 1);
    for task in here {
        of_group += u32::from(cluster.class(task.class).group == group);
        let held = &cluster.class(task.class).definition;
        cpu += held.cpu.0;
        memory += held.memory_mib;
    }
    let fits = cpu <= on.cpu_total().0 && memory <= on.memory_total_mib();
    let few = wanted.constraints.iter().all(|constraint| match constraint {
        PlacementConstraint::AtMost(most) => of_group <= most.get(),
        PlacementConstraint::MemberOf(_) => true,
    });
    let feasible = Predicate::feasible(cluster.class(class), on);
    assert!((fits && few) || !feasible, "feasible without the capacity or with too many");
    feasible
}

/// Each step leaves some of what it was given, and the tie is among what the last one left.
fn check_how(how: &How, feasible: usize) {
    assert_eq!(how.candidates as usize, feasible);
    let mut before = how.candidates;
    for step in &how.steps {
        assert!((1..=before).contains(&step.left), "{how:?}");
        assert!(step.best.is_sorted_by_key(|one| (std::cmp::Reverse(one.score), one.instance)));
        assert!(step.best.is_empty() || step.best.len() == (before as usize).min(3));
        before = step.left;
    }
    match how.tie {
        TieBroken::Not => assert!(before <= 1, "{how:?}"),
        TieBroken::LowestId(among) => assert_eq!(among, before),
        TieBroken::Drawn { rank, among } => assert!(rank < among && among == before, "{how:?}"),
        TieBroken::ByMethod => assert_eq!(how.steps.len(), 1),
    }
}

fn check_histogram(cluster: &Cluster, class: ClassId) {
    let histogram = RefusalHistogram::of(cluster.class(class), cluster);
    let there = |on: &InstanceView<'_>| on.status() != InstanceStatus::Deregistered;
    let firsts: Vec<Option<Predicate>> = cluster
        .instances()
        .filter(there)
        .map(|on| Predicate::first_failed(cluster.class(class), on))
        .collect();
    assert_eq!(histogram.instances as usize, firsts.len());
    let first: u32 = histogram.first.iter().sum();
    assert_eq!(first, histogram.instances - histogram.feasible);
    for (index, predicate) in Predicate::ALL.into_iter().enumerate() {
        let count = firsts.iter().filter(|first| **first == Some(predicate)).count();
        assert_eq!(histogram.first[index] as usize, count);
        assert!(histogram.failed[index] >= histogram.first[index]);
    }
}

fn run(text: &str, ties: TieBreak, history: &History) {
    let mut world = World::new(text, ties, history);
    history.steps.iter().for_each(|step| world.step(step));
}

const STEPS: [&str; 6] = [
    "binpack:cpu",
    "binpack:memory",
    "spread:instanceId",
    "spread:attribute:ecs.availability-zone",
    "spread:attribute:rack",
    "random",
];

proptest! {
    #![proptest_config(config(300))]

    #[test]
    fn placers_agree_for_every_strategy(history in history()) {
        for entry in STRATEGIES {
            for ties in [TieBreak::LowestId, TieBreak::Random] {
                run(&entry.example(), ties, &history);
            }
        }
    }
}

proptest! {
    #![proptest_config(config(1500))]

    #[test]
    fn placers_agree_for_every_chain(
        history in history(),
        steps in prop::collection::vec(prop::sample::select(STEPS.to_vec()), 1..=5),
    ) {
        for ties in [TieBreak::LowestId, TieBreak::Random] {
            run(&steps.join("+"), ties, &history);
        }
    }
}
