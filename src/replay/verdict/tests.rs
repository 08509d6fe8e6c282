//! Tests of the verdict on made-up runs whose errors are known by hand.

use proptest::prelude::*;
use serde_json::Value;

use super::fixtures::{arm, judge, origin, run, scaled, settings, task};
use super::*;
use crate::model::Outcome;
use crate::replay::observed::{ObservedRun, ObservedTask};
use crate::workload::Pace;

#[track_caller]
fn assert_close(got: Option<f64>, want: f64) {
    let got = got.unwrap();
    assert!((got - want).abs() < 1e-9, "{got} is not {want}");
}

#[track_caller]
fn find(
    arm: &ArmVerdict,
    metric: &str,
    tasks: impl Into<Option<TaskGroup>>,
    measure: Measure,
) -> MetricVerdict {
    arm.metric(metric, tasks.into(), measure).unwrap().clone()
}

fn completion(arm: &ArmVerdict) -> MetricVerdict {
    find(arm, "completion_s", TaskGroup::ContendedWork, Measure::RelativeError)
}

/// An arm of one simulated and these real runs.
fn arm_of(simulated: ObservedRun, real: Vec<ObservedRun>) -> ObservedArm {
    ObservedArm { name: "arm".to_owned(), simulated: vec![simulated], real }
}

#[test]
fn what_is_the_same_has_no_error() {
    let verdict = judge(&[arm("a", &[1.0, 1.0], &[1.0; 3]), arm("b", &[2.0, 2.0], &[2.0; 3])]);
    for arm in &verdict.arms {
        for metric in &arm.metrics {
            let is_short = metric.tasks == Some(TaskGroup::Short);
            let want = (!is_short).then_some(0.0);
            assert_eq!((metric.error, metric.error_floor), (want, want), "{metric:?}");
        }
        assert_eq!(arm.placement_agreement, Some(1.0));
        assert_eq!(arm.placement_agreement_floor, Some(1.0));
        assert_eq!(arm.tasks, MatchedTasks { ended_in_both: 60, ..MatchedTasks::default() });
        assert_eq!(arm.out_of_memory.neither, 60);
        assert!(arm.invalid_runs.is_empty());
        assert_eq!(completion(arm).interval, Some([0.0, 0.0]));
    }
    assert_eq!(verdict.gate.passed, Some(true));
    assert_eq!(verdict.kendall_tau, Some(1.0));
    assert_eq!((verdict.ranking.truly_different, verdict.ranking.ordered_right), (1, 1));
    assert_eq!(verdict.ranking.share_ordered_right, Some(1.0));
}

#[test]
fn a_bias_shows_with_its_sign_and_fails_the_gate() {
    for (factor, bias) in [(0.9, -0.1), (1.1, 0.1)] {
        let verdict = judge(&[arm("a", &[factor], &[1.0; 3])]);
        let arm = &verdict.arms[0];
        for metric in ["start_latency_s", "run_s", "completion_s"] {
            for group in [TaskGroup::All, TaskGroup::ContendedWork] {
                let metric = find(arm, metric, group, Measure::RelativeError);
                assert_close(metric.error, bias);
                assert_close(metric.magnitude.map(|magnitude| magnitude.median), 0.1);
                assert_close(metric.magnitude.map(|magnitude| magnitude.p95), 0.1);
                assert_eq!((metric.error_floor, metric.count), (Some(0.0), 20));
                assert_eq!(metric.runs.len(), 3);
                assert_close(Some(metric.runs[2].error), bias);
            }
        }
        assert_close(find(arm, "makespan_s", None, Measure::Mape).error, 0.1);
        assert_close(find(arm, "completion_s", None, Measure::Nad).error, 0.1);
        assert_close(find(arm, "completion_s", None, Measure::Rmsle).error, factor.ln().abs());
        // Waits of 1 to 20 s are 10.5 s on average.
        assert_close(find(arm, "wait_s", None, Measure::WassersteinS).error, 1.05);
        assert_eq!(verdict.gate.passed, Some(false));
        let failed = verdict.gate.failed.iter().map(|one| one.metric);
        // Start latencies may be wrong by twice as much: this much, but for rounding.
        let failed: Vec<&str> = failed.filter(|metric| *metric != "start_latency_s").collect();
        assert_eq!(failed, ["completion_s", "makespan_s"]);
        assert_eq!(verdict.gate.failed[0].limit, 0.05);
        let lenient = VerdictSettings { max_error: 0.11, ..settings() };
        let arms = [super::fixtures::arm("a", &[factor], &[1.0; 3])];
        assert_eq!(Verdict::judge(&arms, &lenient).gate.passed, Some(true));
    }
}

