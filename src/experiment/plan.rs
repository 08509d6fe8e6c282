//! What a comparison will run: its arms, seeds and metric, checked.

use crate::scenario::{Document, Override, Scenario, ScenarioError};

use super::grid::{Arm, Axis, arms};
use super::metric::MetricName;

/// Seeds of one comparison at most.
const SEEDS_MAX: u32 = 100_000;

/// A comparison ready to run.
#[derive(Debug)]
pub struct Plan {
    /// Name of the scenario.
    pub name: String,
    /// What varies between arms.
    pub axes: Vec<Axis>,
    /// The arms.
    pub arms: Vec<Arm>,
    /// The seeds, each run under every arm.
    pub seeds: Vec<u64>,
    /// What arms are ranked by.
    pub metric: MetricName,
    /// Things the user should know that are no errors.
    pub warnings: Vec<String>,
}

impl Plan {
    /// The comparison that a scenario describes, with `changes` put in, and with `axes` in place of
    /// the scenario's own of the same name.
    ///
    /// # Errors
    /// What is wrong in the scenario or its `[compare]`, where, and the remedy.
    pub fn of(
        document: &Document,
        changes: &[Override],
        axes: Vec<Axis>,
    ) -> Result<Plan, ScenarioError> {
        let mut set = document.clone();
        for change in changes {
            set.set(change)?;
        }
        let base = Scenario::of(document.clone(), changes)?;
        let table = &base.spec.compare;
        let metric = table.metric.parse::<MetricName>();
        let metric = metric.map_err(|why| set.error("compare.metric", why.to_string()))?;
        if !(1..=SEEDS_MAX).contains(&table.seeds) {
            let problem = format!("{} seeds; write 1 to {SEEDS_MAX}", table.seeds);
            return Err(set.error("compare.seeds", problem));
        }
        let first = base.spec.seed;
        let seeds = (first..first.saturating_add(u64::from(table.seeds))).collect();
        let axes = merged(&base, axes);
        contradictions(&set, changes, &axes)?;
        let arms = if axes.is_empty() { Vec::new() } else { arms(document, changes, &axes)? };
        let (name, warnings) = (base.spec.name, base.warnings);
        Ok(Plan { name, axes, arms, seeds, metric, warnings })
    }
}

/// The scenario's axes, and those given in place of them.
fn merged(base: &Scenario, given: Vec<Axis>) -> Vec<Axis> {
    let mut axes: Vec<Axis> = Vec::new();
    let mut put = |axis: Axis| match axes.iter_mut().find(|known| known.name == axis.name) {
        Some(known) => *known = axis,
        None => axes.push(axis),
    };
    let table = &base.spec.compare;
    if !table.strategies.is_empty() {
        let values = table.strategies.iter().map(|one| toml::Value::String(one.0.clone()));
        let (name, origin) = ("placement".to_owned(), "compare.strategies".to_owned());
        put(Axis { name, values: values.collect(), origin });
    }
    for (name, values) in &table.axes {
        let origin = format!("compare.axes.{name}");
        put(Axis { name: name.clone(), values: values.clone(), origin });
    }
    given.into_iter().for_each(put);
    axes
}

/// Refuses a flag that every arm overrides.
fn contradictions(
    document: &Document,
    changes: &[Override],
    axes: &[Axis],
) -> Result<(), ScenarioError> {
    for change in changes {
        if let Some(axis) = axes.iter().find(|axis| axis.key() == change.key) {
            let problem =
                format!("every arm has its own value, from {}; leave one of them out", axis.origin);
            return Err(document.error_from(&change.origin, problem));
        }
    }
    Ok(())
}
