//! Measurements by a made-up clock: what comes out is known beforehand.

use std::sync::atomic::{AtomicU64, Ordering};

use super::churn::{Churn, shapes};
use super::samples::Samples;
use super::*;
use crate::des::Seed;
use crate::placement::PlacementSpec;
use crate::scenario::{Document, Override, Scenario};

/// Goes on by so many nanoseconds each time it is read; stands still for long at one reading.
#[derive(Debug)]
struct Ticks {
    now: AtomicU64,
    step: u64,
    stall_at: u64,
    stall: u64,
}

impl Clock for Ticks {
    fn nanos(&self) -> u64 {
        let before = self.now.fetch_add(self.step, Ordering::Relaxed);
        if before / self.step == self.stall_at {
            self.now.fetch_add(self.stall, Ordering::Relaxed);
        }
        before
    }
}

fn ticks(step: u64) -> Instruments {
    stalling(step, u64::MAX, 0)
}

fn stalling(step: u64, stall_at: u64, stall: u64) -> Instruments {
    let clock = Ticks { now: AtomicU64::new(0), step, stall_at, stall };
    Instruments { clock: Arc::new(clock), allocated: None }
}

fn cell(placement: &str, instances: u32, utilisation: f64) -> Cell {
    let placement = PlacementSpec::parse(placement).unwrap();
    Cell { placement, instances, utilisation }
}

fn effort(nanos: u64, placers: &[PlacerKind]) -> Effort {
    Effort { nanos, seed: 7, placers: placers.to_vec() }
}

const BOTH: [PlacerKind; 2] = [PlacerKind::Indexed, PlacerKind::Naive];

#[test]
fn the_overhead_of_the_clock_is_taken_off_single_measurements() {
    assert_eq!(ticks(25).clock_overhead_ns(), 25);
    let mut samples = Samples::new(25);
    for between in [25, 125, 325, 3] {
        samples.record(between);
    }
    assert_eq!(samples.mean(), Some(100.0));
    assert_eq!((samples.quantile(0.5), samples.quantile(0.75), samples.max()), (0.0, 100.0, 300.0));
    assert_eq!(Samples::new(0).mean(), None);
}

/// Everything but the clock is drawn from the seed: equal clocks, equal rows.
#[test]
fn rows_follow_from_cell_effort_and_clock() {
    for strategy in every_strategy() {
        let cell = cell(&strategy, 12, 0.7);
        let effort = effort(200_000, &BOTH);
        let rows = || measure(&cell, &effort, &ticks(10), &mut |_| true).unwrap();
        let first = rows();
        assert_eq!(first, rows(), "{strategy}");
        assert_eq!(first.iter().map(|row| row.placer).collect::<Vec<_>>(), ["indexed", "naive"]);
        for row in &first {
            assert_eq!((row.strategy.as_str(), row.instances), (strategy.as_str(), 12));
            assert!(row.decisions > 1000, "{row:?}");
            assert_eq!(row.ns_per_decision.p99, 0.0, "the clock's own step is taken off");
            assert!(row.ns_per_decision.mean > 0.0 && row.ns_per_decision.mean <= 10.0);
            assert!((row.decisions_per_second * row.ns_per_decision.mean - 1e9).abs() < 1.0);
            assert_eq!(row.ns_per_refusal_unchanged, Some(0.0));
            let memory = row.memory_utilisation.unwrap();
            assert!((0.6..0.95).contains(&memory), "{strategy}: 9/8 of 70 % is {memory}");
        }
        let ratios = first.iter().map(|row| row.naive_over_indexed);
        assert_eq!(ratios.collect::<Vec<_>>(), [Some(1.0), None], "{strategy}");
    }
}

