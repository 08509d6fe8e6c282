//! Tests of the plot of a ranking.

use super::*;
use crate::experiment::fixtures::{arm, compare};

fn ends(svg: &str) -> Vec<i32> {
    svg.lines()
        .filter(|line| line.starts_with("<circle"))
        .map(|line| line.split('"').nth(1).unwrap().parse().unwrap())
        .collect()
}

#[test]
fn best_arm_is_on_top_and_means_are_in_order() {
    let arms = [arm("slow", &[30.0, 32.0]), arm("fast", &[10.0, 11.0]), arm("mid", &[20.0, 20.0])];
    let svg = metric_svg(&compare(&arms)).unwrap();
    let position = |name: &str| svg.find(&format!("\n{name}\n")).unwrap();
    assert!(position("fast") < position("mid") && position("mid") < position("slow"));
    let dots = ends(&svg);
    assert_eq!(dots.len(), 3);
    assert!(dots.is_sorted());
    assert!(svg.contains("waiting time, p99 (s)") && svg.contains("lower is better"));
}

#[test]
fn names_are_escaped_and_cleaned() {
    let arms = [arm("<b onload=\"x\">&'\u{1b}\u{202e}", &[1.0, 2.0])];
    let svg = metric_svg(&compare(&arms)).unwrap();
    assert!(svg.contains("&lt;b onload=&quot;x&quot;&gt;&amp;&apos;\n"));
    assert!(!svg.contains("<b ") && !svg.contains('\u{1b}') && !svg.contains('\u{202e}'));
}

#[test]
fn equal_undefined_and_single_values_are_drawn() {
    let equal = [arm("a", &[5.0, 5.0]), arm("b", &[5.0, 5.0])];
    assert_eq!(ends(&metric_svg(&compare(&equal)).unwrap()).len(), 2);
    let zero = [arm("a", &[0.0])];
    let svg = metric_svg(&compare(&zero)).unwrap();
    assert!(!svg.contains("whiskers"));
    let mut undefined = [arm("a", &[1.0, 2.0]), arm("b", &[1.0, 2.0])];
    undefined[1].runs[0].wait_s.p99 = None;
    assert_eq!(ends(&metric_svg(&compare(&undefined)).unwrap()).len(), 1);
    undefined[0].runs[0].wait_s.p99 = None;
    assert!(ends(&metric_svg(&compare(&undefined)).unwrap()).is_empty());
}

#[test]
fn equal_comparisons_give_equal_bytes() {
    let arms: Vec<_> = (0..20)
        .map(|number| arm(&format!("arm-{number}"), &[f64::from(number), f64::from(number) + 0.7]))
        .collect();
    let svg = metric_svg(&compare(&arms)).unwrap();
    assert_eq!(svg, metric_svg(&compare(&arms)).unwrap());
    let digits = |line: &str| line.chars().filter(char::is_ascii_digit).count();
    let mut texts = svg.lines().filter(|line| !line.starts_with('<'));
    assert!(texts.all(|text| digits(text) <= 8), "{svg}");
}
