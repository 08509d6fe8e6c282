//! The files of a benchmark: wall-clock measurements only, with the machine they were made on.

use std::path::Path;

use serde::Serialize;

use crate::benchmark::{Level, Row};

use super::bench_csv::bench_csv;
use super::output::OutputError;
use super::plot::{PlotError, cost_svg, latency_svg};
use super::run_directory::{write_json, write_text};

/// Where a benchmark was made.
#[derive(Debug, Clone, Serialize)]
pub struct Machine {
    /// Model of the processor, where the system tells.
    pub cpu: Option<String>,
    /// Logical processors that the process may use.
    pub cores: usize,
    /// Operating system and its release, where known.
    pub os: String,
    /// Architecture that towtank was compiled for.
    pub architecture: &'static str,
    /// Whether assertions for tests are compiled in: figures of such a build are no measurement.
    pub debug_assertions: bool,
}

/// What was measured.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub enum Measured {
    /// Costs of decisions.
    Costs {
        /// A row per strategy, size, utilisation and placer.
        rows: Vec<Row>,
    },
    /// Latencies at rising rates.
    Sustained {
        /// A level per rate.
        levels: Vec<Level>,
    },
}

/// A benchmark: what `bench.json` holds and `bench --format json` prints.
#[derive(Debug, Clone, Serialize)]
pub struct Benchmark {
    /// Version of towtank.
    pub engine_version: &'static str,
    /// Where.
    pub machine: Machine,
    /// `churn`, or the name of a scenario.
    pub workload: String,
    /// Seed of the workload.
    pub seed: u64,
    /// Time for each placer in each cell, seconds.
    pub seconds: f64,
    /// What one reading of the clock costs; taken off every decision timed by itself.
    pub clock_overhead_ns: u64,
    /// The figures.
    #[serde(flatten)]
    pub measured: Measured,
}

/// Writes `bench.json`, `bench.csv` and `bench.svg`.
///
/// # Errors
/// A file cannot be written.
pub fn write_benchmark(directory: &Path, benchmark: &Benchmark) -> Result<(), OutputError> {
    write_json(&directory.join("bench.json"), benchmark)?;
    write_text(&directory.join("bench.csv"), &bench_csv(&benchmark.measured))?;
    let path = directory.join("bench.svg");
    let text = svg(&benchmark.measured).map_err(|why| OutputError::write(&path, why))?;
    write_text(&path, &text)
}

fn svg(measured: &Measured) -> Result<String, PlotError> {
    match measured {
        Measured::Costs { rows } => cost_svg(rows),
        Measured::Sustained { levels } => latency_svg(levels),
    }
}
