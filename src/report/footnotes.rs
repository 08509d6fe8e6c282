//! What to know about a comparison before believing it, in plain words.

use super::format;
use super::table::counted;
use crate::experiment::comparison::{Arm, Comparison};

/// Columns that a name takes at most in a footnote.
const NAME_COLUMNS: usize = 30;

/// Metric that says how many tasks are missing from the waiting times.
const UNFINISHED: &str = "wait_s.unfinished";

/// Metric that says how much of each run is left out.
const WARM_UP: &str = "warm_up_s";

/// The footnotes, one line of text each; `equal` and `left_out` name figures not in the table.
pub(super) fn of_comparison(
    comparison: &Comparison,
    equal: &[String],
    left_out: &[String],
) -> Vec<String> {
    let mut notes = stability(comparison);
    if !equal.is_empty() {
        notes.push(format!("Equal for all arms: {}.", equal.join(", ")));
    }
    if !left_out.is_empty() {
        let left_out: Vec<&str> = left_out.iter().rev().map(String::as_str).collect();
        notes.push(format!(
            "No room for {}: see comparison.csv or widen the terminal.",
            left_out.join(", ")
        ));
    }
    notes.extend(undefined(comparison));
    notes.push(interval(comparison));
    notes.extend(workloads(comparison));
    notes.push(warm_up(comparison));
    notes.push(unfinished(comparison));
    notes
}

fn name(arm: &Arm) -> String {
    format::elide(&arm.name, NAME_COLUMNS)
}

fn stability(comparison: &Comparison) -> Vec<String> {
    let overloaded = "Overloaded, the queue kept growing, so that waiting times say how long was \
                      simulated";
    let backlogged = "Backlogged, tasks were left waiting or the queue was long";
    let list = |what: &str, runs: &dyn Fn(&Arm) -> u32| {
        let of = |arm: &Arm| format!("{} {}", name(arm), runs(arm));
        let arms: Vec<String> =
            comparison.arms.iter().filter(|arm| runs(arm) > 0).map(of).collect();
        let seeds = counted(comparison.seeds.len(), "run");
        (!arms.is_empty()).then(|| format!("! {what} (of {seeds}): {}.", arms.join(", ")))
    };
    let overloaded = list(overloaded, &|arm| arm.unstable_runs.overloaded);
    let backlogged = list(backlogged, &|arm| arm.unstable_runs.backlogged);
    overloaded.into_iter().chain(backlogged).collect()
}

fn undefined(comparison: &Comparison) -> Vec<String> {
    let metric = comparison.ranking_metric;
    let estimates = comparison.arms.iter().filter_map(|arm| {
        let estimate = arm.metrics.get(metric.as_str())?;
        (estimate.undefined_runs > 0).then_some((arm, estimate.undefined_runs))
    });
    estimates
        .map(|(arm, runs)| {
            format!(
                "{} has no {} in {runs} of {}, so it has no mean and is ranked last.",
                name(arm),
                metric.metric().label,
                counted(comparison.seeds.len(), "run"),
            )
        })
        .collect()
}

fn interval(comparison: &Comparison) -> String {
    let seeds = comparison.seeds.len();
    if seeds == 0 {
        return "There are no runs.".to_owned();
    }
    if seeds == 1 {
        return "Means of 1 seed: there is no interval, and no difference can be shown. Give at \
                least 2 seeds, better 10 (--seeds 10)."
            .to_owned();
    }
    let pairs = comparison.pairs.len();
    let each = if pairs > 1 {
        format!(
            " Each interval stands for itself: of {pairs} pairs of equal arms one in 20 would \
             look different by chance."
        )
    } else {
        String::new()
    };
    format!(
        "Means over {seeds} seeds; ± is half a 95 % interval (Student t, one value per seed). A \
         difference is that of runs with the same seed, and is shown if its interval does not \
         contain 0.{each}"
    )
}

fn workloads(comparison: &Comparison) -> Option<String> {
    comparison.workloads_differ.then(|| {
        "The arms had different workloads, so a difference is that of workload and policy together."
            .to_owned()
    })
}

fn warm_up(comparison: &Comparison) -> String {
    let mut lengths = comparison.arms.iter().filter_map(|arm| arm.estimate(WARM_UP));
    let longest = lengths
        .next()
        .map_or(0.0, |first| lengths.fold(first.mean, |longest, next| longest.max(next.mean)));
    if longest == 0.0 {
        return "No warm-up is left out: the runs count from the start.".to_owned();
    }
    format!(
        "A warm-up of up to {} is left out of means and quantiles; counts of tasks and cost are \
         of the whole run.",
        format::duration(longest)
    )
}

fn unfinished(comparison: &Comparison) -> String {
    let counts: Vec<String> = comparison
        .arms
        .iter()
        .filter_map(|arm| Some((arm, arm.estimate(UNFINISHED)?.mean)))
        .filter(|(_, mean)| *mean > 0.0)
        .map(|(arm, mean)| format!("{} {}", name(arm), format::short_number(mean)))
        .collect();
    if counts.is_empty() {
        return "Every task after the warm-up started: waiting times are complete.".to_owned();
    }
    format!(
        "Tasks that never started are in no waiting time, which looks better for it; mean per run: \
         {}.",
        counts.join(", ")
    )
}
