//! Tests of comparisons.

use super::super::fixtures::{arm, compare};
use super::*;

fn names(comparison: &Comparison) -> Vec<&str> {
    comparison.arms.iter().map(|arm| arm.name.as_str()).collect()
}

fn ranked_by(arms: &[ArmRuns], metric: &str) -> Comparison {
    Comparison::of(arms, metric.parse().unwrap()).unwrap()
}

fn error(arms: &[ArmRuns]) -> ComparisonError {
    Comparison::of(arms, "wait_s.p99".parse().unwrap()).unwrap_err()
}

#[test]
fn lower_waiting_time_ranks_first_and_ties_by_name() {
    let arms = [
        arm("slow", &[9.0, 11.0]),
        arm("beta", &[3.0, 5.0]),
        arm("alpha", &[4.0, 4.0]),
        arm("fast", &[1.0, 1.0]),
    ];
    assert_eq!(names(&compare(&arms)), ["fast", "alpha", "beta", "slow"]);
}

#[test]
fn higher_utilisation_ranks_first() {
    let mut arms = [arm("low", &[1.0, 2.0]), arm("high", &[1.0, 2.0])];
    for run in &mut arms[0].runs {
        run.utilisation.cpu = Some(0.2);
    }
    let comparison = ranked_by(&arms, "utilisation.cpu");
    assert_eq!(names(&comparison), ["high", "low"]);
    let pair = comparison.pair(0, 1).unwrap();
    assert_eq!(pair.verdict, Winner::A);
    assert!((pair.difference.mean.unwrap() - 0.434).abs() < 1e-12);
    assert_eq!(names(&ranked_by(&arms, "cost_usd")), ["high", "low"]);
}

#[test]
fn arm_without_the_metric_ranks_last_and_says_in_how_many_runs() {
    let mut arms = [arm("aa", &[1.0, 1.0, 1.0]), arm("bb", &[2.0, 2.0, 2.0])];
    arms[0].runs[1].wait_s.p99 = None;
    let comparison = compare(&arms);
    assert_eq!(names(&comparison), ["bb", "aa"]);
    let undefined = MetricEstimate { mean: None, ci95: None, undefined_runs: 1 };
    assert_eq!(comparison.arms[1].metrics["wait_s.p99"], undefined);
    assert_eq!(comparison.pairs[0].difference, undefined);
    assert_eq!(comparison.pairs[0].verdict, Winner::NoDifferenceShown);
    let gpu_at_end = comparison.arms[0].metrics["allocated_at_end.gpu"];
    assert_eq!((gpu_at_end.mean, gpu_at_end.undefined_runs), (None, 3));
}

#[test]
fn pairs_are_all_in_rank_order_with_their_verdicts() {
    let arms =
        [arm("c", &[9.0, 10.0, 11.0]), arm("a", &[1.0, 2.0, 3.0]), arm("b", &[1.5, 2.0, 3.2])];
    let comparison = compare(&arms);
    let pairs: Vec<(&str, &str, Winner)> = comparison
        .pairs
        .iter()
        .map(|pair| (pair.a.as_str(), pair.b.as_str(), pair.verdict))
        .collect();
    assert_eq!(
        pairs,
        [("a", "b", Winner::NoDifferenceShown), ("a", "c", Winner::A), ("b", "c", Winner::A),]
    );
    assert_eq!(comparison.pair(0, 2), Some(&comparison.pairs[1]));
    assert_eq!(comparison.pair(2, 0), None);
    assert_eq!(comparison.pairs[1].difference.mean, Some(-8.0));
}

#[test]
fn one_seed_shows_no_difference() {
    let comparison = compare(&[arm("a", &[1.0]), arm("b", &[100.0])]);
    assert_eq!(comparison.pairs[0].difference.ci95, None);
    assert_eq!(comparison.pairs[0].verdict, Winner::NoDifferenceShown);
    assert_eq!(comparison.arms[0].metrics["wait_s.p99"].ci95, None);
}

#[test]
fn json_has_the_documented_shape() {
    let comparison = compare(&[arm("a", &[1.0, 1.0]), arm("b", &[2.0, 2.0])]);
    let json = serde_json::to_value(&comparison).unwrap();
    let keys: Vec<&String> = json.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["arms", "pairs", "ranking_metric", "scenario", "seeds"]);
    assert_eq!(json["seeds"], serde_json::json!([1, 2]));
    assert_eq!(json["ranking_metric"], "wait_s.p99");
    let arm = json["arms"][0].as_object().unwrap();
    let keys: Vec<&String> = arm.keys().collect();
    assert_eq!(keys, ["metrics", "name", "placement", "queue", "scaling"]);
    assert_eq!(arm["metrics"]["wait_s.p99"], serde_json::json!({"mean": 1.0, "ci95": [1.0, 1.0]}));
    assert_eq!(
        arm["metrics"]["allocated_at_end.gpu"],
        serde_json::json!({"mean": null, "ci95": null, "undefined_runs": 2})
    );
    assert_eq!(
        json["pairs"],
        serde_json::json!([{
            "a": "a", "b": "b", "metric": "wait_s.p99", "verdict": "a",
            "difference": {"mean": -1.0, "ci95": [-1.0, -1.0]},
        }])
    );
}

