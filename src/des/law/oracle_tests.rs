//! Comparison of the laws with closed forms and with the crates `statrs` and `rand_distr`.

use super::tests::variates;
use super::*;
use crate::des::{Purpose, Seed};
use rand_distr::Distribution;
use statrs::distribution::{ContinuousCDF, DiscreteCDF};

/// Kolmogorov-Smirnov quantile: exceeded by chance once in 1000 tests.
const KOLMOGOROV: f64 = 1.95;

/// A law with its distribution function.
type Reference = (Law, Box<dyn Fn(f64) -> f64>);

/// The distribution function of a reference law.
fn cdf_of(law: impl ContinuousCDF<f64, f64> + 'static) -> Box<dyn Fn(f64) -> f64> {
    Box::new(move |x| law.cdf(x))
}

/// All continuous laws with a reference, some in several shapes.
fn continuous() -> Vec<Reference> {
    use statrs::distribution as reference;
    let mut laws: Vec<Reference> = vec![
        (Uniform::new(-1.0, 3.0).unwrap().into(), Box::new(|x| (x + 1.0) / 4.0)),
        (Exponential::new(4.0).unwrap().into(), cdf_of(reference::Exp::new(0.25).unwrap())),
        (
            Normal::new(-2.0, 3.0).unwrap().into(),
            cdf_of(reference::Normal::new(-2.0, 3.0).unwrap()),
        ),
        (
            LogNormal::new(0.5, 1.6).unwrap().into(),
            cdf_of(reference::LogNormal::new(0.5, 1.6).unwrap()),
        ),
        (Pareto::new(2.0, 1.3).unwrap().into(), cdf_of(reference::Pareto::new(2.0, 1.3).unwrap())),
    ];
    for shape in [0.3, 1.0, 1.1, 4.0] {
        let law = BoundedPareto::new(0.5, 80.0, shape).unwrap();
        let mass = 1.0 - (0.5_f64 / 80.0).powf(shape);
        laws.push((law.into(), Box::new(move |x| (1.0 - (0.5 / x).powf(shape)) / mass)));
    }
    for shape in [0.3, 1.0, 5.0] {
        let oracle = reference::Weibull::new(shape, 3.0).unwrap();
        laws.push((Weibull::new(3.0, shape).unwrap().into(), cdf_of(oracle)));
    }
    for shape in [0.05, 0.4, 0.5, 1.0, 3.3, 40.0, 99.0, 101.0, 1500.0] {
        let oracle = reference::Gamma::new(shape, 0.5).unwrap();
        let factor = statrs::function::gamma::gamma(shape + 1.0).recip();
        // The reference gives up on tiny values, for which the start of the series is exact.
        let cdf = move |x: f64| match x / 2.0 {
            half if half < 1e-6 => factor * half.powf(shape) * (1.0 - half * shape / (shape + 1.0)),
            _ => oracle.cdf(x),
        };
        laws.push((Gamma::new(shape, 2.0).unwrap().into(), Box::new(cdf)));
    }
    let branches = [(0.9, 1.0), (0.09, 30.0), (0.01, 2000.0)];
    let law = HyperExponential::new(&branches.map(|b| b.0), &branches.map(|b| b.1)).unwrap();
    let cdf = move |x: f64| -> f64 { branches.iter().map(|b| -b.0 * (-x / b.1).exp_m1()).sum() };
    laws.push((law.into(), Box::new(cdf)));
    laws
}

#[test]
fn continuous_quantiles_invert_the_distribution_function() {
    for (law, cdf) in continuous() {
        for step in 1..1000 {
            let u = f64::from(step) / 1000.0;
            let value = law.quantile(u);
            assert!((cdf(value) - u).abs() < 1e-9, "{law:?} at {u}: {}", cdf(value));
            let again = law.quantile(cdf(value).clamp(1e-300, 1.0 - f64::EPSILON));
            assert!((again - value).abs() <= 1e-6 * value.abs().max(1e-3), "{law:?} at {u}");
        }
    }
}

#[test]
fn keyed_variates_pass_kolmogorov_smirnov() {
    for (law, cdf) in continuous() {
        let mut values = variates(&law, 20_000);
        values.sort_by(f64::total_cmp);
        let count = values.len() as f64;
        let gap = |(index, &value): (usize, &f64)| {
            let (below, above) = (index as f64 / count, (index + 1) as f64 / count);
            (cdf(value) - below).abs().max((above - cdf(value)).abs())
        };
        let distance = values.iter().enumerate().map(gap).fold(0.0, f64::max);
        assert!(distance * count.sqrt() < KOLMOGOROV, "{law:?}: {distance}");
    }
}

/// Asserts that each quantile is the least whole number whose cumulative probability reaches u.
fn assert_discrete(law: &Law, least: f64, cdf: impl Fn(f64) -> f64) {
    for step in 1..1000 {
        let u = (f64::from(step) - 0.5) / 1000.0;
        let value = law.quantile(u);
        assert_eq!(value, value.floor(), "{law:?}");
        assert!(cdf(value) >= u - 1e-9, "{law:?} at {u}: {value} is too small");
        let before = value - 1.0;
        assert!(before < least || cdf(before) < u + 1e-9, "{law:?} at {u}: {value} is too great");
    }
}

