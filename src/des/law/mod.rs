//! Probability laws, sampled by inversion with exactly one uniform variate each.
//!
//! Inversion keeps keyed randomness keyed (the n-th draw of a stream belongs to the n-th variate
//! whatever the law) and lets two runs with the same seed but other parameters stay correlated.
//! All elementary functions come from the crate `libm`, never from std, so that the same bits come
//! out on every platform and whatever features other crates switch on.

mod constant;
mod empirical;
mod error;
mod exponential;
mod gamma;
mod hyper_exponential;
mod incomplete_gamma;
mod normal;
mod pareto;
mod poisson;
mod table;
mod uniform;
mod weibull;
mod zipf;

pub use constant::Constant;
pub use empirical::Empirical;
pub use error::LawError;
pub use exponential::Exponential;
pub use gamma::Gamma;
pub use hyper_exponential::HyperExponential;
pub use normal::{LogNormal, Normal};
pub use pareto::{BoundedPareto, Pareto};
pub use poisson::Poisson;
pub use uniform::Uniform;
pub use weibull::Weibull;
pub use zipf::Zipf;

use super::random::{Stream, unit_from_bits};

/// Any of the laws of this module.
///
/// Cloning is cheap: the tables of [`Zipf`], [`Poisson`] and [`Empirical`] are shared.
#[derive(Clone, Debug, PartialEq)]
pub enum Law {
    /// Always the same value.
    Constant(Constant),
    /// Any value between two bounds.
    Uniform(Uniform),
    /// Memoryless waiting time.
    Exponential(Exponential),
    /// The bell curve.
    Normal(Normal),
    /// Exponential of a normal variate.
    LogNormal(LogNormal),
    /// Power-law tail.
    Pareto(Pareto),
    /// Power law between two bounds.
    BoundedPareto(BoundedPareto),
    /// Waiting time with a falling or rising hazard.
    Weibull(Weibull),
    /// Gamma, of which the Erlang law is a case.
    Gamma(Gamma),
    /// Mixture of exponential laws.
    HyperExponential(HyperExponential),
    /// Count of independent rare events.
    Poisson(Poisson),
    /// Rank with power-law frequency.
    Zipf(Zipf),
    /// One of a list of values.
    Empirical(Empirical),
}

/// Evaluates the same expression on whichever law is wrapped.
macro_rules! on_each_law {
    ($self:expr, $law:ident => $result:expr) => {
        match $self {
            Law::Constant($law) => $result,
            Law::Uniform($law) => $result,
            Law::Exponential($law) => $result,
            Law::Normal($law) => $result,
            Law::LogNormal($law) => $result,
            Law::Pareto($law) => $result,
            Law::BoundedPareto($law) => $result,
            Law::Weibull($law) => $result,
            Law::Gamma($law) => $result,
            Law::HyperExponential($law) => $result,
            Law::Poisson($law) => $result,
            Law::Zipf($law) => $result,
            Law::Empirical($law) => $result,
        }
    };
}

impl Law {
    /// The value that a variate does not exceed with probability `u`; see the laws for accuracy.
    ///
    /// `u` must lie in the open interval (0, 1); otherwise the call panics. Finite unless the
    /// value is beyond the range of `f64`, which only extreme parameters bring about.
    pub fn quantile(&self, u: f64) -> f64 {
        on_each_law!(self, law => law.quantile(u))
    }

    /// The mean; `f64::INFINITY` where it is infinite.
    pub fn mean(&self) -> f64 {
        on_each_law!(self, law => law.mean())
    }

    /// The variance; `f64::INFINITY` where it or the mean is infinite.
    pub fn variance(&self) -> f64 {
        on_each_law!(self, law => law.variance())
    }

    /// Name of the law in lower case, with hyphens between words.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Constant(_) => Constant::NAME,
            Self::Uniform(_) => Uniform::NAME,
            Self::Exponential(_) => Exponential::NAME,
            Self::Normal(_) => Normal::NAME,
            Self::LogNormal(_) => LogNormal::NAME,
            Self::Pareto(_) => Pareto::NAME,
            Self::BoundedPareto(_) => BoundedPareto::NAME,
            Self::Weibull(_) => Weibull::NAME,
            Self::Gamma(_) => Gamma::NAME,
            Self::HyperExponential(_) => HyperExponential::NAME,
            Self::Poisson(_) => Poisson::NAME,
            Self::Zipf(_) => Zipf::NAME,
            Self::Empirical(_) => Empirical::NAME,
        }
    }

    /// One variate; takes exactly one `u64` from the stream.
    pub fn sample(&self, stream: &mut Stream) -> f64 {
        self.quantile(stream.uniform())
    }
}

/// Implements what is the same for each law.
macro_rules! implement_for_each_law {
    ($($law:ident),*) => {$(
        impl From<$law> for Law {
            fn from(law: $law) -> Self {
                Self::$law(law)
            }
        }

        impl rand_distr::Distribution<f64> for $law {
            /// One variate; takes exactly one `u64` from the generator.
            fn sample<R: rand::Rng + ?Sized>(&self, generator: &mut R) -> f64 {
                self.quantile(unit_from_bits(generator.next_u64()))
            }
        }
    )*};
}

implement_for_each_law!(
    Constant,
    Uniform,
    Exponential,
    Normal,
    LogNormal,
    Pareto,
    BoundedPareto,
    Weibull,
    Gamma,
    HyperExponential,
    Poisson,
    Zipf,
    Empirical
);

impl rand_distr::Distribution<f64> for Law {
    /// One variate; takes exactly one `u64` from the generator.
    fn sample<R: rand::Rng + ?Sized>(&self, generator: &mut R) -> f64 {
        self.quantile(unit_from_bits(generator.next_u64()))
    }
}

/// Asserts that a probability lies in the open interval (0, 1).
fn assert_open_unit(u: f64) {
    assert!(u > 0.0 && u < 1.0, "a quantile needs a probability in (0, 1), not {u}");
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod oracle_tests;
