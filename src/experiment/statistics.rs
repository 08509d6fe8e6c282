//! Means over independent runs, their 95 % intervals, and when a difference counts as shown.

use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, StudentsT};

use super::metric::Better;

/// Probability below the upper end of a two-sided 95 % interval.
const UPPER_PROBABILITY: f64 = 0.975;

/// Differences below this share of the two values are rounding of `f64`, and are taken as 0.
const ROUNDING: f64 = 1e-12;

/// A mean over runs and how well it is known.
///
/// The values behind it are one per run (per seed), never one per task: the tasks of one run wait
/// behind one another, so an interval from raw task samples would be far too narrow.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Estimate {
    /// Arithmetic mean of the values.
    pub mean: f64,
    /// Lower and upper end of the 95 % confidence interval of the mean; none for fewer than 2 runs.
    pub ci95: Option<[f64; 2]>,
}

impl Estimate {
    /// The mean of `values`, one per run, and its Student t interval.
    ///
    /// With n values, mean m and sample variance v (divisor n - 1) the interval is
    /// m ± t √(v / n), t being the 0.975 quantile of Student's t distribution with n - 1 degrees of
    /// freedom. It covers the true mean in 95 % of experiments if the values are independent and
    /// normal, and nearly so for means of long runs. Equal values give an interval of width zero.
    ///
    /// Sums run over the values in the order given, as distances from the first of them: the same
    /// values in the same order give the same bits. Takes time linear in the number of values.
    ///
    /// # Panics
    ///
    /// If there are no values or one is not finite: there is no mean then.
    pub fn of(values: &[f64]) -> Self {
        assert!(!values.is_empty(), "an estimate needs at least one run");
        assert!(values.iter().all(|value| value.is_finite()), "an estimate needs finite values");
        let count = values.len() as f64;
        let first = values[0];
        let mean = first + values.iter().map(|value| value - first).sum::<f64>() / count;
        if values.len() < 2 {
            return Self { mean, ci95: None };
        }
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let half_width = t_quantile(values.len() - 1) * (squares / (count - 1.0) / count).sqrt();
        Self { mean, ci95: Some([mean - half_width, mean + half_width]) }
    }

    /// Half the width of the interval: the figure behind ±; none without an interval.
    pub fn half_width(&self) -> Option<f64> {
        self.ci95.map(|[low, high]| (high - low) / 2.0)
    }
}

/// The 0.975 quantile of Student's t distribution, which 95 % intervals are made with.
fn t_quantile(degrees_of_freedom: usize) -> f64 {
    StudentsT::new(0.0, 1.0, degrees_of_freedom as f64)
        .expect("degrees of freedom are at least 1")
        .inverse_cdf(UPPER_PROBABILITY)
}

/// The mean of a - b and its interval, a and b being values of two arms in the same runs.
///
/// The values at one position come from the same seed, and so from the same workload (common
/// random numbers). What the seed did to both cancels in their difference, and the interval
/// is that of the differences: usually much narrower than the two arms' own intervals suggest.
/// A difference below 1e-12 of the larger value is rounding and counts as 0.
///
/// # Panics
///
/// If the slices differ in length, are empty, or hold a value that is not finite.
pub fn paired_difference(a: &[f64], b: &[f64]) -> Estimate {
    assert_eq!(a.len(), b.len(), "pairs need the same runs on both sides");
    let differences: Vec<f64> = a.iter().zip(b).map(|(a, b)| difference(*a, *b)).collect();
    Estimate::of(&differences)
}

fn difference(a: f64, b: f64) -> f64 {
    let difference = a - b;
    if difference.abs() <= ROUNDING * a.abs().max(b.abs()) {
        return 0.0;
    }
    difference
}

/// Which of two arms, a and b, is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Winner {
    /// The first.
    #[serde(rename = "a")]
    A,
    /// The second.
    #[serde(rename = "b")]
    B,
    /// The interval of the difference contains 0, or there is none for want of a second run.
    #[serde(rename = "no difference shown")]
    NoDifferenceShown,
}

