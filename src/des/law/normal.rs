//! The normal and log-normal laws, and the standard normal quantile.

use super::{LawError, assert_open_unit, error};

/// Numerator of AS 241 for |u - 0.5| <= 0.425, lowest power first.
const CENTRE_NUMERATOR: [f64; 8] = [
    3.387_132_872_796_366_5,
    133.141_667_891_784_38,
    1_971.590_950_306_551_3,
    13_731.693_765_509_46,
    45_921.953_931_549_87,
    67_265.770_927_008_7,
    33_430.575_583_588_13,
    2_509.080_928_730_122_7,
];

/// Denominator of AS 241 for |u - 0.5| <= 0.425.
const CENTRE_DENOMINATOR: [f64; 8] = [
    1.0,
    42.313_330_701_600_91,
    687.187_007_492_057_9,
    5_394.196_021_424_751,
    21_213.794_301_586_597,
    39_307.895_800_092_71,
    28_729.085_735_721_943,
    5_226.495_278_852_854,
];

/// Numerator of AS 241 for tail probabilities of at least e^-25.
const TAIL_NUMERATOR: [f64; 8] = [
    1.423_437_110_749_683_5,
    4.630_337_846_156_546,
    5.769_497_221_460_691,
    3.647_848_324_763_204_5,
    1.270_458_252_452_368_4,
    0.241_780_725_177_450_6,
    0.022_723_844_989_269_184,
    0.000_774_545_014_278_341_4,
];

/// Denominator of AS 241 for tail probabilities of at least e^-25.
const TAIL_DENOMINATOR: [f64; 8] = [
    1.0,
    2.053_191_626_637_759,
    1.676_384_830_183_803_8,
    0.689_767_334_985_1,
    0.148_103_976_427_480_08,
    0.015_198_666_563_616_457,
    0.000_547_593_808_499_534_5,
    1.050_750_071_644_416_9e-9,
];

/// Numerator of AS 241 for tail probabilities below e^-25.
const FAR_NUMERATOR: [f64; 8] = [
    6.657_904_643_501_103,
    5.463_784_911_164_114,
    1.784_826_539_917_291_3,
    0.296_560_571_828_504_87,
    0.026_532_189_526_576_124,
    0.001_242_660_947_388_078_4,
    2.711_555_568_743_487_6e-5,
    2.010_334_399_292_288_1e-7,
];

/// Denominator of AS 241 for tail probabilities below e^-25.
const FAR_DENOMINATOR: [f64; 8] = [
    1.0,
    0.599_832_206_555_888,
    0.136_929_880_922_735_8,
    0.014_875_361_290_850_615,
    0.000_786_869_131_145_613_3,
    1.846_318_317_510_054_8e-5,
    1.421_511_758_316_446e-7,
    2.044_263_103_389_939_7e-15,
];

/// The bell curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Normal {
    /// Mean.
    mean: f64,
    /// Standard deviation.
    deviation: f64,
}

impl Normal {
    /// Name of the law.
    pub(super) const NAME: &'static str = "normal";

    /// The law with a finite `mean` and a positive standard `deviation`; refuses any others.
    ///
    /// Its variates may be negative; use [`LogNormal`] or [`Gamma`](super::Gamma) for durations.
    pub fn new(mean: f64, deviation: f64) -> Result<Self, LawError> {
        let remedy = "give the standard deviation, or use the constant law for zero";
        Ok(Self {
            mean: error::finite(Self::NAME, "mean", mean)?,
            deviation: error::positive(Self::NAME, "deviation", deviation, remedy)?,
        })
    }

    /// The value that a variate does not exceed with probability `u` in (0, 1).
    pub fn quantile(&self, u: f64) -> f64 {
        self.mean + self.deviation * standard_normal_quantile(u)
    }

    /// The mean.
    pub fn mean(&self) -> f64 {
        self.mean
    }

    /// The variance, the deviation squared.
    pub fn variance(&self) -> f64 {
        self.deviation * self.deviation
    }
}

/// Exponential of a normal variate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LogNormal {
    /// Mean of the logarithm.
    mu: f64,
    /// Standard deviation of the logarithm.
    sigma: f64,
}

