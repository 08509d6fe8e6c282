//! Whether errors are small enough: no larger than what is asked for, or than reality's own.

use serde::Serialize;

use super::matching::is_contended_work;
use super::{ArmVerdict, Measure, TaskGroup, World};
use crate::replay::observed::{ObservedArm, ObservedRun};

/// Metric, group and measure of a figure.
type Key = (&'static str, Option<TaskGroup>, Measure);

/// The figure that tests how CPU is shared: judged only where tasks were under contention.
pub const CONTENDED_COMPLETION: Key =
    ("completion_s", Some(TaskGroup::ContendedWork), Measure::RelativeError);

/// The figures that every arm is judged by, and how many times `max_error` each may be wrong: start
/// latencies are small, and vary most.
const GATED: [(Key, f64); 5] = [
    (CONTENDED_COMPLETION, 1.0),
    (("start_latency_s", Some(TaskGroup::All), Measure::RelativeError), 2.0),
    (("makespan_s", None, Measure::Mape), 1.0),
    (("ended", None, Measure::OneSidedShare), 1.0),
    (("outcome", None, Measure::Disagreement), 1.0),
];

/// Whether the errors are small enough.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Gate {
    /// Error that passes whatever the floor; of start latencies twice as much.
    pub max_error: f64,
    /// Whether every gated figure passes; null if none fails and not all could be judged.
    pub passed: Option<bool>,
    /// Figures above both `max_error` and their floor.
    pub failed: Vec<GateFailure>,
    /// What could not be judged.
    pub not_judged: Vec<NotJudged>,
}

/// A figure whose error is too large.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GateFailure {
    /// The arm.
    pub arm: String,
    /// The figure.
    pub metric: &'static str,
    /// Its tasks; null for figures of a whole run.
    pub tasks: Option<TaskGroup>,
    /// What the error is.
    pub measure: Measure,
    /// Magnitude of the error.
    pub error: f64,
    /// What it may be: the larger of `max_error` (or twice it) and the floor.
    pub limit: f64,
}

/// A figure that could not be judged.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NotJudged {
    /// The arm.
    pub arm: String,
    /// The figure, or `runs`.
    pub metric: &'static str,
    /// Why, in words.
    pub reason: String,
}

impl Gate {
    /// Judges each arm; `observed` are the same arms as they were observed.
    pub(super) fn of(arms: &[ArmVerdict], observed: &[ObservedArm], max_error: f64) -> Self {
        let mut gate = Self { max_error, passed: None, failed: Vec::new(), not_judged: Vec::new() };
        for (arm, observed) in arms.iter().zip(observed) {
            gate.note_invalid(arm);
            for (key, times) in GATED {
                let applies = key != CONTENDED_COMPLETION || has_contended_work(observed);
                if applies {
                    gate.judge(arm, key, times);
                }
            }
        }
        gate.passed = if !gate.failed.is_empty() {
            Some(false)
        } else if arms.is_empty() || !gate.not_judged.is_empty() {
            None
        } else {
            Some(true)
        };
        gate
    }

    fn note_invalid(&mut self, arm: &ArmVerdict) {
        for run in &arm.invalid_runs {
            let world = match run.world {
                World::Simulated => "simulated",
                World::Real => "real",
            };
            let reason = format!(
                "{world} run {} is invalid: {} of its tasks have unknown times, {} impossible ones",
                run.run, run.unknown_times, run.disordered_times
            );
            self.not_judged.push(NotJudged { arm: arm.name.clone(), metric: "runs", reason });
        }
    }

    fn judge(&mut self, arm: &ArmVerdict, (metric, tasks, measure): Key, times: f64) {
        let name = arm.name.clone();
        let figure = arm.metric(metric, tasks, measure);
        let Some((figure, error)) = figure.and_then(|figure| Some((figure, figure.error?))) else {
            let reason = "there is nothing to compare".to_owned();
            self.not_judged.push(NotJudged { arm: name, metric, reason });
            return;
        };
        let (error, limit) =
            (error.abs(), (times * self.max_error).max(figure.error_floor.unwrap_or(0.0)));
        // What is no number passes nothing.
        if error <= limit {
            return;
        }
        self.failed.push(GateFailure { arm: name, metric, tasks, measure, error, limit });
    }
}

fn has_contended_work(arm: &ObservedArm) -> bool {
    let is = |run: &ObservedRun| run.tasks.values().any(is_contended_work);
    arm.simulated.iter().chain(&arm.real).any(is)
}
