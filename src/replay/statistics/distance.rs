//! How far two samples are apart as distributions.

use super::quantile::sorted;

/// Distances between the empirical distributions of two samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Distance {
    /// Of Kolmogorov and Smirnov: the largest difference of the two distribution functions, 0 to 1.
    pub ks: f64,
    /// Wasserstein-1: the area between the two distribution functions, in the unit of the values.
    /// It is what one would have to move each value on average to turn one sample into the other.
    pub wasserstein: f64,
}

/// Both distances; none if a sample has no finite value. Takes time n log n.
///
/// One sweep over both samples in order gives both. Shares are quotients of counts, so that equal
/// samples are exactly 0 apart, and disjoint ones exactly 1.
pub fn distance(a: &[f64], b: &[f64]) -> Option<Distance> {
    let (a, b) = (sorted(a.iter().copied()), sorted(b.iter().copied()));
    if a.is_empty() || b.is_empty() {
        return None;
    }
    let (mut below_a, mut below_b) = (0, 0);
    let (mut ks, mut wasserstein) = (0.0_f64, 0.0_f64);
    let mut last = a[0].min(b[0]);
    while below_a < a.len() || below_b < b.len() {
        let next_a = a.get(below_a).copied().unwrap_or(f64::INFINITY);
        let next_b = b.get(below_b).copied().unwrap_or(f64::INFINITY);
        let value = next_a.min(next_b);
        let apart = share(below_a, &a) - share(below_b, &b);
        wasserstein += apart.abs() * (value - last);
        last = value;
        below_a += a[below_a..].iter().take_while(|other| **other == value).count();
        below_b += b[below_b..].iter().take_while(|other| **other == value).count();
        ks = ks.max((share(below_a, &a) - share(below_b, &b)).abs());
    }
    Some(Distance { ks, wasserstein })
}

fn share(count: usize, sample: &[f64]) -> f64 {
    count as f64 / sample.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn distances_are_those_computed_by_hand() {
        // Functions 1/2, 1 from 1 on and from 3 on against 1 from 2 on: 1/2 apart on [1, 3).
        let of = distance(&[1.0, 3.0], &[2.0]).unwrap();
        assert_eq!(of, Distance { ks: 0.5, wasserstein: 1.0 });
        let ties = distance(&[1.0, 1.0, 2.0, 5.0], &[1.0, 2.0, 2.0, 2.0]).unwrap();
        // After 1: 2/4 against 1/4. From 2 to 5: 3/4 against 1.
        assert_eq!(ties, Distance { ks: 0.25, wasserstein: 0.25 + 0.75 });
    }

    #[test]
    fn equal_samples_are_not_apart_and_disjoint_ones_wholly() {
        let sample = [0.1, 0.2, 0.7, 0.7, 1e9];
        assert_eq!(distance(&sample, &sample), Some(Distance { ks: 0.0, wasserstein: 0.0 }));
        assert_eq!(distance(&[1.0; 7], &[2.0; 3]), Some(Distance { ks: 1.0, wasserstein: 1.0 }));
        assert_eq!(distance(&[], &[1.0]), None);
        assert_eq!(distance(&[f64::NAN], &[1.0]), None);
    }

    fn sample() -> impl Strategy<Value = Vec<f64>> {
        // Few distinct values, so that there are ties.
        prop::collection::vec((0..40_i32).prop_map(f64::from), 1..60)
    }

    proptest! {
        #[test]
        fn distances_are_symmetric_and_in_range(a in sample(), b in sample()) {
            let (there, back) = (distance(&a, &b).unwrap(), distance(&b, &a).unwrap());
            prop_assert_eq!(there, back);
            prop_assert!((0.0..=1.0).contains(&there.ks));
            prop_assert!(there.wasserstein >= 0.0);
        }

        #[test]
        fn a_shift_is_its_wasserstein_distance(a in sample(), shift in -100.0..100.0_f64) {
            let shifted: Vec<f64> = a.iter().map(|value| value + shift).collect();
            let apart = distance(&a, &shifted).unwrap().wasserstein;
            prop_assert!((apart - shift.abs()).abs() < 1e-9, "{} of {}", apart, shift);
        }

        #[test]
        fn wasserstein_of_equal_sizes_is_the_mean_difference_of_order_statistics(
            pairs in prop::collection::vec((0.0..100.0_f64, 0.0..100.0_f64), 1..40),
        ) {
            let (a, b): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
            let matched = sorted(a.iter().copied()).into_iter().zip(sorted(b.iter().copied()));
            let moved: f64 = matched.map(|(a, b)| (a - b).abs()).sum();
            let apart = distance(&a, &b).unwrap().wasserstein;
            prop_assert!((apart - moved / a.len() as f64).abs() < 1e-9);
        }

        #[test]
        fn ks_is_that_of_its_definition(a in sample(), b in sample()) {
            let below = |sample: &[f64], value: f64| {
                share(sample.iter().filter(|other| **other <= value).count(), sample)
            };
            let apart = |value: &f64| (below(&a, *value) - below(&b, *value)).abs();
            let want = a.iter().chain(&b).map(apart).fold(0.0, f64::max);
            prop_assert_eq!(distance(&a, &b).unwrap().ks, want);
        }
    }
}