impl LogNormal {
    /// Name of the law.
    pub(super) const NAME: &'static str = "log-normal";

    /// The law whose natural logarithm has mean `mu` (finite) and standard deviation `sigma`
    /// (positive); refuses any others.
    pub fn new(mu: f64, sigma: f64) -> Result<Self, LawError> {
        let remedy = "give the standard deviation of the logarithm, or use the constant law";
        Ok(Self {
            mu: error::finite(Self::NAME, "mu", mu)?,
            sigma: error::positive(Self::NAME, "sigma", sigma, remedy)?,
        })
    }

    /// The value that a variate does not exceed with probability `u` in (0, 1).
    pub fn quantile(&self, u: f64) -> f64 {
        libm::exp(self.mu + self.sigma * standard_normal_quantile(u))
    }

    /// The mean, exp(mu + sigma^2 / 2).
    pub fn mean(&self) -> f64 {
        libm::exp(self.mu + self.sigma * self.sigma / 2.0)
    }

    /// The variance, (exp(sigma^2) - 1) exp(2 mu + sigma^2).
    pub fn variance(&self) -> f64 {
        let square = self.sigma * self.sigma;
        libm::expm1(square) * libm::exp(2.0 * self.mu + square)
    }
}

/// The standard normal quantile of `u` in (0, 1), to about one part in 10^16.
///
/// PPND16 of Wichura, "Algorithm AS 241: the percentage points of the normal distribution",
/// Applied Statistics 37 (1988), 477-484: a rational function in each of three regions.
pub(super) fn standard_normal_quantile(u: f64) -> f64 {
    assert_open_unit(u);
    let centred = u - 0.5;
    if centred.abs() <= 0.425 {
        let variable = 0.180_625 - centred * centred;
        return centred * ratio(&CENTRE_NUMERATOR, &CENTRE_DENOMINATOR, variable);
    }
    let tail = u.min(1.0 - u);
    let root = (-libm::log(tail)).sqrt();
    let magnitude = if root <= 5.0 {
        ratio(&TAIL_NUMERATOR, &TAIL_DENOMINATOR, root - 1.6)
    } else {
        ratio(&FAR_NUMERATOR, &FAR_DENOMINATOR, root - 5.0)
    };
    if centred < 0.0 { -magnitude } else { magnitude }
}

/// Quotient of two polynomials, lowest power first.
fn ratio(numerator: &[f64], denominator: &[f64], variable: f64) -> f64 {
    let horner =
        |powers: &[f64]| powers.iter().rev().fold(0.0, |sum, power| sum * variable + power);
    horner(numerator) / horner(denominator)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Probabilities in all three regions of the algorithm, with the quantiles as computed with
    /// 40 digits in mpmath.
    const REFERENCE: [(f64, f64); 11] = [
        (f64::EPSILON / 2.0, -8.209_536_151_601_387),
        (1e-12, -7.034_483_825_301_132),
        (1e-11, -6.706_023_155_495_136),
        (1e-10, -6.361_340_902_404_057),
        (1e-6, -4.753_424_308_822_899),
        (0.1, -1.281_551_565_544_600_4),
        (0.25, -0.674_489_750_196_081_7),
        (0.92, 1.405_071_560_309_632_9),
        (0.93, 1.475_791_028_179_171),
        (0.99, 2.326_347_874_040_840_8),
        (1.0 - f64::EPSILON / 2.0, 8.209_536_151_601_387),
    ];

    #[test]
    fn the_standard_quantile_matches_forty_digit_references() {
        for (u, expected) in REFERENCE {
            let value = standard_normal_quantile(u);
            let error = (value / expected - 1.0).abs();
            assert!(error < 1e-15, "u {u}: {value} and not {expected}, off by {error:e}");
        }
        assert_eq!(standard_normal_quantile(0.5), 0.0);
    }

    #[test]
    fn the_standard_quantile_is_symmetric() {
        for step in 1..1024 {
            let u = f64::from(step) / 2048.0;
            assert_eq!(standard_normal_quantile(u), -standard_normal_quantile(1.0 - u));
        }
    }
}
