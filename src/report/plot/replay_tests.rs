//! Tests of the plots of a replay.

use super::*;
use crate::replay::verdict::fixtures::{arm, judge};

fn circles(svg: &str) -> usize {
    svg.lines().filter(|line| line.starts_with("<circle")).count()
}

#[test]
fn stairs_rise_by_the_share_of_equal_errors() {
    let steps = stairs(&[0.0, 0.1, 0.1, 0.5], 20.0);
    let want =
        [Step { start: 0.0, end: 10.0, value: 25.0 }, Step { start: 10.0, end: 20.0, value: 75.0 }];
    // The largest error is beyond the axis: the line ends below the top.
    assert_eq!(steps, want);
    assert_eq!(stairs(&[0.0; 3], 5.0), [Step { start: 0.0, end: 5.0, value: 100.0 }]);
}

#[test]
fn every_arm_has_a_panel_and_says_what_is_not_calibrated() {
    let arms = [arm("<first>", &[1.1], &[1.0, 1.2]), arm("second", &[0.9], &[1.0, 1.3])];
    let mut verdict = judge(&arms);
    let svg = error_svg("s", &verdict).unwrap();
    assert!(svg.contains("&lt;first&gt;") && svg.contains("second"));
    assert_eq!(svg.matches("completion, real against real").count(), 2);
    assert!(!svg.contains("uncalibrated"));
    verdict.calibrated = false;
    assert!(error_svg("s", &verdict).unwrap().contains("uncalibrated"));
    assert_eq!(svg, error_svg("s", &judge(&arms)).unwrap());
}

#[test]
fn simulated_and_real_means_have_a_dot_each() {
    let verdict = judge(&[arm("a", &[1.0, 1.1], &[1.0, 1.2]), arm("b", &[2.0], &[2.5, 2.6])]);
    let svg = replay_metric_svg("s", &verdict).unwrap();
    assert_eq!(circles(&svg), 4);
    assert!(svg.contains("makespan") && svg.contains("lower is better"));
    assert!(svg.contains("a, simulated") && svg.contains("b, real"));
}

#[test]
fn nothing_to_show_is_drawn_too() {
    let empty = arm("a", &[], &[]);
    for arms in [vec![], vec![empty]] {
        let verdict = judge(&arms);
        assert!(error_svg("s", &verdict).unwrap().starts_with("<svg"));
        assert_eq!(circles(&replay_metric_svg("s", &verdict).unwrap()), 0);
    }
}
