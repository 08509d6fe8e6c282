//! `containers` of a kind: several containers in one task, and in which order they start.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::des::SimDuration;
use crate::workload::ecs_json::{DefinedContainer, RESTART_PERIOD_S, START_TIMEOUT_S};
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
    /// Whether the task ends when it exits; it does if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub essential: Option<bool>,
    /// What must have become of others before it starts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<DependencySpec>,
    /// From then until it runs; no time if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<DurationLaw>,
    /// ECS's `startTimeout`: how long others wait for it to exit or to be healthy once it runs; as
    /// long as it takes if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_timeout: Option<Span>,
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
    /// How long it takes to exit after SIGTERM, which it is sent when all that depend on it have
    /// exited; no time if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shutdown: Option<DurationLaw>,
    /// ECS's `stopTimeout`: from SIGTERM to SIGKILL; that of the task if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_timeout: Option<Span>,
}

/// One of a container's `depends_on`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DependencySpec {
    /// The other container.
    pub container: String,
    /// `start` (if missing), `complete`, `success` or `healthy`.
    #[serde(default)]
    pub condition: Condition,
}

/// The containers of a kind, and what the user should know of them.
pub(super) type Resolved = (Option<Arc<Containers>>, Vec<String>);

/// The containers in an order in which each stands after those that it depends on; otherwise as
/// they are listed. `None` where none takes any time.
///
/// What the file of a task definition says of them, `defined`, needs not be written: only how long
/// they take.
pub(super) fn containers(
    written: &[ContainerSpec],
    defined: &[DefinedContainer],
    keys: Keys<'_>,
) -> Result<Resolved, SpecError> {
    let (specs, warnings) = if defined.is_empty() {
        check(written, keys)?;
        (written.to_vec(), Vec::new())
    } else {
        merged(written, defined, keys)?
    };
    let order = order(&specs).map_err(|stuck| {
        let problem = "waits for itself, by way of others; ECS refuses circles";
        keys.refuse(&format!("containers[{stuck}].depends_on"), problem)
    })?;
    let takes_time = |spec: &ContainerSpec| {
        [&spec.start, &spec.ready, &spec.run, &spec.shutdown].into_iter().any(Option::is_some)
    };
    if !written.iter().any(takes_time) {
        return Ok((None, warnings));
    }
    let all = order.iter().map(|&at| specs[at].container(&specs, &order)).collect();
    Ok((Some(Arc::new(Containers(all))), warnings))
}

/// The containers of a definition, with the times that are written for them by name.
fn merged(
    written: &[ContainerSpec],
    defined: &[DefinedContainer],
    keys: Keys<'_>,
) -> Result<(Vec<ContainerSpec>, Vec<String>), SpecError> {
    for (index, spec) in written.iter().enumerate() {
        let refuse = |key: &str, problem: String| {
            Err(keys.refuse(&format!("containers[{index}].{key}"), problem))
        };
        if !defined.iter().any(|one| one.name == spec.name && !one.name.is_empty()) {
            let known: Vec<&str> = defined.iter().map(|one| one.name.as_str()).collect();
            let known = known.join(", ");
            return refuse(
                "name",
                format!("`task_definition` has no container '{}'; it has {known}", spec.name),
            );
        }
        if let Some(key) = spec.keys_of_definitions().next() {
            let problem = "set although `task_definition` says it; remove one of them";
            return refuse(key, problem.to_owned());
        }
        check_one(written, index).map_err(|(key, problem)| {
            keys.refuse(&format!("containers[{index}].{key}"), problem)
        })?;
    }
    let mut specs: Vec<ContainerSpec> =
        defined.iter().map(|one| ContainerSpec::of(one, written)).collect();
    let dependencies = || defined.iter().flat_map(|one| &one.depends_on);
    let is_to = |name: &str, wanted: &[Condition]| {
        dependencies().any(|(on, condition)| on == name && wanted.contains(condition))
    };
    let mut warnings = Vec::new();
    for spec in &mut specs {
        let mut unknown = |what: &str, key: &str, taken: &str| {
            let name = &spec.name;
            warnings.push(format!(
                "others wait for container '{name}' to {what}, and when that is no task definition \
                 says: {taken}; write `containers = [{{ name = \"{name}\", {key} = … }}]`"
            ));
        };
        if spec.ready.is_none() && is_to(&spec.name, &[Condition::Healthy]) {
            unknown("be healthy", "ready", "it is as soon as it runs");
        }
        let exits = [Condition::Complete, Condition::Success];
        if spec.run.is_none() && is_to(&spec.name, &exits) {
            unknown("exit", "run", "it does at once");
            spec.run = Some(DurationLaw::constant(Span::from_secs(0)));
        }
    }
    Ok((specs, warnings))
}

/// Checks containers that no file defines.
fn check(specs: &[ContainerSpec], keys: Keys<'_>) -> Result<(), SpecError> {
    if specs.is_empty() {
        return Ok(());
    }
    if specs.len() > CONTAINERS_MAX {
        let problem = format!("{} containers; ECS takes up to {CONTAINERS_MAX}", specs.len());
        return Err(keys.refuse("containers", problem));
    }
    if specs.iter().all(|spec| spec.essential == Some(false)) {
        return Err(keys.refuse("containers", "none is essential; ECS wants at least one"));
    }
    (0..specs.len()).try_for_each(|index| {
        let refuse = |(key, problem): (&str, String)| {
            keys.refuse(&format!("containers[{index}].{key}"), problem)
        };
        check_one(specs, index).map_err(refuse)?;
        check_dependencies(specs, index).map_err(|problem| refuse(("depends_on", problem)))
    })
}

