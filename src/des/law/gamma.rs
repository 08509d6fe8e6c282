//! The gamma law.

use super::incomplete_gamma::{LARGE_SHAPE, LargeShape, small_shape_tails};
use super::normal::standard_normal_quantile;
use super::{LawError, assert_open_unit, error};

/// Newton steps after which the search must have ended; four to eight are usual.
const MAX_ITERATIONS: u32 = 100;

/// Gamma law; with a whole shape the Erlang law, the sum of that many exponential variates.
#[derive(Clone, Debug, PartialEq)]
pub struct Gamma {
    /// Shape.
    shape: f64,
    /// Scale; the mean is shape times scale.
    scale: f64,
    /// How to invert the distribution function.
    method: Method,
}

/// How to invert the distribution function.
#[derive(Clone, Debug, PartialEq)]
enum Method {
    /// Newton's method on the power series and continued fraction.
    Small {
        /// Log of the gamma function at the shape.
        log_gamma: f64,
        /// Log of the gamma function at the shape plus one.
        log_gamma_next: f64,
    },
    /// Newton's method on the uniform expansion; boxed because of its table.
    Large(Box<LargeShape>),
}

impl Gamma {
    /// Name of the law.
    pub(super) const NAME: &'static str = "gamma";

    /// Least shape accepted.
    pub const MIN_SHAPE: f64 = 1e-3;

    /// Greatest shape accepted.
    pub const MAX_SHAPE: f64 = 1e9;

    /// The law with `shape` from [`Gamma::MIN_SHAPE`] to [`Gamma::MAX_SHAPE`] and a positive
    /// `scale`; refuses any others.
    pub fn new(shape: f64, scale: f64) -> Result<Self, LawError> {
        if !(Self::MIN_SHAPE..=Self::MAX_SHAPE).contains(&shape) {
            return Err(LawError::Parameter {
                law: Self::NAME,
                parameter: "shape",
                value: shape,
                requirement: "from 0.001 to 1e9",
                remedy: "use the normal law for a greater shape",
            });
        }
        let scale = error::positive(Self::NAME, "scale", scale, "give mean / shape")?;
        let method = if shape < LARGE_SHAPE {
            let (log_gamma, log_gamma_next) = (libm::lgamma(shape), libm::lgamma(shape + 1.0));
            Method::Small { log_gamma, log_gamma_next }
        } else {
            Method::Large(Box::new(LargeShape::new(shape)))
        };
        Ok(Self { shape, scale, method })
    }

    /// The value that a variate does not exceed with probability `u` in (0, 1).
    ///
    /// Accurate to about 1e-13 relative for shapes of at least one; below, the error in `u` is
    /// magnified by 1 / shape as it is for any method. Zero where it underflows (small shapes).
    pub fn quantile(&self, u: f64) -> f64 {
        assert_open_unit(u);
        let standard = match &self.method {
            Method::Small { log_gamma, log_gamma_next } => {
                small_shape_quantile(u, self.shape, *log_gamma, *log_gamma_next)
            }
            Method::Large(expansion) => expansion.quantile(u),
        };
        self.scale * standard
    }

    /// The mean, shape times scale.
    pub fn mean(&self) -> f64 {
        self.shape * self.scale
    }

    /// The variance, shape times scale squared.
    pub fn variance(&self) -> f64 {
        self.shape * self.scale * self.scale
    }
}

