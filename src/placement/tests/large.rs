//! Clusters too large for small cases to reach: several blocks of instances, more columns than a
//! word has bits, keys of many values, more partitions or classes than an index has room for.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::*;
use crate::des::{Purpose, pick};
use crate::model::{DeviceSet, NetworkMode, PlacementConstraint};
use crate::placement::Reads;

/// What a cluster and its tasks are like.
#[derive(Debug, Clone)]
struct Shape {
    placement: &'static str,
    ties: TieBreak,
    instances: usize,
    /// Values of the attribute `rack`.
    racks: usize,
    /// Whether sizes are round, so that many instances are equally good.
    round: bool,
    classes: usize,
    groups: usize,
    /// Decisions, and tasks released before each on average, in percent.
    decisions: usize,
    releases: usize,
    seed: u64,
}

const PLACEMENTS: [&str; 14] = [
    "first-fit",
    "random",
    "round-robin",
    "power-of-d:3",
    "best-fit",
    "worst-fit",
    "binpack:cpu",
    "binpack:memory",
    "spread:instanceId",
    "spread:attribute:rack",
    "spread:attribute:rack+binpack:memory",
    "spread:attribute:rack+spread:instanceId+binpack:cpu",
    "binpack:cpu+spread:instanceId",
    "dot-product",
];

fn shape() -> impl Strategy<Value = Shape> {
    let ties = prop_oneof![Just(TieBreak::Random), Just(TieBreak::LowestId)];
    let racks = prop::sample::select(vec![1_usize, 3, 40, 400]);
    let classes = prop_oneof![4 => 1..30_usize, 2 => 60..140_usize, 1 => Just(600)];
    let parts = (1..2500_usize, racks, any::<bool>(), classes, 1..6_usize);
    let run = (100..400_usize, 0..150_usize, any::<u64>());
    (prop::sample::select(PLACEMENTS.to_vec()), ties, parts, run).prop_map(
        |(placement, ties, parts, (decisions, releases, seed))| {
            let (instances, racks, round, classes, groups) = parts;
            Shape {
                placement,
                ties,
                instances,
                racks,
                round,
                classes,
                groups,
                decisions,
                releases,
                seed,
            }
        },
    )
}

/// Numbers drawn one after the other.
struct Draws {
    seed: Seed,
    next: u64,
}

impl Draws {
    fn below(&mut self, end: usize) -> usize {
        self.next += 1;
        pick(self.seed.uniform(Purpose(1), self.next, 0), end)
    }

    /// An amount up to `most`: a multiple of an eighth of it if `round`.
    fn amount(&mut self, most: u32, round: bool) -> u32 {
        let step = if round { most / 8 } else { 1 };
        self.below((most / step) as usize + 1) as u32 * step
    }
}

fn machine_of(shape: &Shape, draws: &mut Draws) -> InstanceSpec {
    let mut spec = instance(4, 16_384, 0);
    if !shape.round {
        spec.cpu = Cpu(spec.cpu.0 + draws.amount(90_000, false));
        spec.memory_mib += draws.amount(5_000, false);
    } else if draws.below(3) == 0 {
        spec = instance(8, 16_384, 0);
    }
    spec.attributes.set("rack", draws.below(shape.racks).to_string());
    spec
}

fn definition_of(shape: &Shape, draws: &mut Draws) -> TaskDefinition {
    let cpu = Cpu(draws.amount(3 * 128_000, shape.round));
    let mut definition = TaskDefinition::new("kind", cpu, draws.amount(12_000, shape.round));
    match draws.below(12) {
        0 => definition.network_mode = NetworkMode::Awsvpc,
        1 => definition.constraints = vec![PlacementConstraint::DISTINCT_INSTANCE],
        _ => {}
    }
    definition
}

