//! A law with its parameters as written, over durations or over plain numbers.

use std::fmt::{Debug, Display};

use serde::de::{DeserializeOwned, Error, MapAccess};
use serde::{Deserialize, Serialize};

use crate::des::Law;
use crate::des::law;

use super::{LawSpecError, Span};

/// A parameter with the dimension of the law's values.
pub(super) trait Value: Copy + Debug + Display + Serialize + DeserializeOwned {
    /// The names of the laws over such values, as listed in messages.
    const LAWS: &'static [&'static str];

    /// The value as a float, in seconds for a duration.
    fn number(self) -> f64;
}

impl Value for Span {
    const LAWS: &'static [&'static str] = &[
        "constant",
        "uniform",
        "exponential",
        "normal",
        "lognormal",
        "pareto",
        "bounded-pareto",
        "weibull",
        "gamma",
        "hyper-exponential",
        "empirical",
    ];

    fn number(self) -> f64 {
        self.as_secs_f64()
    }
}

impl Value for f64 {
    const LAWS: &'static [&'static str] = &[
        "constant",
        "uniform",
        "exponential",
        "normal",
        "lognormal",
        "pareto",
        "bounded-pareto",
        "weibull",
        "gamma",
        "hyper-exponential",
        "poisson",
        "zipf",
        "empirical",
    ];

    fn number(self) -> f64 {
        self
    }
}

