//! Tests that hold for every law: order, moments, fixed bits, refusals.

use super::*;
use crate::des::{Purpose, Seed};
use rand_distr::Distribution;

/// Purpose of the draws of these tests.
const PURPOSE: Purpose = Purpose(1);

/// One or more of each law, under a name for messages, with moderate tails so that moments can be
/// estimated.
pub(super) fn laws() -> Vec<Law> {
    vec![
        Constant::new(2.5).unwrap().into(),
        Uniform::new(-1.0, 3.0).unwrap().into(),
        Exponential::new(4.0).unwrap().into(),
        Normal::new(-2.0, 3.0).unwrap().into(),
        LogNormal::new(0.5, 0.6).unwrap().into(),
        Pareto::new(2.0, 9.0).unwrap().into(),
        BoundedPareto::new(1.0, 100.0, 1.5).unwrap().into(),
        Weibull::new(3.0, 0.8).unwrap().into(),
        Gamma::new(0.4, 2.0).unwrap().into(),
        Gamma::new(7.0, 0.5).unwrap().into(),
        Gamma::new(400.0, 0.1).unwrap().into(),
        HyperExponential::new(&[0.7, 0.2, 0.1], &[1.0, 5.0, 20.0]).unwrap().into(),
        Poisson::new(0.3).unwrap().into(),
        Poisson::new(60.0).unwrap().into(),
        Poisson::new(2e6).unwrap().into(),
        Zipf::new(50, 1.1).unwrap().into(),
        Empirical::new(&[3.0, -1.0, 4.0, 1.0, 5.0]).unwrap().into(),
        Empirical::with_weights(&[2.0, 1.0], &[3.0, 1.0]).unwrap().into(),
    ]
}

/// Keyed variates of a law, each from a stream of its own.
pub(super) fn variates(law: &Law, count: u64) -> Vec<f64> {
    (0..count).map(|entity| law.quantile(Seed(77).uniform(PURPOSE, entity, 0))).collect()
}

#[test]
fn quantiles_never_decrease() {
    let edges = [f64::EPSILON / 2.0, 1e-12, 1e-6];
    for law in laws() {
        let inner = (1..2000).map(|step| f64::from(step) / 2000.0);
        let upper = edges.iter().rev().map(|u| 1.0 - u);
        let probabilities = edges.iter().copied().chain(inner).chain(upper);
        let values: Vec<f64> = probabilities.map(|u| law.quantile(u)).collect();
        assert!(values.is_sorted(), "{law:?}");
        assert!(values.iter().all(|value| value.is_finite()), "{law:?}");
    }
}

#[test]
fn sample_moments_match_the_closed_forms() {
    const COUNT: u64 = 200_000;
    for law in laws() {
        let values = variates(&law, COUNT);
        let average = |of: &dyn Fn(f64) -> f64| -> f64 {
            values.iter().map(|&value| of(value)).sum::<f64>() / COUNT as f64
        };
        let (mean, variance) = (law.mean(), law.variance());
        let mean_error = (variance / COUNT as f64).sqrt() + 1e-12;
        let sample_mean = average(&|value| value);
        let deviation = (sample_mean - mean) / mean_error;
        assert!(deviation.abs() < 4.0, "{}: mean {sample_mean}, not {mean}", law.name());
        let sample_variance = average(&|value| (value - mean).powi(2));
        let fourth = average(&|value| (value - mean).powi(4));
        let variance_error = ((fourth - variance * variance) / COUNT as f64).max(0.0).sqrt();
        let deviation = (sample_variance - variance) / (variance_error + 1e-12);
        assert!(
            deviation.abs() < 4.0,
            "{}: variance {sample_variance}, not {variance}",
            law.name()
        );
    }
}

/// Asserts that mean and variance equal the values given to about 1e-12.
fn assert_moments(law: impl Into<Law>, mean: f64, variance: f64) {
    let law = law.into();
    let close =
        |value: f64, expected: f64| value == expected || (value / expected - 1.0).abs() < 1e-12;
    assert!(close(law.mean(), mean), "{law:?}: mean {} and not {mean}", law.mean());
    let found = law.variance();
    assert!(close(found, variance), "{law:?}: variance {found} and not {variance}");
}

