//! A shifted log-normal law, for those who want a smooth one.

use serde::{Deserialize, Serialize};

use crate::des::LogNormal;

use super::QuantileTable;

/// The 95 % quantile of the standard normal law.
const Z_95: f64 = 1.644_853_626_951_472_7;

/// `shift + exp(mu + sigma Z)` microseconds, Z standard normal.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShiftedLogNormal {
    /// Least value, microseconds.
    pub shift: f64,
    /// Mean of the logarithm of what exceeds the shift, in microseconds.
    pub mu: f64,
    /// Standard deviation of that logarithm; 0 is a constant.
    pub sigma: f64,
}

impl ShiftedLogNormal {
    /// The law with the quantiles at 5, 50 and 95 % of a table.
    ///
    /// Where these are not skewed to the right, or the shift would be negative, it has no shift,
    /// the median of the table, and the same ratio of the 95 % to the 5 % quantile.
    pub fn of_table(table: &QuantileTable) -> ShiftedLogNormal {
        let at = |u: f64| table.sample(u).micros().max(1) as f64;
        let (low, median, high) = (at(0.05), at(0.5), at(0.95));
        let skew = low + high - 2.0 * median;
        let shift = (low * high - median * median) / skew;
        if skew > 0.0 && shift > 0.0 && shift < low {
            let sigma = libm::log((high - shift) / (median - shift)) / Z_95;
            return ShiftedLogNormal { shift, mu: libm::log(median - shift), sigma };
        }
        let sigma = libm::log(high / low) / (2.0 * Z_95);
        ShiftedLogNormal { shift: 0.0, mu: libm::log(median), sigma }
    }

    /// The value that a variate does not exceed with probability `u` in (0, 1), microseconds.
    pub fn quantile(&self, u: f64) -> f64 {
        let beyond = LogNormal::new(self.mu, self.sigma).map(|law| law.quantile(u));
        self.shift + beyond.unwrap_or_else(|_| libm::exp(self.mu))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::des::{Purpose, Seed};

    #[test]
    fn a_known_law_is_recovered_from_its_quantiles() {
        let known = ShiftedLogNormal { shift: 150_000.0, mu: 11.0, sigma: 0.6 };
        let mut stream = Seed(1).stream(Purpose(1), 0, 0);
        let draws: Vec<u64> =
            (0..20_000).map(|_| known.quantile(stream.uniform()) as u64).collect();
        let table = QuantileTable::of_samples(&draws).unwrap();
        let fitted = ShiftedLogNormal::of_table(&table);
        assert!((fitted.shift / known.shift - 1.0).abs() < 0.05, "{fitted:?}");
        assert!((fitted.mu - known.mu).abs() < 0.1, "{fitted:?}");
        assert!((fitted.sigma - known.sigma).abs() < 0.05, "{fitted:?}");
    }

    #[test]
    fn laws_without_a_right_tail_have_their_median_all_the_same() {
        let of = |micros: &[u64]| {
            ShiftedLogNormal::of_table(&QuantileTable::new(micros.to_vec()).unwrap())
        };
        let constant = of(&[5000]);
        assert_eq!((constant.shift, constant.sigma), (0.0, 0.0));
        assert!((constant.quantile(0.99) - 5000.0).abs() < 1e-6);
        let left = of(&[100, 900, 1000]);
        assert_eq!(left.shift, 0.0);
        assert!((left.quantile(0.5) - 900.0).abs() < 1e-6, "{left:?}");
        assert!(of(&[0]).quantile(0.5).is_finite());
    }
}
