//! The containers of a task: in which order they start, which of them ends it when, worked out once
//! at the start of a task, and in which order they stop.
//!
//! Source: ECS API, `ContainerDependency`, `ContainerDefinition.essential` and `startTimeout`,
//! `ContainerRestartPolicy`; ECS developer guide, "Amazon ECS task lifecycle". That a task is
//! RUNNING once all of its containers have started is how the ECS agent derives it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::des::SimDuration;
use crate::model::Outcome;

use super::law_spec::DurationLaw;

/// What must have become of a container before one that depends on it starts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// It has started.
    #[default]
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
    /// How long others wait for it to exit or to be healthy once it runs; as long as it takes if
    /// `None`.
    pub start_timeout: Option<SimDuration>,
    /// From when it runs until it is healthy; no time if `None`.
    pub ready: Option<DurationLaw>,
    /// From when it runs until it exits by itself; `None` if it lasts as long as the task.
    pub run: Option<DurationLaw>,
    /// Share of its exits that are errors.
    pub failures: f64,
    /// It is restarted on exit if it ran at least so long; never if `None`.
    pub restart: Option<SimDuration>,
    /// How long it takes to exit after SIGTERM; no time if `None`.
    pub shutdown: Option<DurationLaw>,
    /// Time after SIGTERM at which it is killed: ECS's `stopTimeout`; that of the task if `None`.
    pub stop_timeout: Option<SimDuration>,
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

/// When each container of a task runs, since the task had room on its host.
#[derive(Debug, Clone)]
pub struct Timetable(Vec<Result<Times, SimDuration>>);

/// Restarts that are followed: a container that was restarted so often is taken never to end.
const RESTARTS_MAX: u32 = 10_000;

/// Times of one container since the task had room on its host.
#[derive(Debug, Clone, Copy)]
struct Times {
    started: SimDuration,
    healthy: SimDuration,
    /// When others give up waiting for it to exit or to be healthy.
    given_up: SimDuration,
    /// When it exits for good, and whether with an error.
    exited: Option<(SimDuration, bool)>,
}

impl Containers {
    /// The times of one task's containers on an instance of this speed, thousandths, which run
    /// times are divided by; `draw` gives its uniform variates one after the other.
    pub fn timetable(&self, speed_milli: u32, draw: &mut dyn FnMut() -> f64) -> Timetable {
        let mut all: Vec<Result<Times, SimDuration>> = Vec::with_capacity(self.0.len());
        for container in &self.0 {
            let begins = container.begins(&all);
            all.push(begins.map(|begins| container.times(begins, speed_milli, draw)));
        }
        Timetable(all)
    }

    /// The course of a task whose containers have these times.
    pub fn course(&self, Timetable(all): &Timetable) -> Course {
        let started = || all.iter().flatten();
        let start = started().map(|times| times.started).max().unwrap_or_default();
        let essential = self.0.iter().zip(all).filter(|(container, _)| container.essential);
        let exits = essential.filter_map(|(_, times)| times.as_ref().ok()?.exited);
        let ends = exits.min();
        // What ends a task before all have started keeps it from RUNNING.
        let broken = all.iter().filter_map(|times| times.as_ref().err().copied()).min();
        let too_early = ends.map(|(at, _)| at).filter(|at| *at < start || broken.is_some());
        if let Some(at) = broken.into_iter().chain(too_early).min() {
            return Course { start: at, fails: true, end: None };
        }
        let outcome = |error| if error { Outcome::Failed } else { Outcome::Completed };
        let end = ends.map(|(at, error)| (at.saturating_sub(start), outcome(error)));
        Course { start, fails: false, end }
    }
}

impl Containers {
    /// Whether one of them takes time to exit.
    pub fn take_time_to_exit(&self) -> bool {
        self.0.iter().any(|container| container.shutdown.is_some())
    }

    /// How long it takes until all have exited, once the task is told to stop `after` so long: each
    /// that runs then is told when all that depend on it have exited. `timeout` is the
    /// `stopTimeout` of those that have none; `draw` gives uniform variates.
    pub fn shutdown(
        &self,
        times: &Timetable,
        after: SimDuration,
        timeout: SimDuration,
        draw: &mut dyn FnMut() -> f64,
    ) -> SimDuration {
        // What depends on a container stands after it.
        let mut told = vec![SimDuration::ZERO; self.0.len()];
        let mut last = SimDuration::ZERO;
        for (place, container) in self.0.iter().enumerate().rev() {
            let takes = container.shutdown.as_ref().map(|law| law.sample(draw()));
            let takes = takes.unwrap_or_default().min(container.stop_timeout.unwrap_or(timeout));
            let times = times.0[place].ok().filter(|times| times.runs(container, after));
            let by_itself = times.and_then(|times| times.exits_by_itself(container, after));
            let takes = if times.is_some() { takes } else { SimDuration::ZERO };
            let exited = told[place].saturating_add(takes);
            let exited = by_itself.map_or(exited, |at| exited.min(at));
            last = last.max(exited);
            for &(on, _) in &container.depends_on {
                told[on] = told[on].max(exited);
            }
        }
        last
    }
}

