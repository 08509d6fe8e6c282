//! Placement strategies against Markov chains solved exactly.

use super::exact::{self, LossSystem, Rule, erlang_b};
use super::model::{Class, Model, exponential};
use super::{figures, gate};

/// Three instances of 4 vCPU; tasks of 1 vCPU (rate 3) and 3 vCPU (rate 1), exponential time 1.
fn two_sizes() -> LossSystem {
    LossSystem { instances: 3, units: 4, classes: vec![(3.0, 1), (1.0, 3)] }
}

/// Three instances of 2 vCPU; tasks of 1 vCPU (rate 3).
fn one_size() -> LossSystem {
    LossSystem { instances: 3, units: 2, classes: vec![(3.0, 1)] }
}

fn simulated(system: &LossSystem) -> Model {
    let class = |&(rate, size): &(f64, usize)| Class::new(rate, size as u64, exponential(1.0));
    let classes = system.classes.iter().map(class).collect();
    Model::loss(classes, system.instances, system.units as u64)
}

/// The chain of two sizes under a strategy, both sizes in one task group.
fn chain(placement: &'static str, rule: Rule) {
    let system = two_sizes();
    let exact = system.solve(rule);
    assert_eq!(exact.states, 343);
    let model = Model { one_group: true, ..simulated(&system) };
    let runs = model.placed_by(placement).measuring(60_000, 2_000).replicate();
    let row = |what: &str| format!("{placement}, {what}");
    gate(&row("P(block 1)"), exact.blocked[0], &figures(&runs, |run| run.blocked(0)));
    gate(&row("P(block 3)"), exact.blocked[1], &figures(&runs, |run| run.blocked(1)));
    let used = figures(&runs, |run| run.vcpus_used() / 12.0);
    gate(&row("utilisation"), exact.utilisation, &used);
    gate(&row("empty"), exact.empty, &figures(&runs, super::Tally::empty));
}

#[test]
fn the_solver_gives_the_published_constants() {
    let published: [(Rule, [f64; 4]); 4] = [
        (exact::first, [0.013_539, 0.178_042, 0.452_105, 0.983_782]),
        (exact::least_free, [0.018_006, 0.151_423, 0.457_643, 0.982_437]),
        (exact::most_free, [0.008_740, 0.241_930, 0.437_333, 0.502_008]),
        (exact::uniform, [0.014_481, 0.181_709, 0.450_953, 0.689_688]),
    ];
    for (rule, constants) in published {
        let solved = two_sizes().solve(rule);
        let found = [solved.blocked[0], solved.blocked[1], solved.utilisation, solved.empty];
        for (found, constant) in found.into_iter().zip(constants) {
            assert!((found - constant).abs() < 5.1e-7, "{found} is not {constant}");
        }
    }
}

#[test]
fn chain_first_fit() {
    chain("first-fit", exact::first);
}

#[test]
fn chain_binpack() {
    chain("binpack:cpu", exact::least_free);
}

#[test]
fn chain_worst_fit() {
    chain("worst-fit", exact::most_free);
}

#[test]
fn chain_random() {
    chain("random", exact::uniform);
}

#[test]
fn chain_spread() {
    chain("spread:instanceId", exact::fewest_tasks);
}

#[test]
fn chain_spread_then_binpack() {
    chain("spread:instanceId+binpack:cpu", exact::fewest_tasks_least_free);
}

#[test]
fn chain_spread_then_random() {
    chain("spread:instanceId+random", exact::uniform_of_fewest);
}

#[test]
fn chain_power_of_two_choices() {
    chain("power-of-d:2", exact::two_choices);
}

/// Tasks of one size are blocked equally often wherever they are placed, as in one pool of six;
/// what differs is how many instances stay empty.
#[test]
fn one_size_is_blocked_equally_under_every_strategy() {
    let rows: [(&str, Rule, f64); 4] = [
        ("first-fit", exact::first, 1.0917),
        ("binpack:cpu", exact::least_free, 1.1428),
        ("spread:instanceId", exact::most_free, 0.7942),
        ("random", exact::uniform, 0.9708),
    ];
    let mut rejected: Option<Vec<u64>> = None;
    for (placement, rule, empty) in rows {
        let solved = one_size().solve(rule);
        assert!((solved.blocked[0] - erlang_b(6, 3.0)).abs() < 1e-12);
        assert!((solved.empty - empty).abs() < 5.1e-5, "{} is not {empty}", solved.empty);
        let runs = simulated(&one_size()).placed_by(placement).measuring(25_000, 1_000).replicate();
        let row = |what: &str| format!("3 x 2 slots, {placement}, {what}");
        let blocked = figures(&runs, |run| run.blocked(0));
        gate(&row("blocking"), erlang_b(6, 3.0), &blocked);
        gate(&row("empty"), solved.empty, &figures(&runs, super::Tally::empty));
        // Every strategy faces the same tasks, so it is even the same number run by run.
        let counts: Vec<u64> = runs.iter().map(|run| run.rejected[0]).collect();
        assert_eq!(*rejected.get_or_insert_with(|| counts.clone()), counts, "{placement}");
    }
}