#[test]
fn floors_are_those_computed_by_hand() {
    // Real runs of 1, 1.25 and 2; relative errors of one against another: 0.25, 1, 0.2, 0.6, 0.5,
    // 0.375 of each task, median (0.375 + 0.5) / 2.
    let verdict = judge(&[arm("a", &[1.0, 1.25, 4.0], &[1.0, 1.25, 2.0])]);
    let arm = &verdict.arms[0];
    let metric = completion(arm);
    assert_close(metric.error_floor, 0.4375);
    // 120 magnitudes, of each of the six 20: place 113.05 is among the largest.
    assert_close(metric.magnitude.unwrap().p95_floor, 1.0);
    // The median simulated run is the second: errors 0.25, 0 and -0.375.
    assert_close(metric.error, 0.0);
    assert_close(metric.magnitude.map(|magnitude| magnitude.median), 0.25);
    let errors: Vec<f64> = metric.runs.iter().map(|run| run.error).collect();
    assert_close(Some(errors[0]), 0.25);
    assert_close(Some(errors[2]), -0.375);
    let makespan = find(arm, "makespan_s", None, Measure::Mape);
    // Mean simulated factor 6.25 / 3: errors 3.25 / 3, 2.5 / 3 / 1.25, 0.25 / 3 / 2.
    let want = (3.25 / 3.0 + 2.5 / 3.0 / 1.25 + 0.25 / 3.0 / 2.0) / 3.0;
    assert_close(makespan.error, want);
    assert_close(makespan.error_floor, (0.25 + 1.0 + 0.2 + 0.6 + 0.5 + 0.375) / 6.0);
    // Between real runs the mean wait of 10.5 s moves by 0.25, 1 and 0.75 of itself.
    let wait = find(arm, "wait_s", None, Measure::WassersteinS);
    assert_close(wait.error_floor, 10.5 * 2.0 / 3.0);
    // Against the simulated runs by 0, 0.25, 1; 0.25, 0, 0.75; 3, 2.75, 2.
    assert_close(wait.error, 10.5 * 10.0 / 9.0);
    assert_close(find(arm, "completion_s", None, Measure::Nad).error_floor, 2.925 / 6.0);
}

#[test]
fn an_error_within_the_floor_passes_the_gate() {
    // The floor of completion is 0.2 to 0.25, the error 0.1.
    let verdict = judge(&[arm("a", &[1.1], &[1.0, 1.25])]);
    let metric = completion(&verdict.arms[0]);
    assert!(metric.error.unwrap().abs() > 0.005 && metric.error_floor.unwrap() > 0.2);
    assert_eq!(verdict.gate.passed, Some(true), "{:?}", verdict.gate);
    // One real run has no floor.
    let alone = judge(&[arm("a", &[1.1], &[1.0])]);
    assert_eq!(completion(&alone.arms[0]).error_floor, None);
    assert_eq!(alone.gate.passed, Some(false));
}

#[test]
fn distances_of_runs_do_not_fall_with_their_number() {
    // Each simulated run is one of the real ones: both means are over the same distances but for
    // the zeros, so that the floor is larger by n / (n - 1).
    let factors = [1.0, 1.5, 3.0];
    let verdict = judge(&[arm("a", &factors, &factors)]);
    for metric in ["start_latency_s", "run_s", "wait_s"] {
        let ks = find(&verdict.arms[0], metric, None, Measure::Ks);
        assert_close(ks.error, ks.error_floor.unwrap() * 2.0 / 3.0);
        assert!(ks.error.unwrap() > 0.1);
    }
}

