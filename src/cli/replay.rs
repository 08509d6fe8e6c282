//! `towtank replay`: the same run on real containers, and the simulation's error against them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use crate::backend::docker::{Endpoint, Scale};
use crate::calibration::Calibration;
use crate::des::Seed;
use crate::experiment::grid::directory_name;
use crate::replay::ReplayError;
use crate::replay::admission::{Demand, Room};
use crate::replay::campaign::{Campaign, CampaignProgress, ReplayArm};
use crate::replay::pace::Pacing;
use crate::replay::venue::{Budgets, Venue, VenueSettings};
use crate::replay::verdict::{Verdict, VerdictSettings};
use crate::report::kind::ResultKind;
use crate::report::output::Output;
use crate::report::replay_csv::replay_csv;
use crate::report::replay_files::{Replay, write_replay};
use crate::report::replay_runs::{write_real_run, write_simulated_run};
use crate::report::replay_table::replay_table;
use crate::report::run_directory::json_text;
use crate::scenario::spec::ReplayMode;
use crate::scenario::{Document, Override, ReplayMetric, Scenario};

use super::calibrate::host;
use super::failure::Failure;
use super::options::{self, Format, ScenarioFlags};
use super::progress;

/// Arguments of `towtank replay`.
#[expect(clippy::struct_excessive_bools, reason = "flags are what they are")]
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(super) struct ReplayArgs {
    #[command(subcommand)]
    command: Option<ReplayCommand>,
    /// Scenario file
    #[arg(required = true)]
    scenario: Option<PathBuf>,
    #[command(flatten)]
    changes: ScenarioFlags,
    /// Placements to replay [default: the scenario's]
    #[arg(long, value_name = "P,Q,...", value_delimiter = ',')]
    strategies: Vec<String>,
    /// Repetitions of each on real containers [default: the scenario's, or 5]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    repetitions: Option<u32>,
    /// Whether strategies react to what really happens [default: the scenario's, or open]
    #[arg(long, value_name = "MODE")]
    mode: Option<ModeFlag>,
    /// Measure the engine first, and simulate with what was measured
    #[arg(long)]
    calibrate: bool,
    /// Simulate with what `towtank calibrate` measured before
    #[arg(long, value_name = "FILE", conflicts_with = "calibrate")]
    calibration: Option<PathBuf>,
    /// Starts to measure before and after each run, to bring the calibration up to date; 0: none
    #[arg(long, value_name = "N", default_value_t = 8,
          value_parser = clap::value_parser!(u32).range(0..=1000))]
    pace_probes: u32,
    /// Exit with 1 if the simulation's error is above this share and above the real noise
    #[arg(long, value_name = "SHARE", value_parser = share)]
    max_error: Option<f64>,
    #[command(flatten)]
    engine: EndpointFlags,
    #[command(flatten)]
    hosting: HostingFlags,
    #[command(flatten)]
    limits: LimitFlags,
    /// Show what would be started, and start no task
    #[arg(long, conflicts_with = "calibrate")]
    dry_run: bool,
    /// Directory for the results [default: results/replay-<scenario name>]
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

#[derive(Debug, Subcommand)]
enum ReplayCommand {
    /// Remove what replays left whose process is gone or whose time is over
    Gc(super::replay_gc::GcArgs),
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum ModeFlag {
    /// The simulation's decisions are carried out
    Open,
    /// Strategies decide anew on what really happens
    Closed,
}

/// Which engines.
#[derive(Debug, Args)]
pub(super) struct EndpointFlags {
    /// Docker Engine; several share the instances [default: `DOCKER_HOST`, or Docker's own socket]
    #[arg(long = "endpoint", value_name = "URL")]
    endpoints: Vec<String>,
    /// Allow an engine on another machine
    #[arg(long)]
    allow_remote: bool,
}

impl EndpointFlags {
    pub(super) fn endpoints(&self) -> Result<Vec<Endpoint>, Failure> {
        endpoints(&self.endpoints, self.allow_remote)
    }
}

/// How they are used.
#[derive(Debug, Args)]
struct HostingFlags {
    /// No parent cgroups: instances are not bounded, tasks get what they reserve (for engines
    /// without root)
    #[arg(long)]
    no_budgets: bool,
    /// Allow the scenario to name this image instead of the workload image
    #[arg(long = "allow-image", value_name = "IMAGE")]
    allow_images: Vec<String>,
}

/// Caps on what a replay may take.
#[derive(Debug, Args)]
struct LimitFlags {
    /// Containers at one time
    #[arg(long, value_name = "N", default_value_t = 64)]
    max_containers: u32,
    /// Cores for all instances [default: one less than there are]
    #[arg(long, value_name = "CORES", value_parser = cores)]
    max_cpu: Option<f64>,
    /// Memory for all instances, MiB [default: half of the machine's]
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(1..=1 << 32))]
    max_memory: Option<u64>,
    /// Wall-clock time of one repetition, seconds
    #[arg(long, value_name = "S", default_value_t = 600,
          value_parser = clap::value_parser!(u64).range(1..=31_536_000))]
    max_wall: u64,
    /// Allow tasks not much longer than the engine's noise
    #[arg(long)]
    short_tasks: bool,
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share| (0.0..=100.0).contains(share));
    share.ok_or_else(|| "no share; write a number of 0 or more, such as 0.05".to_owned())
}

