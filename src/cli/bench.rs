//! `towtank bench`: what placement decisions cost on this machine, in wall-clock time.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueEnum};
use indicatif::ProgressBar;

use crate::benchmark::{
    Cell, DEFAULT_STRATEGIES, Effort, Instruments, RATES, ROUNDS, Settings, Side, every_strategy,
    measure, measure_scenario, placer_name, ramp,
};
use crate::placement::{PlacementSpec, PlacerKind};
use crate::report::bench_csv::bench_csv;
use crate::report::bench_files::{Benchmark, Measured, write_benchmark};
use crate::report::bench_table::bench_table;
use crate::report::format::wrap;
use crate::report::kind::ResultKind;
use crate::report::output::Output;
use crate::report::run_directory::json_text;
use crate::scenario::{Document, Override, Scenario};

use super::failure::Failure;
use super::machine::machine;
use super::options::{self, Format};
use super::progress;
use super::wall::Stopwatch;

/// Seconds per placer where `--seconds` is not given: of a cell, of a scenario.
const SECONDS: (f64, f64) = (1.0, 10.0);

/// The longest time per placer: an hour.
const SECONDS_MAX: f64 = 3600.0;

/// Strategies and sizes of `--sustained`, where none are given.
const SUSTAINED: ([&str; 3], u32) = (["first-fit", "binpack:memory", "spread:instanceId"], 10_000);

/// Sizes of the grid, where none are given.
const INSTANCES: [u32; 4] = [100, 1000, 10_000, 100_000];

/// Arguments of `towtank bench`.
#[derive(Debug, Args)]
pub(super) struct BenchArgs {
    /// Placements to measure, or `all` [default: nine common ones]
    #[arg(long, value_name = "P,Q,...", value_delimiter = ',')]
    strategies: Vec<String>,
    /// Sizes of the cluster [default: 100,1000,10000,100000]
    #[arg(long, value_name = "N,M,...", value_delimiter = ',', conflicts_with = "scenario",
          value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    instances: Vec<u32>,
    /// Shares of the CPU in use, above 0, up to 1 [default: 0.8]
    #[arg(long, value_name = "U,V,...", value_delimiter = ',', conflicts_with = "scenario",
          value_parser = share)]
    utilisation: Vec<f64>,
    /// Time for each placer in each cell [default: 1, of a scenario 10]
    #[arg(long, value_name = "S", value_parser = seconds)]
    seconds: Option<f64>,
    /// Whose decisions are measured
    #[arg(long, value_name = "KIND", default_value = "both")]
    placer: PlacersFlag,
    /// Seed of what comes and goes [default: 1, or the scenario's]
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// Latency at rising rates of arrivals, up to where the scheduler falls behind
    #[arg(long, conflicts_with = "scenario")]
    sustained: bool,
    /// Measure the decisions of this scenario instead
    #[arg(long, value_name = "FILE")]
    scenario: Option<PathBuf>,
    /// Set a key of the scenario; a path given here is relative to the current directory
    #[arg(long = "set", value_name = "KEY=VALUE", requires = "scenario")]
    set: Vec<String>,
    /// Directory for the results [default: results/bench, results/bench-sustained, or
    /// results/bench-<scenario name>]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// What is printed
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: Format,
    /// No progress bar
    #[arg(long)]
    no_progress: bool,
    /// Errors only on stderr
    #[arg(short, long)]
    quiet: bool,
}

/// Placers to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PlacersFlag {
    /// Remembers what did not change
    Indexed,
    /// Scans every instance for every decision
    Naive,
    /// Both, taking turns
    Both,
}

impl PlacersFlag {
    fn kinds(self) -> Vec<PlacerKind> {
        match self {
            PlacersFlag::Indexed => vec![PlacerKind::Indexed],
            PlacersFlag::Naive => vec![PlacerKind::Naive],
            PlacersFlag::Both => vec![PlacerKind::Indexed, PlacerKind::Naive],
        }
    }
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share| *share > 0.0 && *share <= 1.0);
    share.ok_or_else(|| "no share; write a number above 0, up to 1, such as 0.8".to_owned())
}