#[test]
fn short_tasks_have_errors_in_seconds() {
    let simulated = run([task(0, 0.0, 0.5, 0.5), task(1, 0.0, 0.5, 30.0)]);
    let real = run([task(0, 0.0, 0.25, 0.25), task(1, 0.0, 0.25, 40.0)]);
    let verdict = judge(&[arm_of(simulated, vec![real])]);
    let arm = &verdict.arms[0];
    let short = find(arm, "run_s", TaskGroup::Short, Measure::AbsoluteErrorS);
    assert_eq!((short.error, short.count), (Some(0.25), 1));
    let completion = find(arm, "completion_s", TaskGroup::Short, Measure::AbsoluteErrorS);
    assert_eq!(completion.error, Some(0.5));
    let long = find(arm, "run_s", TaskGroup::All, Measure::RelativeError);
    assert_eq!((long.error, long.count), (Some(-0.25), 1));
    let start = find(arm, "start_latency_s", TaskGroup::All, Measure::RelativeError);
    assert_eq!((start.error, start.count), (Some(1.0), 2));
}

#[test]
fn groups_are_told_apart() {
    let with = |run_s: [f64; 3]| {
        let mut tasks = [0, 1, 2].map(|number| task(number, 1.0, 1.0, run_s[number as usize]));
        tasks[1].pace = Pace::Time;
        tasks[2].contended = false;
        run(tasks)
    };
    let verdict = judge(&[arm_of(with([30.0, 10.0, 10.0]), vec![with([10.0, 10.0, 10.0])])]);
    let of = |group| find(&verdict.arms[0], "run_s", group, Measure::RelativeError);
    assert_eq!(
        (of(TaskGroup::ContendedWork).error, of(TaskGroup::ContendedWork).count),
        (Some(2.0), 1)
    );
    assert_eq!((of(TaskGroup::All).error, of(TaskGroup::All).count), (Some(0.0), 3));
}

#[test]
fn a_real_value_of_zero_is_left_out_and_counted() {
    let simulated = run([task(0, 0.0, 1.0, 5.0), task(1, 0.0, 1.0, 5.0)]);
    let real = run([task(0, 0.0, 0.0, 5.0), task(1, 0.0, 2.0, 5.0)]);
    let verdict = judge(&[arm_of(simulated, vec![real])]);
    let start = find(&verdict.arms[0], "start_latency_s", TaskGroup::All, Measure::RelativeError);
    assert_eq!((start.error, start.count), (Some(-0.5), 1));
    assert_eq!(start.magnitude.unwrap().undefined, 1);
}

#[test]
fn kills_for_memory_are_counted_by_both_sides() {
    let with = |killed: &[u64]| {
        run((0..5).map(|number| {
            let mut task = task(number, 0.0, 1.0, 5.0);
            if killed.contains(&number) {
                task.outcome = Some(Outcome::OutOfMemory);
            }
            task
        }))
    };
    // Task 2 is killed in one of three simulated runs, task 1 in two.
    let simulated = vec![with(&[0, 1]), with(&[0, 1, 2]), with(&[0])];
    let real = vec![with(&[0, 3]), with(&[0])];
    let verdict = judge(&[ObservedArm { name: "a".to_owned(), simulated, real }]);
    let want = ConfusionMatrix { both: 2, real_only: 1, simulated_only: 2, neither: 5 };
    assert_eq!(verdict.arms[0].out_of_memory, want);
}

#[test]
fn placement_is_compared_with_the_first_simulated_run() {
    let on = |instances: [Option<u32>; 4]| {
        run((0..).zip(instances).map(|(number, instance)| {
            let mut task = task(number, 0.0, 1.0, 5.0);
            task.placed = instance.map(|instance| (0.0, instance));
            if instance.is_none() {
                (task.started_s, task.ended_s, task.outcome) = (None, None, None);
            }
            task
        }))
    };
    let first = on([Some(0), Some(1), Some(2), None]);
    let other = on([Some(9), Some(9), Some(9), Some(9)]);
    let real = vec![on([Some(0), Some(1), Some(7), Some(3)]), on([Some(0), Some(1), None, None])];
    let arm = ObservedArm { name: "a".to_owned(), simulated: vec![first, other], real };
    let verdict = judge(&[arm]);
    // Two of four, and two of three; between the real runs two of four.
    assert_close(verdict.arms[0].placement_agreement, 7.0 / 12.0);
    assert_close(verdict.arms[0].placement_agreement_floor, 0.5);
}