#[test]
fn moments_match_values_worked_by_hand() {
    use std::f64::consts::{E, LN_2, PI};
    assert_moments(Constant::new(-3.0).unwrap(), -3.0, 0.0);
    assert_moments(Uniform::new(2.0, 8.0).unwrap(), 5.0, 3.0);
    assert_moments(Exponential::new(0.5).unwrap(), 0.5, 0.25);
    assert_moments(Normal::new(1.0, 2.0).unwrap(), 1.0, 4.0);
    assert_moments(LogNormal::new(0.0, 1.0).unwrap(), E.sqrt(), (E - 1.0) * E);
    assert_moments(Pareto::new(2.0, 3.0).unwrap(), 3.0, 3.0);
    assert_moments(Pareto::new(2.0, 2.0).unwrap(), 4.0, f64::INFINITY);
    assert_moments(Pareto::new(2.0, 1.0).unwrap(), f64::INFINITY, f64::INFINITY);
    // On 1..2 with shape 1 the density is 2 / x^2; with shape 2 it is 8 / 3 x^3.
    let mean = 2.0 * LN_2;
    assert_moments(BoundedPareto::new(1.0, 2.0, 1.0).unwrap(), mean, 2.0 - mean * mean);
    let second = 8.0 / 3.0 * LN_2;
    assert_moments(BoundedPareto::new(1.0, 2.0, 2.0).unwrap(), 4.0 / 3.0, second - 16.0 / 9.0);
    assert_moments(Weibull::new(3.0, 1.0).unwrap(), 3.0, 9.0);
    assert_moments(Weibull::new(2.0, 2.0).unwrap(), PI.sqrt(), 4.0 - PI);
    assert_moments(Weibull::new(1.0, 0.01).unwrap(), libm::tgamma(101.0), f64::INFINITY);
    assert_moments(Gamma::new(4.0, 0.5).unwrap(), 2.0, 1.0);
    assert_moments(HyperExponential::new(&[1.0, 1.0], &[1.0, 3.0]).unwrap(), 2.0, 6.0);
    assert_moments(Poisson::new(7.5).unwrap(), 7.5, 7.5);
    assert_moments(
        Zipf::new(3, 1.0).unwrap(),
        18.0 / 11.0,
        36.0 / 11.0 - (18.0_f64 / 11.0).powi(2),
    );
    assert_moments(Zipf::new(5, 0.0).unwrap(), 3.0, 2.0);
    assert_moments(Empirical::new(&[1.0, 2.0, 6.0]).unwrap(), 3.0, 14.0 / 3.0);
    assert_moments(Empirical::with_weights(&[4.0, 0.0], &[1.0, 3.0]).unwrap(), 1.0, 3.0);
}

#[test]
fn one_variate_takes_one_u64() {
    for law in laws() {
        let mut expected = Seed(5).stream(PURPOSE, 1, 0);
        let (mut inherent, mut through_rand) = (expected.clone(), expected.clone());
        for _ in 0..20 {
            let value = law.quantile(expected.uniform());
            assert_eq!(law.sample(&mut inherent), value);
            assert_eq!(Distribution::sample(&law, &mut through_rand), value);
        }
        assert_eq!(inherent, expected, "{}", law.name());
        assert_eq!(through_rand, expected, "{}", law.name());
    }
}

/// 64-bit FNV-1a over the bits of 1000 variates.
fn fingerprint(law: &Law) -> u64 {
    variates(law, 1000)
        .iter()
        .flat_map(|value| value.to_bits().to_le_bytes())
        .fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
        })
}

/// Fingerprints of [`laws`], in order. They may change only together with the algorithm of a law;
/// if they change with a compiler, platform or feature flag, runs no longer repeat.
const FINGERPRINTS: [u64; 18] = [
    0x743C_50E7_A1F3_4A25,
    0xC5D1_6722_4022_1597,
    0xEF43_0CDB_4D4D_9B85,
    0xCB25_F4A0_FE4A_6AF1,
    0xBBDA_6E9C_0817_5BE4,
    0x951C_124D_58A5_6A08,
    0xD50F_CC2D_1E5E_D64D,
    0x479C_1AEB_99AE_E56A,
    0x218E_692B_FEA1_E534,
    0x4365_72A7_4794_2E25,
    0x7989_2918_6460_AAF2,
    0x0ACA_35B0_F2DE_FB5F,
    0xD2EB_9471_397D_3FC8,
    0x441B_4B4A_12CD_23F7,
    0x04D7_1B15_7605_6932,
    0x0683_E86E_AF65_B46A,
    0x273F_1FF3_6ADB_2B9D,
    0x1B2D_00CE_522D_FBB8,
];