fn cores(text: &str) -> Result<f64, String> {
    let cores = text.parse().ok().filter(|cores| (0.001..=100_000.0).contains(cores));
    cores.ok_or_else(|| "no number of cores; write one such as 1.5".to_owned())
}

/// Replays the scenario, or cleans up after replays.
pub(super) fn replay(args: &ReplayArgs) -> Result<(), Failure> {
    match (&args.command, &args.scenario) {
        (Some(ReplayCommand::Gc(gc)), _) => super::replay_gc::gc(gc),
        (None, Some(path)) => replay_scenario(args, path),
        (None, None) => Err(Failure::bad_input("name a scenario file, or `gc`")),
    }
}

fn replay_scenario(args: &ReplayArgs, path: &std::path::Path) -> Result<(), Failure> {
    progress::catch_interrupts()?;
    let document = options::document(path)?;
    let arms = arms(args, &document)?;
    let first = &arms[0].scenario;
    options::warn(&first.warnings, args.quiet);
    let table = first.spec.replay.clone();
    let (name, seed) = (first.spec.name.clone(), first.spec.seed);
    let place = args.out.clone();
    let place = place.unwrap_or_else(|| PathBuf::from("results").join(format!("replay-{name}")));
    let output = Output::begin(&place, ResultKind::Replay)?;
    let settings = venue_settings(args, &table)?;
    let known = known_calibration(args, first)?;
    let mut campaign = Campaign {
        arms,
        seed,
        repetitions: args.repetitions.unwrap_or(table.repetitions),
        mode: match args.mode {
            None => table.mode,
            Some(ModeFlag::Open) => ReplayMode::Open,
            Some(ModeFlag::Closed) => ReplayMode::Closed,
        },
    };
    let mut venue = Venue::open(&settings)?;
    let done = on_stage(args, &mut campaign, &mut venue, known);
    let closed = venue.close();
    let done = done?;
    closed?;
    match done {
        Done::Planned => super::print("this machine can carry it\n"),
        Done::Replayed(conditions, calibrated) => {
            finish(args, &campaign, &conditions, calibrated, output, &place)
        }
    }
}

/// What came of a replay.
enum Done {
    /// It was told what would be started, and that there is room for it.
    Planned,
    /// Every repetition: what it was made under, and whether it was calibrated.
    Replayed(BTreeMap<String, String>, bool),
}

/// Everything that needs an engine; the caller takes it down.
fn on_stage(
    args: &ReplayArgs,
    campaign: &mut Campaign,
    venue: &mut Venue,
    known: Option<Calibration>,
) -> Result<Done, Failure> {
    let calibration = if args.calibrate {
        let bar = !args.no_progress && !args.quiet;
        Some(super::calibrate::measure(venue, false, None, bar)?)
    } else {
        known
    };
    let measured = Measured::of(calibration.as_ref(), venue);
    if let Measured::Elsewhere(how) = &measured {
        let warning = format!(
            "the calibration was measured on another engine ({how}): errors are not the \
             simulation's alone; measure this one with --calibrate"
        );
        options::warn(&[warning], args.quiet);
    }
    if let Some(calibration) = &calibration {
        venue.know(calibration);
    }
    let engine = venue.simulated_engine(calibration.as_ref());
    let replications = campaign.repetitions.max(REPLICATIONS_MIN);
    campaign.simulate(&engine, replications, &|| !progress::interrupted())?;
    let demand = campaign.demand(venue);
    let room = room(args, venue, calibration.as_ref());
    if args.dry_run {
        super::print(&plan(campaign, &demand, &measured))?;
        Campaign::admit(&demand, &room)?;
        return Ok(Done::Planned);
    }
    Campaign::admit(&demand, &room)?;
    let mut conditions = conditions(args, campaign, venue);
    let at = calibration.as_ref().and_then(|one| one.measured_at.clone()).unwrap_or_default();
    let told = match &measured {
        Measured::Nowhere => "none".to_owned(),
        Measured::Here => format!("measured {at}"),
        Measured::Elsewhere(how) => format!("measured {at} on another engine: {how}"),
    };
    conditions.insert("calibration".to_owned(), told);
    let calibration = calibration.filter(|_| args.pace_probes > 0);
    let mut pacing = calibration.as_ref().map(|one| Pacing::new(one, engine, args.pace_probes));
    perform(args, campaign, venue, pacing.as_mut())?;
    if let Some(pacing) = pacing {
        conditions.insert("pace".to_owned(), pacing.told());
    }
    Ok(Done::Replayed(conditions, measured == Measured::Here))
}

