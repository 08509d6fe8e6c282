//! How decisions came about, against what was worked out by hand.

use std::sync::Mutex;

use super::*;
use crate::placement::{Answer, DecisionLog, How, Scored, Step, TieBroken};

/// Keeps how every decision was made.
#[derive(Debug, Default)]
struct All(Vec<How>);

impl DecisionLog for All {
    fn decided(&mut self, _: &Ask<'_>, _: &Cluster, _: &Answer, how: &dyn Fn() -> How) {
        self.0.push(how());
    }
}

/// A bench whose placer is traced, and what it tells.
fn traced(
    placement: &str,
    ties: TieBreak,
    instances: impl IntoIterator<Item = InstanceSpec>,
) -> (Bench, Arc<Mutex<All>>) {
    let mut bench = Bench::with(placement, ties, None, instances);
    let all = Arc::new(Mutex::new(All::default()));
    let spec = PlacementSpec::parse(placement).unwrap();
    let kind = PlacerKind::Indexed;
    bench.placer = spec.build_traced(kind, ties, Seed(1), None, all.clone()).unwrap();
    bench.placer.prepare(&mut bench.cluster);
    (bench, all)
}

fn last(all: &Mutex<All>) -> How {
    all.lock().unwrap().0.last().unwrap().clone()
}

fn scored(instance: u32, score: i64) -> Scored {
    Scored { instance: InstanceId(instance), score }
}

/// Five instances, of which the last is too small; one of zone a holds a task of the group.
#[test]
fn a_chain_narrows_step_by_step() {
    let zones = ["a", "a", "b", "b", "b"];
    let memory = [1000, 1000, 3000, 2000, 100];
    let machines = zones.into_iter().zip(memory);
    let machines = machines.map(|(zone, memory)| in_zone(instance(4, memory, 0), zone));
    let chain = format!("spread:attribute:{ZONE}+binpack:memory");
    let (mut bench, all) = traced(&chain, TieBreak::LowestId, machines);
    let class = bench.class(wants("web", 1, 200));
    bench.put(class, 0);
    assert_eq!(bench.place(class), Some(3));
    let spread = Step {
        strategy: format!("spread:attribute:{ZONE}"),
        left: 2,
        best: vec![scored(2, 0), scored(3, 0), scored(0, -1)],
    };
    let binpack = Step {
        strategy: "binpack:memory".to_owned(),
        left: 1,
        best: vec![scored(3, -2000), scored(2, -3000)],
    };
    let steps = vec![spread, binpack];
    assert_eq!(last(&all), How { candidates: 4, steps, tie: TieBroken::Not });
}

#[test]
fn ties_are_told_as_they_were_broken() {
    let machines = || (0..3).map(|_| instance(1, 1000, 0));
    let (mut bench, all) = traced("binpack:cpu", TieBreak::LowestId, machines());
    let class = bench.class(wants("web", 1, 100));
    assert_eq!(bench.place(class), Some(0));
    assert_eq!(last(&all).tie, TieBroken::LowestId(3));
    assert_eq!(bench.place(class), Some(1));
    assert_eq!(last(&all).tie, TieBroken::LowestId(2));

    let (mut bench, all) = traced("binpack:cpu", TieBreak::Random, machines());
    let class = bench.class(wants("web", 1, 100));
    let chosen = bench.place(class).unwrap();
    assert_eq!(last(&all).tie, TieBroken::Drawn { rank: chosen, among: 3 });
}

#[test]
fn methods_without_scores_are_one_step() {
    for (method, shown) in [("power-of-d:2", "power-of-d:2"), ("random", "random")] {
        let machines = (0..4).map(|index| instance(1, if index == 2 { 10 } else { 1000 }, 0));
        let (mut bench, all) = traced(method, TieBreak::LowestId, machines);
        let class = bench.class(wants("web", 1, 100));
        bench.place(class).unwrap();
        let step = Step { strategy: shown.to_owned(), left: 1, best: Vec::new() };
        let expected = How { candidates: 3, steps: vec![step], tie: TieBroken::ByMethod };
        assert_eq!(last(&all), expected);
    }
}

/// ECS's default for services is two strategies, and is told as two.
#[test]
fn defaults_are_told_by_their_strategies() {
    let machines = (0..2).map(|_| in_zone(instance(2, 1000, 0), "a"));
    let (mut bench, all) = traced("ecs-service", TieBreak::LowestId, machines);
    let class = bench.class(wants("web", 1, 100));
    assert_eq!(bench.place_all(class, 2), [0, 1]);
    let steps = last(&all).steps;
    let told: Vec<(&str, u32)> =
        steps.iter().map(|step| (step.strategy.as_str(), step.left)).collect();
    assert_eq!(told, [("spread:attribute:ecs.availability-zone", 2), ("spread:instanceId", 1)]);
}

#[test]
fn a_refusal_has_no_steps() {
    let (mut bench, all) = traced("spread:instanceId", TieBreak::Random, [instance(1, 10, 0)]);
    let class = bench.class(wants("web", 1, 100));
    assert_eq!(bench.place(class), None);
    let expected = How { candidates: 0, steps: Vec::new(), tie: TieBroken::Not };
    assert_eq!(last(&all), expected);
}
