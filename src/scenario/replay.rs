//! `[replay]`: checked.

use super::spec::{ReplayTable, ScenarioSpec};
use super::{Document, ScenarioError};

/// Metrics that strategies can be ranked by in a replay: name and what it is. All are better when
/// lower, and all are taken from the tasks alone, so that simulated and real runs have them alike.
pub const REPLAY_METRICS: [(&str, &str); 5] = [
    ("response_s.mean", "from submission to exit, mean over the tasks that ended"),
    ("response_s.p90", "the same, 90 % quantile"),
    ("run_s.mean", "from start to exit, mean"),
    ("wait_s.mean", "from submission to placement, mean"),
    ("makespan_s", "from the first submission to the last exit"),
];

/// A metric that strategies can be ranked by in a replay: of [`REPLAY_METRICS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(transparent)]
pub struct ReplayMetric(&'static str);

impl ReplayMetric {
    /// The metric of that name.
    pub fn parse(name: &str) -> Option<ReplayMetric> {
        let known = REPLAY_METRICS.iter().find(|(known, _)| *known == name);
        known.map(|(name, _)| ReplayMetric(name))
    }

    /// What it is, for people.
    pub fn label(self) -> &'static str {
        match self.0 {
            "response_s.mean" => "mean response time",
            "response_s.p90" => "response time, 90 % quantile",
            "run_s.mean" => "mean run time",
            "wait_s.mean" => "mean waiting time",
            _ => "makespan",
        }
    }

    /// Its name.
    pub fn as_str(self) -> &'static str {
        self.0
    }
}

impl std::fmt::Display for ReplayMetric {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.0)
    }
}

/// Repetitions at most.
const REPETITIONS_MAX: u32 = 1000;

/// Refuses what no replay can do.
pub(super) fn check(document: &Document, spec: &ScenarioSpec) -> Result<(), ScenarioError> {
    let ReplayTable { time_scale, cpu_scale, memory_scale, repetitions, metric, .. } = &spec.replay;
    let scales =
        [("time_scale", time_scale), ("cpu_scale", cpu_scale), ("memory_scale", memory_scale)];
    for (key, scale) in scales {
        if !(0.001..=1e6).contains(scale) {
            let problem = format!("{scale} is no scale; write a factor from 0.001 to 1000000");
            return Err(document.error(&format!("replay.{key}"), problem));
        }
    }
    if !(1..=REPETITIONS_MAX).contains(repetitions) {
        let problem = format!("{repetitions}; write 1 to {REPETITIONS_MAX}");
        return Err(document.error("replay.repetitions", problem));
    }
    if spec.replay.image.as_ref().is_some_and(String::is_empty) {
        let problem = "an empty name; write an image, or remove it for the workload image";
        return Err(document.error("replay.image", problem));
    }
    if !REPLAY_METRICS.iter().any(|(name, _)| name == metric) {
        let known: Vec<&str> = REPLAY_METRICS.iter().map(|(name, _)| *name).collect();
        let problem = format!("unknown metric '{metric}' (known: {})", known.join(", "));
        return Err(document.error("replay.metric", problem));
    }
    for (index, strategy) in spec.replay.strategies.iter().enumerate() {
        crate::placement::PlacementSpec::parse(&strategy.0).map_err(|why| {
            document.error(&format!("replay.strategies[{index}]"), why.to_string())
        })?;
    }
    Ok(())
}