/// A law as written: the key of the table and its parameters.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Shape<V> {
    Constant(V),
    Uniform(Bounds<V>),
    Exponential(Mean<V>),
    Normal(Normal<V>),
    Lognormal(Lognormal<V>),
    Pareto(ScaleShape<V>),
    BoundedPareto(BoundedPareto<V>),
    Weibull(ScaleShape<V>),
    Gamma(Gamma<V>),
    HyperExponential(HyperExponential<V>),
    Poisson(Mean<f64>),
    Zipf(Zipf),
    Empirical(Empirical<V>),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Bounds<V> {
    low: V,
    high: V,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Mean<V> {
    mean: V,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Normal<V> {
    pub(super) mean: V,
    pub(super) sd: V,
}

/// The centre is one of `median`, `mu` and `mean`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Lognormal<V> {
    #[serde(skip_serializing_if = "Option::is_none")]
    median: Option<V>,
    /// Mean of the natural logarithm (of seconds, for a duration).
    #[serde(skip_serializing_if = "Option::is_none")]
    mu: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mean: Option<V>,
    sigma: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ScaleShape<V> {
    scale: V,
    shape: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BoundedPareto<V> {
    low: V,
    high: V,
    shape: f64,
}

/// The size is one of `scale` and `mean`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Gamma<V> {
    shape: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    scale: Option<V>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mean: Option<V>,
}

/// Either `weights` with `means`, or `mean` with `cv2`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HyperExponential<V> {
    #[serde(skip_serializing_if = "Option::is_none")]
    weights: Option<Vec<f64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    means: Option<Vec<V>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mean: Option<V>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cv2: Option<f64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Zipf {
    n: u32,
    exponent: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Empirical<V> {
    values: Vec<V>,
    #[serde(skip_serializing_if = "Option::is_none")]
    weights: Option<Vec<f64>>,
}

impl<V: Value> Shape<V> {
    /// Reads a table with exactly one law.
    pub(super) fn read<'de, A: MapAccess<'de>>(mut map: A) -> Result<Shape<V>, A::Error> {
        let Some(name) = map.next_key::<String>()? else {
            return Err(A::Error::custom(format_args!(
                "no law in the table; write one of {}",
                V::LAWS.join(", ")
            )));
        };
        if !V::LAWS.contains(&name.as_str()) {
            return Err(A::Error::custom(unknown_law(&name, V::LAWS)));
        }
        let shape = match name.as_str() {
            "uniform" => Shape::Uniform(map.next_value()?),
            "exponential" => Shape::Exponential(map.next_value()?),
            "normal" => Shape::Normal(map.next_value()?),
            "lognormal" => Shape::Lognormal(map.next_value()?),
            "pareto" => Shape::Pareto(map.next_value()?),
            "bounded-pareto" => Shape::BoundedPareto(map.next_value()?),
            "weibull" => Shape::Weibull(map.next_value()?),
            "gamma" => Shape::Gamma(map.next_value()?),
            "hyper-exponential" => Shape::HyperExponential(map.next_value()?),
            "poisson" => Shape::Poisson(map.next_value()?),
            "zipf" => Shape::Zipf(map.next_value()?),
            "empirical" => Shape::Empirical(map.next_value()?),
            _ => Shape::Constant(map.next_value()?),
        };
        match map.next_key::<String>()? {
            None => Ok(shape),
            Some(second) => Err(A::Error::custom(format_args!(
                "a law is one key, but there are `{name}` and `{second}`; keep one of them"
            ))),
        }
    }

    /// The law itself.
    ///
    /// # Errors
    /// Parameters that do not go together or are out of range.
    pub(super) fn law(&self) -> Result<Law, LawSpecError> {
        Ok(match self {
            Shape::Constant(value) => law::Constant::new(value.number())?.into(),
            Shape::Uniform(of) => law::Uniform::new(of.low.number(), of.high.number())?.into(),
            Shape::Exponential(of) => law::Exponential::new(of.mean.number())?.into(),
            Shape::Normal(of) => of.law()?,
            Shape::Lognormal(of) => of.law()?,
            Shape::Pareto(of) => law::Pareto::new(of.scale.number(), of.shape)?.into(),
            Shape::BoundedPareto(of) => {
                law::BoundedPareto::new(of.low.number(), of.high.number(), of.shape)?.into()
            }
            Shape::Weibull(of) => law::Weibull::new(of.scale.number(), of.shape)?.into(),
            Shape::Gamma(of) => of.law()?,
            Shape::HyperExponential(of) => of.law()?,
            Shape::Poisson(of) => law::Poisson::new(of.mean)?.into(),
            Shape::Zipf(of) => of.law()?,
            Shape::Empirical(of) => of.law()?,
        })
    }
}

/// What is wrong with an unknown law, with a suggestion where one is near.
fn unknown_law(name: &str, known: &[&str]) -> String {
    let edits = |law: &&&str| strsim::damerau_levenshtein(name, law);
    let near = known.iter().min_by_key(edits);
    let guess = near.filter(|law| edits(law) <= 3).map(|law| format!("did you mean `{law}`? "));
    format!("unknown law `{name}`; {}known laws: {}", guess.unwrap_or_default(), known.join(", "))
}

/// An error about parameters that do not go together.
fn wrong(law: &'static str, problem: impl Into<String>) -> LawSpecError {
    let problem = problem.into();
    LawSpecError::Parameters { law, problem }
}

impl<V: Value> Normal<V> {
    fn law(&self) -> Result<Law, LawSpecError> {
        let sd = self.sd.number();
        if sd.is_nan() || sd <= 0.0 {
            let problem = format!("`sd` is {}; give one above 0, or a constant", self.sd);
            return Err(wrong("normal", problem));
        }
        Ok(law::Normal::new(self.mean.number(), sd)?.into())
    }
}

impl<V: Value> Lognormal<V> {
    fn law(&self) -> Result<Law, LawSpecError> {
        let sigma = self.sigma;
        let logarithm = |name: &str, value: V| {
            let number = value.number();
            if number > 0.0 {
                return Ok(libm::log(number));
            }
            let problem = format!("`{name}` is {value}; give a value above 0");
            Err(wrong("lognormal", problem))
        };
        let mu = match (self.median, self.mu, self.mean) {
            (Some(median), None, None) => logarithm("median", median)?,
            (None, Some(mu), None) => mu,
            (None, None, Some(mean)) => logarithm("mean", mean)? - sigma * sigma / 2.0,
            _ => {
                let problem = "give exactly one of `median`, `mu` and `mean`, and `sigma`";
                return Err(wrong("lognormal", problem));
            }
        };
        Ok(law::LogNormal::new(mu, sigma)?.into())
    }
}

impl<V: Value> Gamma<V> {
    fn law(&self) -> Result<Law, LawSpecError> {
        let scale = match (self.scale, self.mean) {
            (Some(scale), None) => scale.number(),
            (None, Some(mean)) => mean.number() / self.shape,
            _ => return Err(wrong("gamma", "give exactly one of `scale` and `mean`")),
        };
        Ok(law::Gamma::new(self.shape, scale)?.into())
    }
}

impl<V: Value> HyperExponential<V> {
    fn law(&self) -> Result<Law, LawSpecError> {
        let (weights, means) = match (&self.weights, &self.means, self.mean, self.cv2) {
            (Some(weights), Some(means), None, None) => {
                let means = means.iter().map(|mean| mean.number()).collect();
                (weights.clone(), means)
            }
            (None, None, Some(mean), Some(cv2)) => balanced_means(mean.number(), cv2)?,
            _ => {
                let problem = "give either `weights` and `means`, or `mean` and `cv2`";
                return Err(wrong("hyper-exponential", problem));
            }
        };
        Ok(law::HyperExponential::new(&weights, &means)?.into())
    }
}

/// Two branches of given overall mean and squared coefficient of variation that contribute equally
/// to the mean ("balanced means"). Source: H. C. Tijms, "Stochastic Models", 1994, appendix B.
fn balanced_means(mean: f64, cv2: f64) -> Result<(Vec<f64>, Vec<f64>), LawSpecError> {
    if !cv2.is_finite() || cv2 < 1.0 {
        let problem = format!("`cv2` is {cv2}, but must be at least 1; use a gamma law below it");
        return Err(wrong("hyper-exponential", problem));
    }
    let ratio = ((cv2 - 1.0) / (cv2 + 1.0)).sqrt();
    // One minus the ratio, without the cancellation near a ratio of one.
    let complement = 2.0 / (cv2 + 1.0) / (1.0 + ratio);
    let weights = vec![1.0 + ratio, complement];
    let means = vec![mean / (1.0 + ratio), mean / complement];
    Ok((weights, means))
}

impl Zipf {
    fn law(&self) -> Result<Law, LawSpecError> {
        let most = law::Zipf::MAX_RANKS;
        let ranks = self.n as usize;
        if ranks == 0 || ranks > most {
            let problem = format!("`n` is {ranks}; give 1 to {most}, or use bounded-pareto");
            return Err(wrong("zipf", problem));
        }
        Ok(law::Zipf::new(ranks, self.exponent)?.into())
    }
}

impl<V: Value> Empirical<V> {
    fn law(&self) -> Result<Law, LawSpecError> {
        let values: Vec<f64> = self.values.iter().map(|value| value.number()).collect();
        Ok(match &self.weights {
            None => law::Empirical::new(&values)?.into(),
            Some(weights) => law::Empirical::with_weights(&values, weights)?.into(),
        })
    }
}
