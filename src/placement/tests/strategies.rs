//! Every strategy without GPUs on cases small enough to work out by hand.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use super::*;
use crate::model::query::Expression;
use crate::model::{HostPort, InstanceStatus, NetworkMode, PlacementConstraint, Protocol};
use crate::placement::{Predicate, RefusalHistogram};

fn three() -> [InstanceSpec; 3] {
    [instance(4, 4000, 0), instance(4, 4000, 0), instance(4, 4000, 0)]
}

#[test]
fn ecs_3_2_binpack_takes_the_least_left_before_placing() {
    let sizes = [instance(8, 1000, 0), instance(2, 4000, 0), instance(4, 2000, 0)];
    let mut by_cpu = Bench::new("binpack:cpu", sizes.clone());
    let web = by_cpu.class(wants("web", 1, 500));
    assert_eq!(by_cpu.place_all(web, 5), [1, 1, 2, 2, 2]);
    let mut by_memory = Bench::new("binpack:memory", sizes);
    let web = by_memory.class(wants("web", 1, 500));
    assert_eq!(by_memory.place_all(web, 5), [0, 0, 2, 2, 2]);
}

#[test]
fn ecs_3_2_binpack_breaks_ties_by_the_lowest_id() {
    let mut bench = Bench::new("binpack:cpu", three());
    let big = bench.class(wants("big", 3, 0));
    assert_eq!(bench.place_all(big, 3), [0, 1, 2]);
    assert_eq!(bench.place(big), None);
}

#[test]
fn a_task_without_cpu_fits_a_full_instance() {
    let mut bench = Bench::new("binpack:cpu", three());
    let (full, none) = (bench.class(wants("full", 4, 0)), bench.class(wants("none", 0, 10)));
    bench.put(full, 1);
    assert_eq!(bench.place_all(none, 2), [1, 1]);
    assert_eq!(bench.place(full), Some(0));
}

#[test]
fn ecs_3_2_spread_over_instances_counts_tasks_of_the_group_only() {
    let mut bench = Bench::new("spread:instanceId", three());
    let (web, other) = (bench.class(wants("web", 1, 0)), bench.class(wants("other", 1, 0)));
    bench.put(other, 0);
    bench.put(other, 0);
    assert_eq!(bench.place_all(web, 4), [0, 1, 2, 0]);
    assert_eq!(bench.place(other), Some(1));
}

#[test]
fn ecs_3_2_spread_takes_instances_without_the_attribute_as_one_group() {
    let bare = instance(4, 4000, 0);
    let zones = [bare.clone(), bare.clone(), in_zone(bare.clone(), "a"), in_zone(bare, "b")];
    let mut bench = Bench::new("spread:attribute:ecs.availability-zone", zones);
    let web = bench.class(wants("web", 1, 0));
    assert_eq!(bench.place_all(web, 6), [0, 2, 3, 0, 2, 3]);
    let zones = bench.cluster.track_field(ZONE);
    assert_eq!(bench.cluster.value_count(zones), 3);
}

#[test]
fn spread_skips_a_zone_that_is_full() {
    let zones = ["a", "a", "b"].map(|zone| in_zone(instance(2, 100, 0), zone));
    let mut bench = Bench::new("spread:attribute:ecs.availability-zone+binpack:cpu", zones);
    let web = bench.class(wants("web", 1, 0));
    assert_eq!(bench.place_all(web, 6), [0, 2, 0, 2, 1, 1]);
}

#[test]
fn counts_of_a_field_include_tasks_placed_before_it_was_tracked() {
    let zones = ["a", "b"].map(|zone| in_zone(instance(4, 100, 0), zone));
    let mut bench = Bench::new("first-fit", zones);
    let web = bench.class(wants("web", 1, 0));
    assert_eq!(bench.place_all(web, 2), [0, 0]);
    let spread = PlacementSpec::parse("spread:attribute:ecs.availability-zone").unwrap();
    let built = spread.build(PlacerKind::Indexed, TieBreak::LowestId, Seed(1), None);
    bench.placer = built.unwrap();
    bench.placer.prepare(&mut bench.cluster);
    assert_eq!(bench.place_all(web, 3), [1, 1, 0]);
    bench.cluster.audit().unwrap();
}

#[test]
fn ecs_3_2_an_earlier_strategy_of_a_chain_rules_over_a_later() {
    let sizes = [instance(2, 4000, 0), instance(8, 1000, 0)];
    let mut bench = Bench::new("binpack:memory+binpack:cpu", sizes.clone());
    let web = bench.class(wants("web", 1, 100));
    assert_eq!(bench.place(web), Some(1));
    let mut bench = Bench::new("binpack:cpu+binpack:memory", sizes);
    let web = bench.class(wants("web", 1, 100));
    assert_eq!(bench.place(web), Some(0));
}

