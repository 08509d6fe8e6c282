//! `[service.NAME.requests]`: the requests that a service gets.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::des::{SimDuration, SimTime};
use crate::workload::law_spec::Span;
use crate::workload::plain_words::in_plain_words;
use crate::workload::{RequestLoad, Serving};

use super::{Document, ScenarioError};

/// Requests a second at most: more than any service ever had, few enough that sums are exact.
const PER_SECOND_MAX: f64 = 1e9;

/// Squared coefficients of variation at most.
const CV2_MAX: f64 = 1e4;

/// `[service.NAME.requests]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestsTable {
    /// Requests a second from a time on, in order of time; none before the first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rates: Vec<RateStep>,
    /// The same as a CSV file with the columns `at_s` and `per_second`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rates_file: Option<PathBuf>,
    /// CPU time of a request on one vCPU.
    pub cpu: Span,
    /// How a task serves several at once.
    #[serde(default)]
    pub serving: ServingSpec,
    /// Of `queue`: workers of a task; as many as it has whole vCPUs, at least 1, if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workers: Option<u32>,
    /// Of `queue`: squared coefficient of variation of the times between requests: 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arrival_cv2: Option<f64>,
    /// Of `queue`: the same of the CPU times: 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_cv2: Option<f64>,
    /// A request that would take longer fails.
    #[serde(default = "a_minute")]
    pub timeout: Span,
}

/// One of `rates`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateStep {
    /// From when.
    pub at: Span,
    /// Requests a second.
    pub per_second: f64,
}

/// `serving`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServingSpec {
    /// All requests at once, at equal speed.
    #[default]
    Shared,
    /// First come, first served, by workers.
    Queue,
}

/// The idle timeout of an Application Load Balancer.
fn a_minute() -> Span {
    Span::from_secs(60)
}

/// A row of `rates_file`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RateRow {
    at_s: f64,
    per_second: f64,
}

impl RequestsTable {
    /// Writes the defaults into the keys that are missing, and checks all.
    pub(super) fn resolve(
        &mut self,
        document: &Document,
        key: &str,
    ) -> Result<RequestLoad, ScenarioError> {
        let refuse = |of: &str, problem: String| document.error(&format!("{key}.{of}"), problem);
        let not_positive = |of: &str| refuse(of, "0 s; write a longer time".to_owned());
        if self.cpu.duration() == SimDuration::ZERO {
            return Err(not_positive("cpu"));
        }
        if self.timeout.duration() == SimDuration::ZERO {
            return Err(not_positive("timeout"));
        }
        let serving = self.serving(&refuse)?;
        let rates = match (&self.rates_file, self.rates.is_empty()) {
            (Some(path), true) => {
                let of = format!("{key}.rates_file");
                read_rates(&document.path(&of, path)).map_err(|why| document.error(&of, why))?
            }
            (None, false) => {
                let rate = |one: &RateStep| (SimTime::ZERO + one.at.duration(), one.per_second);
                let rates: Vec<_> = self.rates.iter().map(rate).collect();
                check_rates(&rates)
                    .map_err(|(index, why)| refuse(&format!("rates[{index}]"), why))?;
                rates
            }
            (Some(_), false) => {
                let problem = "both `rates` and `rates_file`; keep one".to_owned();
                return Err(refuse("rates", problem));
            }
            (None, true) => {
                let problem = "no `rates`; write rates = [{ at = \"0s\", per_second = 100 }], or \
                               name a `rates_file`";
                return Err(document.error(key, problem));
            }
        };
        let (cpu_s, timeout_s) = (self.cpu.as_secs_f64(), self.timeout.as_secs_f64());
        Ok(RequestLoad { rates, cpu_s, serving, timeout_s })
    }

