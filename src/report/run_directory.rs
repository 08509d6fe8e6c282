//! The files of a run and of a comparison.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufWriter, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::backend::journal::JOURNAL_FILE;
use crate::experiment::comparison::Comparison;
use crate::experiment::comparison_csv::comparison_csv;
use crate::metrics::{AllocationRow, Summary, TimelinePoint};
use crate::run::Finished;
use crate::scenario::{Manifest, Recording, Scenario};

use super::output::OutputError;
use super::plot::{metric_svg, pending_svg, utilisation_svg};

/// Files that towtank writes: only a directory with nothing else in it is replaced.
pub(super) const OWN_FILES: [&str; 24] = [
    "manifest.json",
    "summary.json",
    "tasks.csv",
    "service-events.csv",
    "service-metrics.csv",
    "timeline.csv",
    "timing.json",
    "allocation.csv",
    "comparison.json",
    "comparison.csv",
    "comparison.txt",
    "utilisation.svg",
    "pending.svg",
    "metric.svg",
    "bench.json",
    "bench.csv",
    "bench.svg",
    "containers.csv",
    JOURNAL_FILE,
    "replay.json",
    "replay.csv",
    "replay.md",
    "pairs.csv",
    "error.svg",
];

/// What `timing.json` holds: wall-clock measurements, the only file that may differ between equal
/// runs.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Timing {
    /// Wall-clock time of the run, seconds.
    pub wall_s: f64,
    /// Events handled.
    pub events: u64,
    /// Events per second of wall-clock time.
    pub events_per_s: f64,
}

impl Timing {
    /// The timing of a run that took `wall_s` seconds.
    pub fn of(finished: &Finished, wall_s: f64) -> Timing {
        let events = finished.events;
        Timing { wall_s, events, events_per_s: events as f64 / wall_s.max(1e-9) }
    }
}

/// The files that a run writes as it goes, in its directory, which is made.
///
/// # Errors
/// One cannot be made.
pub fn recording(directory: &Path, scenario: &Scenario) -> Result<Recording, OutputError> {
    fs::create_dir_all(directory).map_err(|why| OutputError::write(directory, why))?;
    let file = |name: &str, wanted: bool| -> Result<Option<Box<dyn Write + Send>>, OutputError> {
        if !wanted {
            return Ok(None);
        }
        let path = directory.join(name);
        let file = fs::File::create(&path).map_err(|why| OutputError::write(&path, why))?;
        Ok(Some(Box::new(BufWriter::with_capacity(1 << 16, file))))
    };
    let record = &scenario.spec.record;
    let has_services = scenario.has_services();
    let gets_requests = scenario.spec.service.values().any(|table| table.requests.is_some());
    Ok(Recording {
        tasks: file("tasks.csv", record.tasks)?,
        service_events: file("service-events.csv", record.service_events && has_services)?,
        service_metrics: file("service-metrics.csv", record.service_metrics && gets_requests)?,
        own: Vec::new(),
    })
}

/// Writes everything of one run except what was written as it went.
///
/// # Errors
/// A file cannot be written, or an input cannot be read again for its hash.
pub fn write_run(
    directory: &Path,
    scenario: &Scenario,
    arm: &str,
    seed: u64,
    finished: &Finished,
    wall_s: f64,
) -> Result<(), OutputError> {
    fs::create_dir_all(directory).map_err(|why| OutputError::write(directory, why))?;
    let records = &finished.records;
    let fingerprints = [records.fingerprint, records.workload_fingerprint];
    let manifest = Manifest::of(scenario, arm, seed, fingerprints, None)
        .map_err(|why| OutputError::write(directory, why))?;
    write_json(&directory.join("manifest.json"), &manifest)?;
    write_json(&directory.join("summary.json"), &scenario.summary(arm, seed, finished))?;
    write_json(&directory.join("timing.json"), &Timing::of(finished, wall_s))?;
    write_text(&directory.join("timeline.csv"), &timeline_csv(&records.timeline))?;
    if let Some(rows) = &records.allocation {
        write_text(&directory.join("allocation.csv"), &allocation_csv(rows))?;
    }
    write_plots(directory, &[("", records.timeline.as_slice())])
}

