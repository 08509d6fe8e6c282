//! `towtank run`: a scenario once.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use crate::experiment::comparison_csv::summary_csv;
use crate::experiment::grid::GridError;
use crate::metrics::Summary;
use crate::placement::RefusalHistogram;
use crate::report::kind::ResultKind;
use crate::report::output::Output;
use crate::report::run_directory::{Timing, json_text, recording, write_run};
use crate::report::summary_table::summary_table;
use crate::run::{Finished, Progress, RunError};
use crate::scenario::Scenario;

use super::failure::Failure;
use super::options::{self, Format, OutputFlags, ScenarioFlags};
use super::progress;
use super::wall::Stopwatch;

/// Kinds of waiting tasks explained at the end.
const EXPLAINED_MAX: usize = 3;

/// Arguments of `towtank run`.
#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// Scenario file
    scenario: PathBuf,
    #[command(flatten)]
    changes: ScenarioFlags,
    #[command(flatten)]
    output: OutputFlags,
}

/// Runs the scenario and writes its run directory.
pub(super) fn run(args: &RunArgs) -> Result<(), Failure> {
    progress::catch_interrupts()?;
    let document = options::document(&args.scenario)?;
    let mut scenario = Scenario::of(document, &args.changes.overrides()?)?;
    // One run leaves the other cores idle.
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    scenario.reading = args.output.reading(cores > 1);
    options::warn(&scenario.warnings, args.output.quiet);
    let place = args.output.directory("", &scenario.spec.name);
    let output = Output::begin(&place, ResultKind::Run)?;
    let seed = scenario.spec.seed;
    let arm = scenario.arm();

    let watch = Stopwatch::start();
    let finished = simulate(args, &scenario, seed, &output)?;
    let wall_s = watch.seconds();
    if args.output.verbose {
        options::tell(&arm, seed, &finished, wall_s);
    }

    write_run(output.path(), &scenario, &arm, seed, &finished, wall_s)?;
    output.finish()?;
    let summary = scenario.summary(&arm, seed, &finished);
    explain_waiting(&finished, args.output.quiet);
    warn_of_warm_up(&scenario, &finished, args.output.quiet);
    if !args.output.quiet {
        super::say(&format!("results are in {}", place.display()));
    }
    print_summary(args.output.format, &summary, &Timing::of(&finished, wall_s))
}

fn simulate(
    args: &RunArgs,
    scenario: &Scenario,
    seed: u64,
    output: &Output,
) -> Result<Finished, Failure> {
    let prepared = scenario.prepare(seed)?;
    options::warn(&prepared.warnings, args.output.quiet);
    let wanted = !args.output.no_progress && !args.output.quiet;
    let bar = progress::bar(prepared.len_hint(), "events from outside", wanted);
    let recording = recording(output.path(), scenario)?;
    let mut watch = |progress: Progress| {
        bar.set_position(progress.externals);
        !progress::interrupted()
    };
    let finished = prepared.run(recording, &mut watch);
    bar.finish_and_clear();
    finished.map_err(|source| {
        let arm = scenario.arm();
        match source {
            RunError::Workload(why) => why.into(),
            source => GridError::Run { arm, seed, source }.into(),
        }
    })
}

/// Says if the run ended before the warm-up did.
fn warn_of_warm_up(scenario: &Scenario, finished: &Finished, quiet: bool) {
    let warm_up = scenario.spec.warm_up;
    if warm_up.duration().micros() > 0 && finished.now.micros() <= warm_up.duration().micros() {
        let now = finished.now;
        let text = format!(
            "warm_up, {warm_up}, is not shorter than the run, {now} s: nothing was \
                            measured; write a shorter one"
        );
        options::warn(&[text], quiet);
    }
}

/// Says of tasks left waiting why no instance takes them.
fn explain_waiting(finished: &Finished, quiet: bool) {
    if quiet {
        return;
    }
    let cluster = finished.controller.cluster();
    let mut counts = std::collections::BTreeMap::new();
    // Services that will try again later keep theirs out of the queue.
    for (_, task) in cluster.tasks().filter(|(_, task)| task.is_unplaced()) {
        *counts.entry(task.class).or_insert(0) += 1;
    }
    let mut kinds: Vec<_> = counts.into_iter().collect();
    kinds.sort_by_key(|&(class, count)| (std::cmp::Reverse(count), class));
    for &(id, count) in kinds.iter().take(EXPLAINED_MAX) {
        let class = cluster.class(id);
        let why = RefusalHistogram::of(class, cluster);
        super::say(&format!("{count} tasks of '{}' wait: {why}", class.definition.family));
    }
    if kinds.len() > EXPLAINED_MAX {
        super::say(&format!("{} more kinds of tasks wait", kinds.len() - EXPLAINED_MAX));
    }
}

/// What `run --format json` prints: the summary, and apart from it the wall clock.
#[derive(Serialize)]
struct Printed<'a> {
    #[serde(flatten)]
    summary: &'a Summary,
    wall: &'a Timing,
}

fn print_summary(format: Format, summary: &Summary, timing: &Timing) -> Result<(), Failure> {
    match format {
        Format::Table => super::print(&summary_table(summary, super::columns())),
        Format::Csv => super::print(&summary_csv(summary)),
        Format::Json => super::print(&json_text(&Printed { summary, wall: timing })),
    }
}
