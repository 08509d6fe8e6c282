//! A synthetic workload as a scenario configures it.

use serde::{Deserialize, Serialize};

use crate::workload::law_spec::{COUNT_MAX, DurationLaw, NumberLaw, Rate, Span};

use super::rate::{DAYS, HOURS};
use super::sizes::{KindSpec, ReadDefinition, ResolvedKind};

/// A value of a workload's table that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {problem}")]
pub struct SpecError {
    /// Path of the key within the workload's table, such as `tasks[2].cpu`.
    pub key: String,
    /// The value, what is wrong with it, and the remedy.
    pub problem: String,
}

impl SpecError {
    pub(super) fn new(key: impl Into<String>, problem: impl Into<String>) -> SpecError {
        let (key, problem) = (key.into(), problem.into());
        SpecError { key, problem }
    }
}

/// How arrivals follow each other.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Arrivals {
    /// Independent single submissions: a Poisson process, on the rate profile.
    #[default]
    Poisson,
    /// A Poisson process of batches: submissions of one kind at the same instant, each for itself.
    Clustered {
        /// Submissions in a batch, at least 1.
        batch: NumberLaw,
    },
    /// Evenly spaced single submissions, the first at the start; a rate profile stretches and
    /// shrinks the spacing.
    Regular,
}

/// The table of a synthetic workload.
///
/// Times are counted from the start of the run, which is also hour 0 of day 0 of the rate profile.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SyntheticSpec {
    /// Mean rate of arrivals over the rate profile. With clustered arrivals it counts batches, so
    /// that submissions come at this rate times the mean batch size.
    pub rate: Rate,
    /// Submissions in all, at least 1; the last batch is cut short. At least one of `count` and
    /// `until` is needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// Time before which all arrivals are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Span>,
    /// Time from which on there are arrivals; 0 if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<Span>,
    /// How arrivals follow each other.
    #[serde(default)]
    pub arrivals: Arrivals,
    /// Relative rate of each of the 24 hours of the day; flat if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub daily: Option<Vec<f64>>,
    /// Relative rate of each of the 7 days of the week; flat if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weekly: Option<Vec<f64>>,
    /// How long tasks run, for kinds that have no law of their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<DurationLaw>,
    /// Share of submissions whose tasks end in failure, 0 to 1.
    #[serde(default)]
    pub failures: f64,
    /// The catalogue of sizes.
    #[serde(default)]
    pub tasks: Vec<KindSpec>,
}

impl SyntheticSpec {
    /// Checks the table and makes the catalogue, in the order written.
    ///
    /// `workload` is the workload's name, for families that are not given.
    ///
    /// # Errors
    /// The first value that cannot be used.
    pub fn resolve(
        &self,
        workload: &str,
        read: &ReadDefinition<'_>,
    ) -> Result<Vec<ResolvedKind>, SpecError> {
        self.check_extent()?;
        check_weights("daily", self.daily.as_deref(), HOURS, "hour of the day")?;
        check_weights("weekly", self.weekly.as_deref(), DAYS, "day of the week")?;
        if !(0.0..=1.0).contains(&self.failures) {
            let problem = format!("{} is no share; write one from 0 to 1", self.failures);
            return Err(SpecError::new("failures", problem));
        }
        if self.tasks.is_empty() {
            let problem = "no sizes; add at least one [[tasks]] table with `cpu` and `memory`";
            return Err(SpecError::new("tasks", problem));
        }
        let kind = |(index, kind): (usize, &KindSpec)| {
            kind.resolve(index, workload, self.duration.as_ref(), read)
        };
        let kinds: Result<Vec<ResolvedKind>, SpecError> =
            self.tasks.iter().enumerate().map(kind).collect();
        let kinds = kinds?;
        self.check_batch(&kinds)?;
        Ok(kinds)
    }

    /// Refuses batches that have more tasks than a submission may. What counts is the median, which
    /// laws have that have no mean.
    fn check_batch(&self, kinds: &[ResolvedKind]) -> Result<(), SpecError> {
        let Arrivals::Clustered { batch } = &self.arrivals else { return Ok(()) };
        let most = self.count.unwrap_or(u64::MAX);
        let submissions = u64::from(batch.sample(MEDIAN)).min(most);
        let tasks = |kind: &ResolvedKind| submissions * u64::from(kind.count(|| MEDIAN));
        match kinds.iter().map(tasks).max().filter(|tasks| *tasks > u64::from(COUNT_MAX)) {
            None => Ok(()),
            Some(tasks) => {
                let problem = format!(
                    "{tasks} tasks at once, as {submissions} submissions times \
                     `tasks_per_submission`; write laws that give at most {COUNT_MAX}"
                );
                Err(SpecError::new("arrivals.clustered.batch", problem))
            }
        }
    }

    fn check_extent(&self) -> Result<(), SpecError> {
        if self.count.is_none() && self.until.is_none() {
            let problem = "neither `count` nor `until` is set, so arrivals would never end; set \
                           count = 1000 or until = \"24h\"";
            return Err(SpecError::new("count", problem));
        }
        if self.count == Some(0) {
            let problem = "0 submissions; write at least 1, or leave the workload out";
            return Err(SpecError::new("count", problem));
        }
        if let (Some(start), Some(until)) = (self.start, self.until)
            && start >= until
        {
            let problem = format!("{until} is not after `start`, {start}; write a later time");
            return Err(SpecError::new("until", problem));
        }
        if self.until.is_some_and(|until| until.duration().micros() == 0) {
            let problem = "0 leaves no time for arrivals; write a time after `start`";
            return Err(SpecError::new("until", problem));
        }
        Ok(())
    }
}

/// The variate of a law's median.
const MEDIAN: f64 = 0.5;

/// Checks relative weights: as many as there are slots, none negative, not all zero.
fn check_weights(
    key: &str,
    weights: Option<&[f64]>,
    slots: usize,
    slot: &str,
) -> Result<(), SpecError> {
    let Some(weights) = weights else {
        return Ok(());
    };
    if weights.len() != slots {
        let count = weights.len();
        let problem = format!("{count} weights; write {slots}, one for each {slot}");
        return Err(SpecError::new(key, problem));
    }
    let wrong = |weight: &f64| !weight.is_finite() || *weight < 0.0;
    if let Some(index) = weights.iter().position(wrong) {
        let problem = format!("{} is no weight; write a number of 0 or more", weights[index]);
        return Err(SpecError::new(format!("{key}[{index}]"), problem));
    }
    if weights.iter().all(|&weight| weight == 0.0) {
        let problem = "all weights are 0; write at least one above 0";
        return Err(SpecError::new(key, problem));
    }
    Ok(())
}