fn write_plots(directory: &Path, series: &[(&str, &[TimelinePoint])]) -> Result<(), OutputError> {
    let utilisation = directory.join("utilisation.svg");
    let text = utilisation_svg(series).map_err(|why| OutputError::write(&utilisation, why))?;
    write_text(&utilisation, &text)?;
    let pending = directory.join("pending.svg");
    let text = pending_svg(series).map_err(|why| OutputError::write(&pending, why))?;
    write_text(&pending, &text)
}

/// Writes what a comparison has at its top: JSON, CSV, the table and the plots.
///
/// # Errors
/// A file cannot be written.
pub fn write_comparison(
    directory: &Path,
    comparison: &Comparison,
    table: &str,
    series: &[(&str, &[TimelinePoint])],
) -> Result<(), OutputError> {
    fs::create_dir_all(directory).map_err(|why| OutputError::write(directory, why))?;
    write_json(&directory.join("comparison.json"), comparison)?;
    write_text(&directory.join("comparison.csv"), &comparison_csv(comparison))?;
    write_text(&directory.join("comparison.txt"), table)?;
    let path = directory.join("metric.svg");
    let text = metric_svg(comparison).map_err(|why| OutputError::write(&path, why))?;
    write_text(&path, &text)?;
    if series.is_empty() { Ok(()) } else { write_plots(directory, series) }
}

pub(super) fn write_text(path: &Path, text: &str) -> Result<(), OutputError> {
    fs::write(path, text).map_err(|why| OutputError::write(path, why))
}

/// JSON as results hold it: two blanks of indent, a newline at the end.
pub fn json_text(value: &impl Serialize) -> String {
    let mut text = serde_json::to_string_pretty(value).expect("results hold no odd map keys");
    text.push('\n');
    text
}

pub(super) fn write_json(path: &Path, value: &impl Serialize) -> Result<(), OutputError> {
    write_text(path, &json_text(value))
}

fn optional(value: Option<f64>) -> String {
    value.map_or(String::new(), |value| format!("{value:.6}"))
}

fn timeline_csv(points: &[TimelinePoint]) -> String {
    let mut text = "start_s,end_s,cpu,memory,gpu,pending,running,instances\n".to_owned();
    for point in points {
        let TimelinePoint { start_s, end_s, pending, running, instances, .. } = point;
        let shares = [point.cpu, point.memory, point.gpu].map(optional).join(",");
        let counts = format!("{pending:.6},{running:.6},{instances:.6}");
        let _ = writeln!(text, "{start_s},{end_s},{shares},{counts}");
    }
    text
}

/// Text of `allocation.csv`.
pub fn allocation_csv(rows: &[AllocationRow]) -> String {
    let mut text = "arrived_pct,gpu_allocated_pct,frag_amount_pct,frag_ratio_pct\n".to_owned();
    for row in rows {
        let allocated = format!("{:.6}", row.gpu_allocated_pct);
        let frag = [row.frag_amount_pct, row.frag_ratio_pct].map(optional).join(",");
        let _ = writeln!(text, "{},{allocated},{frag}", row.arrived_pct);
    }
    text
}

/// The summary in a finished run directory.
///
/// # Errors
/// In words: it is not there, or not a summary of this version's shape.
pub fn read_summary(directory: &Path) -> Result<Summary, String> {
    let path = directory.join("summary.json");
    let shown = path.display();
    let text = fs::read_to_string(&path).map_err(|why| {
        format!("{shown}: cannot be read: {why}; name a directory that `towtank run` made")
    })?;
    serde_json::from_str(&text).map_err(|why| format!("{shown}: not a summary of a run: {why}"))
}
