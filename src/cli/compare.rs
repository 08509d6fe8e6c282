//! `towtank compare`: arms over the same seeds, or finished run directories.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use clap::Args;
use indicatif::ProgressBar;

use crate::experiment::comparison::Comparison;
use crate::experiment::comparison_csv::comparison_csv;
use crate::experiment::grid::{
    Arm, Axis, GridError, GridProgress, GridRun, RunHooks, arm_runs, run_grid,
};
use crate::experiment::metric::MetricName;
use crate::experiment::plan::Plan;
use crate::metrics::TimelinePoint;
use crate::report::kind::ResultKind;
use crate::report::output::Output;
use crate::report::run_directory::{json_text, recording, write_comparison, write_run};
use crate::report::table::comparison_table;
use crate::run::Finished;
use crate::scenario::{Override, Recording, value_of};

use super::compare_runs::compare_runs;
use super::failure::Failure;
use super::options::{self, Format, OutputFlags, ScenarioFlags};
use super::progress;
use super::wall::Stopwatch;

/// Arguments of `towtank compare`.
#[derive(Debug, Args)]
pub(super) struct CompareArgs {
    /// A scenario file, or two or more finished run directories
    #[arg(required = true, value_name = "SCENARIO|RUN")]
    scenario: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) changes: ScenarioFlags,
    /// Number of seeds, from the first on [default: the scenario's]
    #[arg(long, value_name = "N")]
    pub(super) seeds: Option<u32>,
    /// Placements to compare
    #[arg(long, value_name = "P,Q,...", value_delimiter = ',')]
    pub(super) strategies: Vec<String>,
    /// A further axis: placement, queue, or a key of the scenario
    #[arg(long, value_name = "NAME=V1,V2,...")]
    pub(super) axis: Vec<String>,
    /// Metric to rank by [default: the scenario's]
    #[arg(long, value_name = "METRIC")]
    pub(super) metric: Option<String>,
    /// Runs at a time [default: one per processor]
    #[arg(long, value_name = "N")]
    pub(super) threads: Option<usize>,
    #[command(flatten)]
    pub(super) output: OutputFlags,
}

/// Compares what the arguments name.
pub(super) fn compare(args: &CompareArgs) -> Result<(), Failure> {
    let paths = args.scenario.as_slice();
    match paths {
        [path] if path.is_dir() => Err(Failure::bad_input(format!(
            "{}: a directory by itself; name a second run to compare it with, or a scenario file",
            path.display()
        ))),
        [path] => compare_scenario(args, path),
        _ => {
            all_directories(paths)?;
            compare_runs(args, paths)
        }
    }
}

/// Refuses arguments that cannot be finished runs.
fn all_directories(paths: &[PathBuf]) -> Result<(), Failure> {
    let Some(path) = paths.iter().find(|path| !path.is_dir()) else {
        return Ok(());
    };
    let problem = if path.exists() {
        "is a file; a scenario is compared by itself, and of several arguments each is a finished \
         run directory"
    } else {
        "no such directory; check the path, or name one that `towtank run` made"
    };
    Err(Failure::bad_input(format!("{}: {problem}", path.display())))
}

fn compare_scenario(args: &CompareArgs, path: &Path) -> Result<(), Failure> {
    progress::catch_interrupts()?;
    let document = options::document(path)?;
    let mut changes = args.changes.overrides()?;
    let seeds = args.seeds.map(|count| Override::flag("--seeds", "compare.seeds", count));
    let metric =
        args.metric.as_deref().map(|name| Override::flag("--metric", "compare.metric", name));
    changes.extend(seeds.into_iter().chain(metric));
    let threads = threads(args.threads)?;
    let Plan { name, axes, mut arms, seeds, metric, warnings } =
        Plan::of(&document, &changes, axes(args)?)?;
    let reading = args.output.reading(false);
    for arm in &mut arms {
        arm.scenario.reading = reading.clone();
    }
    if arms.is_empty() {
        let problem = "nothing to compare; name placements with --strategies or `strategies` under \
                       [compare], or another axis";
        return Err(document.error("compare", problem).into());
    }
    options::warn(&warnings, args.output.quiet);
    // Opens the traces once beforehand: what is wrong with them shows before any run.
    options::warn(&arms[0].scenario.prepare(seeds[0])?.warnings, args.output.quiet);

    let place = args.output.directory("compare-", &name);
    let output = Output::begin(&place, ResultKind::Comparison)?;
    let runs = run_all(args, &arms, &seeds, threads, &output)?;

    let sides = arm_runs(&arms, &runs);
    let comparison = if axes.iter().any(Axis::changes_workload) {
        Comparison::of_different_workloads(&sides, metric)?
    } else {
        Comparison::of(&sides, metric)?
    };
    let series: Vec<(&str, &[TimelinePoint])> = arms
        .iter()
        .zip(&runs)
        .map(|(arm, runs)| (arm.name.as_str(), runs[0].timeline.as_slice()))
        .collect();
    let table = comparison_table(&comparison, 80);
    write_comparison(output.path(), &comparison, &table, &series)?;
    output.finish()?;
    if !args.output.quiet {
        super::say(&format!("results are in {}", place.display()));
    }
    print_comparison(args.output.format, &comparison)
}

pub(super) fn metric(name: &str) -> Result<MetricName, Failure> {
    name.parse().map_err(|why: crate::experiment::metric::MetricError| {
        Failure::bad_input(format!("--metric: {why}"))
    })
}