fn seconds(text: &str) -> Result<f64, String> {
    let seconds = text.parse().ok().filter(|seconds| *seconds > 0.0 && *seconds <= SECONDS_MAX);
    seconds.ok_or_else(|| "no time; write seconds above 0, up to 3600, such as 0.5".to_owned())
}

/// Measures what the arguments name.
pub(super) fn bench(args: &BenchArgs, allocated: Option<fn() -> usize>) -> Result<(), Failure> {
    // An argument's `requires` does not hold beside one that conflicts with what is required.
    if args.scenario.is_none() && !args.set.is_empty() {
        let why = "--set sets a key of a scenario: name one with --scenario FILE";
        return Err(Failure::bad_input(why));
    }
    progress::catch_interrupts()?;
    let with = Instruments { clock: Arc::new(Stopwatch::start()), allocated };
    match &args.scenario {
        Some(path) => bench_scenario(args, path, &with),
        None => bench_grid(args, &with),
    }
}

// --- the grid ---------------------------------------------------------------------------

fn bench_grid(args: &BenchArgs, with: &Instruments) -> Result<(), Failure> {
    let cells = cells(args)?;
    if let Some(seed) = args.seed {
        options::seed_override(seed)?;
    }
    let seconds = args.seconds.unwrap_or(SECONDS.0);
    let effort = Effort {
        nanos: (seconds * 1e9) as u64,
        seed: args.seed.unwrap_or(1),
        placers: args.placer.kinds(),
    };
    let default = if args.sustained { "bench-sustained" } else { "bench" };
    let place = args.out.clone().unwrap_or_else(|| Path::new("results").join(default));
    let output = Output::begin(&place, ResultKind::Benchmark)?;
    let rounds = if args.sustained { RATES * effort.placers.len() as u64 } else { ROUNDS };
    let bar = bar(args, Some(rounds * cells.len() as u64), "rounds");
    let mut goes_on = |round_over: bool| {
        bar.inc(u64::from(round_over));
        !progress::interrupted()
    };
    let measured = if args.sustained {
        let levels = cells.iter().map(|cell| ramp(cell, &effort, with, &mut goes_on));
        Measured::Sustained { levels: levels.collect::<Result<Vec<_>, _>>()?.concat() }
    } else {
        let rows = cells.iter().map(|cell| measure(cell, &effort, with, &mut goes_on));
        Measured::Costs { rows: rows.collect::<Result<Vec<_>, _>>()?.concat() }
    };
    bar.finish_and_clear();
    let result = Benchmark {
        engine_version: Scenario::engine_version(),
        machine: machine(),
        workload: "churn".to_owned(),
        seed: effort.seed,
        seconds,
        clock_overhead_ns: with.clock_overhead_ns(),
        measured,
    };
    finish(args, &result, output, &place, "")
}

/// The cells of the grid: strategies, and of each the sizes and utilisations.
fn cells(args: &BenchArgs) -> Result<Vec<Cell>, Failure> {
    let default: &[&str] = if args.sustained { &SUSTAINED.0 } else { &DEFAULT_STRATEGIES };
    let strategies = strategies(args, default)?;
    let instances = match (args.instances.as_slice(), args.sustained) {
        ([], true) => &[SUSTAINED.1],
        ([], false) => &INSTANCES[..],
        (given, _) => given,
    };
    let utilisation = if args.utilisation.is_empty() { &[0.8] } else { &args.utilisation[..] };
    let mut cells = Vec::new();
    for placement in &strategies {
        for &instances in instances {
            for &utilisation in utilisation {
                cells.push(Cell { placement: placement.clone(), instances, utilisation });
            }
        }
    }
    Ok(cells)
}

fn strategies(args: &BenchArgs, default: &[&str]) -> Result<Vec<PlacementSpec>, Failure> {
    let names: Vec<String> = match args.strategies.as_slice() {
        [] => default.iter().map(|&name| name.to_owned()).collect(),
        [all] if all == "all" => every_strategy(),
        given => given.to_vec(),
    };
    let parse = |name: &String| {
        let parsed = PlacementSpec::parse(name);
        parsed.map_err(|why| Failure::bad_input(format!("--strategies: {why}")))
    };
    names.iter().map(parse).collect()
}

// --- a scenario ---------------------------------------------------------------------------

