//! Whom scale-in stops.

use proptest::prelude::*;

use super::*;
use crate::placement::VictimOrder;

/// Puts tasks of one class on instances and names the one that scale-in stops, by its place in the
/// list.
fn victim(bench: &mut Bench, class: ClassId, on: &[u32]) -> usize {
    let tasks: Vec<TaskId> = on.iter().map(|&instance| bench.put(class, instance)).collect();
    victim_of(bench, bench.placer.as_ref(), &tasks)
}

fn victim_of(bench: &Bench, placer: &dyn Placer, tasks: &[TaskId]) -> usize {
    let group = bench.cluster.class(bench.cluster.task(tasks[0]).unwrap().class).group;
    let mut order = VictimOrder::new(group, placer.victim_rule(), &bench.cluster);
    for &task in tasks {
        order.insert(0, task);
    }
    let first = order.take_first(placer.victim_rule(), &bench.cluster);
    tasks.iter().position(|&task| Some(task) == first).expect("one of them")
}

fn four_in_two_zones() -> [InstanceSpec; 4] {
    ["a", "a", "b", "b"].map(|zone| in_zone(instance(8, 8000, 0), zone))
}

#[test]
fn ecs_3_3_binpack_empties_the_instance_with_most_left() {
    let mut bench = Bench::new("binpack:cpu", four_in_two_zones());
    let (web, other) = (bench.class(wants("web", 1, 100)), bench.class(wants("other", 5, 100)));
    bench.put(other, 0);
    bench.put(other, 1);
    assert_eq!(victim(&mut bench, web, &[0, 2, 2, 1, 3, 0]), 4, "7 vCPU are left on instance 3");
}

#[test]
fn binpack_by_memory_looks_at_memory() {
    let sizes = [instance(8, 1000, 0), instance(4, 4000, 0)];
    let mut bench = Bench::new("binpack:memory", sizes);
    let web = bench.class(wants("web", 1, 100));
    assert_eq!(victim(&mut bench, web, &[0, 1, 0]), 1);
}

#[test]
fn ecs_3_3_spread_keeps_zones_balanced() {
    let mut bench = Bench::new("spread:attribute:ecs.availability-zone", four_in_two_zones());
    let web = bench.class(wants("web", 1, 100));
    assert_eq!(victim(&mut bench, web, &[0, 2, 3, 2, 1]), 3, "zone b has three, the youngest goes");
    let mut bench = Bench::new("spread:attribute:ecs.availability-zone", four_in_two_zones());
    let web = bench.class(wants("web", 1, 100));
    assert_eq!(victim(&mut bench, web, &[0, 1, 0, 2]), 2, "zone a has three");
}

#[test]
fn ecs_3_3_the_default_of_services_looks_at_zones_then_instances() {
    let mut bench = Bench::new("ecs-service", four_in_two_zones());
    let web = bench.class(wants("web", 1, 100));
    // Three in each zone; in zone a two on instance 0, in zone b all on different counts.
    assert_eq!(victim(&mut bench, web, &[0, 0, 1, 2, 2, 3]), 4, "the youngest of the doubled");
    let mut bench = Bench::new("ecs-service", four_in_two_zones());
    let web = bench.class(wants("web", 1, 100));
    assert_eq!(victim(&mut bench, web, &[0, 0, 2, 3, 1]), 1, "zone a leads, instance 0 in it");
}

#[test]
fn other_groups_do_not_count_for_spread() {
    let mut bench = Bench::new("spread:instanceId", four_in_two_zones());
    let (web, other) = (bench.class(wants("web", 1, 100)), bench.class(wants("other", 1, 100)));
    for _ in 0..3 {
        bench.put(other, 3);
    }
    assert_eq!(victim(&mut bench, web, &[0, 0, 1, 3]), 1);
}

#[test]
fn equals_lose_their_youngest() {
    for placement in ["binpack:cpu", "spread:instanceId", "ecs-service", "random", "round-robin"] {
        let mut bench = Bench::new(placement, four_in_two_zones());
        let web = bench.class(wants("web", 1, 100));
        assert_eq!(victim(&mut bench, web, &[0, 2, 1, 3]), 3, "{placement}");
    }
}

#[test]
fn first_fit_empties_the_instance_registered_last() {
    let mut bench = Bench::new("first-fit", four_in_two_zones());
    let web = bench.class(wants("web", 1, 100));
    assert_eq!(victim(&mut bench, web, &[3, 0, 1, 2]), 0);
}