/// The quantile for scale one and a shape below [`LARGE_SHAPE`].
///
/// Newton's method in y = ln x on the log of the smaller tail. Both tails are log-concave in y, as
/// the density of y is, so that after one step the iterates approach the root from one side; a
/// bracket guards against rounding. For tiny x the log of P is linear in y and one step does.
fn small_shape_quantile(u: f64, shape: f64, log_gamma: f64, log_gamma_next: f64) -> f64 {
    let in_lower = u <= 0.5;
    let target = if in_lower { u } else { 1.0 - u };
    let mut y = starting_point(u, shape, log_gamma_next);
    let (mut low, mut high) = (f64::NEG_INFINITY, f64::INFINITY);
    for _ in 0..MAX_ITERATIONS {
        let x = libm::exp(y);
        if x < f64::MIN_POSITIVE {
            // So small that the start, the leading term of the series, is exact.
            break;
        }
        let tails = small_shape_tails(shape, x, log_gamma);
        let tail = if in_lower { tails.lower } else { tails.upper };
        let above = if in_lower { tail > target } else { tail < target };
        if above {
            high = y;
        } else {
            low = y;
        }
        let slope = libm::exp(shape * y - x - log_gamma);
        let step = tail * libm::log(tail / target) / slope;
        let mut next = if in_lower { y - step } else { y + step };
        if !(next > low && next < high) {
            next = if low.is_finite() && high.is_finite() { 0.5 * (low + high) } else { y };
        }
        let moved = (next - y).abs();
        y = next;
        if moved <= f64::EPSILON * y.abs().max(1.0) {
            break;
        }
    }
    libm::exp(y)
}