fn bench_scenario(args: &BenchArgs, path: &Path, with: &Instruments) -> Result<(), Failure> {
    let document = options::document(path)?;
    let all = sides(args, &document)?;
    let first = &all[0][0].scenario;
    options::warn(&first.warnings, args.quiet);
    let (name, seed) = (first.spec.name.clone(), first.spec.seed);
    options::warn(&first.prepare(seed)?.warnings, args.quiet);
    let seconds = args.seconds.unwrap_or(SECONDS.1);
    let settings = Settings { seed, nanos: (seconds * 1e9) as u64 };
    let default = || Path::new("results").join(format!("bench-{name}"));
    let place = args.out.clone().unwrap_or_else(default);
    let output = Output::begin(&place, ResultKind::Benchmark)?;
    let bar = bar(args, None, "runs");
    let mut goes_on = |run_over: bool| {
        bar.inc(u64::from(run_over));
        !progress::interrupted()
    };
    let rows = all.iter().map(|sides| measure_scenario(sides, settings, with, &mut goes_on));
    let rows = rows.collect::<Result<Vec<_>, _>>()?.concat();
    bar.finish_and_clear();
    let hint = decision_time_hint(rows[0].ns_per_decision.mean, &rows[0].strategy, rows[0].placer);
    let result = Benchmark {
        engine_version: Scenario::engine_version(),
        machine: machine(),
        workload: name,
        seed,
        seconds,
        clock_overhead_ns: with.clock_overhead_ns(),
        measured: Measured::Costs { rows },
    };
    finish(args, &result, output, &place, &hint)
}

/// The scenario with each strategy, and of each the placers.
fn sides(args: &BenchArgs, document: &Document) -> Result<Vec<Vec<Side>>, Failure> {
    let mut changes = Vec::new();
    for text in &args.set {
        let change = Override::parse(text);
        changes.push(change.map_err(|why| Failure::bad_input(format!("--set: {why}")))?);
    }
    if let Some(seed) = args.seed {
        changes.push(options::seed_override(seed)?);
    }
    let strategies = if args.strategies.is_empty() { Vec::new() } else { strategies(args, &[])? };
    let strategy = |one: &PlacementSpec| {
        Some(Override::flag("--strategies", "placement.strategy", one.to_string()))
    };
    let mut arms: Vec<Option<Override>> = strategies.iter().map(strategy).collect();
    if arms.is_empty() {
        arms.push(None);
    }
    let side = |arm: &Option<Override>, kind| {
        let placer = Override::flag("--placer", "placement.placer", placer_name(kind));
        let changes: Vec<Override> = changes.iter().chain(arm).cloned().chain([placer]).collect();
        Ok(Side { kind, scenario: Scenario::of(document.clone(), &changes)? })
    };
    let kinds = args.placer.kinds();
    let sides = |arm| kinds.iter().map(|&kind| side(arm, kind)).collect();
    arms.iter().map(sides).collect()
}

/// What to add to a scenario so that decisions take as long in simulated time as measured.
fn decision_time_hint(mean_ns: f64, strategy: &str, placer: &str) -> String {
    let whose = format!("({strategy}, {placer})");
    let text = format!("To have each decision take as long in simulated time {whose}, add");
    let text = wrap(&text, super::columns());
    format!("\n{text}\n\n[controller]\ndecision_time = \"{:.0}ns\"\n", mean_ns.max(1.0))
}

// --- both -------------------------------------------------------------------------------

fn bar(args: &BenchArgs, total: Option<u64>, what: &'static str) -> ProgressBar {
    progress::bar(total, what, !args.no_progress && !args.quiet)
}

/// Puts the files in place and prints.
fn finish(
    args: &BenchArgs,
    result: &Benchmark,
    output: Output,
    place: &Path,
    hint: &str,
) -> Result<(), Failure> {
    write_benchmark(output.path(), result)?;
    output.finish()?;
    if !args.quiet {
        super::say(&format!("results are in {}", place.display()));
    }
    match args.format {
        Format::Table => super::print(&(bench_table(result, super::columns()) + hint)),
        Format::Json => super::print(&json_text(result)),
        Format::Csv => super::print(&bench_csv(&result.measured)),
    }
}
