//! Whom scale-in stops.

use super::*;

/// Puts tasks of one class on instances and names the one that scale-in stops, by its place in the
/// list.
fn victim(bench: &mut Bench, class: ClassId, on: &[u32]) -> usize {
    let tasks: Vec<TaskId> = on.iter().map(|&instance| bench.put(class, instance)).collect();
    bench.placer.victim(&tasks, &bench.cluster)
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
        let named = bench.placer.victim(&tasks, &bench.cluster);
        let mut indexed =
            spec.build(PlacerKind::Indexed, TieBreak::LowestId, Seed(1), Some(&profile)).unwrap();
        indexed.prepare(&mut bench.cluster);
        assert!(named < tasks.len(), "{}", entry.name);
        assert_eq!(indexed.victim(&tasks, &bench.cluster), named, "{}", entry.name);
    }
}
