//! The containers of a definition: which are essential, and what they wait for.
//!
//! Source: ECS API, `ContainerDefinition`, `ContainerDependency`, `ContainerRestartPolicy`.

use std::ops::RangeInclusive;

use crate::des::SimDuration;
use crate::workload::Condition;

use super::EcsJsonError;
use super::error::Document;
use super::shape;

/// Seconds that `startTimeout` may be, and `restartAttemptPeriod`.
pub const START_TIMEOUT_S: RangeInclusive<u64> = 2..=120;
/// Seconds that `restartAttemptPeriod` may be.
pub const RESTART_PERIOD_S: RangeInclusive<u64> = 60..=1800;

/// `restartAttemptPeriod` where a policy has none.
const RESTART_PERIOD_DEFAULT_S: u64 = 300;

/// A container as its definition has it. How long it takes to start, and how long it runs, no
/// definition says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefinedContainer {
    /// Its name.
    pub name: String,
    /// Whether the task ends when it exits.
    pub essential: bool,
    /// Names of others, and what must have become of them before it starts.
    pub depends_on: Vec<(String, Condition)>,
    /// How long others wait for it to exit or to be healthy.
    pub start_timeout: Option<SimDuration>,
    /// It is restarted on exit if it ran at least so long; never if `None`.
    pub restart: Option<SimDuration>,
    /// From SIGTERM to SIGKILL.
    pub stop_timeout: Option<SimDuration>,
}

/// Reads them; what is not modelled is added to `warnings`.
pub(super) fn containers(
    containers: &[shape::Container],
    document: &Document<'_>,
    warnings: &mut Vec<String>,
) -> Result<Vec<DefinedContainer>, EcsJsonError> {
    let names: Vec<&str> =
        containers.iter().map(|one| one.name.as_deref().unwrap_or_default()).collect();
    let mut read = Vec::new();
    for (index, container) in containers.iter().enumerate() {
        let path = |key: &str| format!("containerDefinitions[{index}].{key}");
        let name = names[index];
        if name.is_empty() {
            let problem = "missing, and ECS refuses a container without one; write a name";
            return Err(document.refuse(&path("name"), problem));
        }
        if names[..index].contains(&name) {
            let problem = format!("{name:?} is there twice; containers depend on each other by it");
            return Err(document.refuse(&path("name"), problem));
        }
        let mut depends_on = Vec::new();
        for one in container.depends_on.iter().flatten() {
            let dependency = dependency(one, name, containers);
            depends_on
                .push(dependency.map_err(|problem| document.refuse(&path("dependsOn"), problem))?);
        }
        let start_timeout = seconds(container.start_timeout, &START_TIMEOUT_S)
            .map_err(|problem| document.refuse(&path("startTimeout"), problem))?;
        let policy = container.restart_policy.as_ref().filter(|policy| policy.enabled);
        let period =
            policy.map(|one| one.restart_attempt_period.unwrap_or(RESTART_PERIOD_DEFAULT_S));
        let restart = seconds(period, &RESTART_PERIOD_S).map_err(|problem| {
            document.refuse(&path("restartPolicy.restartAttemptPeriod"), problem)
        })?;
        if policy.is_some_and(|one| one.ignored_exit_codes.iter().flatten().next().is_some()) {
            let path = path("restartPolicy.ignoredExitCodes");
            warnings.push(format!("{path}: not modelled; it is restarted whatever its exit code"));
        }
        let essential = container.essential != Some(false);
        let name = name.to_owned();
        let stop_timeout =
            container.stop_timeout.map(|seconds| SimDuration::from_secs(seconds.into()));
        read.push(DefinedContainer {
            name,
            essential,
            depends_on,
            start_timeout,
            restart,
            stop_timeout,
        });
    }
    if let Some(index) = in_a_circle(&read) {
        let path = format!("containerDefinitions[{index}].dependsOn");
        let problem = "it waits for itself, by way of others, and ECS refuses circles; break it";
        return Err(document.refuse(&path, problem));
    }
    Ok(read)
}

/// A container that depends on itself by way of others, if there is one.
fn in_a_circle(containers: &[DefinedContainer]) -> Option<usize> {
    let place = |name: &String| containers.iter().position(|one| one.name == *name);
    let next = |index: usize| containers[index].depends_on.iter().filter_map(|(on, _)| place(on));
    (0..containers.len()).find(|&first| {
        let mut reached: Vec<usize> = next(first).collect();
        let mut looked_at = 0;
        while let Some(&index) = reached.get(looked_at) {
            let new: Vec<usize> = next(index).filter(|one| !reached.contains(one)).collect();
            reached.extend(new);
            looked_at += 1;
        }
        reached.contains(&first)
    })
}

fn dependency(
    one: &shape::Dependency,
    own: &str,
    containers: &[shape::Container],
) -> Result<(String, Condition), String> {
    let name = &one.container_name;
    let on = containers.iter().find(|on| on.name.as_ref() == Some(name) && name != own);
    let Some(on) = on else {
        return Err(format!("there is no other container {name:?}; write the name of one"));
    };
    let condition = match one.condition.as_str() {
        "START" => Condition::Start,
        "COMPLETE" => Condition::Complete,
        "SUCCESS" => Condition::Success,
        "HEALTHY" => Condition::Healthy,
        other => {
            return Err(format!(
                "condition {other:?} is unknown; write START, COMPLETE, SUCCESS or HEALTHY"
            ));
        }
    };
    let wants_exit = matches!(condition, Condition::Complete | Condition::Success);
    if wants_exit && on.essential != Some(false) {
        return Err(format!("{name:?} is to exit first: make it `\"essential\": false`"));
    }
    Ok((name.clone(), condition))
}

fn seconds(
    written: Option<u64>,
    range: &RangeInclusive<u64>,
) -> Result<Option<SimDuration>, String> {
    match written {
        None => Ok(None),
        Some(seconds) if range.contains(&seconds) => Ok(Some(SimDuration::from_secs(seconds))),
        Some(seconds) => {
            Err(format!("{seconds} s; ECS takes {} to {} s", range.start(), range.end()))
        }
    }
}
