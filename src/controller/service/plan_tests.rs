//! The worked examples of the reference, by its section.

use super::*;

fn percents(minimum_healthy_percent: u32, maximum_percent: u32) -> DeploymentConfiguration {
    DeploymentConfiguration {
        minimum_healthy_percent,
        maximum_percent,
        ..DeploymentConfiguration::default()
    }
}

fn healthy(count: u32) -> Tally {
    Tally { healthy: count, ..Tally::default() }
}

/// A rolling deployment of which nothing has started, and `old` healthy tasks.
fn rolling(desired: u32, min: u32, max: u32, old: u32) -> Situation {
    Situation {
        desired,
        bounds: Bounds::of(desired, &percents(min, max)),
        new: Tally::default(),
        old: healthy(old),
        extra: 0,
        stopping: 0,
        side_by_side: false,
        shifted: false,
        failed: false,
        astray: 0,
        astray_free: 0,
        places: None,
    }
}

#[test]
fn ecs_5_2_min_healthy_percent_rounds_up() {
    for (desired, percent, min) in [(2, 75, 2), (4, 50, 2), (1, 50, 1), (3, 0, 0), (0, 100, 0)] {
        assert_eq!(Bounds::of(desired, &percents(percent, 200)).min_healthy, min, "{desired}");
    }
}

#[test]
fn ecs_5_2_max_percent_rounds_down() {
    for (desired, percent, max) in [(3, 125, 3), (1, 150, 1), (1, 134, 1), (4, 150, 6)] {
        assert_eq!(Bounds::of(desired, &percents(100, percent)).max_total, max, "{desired}");
    }
}

#[test]
fn ecs_5_2_four_tasks_at_50_percent_may_lose_two_first() {
    let plan = rolling(4, 50, 100, 4).plan();
    assert_eq!(plan, Plan { stop_old: 2, ..Plan::default() });
}

#[test]
fn ecs_5_2_two_tasks_at_75_percent_cannot_be_stopped() {
    assert_eq!(rolling(2, 75, 100, 2).plan(), Plan::default());
    assert!(rolling(2, 75, 100, 2).is_blocked());
}

#[test]
fn ecs_5_2_three_tasks_at_125_percent_cannot_be_joined() {
    assert_eq!(rolling(3, 100, 125, 3).plan(), Plan::default());
}

#[test]
fn ecs_5_2_one_task_between_100_and_150_percent_is_stuck() {
    assert!(rolling(1, 100, 150, 1).is_blocked());
    assert!(!rolling(1, 100, 200, 1).is_blocked());
}

#[test]
fn ecs_5_2_old_tasks_go_as_new_ones_are_healthy() {
    let mut situation = rolling(4, 100, 200, 4);
    assert_eq!(situation.plan(), Plan { start: 4, ..Plan::default() });
    situation.new = Tally { unproven: 3, healthy: 1, ..Tally::default() };
    assert_eq!(situation.plan(), Plan { stop_old: 1, ..Plan::default() });
    situation.new = healthy(4);
    assert_eq!(situation.plan().stop_old, 4);
    situation.old = Tally::default();
    assert!(situation.is_steady());
}

#[test]
fn ecs_5_2_old_tasks_that_are_not_healthy_go_first_and_freely() {
    let mut situation = rolling(4, 100, 100, 0);
    situation.old = Tally { waiting: 1, pending: 1, unhealthy: 1, healthy: 1, ..Tally::default() };
    assert_eq!(situation.plan(), Plan { discard_old: 3, ..Plan::default() });
}

#[test]
fn ecs_5_2_unhealthy_tasks_are_replaced_first_if_the_maximum_allows() {
    let mut situation = rolling(2, 100, 200, 0);
    situation.new = Tally { healthy: 1, unhealthy: 1, ..Tally::default() };
    assert_eq!(situation.plan(), Plan { start: 1, ..Plan::default() });
    situation.new.pending = 1;
    assert_eq!(situation.plan(), Plan::default());
    situation.new = Tally { healthy: 2, unhealthy: 1, ..Tally::default() };
    assert_eq!(situation.plan(), Plan { stop_new: 1, ..Plan::default() });
}

#[test]
fn ecs_5_2_unhealthy_tasks_go_one_by_one_where_there_is_no_room() {
    let mut situation = rolling(3, 50, 100, 0);
    situation.new = Tally { healthy: 1, unhealthy: 2, ..Tally::default() };
    assert_eq!(situation.plan(), Plan { stop_new: 1, ..Plan::default() });
    situation.new = Tally { healthy: 1, unhealthy: 1, ..Tally::default() };
    assert_eq!(situation.plan().start, 1);
    situation.new.pending = 1;
    assert_eq!(situation.plan(), Plan::default(), "its replacement is on its way");
}

#[test]
fn ecs_5_3_threshold_is_half_of_desired_between_3_and_200() {
    let of = |desired| failure_threshold(FailureThreshold::BoundedPercent(50), desired);
    assert_eq!([1, 6, 7, 25, 400, 5000].map(of), [3, 3, 4, 13, 200, 200]);
    assert_eq!(failure_threshold(FailureThreshold::UnboundedPercent(50), 5000), 2500);
    assert_eq!(failure_threshold(FailureThreshold::Count(7), 5000), 7);
}

#[test]
fn ecs_5_5_new_tasks_run_beside_all_old_ones_whatever_the_maximum() {
    let mut situation = Situation { side_by_side: true, ..rolling(4, 100, 100, 4) };
    assert_eq!(situation.plan(), Plan { start: 4, ..Plan::default() });
    situation.new = healthy(4);
    assert_eq!(situation.plan(), Plan::default());
    assert!(!situation.is_blocked(), "it bakes");
    situation.shifted = true;
    assert_eq!(situation.plan().stop_old, 4);
}

#[test]
fn ecs_5_5_shifts_take_their_steps_and_then_bake() {
    let minutes = |count: u64| count * 60_000_000;
    let (step_micros, bake_micros) = (minutes(6), minutes(5));
    let linear = DeploymentStrategy::Linear { step_permille: 100, step_micros, bake_micros };
    assert_eq!(overlap_micros(linear), minutes(9 * 6 + 5));
    let canary = DeploymentStrategy::Canary { canary_micros: minutes(10), bake_micros };
    assert_eq!(overlap_micros(canary), minutes(15));
    assert_eq!(overlap_micros(DeploymentStrategy::BlueGreen { bake_micros }), minutes(5));
}

#[test]
fn a_failed_deployment_starts_nothing() {
    let failed = Situation { failed: true, ..rolling(4, 100, 200, 4) };
    assert_eq!(failed.plan(), Plan::default());
    assert!(!failed.is_blocked());
}