#[test]
fn json_is_read_as_it_was_written() {
    let mut arms = [arm("a", &[1.25, 1.5]), arm("b", &[2.0, 2.5])];
    arms[1].runs[0].verdict = Verdict::Overloaded;
    arms[1].runs[1].verdict = Verdict::Backlogged;
    arms[1].runs[1].wait_s.mean = None;
    arms[1].runs[1].workload_fingerprint = "other".to_owned();
    let metric = "wait_s.p99".parse().unwrap();
    let comparison = Comparison::of_different_workloads(&arms, metric).unwrap();
    assert_eq!(comparison.arms[1].unstable_runs, UnstableRuns { backlogged: 1, overloaded: 1 });
    assert!(comparison.workloads_differ);
    let json = serde_json::to_string(&comparison).unwrap();
    let read: Comparison = serde_json::from_str(&json).unwrap();
    assert_eq!(read.arms[1].unstable_runs, comparison.arms[1].unstable_runs);
    assert_eq!(serde_json::to_string(&read).unwrap(), json);
    let unknown = json.replacen("\"seeds\"", "\"sedes\"", 1);
    assert!(serde_json::from_str::<Comparison>(&unknown).is_err());
}

#[test]
fn numbers_are_read_back_to_the_bit() {
    // Needs the feature `float_roundtrip` of serde_json: without it one number in 30 is off.
    let thirds = |first: u32| -> Vec<f64> {
        (first..first + 50).map(|number| f64::from(number) * 37.0 / 3.0).collect()
    };
    let arms: Vec<ArmRuns> =
        (0..20).map(|number| arm(&format!("arm-{number}"), &thirds(number * 7 + 1))).collect();
    let comparison = compare(&arms);
    let json = serde_json::to_string_pretty(&comparison).unwrap();
    assert_eq!(serde_json::from_str::<Comparison>(&json).unwrap(), comparison);
}

#[test]
fn order_of_the_arms_changes_nothing() {
    let arms = [arm("a", &[1.0, 2.0]), arm("b", &[2.0, 2.0]), arm("c", &[0.5, 3.0])];
    let reversed: Vec<ArmRuns> = arms.iter().rev().cloned().collect();
    assert_eq!(compare(&arms), compare(&reversed));
}

#[test]
fn arms_need_the_same_seeds() {
    let mut arms = [arm("a", &[1.0; 4]), arm("b", &[1.0; 4])];
    arms[1].runs.remove(3);
    arms[1].runs.remove(1);
    let lacking = error(&arms);
    assert_eq!(
        lacking.to_string(),
        "arm \"b\" lacks seeds that other arms have: run it with seeds [2, 4] too"
    );
}

#[test]
fn arms_need_the_same_order_of_seeds() {
    let mut arms = [arm("a", &[1.0; 3]), arm("b", &[1.0; 3])];
    arms[1].runs.swap(0, 2);
    let (arm, first) = ("b".to_owned(), "a".to_owned());
    assert_eq!(error(&arms), ComparisonError::SeedOrder { arm, first });
}

#[test]
fn degenerate_input_is_refused() {
    assert_eq!(error(&[]), ComparisonError::NoArms);
    let name = "a".to_owned();
    assert_eq!(error(&[arm("a", &[])]), ComparisonError::NoRuns { arm: name.clone() });
    let twice = [arm("a", &[1.0]), arm("a", &[1.0])];
    assert_eq!(error(&twice), ComparisonError::DuplicateArm { arm: name.clone() });
    let mut repeated = [arm("a", &[1.0, 1.0])];
    repeated[0].runs[1].seed = 1;
    assert_eq!(error(&repeated), ComparisonError::DuplicateSeed { arm: name, seed: 1 });
}

#[test]
fn runs_of_one_scenario_need_the_same_workload() {
    let mut arms = [arm("a", &[1.0, 2.0]), arm("b", &[1.0, 2.0])];
    arms[1].runs[1].workload_fingerprint = "other".to_owned();
    assert_eq!(
        error(&arms),
        ComparisonError::WorkloadsDiffer { first: "a".to_owned(), second: "b".to_owned(), seed: 2 }
    );
}

#[test]
fn runs_of_different_scenarios_may_differ_in_workload() {
    let mut arms = [arm("a", &[1.0, 2.0]), arm("b", &[1.0, 2.0])];
    for run in &mut arms[1].runs {
        run.scenario = "cpu-day".to_owned();
        run.workload_fingerprint = "other".to_owned();
    }
    let comparison = compare(&arms);
    assert_eq!(comparison.scenario, "gpu-day, cpu-day");
    assert!(comparison.workloads_differ);
}