impl Timetable {
    /// Whether any container runs `after` so long.
    pub fn any_runs(&self, Containers(all): &Containers, after: SimDuration) -> bool {
        let mut pairs = self.0.iter().zip(all);
        pairs.any(|(times, container)| times.is_ok_and(|times| times.runs(container, after)))
    }

    /// How long it then takes until an essential container exits by itself; `None` if none does.
    pub fn essential_exit(
        &self,
        Containers(all): &Containers,
        after: SimDuration,
    ) -> Option<SimDuration> {
        let essential = self.0.iter().zip(all).filter(|(_, container)| container.essential);
        let exits = essential.filter_map(|(times, _)| times.ok()?.exited);
        exits.map(|(at, _)| at).filter(|at| *at > after).map(|at| at.saturating_sub(after)).min()
    }
}

impl Container {
    /// When all that it depends on is there; `Err` with the time at which it is known that this
    /// will never be.
    fn begins(&self, before: &[Result<Times, SimDuration>]) -> Result<SimDuration, SimDuration> {
        let met = |&(on, condition): &(usize, Condition)| before[on]?.met(condition);
        let (mut begins, mut never) = (SimDuration::ZERO, None);
        for met in self.depends_on.iter().map(met) {
            match met {
                Ok(at) => begins = begins.max(at),
                Err(at) => never = Some(never.map_or(at, |earlier: SimDuration| earlier.min(at))),
            }
        }
        never.map_or(Ok(begins), Err)
    }

    fn times(&self, begins: SimDuration, speed_milli: u32, draw: &mut dyn FnMut() -> f64) -> Times {
        let mut take = |law: &Option<DurationLaw>| {
            law.as_ref().map_or(SimDuration::ZERO, |law| law.sample(draw()))
        };
        let started = begins.saturating_add(take(&self.start));
        let healthy = started.saturating_add(take(&self.ready));
        let patience = self.start_timeout.unwrap_or(SimDuration::MAX);
        let given_up = started.saturating_add(patience);
        let run = self.run.as_ref();
        let exited = run.and_then(|run| self.exit(started, run, speed_milli, draw));
        Times { started, healthy, given_up, exited }
    }

    /// When it exits and is not restarted.
    fn exit(
        &self,
        started: SimDuration,
        run: &DurationLaw,
        speed_milli: u32,
        draw: &mut dyn FnMut() -> f64,
    ) -> Option<(SimDuration, bool)> {
        // Laws ascend: where the shortest run is long enough, all are.
        let shortest = run.sample(f64::MIN_POSITIVE).at_speed(speed_milli);
        if self.restart.is_some_and(|least| shortest >= least) {
            return None;
        }
        let mut at = started;
        for _ in 0..RESTARTS_MAX {
            let ran = run.sample(draw()).at_speed(speed_milli);
            at = at.saturating_add(ran);
            if self.restart.is_none_or(|least| ran < least) {
                return Some((at, self.failures > 0.0 && draw() < self.failures));
            }
        }
        None
    }
}

impl Times {
    /// Whether the container of these times runs `after` so long. An essential one does as long as
    /// its task: where others slow it down, that is longer than these times say.
    fn runs(&self, container: &Container, after: SimDuration) -> bool {
        let has_exited = self.exited.is_some_and(|(at, _)| at <= after);
        self.started <= after && (container.essential || !has_exited)
    }

    /// How long it takes until the container, which runs `after` so long, exits by itself; `None`
    /// if it does not, or ends its task by that.
    fn exits_by_itself(&self, container: &Container, after: SimDuration) -> Option<SimDuration> {
        let (at, _) = self.exited.filter(|_| !container.essential)?;
        Some(at.saturating_sub(after))
    }

    /// When a condition is met; `Err` with the time at which it is known that it never will be.
    fn met(&self, condition: Condition) -> Result<SimDuration, SimDuration> {
        if condition == Condition::Start {
            return Ok(self.started);
        }
        let met = self.met_in_time(condition);
        let at = met.unwrap_or_else(|at| at);
        if at > self.given_up { Err(self.given_up) } else { met }
    }

    /// The same without a `startTimeout`.
    fn met_in_time(&self, condition: Condition) -> Result<SimDuration, SimDuration> {
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
