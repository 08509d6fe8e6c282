//! Tests of the incomplete gamma functions.

use super::*;

fn assert_close(value: f64, expected: f64, tolerance: f64, context: &str) {
    let error = (value / expected - 1.0).abs();
    assert!(error <= tolerance, "{context}: {value} and not {expected}, off by {error:e}");
}

#[test]
fn the_series_satisfies_its_differential_equation() {
    // With y = lambda - 1, y y' = eta (1 + y); with y = eta / f that is f^3 + eta f^2 + eta f' = f.
    for (n, coefficient) in SERIES.iter().enumerate() {
        let square = |n: usize| -> f64 { (0..=n).map(|k| SERIES[k] * SERIES[n - k]).sum() };
        let cube: f64 = (0..=n).map(|k| SERIES[k] * square(n - k)).sum();
        let shifted = if n == 0 { 0.0 } else { square(n - 1) };
        let residual = cube + shifted + (n as f64 - 1.0) * coefficient;
        let scale = libm::pow(3.0, -(n as f64));
        assert!(residual.abs() < 1e-14 * scale, "coefficient {n} leaves {residual:e}");
    }
}

#[test]
fn both_methods_agree_where_they_meet() {
    let shape = LARGE_SHAPE;
    let log_gamma = libm::lgamma(shape);
    let expansion = LargeShape::new(shape);
    for step in 40..=200 {
        let x = f64::from(step);
        let (small, large) = (small_shape_tails(shape, x, log_gamma), expansion.tails(x));
        assert_close(large.lower, small.lower, 1e-12, &format!("P at {x}"));
        assert_close(large.upper, small.upper, 1e-12, &format!("Q at {x}"));
    }
}

#[test]
fn a_whole_shape_gives_the_closed_form() {
    for x in [1e-3, 0.5, 1.0, 2.0, 5.0, 40.0] {
        let upper = libm::exp(-x) * (1.0 + x + x * x / 2.0);
        let tails = small_shape_tails(3.0, x, libm::lgamma(3.0));
        assert_close(tails.upper, upper, 1e-13, &format!("Q at {x}"));
        assert!((tails.lower + tails.upper - 1.0).abs() < 1e-15);
    }
}

#[test]
fn the_scaled_gamma_function_is_right() {
    for shape in [100.0_f64, 137.5, 1e4, 1e9] {
        let inverse = 1.0 / shape;
        let stirling = [
            1.0,
            1.0 / 12.0,
            1.0 / 288.0,
            -139.0 / 51_840.0,
            -571.0 / 2_488_320.0,
            163_879.0 / 209_018_880.0,
        ];
        let expected = horner(&stirling, inverse);
        assert_close(LargeShape::new(shape).scaled_gamma, expected, 4e-15, "scaled gamma");
    }
}

#[test]
fn excess_minus_log1p_does_not_cancel() {
    for y in [1e-9, -1e-9, 1e-5, -1e-5] {
        let series = y * y * (0.5 - y * (1.0 / 3.0 - y * (0.25 - y / 5.0)));
        assert_close(excess_minus_log1p(y), series, 4e-16, &format!("at {y}"));
    }
    for y in [0.79, 0.81, -0.79, -0.81, 0.3, -0.3, 5.0] {
        assert_close(excess_minus_log1p(y), y - libm::log1p(y), 1e-14, &format!("at {y}"));
    }
    assert_eq!(excess_minus_log1p(0.0), 0.0);
}
