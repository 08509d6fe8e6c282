//! Rank correlation: whether two lists order the same things alike.

/// Kendall's τ-b of pairs of values, -1 (reversed) to 1 (the same order).
///
/// (C - D) / √((n₀ - n₁) (n₀ - n₂)), of C pairs of pairs in the same order, D in the other, n₀ in
/// all, n₁ and n₂ tied in the first and the second value: Kendall, "The treatment of ties in
/// ranking problems", Biometrika 33 (1945). None of fewer than two pairs, or where one side is all
/// ties. Quadratic: made for strategies, not for tasks.
pub fn kendall_tau_b(pairs: &[(f64, f64)]) -> Option<f64> {
    let mut concordant_less_discordant = 0_i64;
    let (mut untied_first, mut untied_second) = (0_i64, 0_i64);
    for (index, a) in pairs.iter().enumerate() {
        for b in &pairs[index + 1..] {
            let (first, second) = (order(a.0, b.0), order(a.1, b.1));
            concordant_less_discordant += first * second;
            untied_first += first.abs();
            untied_second += second.abs();
        }
    }
    // The root of a square is exact, so that equal orders give exactly 1.
    let below = (untied_first as f64 * untied_second as f64).sqrt();
    (below > 0.0).then(|| (concordant_less_discordant as f64 / below).clamp(-1.0, 1.0))
}

/// -1, 0 or 1 as `a` is less than, equal to or greater than `b`.
fn order(a: f64, b: f64) -> i64 {
    i64::from(a > b) - i64::from(a < b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tau(first: &[f64], second: &[f64]) -> Option<f64> {
        let pairs: Vec<(f64, f64)> = first.iter().copied().zip(second.iter().copied()).collect();
        kendall_tau_b(&pairs)
    }

    #[test]
    fn taus_are_those_computed_by_hand() {
        let rising = [1.0, 2.0, 3.0, 4.0];
        assert_eq!(tau(&rising, &rising), Some(1.0));
        assert_eq!(tau(&rising, &[4.0, 3.0, 2.0, 1.0]), Some(-1.0));
        // One of six pairs is reversed: (5 - 1) / 6.
        assert!((tau(&rising, &[1.0, 2.0, 4.0, 3.0]).unwrap() - 2.0 / 3.0).abs() < 1e-12);
        // C 3, D 2, one tie in the second: 1 / √(6 × 5).
        let tied = tau(&rising, &[1.0, 3.0, 3.0, 2.0]).unwrap();
        assert!((tied - 1.0 / 30_f64.sqrt()).abs() < 1e-12, "{tied}");
    }

    #[test]
    fn ties_alone_have_no_order() {
        assert_eq!(tau(&[], &[]), None);
        assert_eq!(tau(&[1.0], &[1.0]), None);
        assert_eq!(tau(&[1.0, 1.0], &[1.0, 2.0]), None);
    }

    proptest! {
        #[test]
        fn reversing_one_side_turns_the_sign(
            pairs in prop::collection::vec((0..9_i32, 0..9_i32), 2..12),
        ) {
            let pairs: Vec<(f64, f64)> =
                pairs.into_iter().map(|(a, b)| (f64::from(a), f64::from(b))).collect();
            let turned: Vec<(f64, f64)> = pairs.iter().map(|(a, b)| (*a, -b)).collect();
            let swapped: Vec<(f64, f64)> = pairs.iter().map(|(a, b)| (*b, *a)).collect();
            let tau = kendall_tau_b(&pairs);
            prop_assert_eq!(kendall_tau_b(&turned), tau.map(|tau| -tau));
            prop_assert_eq!(kendall_tau_b(&swapped), tau);
            prop_assert!(tau.is_none_or(|tau| (-1.0..=1.0).contains(&tau)));
        }

        #[test]
        fn only_the_order_counts(values in prop::collection::btree_set(1..1000_i32, 2..12)) {
            let pairs: Vec<(f64, f64)> =
                values.iter().map(|value| (f64::from(*value), f64::from(*value).powi(3))).collect();
            prop_assert_eq!(kendall_tau_b(&pairs), Some(1.0));
        }
    }
}
