//! How the tasks of a kind start and stop: their image, their exit, starts that fail, health.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::des::SimDuration;
use crate::workload::ecs_json::DefinedContainer;
use crate::workload::law_spec::{DurationLaw, Span};
use crate::workload::{Conduct, HealthCheck, Image};

use super::container_spec::containers;
use super::sizes::{Keys, KindSpec};
use super::spec::SpecError;

/// Bytes in a megabyte.
const MB: u64 = 1_000_000;

/// The largest image, MB.
const IMAGE_MB_MAX: u32 = 1_000_000;

/// `image` of a kind: what a host pulls before it starts a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageSpec {
    /// Name: hosts keep what they have pulled by it.
    pub name: String,
    /// Compressed size, which is what is transferred, MB (10^6 bytes).
    pub size_mb: u32,
}

/// `health_check` of a kind, and what it will find.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HealthCheckSpec {
    /// From the end of a check to the next, 5 to 300 s.
    #[serde(default = "interval")]
    pub interval: Span,
    /// What a failed check takes, 2 to 60 s.
    #[serde(default = "timeout")]
    pub timeout: Span,
    /// Failures in a row that make a task unhealthy, 1 to 10.
    #[serde(default = "retries")]
    pub retries: u32,
    /// Time from the start in which failures do not count, 0 to 300 s.
    #[serde(default = "no_time")]
    pub start_period: Span,
    /// From the start until checks would pass; no time if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready: Option<DurationLaw>,
    /// From then on until checks would fail; never if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fails_after: Option<DurationLaw>,
}

// The defaults and ranges of ECS. Source: ECS API, `HealthCheck`.

fn interval() -> Span {
    Span::from_secs(30)
}

fn timeout() -> Span {
    Span::from_secs(5)
}

fn retries() -> u32 {
    3
}

fn no_time() -> Span {
    Span::from_secs(0)
}

impl HealthCheckSpec {
    fn check(&self, keys: Keys<'_>) -> Result<HealthCheck, SpecError> {
        for (key, span, least, most) in [
            ("interval", self.interval, 5, 300),
            ("timeout", self.timeout, 2, 60),
            ("start_period", self.start_period, 0, 300),
        ] {
            let (from, to) = (SimDuration::from_secs(least), SimDuration::from_secs(most));
            if !(from..=to).contains(&span.duration()) {
                let problem = format!("{span}; ECS takes {least} s to {most} s");
                return Err(keys.refuse(&format!("health_check.{key}"), problem));
            }
        }
        if !(1..=10).contains(&self.retries) {
            let problem = format!("{}; ECS takes 1 to 10", self.retries);
            return Err(keys.refuse("health_check.retries", problem));
        }
        Ok(HealthCheck {
            interval: self.interval.duration(),
            timeout: self.timeout.duration(),
            retries: self.retries,
            start_period: self.start_period.duration(),
            ready: self.ready.clone(),
            fails_after: self.fails_after.clone(),
        })
    }
}

/// The `stopTimeout` of a task whose containers all have one: they are stopped side by side.
fn longest_stop_timeout(defined: &[DefinedContainer]) -> Option<SimDuration> {
    let timeouts: Option<Vec<SimDuration>> = defined.iter().map(|one| one.stop_timeout).collect();
    timeouts?.into_iter().max()
}

impl KindSpec {
    /// How its tasks start and stop, and what the user should know of that; keys of errors are
    /// those of the table. `defined` are the containers that the file of a `task_definition` has.
    ///
    /// # Errors
    /// A value that cannot be used.
    pub fn conduct(
        &self,
        defined: &[DefinedContainer],
    ) -> Result<(Conduct, Vec<String>), SpecError> {
        self.conduct_at(Keys(""), defined)
    }

    pub(super) fn conduct_at(
        &self,
        keys: Keys<'_>,
        defined: &[DefinedContainer],
    ) -> Result<(Conduct, Vec<String>), SpecError> {
        let fails_to_start = self.fails_to_start.unwrap_or(0.0);
        if !(0.0..=1.0).contains(&fails_to_start) {
            let problem = format!("{fails_to_start} is no share; write one from 0 to 1");
            return Err(keys.refuse("fails_to_start", problem));
        }
        if self.image.as_ref().is_some_and(|image| image.name.is_empty()) {
            return Err(keys.refuse("image.name", "an empty name; hosts tell images apart by it"));
        }
        if let Some(image) = self.image.as_ref().filter(|image| image.size_mb > IMAGE_MB_MAX) {
            let problem = format!("{} MB; at most {IMAGE_MB_MAX}", image.size_mb);
            return Err(keys.refuse("image.size_mb", problem));
        }
        let image = self.image.as_ref().map(|image| Image {
            name: Arc::from(image.name.as_str()),
            bytes: u64::from(image.size_mb) * MB,
        });
        let (containers, warnings) = containers(&self.containers, defined, keys)?;
        if self.shutdown.is_some() && self.containers.iter().any(|one| one.shutdown.is_some()) {
            let problem = "set although its `containers` have one each; remove one of them";
            return Err(keys.refuse("shutdown", problem));
        }
        let of_definition = longest_stop_timeout(defined);
        let conduct = Conduct {
            image,
            shutdown: self.shutdown.clone(),
            stop_timeout: self.stop_timeout.map(Span::duration).or(of_definition),
            fails_to_start,
            containers,
            health_check: self.health_check.as_ref().map(|spec| spec.check(keys)).transpose()?,
        };
        Ok((conduct, warnings))
    }

    /// Keys of the conduct that are set.
    pub fn keys_of_conduct(&self) -> Vec<&'static str> {
        let keys = [
            ("image", self.image.is_some()),
            ("shutdown", self.shutdown.is_some()),
            ("stop_timeout", self.stop_timeout.is_some()),
            ("fails_to_start", self.fails_to_start.is_some()),
            ("containers", !self.containers.is_empty()),
            ("health_check", self.health_check.is_some()),
        ];
        keys.into_iter().filter(|(_, set)| *set).map(|(key, _)| key).collect()
    }
}
