//! How well a fitted engine's start latencies match probes it was not made from.

use serde::{Deserialize, Serialize};

use super::QuantileTable;

/// The two-sided 5 % point of Kolmogorov's law.
const KOLMOGOROV_95: f64 = 1.358;

/// Start latencies at one concurrency: the probes left out of the fit, and the fitted engine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Validation {
    /// Clients, each with one container at a time.
    pub concurrency: u32,
    /// Probes left out of the fit.
    pub probes: u32,
    /// Median of these, microseconds.
    pub measured_median_micros: u64,
    /// Their 90 % quantile, microseconds.
    pub measured_p90_micros: u64,
    /// Median of the fitted engine, microseconds.
    pub fitted_median_micros: u64,
    /// Its 90 % quantile, microseconds.
    pub fitted_p90_micros: u64,
    /// Fitted over measured median, less 1.
    pub median_error: f64,
    /// Fitted over measured 90 % quantile, less 1.
    pub p90_error: f64,
    /// Kolmogorov-Smirnov distance of the two, 0 to 1.
    pub ks: f64,
    /// Distance that two sets of independent probes of one law exceed in 5 % of cases: as many as
    /// were left out, and as many as service times were made from.
    pub ks_critical: f64,
}

impl Validation {
    /// Compares what was measured with a model whose service times were made from `sources` probes;
    /// `None` if either has no samples. `fitted` is taken to have many.
    pub fn of(
        concurrency: u32,
        measured: &[u64],
        fitted: &[u64],
        sources: usize,
    ) -> Option<Validation> {
        let spread = 1.0 / measured.len() as f64 + 1.0 / sources as f64;
        let (real, model) = (QuantileTable::sorted(measured)?, QuantileTable::sorted(fitted)?);
        let at = |table: &QuantileTable, u: f64| table.sample(u).micros();
        let ratio = |u: f64| at(&model, u) as f64 / at(&real, u).max(1) as f64 - 1.0;
        Some(Validation {
            concurrency,
            probes: measured.len() as u32,
            measured_median_micros: at(&real, 0.5),
            measured_p90_micros: at(&real, 0.9),
            fitted_median_micros: at(&model, 0.5),
            fitted_p90_micros: at(&model, 0.9),
            median_error: ratio(0.5),
            p90_error: ratio(0.9),
            ks: ks_distance(measured, fitted),
            ks_critical: (KOLMOGOROV_95 * libm::sqrt(spread)).min(1.0),
        })
    }
}

/// Greatest difference of the two empirical distribution functions, neither of which is empty.
fn ks_distance(a: &[u64], b: &[u64]) -> f64 {
    let (mut a, mut b) = (a.to_vec(), b.to_vec());
    a.sort_unstable();
    b.sort_unstable();
    let below = |sorted: &[u64], value: u64| {
        sorted.partition_point(|one| *one <= value) as f64 / sorted.len() as f64
    };
    let values = a.iter().chain(&b);
    values.map(|&value| (below(&a, value) - below(&b, value)).abs()).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_those_worked_out_by_hand() {
        assert_eq!(ks_distance(&[1, 2, 3], &[3, 2, 1]), 0.0);
        assert_eq!(ks_distance(&[1, 2], &[3, 4, 5]), 1.0);
        // Below 2: 2 of 4 against none; below 4: 3 of 4 against 1 of 2.
        assert_eq!(ks_distance(&[1, 2, 4, 6], &[3, 5]), 0.5);
    }

    #[test]
    fn errors_are_relative_to_what_was_measured() {
        let validation = Validation::of(4, &[100, 200, 300], &[220], 6).unwrap();
        assert_eq!(validation.measured_median_micros, 200);
        assert!((validation.median_error - 0.1).abs() < 1e-12);
        assert!((validation.p90_error - (220.0 / 280.0 - 1.0)).abs() < 1e-12);
        // 1.358 times the root of 1/3 + 1/6.
        assert!((validation.ks_critical - 0.960).abs() < 0.001 && validation.ks > 0.6);
        assert_eq!(Validation::of(1, &[], &[1], 1), None);
    }
}
