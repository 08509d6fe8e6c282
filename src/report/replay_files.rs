//! The files of a replay: verdict, tables for spreadsheets, plots.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use crate::replay::verdict::Verdict;

use super::output::OutputError;
use super::plot::{error_svg, replay_metric_svg};
use super::replay_csv::{pairs_csv, replay_csv};
use super::replay_table::replay_markdown;
use super::run_directory::{write_json, write_text};

/// A replay: what `replay.json` holds.
#[derive(Debug, Clone, Serialize)]
pub struct Replay {
    /// Version of towtank.
    pub engine_version: &'static str,
    /// Name of the scenario.
    pub scenario: String,
    /// What it was made under, by name: engine, time scale, cores. Reports list it as it is.
    pub conditions: BTreeMap<String, String>,
    /// The verdict.
    #[serde(flatten)]
    pub verdict: Verdict,
}

/// Writes `replay.json`, `replay.csv`, `replay.md`, `pairs.csv`, `error.svg` and `metric.svg`.
///
/// # Errors
/// A file cannot be written.
pub fn write_replay(directory: &Path, replay: &Replay) -> Result<(), OutputError> {
    write_json(&directory.join("replay.json"), replay)?;
    write_text(&directory.join("replay.csv"), &replay_csv(&replay.verdict))?;
    write_text(&directory.join("pairs.csv"), &pairs_csv(&replay.verdict))?;
    write_text(&directory.join("replay.md"), &replay_markdown(replay))?;
    for (name, plot) in [
        ("error.svg", error_svg(&replay.scenario, &replay.verdict)),
        ("metric.svg", replay_metric_svg(&replay.scenario, &replay.verdict)),
    ] {
        let path = directory.join(name);
        write_text(&path, &plot.map_err(|why| OutputError::write(&path, why))?)?;
    }
    Ok(())
}
