//! The regularised incomplete gamma function ratios P and Q, and their inverse for large shapes.

use super::normal::standard_normal_quantile;

/// Least shape that [`LargeShape`] handles.
pub(super) const LARGE_SHAPE: f64 = 100.0;

/// Terms after which the series and the continued fraction must have ended; some 200 suffice.
const MAX_TERMS: u32 = 10_000;

/// Relative size of a term that no longer matters.
const NEGLIGIBLE: f64 = f64::EPSILON / 4.0;

/// Taylor coefficients of eta / (lambda - 1) in eta, lowest power first; see [`LargeShape`].
const SERIES: [f64; 32] = [
    1.0,
    -0.333_333_333_333_333_3,
    0.083_333_333_333_333_33,
    -0.014_814_814_814_814_815,
    0.001_157_407_407_407_407_3,
    0.000_352_733_686_067_019_4,
    -0.000_178_755_144_032_921_8,
    3.919_263_178_522_438e-5,
    -2.185_448_510_679_992e-6,
    -1.854_062_210_715_16e-6,
    8.296_711_340_953_087e-7,
    -1.766_595_273_682_607_8e-7,
    6.707_853_543_401_498e-9,
    1.026_180_978_424_030_9e-8,
    -4.382_036_018_453_353e-9,
    9.147_699_582_236_79e-10,
    -2.551_419_399_494_624_8e-11,
    -5.830_772_132_550_426e-11,
    2.436_194_802_066_741_5e-11,
    -5.027_669_280_114_175_5e-12,
    1.100_439_203_195_613_5e-13,
    3.371_763_262_400_985e-13,
    -1.392_388_722_418_162e-13,
    2.853_489_380_704_744_5e-14,
    -5.139_111_834_242_572e-16,
    -1.975_228_829_434_944_2e-15,
    8.099_521_156_704_561e-16,
    -1.652_253_121_639_816_2e-16,
    2.530_543_009_747_888_3e-18,
    1.168_693_973_855_957_6e-17,
    -4.770_037_049_820_485e-18,
    9.699_126_059_056_237e-19,
];

/// Both tails of the gamma law with scale one: P (at most x) and Q = 1 - P (more than x).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Tails {
    /// Probability of at most x.
    pub(super) lower: f64,
    /// Probability of more than x.
    pub(super) upper: f64,
}

/// P and Q for any shape up to [`LARGE_SHAPE`], by power series or continued fraction.
///
/// The smaller of the two is accurate to about 1e-13 relative; at most some 200 terms.
pub(super) fn small_shape_tails(shape: f64, x: f64, log_gamma: f64) -> Tails {
    if x <= 0.0 {
        return Tails { lower: 0.0, upper: 1.0 };
    }
    // x times the density, the common factor of both expansions.
    let factor = libm::exp(shape * libm::log(x) - x - log_gamma);
    if x < shape + 1.0 {
        let lower = (factor * power_series(shape, x)).min(1.0);
        Tails { lower, upper: 1.0 - lower }
    } else {
        let upper = (factor * continued_fraction(shape, x)).min(1.0);
        Tails { lower: 1.0 - upper, upper }
    }
}

/// P over its common factor: sum of x^n / (shape (shape + 1) ... (shape + n)), DLMF 8.11.4.
fn power_series(shape: f64, x: f64) -> f64 {
    let mut term = 1.0 / shape;
    let mut sum = term;
    for n in 1..MAX_TERMS {
        term *= x / (shape + f64::from(n));
        sum += term;
        if term <= sum * NEGLIGIBLE {
            break;
        }
    }
    sum
}

/// Q over its common factor: the even part of DLMF 8.9.2, by the modified Lentz method.
fn continued_fraction(shape: f64, x: f64) -> f64 {
    let mut offset = x + 1.0 - shape;
    let mut upward = 1.0 / f64::MIN_POSITIVE;
    let mut downward = 1.0 / offset;
    let mut value = downward;
    for n in 1..MAX_TERMS {
        let n = f64::from(n);
        let numerator = n * (shape - n);
        offset += 2.0;
        downward = 1.0 / (numerator * downward + offset);
        upward = offset + numerator / upward;
        let change = downward * upward;
        value *= change;
        if (change - 1.0).abs() <= f64::EPSILON {
            break;
        }
    }
    value
}