#[test]
fn both_placers_take_their_time_and_are_told_of() {
    let (mut rounds, mut looks) = (0, 0);
    let cell = cell("first-fit", 20, 0.8);
    let rows = measure(&cell, &effort(1_000_000, &BOTH), &ticks(10), &mut |over| {
        rounds += u64::from(over);
        looks += 1;
        true
    });
    let rows = rows.unwrap();
    assert_eq!(rounds, ROUNDS);
    assert!(looks > rounds, "it can be interrupted while the cluster is filled");
    assert!(rows.iter().all(|row| row.turnovers == Some(3.0)), "{rows:?}");
    let stopped = measure(&cell, &effort(1_000_000, &BOTH), &ticks(10), &mut |over| !over);
    assert!(matches!(stopped, Err(BenchError::Interrupted)));
    let stopped = measure(&cell, &effort(1_000_000, &BOTH), &ticks(10), &mut |_| false);
    assert!(matches!(stopped, Err(BenchError::Interrupted)));
}

/// Where a strategy is too slow to fill the cluster, it is filled all the same, and said so.
#[test]
fn a_cluster_that_takes_too_long_to_fill_is_filled_by_the_filler() {
    let rows = measure(&cell("fgd", 50, 0.8), &effort(1000, &BOTH), &ticks(500), &mut |_| true);
    for row in rows.unwrap() {
        assert_eq!(row.turnovers, Some(0.0));
        assert!(row.memory_utilisation.unwrap() > 0.8, "{row:?}");
        assert!(row.decisions > 0);
    }
}

/// At 100 % of the CPU memory would have to be in use at 112 %.
#[test]
fn a_utilisation_that_cannot_be_reached_is_no_endless_loop() {
    let cell = cell("binpack:memory", 10, 1.0);
    let rows = measure(&cell, &effort(100_000, &BOTH), &ticks(10), &mut |_| true).unwrap();
    for row in rows {
        assert!(row.memory_utilisation.unwrap() > 0.9, "{row:?}");
        assert!(row.failed_share > 0.01 && row.failed_share < 0.9, "{row:?}");
    }
}

#[test]
fn placers_that_decide_differently_are_found_out() {
    let churn = |placement: &str| {
        let spec = PlacementSpec::parse(placement).unwrap();
        let mut churn = Churn::new(&spec, 10, 0.5, Seed(1)).unwrap();
        (0..100).for_each(|_| churn.step());
        churn
    };
    assert!(churn("first-fit").agrees_with(&churn("first-fit")));
    assert!(!churn("first-fit").agrees_with(&churn("worst-fit")));
}

#[test]
fn a_warm_up_can_be_repeated() {
    let spec = PlacementSpec::parse("spread:instanceId").unwrap();
    let new = || Churn::new(&spec, 30, 0.8, Seed(3)).unwrap();
    let (mut one, mut another) = (new(), new());
    let mut looks = 0;
    let warm_up = one.warm_up(2, &mut || {
        looks += 1;
        looks < 5
    });
    another.repeat(warm_up.unwrap()).unwrap();
    for churn in [&mut one, &mut another] {
        churn.hand_to(PlacerKind::Naive).unwrap();
        (0..500).for_each(|_| churn.step());
    }
    assert!(one.agrees_with(&another));
    assert_eq!(one.tasks(), another.tasks());
}

#[test]
fn the_shapes_are_those_of_the_scenario() {
    let text = include_str!("../../scenarios/churn.toml");
    let table: toml::Table = text.parse().unwrap();
    let tasks = table["workload"]["churn"]["tasks"].as_array().unwrap();
    let mut expected = Vec::new();
    for task in tasks {
        let number = |key: &str| task[key].as_integer().unwrap() as u32;
        let shape = (number("cpu"), number("memory"));
        expected.extend(std::iter::repeat_n(shape, number("weight") as usize));
    }
    assert_eq!(shapes().collect::<Vec<_>>(), expected);
}

// --- open loop --------------------------------------------------------------------------

