//! Devices, the fragmentation measure and the GPU strategies on hand-made cases.

use super::*;
use crate::model::{DeviceSet, GpuRequest, RequiredAttribute};
use crate::placement::{Fragmentation, TypicalTask, tightest_devices};

fn gpu_task(vcpus: u64, gpu: GpuRequest) -> TaskDefinition {
    TaskDefinition { gpu, ..wants("gpu", vcpus, 0) }
}

fn share(milli: u16) -> TaskDefinition {
    gpu_task(1, GpuRequest::share(milli))
}

fn whole(devices: u16) -> TaskDefinition {
    gpu_task(1, GpuRequest::whole(devices))
}

fn devices(set: DeviceSet) -> Vec<usize> {
    set.iter().collect()
}

/// A cluster of one instance on which tasks were put in turn.
fn loaded(vcpus: u64, gpus: u16, tasks: &[TaskDefinition]) -> Bench {
    let mut bench = Bench::new("first-fit", [instance(vcpus, 1000, gpus)]);
    for task in tasks {
        let class = bench.class(task.clone());
        bench.put(class, 0);
    }
    bench
}

/// A profile of GPU kinds with their weights, in this order.
fn profile(kinds: &[(TaskDefinition, u64)]) -> WorkloadProfile {
    let kind = |(task, weight): &(TaskDefinition, u64)| {
        let required_attributes = task.required_attributes.clone();
        (TypicalTask { cpu: task.cpu, gpu: task.gpu, required_attributes }, *weight)
    };
    let all_tasks = kinds.iter().map(|(_, weight)| weight).sum();
    WorkloadProfile { kinds: kinds.iter().map(kind).collect(), all_tasks }
}

#[test]
fn shares_go_to_the_tightest_device_and_whole_tasks_to_the_first_free() {
    let mut bench = loaded(16, 4, &[]);
    let mut next = |task: TaskDefinition| {
        let class = bench.class(task);
        let view = bench.cluster.instance(InstanceId(0));
        let set = tightest_devices(bench.cluster.class(class), view);
        bench.put(class, 0);
        devices(set)
    };
    assert_eq!(next(share(600)), [0]);
    assert_eq!(next(share(300)), [0], "400 is left on device 0");
    assert_eq!(next(share(500)), [1]);
    assert_eq!(next(whole(2)), [2, 3]);
    assert_eq!(next(share(100)), [0]);
    assert_eq!(next(share(500)), [1]);
    bench.cluster.audit().unwrap();
}

#[test]
fn packing_prefers_used_devices_then_used_instances() {
    let of = |tasks: &[TaskDefinition], gpus, asked: TaskDefinition| {
        let mut bench = loaded(64, gpus, tasks);
        let class = bench.class(asked);
        score(&bench, "gpu-packing", None, class, 0)
    };
    assert_eq!(of(&[], 4, share(300)), 29, "33 less four free devices");
    assert_eq!(of(&[], 17, share(300)), 17);
    assert_eq!(of(&[share(600)], 4, share(300)), 96, "40 tenths-percent are left on the device");
    assert_eq!(of(&[share(600)], 4, share(500)), 49, "one device is opened");
    assert_eq!(of(&[share(600)], 4, whole(3)), 47);
    assert_eq!(of(&[share(600)], 4, wants("none", 1, 0)), 0);
}

#[test]
fn clustering_prefers_instances_with_this_kind_only() {
    let of = |tasks: &[TaskDefinition], asked: TaskDefinition| {
        let mut bench = loaded(64, 8, tasks);
        let class = bench.class(asked);
        score(&bench, "gpu-clustering", None, class, 0)
    };
    assert_eq!(of(&[], share(300)), 25);
    assert_eq!(of(&[share(500)], share(300)), 76);
    assert_eq!(of(&[share(500)], whole(1)), 1);
    assert_eq!(of(&[share(500), whole(1)], share(300)), 54);
    assert_eq!(of(&[share(500), whole(1)], whole(2)), 4);
    assert_eq!(of(&[wants("none", 1, 0)], share(300)), 25, "tasks without GPU do not count");
    assert_eq!(of(&[share(500)], wants("none", 1, 0)), 0);
}

#[test]
fn scores_of_the_study_are_truncated_percentages() {
    let mut bench = loaded(64, 2, &[]);
    let class = bench.class(share(500));
    // 100 (1 - (0.5 * 63/128 + 0.5 * 1.5/8)) and 100 (1 - (64/128 * 1/128 + 2/8 * 0.5/8) / 2).
    assert_eq!(score(&bench, "fgd-best-fit", None, class, 0), 66);
    assert_eq!(score(&bench, "fgd-dot-product", None, class, 0), 99);
}