/// P and Q and their inverse for one large shape a, by Temme's uniform expansion.
///
/// Let lambda = x / a and eta^2 / 2 = lambda - 1 - ln lambda, with eta of the sign of lambda - 1.
/// Then Q is the integral from eta upwards of exp(-a eta^2 / 2) f(eta), as a share of the integral
/// over all eta, where f(eta) = eta / (lambda - 1). Written as a multiple A of the Gaussian tail
/// plus exp(-a eta^2 / 2) B(eta) / a, comparing powers of eta gives
///
/// ```text
/// b[n - 1] = f[n] + (n + 1) b[n + 1] / a  for n >= 1,  and  A = f[0] + b[1] / a.
/// ```
///
/// After Temme, SIAM J. Math. Anal. 10 (1979) 757-766, and Gil, Segura and Temme, SIAM J. Sci.
/// Comput. 34 (2012) A2965-A2981. The series converge for |eta| < 3.54; with a >= 100 the
/// probabilities that a float in (0, 1) with 53 bits can tell apart need only |eta| < 0.9, where
/// the terms past the 32nd are below rounding.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct LargeShape {
    /// The shape a.
    shape: f64,
    /// Coefficients of B, lowest power first.
    correction: [f64; SERIES.len()],
    /// The factor A, which equals gamma(a) sqrt(a / 2 pi) (e / a)^a.
    scaled_gamma: f64,
}

impl LargeShape {
    /// The expansion for a shape of at least [`LARGE_SHAPE`].
    pub(super) fn new(shape: f64) -> Self {
        assert!(shape >= LARGE_SHAPE, "the expansion needs a shape of at least 100, not {shape}");
        let mut correction = [0.0; SERIES.len()];
        for n in (1..SERIES.len()).rev() {
            let above = correction.get(n + 1).copied().unwrap_or(0.0);
            correction[n - 1] = SERIES[n] + (n + 1) as f64 * above / shape;
        }
        Self { shape, correction, scaled_gamma: SERIES[0] + correction[1] / shape }
    }

    /// P and Q at x. The smaller is accurate to about 1e-13 relative while |eta| < 1.
    pub(super) fn tails(&self, x: f64) -> Tails {
        self.tails_at(eta((x - self.shape) / self.shape))
    }

    /// The x at which P equals `u` in (0, 1); about three Newton steps.
    pub(super) fn quantile(&self, u: f64) -> f64 {
        let root = self.shape.sqrt();
        // To first order in 1 / a, from Temme 1992; f_1 = -1/3 is the shift of the mean.
        let mut eta = standard_normal_quantile(u) / root + SERIES[1] / self.shape;
        for _ in 0..8 {
            let Tails { lower, upper } = self.tails_at(eta);
            // On the log of the smaller tail, so that far tails converge as fast as the centre.
            let (tail, target) = if u < 0.5 { (lower, u) } else { (upper, 1.0 - u) };
            let excess = tail * libm::log1p((tail - target) / target);
            let step = excess / self.density_of_eta(eta);
            eta += if u < 0.5 { -step } else { step };
            if step.abs() <= f64::EPSILON {
                break;
            }
        }
        self.shape * (1.0 + eta / horner(&SERIES, eta))
    }

    /// P and Q as functions of eta.
    fn tails_at(&self, eta: f64) -> Tails {
        let argument = eta * (self.shape / 2.0).sqrt();
        let shift = horner(&self.correction, eta) * self.density_of_eta(eta)
            / (horner(&SERIES, eta) * self.shape);
        Tails {
            lower: (0.5 * libm::erfc(-argument) - shift).clamp(0.0, 1.0),
            upper: (0.5 * libm::erfc(argument) + shift).clamp(0.0, 1.0),
        }
    }

    /// Derivative of P with respect to eta.
    fn density_of_eta(&self, eta: f64) -> f64 {
        let scale = (self.shape / std::f64::consts::TAU).sqrt() / self.scaled_gamma;
        scale * libm::exp(-0.5 * self.shape * eta * eta) * horner(&SERIES, eta)
    }
}

/// The eta that belongs to `excess` = lambda - 1 > -1.
fn eta(excess: f64) -> f64 {
    let half_square = excess_minus_log1p(excess);
    (2.0 * half_square).sqrt().copysign(excess)
}

/// `y - ln(1 + y)` without the cancellation near zero.
///
/// With r = y / (2 + y), ln(1 + y) = 2 (r + r^3 / 3 + r^5 / 5 + ...) and y - 2 r = y r.
fn excess_minus_log1p(y: f64) -> f64 {
    if y.abs() > 0.8 {
        return y - libm::log1p(y);
    }
    let ratio = y / (2.0 + y);
    let square = ratio * ratio;
    let (mut sum, mut power) = (0.0, 1.0);
    for odd in (3..=101).step_by(2) {
        let term = power / f64::from(odd);
        sum += term;
        if term <= sum * NEGLIGIBLE {
            break;
        }
        power *= square;
    }
    ratio * (y - 2.0 * square * sum)
}

/// A polynomial, lowest power first.
fn horner(coefficients: &[f64], variable: f64) -> f64 {
    coefficients.iter().rev().fold(0.0, |sum, coefficient| sum * variable + coefficient)
}

#[cfg(test)]
#[path = "incomplete_gamma_tests.rs"]
mod tests;
