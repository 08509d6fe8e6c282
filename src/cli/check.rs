//! `towtank check`: is a scenario right, its comparison too, and what is it with every default?

use std::path::PathBuf;

use clap::Args;

use crate::experiment::plan::Plan;
use crate::scenario::Scenario;

use super::failure::Failure;
use super::options::{self, ScenarioFlags};

/// Arguments of `towtank check`.
#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// Scenario file
    scenario: PathBuf,
    #[command(flatten)]
    changes: ScenarioFlags,
    /// Errors only on stderr
    #[arg(short, long)]
    quiet: bool,
}

/// Checks the scenario, opens its traces, and prints it as resolved, in TOML.
pub(super) fn check(args: &CheckArgs) -> Result<(), Failure> {
    let document = options::document(&args.scenario)?;
    let changes = args.changes.overrides()?;
    Plan::of(&document, &changes, Vec::new())?;
    let scenario = Scenario::of(document, &changes)?;
    options::warn(&scenario.warnings, args.quiet);
    let prepared = scenario.prepare(scenario.spec.seed)?;
    options::warn(&prepared.warnings, args.quiet);
    let text = toml::to_string(&scenario.spec)
        .map_err(|why| Failure::failed(format!("the scenario cannot be written: {why}")))?;
    super::print(&text)
}
