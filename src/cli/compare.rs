//! `towtank compare`: arms over the same seeds, or finished run directories.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use clap::Args;
use indicatif::ProgressBar;

use crate::experiment::comparison::{ArmRuns, Comparison};
use crate::experiment::comparison_csv::comparison_csv;
use crate::experiment::grid::{
    Arm, Axis, GridError, GridProgress, GridRun, RunHooks, SCALING, arm_runs, run_grid,
};
use crate::experiment::metric::MetricName;
use crate::experiment::plan::Plan;
use crate::metrics::{Summary, TimelinePoint};
use crate::report::output::Output;
use crate::report::run_directory::{
    json_text, read_summary, recording, write_comparison, write_run,
};
use crate::report::table::comparison_table;
use crate::run::Finished;
use crate::scenario::{Override, Recording, value_of};

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
    changes: ScenarioFlags,
    /// Number of seeds, from the first on [default: the scenario's]
    #[arg(long, value_name = "N")]
    seeds: Option<u32>,
    /// Placements to compare
    #[arg(long, value_name = "P,Q,...", value_delimiter = ',')]
    strategies: Vec<String>,
    /// A further axis: placement, queue, or a key of the scenario
    #[arg(long, value_name = "NAME=V1,V2,...")]
    axis: Vec<String>,
    /// Metric to rank by [default: the scenario's]
    #[arg(long, value_name = "METRIC")]
    metric: Option<String>,
    /// Runs at a time [default: one per processor]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    #[command(flatten)]
    output: OutputFlags,
}

/// Compares what the arguments name.
pub(super) fn compare(args: &CompareArgs) -> Result<(), Failure> {
    let directories = args.scenario.iter().filter(|path| path.is_dir()).count();
    match (args.scenario.as_slice(), directories) {
        ([path], 0) => compare_scenario(args, path),
        (paths, count) if count == paths.len() && count >= 2 => compare_runs(args, paths),
        _ => Err(Failure::bad_input(
            "name one scenario file, or two or more finished run directories",
        )),
    }
}

// --- finished run directories ---------------------------------------------------------

fn compare_runs(args: &CompareArgs, paths: &[PathBuf]) -> Result<(), Failure> {
    refuse_scenario_flags(args)?;
    let mut arms: Vec<ArmRuns> = Vec::new();
    for path in paths {
        let summary = read_summary(path).map_err(Failure::bad_input)?;
        if let Some(first) = arms.first().map(|arm| &arm.runs[0])
            && first.warm_up_s != summary.warm_up_s
        {
            let (path, this, other) = (path.display(), summary.warm_up_s, first.warm_up_s);
            return Err(Failure::bad_input(format!(
                "{path}: its warm-up is {this} s and not {other} s; compare runs measured alike"
            )));
        }
        let same = |arm: &&mut ArmRuns| side(&arm.runs[0]) == side(&summary);
        match arms.iter_mut().find(same) {
            Some(arm) => arm.runs.push(summary),
            None => arms.push(arm_of(summary)),
        }
    }
    for arm in &mut arms {
        arm.runs.sort_by_key(|run| run.seed);
    }
    tell_apart(&mut arms);
    let metric = metric(args.metric.as_deref().unwrap_or("wait_s.mean"))?;
    let comparison = Comparison::of(&arms, metric)?;
    if let Some(place) = &args.output.out {
        refuse_place(place, paths)?;
        let output = Output::begin(place)?;
        let table = comparison_table(&comparison, 80);
        write_comparison(output.path(), &comparison, &table, &[])?;
        output.finish()?;
    }
    print_comparison(args.output.format, &comparison)
}

/// Finished runs are compared as they are: flags that would change the scenario have no use.
fn refuse_scenario_flags(args: &CompareArgs) -> Result<(), Failure> {
    let own = [
        ("--seeds", args.seeds.is_some()),
        ("--strategies", !args.strategies.is_empty()),
        ("--axis", !args.axis.is_empty()),
        ("--threads", args.threads.is_some()),
        ("--trace-cache", args.output.trace_cache.is_some()),
    ];
    let own = own.into_iter().filter(|(_, given)| *given).map(|(flag, _)| flag);
    match args.changes.given().into_iter().chain(own).next() {
        None => Ok(()),
        Some(flag) => Err(Failure::bad_input(format!(
            "{flag}: finished runs cannot be changed; leave it out, or compare a scenario"
        ))),
    }
}

/// Refuses to put the comparison where it would replace a run that it was made from.
fn refuse_place(place: &Path, runs: &[PathBuf]) -> Result<(), Failure> {
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let place_is = real(place);
    let touches = |run: &&PathBuf| {
        let run = real(run);
        run.starts_with(&place_is) || place_is.starts_with(&run)
    };
    match runs.iter().find(touches) {
        None => Ok(()),
        Some(run) => Err(Failure::bad_input(format!(
            "{}: would replace the run {} that is compared; name another directory with --out",
            place.display(),
            run.display()
        ))),
    }
}

/// What makes two runs runs of one arm.
fn side(summary: &Summary) -> [&str; 4] {
    [&summary.arm, &summary.placement, &summary.queue, &summary.scenario]
}

/// Adds the queue and the scenario to names that several arms have.
fn tell_apart(arms: &mut [ArmRuns]) {
    let names: Vec<String> = arms.iter().map(|arm| arm.name.clone()).collect();
    for arm in arms {
        if names.iter().filter(|name| **name == arm.name).count() > 1 {
            arm.name = format!("{}, queue={}, {}", arm.name, arm.queue, arm.runs[0].scenario);
        }
    }
}

fn arm_of(summary: Summary) -> ArmRuns {
    ArmRuns {
        name: summary.arm.clone(),
        placement: summary.placement.clone(),
        queue: summary.queue.clone(),
        scaling: SCALING.to_owned(),
        runs: vec![summary],
    }
}

fn metric(name: &str) -> Result<MetricName, Failure> {
    name.parse().map_err(|why: crate::experiment::metric::MetricError| {
        Failure::bad_input(format!("--metric: {why}"))
    })
}

// --- arms of a scenario ------------------------------------------------------------

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

    let place = args.output.directory(&name);
    let output = Output::begin(&place)?;
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

fn print_comparison(format: Format, comparison: &Comparison) -> Result<(), Failure> {
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