/// A reading takes 1 µs, a step as long as the reading after it: at most 1 M decisions a second.
#[test]
fn the_ramp_ends_where_the_scheduler_falls_behind() {
    let cell = cell("first-fit", 20, 0.8);
    let effort = effort(20_000_000, &[PlacerKind::Indexed]);
    let mut over = 0;
    let levels = ramp(&cell, &effort, &ticks(1000), &mut |done| {
        over += u64::from(done);
        true
    });
    let levels = levels.unwrap();
    assert_eq!(over, RATES, "rates that are left out are done with too");
    assert_eq!(levels[0].rate_per_s, 100_000.0);
    let (last, kept_up) = levels.split_last().unwrap();
    assert!(last.saturated && last.rate_per_s >= 900_000.0, "{last:?}");
    assert!(last.latency_ns.p99 > 10.0 * levels[0].latency_ns.p99);
    for level in kept_up {
        assert!(!level.saturated, "{level:?}");
        let of_rate = level.achieved_per_s / level.rate_per_s;
        assert!((0.9..1.1).contains(&of_rate), "Poisson: {level:?}");
        let busy = level.scheduler_utilisation * 1e6 / level.rate_per_s;
        assert!((0.9..1.1).contains(&busy), "1 µs each: {level:?}");
        assert!(level.latency_ns.p50 >= 999.0 && level.latency_ns.p50 <= level.latency_ns.p99);
    }
}

/// While the scheduler stands still for 2 of 20 ms, 10 % of the arrivals are due; all of them
/// count with the time they waited, not only the one that was being decided on.
#[test]
fn who_arrives_during_a_stall_waits_for_its_end() {
    let cell = cell("first-fit", 20, 0.8);
    let effort = effort(20_000_000, &[PlacerKind::Indexed]);
    // Readings: some 1000 for the overhead, up to 5000 in the closed loop, 20 000 at each rate.
    let with = stalling(1000, 20_000, 2_000_000);
    let levels = ramp(&cell, &effort, &with, &mut |_| true).unwrap();
    let stalled = levels.iter().find(|level| level.latency_ns.max > 1_900_000.0).unwrap();
    assert!(stalled.latency_ns.p99 > 1_500_000.0, "{stalled:?}");
    assert!(stalled.latency_ns.p50 < 100_000.0, "{stalled:?}");
}

// --- scenarios ----------------------------------------------------------------------------

const SCENARIO: &str = r#"
    [capacity.pool]
    vcpus = 4
    memory_mib = 8192
    count = 3
    [workload.batch]
    rate = "1/s"
    count = 500
    duration = "20s"
    tasks = [{ cpu = 1024, memory = 512 }]
"#;

fn sides() -> [Side; 2] {
    BOTH.map(|kind| {
        let document = Document::parse("t.toml", SCENARIO).unwrap();
        let placer = Override::flag("--placer", "placement.placer", placer_name(kind));
        Side { kind, scenario: Scenario::of(document, &[placer]).unwrap() }
    })
}

#[test]
fn every_decision_of_a_scenario_is_timed() {
    let settings = Settings { seed: 1, nanos: 1_000_000 };
    let rows = measure_scenario(&sides(), settings, &ticks(10), &mut |_| true).unwrap();
    let [side, _] = sides();
    let run = side.scenario.prepare(1).unwrap();
    let run = run.run(crate::scenario::Recording::default(), &mut |_| true).unwrap();
    let made = run.records.placements + run.records.refusals;
    for (row, kind) in rows.iter().zip(BOTH) {
        assert_eq!((row.placer, row.complete), (placer_name(kind), Some(true)));
        assert_eq!((row.instances, row.events), (3, Some(run.events)));
        assert_eq!(row.decisions % made, 0, "whole runs of {made}: {row:?}");
        assert!(row.failed_share > 0.0 && row.failed_share < 1.0);
        let refused = run.records.refusals as f64 / made as f64;
        assert!((row.failed_share - refused).abs() < 1e-9);
        assert_eq!(row.ns_per_decision.mean, 0.0, "the clock's own step is taken off");
        assert!(row.ns_per_event.unwrap() > 0.0);
    }
    assert_eq!(rows[0].naive_over_indexed, Some(1.0));
}

#[test]
fn a_scenario_that_takes_too_long_is_ended_and_said_so() {
    let settings = Settings { seed: 1, nanos: 100 };
    let rows = measure_scenario(&sides(), settings, &ticks(10), &mut |_| true).unwrap();
    for row in rows {
        assert_eq!((row.complete, row.events, row.utilisation), (Some(false), None, None));
        assert!((1..100).contains(&row.decisions), "{row:?}");
    }
    let stopped = measure_scenario(&sides(), settings, &ticks(10), &mut |_| false);
    assert!(matches!(stopped, Err(BenchError::Interrupted)));
}