/// A first guess for ln x: Wilson and Hilferty's cube, or the leading term of the power series.
///
/// The leading term never exceeds the root, because the rest of the series lowers P.
fn starting_point(u: f64, shape: f64, log_gamma_next: f64) -> f64 {
    let leading = (libm::log(u) + log_gamma_next) / shape;
    let ninth = 1.0 / (9.0 * shape);
    let cube_root = 1.0 - ninth + standard_normal_quantile(u) * ninth.sqrt();
    if shape < 0.5 || cube_root <= 0.0 {
        return leading;
    }
    leading.max(libm::log(shape) + 3.0 * libm::log(cube_root))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 1 - 2^-40 and 1 - 2^-53, the latter the greatest float below one.
    const HIGH: [f64; 2] = [1.0 - 1.0 / 1_099_511_627_776.0, 1.0 - f64::EPSILON / 2.0];

    /// Probabilities of the reference quantiles.
    const PROBABILITIES: [f64; 8] =
        [f64::EPSILON / 2.0, 1e-6, 0.1, 0.5, 0.75, 0.99, HIGH[0], HIGH[1]];

    /// Shape, then the quantiles at scale one, computed with 40 digits in mpmath.
    const REFERENCE: [(f64, [f64; 8]); 12] = [
        (
            0.01,
            [
                0.0,
                0.0,
                5.660_738_147_061_939_7e-101,
                4.465_535_018_910_355e-31,
                1.815_513_175_613_258_3e-13,
                0.265_052_550_251_581_86,
                20.109_230_192_198_833,
                28.778_516_948_644_56,
            ],
        ),
        (
            0.1,
            [
                1.727_861_937_099_317_6e-160,
                6.073_048_362_407_926_4e-61,
                6.073_048_362_743_184e-11,
                0.000_593_391_104_460_226_1,
                0.035_306_358_073_558_3,
                1.588_477_817_929_504_5,
                22.628_394_906_872_16,
                31.355_748_766_716_793,
            ],
        ),
        (
            0.7,
            [
                1.406_979_669_855_932_2e-23,
                2.339_539_335_773_263_7e-9,
                0.033_145_497_754_433_43,
                0.407_423_748_476_441_25,
                0.961_507_086_894_300_8,
                3.875_738_677_240_162,
                26.471_322_815_152_1,
                35.397_723_008_140_865,
            ],
        ),
        (
            1.0,
            [
                1.110_223_024_625_156_5e-16,
                1.000_000_500_000_333_4e-6,
                0.105_360_515_657_826_31,
                std::f64::consts::LN_2,
                1.386_294_361_119_890_6,
                4.605_170_185_988_091,
                27.725_887_222_397_812,
                36.736_800_569_677_1,
            ],
        ),
        (
            3.5,
            [
                5.572_126_201_753_076e-5,
                0.039_261_800_495_184_96,
                1.416_553_458_907_672,
                3.172_905_597_760_758_8,
                4.518_573_773_954_071,
                9.237_653_453_291_18,
                35.521_053_267_266_08,
                45.114_535_067_420_924,
            ],
        ),
        (
            20.0,
            [
                1.415_129_018_125_624_6,
                5.363_986_586_181_65,
                14.525_261_465_272_754,
                19.667_672_423_305_667,
                22.808_006_809_471_07,
                31.845_369_875_782_23,
                69.203_927_722_831_35,
                81.200_206_477_031_61,
            ],
        ),
        (
            99.5,
            [
                38.176_560_188_100_29,
                59.054_675_646_366_32,
                86.949_763_068_668_16,
                99.166_865_919_208_42,
                106.034_179_100_844_01,
                124.164_297_860_032_97,
                186.771_968_141_920_75,
                204.741_030_379_247_77,
            ],
        ),
        (
            100.0,
            [
                38.475_463_903_421_01,
                59.436_320_698_122_89,
                87.417_636_499_593_66,
                99.666_864_919_315_49,
                106.551_092_526_976_43,
                124.722_561_490_720_8,
                187.446_715_911_961_52,
                205.443_845_495_304_5,
            ],
        ),
        (
            150.0,
            [
                70.340_009_829_684_2,
                98.798_463_492_774_73,
                134.533_930_389_982_26,
                149.666_798_674_609_03,
                158.069_175_918_189_02,
                179.953_212_975_167_45,
                253.161_635_172_975_17,
                273.693_666_281_283_6,
            ],
        ),
        (
            1_000.0,
            [
                762.070_537_026_186_6,
                856.814_651_279_391_9,
                959.693_932_728_833_3,
                999.666_686_426_965_2,
                1_021.143_687_907_197_4,
                1_075.032_832_086_435,
                1_239.346_025_324_158_3,
                1_282.159_038_424_714_5,
            ],
        ),
        (
            123_456.0,
            [
                120_593.565_077_271_57,
                121_793.014_759_206_45,
                123_005.924_787_841_13,
                123_455.666_666_826_67,
                123_692.808_745_890_94,
                124_274.863_046_176_22,
                125_948.548_585_818_15,
                126_362.698_963_625_21,
            ],
        ),
        (
            1_000_000.0,
            [
                991_812.582_219_299_9,
                995_253.771_977_500_1,
                998_718.662_749_980_2,
                999_999.666_666_686_4,
                1_000_674.307_939_725,
                1_002_327.818_402_757_9,
                1_007_063.931_960_257_6,
                1_008_231.682_068_478,
            ],
        ),
    ];

    #[test]
    fn quantiles_match_forty_digit_references() {
        for (shape, quantiles) in REFERENCE {
            let law = Gamma::new(shape, 1.0).unwrap();
            for (u, expected) in PROBABILITIES.into_iter().zip(quantiles) {
                let value = law.quantile(u);
                let error = (value - expected).abs() / expected.max(f64::MIN_POSITIVE);
                let tolerance = 1e-13 * (1.0 / shape).max(1.0);
                assert!(error <= tolerance, "shape {shape}, u {u}: {value}, off by {error:e}");
            }
        }
    }

    #[test]
    fn extreme_shapes_stay_finite_and_ordered() {
        for shape in [Gamma::MIN_SHAPE, 0.02, 0.49, 0.5, 99.999, 3e7, Gamma::MAX_SHAPE] {
            let law = Gamma::new(shape, 2.0).unwrap();
            let values = PROBABILITIES.map(|u| law.quantile(u));
            assert!(values.is_sorted(), "shape {shape}: {values:?}");
            assert!(values.iter().all(|value| value.is_finite() && *value >= 0.0));
        }
    }

    #[test]
    fn the_quantile_is_continuous_where_the_method_changes() {
        let below = Gamma::new(LARGE_SHAPE * (1.0 - f64::EPSILON), 1.0).unwrap();
        let above = Gamma::new(LARGE_SHAPE, 1.0).unwrap();
        for u in PROBABILITIES {
            let ratio = below.quantile(u) / above.quantile(u);
            assert!((ratio - 1.0).abs() < 1e-13, "u {u}: ratio {ratio}");
        }
    }

    #[test]
    fn shapes_out_of_range_are_refused() {
        for shape in [0.0, -1.0, 9e-4, 1.1e9, f64::NAN, f64::INFINITY] {
            assert!(Gamma::new(shape, 1.0).is_err(), "shape {shape} was accepted");
        }
        for scale in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(Gamma::new(1.0, scale).is_err(), "scale {scale} was accepted");
        }
    }
}
