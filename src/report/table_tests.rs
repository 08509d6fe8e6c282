//! Tests of the comparison's table.

use super::*;
use crate::experiment::comparison::ArmRuns;
use crate::experiment::fixtures::{arm, compare};

fn shown(arms: &[ArmRuns], width: usize) -> String {
    let table = comparison_table(&compare(arms), width).replace('\u{202f}', " ");
    for line in table.lines() {
        assert!(format::width(line) <= width.max(72), "{line:?}");
        assert!(!line.chars().any(char::is_control), "{line:?}");
        assert_eq!(line.trim_end(), line);
    }
    table
}

fn three_arms() -> [ArmRuns; 3] {
    let mut arms = [
        arm("binpack:memory", &[12.0, 12.4, 12.9]),
        arm("spread", &[12.1, 12.2, 13.1]),
        arm("random", &[40.5, 41.0, 42.5]),
    ];
    for (number, arm) in (0u32..).zip(&mut arms) {
        for run in &mut arm.runs {
            run.utilisation.memory = Some(0.5 + f64::from(number) / 100.0);
            run.cost_usd = 1000.0 + f64::from(number);
        }
    }
    arms
}

#[test]
fn table_shows_ranks_intervals_and_verdicts() {
    let table = shown(&three_arms(), 80);
    let expected = "\
gpu-day: 3 arms ranked by waiting time, p99 (lower is better), 3 seeds

#  arm             waiting time, p99  the arm above is      memory   cost
                                   s                             %    USD
─────────────────────────────────────────────────────────────────────────
1  binpack:memory         12.4 ± 1.1                          50.0  1 000
2  spread                 12.5 ± 1.4  no difference shown     51.0  1 001
3  random                 41.3 ± 2.6  better by 28.9 ± 1.3    52.0  1 002";
    let head: Vec<&str> = table.lines().take(8).collect();
    assert_eq!(head.join("\n"), expected);
}

#[test]
fn equal_figures_are_named_below_and_undefined_ones_dropped() {
    let mut arms = three_arms();
    for run in arms.iter_mut().flat_map(|arm| &mut arm.runs) {
        run.utilisation.gpu = None;
    }
    let table = shown(&arms, 80);
    let notes = table.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(notes.contains(
        "Equal for all arms: tasks rejected 0, tasks pending at the end 0, CPU utilisation 63.4 %."
    ));
    assert!(!table.contains("GPU"));
    assert!(table.contains("memory"));
}

#[test]
fn wide_terminal_has_one_table_and_a_narrow_one_two() {
    let headings = |width| {
        let table = shown(&three_arms(), width);
        table.lines().filter(|line| line.starts_with("#  arm")).count()
    };
    assert_eq!(headings(200), 1);
    assert_eq!(headings(72), 2);
}

#[test]
fn footnotes_say_what_the_interval_is() {
    let notes = shown(&three_arms(), 80).split_whitespace().collect::<Vec<_>>().join(" ");
    for want in [
        "Means over 3 seeds; ± is half a 95 % interval",
        "of 3 pairs of equal arms one in 20",
        "A warm-up of up to 10m is left out",
        "Every task after the warm-up started",
    ] {
        assert!(notes.contains(want), "{want}: {notes}");
    }
}

#[test]
fn one_seed_is_said_to_show_nothing() {
    let table = shown(&[arm("a", &[1.0]), arm("b", &[9.0])], 80);
    assert!(table.contains("Means of 1 seed: there is no interval"));
    assert!(table.contains("no difference shown"));
    assert!(!table.contains('±'));
}

#[test]
fn instability_and_unfinished_tasks_are_said() {
    let mut arms = three_arms();
    arms[2].runs[0].verdict = crate::metrics::summary::Verdict::Overloaded;
    arms[2].runs[1].verdict = crate::metrics::summary::Verdict::Backlogged;
    arms[2].runs[0].wait_s.unfinished = 30;
    arms[1].runs[0].wait_s.p99 = None;
    let table = shown(&arms, 80);
    let notes = table.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(table.contains("random !"));
    let overloaded = "! Overloaded, the queue kept growing,";
    assert!(notes.contains(overloaded), "{notes}");
    assert!(notes.contains("(of 3 runs): random 1."), "{notes}");
    assert!(notes.contains("! Backlogged, tasks were left waiting"), "{notes}");
    assert!(notes.contains("mean per run: random 10."));
    assert!(notes.contains("spread has no waiting time, p99 in 1 of 3 runs"));
}

#[test]
fn hostile_and_long_names_fit() {
    let long = "spread:attribute:ecs.availability-zone+binpack:memory".repeat(3);
    let arms = [
        arm("\u{1b}[31m\u{7}=evil\n\u{202e}x", &[1.0, 2.0]),
        arm(&long, &[1000.0, 2.0e9]),
        arm("日本日本日本日本日本日本日本日本", &[1.0e-5, 2.0e-5]),
    ];
    for width in [0, 60, 80, 100, 132, 250] {
        let table = shown(&arms, width);
        assert!(table.contains("[31m"), "{table}");
        assert!(table.contains('…'));
    }
}

#[test]
fn one_arm_shows_all_its_figures() {
    let table = shown(&[arm("only", &[1.0, 2.0])], 120);
    assert!(table.contains("CPU"));
    assert!(!table.contains("Equal for all arms"));
    assert!(!table.contains("No room"));
}

#[test]
fn overloaded_arm_does_not_set_the_unit_of_the_others() {
    let table = shown(
        &[arm("a", &[0.35, 0.36]), arm("b", &[0.45, 0.46]), arm("c", &[90_000.0, 80_000.0])],
        80,
    );
    assert!(table.contains(" ms\n"), "{table}");
}
