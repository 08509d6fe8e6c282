//! `containers` of a kind: several containers in one task, and in which order they start.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::des::SimDuration;
use crate::workload::law_spec::{DurationLaw, Span};
use crate::workload::{Condition, Container, Containers};

use super::sizes::Keys;
use super::spec::SpecError;

/// Containers in a task at most.
///
/// Source: Amazon ECS service quotas, "Container definitions per task definition".
const CONTAINERS_MAX: usize = 10;

/// One of a kind's `containers`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContainerSpec {
    /// Its name, which is how others depend on it.
    pub name: String,
    /// Whether the task ends when it exits.
    #[serde(default = "yes")]
    pub essential: bool,
    /// What must have become of others before it starts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<DependencySpec>,
    /// From then until it runs; no time if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<DurationLaw>,
    /// From when it runs until it is healthy; no time if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready: Option<DurationLaw>,
    /// How long it runs; as long as the task if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<DurationLaw>,
    /// Share of its exits that are errors; 0 if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failures: Option<f64>,
    /// ECS's restart policy: it is restarted on exit if it ran at least so long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restart_attempt_period: Option<Span>,
}

/// One of a container's `depends_on`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DependencySpec {
    /// The other container.
    pub container: String,
    /// `start` (if missing), `complete`, `success` or `healthy`.
    #[serde(default)]
    pub condition: ConditionSpec,
}

/// `condition`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConditionSpec {
    /// It has started.
    #[default]
    Start,
    /// It has exited.
    Complete,
    /// It has exited without an error.
    Success,
    /// It is healthy.
    Healthy,
}

fn yes() -> bool {
    true
}

/// The containers in an order in which each stands after those that it depends on; otherwise as
/// they are listed.
pub(super) fn containers(
    specs: &[ContainerSpec],
    keys: Keys<'_>,
) -> Result<Option<Arc<Containers>>, SpecError> {
    if specs.is_empty() {
        return Ok(None);
    }
    let refuse = |index: usize, key: &str, problem: String| {
        let dot = if key.is_empty() { "" } else { "." };
        keys.refuse(&format!("containers[{index}]{dot}{key}"), problem)
    };
    if specs.len() > CONTAINERS_MAX {
        let problem = format!("{} containers; ECS takes up to {CONTAINERS_MAX}", specs.len());
        return Err(keys.refuse("containers", problem));
    }
    if specs.iter().all(|spec| !spec.essential) {
        return Err(keys.refuse("containers", "none is essential; ECS wants at least one"));
    }
    for (index, spec) in specs.iter().enumerate() {
        check(specs, index).map_err(|(key, problem)| refuse(index, key, problem))?;
        let same = |other: &ContainerSpec| other.name == spec.name;
        if specs[..index].iter().any(same) {
            return Err(refuse(index, "name", format!("'{}' is there twice", spec.name)));
        }
    }
    let mut order: Vec<usize> = Vec::new();
    while order.len() < specs.len() {
        let place = |name: &str| specs.iter().position(|spec| spec.name == name);
        let is_ready = |index: &usize| {
            let mut on = specs[*index].depends_on.iter().filter_map(|one| place(&one.container));
            !order.contains(index) && on.all(|on| order.contains(&on))
        };
        let Some(next) = (0..specs.len()).find(is_ready) else {
            let stuck = (0..specs.len()).find(|index| !order.contains(index)).unwrap_or(0);
            let problem = "waits for itself, by way of others; ECS refuses circles".to_owned();
            return Err(refuse(stuck, "depends_on", problem));
        };
        order.push(next);
    }
    Ok(Some(Arc::new(Containers(
        order.iter().map(|&at| specs[at].container(specs, &order)).collect(),
    ))))
}

/// What is wrong with one of the containers: which key, and why.
fn check(specs: &[ContainerSpec], index: usize) -> Result<(), (&'static str, String)> {
    let spec = &specs[index];
    if spec.name.is_empty() {
        return Err(("name", "an empty name; others depend on a container by it".to_owned()));
    }
    let failures = spec.failures.unwrap_or(0.0);
    if !(0.0..=1.0).contains(&failures) {
        return Err(("failures", format!("{failures} is no share; write one from 0 to 1")));
    }
    if spec.run.is_none() && (spec.failures.is_some() || spec.restart_attempt_period.is_some()) {
        let key = if spec.failures.is_some() { "failures" } else { "restart_attempt_period" };
        return Err((key, "has no effect on one that does not exit; write a `run` too".to_owned()));
    }
    if let Some(period) = spec.restart_attempt_period {
        let (least, most) = (SimDuration::from_secs(60), SimDuration::from_secs(1800));
        if !(least..=most).contains(&period.duration()) {
            return Err(("restart_attempt_period", format!("{period}; ECS takes 60 s to 1800 s")));
        }
    }
    for one in &spec.depends_on {
        let on = specs.iter().find(|other| other.name == one.container);
        let Some(on) = on.filter(|on| on.name != spec.name) else {
            let problem = format!("there is no other container '{}'", one.container);
            return Err(("depends_on", problem));
        };
        let wants_exit = matches!(one.condition, ConditionSpec::Complete | ConditionSpec::Success);
        if wants_exit && (on.essential || on.run.is_none()) {
            let problem = format!(
                "'{}' is to exit first: make it `essential = false`, and give it a `run`",
                on.name
            );
            return Err(("depends_on", problem));
        }
    }
    Ok(())
}

impl ContainerSpec {
    /// The container, of which all that it depends on is known by its place in `order`.
    fn container(&self, specs: &[ContainerSpec], order: &[usize]) -> Container {
        let place = |name: &str| order.iter().position(|&at| specs[at].name == name);
        let dependency = |one: &DependencySpec| {
            let condition = match one.condition {
                ConditionSpec::Start => Condition::Start,
                ConditionSpec::Complete => Condition::Complete,
                ConditionSpec::Success => Condition::Success,
                ConditionSpec::Healthy => Condition::Healthy,
            };
            Some((place(&one.container)?, condition))
        };
        Container {
            name: Arc::from(self.name.as_str()),
            essential: self.essential,
            depends_on: self.depends_on.iter().filter_map(dependency).collect(),
            start: self.start.clone(),
            ready: self.ready.clone(),
            run: self.run.clone(),
            failures: self.failures.unwrap_or(0.0),
            restart: self.restart_attempt_period.map(Span::duration),
        }
    }
}
