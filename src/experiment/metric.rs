//! The figures of a run that runs are compared by: names, units, and which way is better.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::metrics::summary::Summary;

/// Field of a summary that is a number but says nothing about how the run went.
const SEED: &str = "seed";

/// Longest misspelt name a suggestion is looked for, in bytes: bounds the time of a guess.
const LONGEST_GUESS: usize = 160;

/// Least similarity (Jaro-Winkler, 0 to 1) of a suggested name.
const LEAST_SIMILARITY: f64 = 0.75;

/// Which values of a metric are better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Better {
    /// More is better.
    Higher,
    /// Less is better.
    Lower,
    /// Neither: the metric describes, and arms cannot be ranked by it.
    Neither,
}

/// What a metric is measured in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Seconds.
    Seconds,
    /// A share from 0 to 1, shown as a percentage.
    Share,
    /// A number of things.
    Count,
    /// One duration over another.
    Ratio,
    /// US dollars.
    Dollars,
}

impl Unit {
    /// As files name it: `s`, `share`, `count`, `ratio` or `USD`.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Seconds => "s",
            Self::Share => "share",
            Self::Count => "count",
            Self::Ratio => "ratio",
            Self::Dollars => "USD",
        }
    }
}

/// One numeric field of a [`Summary`].
#[derive(Debug, PartialEq, Eq)]
pub struct Metric {
    /// Dotted path in `summary.json`, such as `wait_s.p99`.
    pub name: &'static str,
    /// What it is measured in.
    pub unit: Unit,
    /// Which way is better.
    pub better: Better,
    /// What to call it in tables and on axes, without the unit.
    pub label: &'static str,
}

const fn metric(name: &'static str, unit: Unit, better: Better, label: &'static str) -> Metric {
    Metric { name, unit, better, label }
}

/// Every metric, in the order of `summary.json`. A new field of [`Summary`] appears in comparisons
/// by itself, and can be ranked by and has a unit from its line here on.
pub const METRICS: &[Metric] = {
    use Better::{Higher, Lower, Neither};
    use Unit::{Count, Dollars, Ratio, Seconds, Share};
    &[
        metric("warm_up_s", Seconds, Neither, "warm-up"),
        metric("tasks.submitted", Count, Neither, "tasks submitted"),
        metric("tasks.completed", Count, Higher, "tasks completed"),
        metric("tasks.failed", Count, Lower, "tasks failed"),
        metric("tasks.stopped", Count, Neither, "tasks stopped"),
        metric("tasks.rejected", Count, Lower, "tasks rejected"),
        metric("tasks.lost", Count, Lower, "tasks lost"),
        metric("tasks.running_at_end", Count, Neither, "tasks running at the end"),
        metric("tasks.pending_at_end", Count, Lower, "tasks pending at the end"),
        metric("wait_s.mean", Seconds, Lower, "mean waiting time"),
        metric("wait_s.p50", Seconds, Lower, "waiting time, p50"),
        metric("wait_s.p90", Seconds, Lower, "waiting time, p90"),
        metric("wait_s.p99", Seconds, Lower, "waiting time, p99"),
        metric("wait_s.max", Seconds, Lower, "longest waiting time"),
        metric("wait_s.unfinished", Count, Lower, "tasks never started"),
        metric("slowdown.mean", Ratio, Lower, "mean slowdown"),
        metric("slowdown.max", Ratio, Lower, "largest slowdown"),
        metric("utilisation.cpu", Share, Higher, "CPU utilisation"),
        metric("utilisation.memory", Share, Higher, "memory utilisation"),
        metric("utilisation.gpu", Share, Higher, "GPU utilisation"),
        metric("allocated_at_end.cpu", Share, Higher, "CPU allocated at the end"),
        metric("allocated_at_end.memory", Share, Higher, "memory allocated at the end"),
        metric("allocated_at_end.gpu", Share, Higher, "GPU allocated at the end"),
        metric("instances.mean", Count, Lower, "mean instances"),
        metric("instances.peak", Count, Lower, "peak instances"),
        metric("instances.launched", Count, Neither, "instances launched"),
        metric("instances.terminated", Count, Neither, "instances terminated"),
        metric(
            "instances.empty_mean",
            Count,
            // An empty instance can be given back.
            Higher,
            "mean empty instances",
        ),
        metric("makespan_s", Seconds, Lower, "makespan"),
        metric("cost_usd", Dollars, Lower, "cost"),
        metric("placements", Count, Neither, "placements"),
        metric("refusals", Count, Neither, "refusals"),
        metric("requests.count", Count, Neither, "requests"),
        metric("requests.failed", Count, Lower, "requests failed"),
        metric("requests.response_s", Seconds, Lower, "mean response time"),
        metric("requests.slowest_s", Seconds, Lower, "slowest period's response time"),
        metric("requests.cpu_utilisation", Share, Higher, "CPU used by requests"),
    ]
};

impl Metric {
    /// The metric of that dotted path; none if [`METRICS`] has no line for it.
    pub fn find(name: &str) -> Option<&'static Self> {
        METRICS.iter().find(|metric| metric.name == name)
    }
}

/// A metric that arms can be ranked by, written as its dotted path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MetricName(&'static Metric);

impl MetricName {
    /// The metric of that name. Its direction is never [`Better::Neither`].
    pub fn metric(self) -> &'static Metric {
        self.0
    }

    /// The dotted path.
    pub fn as_str(self) -> &'static str {
        self.0.name
    }

    /// Every name there is, in the order of [`METRICS`].
    pub fn all() -> impl Iterator<Item = Self> {
        METRICS.iter().filter(|metric| metric.better != Better::Neither).map(Self)
    }
}

