//! What a comparison will run: its arms, seeds and metric, checked.

use crate::scenario::{Document, Override, Scenario, ScenarioError};

use super::grid::{Arm, Axis, arms};
use super::metric::MetricName;

/// Seeds of one comparison at most.
const SEEDS_MAX: u32 = 100_000;

/// Runs of one comparison at most: what is kept of each until the end fits in memory.
const RUNS_MAX: usize = 100_000;

/// The highest seed that a scenario can name: integers in TOML end there.
const SEED_MAX: u64 = i64::MAX as u64;

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
        let seeds = seeds(&set, base.spec.seed, table.seeds)?;
        let axes = merged(&set, &base, axes)?;
        contradictions(&set, changes, &axes)?;
        let arms = if axes.is_empty() { Vec::new() } else { arms(document, changes, &axes)? };
        let runs = arms.len() * seeds.len();
        if runs > RUNS_MAX {
            let (arms, each) = (arms.len(), seeds.len());
            let problem = format!(
                "{each} seeds under each of {arms} arms are {runs} runs; {RUNS_MAX} are the most: \
                 write fewer seeds, or compare fewer arms"
            );
            return Err(set.error("compare.seeds", problem));
        }
        let (name, warnings) = (base.spec.name, base.warnings);
        Ok(Plan { name, axes, arms, seeds, metric, warnings })
    }
}

/// So many seeds from the first on.
fn seeds(document: &Document, first: u64, count: u32) -> Result<Vec<u64>, ScenarioError> {
    let last = first.saturating_add(u64::from(count) - 1);
    if last > SEED_MAX {
        let problem = format!(
            "of {count} seeds from {first} on, the last is above 2^63 - 1; begin with a smaller one"
        );
        return Err(document.error("seed", problem));
    }
    Ok((first..=last).collect())
}

/// The scenario's axes, and those given in place of them.
fn merged(
    document: &Document,
    base: &Scenario,
    given: Vec<Axis>,
) -> Result<Vec<Axis>, ScenarioError> {
    let mut own: Vec<Axis> = Vec::new();
    let table = &base.spec.compare;
    if !table.strategies.is_empty() {
        let values = table.strategies.iter().map(|one| toml::Value::String(one.0.clone()));
        let (name, origin) = ("placement".to_owned(), "compare.strategies".to_owned());
        own.push(Axis { name, values: values.collect(), origin });
    }
    for (name, values) in &table.axes {
        let origin = format!("compare.axes.{name}");
        own.push(Axis { name: name.clone(), values: values.clone(), origin });
    }
    all_different(document, &own)?;
    all_different(document, &given)?;
    let mut axes = own;
    for axis in given {
        match axes.iter_mut().find(|known| known.key() == axis.key()) {
            Some(known) => *known = axis,
            None => axes.push(axis),
        }
    }
    Ok(axes)
}

/// Refuses two axes of the same: the values of one would be lost.
fn all_different(document: &Document, axes: &[Axis]) -> Result<(), ScenarioError> {
    for (index, axis) in axes.iter().enumerate() {
        if let Some(earlier) = axes[..index].iter().find(|one| one.key() == axis.key()) {
            let problem =
                format!("{} is an axis of the same; write all values in one", earlier.origin);
            return Err(document.error_from(&axis.origin, problem));
        }
    }
    Ok(())
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
