//! The containers of a task: in which order they start, and which of them ends it when. Worked out
//! once, at the start of a task.
//!
//! Source: ECS API, `ContainerDependency`, `ContainerDefinition.essential`,
//! `ContainerRestartPolicy`; ECS developer guide, "Amazon ECS task lifecycle". That a task is
//! RUNNING once all of its containers have started is how the ECS agent derives it.

use std::sync::Arc;

use crate::des::SimDuration;
use crate::model::Outcome;

use super::law_spec::DurationLaw;

/// What must have become of a container before one that depends on it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// It has started.
    Start,
    /// It has exited.
    Complete,
    /// It has exited without an error.
    Success,
    /// It has started and is ready.
    Healthy,
}

/// One container of a task.
#[derive(Debug, Clone, PartialEq)]
pub struct Container {
    /// Its name.
    pub name: Arc<str>,
    /// Whether the task ends when it exits.
    pub essential: bool,
    /// What must come before: places of containers that stand before this one.
    pub depends_on: Vec<(usize, Condition)>,
    /// From then until it runs; no time if `None`.
    pub start: Option<DurationLaw>,
    /// From when it runs until it is healthy; no time if `None`.
    pub ready: Option<DurationLaw>,
    /// From when it runs until it exits by itself; `None` if it lasts as long as the task.
    pub run: Option<DurationLaw>,
    /// Share of its exits that are errors.
    pub failures: f64,
    /// It is restarted on exit if it ran at least so long; never if `None`.
    pub restart: Option<SimDuration>,
}

/// All containers of a task, each after those that it depends on.
#[derive(Debug, Clone, PartialEq)]
pub struct Containers(pub Vec<Container>);

/// How a task with several containers goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Course {
    /// Until all containers have started, or one has made that impossible.
    pub start: SimDuration,
    /// Whether it is the latter: the task never runs.
    pub fails: bool,
    /// When, after that, an essential container ends the task, and how; `None` for never.
    pub end: Option<(SimDuration, Outcome)>,
}

/// Restarts that are followed: a container that was restarted so often is taken never to end.
const RESTARTS_MAX: u32 = 10_000;

/// Times of one container since the task had room on its host.
#[derive(Debug, Clone, Copy)]
struct Times {
    started: SimDuration,
    healthy: SimDuration,
    /// When it exits for good, and whether with an error.
    exited: Option<(SimDuration, bool)>,
}

impl Containers {
    /// The course of one task; `draw` gives its uniform variates one after the other.
    pub fn course(&self, draw: &mut dyn FnMut() -> f64) -> Course {
        let mut all: Vec<Times> = Vec::with_capacity(self.0.len());
        let mut broken: Option<SimDuration> = None;
        for container in &self.0 {
            let mut begins = SimDuration::ZERO;
            for &(on, condition) in &container.depends_on {
                match all[on].met(condition) {
                    Ok(at) => begins = begins.max(at),
                    Err(at) => broken = Some(broken.map_or(at, |earlier| earlier.min(at))),
                }
            }
            all.push(container.times(begins, draw));
        }
        let start = all.iter().map(|times| times.started).max().unwrap_or_default();
        let essential = self.0.iter().zip(&all).filter(|(container, _)| container.essential);
        let ends = essential.filter_map(|(_, times)| times.exited).min();
        // What ends a task before all have started keeps it from RUNNING.
        let too_early = ends.map(|(at, _)| at).filter(|at| *at < start);
        if let Some(at) = broken.into_iter().chain(too_early).min() {
            return Course { start: at, fails: true, end: None };
        }
        let outcome = |error| if error { Outcome::Failed } else { Outcome::Completed };
        let end = ends.map(|(at, error)| (at.saturating_sub(start), outcome(error)));
        Course { start, fails: false, end }
    }
}

impl Container {
    fn times(&self, begins: SimDuration, draw: &mut dyn FnMut() -> f64) -> Times {
        let mut take = |law: &Option<DurationLaw>| {
            law.as_ref().map_or(SimDuration::ZERO, |law| law.sample(draw()))
        };
        let started = begins.saturating_add(take(&self.start));
        let healthy = started.saturating_add(take(&self.ready));
        let exited = self.run.as_ref().and_then(|run| self.exit(started, run, draw));
        Times { started, healthy, exited }
    }

    /// When it exits and is not restarted.
    fn exit(
        &self,
        started: SimDuration,
        run: &DurationLaw,
        draw: &mut dyn FnMut() -> f64,
    ) -> Option<(SimDuration, bool)> {
        let mut at = started;
        for _ in 0..RESTARTS_MAX {
            let ran = run.sample(draw());
            at = at.saturating_add(ran);
            if self.restart.is_none_or(|least| ran < least) {
                return Some((at, self.failures > 0.0 && draw() < self.failures));
            }
        }
        None
    }
}

impl Times {
    /// When a condition is met; `Err` with the time at which it is known that it never will be.
    fn met(&self, condition: Condition) -> Result<SimDuration, SimDuration> {
        match (condition, self.exited) {
            (Condition::Start, _) => Ok(self.started),
            (Condition::Healthy, Some((at, _))) if at < self.healthy => Err(at),
            (Condition::Healthy, _) => Ok(self.healthy),
            (Condition::Success, Some((at, true))) => Err(at),
            (Condition::Success | Condition::Complete, Some((at, _))) => Ok(at),
            (Condition::Success | Condition::Complete, None) => Err(self.started),
        }
    }
}

#[cfg(test)]
#[path = "containers_tests.rs"]
mod tests;