#[test]
fn tasks_that_are_missing_or_unfinished_are_counted_and_fail_the_gate() {
    let unfinished = |number| {
        let mut task = task(number, 0.0, 1.0, 5.0);
        (task.ended_s, task.outcome) = (None, None);
        task
    };
    let done = |number| task(number, 0.0, 1.0, 5.0);
    let simulated = run([done(0), unfinished(1), done(2), unfinished(3), done(4)]);
    let real = run([done(0), done(1), unfinished(2), unfinished(3), done(5)]);
    let verdict = judge(&[arm_of(simulated, vec![real])]);
    let arm = &verdict.arms[0];
    let want = MatchedTasks {
        ended_in_both: 1,
        unfinished_in_reality: 1,
        unfinished_in_simulation: 1,
        unfinished_in_both: 1,
        missing_in_reality: 1,
        missing_in_simulation: 1,
    };
    assert_eq!(arm.tasks, want);
    assert!(arm.invalid_runs.is_empty());
    // Tasks 1, 2, 4 and 5 of 6 ended on one side only.
    assert_close(find(arm, "ended", None, Measure::OneSidedShare).error, 4.0 / 6.0);
    assert_eq!(verdict.gate.passed, Some(false));
    assert_eq!(verdict.gate.failed[0].metric, "ended");
}

#[test]
fn a_task_killed_in_reality_and_completed_in_simulation_is_an_error() {
    let done = |number| task(number, 0.0, 0.1, 5.0);
    let killed = |number| ObservedTask { outcome: Some(Outcome::Failed), ..done(number) };
    let simulated = run([done(0), done(1), done(2), killed(3)]);
    let real = [
        run([done(0), done(1), killed(2), killed(3)]),
        run([done(0), killed(1), killed(2), killed(3)]),
    ];
    let verdict = judge(&[arm_of(simulated, real.to_vec())]);
    let outcome = find(&verdict.arms[0], "outcome", None, Measure::Disagreement);
    // One task of four in one real run, two in the other; one between them.
    assert_close(outcome.error, 1.5 / 4.0);
    assert_close(outcome.error_floor, 0.25);
    assert_eq!(verdict.gate.failed[0].metric, "outcome");
}

#[test]
fn a_run_with_unknown_times_is_invalid_not_wrong() {
    let mut blind = scaled(3.0);
    blind.tasks.get_mut(&origin(7)).unwrap().started_s = None;
    let mut backwards = scaled(3.0);
    backwards.tasks.get_mut(&origin(2)).unwrap().ended_s = Some(0.0);
    let mut nan = scaled(3.0);
    nan.tasks.get_mut(&origin(2)).unwrap().submitted_s = f64::NAN;
    for (spoilt, times) in [(blind, (1, 0)), (backwards, (0, 1)), (nan, (0, 1))] {
        let mut arm = arm("a", &[1.0], &[1.0, 1.0]);
        arm.real.insert(1, spoilt);
        let verdict = judge(&[arm]);
        let judged = &verdict.arms[0];
        let (unknown_times, disordered_times) = times;
        let want = InvalidRun { world: World::Real, run: 1, unknown_times, disordered_times };
        assert_eq!(judged.invalid_runs, [want]);
        assert_eq!(judged.real_runs, 2);
        let metric = completion(judged);
        assert_eq!((metric.error, metric.error_floor), (Some(0.0), Some(0.0)));
        assert_eq!(metric.runs.iter().map(|run| run.run).collect::<Vec<_>>(), [0, 2]);
        // Nothing is wrong, yet nobody can say that all is right.
        assert_eq!(verdict.gate.passed, None);
        assert!(verdict.gate.not_judged[0].reason.starts_with("real run 1 is invalid: "));
    }
}

#[test]
fn a_task_stopped_before_its_start_does_not_spoil_a_run() {
    let mut real = scaled(1.0);
    let stopped = real.tasks.get_mut(&origin(3)).unwrap();
    (stopped.started_s, stopped.outcome) = (None, Some(Outcome::Stopped));
    let rejected = real.tasks.get_mut(&origin(4)).unwrap();
    (rejected.placed, rejected.started_s, rejected.ended_s) = (None, None, None);
    rejected.outcome = Some(Outcome::Rejected);
    let verdict = judge(&[arm_of(scaled(1.0), vec![real])]);
    assert!(verdict.arms[0].invalid_runs.is_empty());
    assert_eq!(verdict.arms[0].tasks.unfinished_in_reality, 1);
}