/// Naive and indexed on one cluster, which fills up and then churns.
fn agree(shape: &Shape) {
    let mut draws = Draws { seed: Seed(shape.seed), next: 0 };
    let spec = PlacementSpec::parse(shape.placement).unwrap();
    let build = |kind| spec.build(kind, shape.ties, Seed(5), None).unwrap();
    let (mut naive, mut indexed) = (build(PlacerKind::Naive), build(PlacerKind::Indexed));
    let mut cluster = Cluster::new();
    naive.prepare(&mut cluster);
    indexed.prepare(&mut cluster);
    for _ in 0..shape.instances {
        cluster.register(machine_of(shape, &mut draws));
    }
    let classes: Vec<ClassId> = (0..shape.classes)
        .map(|_| {
            let group = cluster.intern_group(&draws.below(shape.groups).to_string());
            let id = cluster.register_definition(Arc::new(definition_of(shape, &mut draws)));
            cluster.intern_class(id, Some(group))
        })
        .collect();
    let mut live = fill(shape, &mut cluster, &classes, &mut draws);
    for decision in 0..shape.decisions {
        while !live.is_empty() && draws.below(100) < shape.releases.min(99) {
            let task = live.swap_remove(draws.below(live.len()));
            cluster.release(task);
            cluster.remove_task(task);
        }
        if draws.below(50) == 0 {
            cluster.register(machine_of(shape, &mut draws));
        }
        let class = classes[draws.below(classes.len())];
        let task = cluster.create_task(class);
        let ask = Ask { class, task, attempt: 0, restrict: None };
        let answer = naive.place(&ask, &cluster);
        assert_eq!(indexed.place(&ask, &cluster), answer, "decision {decision}");
        match answer {
            Ok(placement) => {
                cluster.place(task, placement);
                live.push(task);
            }
            Err(_) => drop(cluster.remove_task(task)),
        }
    }
    cluster.audit().unwrap();
}

/// Puts tasks on instances at random until many are nearly full.
fn fill(
    shape: &Shape,
    cluster: &mut Cluster,
    classes: &[ClassId],
    draws: &mut Draws,
) -> Vec<TaskId> {
    let mut live = Vec::new();
    for _ in 0..draws.below(3 * shape.instances) {
        let class = classes[draws.below(classes.len())];
        let instance = InstanceId(draws.below(cluster.instance_count()) as u32);
        if crate::placement::Predicate::feasible(cluster.class(class), cluster.instance(instance)) {
            let task = cluster.create_task(class);
            cluster.place(task, Placement { instance, devices: DeviceSet::default() });
            live.push(task);
        }
    }
    live
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 400 * (ProptestConfig::default().cases / 256).max(1),
        rng_seed: RngSeed::Fixed(73),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn placers_agree_on_large_clusters(shape in shape()) {
        agree(&shape);
    }
}

/// Keys are what [`Reads::Key`] promises: among instances of one size scores differ as keys do.
#[test]
fn keys_differ_as_scores_do() {
    let mut draws = Draws { seed: Seed(3), next: 0 };
    let mut seen = 0;
    for placement in ["binpack:cpu", "binpack:memory", "best-fit", "worst-fit"] {
        let (name, parameter) =
            placement.split_once(':').map_or((placement, None), |(n, p)| (n, Some(p)));
        let entry = STRATEGIES.iter().find(|entry| entry.name == name).unwrap();
        let build = Build { parameter, kind: PlacerKind::Naive, seed: Seed(1), profile: None };
        let Ok(Policy::Scored(strategy)) = (entry.build)(&build) else { panic!("{name} scores") };
        let Reads::Key(key) = strategy.reads() else { panic!("{placement} has a key") };
        let mut bench = Bench::new(placement, (0..50).map(|_| instance(4, 16_384, 0)));
        let shape = Shape { round: false, ..example() };
        let classes: Vec<ClassId> =
            (0..9).map(|_| bench.class(definition_of(&shape, &mut draws))).collect();
        fill(&Shape { instances: 50, ..shape }, &mut bench.cluster, &classes, &mut draws);
        for class in classes.iter().map(|&id| bench.cluster.class(id)) {
            let differences = bench.cluster.instances().map(|on| {
                let fits = crate::placement::Predicate::feasible(class, on);
                fits.then(|| strategy.score(class, on) - key(on))
            });
            let differences: std::collections::BTreeSet<i64> = differences.flatten().collect();
            assert!(differences.len() <= 1, "{placement}: {differences:?}");
            seen += differences.len();
        }
    }
    assert!(seen > 20, "most classes fit somewhere");
}

fn example() -> Shape {
    Shape {
        placement: "random",
        ties: TieBreak::Random,
        instances: 1,
        racks: 1,
        round: true,
        classes: 1,
        groups: 1,
        decisions: 1,
        releases: 0,
        seed: 1,
    }
}
