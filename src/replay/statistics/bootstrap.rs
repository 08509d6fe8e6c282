//! How well a median over tasks is known: the percentile bootstrap.

use super::quantile::{quantile, sorted};
use crate::des::{Purpose, Seed, Stream, pick};

/// Purpose of the draws of resampled tasks; the entity is the number of the resample.
pub const BOOTSTRAP_DRAW: Purpose = Purpose(u32::from_be_bytes(*b"BOOT"));

/// Resamples behind an interval.
pub const RESAMPLES: u64 = 1000;

/// Lower and upper end of the 95 % interval of the median of all values; none of no values.
///
/// `groups` are drawn as a whole, with replacement: values of one task in several runs are not
/// independent, so one passes them as one group. The ends are the 2.5 % and 97.5 % quantiles of the
/// medians of [`RESAMPLES`] such draws (Efron and Tibshirani, An Introduction to the Bootstrap,
/// 1993, chapter 13). Groups without a value are left out. It tells what other tasks of the same
/// kind would have given; what another run would have, only several runs tell. Every figure of the
/// same number of groups gets the same draws, and none depends on another.
pub fn median_interval(groups: &[Vec<f64>], seed: Seed) -> Option<[f64; 2]> {
    let groups: Vec<&[f64]> =
        groups.iter().map(Vec::as_slice).filter(|group| !group.is_empty()).collect();
    if groups.is_empty() {
        return None;
    }
    let mut resample = Vec::new();
    let mut draw = |number: u64| {
        let mut stream: Stream = seed.stream(BOOTSTRAP_DRAW, number, 0);
        resample.clear();
        for _ in 0..groups.len() {
            resample.extend_from_slice(groups[pick(stream.uniform(), groups.len())]);
        }
        median_of(&mut resample)
    };
    let medians = sorted((0..RESAMPLES).map(&mut draw));
    Some([quantile(&medians, 0.025)?, quantile(&medians, 0.975)?])
}

/// The median of at least one value, in linear time; the values are reordered.
fn median_of(values: &mut [f64]) -> f64 {
    let upper_middle = values.len() / 2;
    let is_odd = !values.len().is_multiple_of(2);
    let (below, &mut upper, _) = values.select_nth_unstable_by(upper_middle, f64::total_cmp);
    if is_odd {
        return upper;
    }
    let lower = below.iter().copied().max_by(f64::total_cmp).unwrap_or(upper);
    if lower == upper { lower } else { lower + (upper - lower) * 0.5 }
}

#[cfg(test)]
mod tests {
    use super::super::quantile::median;
    use super::*;
    use proptest::prelude::*;

    fn alone(values: &[f64]) -> Vec<Vec<f64>> {
        values.iter().map(|value| vec![*value]).collect()
    }

    #[test]
    fn cases_known_without_drawing() {
        assert_eq!(median_interval(&[], Seed(1)), None);
        assert_eq!(median_interval(&[vec![]], Seed(1)), None);
        assert_eq!(median_interval(&alone(&[4.0]), Seed(1)), Some([4.0, 4.0]));
        assert_eq!(median_interval(&alone(&[0.1; 9]), Seed(1)), Some([0.1, 0.1]));
        // Both ends of two values come up in a quarter of the draws each.
        assert_eq!(median_interval(&alone(&[1.0, 2.0]), Seed(1)), Some([1.0, 2.0]));
    }

    #[test]
    fn groups_are_drawn_as_a_whole() {
        // Hundred values in one group say no more than one: there is nothing else to draw.
        let one = vec![(0..100).map(f64::from).collect::<Vec<f64>>()];
        assert_eq!(median_interval(&one, Seed(3)), Some([49.5, 49.5]));
    }

    #[test]
    fn interval_of_many_values_is_that_of_theory() {
        // The median of 401 uniform values has a standard deviation of about 0.5 / √401 = 0.025.
        let values: Vec<f64> = (0..401).map(|place| f64::from(place) / 400.0).collect();
        let [low, high] = median_interval(&alone(&values), Seed(7)).unwrap();
        assert!((0.435..0.47).contains(&low) && (0.53..0.565).contains(&high), "{low} {high}");
    }

    #[test]
    fn draws_follow_from_the_seed_alone() {
        let values = alone(&[1.0, 5.0, 2.0, 8.0, 9.0, 3.0, 4.0, 4.5, 6.25, 7.125, 9.5]);
        assert_eq!(median_interval(&values, Seed(1)), median_interval(&values, Seed(1)));
        let draws: Vec<u64> =
            (0..2).map(|number| Seed(1).bits(BOOTSTRAP_DRAW, number, 0)).collect();
        assert_ne!(draws[0], draws[1]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn interval_contains_the_median(
            values in prop::collection::vec(-1e3..1e3, 1..30), seed in 0..1000_u64,
        ) {
            let [low, high] = median_interval(&alone(&values), Seed(seed)).unwrap();
            let middle = median(values.iter().copied()).unwrap();
            prop_assert!(low <= middle && middle <= high, "{} {} {}", low, middle, high);
        }

        #[test]
        fn medians_are_those_of_the_sorted_values(
            mut values in prop::collection::vec(-1e3..1e3, 1..30),
        ) {
            let want = median(values.iter().copied()).unwrap();
            prop_assert!((median_of(&mut values) - want).abs() < 1e-9);
        }
    }
}