#[test]
fn differences_within_noise_are_not_truly_different() {
    let verdict = judge(&[
        arm("steady", &[1.0], &[1.0, 1.0, 1.0]),
        // Above the first by 0.01 on average, give or take much more.
        arm("noisy", &[0.5], &[0.9, 1.1, 1.03]),
        arm("slow", &[2.0], &[1.5, 1.5, 1.51]),
    ]);
    let ranking = &verdict.ranking;
    let pair = |a: &str, b: &str| {
        ranking.pairs.iter().find(|pair| pair.a == a && pair.b == b).unwrap().clone()
    };
    let noisy = pair("steady", "noisy");
    assert_eq!((noisy.truly_different, noisy.ordered_right), (Some(false), Some(false)));
    assert!(noisy.real_noise.unwrap() > noisy.real.unwrap().mean.abs());
    let slow = pair("steady", "slow");
    assert_eq!((slow.truly_different, slow.ordered_right), (Some(true), Some(true)));
    assert_eq!((ranking.truly_different, ranking.ordered_right), (2, 2));
    assert_eq!(ranking.share_ordered_right, Some(1.0));
    // Simulated order noisy, steady, slow; real order steady, noisy, slow: (2 - 1) / 3.
    assert_close(verdict.kendall_tau, 1.0 / 3.0);
    let ranks: Vec<_> =
        ranking.arms.iter().map(|arm| (arm.simulated_rank, arm.real_rank)).collect();
    assert_eq!(ranks, [(Some(2), Some(1)), (Some(1), Some(2)), (Some(3), Some(3))]);
}

#[test]
fn a_wrong_order_of_truly_different_arms_counts_against_the_simulator() {
    let verdict = judge(&[arm("a", &[2.0], &[1.0; 3]), arm("b", &[1.0], &[2.0; 3])]);
    assert_eq!(verdict.kendall_tau, Some(-1.0));
    assert_eq!(verdict.ranking.share_ordered_right, Some(0.0));
    // Arms that the simulator cannot tell apart are not in order either.
    let verdict = judge(&[arm("a", &[1.0], &[1.0; 3]), arm("b", &[1.0], &[2.0; 3])]);
    assert_eq!((verdict.kendall_tau, verdict.ranking.share_ordered_right), (None, Some(0.0)));
}

#[test]
fn one_repetition_cannot_tell_noise() {
    let verdict = judge(&[arm("a", &[1.0], &[1.0]), arm("b", &[2.0], &[2.0])]);
    let pair = &verdict.ranking.pairs[0];
    assert_eq!((pair.real_noise, pair.truly_different), (None, None));
    assert_eq!(pair.ordered_right, Some(true));
    assert_eq!(verdict.ranking.share_ordered_right, None);
}

#[test]
fn repetitions_are_paired_by_number_past_an_invalid_run() {
    let mut a = arm("a", &[1.0], &[1.0, 5.0, 2.0, 3.0]);
    let b = arm("b", &[2.0], &[1.5, 9.0, 2.5, 3.5]);
    a.real[1].tasks.get_mut(&origin(0)).unwrap().started_s = None;
    let verdict = judge(&[a, b]);
    let pair = &verdict.ranking.pairs[0];
    // The makespan of factor 1 is 20 × 11.25 s, so 0.5 is 112.5 s in each of the three.
    assert_close(pair.real.map(|real| real.mean), -112.5);
    assert!(pair.real_noise.unwrap() < 1e-9);
    assert_eq!(pair.truly_different, Some(true));
}

