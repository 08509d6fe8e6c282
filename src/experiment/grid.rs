//! Arms × seeds: which runs a comparison is made of, and running them in parallel.

use rayon::prelude::*;

use crate::des::SimTime;
use crate::metrics::{Summary, TimelinePoint};
use crate::run::{Finished, Progress, RunError};
use crate::scenario::{Document, Override, Prepared, Recording, Scenario, ScenarioError};
use crate::workload::WorkloadError;

use super::comparison::ArmRuns;

/// Arms of one comparison at most.
const ARMS_MAX: usize = 1000;

/// What varies between arms: a key of the scenario and the values it takes.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// `placement`, `queue`, or the dotted path of a key.
    pub name: String,
    /// Values, at least one.
    pub values: Vec<toml::Value>,
    /// Where it was set: a flag, or the key of the file that lists the values.
    pub origin: String,
}

impl Axis {
    /// Whether arms may differ in what is asked for, not only in how it is served.
    pub fn changes_workload(&self) -> bool {
        let first = self.name.split('.').next();
        matches!(first, Some("workload" | "service" | "until" | "seed"))
    }

    /// Where one of its values was set.
    fn origin_of(&self, index: usize) -> String {
        if self.origin.starts_with("--") {
            self.origin.clone()
        } else {
            format!("{}[{index}]", self.origin)
        }
    }

    /// Refuses an axis along which no two runs differ.
    fn check(&self, document: &Document) -> Result<(), ScenarioError> {
        let first = self.name.split('.').next();
        if matches!(first, Some("seed" | "name" | "description" | "compare" | "record")) {
            let problem = format!(
                "'{}' changes nothing that is compared; seeds are set with --seed and --seeds",
                self.name
            );
            return Err(document.error_from(&self.origin, problem));
        }
        Ok(())
    }

    /// The key of the scenario that it sets.
    pub(super) fn key(&self) -> &str {
        match self.name.as_str() {
            "placement" => "placement.strategy",
            "queue" => "queue.policy",
            other => other,
        }
    }
}

/// One side of a comparison: a scenario with its own values put in.
#[derive(Debug)]
pub struct Arm {
    /// Name, unique in the comparison.
    pub name: String,
    /// Name of its directory: the name in letters that every file system takes.
    pub directory: String,
    /// The scenario.
    pub scenario: Scenario,
}

/// The arms of all combinations of the axes' values, the first axis varying slowest.
///
/// # Errors
/// No axis, too many arms, two arms of one name, or a value the scenario refuses.
pub fn arms(
    document: &Document,
    changes: &[Override],
    axes: &[Axis],
) -> Result<Vec<Arm>, ScenarioError> {
    check_number(document, axes)?;
    let mut combinations: Vec<Vec<Override>> = vec![Vec::new()];
    for axis in axes {
        axis.check(document)?;
        let extend = |chosen: &Vec<Override>| {
            let chosen = chosen.clone();
            axis.values.iter().enumerate().map(move |(index, value)| {
                let one = Override::flag(&axis.origin_of(index), axis.key(), value.clone());
                chosen.iter().cloned().chain([one]).collect::<Vec<_>>()
            })
        };
        combinations = combinations.iter().flat_map(extend).collect();
    }
    let mut arms: Vec<Arm> = Vec::new();
    for chosen in combinations {
        let all: Vec<Override> = changes.iter().chain(&chosen).cloned().collect();
        let scenario = Scenario::of(document.clone(), &all)?;
        let name = arm_name(&scenario, axes, &chosen);
        let mut directory = directory_name(&name);
        if arms.iter().any(|arm| arm.name == name) {
            let problem = format!("'{name}' is there twice; name each arm once");
            let last = chosen.last().map_or("compare", |one| one.origin.as_str());
            return Err(document.error_from(last, problem));
        }
        if arms.iter().any(|arm| arm.directory == directory) {
            directory = format!("{directory}-{}", arms.len());
        }
        arms.push(Arm { name, directory, scenario });
    }
    Ok(arms)
}

/// Refuses axes of which no arms can be made, or too many.
fn check_number(document: &Document, axes: &[Axis]) -> Result<(), ScenarioError> {
    let Some(longest) = axes.iter().max_by_key(|axis| axis.values.len()) else {
        let problem = "nothing to compare; name two or more placements with --strategies or \
                       `strategies` under [compare], or another axis";
        return Err(document.error("compare", problem));
    };
    if let Some(axis) = axes.iter().find(|axis| axis.values.is_empty()) {
        let problem = "an axis without values; write at least one, or leave it out";
        return Err(document.error_from(&axis.origin, problem));
    }
    let count = axes.iter().fold(1_usize, |count, axis| count.saturating_mul(axis.values.len()));
    if count > ARMS_MAX {
        let problem = format!(
            "{count} arms, one for each combination of the axes' values; {ARMS_MAX} are the most: \
             write fewer values"
        );
        return Err(document.error_from(&longest.origin, problem));
    }
    Ok(())
}

fn arm_name(scenario: &Scenario, axes: &[Axis], chosen: &[Override]) -> String {
    let part = |(axis, change): (&Axis, &Override)| match axis.name.as_str() {
        "placement" => scenario.placement.to_string(),
        name => match &change.value {
            toml::Value::String(text) => format!("{name}={text}"),
            other => format!("{name}={other}"),
        },
    };
    axes.iter().zip(chosen).map(part).collect::<Vec<_>>().join(", ")
}