#[test]
fn discrete_quantiles_are_the_least_that_reach_u() {
    for mean in [1e-3, 0.5, 3.7, 60.0, 499.0, 501.0, 2000.0] {
        let oracle = statrs::distribution::Poisson::new(mean).unwrap();
        let law = Poisson::new(mean).unwrap().into();
        assert_discrete(&law, 0.0, |count| oracle.cdf(count as u64));
    }
    for (ranks, exponent) in [(1, 1.0), (10, 0.0), (100, 0.7), (1000, 1.0), (1000, 2.5)] {
        let sum = |upto: u32| -> f64 { (1..=upto).map(|k| f64::from(k).powf(-exponent)).sum() };
        let law = Zipf::new(ranks, exponent).unwrap().into();
        assert_discrete(&law, 1.0, |rank| sum(rank as u32) / sum(ranks as u32));
    }
}

#[test]
fn a_million_ranks_stay_accurate() {
    let law = Zipf::new(Zipf::MAX_RANKS, 1.0).unwrap();
    // The harmonic number of 10^6 and that of 10^3, from their asymptotic expansion.
    let (million, thousand) = (14.392_726_722_865_724, 7.485_470_860_550_345);
    let u: f64 = thousand / million;
    assert_eq!(law.quantile(u - 1e-13), 1000.0);
    assert_eq!(law.quantile(u + 1e-13), 1001.0);
    assert!((law.mean() / (1e6 / million) - 1.0).abs() < 1e-12);
    assert_eq!(law.quantile(1.0 - f64::EPSILON / 2.0), 1e6);
}

#[test]
fn a_boundary_belongs_to_the_lower_value() {
    let law = Empirical::new(&[2.0, 1.0]).unwrap();
    assert_eq!(law.quantile(0.5), 1.0);
    assert_eq!(law.quantile(0.5 + f64::EPSILON), 2.0);
    assert_eq!(Zipf::new(4, 0.0).unwrap().quantile(0.75), 3.0);
}

#[test]
fn equal_values_are_shared_out_evenly() {
    let law = Empirical::new(&[5.0, 1.0, 3.0, 1.0]).unwrap();
    let mut values: Vec<f64> =
        (0..8).map(|step| law.quantile((f64::from(step) + 0.5) / 8.0)).collect();
    assert_eq!(values, [1.0, 1.0, 1.0, 1.0, 3.0, 3.0, 5.0, 5.0]);
    let law = Empirical::with_weights(&[5.0, 1.0], &[1.0, 3.0]).unwrap();
    values = (0..8).map(|step| law.quantile((f64::from(step) + 0.5) / 8.0)).collect();
    assert_eq!(values, [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 5.0, 5.0]);
}

/// Asserts that two laws give the same distribution, by the two-sample Kolmogorov-Smirnov test.
fn assert_same_law(law: &Law, oracle: impl Distribution<f64>) {
    const COUNT: usize = 20_000;
    let mut stream = Seed(31).stream(Purpose(2), 9, 0);
    let mut theirs: Vec<f64> = (0..COUNT).map(|_| oracle.sample(&mut stream)).collect();
    let mut ours = variates(law, COUNT as u64);
    ours.sort_by(f64::total_cmp);
    theirs.sort_by(f64::total_cmp);
    let up_to = |values: &[f64], x: f64| values.partition_point(|&value| value <= x);
    let gap = |&x: &f64| up_to(&ours, x).abs_diff(up_to(&theirs, x)) as f64 / COUNT as f64;
    let distance = ours.iter().chain(&theirs).map(gap).fold(0.0, f64::max);
    assert!(distance < KOLMOGOROV * (2.0 / COUNT as f64).sqrt(), "{law:?}: {distance}");
}

#[test]
fn rand_distr_draws_from_the_same_laws() {
    use rand_distr as oracle;
    let law = Exponential::new(4.0).unwrap().into();
    assert_same_law(&law, oracle::Exp::new(0.25).unwrap());
    assert_same_law(
        &Normal::new(-2.0, 3.0).unwrap().into(),
        oracle::Normal::new(-2.0, 3.0).unwrap(),
    );
    let law = LogNormal::new(0.5, 1.6).unwrap().into();
    assert_same_law(&law, oracle::LogNormal::new(0.5, 1.6).unwrap());
    assert_same_law(&Pareto::new(2.0, 1.3).unwrap().into(), oracle::Pareto::new(2.0, 1.3).unwrap());
    assert_same_law(
        &Weibull::new(3.0, 0.7).unwrap().into(),
        oracle::Weibull::new(3.0, 0.7).unwrap(),
    );
    for shape in [0.05, 0.5, 3.3, 80.0, 1e4, 1e6] {
        let law = Gamma::new(shape, 2.0).unwrap().into();
        assert_same_law(&law, oracle::Gamma::new(shape, 2.0).unwrap());
    }
    for mean in [0.5, 30.0, 450.0, 1e4, 1e9] {
        assert_same_law(&Poisson::new(mean).unwrap().into(), oracle::Poisson::new(mean).unwrap());
    }
    assert_same_law(&Zipf::new(1000, 1.2).unwrap().into(), oracle::Zipf::new(1000.0, 1.2).unwrap());
}
