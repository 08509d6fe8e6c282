//! From what was noted of a run to what the verdict compares.

use std::collections::BTreeMap;

use crate::scenario::REPLAY_METRICS;

use super::observed::{ObservedRun, ObservedTask};
use super::witness::Notes;

/// What instances were seen to use in a run, all together.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct CpuUse {
    /// CPU that all instances have, vCPUs.
    pub vcpus: f64,
    /// CPU time used, vCPU-seconds.
    pub used_s: f64,
    /// CPU time wanted and refused by a quota, vCPU-seconds.
    pub throttled_s: f64,
}

impl ObservedRun {
    /// Draws up what was noted; `cpu` where it was measured.
    pub fn of(notes: &Notes, cpu: Option<CpuUse>) -> ObservedRun {
        let tasks = notes.tasks.clone();
        let makespan_s = makespan(&tasks);
        let used = cpu.zip(makespan_s).filter(|(cpu, span)| cpu.vcpus * span > 0.0);
        ObservedRun {
            makespan_s,
            cpu_used: used.map(|(cpu, span)| cpu.used_s / (cpu.vcpus * span)),
            throttled_s: cpu.map(|cpu| cpu.throttled_s),
            metrics: metrics(&tasks, makespan_s),
            tasks,
        }
    }
}

fn makespan(tasks: &BTreeMap<crate::model::Origin, ObservedTask>) -> Option<f64> {
    let first = tasks.values().map(|task| task.submitted_s).min_by(f64::total_cmp)?;
    let last = tasks.values().filter_map(|task| task.ended_s).max_by(f64::total_cmp)?;
    Some(last - first)
}

fn metrics(
    tasks: &BTreeMap<crate::model::Origin, ObservedTask>,
    makespan_s: Option<f64>,
) -> BTreeMap<String, f64> {
    let all = || tasks.values();
    let mut response: Vec<f64> =
        all().filter_map(|task| Some(task.ended_s? - task.submitted_s)).collect();
    let run: Vec<f64> = all().filter_map(|task| Some(task.ended_s? - task.started_s?)).collect();
    let wait: Vec<f64> = all().filter_map(|task| Some(task.placed?.0 - task.submitted_s)).collect();
    response.sort_by(f64::total_cmp);
    let p90 = response.get((response.len().saturating_sub(1)) * 9 / 10).copied();
    let values = [mean(&response), p90, mean(&run), mean(&wait), makespan_s];
    let named = REPLAY_METRICS.iter().zip(values);
    named.filter_map(|((name, _), value)| Some(((*name).to_owned(), value?))).collect()
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}