#[test]
fn a_gradient_of_zero_scores_50_and_a_hair_below_49() {
    let halves = profile(&[(share(500), 1)]);
    let of = |tasks: &[TaskDefinition], gpus, asked: TaskDefinition| {
        let mut bench = loaded(64, gpus, tasks);
        let class = bench.class(asked);
        score(&bench, "fgd", Some(&halves), class, 0)
    };
    assert_eq!(of(&[], 2, share(500)), 50, "what is left is of use");
    assert_eq!(of(&[], 1, share(999)), 49, "1 thousandth is wasted");
    assert_eq!(of(&[share(999)], 1, share(1)), 50, "1 thousandth is saved");
    assert_eq!(of(&[], 2, share(600)), 40, "400 wasted");
    assert_eq!(of(&[share(600)], 1, share(400)), 59, "400 saved");
    assert_eq!(of(&[], 0, wants("none", 1, 0)), 50, "no GPU, nothing to waste");
    assert_eq!(of(&[], 2, whole(2)), 50);
}

#[test]
fn too_little_cpu_wastes_every_free_device() {
    let kinds = profile(&[(gpu_task(2, GpuRequest::share(500)), 1)]);
    let mut bench = loaded(2, 2, &[]);
    let class = bench.class(wants("none", 1, 0));
    assert_eq!(score(&bench, "fgd", Some(&kinds), class, 0), 11, "2000 wasted");
    let none = profile(&[(wants("none", 1, 0), 1)]);
    let one = bench.class(whole(1));
    assert_eq!(score(&bench, "fgd", Some(&none), class, 0), 50);
    assert_eq!(score(&bench, "fgd", Some(&none), one, 0), 73, "all is waste, 1000 less of it");
}

#[test]
fn a_share_takes_the_device_with_the_best_gradient() {
    let halves = profile(&[(share(500), 1)]);
    let mut bench = loaded(64, 2, &[share(400)]);
    let mut chosen = |task: TaskDefinition| {
        let class = bench.class(task);
        let view = bench.cluster.instance(InstanceId(0));
        devices(strategy("fgd", Some(&halves)).devices(bench.cluster.class(class), view))
    };
    // 600 and 1000 are left on devices 0 and 1.
    assert_eq!(chosen(share(200)), [1], "device 0 would be left with 400");
    assert_eq!(chosen(share(100)), [0], "equal gradients: the first");
    assert_eq!(chosen(share(600)), [0], "nothing is left of device 0");
    assert_eq!(chosen(whole(1)), [1]);
}

#[test]
fn fragmentation_weighs_kinds_by_popularity() {
    let mut arm = whole(1);
    let graviton = RequiredAttribute { name: "cpu".to_owned(), any_of: vec!["arm64".to_owned()] };
    arm.required_attributes.push(graviton);
    let mut bench = loaded(64, 2, &[share(400)]);
    let of = |bench: &Bench, kinds: &[(TaskDefinition, u64)], on| {
        Fragmentation::new(profile(kinds)).of(bench.cluster.instance(InstanceId(on)))
    };
    // 600 and 1000 are left: a whole device cannot use the 600.
    assert_eq!(of(&bench, &[(share(500), 3), (whole(1), 1)], 0), 150.0);
    assert_eq!(of(&bench, &[(share(500), 1), (whole(2), 1)], 0), 800.0);
    assert_eq!(of(&bench, &[(whole(1), 1), (arm.clone(), 1)], 0), 300.0 + 800.0);
    let mut spec = instance(64, 0, 1);
    spec.attributes.set("cpu", "arm64");
    bench.cluster.register(spec);
    assert_eq!(of(&bench, &[(arm, 1)], 1), 0.0);
}

#[test]
fn a_profile_keeps_the_most_frequent_kinds() {
    let (a, b, c) = (share(500), whole(1), wants("none", 4, 0));
    // Memory and family make no other kind.
    let again = TaskDefinition { memory_mib: 77, family: "other".to_owned(), ..share(500) };
    let tasks = [(&a, 40), (&b, 30), (&c, 10), (&again, 20)];
    let kept = |ppm| {
        let profile = WorkloadProfile::of(tasks, ppm);
        assert_eq!(profile.all_tasks, 100);
        profile.kinds.iter().map(|(_, weight)| *weight).collect::<Vec<u64>>()
    };
    assert_eq!(kept(1_000_000), [60, 30, 10]);
    assert_eq!(kept(900_000), [60, 30]);
    assert_eq!(kept(900_001), [60, 30, 10]);
    assert_eq!(kept(1), [60]);
    let ties = WorkloadProfile::of([(&a, 1), (&b, 1), (&c, 1)], 1_000_000);
    let order: Vec<u32> = ties.kinds.iter().map(|(kind, _)| kind.gpu.total_milli()).collect();
    assert_eq!(order, [0, 1000, 500], "more CPU first, then more GPU");
}

#[test]
fn gpu_random_draws_the_device_too() {
    let mut bench = Bench::new("gpu-random", [instance(64, 0, 4)]);
    let (part, small) = (bench.class(share(900)), bench.class(share(200)));
    bench.put(part, 0);
    let mut counts = [0_u32; 4];
    for _ in 0..3000 {
        let (_, placement) = bench.ask(small);
        counts[devices(placement.unwrap().devices)[0]] += 1;
    }
    assert_eq!(counts[0], 0, "100 is left on device 0");
    for count in &counts[1..] {
        assert!((f64::from(*count) - 1000.0).abs() < 110.0, "{counts:?}");
    }
}