fn threads(wanted: Option<usize>) -> Result<usize, Failure> {
    match wanted {
        Some(0) => Err(Failure::bad_input("--threads: 0 cannot run anything; give at least 1")),
        Some(count) => Ok(count),
        None => Ok(std::thread::available_parallelism().map_or(1, std::num::NonZero::get)),
    }
}

/// The axes that the command line names.
fn axes(args: &CompareArgs) -> Result<Vec<Axis>, Failure> {
    let mut axes: Vec<Axis> = Vec::new();
    if !args.strategies.is_empty() {
        let text = |one: &String| toml::Value::String(one.trim().to_owned());
        let values = args.strategies.iter().map(text).collect();
        let (name, origin) = ("placement".to_owned(), "--strategies".to_owned());
        axes.push(Axis { name, values, origin });
    }
    for axis in &args.axis {
        let parsed = axis.split_once('=').filter(|(_, values)| !values.is_empty());
        let (name, values) = parsed.ok_or_else(|| {
            let example = "write, say, --axis queue=fifo,ecs";
            Failure::bad_input(format!("--axis: '{axis}' is not NAME=V1,V2; {example}"))
        })?;
        let values = split_values(values).into_iter().map(|one| value_of(one.trim())).collect();
        let (name, origin) = (name.trim().to_owned(), format!("--axis {}", name.trim()));
        axes.push(Axis { name, values, origin });
    }
    Ok(axes)
}

/// The values between the commas that are in no list, table or text.
fn split_values(text: &str) -> Vec<&str> {
    let (mut depth, mut quote, mut start) = (0_u32, None, 0);
    let mut values = Vec::new();
    for (at, one) in text.char_indices() {
        match (one, quote) {
            (_, Some(open)) => quote = (one != open).then_some(open),
            ('"' | '\'', None) => quote = Some(one),
            ('[' | '{', None) => depth += 1,
            (']' | '}', None) => depth = depth.saturating_sub(1),
            (',', None) if depth == 0 => {
                values.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    values.push(&text[start..]);
    values
}

/// Runs every arm with every seed, each into its own directory.
fn run_all(
    args: &CompareArgs,
    arms: &[Arm],
    seeds: &[u64],
    threads: usize,
    output: &Output,
) -> Result<Vec<Vec<GridRun>>, Failure> {
    let total = (arms.len() * seeds.len()) as u64;
    let wanted = !args.output.no_progress && !args.output.quiet;
    let hooks = Hooks {
        root: output.path(),
        bar: progress::bar(Some(total), "runs", wanted),
        verbose: args.output.verbose,
        watch: Stopwatch::start(),
        last_tick: Mutex::new(0.0),
    };
    let runs = run_grid(arms, seeds, threads, &hooks);
    hooks.bar.finish_and_clear();
    Ok(runs?)
}

/// Writes run directories and moves the progress bar.
struct Hooks<'a> {
    root: &'a Path,
    bar: ProgressBar,
    verbose: bool,
    watch: Stopwatch,
    last_tick: Mutex<f64>,
}

impl Hooks<'_> {
    fn directory(&self, arm: &Arm, seed: u64) -> PathBuf {
        self.root.join(&arm.directory).join(format!("seed-{seed}"))
    }
}

impl RunHooks for Hooks<'_> {
    fn recording(&self, arm: &Arm, seed: u64) -> Result<Recording, GridError> {
        let made = recording(&self.directory(arm, seed), &arm.scenario);
        made.map_err(|why| GridError::Write(why.to_string()))
    }

    fn finished(
        &self,
        arm: &Arm,
        seed: u64,
        finished: &Finished,
        wall_s: f64,
    ) -> Result<(), GridError> {
        if self.verbose {
            self.bar.suspend(|| options::tell(&arm.name, seed, finished, wall_s));
        }
        let directory = self.directory(arm, seed);
        write_run(&directory, &arm.scenario, &arm.name, seed, finished, wall_s)
            .map_err(|why| GridError::Write(why.to_string()))
    }

    fn watch(&self, progress: GridProgress) -> bool {
        if progress.run_finished {
            self.bar.inc(1);
        } else if let Ok(mut last) = self.last_tick.try_lock()
            && self.watch.seconds() - *last > 0.25
        {
            *last = self.watch.seconds();
            self.bar.tick();
        }
        !progress::interrupted()
    }

    fn wall_s(&self) -> f64 {
        self.watch.seconds()
    }
}

pub(super) fn print_comparison(format: Format, comparison: &Comparison) -> Result<(), Failure> {
    match format {
        Format::Table => super::print(&comparison_table(comparison, super::columns())),
        Format::Json => super::print(&json_text(comparison)),
        Format::Csv => super::print(&comparison_csv(comparison)),
    }
}

#[cfg(test)]
mod tests {
    use super::split_values;

    #[test]
    fn values_are_split_outside_of_lists_tables_and_texts() {
        assert_eq!(split_values("1,2"), ["1", "2"]);
        assert_eq!(split_values("binpack:cpu, random"), ["binpack:cpu", " random"]);
        let nested = "[{ cpu = 1, memory = 2 }, { cpu = 3 }],[{ cpu = 4 }]";
        assert_eq!(split_values(nested).len(), 2);
        assert_eq!(split_values("\"a,b\",'c,]'"), ["\"a,b\"", "'c,]'"]);
        assert_eq!(split_values("a],b"), ["a]", "b"], "what is no TOML is text");
        assert_eq!(split_values(""), [""]);
    }
}