/// Simulated runs at least: their median is the prediction.
const REPLICATIONS_MIN: u32 = 5;

/// The key of the placement of all tasks.
const STRATEGY: &str = "placement.strategy";

/// The scenario with each strategy.
fn arms(args: &ReplayArgs, document: &Document) -> Result<Vec<ReplayArm>, Failure> {
    let changes = args.changes.overrides()?;
    let first = Scenario::of(document.clone(), &changes)?;
    let of = |origin: &str, one: &str| Some(Override::flag(origin, STRATEGY, one));
    let mut own: Vec<Option<Override>> =
        args.strategies.iter().map(|one| of("--strategies", one)).collect();
    if own.is_empty() && !changes.iter().any(|change| change.key == STRATEGY) {
        let listed = first.spec.replay.strategies.iter().enumerate();
        own = listed.map(|(n, one)| of(&format!("replay.strategies[{n}]"), &one.0)).collect();
    }
    if own.is_empty() {
        own.push(None);
    }
    let mut arms: Vec<ReplayArm> = Vec::new();
    for change in own {
        let changes: Vec<Override> = changes.iter().cloned().chain(change).collect();
        let scenario = Scenario::of(document.clone(), &changes)?;
        refuse_what_only_simulations_have(&scenario)?;
        let name = scenario.arm();
        if arms.iter().any(|arm| arm.name == name) {
            return Err(Failure::bad_input(format!("{name} is there twice; remove one of them")));
        }
        arms.push(ReplayArm { name, scenario, simulated: Vec::new(), real: Vec::new() });
    }
    Ok(arms)
}

/// Real hosts have latencies and a speed of their own, and neither network interfaces to attach nor
/// load balancers.
fn refuse_what_only_simulations_have(scenario: &Scenario) -> Result<(), Failure> {
    if let Some(key) = scenario.key_of_life_cycle() {
        return Err(Failure::bad_input(format!(
            "{key}: only simulated tasks have this part of a life cycle (network interfaces, load \
             balancers, images to pull, time to exit, starts that fail), and the comparison would \
             be wrong; leave it out of a replay"
        )));
    }
    if let Some((name, _)) = scenario.spec.service.iter().find(|(_, one)| one.requests.is_some()) {
        return Err(Failure::bad_input(format!(
            "service.{name}.requests: real containers get no requests; leave it out of a replay"
        )));
    }
    for (name, table) in &scenario.spec.capacity {
        let keys = [
            ("start_delay", table.start_delay.is_some()),
            ("stop_delay", table.stop_delay.is_some()),
            ("speed", table.speed != 1.0),
        ];
        if let Some((key, _)) = keys.iter().find(|(_, given)| *given) {
            return Err(Failure::bad_input(format!(
                "capacity.{name}.{key}: only simulated hosts have it, and the comparison would be \
                 wrong; leave it out of a replay"
            )));
        }
    }
    Ok(())
}

fn venue_settings(
    args: &ReplayArgs,
    table: &crate::scenario::spec::ReplayTable,
) -> Result<VenueSettings, Failure> {
    if let Some(image) = &table.image
        && !args.hosting.allow_images.contains(image)
    {
        return Err(Failure::bad_input(format!(
            "replay.image: the scenario wants to run '{image}'; allow it with \
             --allow-image {image}, if you trust it, or leave the key out"
        )));
    }
    let milli = |scale: f64| (scale * 1000.0).round() as u64;
    Ok(VenueSettings {
        endpoints: args.engine.endpoints()?,
        budgets: if args.hosting.no_budgets { Budgets::Never } else { Budgets::Always },
        image: table.image.clone(),
        scale: Scale {
            time_milli: milli(table.time_scale),
            cpu_milli: milli(table.cpu_scale),
            memory_milli: milli(table.memory_scale),
        },
        wall: Duration::from_secs(args.limits.max_wall),
    })
}