#[test]
fn ecs_3_2_services_spread_over_zones_then_instances() {
    let zones = ["a", "a", "b", "b"].map(|zone| in_zone(instance(4, 100, 0), zone));
    let mut bench = Bench::new("ecs-service", zones);
    let web = bench.class(wants("web", 1, 0));
    assert_eq!(bench.place_all(web, 6), [0, 2, 1, 3, 0, 2]);
}

#[test]
fn first_fit_goes_by_registration() {
    let mut bench = Bench::new("first-fit", three());
    let web = bench.class(wants("web", 2, 0));
    assert_eq!(bench.place_all(web, 6), [0, 0, 1, 1, 2, 2]);
}

#[test]
fn best_and_worst_fit_sum_the_shares_left() {
    // Left after placing 1 vCPU and 1000 MiB: 0.75 + 0.75, 0.5 + 0.9 and 0.875 + 0.5.
    let sizes = [instance(4, 4000, 0), instance(2, 10_000, 0), instance(8, 2000, 0)];
    let mut best = Bench::new("best-fit", sizes.clone());
    let web = best.class(wants("web", 1, 1000));
    assert_eq!(best.place(web), Some(2));
    let mut worst = Bench::new("worst-fit", sizes);
    let web = worst.class(wants("web", 1, 1000));
    assert_eq!(worst.place(web), Some(0));
}

#[test]
fn round_robin_goes_on_from_the_last_choice() {
    let mut bench = Bench::new("round-robin", three());
    let web = bench.class(wants("web", 1, 0));
    assert_eq!(bench.place_all(web, 4), [0, 1, 2, 0]);
    bench.cluster.set_status(InstanceId(1), InstanceStatus::Draining);
    assert_eq!(bench.place_all(web, 3), [2, 0, 2]);
    let huge = bench.class(wants("huge", 9, 0));
    assert_eq!(bench.place(huge), None, "a refusal leaves the turn where it was");
    bench.cluster.register(instance(4, 4000, 0));
    assert_eq!(bench.place_all(web, 2), [3, 0]);
}

#[test]
fn many_choices_find_the_instance_with_most_left() {
    let mut bench = Bench::new("power-of-d:64", [instance(2, 0, 0), instance(4, 0, 0)]);
    let web = bench.class(wants("web", 1, 0));
    assert_eq!(bench.place(web), Some(1));
}

#[test]
fn dot_product_and_cosine_match_demand_to_what_is_free() {
    // After the fillers: 0.9 of CPU and 0.9 of memory free, or 0.6 and 0.1.
    for (placement, chosen) in [("dot-product", 0), ("cosine", 1)] {
        let mut bench = Bench::new(placement, [instance(10, 1000, 0), instance(10, 1000, 0)]);
        let (low, high) = (bench.class(wants("low", 1, 100)), bench.class(wants("high", 4, 900)));
        bench.put(low, 0);
        bench.put(high, 1);
        let cpu = bench.class(wants("cpu", 4, 10));
        assert_eq!(bench.place(cpu), Some(chosen), "{placement}");
    }
}

#[test]
fn kubernetes_scores_are_its_own() {
    // Requested with the task: 3 of 8 vCPU (37.5 %), 600 of 1000 MiB (60 %).
    let mut bench = Bench::new("first-fit", [instance(8, 1000, 0)]);
    let (one, two) = (bench.class(wants("one", 1, 200)), bench.class(wants("two", 2, 400)));
    bench.put(one, 0);
    let score = |name| score(&bench, name, None, two, 0);
    assert_eq!(score("least-allocated"), i64::midpoint(62, 40));
    assert_eq!(score("most-allocated"), i64::midpoint(37, 60));
    assert_eq!(score("balanced-allocation"), 88, "1 - 0.225 / 2, truncated");
}

#[test]
fn a_resource_that_is_not_there_has_no_share() {
    let mut bench = Bench::new("first-fit", [instance(0, 0, 0)]);
    let nothing = bench.class(wants("nothing", 0, 0));
    for name in ["best-fit", "worst-fit", "dot-product", "cosine", "least-allocated"] {
        assert_eq!(score(&bench, name, None, nothing, 0), 0, "{name}");
    }
    assert_eq!(bench.place(nothing), Some(0));
}

/// The upper 0.1 % point of chi-square with `degrees` of freedom (Wilson and Hilferty).
fn chi_square_limit(degrees: f64) -> f64 {
    let spread = 2.0 / (9.0 * degrees);
    degrees * (1.0 - spread + 3.090 * spread.sqrt()).powi(3)
}

