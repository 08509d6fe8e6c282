//! `towtank check`: is a scenario right, and what does it say with every default?

use std::path::PathBuf;

use clap::Args;

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
    let scenario = Scenario::of(document, &args.changes.overrides()?)?;
    options::warn(&scenario.warnings, args.quiet);
    scenario.prepare(scenario.spec.seed)?;
    let text = toml::to_string(&scenario.spec)
        .map_err(|why| Failure::failed(format!("the scenario cannot be written: {why}")))?;
    super::print(&text)
}
