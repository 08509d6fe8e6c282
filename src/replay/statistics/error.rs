//! Errors of simulated values beside the real ones.
//!
//! MAPE, NAD and RMSLE are those that `OpenDC`'s M3SA reports, as shares instead of percentages, so
//! that results can be set beside each other.

use super::quantile::mean;

/// (simulated - real) / real: positive where the simulation is too high. None for a real value of
/// 0 that the simulation does not have; 0 where both are 0.
pub fn relative_error(simulated: f64, real: f64) -> Option<f64> {
    if simulated == real {
        return Some(0.0);
    }
    let error = (simulated - real) / real;
    error.is_finite().then_some(error)
}

/// Mean absolute percentage error as a share: the mean of |simulated - real| / real over pairs of a
/// simulated and a real value. None of no pairs, or if one has no relative error.
pub fn mape(pairs: &[(f64, f64)]) -> Option<f64> {
    let errors = pairs.iter().map(|(simulated, real)| relative_error(*simulated, *real));
    let errors: Option<Vec<f64>> = errors.collect();
    mean(errors?.into_iter().map(f64::abs))
}

/// Normalised absolute differences: Σ |simulated - real| / Σ real. None if the sum below is not
/// positive, unless both sums are 0.
pub fn nad(pairs: &[(f64, f64)]) -> Option<f64> {
    if pairs.is_empty() {
        return None;
    }
    let apart: f64 = pairs.iter().map(|(simulated, real)| (simulated - real).abs()).sum();
    let real: f64 = pairs.iter().map(|(_, real)| real).sum();
    if apart == 0.0 {
        return Some(0.0);
    }
    (real > 0.0).then(|| apart / real)
}

/// Root mean square logarithmic error: √ of the mean of ln²(simulated / real). None of no pairs, or
/// if a value is not positive.
///
/// It does not depend on the unit, as it would with 1 added to each value. M3SA weights the two
/// logarithms by α and 1 - α: with its α = 0.5 it gives half of this.
pub fn rmsle(pairs: &[(f64, f64)]) -> Option<f64> {
    let positive = |(simulated, real): &(f64, f64)| *simulated > 0.0 && *real > 0.0;
    if !pairs.iter().all(positive) {
        return None;
    }
    let squares = pairs.iter().map(|(simulated, real)| {
        let apart = libm::log(*simulated) - libm::log(*real);
        apart * apart
    });
    mean(squares).map(f64::sqrt)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn errors_are_those_computed_by_hand() {
        assert_eq!(relative_error(3.0, 4.0), Some(-0.25));
        assert_eq!(relative_error(5.0, 4.0), Some(0.25));
        let pairs = [(3.0, 4.0), (12.0, 8.0)];
        // 1/4 and 4/8; 5 of 12; ln²(3/4) and ln²(3/2).
        assert_eq!(mape(&pairs), Some(0.375));
        assert_eq!(nad(&pairs), Some(5.0 / 12.0));
        let squares = [0.287_682_072_451_780_9_f64, 0.405_465_108_108_164_4].map(|log| log * log);
        let want = f64::midpoint(squares[0], squares[1]).sqrt();
        assert!((rmsle(&pairs).unwrap() - want).abs() < 1e-12);
    }

    #[test]
    fn undefined_is_none_and_never_nan() {
        assert_eq!(relative_error(1.0, 0.0), None);
        assert_eq!(relative_error(0.0, 0.0), Some(0.0));
        assert_eq!(relative_error(f64::NAN, 1.0), None);
        for undefined in [mape(&[]), nad(&[]), rmsle(&[])] {
            assert_eq!(undefined, None);
        }
        assert_eq!(mape(&[(1.0, 1.0), (1.0, 0.0)]), None);
        assert_eq!(nad(&[(1.0, 0.0)]), None);
        assert_eq!(nad(&[(0.0, 0.0)]), Some(0.0));
        assert_eq!(rmsle(&[(0.0, 1.0)]), None);
    }

    fn pairs() -> impl Strategy<Value = Vec<(f64, f64)>> {
        prop::collection::vec((0.01..1e4_f64, 0.01..1e4_f64), 1..40)
    }

    proptest! {
        #[test]
        fn a_bias_is_every_measure(reals in prop::collection::vec(0.01..1e4_f64, 1..40),
                                   factor in 0.1..3.0_f64) {
            let pairs: Vec<(f64, f64)> = reals.iter().map(|real| (real * factor, *real)).collect();
            let bias = (factor - 1.0).abs();
            prop_assert!((mape(&pairs).unwrap() - bias).abs() < 1e-9);
            prop_assert!((nad(&pairs).unwrap() - bias).abs() < 1e-9);
            prop_assert!((rmsle(&pairs).unwrap() - libm::log(factor).abs()).abs() < 1e-9);
        }

        #[test]
        fn measures_are_not_negative_and_do_not_depend_on_the_unit(pairs in pairs()) {
            let scaled: Vec<(f64, f64)> =
                pairs.iter().map(|(simulated, real)| (simulated * 8.0, real * 8.0)).collect();
            for measure in [mape, nad, rmsle] {
                let (one, other) = (measure(&pairs).unwrap(), measure(&scaled).unwrap());
                prop_assert!(one >= 0.0);
                prop_assert!((one - other).abs() <= 1e-9 * one.max(1.0));
            }
        }

        #[test]
        fn rmsle_punishes_both_directions_alike(pairs in pairs()) {
            let swapped: Vec<(f64, f64)> = pairs.iter().map(|(a, b)| (*b, *a)).collect();
            prop_assert!((rmsle(&pairs).unwrap() - rmsle(&swapped).unwrap()).abs() < 1e-9);
        }
    }
}
