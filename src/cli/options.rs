//! Flags that several commands share, and what they mean for a scenario.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueEnum};

use crate::placement::STRATEGIES;
use crate::queueing::QUEUES;
use crate::run::Finished;
use crate::scenario::{Document, Override, ScenarioError};
use crate::workload::format::Reading;
use crate::workload::trace::TraceCache;

use super::failure::Failure;

/// Flags that change the scenario.
#[derive(Debug, Args)]
pub(super) struct ScenarioFlags {
    /// Seed of the (first) run [default: the scenario's]
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// Placement of all tasks, such as `fgd`, `power-of-d:3` or
    /// `spread:instanceId+binpack:memory`
    #[arg(long, value_name = "P", long_help = strategy_help())]
    strategy: Option<String>,
    /// Queue policy
    #[arg(long, value_name = "Q", long_help = queue_help())]
    queue: Option<String>,
    /// Which implementation decides; both take the same decisions
    #[arg(long, value_name = "KIND")]
    placer: Option<PlacerFlag>,
    /// Set a key of the scenario; a path given here is relative to the current directory
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum PlacerFlag {
    /// Remembers what did not change
    Indexed,
    /// Scans every instance for every decision
    Naive,
}

/// Flags about output and effort.
#[derive(Debug, Args)]
pub(super) struct OutputFlags {
    /// Directory for the results [default: results/<scenario name>, of `compare`
    /// results/compare-<scenario name>]
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
    /// What is printed
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub(super) format: Format,
    /// No progress bar
    #[arg(long)]
    pub(super) no_progress: bool,
    /// Errors only on stderr
    #[arg(short, long)]
    pub(super) quiet: bool,
    /// Keep the rows of traces there, so that later runs need not parse them
    #[arg(long, value_name = "DIR")]
    pub(super) trace_cache: Option<PathBuf>,
    /// Events, wall-clock time and fingerprint of each run on stderr
    #[arg(short, long, conflicts_with = "quiet")]
    pub(super) verbose: bool,
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// A table to read
    Table,
    /// JSON
    Json,
    /// CSV
    Csv,
}

impl OutputFlags {
    /// Where results go; where nothing is said, to the scenario's name behind `prefix`.
    pub(super) fn directory(&self, prefix: &str, scenario: &str) -> PathBuf {
        let default = || Path::new("results").join(format!("{prefix}{scenario}"));
        self.out.clone().unwrap_or_else(default)
    }

    /// How traces are read.
    pub(super) fn reading(&self, ahead: bool) -> Reading {
        let cache = self.trace_cache.clone().map(|place| Arc::new(TraceCache::new(place)));
        Reading { ahead, cache }
    }
}

impl ScenarioFlags {
    /// The changes to the scenario, in the order in which later ones win: `--set` first.
    pub(super) fn overrides(&self) -> Result<Vec<Override>, Failure> {
        let mut changes = Vec::new();
        for text in &self.set {
            changes.push(
                Override::parse(text).map_err(|why| Failure::bad_input(format!("--set: {why}")))?,
            );
        }
        if let Some(seed) = self.seed {
            changes.push(seed_override(seed)?);
        }
        if let Some(strategy) = &self.strategy {
            let strategy = strategy.as_str();
            changes.push(Override::flag("--strategy", "placement.strategy", strategy));
        }
        if let Some(queue) = &self.queue {
            changes.push(Override::flag("--queue", "queue.policy", queue.as_str()));
        }
        if let Some(placer) = self.placer {
            let name = match placer {
                PlacerFlag::Indexed => "indexed",
                PlacerFlag::Naive => "naive",
            };
            changes.push(Override::flag("--placer", "placement.placer", name));
        }
        Ok(changes)
    }
}

impl ScenarioFlags {
    /// The flags given, as the user writes them: for commands that cannot take them.
    pub(super) fn given(&self) -> Vec<&'static str> {
        let flags = [
            ("--set", !self.set.is_empty()),
            ("--seed", self.seed.is_some()),
            ("--strategy", self.strategy.is_some()),
            ("--queue", self.queue.is_some()),
            ("--placer", self.placer.is_some()),
        ];
        flags.into_iter().filter(|(_, given)| *given).map(|(flag, _)| flag).collect()
    }
}

/// The seed given by a flag.
pub(super) fn seed_override(seed: u64) -> Result<Override, Failure> {
    let seed = i64::try_from(seed)
        .map_err(|_| Failure::bad_input(format!("--seed: {seed} is above 2^63 - 1")))?;
    Ok(Override::flag("--seed", "seed", seed))
}

/// Tells what one run took and what it came to.
pub(super) fn tell(arm: &str, seed: u64, finished: &Finished, wall_s: f64) {
    let (events, now) = (finished.events, finished.now);
    let fingerprint = finished.records.fingerprint;
    super::say(&format!(
        "{arm}, seed {seed}: {events} events up to {now} s in {wall_s:.3} s, {fingerprint}"
    ));
}

/// Reads the scenario file.
pub(super) fn document(path: &Path) -> Result<Document, ScenarioError> {
    Document::read(path)
}

/// Tells the user what the scenario warned of.
pub(super) fn warn(warnings: &[String], quiet: bool) {
    for warning in warnings.iter().filter(|_| !quiet) {
        super::say(&format!("warning: {warning}"));
    }
}

fn strategy_help() -> String {
    let mut text = "Placement of all standalone tasks and services: a name with optional \
                    parameter, or ECS's own strategies chained with '+'. Known:\n"
        .to_owned();
    for entry in STRATEGIES {
        let parameter = entry.parameter.map_or(String::new(), |one| format!(":<{one}>"));
        let _ = writeln!(text, "  {}{parameter}\n      {}", entry.name, entry.summary);
    }
    text
}

fn queue_help() -> String {
    let mut text = "Queue policy. Known:\n".to_owned();
    for entry in QUEUES {
        let _ = writeln!(text, "  {}\n      {}", entry.name, entry.summary);
    }
    text
}