/// The engines named, or the one that Docker's own tools would take.
pub(super) fn endpoints(named: &[String], allow_remote: bool) -> Result<Vec<Endpoint>, Failure> {
    let named = named.iter().map(|text| Endpoint::parse(text));
    let mut endpoints = named.collect::<Result<Vec<_>, _>>()?;
    if endpoints.is_empty() {
        endpoints.push(Endpoint::of_environment()?);
    }
    match endpoints.iter().find(|one| !one.is_local() && !allow_remote) {
        None => Ok(endpoints),
        Some(remote) => Err(Failure::bad_input(format!(
            "{}: is not on this machine; say --allow-remote if containers may be started and \
             removed there",
            remote.as_str()
        ))),
    }
}

/// What was measured of the engine before, if anything.
fn known_calibration(
    args: &ReplayArgs,
    scenario: &Scenario,
) -> Result<Option<Calibration>, Failure> {
    match &args.calibration {
        Some(path) => Calibration::read(path)
            .map(Some)
            .map_err(|why| Failure::bad_input(format!("--calibration: {why}"))),
        None => Ok(scenario.calibration.clone()),
    }
}

/// Where the latencies of the simulation were measured.
#[derive(Debug, PartialEq, Eq)]
enum Measured {
    Nowhere,
    /// On this engine.
    Here,
    /// On another; how that differs, in words.
    Elsewhere(String),
}

impl Measured {
    fn of(calibration: Option<&Calibration>, venue: &Venue) -> Measured {
        let Some(calibration) = calibration else { return Measured::Nowhere };
        let differences = venue.infos().map(|info| calibration.host.differences(&host(info)));
        let differences: Vec<String> = differences.flatten().collect();
        if differences.is_empty() {
            return Measured::Here;
        }
        Measured::Elsewhere(differences.join("; "))
    }
}

fn room(args: &ReplayArgs, venue: &Venue, calibration: Option<&Calibration>) -> Room {
    let (cores_milli, memory_kib) = venue.machine();
    let cpu = args.limits.max_cpu.map(|cores| (cores * 1000.0).round() as u32);
    let short = args.limits.short_tasks;
    Room {
        cores_milli,
        budgets_milli_max: cpu.unwrap_or_else(|| cores_milli.saturating_sub(1000).max(500)),
        memory_kib_max: args.limits.max_memory.map_or(memory_kib / 2, |mib| mib * 1024),
        containers_max: args.limits.max_containers,
        wall_s_max: args.limits.max_wall as f64,
        lives_per_second: calibration.map(|one| one.engine.lives_per_second()),
        start_p99_s: calibration
            .filter(|_| !short)
            .map(|one| one.engine.start.sample(0.99).as_secs_f64()),
    }
}

/// What the replay was made under, for its reports.
fn conditions(args: &ReplayArgs, campaign: &Campaign, venue: &Venue) -> BTreeMap<String, String> {
    let scale = venue.scale();
    let milli = |milli: u64| format!("{}", milli as f64 / 1000.0);
    let mut conditions = BTreeMap::new();
    let mut add = |name: &str, value: String| conditions.insert(name.to_owned(), value);
    add("time scale", milli(scale.time_milli));
    add("CPU scale", milli(scale.cpu_milli));
    add("memory scale", milli(scale.memory_milli));
    let mode = match campaign.mode {
        ReplayMode::Open => "open loop: the simulation's decisions were carried out",
        ReplayMode::Closed => "closed loop: strategies decided on what really happened",
    };
    add("control plane", mode.to_owned());
    add("seed", campaign.seed.to_string());
    let bounded = if args.hosting.no_budgets {
        "none: instances are not bounded, tasks get what they reserve"
    } else {
        "a parent cgroup for each instance"
    };
    add("budgets", bounded.to_owned());
    if let Some(image) = &campaign.arms[0].scenario.spec.replay.image {
        add("image", image.clone());
    }
    for (index, info) in venue.infos().enumerate() {
        let machine = format!(
            "Docker {}, {} cores, {} MiB, kernel {}, cgroup v{} ({}), {}",
            info.version,
            info.cpus,
            info.memory_bytes >> 20,
            info.kernel,
            info.cgroup_version,
            info.cgroup_driver,
            info.storage_driver
        );
        add(&format!("engine {}", index + 1), machine);
    }
    conditions
}