    fn serving(
        &mut self,
        refuse: &dyn Fn(&str, String) -> ScenarioError,
    ) -> Result<Serving, ScenarioError> {
        if self.serving == ServingSpec::Shared {
            let keys = [
                ("workers", self.workers.is_some()),
                ("arrival_cv2", self.arrival_cv2.is_some()),
                ("cpu_cv2", self.cpu_cv2.is_some()),
            ];
            return match keys.iter().find(|(_, given)| *given) {
                None => Ok(Serving::Shared),
                Some((key, _)) => {
                    let problem = "has no effect where requests are shared; remove it, or write \
                                   serving = \"queue\"";
                    Err(refuse(key, problem.to_owned()))
                }
            };
        }
        if self.workers == Some(0) {
            return Err(refuse(
                "workers",
                "0: nothing would be served; write 1 or more".to_owned(),
            ));
        }
        let variability = |key: &str, value: f64| {
            let problem = || format!("{value}; write a number from 0 to {CV2_MAX}");
            (0.0..=CV2_MAX).contains(&value).then_some(value).ok_or_else(|| refuse(key, problem()))
        };
        Ok(Serving::Queue {
            workers: self.workers,
            arrival_cv2: variability("arrival_cv2", *self.arrival_cv2.get_or_insert(1.0))?,
            service_cv2: variability("cpu_cv2", *self.cpu_cv2.get_or_insert(1.0))?,
        })
    }
}

/// Refuses rates that are none, and times out of order; which, and why.
fn check_rates(rates: &[(SimTime, f64)]) -> Result<(), (usize, String)> {
    for (index, &(at, per_second)) in rates.iter().enumerate() {
        if !(0.0..=PER_SECOND_MAX).contains(&per_second) {
            let problem = format!(
                "{per_second} requests a second; write a number from 0 to {PER_SECOND_MAX}"
            );
            return Err((index, problem));
        }
        if index > 0 && at <= rates[index - 1].0 {
            let before = rates[index - 1].0;
            return Err((
                index,
                format!("{at} s is not after {before} s; list rates in order of time"),
            ));
        }
    }
    Ok(())
}

/// What a file of rates is like.
const RATES_SHAPE: &str = "a header `at_s,per_second`, and two numbers in each row";

/// What is wrong with a row, without what is known of it besides.
fn row_problem(why: &csv::Error) -> String {
    match why.kind() {
        csv::ErrorKind::Deserialize { err, .. } => in_plain_words(&err.kind().to_string()),
        csv::ErrorKind::UnequalLengths { pos, expected_len, len } => {
            let line = pos.as_ref().map_or(0, csv::Position::line);
            format!("line {line} has {len} columns, and not {expected_len}")
        }
        csv::ErrorKind::Utf8 { pos, .. } => {
            let line = pos.as_ref().map_or(0, csv::Position::line);
            format!("line {line} is not UTF-8, so no text, or a compressed one")
        }
        _ => why.to_string(),
    }
}

/// The rates of a file; the error names it, and the line.
fn read_rates(path: &Path) -> Result<Vec<(SimTime, f64)>, String> {
    let file = path.display().to_string();
    let mut reader = csv::Reader::from_path(path)
        .map_err(|why| format!("{file}: cannot be read: {why}; check the path"))?;
    let mut rates = Vec::new();
    let mut lines = Vec::new();
    let no_rows = |why: csv::Error| format!("{file}: {}; write {RATES_SHAPE}", row_problem(&why));
    let headers = reader.headers().map_err(no_rows)?.clone();
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record).map_err(no_rows)? {
        let line = record.position().map_or(0, csv::Position::line);
        let at = |why: String| format!("{file}, line {line}: {why}");
        let RateRow { at_s, per_second } = record
            .deserialize(Some(&headers))
            .map_err(|why| at(format!("{}; write {RATES_SHAPE}", row_problem(&why))))?;
        let after = SimDuration::from_secs_f64_checked(at_s);
        let after = after.ok_or_else(|| at(format!("{at_s} is no time in seconds from 0 on")))?;
        rates.push((SimTime::ZERO + after, per_second));
        lines.push(line);
    }
    if rates.is_empty() {
        return Err(format!("{file}: has no rates; write a row `0,100` under `at_s,per_second`"));
    }
    check_rates(&rates).map_err(|(index, why)| format!("{file}, line {}: {why}", lines[index]))?;
    Ok(rates)
}