/// The name of an arm in letters that every file system takes.
pub fn directory_name(name: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '+' | '=');
    let mapped: String = name.chars().map(|c| if allowed(c) { c } else { '_' }).collect();
    let mapped = mapped.trim_start_matches('.');
    let short: String = mapped.chars().take(100).collect();
    if short.is_empty() { "arm".to_owned() } else { short }
}

/// Why a run of a grid failed.
#[derive(Debug, thiserror::Error)]
pub enum GridError {
    /// A trace cannot be opened.
    #[error(transparent)]
    Workload(#[from] WorkloadError),
    /// The run failed.
    #[error("arm '{arm}', seed {seed}: {source}")]
    Run {
        /// Name of the arm.
        arm: String,
        /// Seed of the run.
        seed: u64,
        /// What went wrong.
        source: RunError,
    },
    /// The result cannot be written.
    #[error("{0}")]
    Write(String),
}

/// How far a grid has got.
#[derive(Debug, Clone, Copy)]
pub struct GridProgress {
    /// Events from outside taken in since the last call for the same run.
    pub externals: u64,
    /// Whether this call ends its run.
    pub run_finished: bool,
    /// Simulated time of that run.
    pub now: SimTime,
}

/// What happens around each run of a grid. Called from several threads.
pub trait RunHooks: Sync {
    /// A run begins: what it records besides its summary.
    ///
    /// # Errors
    /// The place to write to cannot be made.
    fn recording(&self, arm: &Arm, seed: u64) -> Result<Recording, GridError>;

    /// A run has ended; `wall_s` is how long it took in seconds of wall-clock time.
    ///
    /// # Errors
    /// The result cannot be written.
    fn finished(
        &self,
        arm: &Arm,
        seed: u64,
        finished: &Finished,
        wall_s: f64,
    ) -> Result<(), GridError>;

    /// Progress of a run; `false` interrupts it.
    fn watch(&self, progress: GridProgress) -> bool;

    /// Seconds of wall-clock time since some fixed moment.
    fn wall_s(&self) -> f64;
}

/// One run of a grid.
#[derive(Debug)]
pub struct GridRun {
    /// Its figures.
    pub summary: Summary,
    /// The run over time; kept of the first seed alone, as no other is drawn.
    pub timeline: Vec<TimelinePoint>,
}

/// Runs every arm with every seed on `threads` threads; results by arm, then seed, whatever the
/// number of threads.
///
/// # Errors
/// The failure of the first run, in that order, that failed.
pub fn run_grid(
    arms: &[Arm],
    seeds: &[u64],
    threads: usize,
    hooks: &dyn RunHooks,
) -> Result<Vec<Vec<GridRun>>, GridError> {
    let threads = threads.min(arms.len() * seeds.len());
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    let pool = pool.map_err(|why| GridError::Write(format!("cannot start threads: {why}")))?;
    let pairs: Vec<(&Arm, u64)> =
        arms.iter().flat_map(|arm| seeds.iter().map(move |&seed| (arm, seed))).collect();
    let run = |&(arm, seed): &(&Arm, u64)| {
        let mut run = run_one(arm, seed, hooks)?;
        if seed != seeds[0] {
            run.timeline = Vec::new();
        }
        Ok(run)
    };
    let results: Vec<_> = pool.install(|| pairs.par_iter().with_max_len(1).map(run).collect());
    let mut results = results.into_iter();
    arms.iter().map(|_| results.by_ref().take(seeds.len()).collect()).collect()
}

/// Runs one arm with one seed.
///
/// # Errors
/// The run failed or its result cannot be written.
pub fn run_one(arm: &Arm, seed: u64, hooks: &dyn RunHooks) -> Result<GridRun, GridError> {
    let began = hooks.wall_s();
    let prepared: Prepared<'_> = arm.scenario.prepare(seed)?;
    let recording = hooks.recording(arm, seed)?;
    let mut told = 0;
    let mut watch = |progress: Progress| {
        let externals = progress.externals - told;
        told = progress.externals;
        let now = progress.now;
        hooks.watch(GridProgress { externals, run_finished: false, now })
    };
    let finished = prepared.run(recording, &mut watch).map_err(|source| match source {
        RunError::Workload(why) => GridError::Workload(why),
        source => GridError::Run { arm: arm.name.clone(), seed, source },
    })?;
    hooks.finished(arm, seed, &finished, hooks.wall_s() - began)?;
    hooks.watch(GridProgress { externals: 0, run_finished: true, now: finished.now });
    let summary = arm.scenario.summary(&arm.name, seed, &finished);
    Ok(GridRun { summary, timeline: finished.records.timeline })
}

/// The runs of each arm as a comparison takes them.
pub fn arm_runs(arms: &[Arm], runs: &[Vec<GridRun>]) -> Vec<ArmRuns> {
    let one = |(arm, runs): (&Arm, &Vec<GridRun>)| ArmRuns {
        name: arm.name.clone(),
        placement: arm.scenario.placement.to_string(),
        queue: arm.scenario.queue.name.to_owned(),
        scaling: SCALING.to_owned(),
        runs: runs.iter().map(|run| run.summary.clone()).collect(),
    };
    arms.iter().zip(runs).map(one).collect()
}

/// Scaling of every arm: capacity and desired counts are what the scenario says.
pub const SCALING: &str = "fixed";