impl fmt::Display for MetricName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.0.name)
    }
}

/// A name that arms cannot be ranked by.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetricError {
    /// No metric is called that.
    #[error("unknown metric {name:?}{}; arms can be ranked by {}", suggestion(name), list())]
    Unknown {
        /// As written, cut when very long.
        name: String,
    },
    /// The metric describes a run, and neither more nor less of it is better.
    #[error("neither more nor less of metric {name:?} is better; arms can be ranked by {}", list())]
    NotRankable {
        /// As written.
        name: String,
    },
}

fn suggestion(name: &str) -> String {
    if name.len() > LONGEST_GUESS {
        return String::new();
    }
    MetricName::all()
        .map(|known| (strsim::jaro_winkler(name, known.as_str()), known))
        .filter(|(similarity, _)| *similarity >= LEAST_SIMILARITY)
        .max_by(|(left, _), (right, _)| left.total_cmp(right))
        .map_or(String::new(), |(_, known)| format!(", did you mean {:?}?", known.as_str()))
}

fn list() -> String {
    let names: Vec<&str> = MetricName::all().map(MetricName::as_str).collect();
    names.join(", ")
}

impl FromStr for MetricName {
    type Err = MetricError;

    fn from_str(name: &str) -> Result<Self, MetricError> {
        let Some(metric) = Metric::find(name) else {
            let name = name.chars().take(LONGEST_GUESS + 1).collect();
            return Err(MetricError::Unknown { name });
        };
        if metric.better == Better::Neither {
            let name = name.to_owned();
            return Err(MetricError::NotRankable { name });
        }
        Ok(Self(metric))
    }
}

impl TryFrom<String> for MetricName {
    type Error = MetricError;

    fn try_from(name: String) -> Result<Self, MetricError> {
        name.parse()
    }
}

impl From<MetricName> for String {
    fn from(name: MetricName) -> Self {
        name.as_str().to_owned()
    }
}

/// Every numeric field of `summary` by dotted path, the seed left out; none where it is undefined.
pub fn figures(summary: &Summary) -> BTreeMap<String, Option<f64>> {
    let value = serde_json::to_value(summary).expect("a summary has string keys only");
    let mut figures = BTreeMap::new();
    collect(&value, "", &mut figures);
    figures.remove(SEED);
    figures
}

fn collect(value: &Value, path: &str, figures: &mut BTreeMap<String, Option<f64>>) {
    match value {
        Value::Number(number) => {
            figures.insert(path.to_owned(), number.as_f64());
        }
        Value::Null => {
            figures.insert(path.to_owned(), None);
        }
        Value::Object(fields) => {
            for (name, field) in fields {
                let separator = if path.is_empty() { "" } else { "." };
                collect(field, &format!("{path}{separator}{name}"), figures);
            }
        }
        Value::String(_) | Value::Bool(_) | Value::Array(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::summary;
    use super::*;

    #[test]
    fn every_figure_of_a_summary_has_a_line_and_no_line_is_left_over() {
        let figures = figures(&summary("arm", 1));
        let found: Vec<&str> = figures.keys().map(String::as_str).collect();
        let mut known: Vec<&str> = METRICS.iter().map(|metric| metric.name).collect();
        known.sort_unstable();
        assert_eq!(found, known);
    }

    #[test]
    fn figures_are_those_of_the_summary() {
        let mut summary = summary("arm", 1);
        summary.wait_s.p99 = Some(0.1);
        summary.utilisation.gpu = None;
        summary.tasks.rejected = 3;
        summary.cost_usd = f64::NAN;
        let figures = figures(&summary);
        assert_eq!(figures["wait_s.p99"], Some(0.1));
        assert_eq!(figures["utilisation.gpu"], None);
        assert_eq!(figures["tasks.rejected"], Some(3.0));
        assert_eq!(figures["cost_usd"], None);
        assert!(!figures.contains_key("seed"));
    }

    #[test]
    fn misspelt_metric_gets_a_suggestion_and_the_list() {
        let error = "wait_p99".parse::<MetricName>().unwrap_err().to_string();
        assert!(error.starts_with("unknown metric \"wait_p99\", did you mean \"wait_s.p99\"?; "));
        assert!(error.contains("utilisation.cpu, utilisation.memory"));
        assert!(!error.contains("placements"));
    }

    #[test]
    fn what_is_like_no_metric_gets_the_list_alone() {
        for name in ["", "qqq", "x".repeat(1_000_000).as_str()] {
            let error = name.parse::<MetricName>().unwrap_err().to_string();
            assert!(!error.contains("did you mean"), "{name}");
            assert!(error.contains("cost_usd"));
        }
    }

    #[test]
    fn what_has_no_better_direction_cannot_be_ranked_by() {
        let error = "instances.launched".parse::<MetricName>().unwrap_err();
        assert!(matches!(error, MetricError::NotRankable { .. }));
        assert!(error.to_string().starts_with("neither more nor less of metric"));
    }

    #[test]
    fn every_rankable_name_is_read_as_it_is_written() {
        assert!(MetricName::all().count() > 20);
        for name in MetricName::all() {
            let json = serde_json::to_string(&name).unwrap();
            assert_eq!(serde_json::from_str::<MetricName>(&json).unwrap(), name);
            assert_eq!(format!("{name}").parse::<MetricName>().unwrap(), name);
        }
        assert!(serde_json::from_str::<MetricName>("\"placements\"").is_err());
    }
}