/// What is wrong with one of the containers by itself: which key, and why.
fn check_one(specs: &[ContainerSpec], index: usize) -> Result<(), (&'static str, String)> {
    let spec = &specs[index];
    if spec.name.is_empty() {
        return Err(("name", "an empty name; others depend on a container by it".to_owned()));
    }
    if specs[..index].iter().any(|other| other.name == spec.name) {
        return Err(("name", format!("'{}' is there twice", spec.name)));
    }
    let failures = spec.failures.unwrap_or(0.0);
    if !(0.0..=1.0).contains(&failures) {
        return Err(("failures", format!("{failures} is no share; write one from 0 to 1")));
    }
    if spec.run.is_none() && (spec.failures.is_some() || spec.restart_attempt_period.is_some()) {
        let key = if spec.failures.is_some() { "failures" } else { "restart_attempt_period" };
        return Err((key, "has no effect on one that does not exit; write a `run` too".to_owned()));
    }
    for (key, span, range) in [
        ("restart_attempt_period", spec.restart_attempt_period, RESTART_PERIOD_S),
        ("start_timeout", spec.start_timeout, START_TIMEOUT_S),
    ] {
        let Some(span) = span else { continue };
        let (least, most) = (range.start(), range.end());
        let [from, to] = [*least, *most].map(SimDuration::from_secs);
        if !(from..=to).contains(&span.duration()) {
            return Err((key, format!("{span}; ECS takes {least} s to {most} s")));
        }
    }
    Ok(())
}

fn check_dependencies(specs: &[ContainerSpec], index: usize) -> Result<(), String> {
    let spec = &specs[index];
    for one in &spec.depends_on {
        let on = specs.iter().find(|other| other.name == one.container);
        let Some(on) = on.filter(|on| on.name != spec.name) else {
            return Err(format!("there is no other container '{}'", one.container));
        };
        let wants_exit = matches!(one.condition, Condition::Complete | Condition::Success);
        if wants_exit && (on.essential != Some(false) || on.run.is_none()) {
            return Err(format!(
                "'{}' is to exit first: make it `essential = false`, and give it a `run`",
                on.name
            ));
        }
    }
    Ok(())
}

/// Places in an order in which each container stands after those that it depends on; `Err` is one
/// that depends on itself.
fn order(specs: &[ContainerSpec]) -> Result<Vec<usize>, usize> {
    let mut order: Vec<usize> = Vec::new();
    while order.len() < specs.len() {
        let place = |name: &str| specs.iter().position(|spec| spec.name == name);
        let is_ready = |index: &usize| {
            let mut on = specs[*index].depends_on.iter().filter_map(|one| place(&one.container));
            !order.contains(index) && on.all(|on| order.contains(&on))
        };
        let stuck = || (0..specs.len()).find(|index| !order.contains(index)).unwrap_or(0);
        let next = (0..specs.len()).find(is_ready).ok_or_else(stuck)?;
        order.push(next);
    }
    Ok(order)
}

impl ContainerSpec {
    /// A container of a definition, with the times that are written for it.
    fn of(defined: &DefinedContainer, written: &[ContainerSpec]) -> ContainerSpec {
        let times = written.iter().find(|spec| spec.name == defined.name);
        let span = |duration: SimDuration| Span::from_secs(duration.micros() / 1_000_000);
        let depends_on = defined.depends_on.iter().map(|(name, condition)| DependencySpec {
            container: name.clone(),
            condition: *condition,
        });
        ContainerSpec {
            name: defined.name.clone(),
            essential: Some(defined.essential),
            depends_on: depends_on.collect(),
            start: times.and_then(|one| one.start.clone()),
            start_timeout: defined.start_timeout.map(span),
            ready: times.and_then(|one| one.ready.clone()),
            run: times.and_then(|one| one.run.clone()),
            failures: times.and_then(|one| one.failures),
            restart_attempt_period: defined.restart.map(span),
            shutdown: times.and_then(|one| one.shutdown.clone()),
            stop_timeout: defined.stop_timeout.map(span),
        }
    }

    /// Keys that are set and that a task definition says too.
    fn keys_of_definitions(&self) -> impl Iterator<Item = &'static str> {
        let keys = [
            ("essential", self.essential.is_some()),
            ("depends_on", !self.depends_on.is_empty()),
            ("start_timeout", self.start_timeout.is_some()),
            ("restart_attempt_period", self.restart_attempt_period.is_some()),
            ("stop_timeout", self.stop_timeout.is_some()),
        ];
        keys.into_iter().filter(|(_, set)| *set).map(|(key, _)| key)
    }

    /// The container, of which all that it depends on is known by its place in `order`.
    fn container(&self, specs: &[ContainerSpec], order: &[usize]) -> Container {
        let place = |name: &str| order.iter().position(|&at| specs[at].name == name);
        let dependency = |one: &DependencySpec| Some((place(&one.container)?, one.condition));
        Container {
            name: Arc::from(self.name.as_str()),
            essential: self.essential != Some(false),
            depends_on: self.depends_on.iter().filter_map(dependency).collect(),
            start: self.start.clone(),
            start_timeout: self.start_timeout.map(Span::duration),
            ready: self.ready.clone(),
            run: self.run.clone(),
            failures: self.failures.unwrap_or(0.0),
            restart: self.restart_attempt_period.map(Span::duration),
            shutdown: self.shutdown.clone(),
            stop_timeout: self.stop_timeout.map(Span::duration),
        }
    }
}