fn chi_square(counts: &BTreeMap<u32, u32>, kinds: usize) -> f64 {
    let total: u32 = counts.values().sum();
    let expected = f64::from(total) / kinds as f64;
    let seen: f64 = counts.values().map(|&one| (f64::from(one) - expected).powi(2)).sum();
    (seen + (kinds - counts.len()) as f64 * expected.powi(2)) / expected
}

/// Asks for 20 000 places without taking them.
fn frequencies(bench: &mut Bench, class: ClassId) -> BTreeMap<u32, u32> {
    let mut counts = BTreeMap::new();
    for _ in 0..20_000 {
        let (_, placement) = bench.ask(class);
        *counts.entry(placement.unwrap().instance.0).or_default() += 1;
    }
    counts
}

#[test]
fn ecs_3_2_random_is_uniform_over_the_feasible_however_few() {
    for placement in ["random", "ecs-run-task", "gpu-random", "power-of-d:1"] {
        for feasible in [1, 3, 50, 100] {
            let size = |index: usize| instance(if index % 100 < feasible { 2 } else { 1 }, 0, 0);
            let mut bench = Bench::new(placement, (0..100).map(size));
            let class = bench.class(wants("two", 2, 0));
            let counts = frequencies(&mut bench, class);
            let chi = chi_square(&counts, feasible);
            let limit = chi_square_limit((feasible - 1).max(1) as f64);
            assert!(counts.keys().all(|&on| (on as usize) < feasible));
            assert!(chi <= limit, "{placement}, {feasible} feasible: {chi} > {limit}");
        }
    }
}

#[test]
fn ecs_3_2_a_random_tie_break_is_uniform_over_the_tied() {
    let sizes = (0..10).map(|index| instance(if index < 7 { 2 } else { 3 }, 0, 0));
    for placement in ["binpack:cpu", "binpack:cpu+random"] {
        let mut bench = Bench::with(placement, TieBreak::Random, None, sizes.clone());
        let class = bench.class(wants("one", 1, 0));
        let counts = frequencies(&mut bench, class);
        assert!(chi_square(&counts, 7) <= chi_square_limit(6.0), "{placement}: {counts:?}");
    }
    // `random` at the end of a chain breaks ties at random whatever the scenario says.
    let mut bench = Bench::new("binpack:cpu+random", sizes);
    let class = bench.class(wants("one", 1, 0));
    assert_eq!(frequencies(&mut bench, class).len(), 7);
}

#[test]
fn two_choices_prefer_the_emptier_as_often_as_they_should() {
    let mut bench = Bench::new("power-of-d:2", (1..=4).map(|vcpus| instance(vcpus, 0, 0)));
    let class = bench.class(wants("none", 0, 0));
    // All shares are equal for an empty task: the first draw stands, uniformly.
    assert!(chi_square(&frequencies(&mut bench, class), 4) <= chi_square_limit(3.0));
    let class = bench.class(wants("one", 1, 0));
    let counts = frequencies(&mut bench, class);
    // The k-th emptiest of four wins with (2k - 1) / 16.
    for (on, odds) in [(0, 1.0), (1, 3.0), (2, 5.0), (3, 7.0)] {
        let expected = 20_000.0 * odds / 16.0;
        let seen = f64::from(counts[&on]);
        assert!((seen - expected).abs() < 4.0 * expected.sqrt(), "{on}: {seen}, not {expected}");
    }
}