#[test]
fn the_bits_of_all_variates_are_fixed() {
    let found: Vec<u64> = laws().iter().map(fingerprint).collect();
    let names: Vec<&str> = laws().iter().map(Law::name).collect();
    assert!(found == FINGERPRINTS, "laws {names:?} now give {found:#018x?}");
}

#[test]
fn scales_and_shapes_must_be_positive_and_finite() {
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert!(Exponential::new(bad).is_err());
        assert!(Normal::new(0.0, bad).is_err());
        assert!(LogNormal::new(0.0, bad).is_err());
        assert!(Pareto::new(bad, 1.0).is_err() && Pareto::new(1.0, bad).is_err());
        assert!(BoundedPareto::new(bad, 2.0, 1.0).is_err());
        assert!(BoundedPareto::new(1.0, bad, 1.0).is_err());
        assert!(BoundedPareto::new(1.0, 2.0, bad).is_err());
        assert!(Weibull::new(bad, 1.0).is_err() && Weibull::new(1.0, bad).is_err());
        assert!(HyperExponential::new(&[bad], &[1.0]).is_err());
        assert!(HyperExponential::new(&[1.0], &[bad]).is_err());
        assert!(Poisson::new(bad).is_err());
        assert!(Empirical::with_weights(&[1.0], &[bad]).is_err());
    }
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert!(Constant::new(bad).is_err());
        assert!(Uniform::new(bad, 1.0).is_err() && Uniform::new(0.0, bad).is_err());
        assert!(Normal::new(bad, 1.0).is_err() && LogNormal::new(bad, 1.0).is_err());
        assert!(Zipf::new(3, bad).is_err());
        assert!(Empirical::new(&[1.0, bad]).is_err());
    }
}

#[test]
fn other_bad_parameters_are_refused() {
    assert!(Uniform::new(1.0, 1.0).is_err());
    assert!(Uniform::new(-f64::MAX, f64::MAX).is_err());
    assert!(BoundedPareto::new(2.0, 1.0, 1.0).is_err());
    assert!(BoundedPareto::new(1.0, 2.0, f64::MIN_POSITIVE / 4.0).is_err());
    assert!(Poisson::new(1.1e9).is_err());
    assert!(Zipf::new(0, 1.0).is_err());
    assert!(Zipf::new(Zipf::MAX_RANKS + 1, 1.0).is_err());
    assert!(Zipf::new(3, -0.5).is_err());
    assert!(Empirical::new(&[]).is_err());
    assert!(Empirical::with_weights(&[1.0, 2.0], &[1.0]).is_err());
    assert!(Empirical::with_weights(&[1.0, 2.0], &[f64::MAX, f64::MAX]).is_err());
    assert!(HyperExponential::new(&[], &[]).is_err());
    assert!(HyperExponential::new(&[1.0], &[1.0, 2.0]).is_err());
}

#[test]
fn refusals_say_what_and_what_to_do() {
    let text = |result: Result<Law, LawError>| result.unwrap_err().to_string();
    assert_eq!(
        text(Exponential::new(-2.0).map(Law::from)),
        "exponential law: parameter `mean` is -2, but must be a finite number greater than zero; \
         give the mean waiting time, which is 1 / rate"
    );
    assert_eq!(
        text(Uniform::new(3.0, 1.0).map(Law::from)),
        "uniform law: `low` is 3 and `high` is 1, but the first must be less than the second; \
         swap them, or use the constant law if they are equal"
    );
    assert_eq!(
        text(Empirical::new(&[1.0, f64::NAN]).map(Law::from)),
        "empirical law: `values[1]` is NaN, but must be a finite number; correct or remove that \
         element"
    );
    assert_eq!(
        text(Empirical::new(&[]).map(Law::from)),
        "empirical law: the list `values` is empty; give at least one element"
    );
    assert_eq!(
        text(HyperExponential::new(&[1.0], &[1.0, 2.0]).map(Law::from)),
        "hyper-exponential law: `weights` has 1 elements and `means` has 2; give one of each for \
         every branch or value"
    );
    assert_eq!(
        text(Zipf::new(0, 1.0).map(Law::from)),
        "zipf law: `ranks` is 0, but must be from 1 to 1000000; use the bounded Pareto law for a \
         greater range"
    );
}

#[test]
fn every_law_refuses_a_probability_outside_the_open_interval() {
    for law in laws() {
        for u in [0.0, 1.0, -0.5, 1.5, f64::NAN] {
            let outcome = std::panic::catch_unwind(|| law.quantile(u));
            assert!(outcome.is_err(), "{} accepted {u}", law.name());
        }
    }
}