impl Winner {
    /// Judges a [`paired_difference`] a - b of a metric of which `better` is the better direction.
    ///
    /// A difference is shown if its 95 % interval does not contain 0, ends included. One pair of
    /// equal arms is then called different with a probability of 5 %, and of many such pairs one
    /// in twenty: nothing here corrects for the number of pairs looked at.
    pub fn of(difference: &Estimate, better: Better) -> Self {
        let Some([low, high]) = difference.ci95 else {
            return Self::NoDifferenceShown;
        };
        match better {
            Better::Higher if low > 0.0 => Self::A,
            Better::Lower if low > 0.0 => Self::B,
            Better::Higher if high < 0.0 => Self::B,
            Better::Lower if high < 0.0 => Self::A,
            Better::Higher | Better::Lower | Better::Neither => Self::NoDifferenceShown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use statrs::distribution::Normal;
    use xxhash_rust::xxh3::xxh3_64;

    #[track_caller]
    fn assert_close(got: f64, want: f64, tolerance: f64) {
        assert!((got - want).abs() <= tolerance, "{got} is not {want}");
    }

    #[test]
    fn quantiles_are_those_of_the_textbook() {
        // Table of Student's t distribution, two-sided 95 %.
        for (degrees, want) in [
            (1, 12.706_204_736_432_095),
            (2, 4.302_652_729_911_275),
            (3, 3.182_446_305_284_263),
            (4, 2.776_445_105_198_05),
            (9, 2.262_157_162_740_992),
            (29, 2.045_229_642_132_703),
            (99, 1.984_216_951_586_362),
            (999, 1.962_341_461_133_449),
        ] {
            assert_close(t_quantile(degrees), want, 1e-9);
        }
    }

    #[test]
    fn interval_is_that_computed_by_hand() {
        // 1, 2, 3, 4: mean 2.5, variance 5/3, half-width 3.182446 × √(5/12).
        let estimate = Estimate::of(&[1.0, 2.0, 3.0, 4.0]);
        assert_eq!(estimate.mean, 2.5);
        let [low, high] = estimate.ci95.unwrap();
        assert_close(low, 0.445_739_744, 1e-8);
        assert_close(high, 4.554_260_256, 1e-8);
        assert_close(estimate.half_width().unwrap(), 2.054_260_256, 1e-8);
    }

    #[test]
    fn two_runs_have_one_degree_of_freedom() {
        // Half-width of 0 and 1: 12.7062 × √(0.5 / 2).
        let [low, high] = Estimate::of(&[0.0, 1.0]).ci95.unwrap();
        assert_close(high - low, 12.706_204_736, 1e-8);
    }

    #[test]
    fn one_run_has_no_interval() {
        let want = Estimate { mean: 7.25, ci95: None };
        assert_eq!(Estimate::of(&[7.25]), want);
        assert_eq!(want.half_width(), None);
        assert_eq!(Winner::of(&want, Better::Lower), Winner::NoDifferenceShown);
    }

    #[test]
    fn equal_values_give_an_interval_of_width_zero() {
        // Summed from 0 these give 0.30000000000000004 / 3, which is not 0.1.
        for value in [0.1, -3.3, 1e300, 0.0] {
            let estimate = Estimate::of(&[value; 3]);
            assert_eq!(estimate.mean, value);
            assert_eq!(estimate.ci95, Some([value, value]));
        }
    }

    #[test]
    #[should_panic(expected = "at least one run")]
    fn nothing_has_no_mean() {
        let _ = Estimate::of(&[]);
    }

    #[test]
    #[should_panic(expected = "finite values")]
    fn what_is_not_finite_has_no_mean() {
        let _ = Estimate::of(&[1.0, f64::NAN]);
    }

    #[test]
    fn pairing_takes_out_what_the_seed_does_to_both() {
        let a = [10.0, 200.0, 3000.0];
        let b = [11.0, 201.5, 3000.5];
        let paired = paired_difference(&a, &b);
        assert_eq!(paired.mean, -1.0);
        // Differences -1, -1.5, -0.5: standard deviation 0.5, half-width 4.302653 × 0.5 / √3.
        assert_close(paired.half_width().unwrap(), 1.242_068_851, 1e-8);
        assert!(Estimate::of(&a).half_width().unwrap() > 1000.0);
    }

    #[test]
    fn rounding_is_no_difference() {
        let difference = paired_difference(&[0.1 + 0.2; 3], &[0.3; 3]);
        assert_eq!(difference.mean, 0.0);
        assert_eq!(Winner::of(&difference, Better::Lower), Winner::NoDifferenceShown);
    }

    #[test]
    fn winner_follows_the_direction() {
        let above = paired_difference(&[3.0, 3.1, 3.2], &[1.0, 1.0, 1.0]);
        let below = paired_difference(&[1.0, 1.0, 1.0], &[3.0, 3.1, 3.2]);
        assert_eq!(Winner::of(&above, Better::Higher), Winner::A);
        assert_eq!(Winner::of(&above, Better::Lower), Winner::B);
        assert_eq!(Winner::of(&below, Better::Higher), Winner::B);
        assert_eq!(Winner::of(&below, Better::Lower), Winner::A);
        assert_eq!(Winner::of(&above, Better::Neither), Winner::NoDifferenceShown);
    }

    #[test]
    fn interval_with_zero_shows_no_difference() {
        let wide = paired_difference(&[3.0, 1.0, 2.0], &[1.0, 3.0, 1.9]);
        assert_eq!(Winner::of(&wide, Better::Lower), Winner::NoDifferenceShown);
        let touching = Estimate { mean: 1.0, ci95: Some([0.0, 2.0]) };
        assert_eq!(Winner::of(&touching, Better::Higher), Winner::NoDifferenceShown);
    }

    #[test]
    fn deterministic_arms_differ_without_doubt() {
        let difference = paired_difference(&[2.0; 4], &[3.0; 4]);
        assert_eq!(difference.ci95, Some([-1.0, -1.0]));
        assert_eq!(Winner::of(&difference, Better::Lower), Winner::A);
    }

    #[test]
    fn winners_are_written_as_documented() {
        let written = [Winner::A, Winner::B, Winner::NoDifferenceShown]
            .map(|winner| serde_json::to_string(&winner).unwrap());
        assert_eq!(written, ["\"a\"", "\"b\"", "\"no difference shown\""]);
    }

    #[test]
    fn intervals_cover_the_true_mean_as_often_as_they_say() {
        let law = Normal::new(40.0, 7.0).unwrap();
        let sample = |experiment: u64, run: u64| {
            let bits = xxh3_64(&[experiment.to_le_bytes(), run.to_le_bytes()].concat()) >> 12;
            law.inverse_cdf((bits as f64 + 0.5) / 2f64.powi(52))
        };
        let covered = (0..2000)
            .filter(|experiment| {
                let values: Vec<f64> = (0..10).map(|run| sample(*experiment, run)).collect();
                let [low, high] = Estimate::of(&values).ci95.unwrap();
                low <= 40.0 && 40.0 <= high
            })
            .count();
        // Of 2000 experiments 1900 ± 10 (one standard deviation) are expected: 93.5 to 96.5 %.
        assert!((1870..=1930).contains(&covered), "{covered} of 2000");
    }
}