/// An instance that fails every predicate at once, or one only.
#[test]
fn ecs_3_6_predicates_name_what_is_missing() {
    let port = HostPort { protocol: Protocol::Tcp, port: 80 };
    let mut bench = Bench::new("first-fit", [instance(4, 100, 1)]);
    let mut filler = wants("filler", 1, 60);
    filler.host_ports = vec![port];
    let filler = bench.class(filler);
    bench.put(filler, 0);
    let mut check = |change: &dyn Fn(&mut TaskDefinition), expected: Option<Predicate>| {
        let mut definition = wants("filler", 1, 10);
        change(&mut definition);
        let class = bench.class(definition);
        let on = bench.cluster.instance(InstanceId(0));
        assert_eq!(Predicate::first_failed(bench.cluster.class(class), on), expected);
    };
    check(&|_| (), None);
    check(&|one| one.cpu = Cpu::from_vcpus(4).unwrap(), Some(Predicate::Cpu));
    check(&|one| one.memory_mib = 41, Some(Predicate::Memory));
    check(&|one| one.memory_mib = 40, None);
    check(&|one| one.gpu = crate::model::GpuRequest::whole(2), Some(Predicate::Gpu));
    check(&|one| one.host_ports = vec![port], Some(Predicate::Ports));
    let udp = HostPort { protocol: Protocol::Udp, port: 80 };
    check(&|one| one.host_ports = vec![udp], None);
    let docker = HostPort { protocol: Protocol::Tcp, port: 2375 };
    check(&|one| one.host_ports = vec![docker], Some(Predicate::Ports));
    let many = |count: u16| -> Vec<HostPort> {
        (1000..1000 + count).map(|port| HostPort { protocol: Protocol::Tcp, port }).collect()
    };
    check(&|one| one.host_ports = many(94), None);
    check(&|one| one.host_ports = many(95), Some(Predicate::TooManyPorts));
    check(&|one| one.network_mode = NetworkMode::Awsvpc, None);
    let distinct = PlacementConstraint::DISTINCT_INSTANCE;
    check(&|one| one.constraints.push(distinct.clone()), Some(Predicate::DistinctInstance));
    let expression = Expression::parse("runningTasksCount == 0").unwrap();
    let empty = PlacementConstraint::MemberOf(expression);
    check(&|one| one.constraints.push(empty.clone()), Some(Predicate::MemberOf));
}

#[test]
fn a_limit_of_tasks_counts_the_group_on_an_instance() {
    let mut bench = Bench::new("binpack:cpu", [instance(9, 90, 0), instance(9, 90, 0)]);
    let mut definition = wants("pair", 1, 1);
    let two = NonZeroU32::new(2).unwrap();
    definition.constraints = vec![PlacementConstraint::AtMost(two)];
    let (pair, other) = (bench.class(definition), bench.class(wants("other", 1, 1)));
    bench.put(other, 0);
    assert_eq!(bench.place_all(pair, 4), [0, 0, 1, 1]);
    assert_eq!(bench.place(pair), None);
    let histogram = RefusalHistogram::of(bench.cluster.class(pair), &bench.cluster);
    assert_eq!(histogram.to_string(), "0 of 2 instances can take it; 2 fail distinctInstance");
}

#[test]
fn ecs_2_eni_slots_run_out() {
    let mut bench = Bench::new("first-fit", [instance(4, 100, 0)]);
    let mut definition = wants("awsvpc", 1, 0);
    definition.network_mode = NetworkMode::Awsvpc;
    let class = bench.class(definition);
    assert_eq!(bench.place_all(class, 2), [0, 0]);
    assert_eq!(bench.place(class), None);
    let histogram = RefusalHistogram::of(bench.cluster.class(class), &bench.cluster);
    assert_eq!(histogram.to_string(), "0 of 1 instances can take it; 1 fail RESOURCE:ENI");
}

#[test]
fn ecs_3_6_the_histogram_tells_first_failures_from_all() {
    let mut bench = Bench::new("first-fit", [instance(1, 10, 0), instance(4, 10, 0)]);
    let class = bench.class(wants("big", 2, 20));
    bench.cluster.register(instance(8, 100, 0));
    bench.cluster.deregister(InstanceId(2));
    let histogram = RefusalHistogram::of(bench.cluster.class(class), &bench.cluster);
    assert_eq!(
        histogram.to_string(),
        "0 of 2 instances can take it; 1 fail RESOURCE:CPU; 2 fail RESOURCE:MEMORY \
         (1 of them first)"
    );
}

/// After more changes than the log keeps, the indexed placer rebuilds and still agrees.
#[test]
fn an_index_that_fell_behind_is_rebuilt() {
    let mut naive = Bench::new("binpack:cpu", three());
    let web = naive.class(wants("web", 1, 0));
    let spec = PlacementSpec::parse("binpack:cpu").unwrap();
    let built = spec.build(PlacerKind::Indexed, TieBreak::LowestId, Seed(1), None);
    let mut indexed = built.unwrap();
    let mut agree = |naive: &mut Bench| {
        let (task, placement) = naive.ask(web);
        let ask = Ask { class: web, task, attempt: 0, restrict: None };
        assert_eq!(indexed.place(&ask, &naive.cluster), placement);
        placement.unwrap().instance.0
    };
    assert_eq!(agree(&mut naive), 0);
    for _ in 0..40_000 {
        let task = naive.put(web, 1);
        naive.cluster.release(task);
        naive.cluster.remove_task(task);
    }
    naive.put(web, 2);
    assert!(naive.cluster.changes_since(3).is_none(), "the log was cut");
    assert_eq!(agree(&mut naive), 2);
}