/// The repetitions, with progress.
fn perform(
    args: &ReplayArgs,
    campaign: &mut Campaign,
    venue: &mut Venue,
    pacing: Option<&mut Pacing>,
) -> Result<(), ReplayError> {
    let wanted = !args.no_progress && !args.quiet;
    let bar = progress::bar(Some(1), "seconds of real runs", wanted);
    let mut watch = |at: CampaignProgress| {
        let share = (at.now_s / at.expected_s.max(1e-9)).min(1.0);
        bar.set_length((f64::from(at.of) * at.expected_s) as u64);
        bar.set_position(((f64::from(at.done) + share) * at.expected_s) as u64);
        !progress::interrupted()
    };
    let ran = campaign.replay(venue, pacing, &mut watch);
    bar.finish_and_clear();
    ran
}

/// What would be started, in words.
fn plan(campaign: &Campaign, demand: &Demand, measured: &Measured) -> String {
    let latencies = match measured {
        Measured::Nowhere => "uncalibrated: none",
        Measured::Here => "as calibrated",
        Measured::Elsewhere(_) => "as calibrated on another engine",
    };
    let names: Vec<&str> = campaign.arms.iter().map(|arm| arm.name.as_str()).collect();
    let runs = campaign.repetitions as usize * names.len();
    format!(
        "strategies        {}\nrepetitions       {} of each, {runs} runs of about {:.0} s: {:.0} \
         min\ncontainers        {} at one time, at most {:.2} starts a second\ninstances         \
         {:.3} cores, {} MiB in all\nshortest task     {:.2} s\nlatencies         {latencies}\n",
        names.join(", "),
        campaign.repetitions,
        demand.wall_s,
        demand.wall_s * runs as f64 / 60.0,
        demand.containers_peak,
        demand.starts_per_second,
        demand.budgets_milli as f64 / 1000.0,
        demand.memory_kib / 1024,
        demand.shortest_run_s,
    )
}

/// Judges, writes and prints; exit code 1 where the gate is not passed.
fn finish(
    args: &ReplayArgs,
    campaign: &Campaign,
    conditions: &BTreeMap<String, String>,
    calibrated: bool,
    output: Output,
    place: &std::path::Path,
) -> Result<(), Failure> {
    let spec = &campaign.arms[0].scenario.spec;
    let settings = VerdictSettings {
        metric: ReplayMetric::parse(&spec.replay.metric).expect("the scenario was checked"),
        max_error: args.max_error.unwrap_or(MAX_ERROR),
        calibrated,
        seed: Seed(campaign.seed),
    };
    let verdict = Verdict::judge(&campaign.observed(), &settings);
    let invalid = campaign.invalid(spec.replay.time_scale);
    options::warn(&invalid.iter().map(|why| format!("invalid: {why}")).collect::<Vec<_>>(), false);
    write_runs(campaign, output.path())?;
    let replay = Replay {
        engine_version: Scenario::engine_version(),
        scenario: spec.name.clone(),
        conditions: conditions.clone(),
        verdict,
    };
    let verdict = &replay.verdict;
    write_replay(output.path(), &replay)?;
    output.finish()?;
    if !args.quiet {
        super::say(&format!("results are in {}", place.display()));
    }
    match args.format {
        Format::Table => super::print(&replay_table(&replay, super::columns()))?,
        Format::Json => super::print(&json_text(&replay))?,
        Format::Csv => super::print(&replay_csv(verdict))?,
    }
    if !invalid.is_empty() {
        let why =
            "the machine was too busy to measure anything but itself; try again when it is not";
        return Err(Failure::failed(why));
    }
    let why = match verdict.gate.passed {
        Some(true) => return Ok(()),
        Some(false) => {
            "the gate is not passed: the simulation's error is above --max-error, and above the \
             noise of the real runs where that is known"
        }
        None => "the gate is not passed: not every error could be told",
    };
    if args.max_error.is_some() { Err(Failure::failed(why)) } else { Ok(()) }
}

/// Error that the verdict's gate lets pass where `--max-error` is not given.
const MAX_ERROR: f64 = 0.05;

/// The event log of every run: `simulated/ARM/1/`, `real/ARM/N/`.
fn write_runs(campaign: &Campaign, directory: &std::path::Path) -> Result<(), Failure> {
    for arm in &campaign.arms {
        let folder = directory_name(&arm.name);
        let (scenario, seed) = (&arm.scenario, campaign.seed);
        let simulated = directory.join("simulated").join(&folder).join("1");
        write_simulated_run(&simulated, scenario, &arm.name, seed, &arm.simulated[0])?;
        for (index, run) in arm.real.iter().enumerate() {
            let place = directory.join("real").join(&folder).join((index + 1).to_string());
            write_real_run(&place, scenario, &arm.name, seed, run)?;
        }
    }
    Ok(())
}