/// Every number in it is there or null: JSON has no NaN, which would become null unseen, so the
/// names that are null are returned.
fn nulls(value: &Value, name: &str, found: &mut Vec<String>) {
    match value {
        Value::Null => found.push(name.to_owned()),
        Value::Array(list) => list.iter().for_each(|one| nulls(one, name, found)),
        Value::Object(map) => map.iter().for_each(|(name, one)| nulls(one, name, found)),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn nothing_is_nan_where_there_is_nothing() {
    let empty = || run([]);
    let name = || "a".to_owned();
    let arms = [
        vec![],
        vec![ObservedArm { name: name(), simulated: vec![], real: vec![] }],
        vec![ObservedArm { name: name(), simulated: vec![empty()], real: vec![empty(), empty()] }],
        vec![ObservedArm { name: name(), simulated: vec![], real: vec![scaled(1.0)] }],
        vec![ObservedArm { name: name(), simulated: vec![scaled(1.0)], real: vec![] }],
        vec![ObservedArm { name: name(), simulated: vec![scaled(1.0)], real: vec![empty()] }],
    ];
    for arms in arms {
        let verdict = judge(&arms);
        assert!(!format!("{verdict:?}").contains("NaN"), "{verdict:?}");
        assert!(!format!("{verdict:?}").contains("inf,"), "{verdict:?}");
        assert_ne!(verdict.gate.passed, Some(true), "{:?}", verdict.gate);
        assert_eq!(verdict.kendall_tau, None);
        for metric in verdict.arms.iter().flat_map(|arm| &arm.metrics) {
            let is_known = metric.error.is_some() && metric.metric.contains("_s");
            assert!(!is_known || metric.metric == "throttled_s", "{metric:?}");
        }
    }
}

#[test]
fn metrics_that_are_no_numbers_are_undefined() {
    let mut odd = arm("a", &[1.0, 1.0], &[1.0, 1.0]);
    odd.real[0].metrics.insert("makespan_s".to_owned(), f64::NAN);
    odd.real[1].throttled_s = Some(f64::INFINITY);
    odd.simulated[0].cpu_used = None;
    let verdict = judge(&[odd, arm("b", &[2.0], &[2.0, 2.0])]);
    assert!(!format!("{verdict:?}").contains("NaN"));
    let arm = &verdict.arms[0];
    assert_eq!(find(arm, "throttled_s", None, Measure::Mape).error, None);
    assert_eq!(find(arm, "cpu_used", None, Measure::Mape).error, None);
    assert_eq!(verdict.ranking.pairs[0].truly_different, None);
}

#[test]
fn json_has_the_shape_of_the_results_page() {
    let verdict = judge(&[arm("a", &[1.0], &[1.0, 1.1]), arm("b", &[2.0], &[2.0, 2.1])]);
    let json = serde_json::to_value(&verdict).unwrap();
    assert_eq!(json["kendall_tau"], 1.0);
    assert_eq!(json["gate"]["passed"], true);
    assert_eq!(json["calibrated"], true);
    assert_eq!(json["ranking"]["metric"], "makespan_s");
    assert_eq!(json["arms"][0]["placement_agreement"], 1.0);
    let metric = &json["arms"][0]["metrics"][0];
    assert_eq!(metric["metric"], "start_latency_s");
    assert_eq!((&metric["tasks"], &metric["measure"]), (&"all".into(), &"relative-error".into()));
    for name in ["simulated", "real", "error", "error_floor"] {
        assert!(metric[name].is_number(), "{name}: {metric}");
    }
    assert_eq!(metric["interval"].as_array().unwrap().len(), 2);
    assert!(metric.get("samples").is_none());
    let mut found = Vec::new();
    nulls(&json["ranking"]["pairs"], "pairs", &mut found);
    // One simulated run has no interval.
    assert_eq!(found, ["ci95"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn the_order_of_runs_does_not_matter(
        factors in prop::collection::vec(0.5..2.0_f64, 2..5), simulated in 0.5..2.0_f64,
    ) {
        let turned: Vec<f64> = factors.iter().rev().copied().collect();
        let [one, other] = [&factors, &turned].map(|real| judge(&[arm("a", &[simulated], real)]));
        for (one, other) in one.arms[0].metrics.iter().zip(&other.arms[0].metrics) {
            let close = |a: Option<f64>, b: Option<f64>| match (a, b) {
                (Some(a), Some(b)) => (a - b).abs() < 1e-9,
                (a, b) => a == b,
            };
            prop_assert!(close(one.error, other.error), "{:?} {:?}", one, other);
            prop_assert!(close(one.error_floor, other.error_floor));
        }
    }

    #[test]
    fn intervals_contain_their_errors(
        factors in prop::collection::vec(0.5..2.0_f64, 1..4), simulated in 0.5..2.0_f64,
    ) {
        let verdict = judge(&[arm("a", &[simulated, 1.0], &factors)]);
        for metric in &verdict.arms[0].metrics {
            if let (Some([low, high]), Some(error)) = (metric.interval, metric.error) {
                prop_assert!(low <= error && error <= high, "{:?}", metric);
            }
        }
    }
}
