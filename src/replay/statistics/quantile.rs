//! Quantiles with linear interpolation, and plain means.

/// `values` in ascending order, without those that are not finite.
pub fn sorted(values: impl IntoIterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.into_iter().filter(|value| value.is_finite()).collect();
    values.sort_unstable_by(f64::total_cmp);
    values
}

/// The quantile of `sorted` values at `probability`, 0 to 1; none of no values.
///
/// Linear between the order statistics around `(n - 1) probability`: type 7 of Hyndman and Fan,
/// "Sample quantiles in statistical packages", The American Statistician 50 (1996), which numpy and
/// R take too. (That of `statrs` is type 8.)
pub fn quantile(sorted: &[f64], probability: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let place = probability.clamp(0.0, 1.0) * last as f64;
    let below = (place as usize).min(last);
    let above = (below + 1).min(last);
    let (low, high) = (sorted[below], sorted[above]);
    // Equal ends give the value itself, whatever the rounding of the rest.
    Some(if low == high { low } else { low + (high - low) * (place - below as f64) })
}

/// The median of values in any order; none of no values.
pub fn median(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    quantile(&sorted(values), 0.5)
}

/// The arithmetic mean; none of no values.
///
/// Summed as distances from the first value, so that equal values have exactly that mean.
pub fn mean(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut values = values.into_iter();
    let first = values.next()?;
    let (sum, count) = values.fold((0.0, 1.0), |(sum, count), value| {
        let distance: f64 = value - first;
        (sum + distance, count + 1.0)
    });
    Some(first + sum / count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn quantiles_are_those_computed_by_hand() {
        let values = [1.0, 2.0, 4.0, 8.0];
        // Places 1.5, 0.75 and 2.85 of 0 to 3.
        assert_eq!(quantile(&values, 0.5), Some(3.0));
        assert_eq!(quantile(&values, 0.25), Some(1.75));
        assert!((quantile(&values, 0.95).unwrap() - 7.4).abs() < 1e-12);
        assert_eq!(quantile(&values, 0.0), Some(1.0));
        assert_eq!(quantile(&values, 1.0), Some(8.0));
        assert_eq!(median([3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median([7.0]), Some(7.0));
        assert_eq!(median([]), None);
    }

    #[test]
    fn means_of_equal_values_are_exact() {
        assert_eq!(mean([0.1; 3]), Some(0.1));
        assert_eq!(mean([1.0, 2.0, 6.0]), Some(3.0));
        assert_eq!(mean([]), None);
    }

    proptest! {
        #[test]
        fn quantiles_lie_between_the_ends_and_rise(
            values in prop::collection::vec(-1e6..1e6, 1..40),
            low in 0.0..1.0,
            high in 0.0..1.0,
        ) {
            let values = sorted(values);
            let (low, high) = if low <= high { (low, high) } else { (high, low) };
            let at = |probability| quantile(&values, probability).unwrap();
            prop_assert!(values[0] <= at(low) && at(high) <= values[values.len() - 1]);
            prop_assert!(at(low) <= at(high) + 1e-9);
        }

        #[test]
        fn half_of_the_values_are_on_each_side_of_the_median(
            values in prop::collection::vec(-1e6..1e6, 1..40),
        ) {
            let middle = median(values.iter().copied()).unwrap();
            let half = values.len().div_ceil(2);
            prop_assert!(values.iter().filter(|value| **value <= middle).count() >= half);
            prop_assert!(values.iter().filter(|value| **value >= middle).count() >= half);
        }
    }
}