#[test]
fn every_strategy_names_one_of_the_candidates_and_both_placers_the_same() {
    let profile = WorkloadProfile::of([(&wants("web", 1, 100), 1)], 1_000_000);
    for entry in STRATEGIES {
        let spec = PlacementSpec::parse(&entry.example()).unwrap();
        let mut bench =
            Bench::with(&entry.example(), TieBreak::LowestId, Some(&profile), four_in_two_zones());
        let web = bench.class(wants("web", 1, 100));
        let tasks: Vec<TaskId> = [3, 1, 0, 1, 2, 3].map(|on| bench.put(web, on)).into();
        let named = victim_of(&bench, bench.placer.as_ref(), &tasks);
        let mut indexed =
            spec.build(PlacerKind::Indexed, TieBreak::LowestId, Seed(1), Some(&profile)).unwrap();
        indexed.prepare(&mut bench.cluster);
        assert_eq!(victim_of(&bench, indexed.as_ref(), &tasks), named, "{}", entry.name);
    }
}

/// What may happen while a deployment replaces tasks.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// A task of the group, or of another one, is put on an instance; it may be stopped or not.
    Put { own: bool, on: u32, rank: Option<u8> },
    /// The n-th task of the other group is released.
    Release(usize),
    /// The n-th member may not be stopped any more.
    Spare(usize),
    /// One more is stopped.
    Stop,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let rank = prop_oneof![Just(None), (0..2_u8).prop_map(Some)];
    let put = (any::<bool>(), 0..6_u32, rank);
    let step = prop_oneof![
        4 => put.prop_map(|(own, on, rank)| Step::Put { own, on, rank }),
        2 => (0..8_usize).prop_map(Step::Release),
        1 => (0..8_usize).prop_map(Step::Spare),
        4 => Just(Step::Stop),
    ];
    prop::collection::vec(step, 1..80)
}

/// Goes through the steps with the order of one placer; whom it stopped.
fn stopped(placement: &str, kind: PlacerKind, steps: &[Step]) -> Vec<TaskId> {
    let profile = WorkloadProfile::of([(&wants("web", 1, 100), 1)], 1_000_000);
    let zones = ["a", "a", "b", "b", "c", "c"];
    let instances = zones.map(|zone| in_zone(instance(64, 64_000, 0), zone));
    let mut bench = Bench::with(placement, TieBreak::LowestId, Some(&profile), instances);
    let spec = PlacementSpec::parse(placement).unwrap();
    bench.placer = spec.build(kind, TieBreak::LowestId, Seed(1), Some(&profile)).unwrap();
    bench.placer.prepare(&mut bench.cluster);
    let (web, other) = (bench.class(wants("web", 1, 100)), bench.class(wants("other", 2, 100)));
    let group = bench.cluster.class(web).group;
    let mut order = VictimOrder::new(group, bench.placer.victim_rule(), &bench.cluster);
    let (mut members, mut others, mut found) = (Vec::new(), Vec::new(), Vec::new());
    for &step in steps {
        match step {
            Step::Put { own: false, on, .. } => others.push(bench.put(other, on)),
            Step::Put { own: true, on, rank } => {
                let task = bench.put(web, on);
                if let Some(rank) = rank {
                    order.insert(rank, task);
                    members.push(task);
                }
            }
            Step::Release(n) if n < others.len() => bench.cluster.release(others.remove(n)),
            Step::Spare(n) if n < members.len() => order.remove(members.remove(n)),
            Step::Stop => {
                let Some(task) = order.take_first(bench.placer.victim_rule(), &bench.cluster)
                else {
                    continue;
                };
                bench.cluster.release(task);
                members.retain(|one| *one != task);
                found.push(task);
            }
            Step::Release(_) | Step::Spare(_) => {}
        }
    }
    assert_eq!(order.len(), members.len());
    found
}

proptest! {
    #[test]
    fn an_order_that_is_kept_names_whom_a_scan_names(
        steps in steps(),
        placement in prop::sample::select(vec![
            "ecs-service",
            "binpack:cpu",
            "spread:attribute:ecs.availability-zone+binpack:memory",
            "spread:instanceId+spread:attribute:ecs.availability-zone",
            "first-fit",
            "random",
            "worst-fit",
            "fgd",
            "round-robin",
        ]),
    ) {
        let by_index = stopped(placement, PlacerKind::Indexed, &steps);
        prop_assert_eq!(by_index, stopped(placement, PlacerKind::Naive, &steps));
    }
}
