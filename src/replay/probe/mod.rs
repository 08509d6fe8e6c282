//! Measures a Docker Engine through the same requests and reports as a replay.

mod compose;
mod driver;
mod plan;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::backend::docker::message::{ContainerSpec, Exit, Network, Token};
use crate::backend::docker::program::Program;
use crate::calibration::{
    Beside, Contended, Life, LoadStep, MeasuredTable, Oom, Operation, Probes, QuantileTable,
    QuotaStep, ShareSplit,
};

pub use compose::calibration;
pub use driver::{ProbeError, ProbeProgress, Probed};
pub use plan::Plan;

use driver::{Driver, History, Kind, busy, hungry};

/// How long a probe's container runs, beside its start and end.
const RUN: Duration = Duration::from_millis(100);

/// Quotas that are tried, thousandths of a core.
const QUOTAS: [u32; 4] = [100, 250, 500, 750];

/// Memory limit of the containers that exceed it, bytes, and what they touch, KiB.
const OOM: (u64, u64) = (32 << 20, 100 << 10);

/// A container that exceeds its memory and was not killed after so long counts as not killed:
/// kernels have been seen to look for memory to take for minutes.
const OOM_PATIENCE: Duration = Duration::from_secs(20);

/// What is probed, and where.
#[derive(Debug, Clone)]
pub struct Setting {
    /// The workload image.
    pub image: String,
    /// Whether it was imported for this.
    pub imported: bool,
    /// Networks that are compared with none: the engine's own, as far as it has them.
    pub networks: Vec<Network>,
    /// Processors of the engine's host.
    pub cpus: u32,
    /// Parent cgroup of the probes, as of a replay's containers, where budgets are possible.
    pub parent: Option<String>,
    /// Parent cgroups of small instances, with their thousandths of a core; none where budgets are
    /// not possible.
    pub instances: Vec<(u32, String)>,
}

/// Everything that was measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Findings {
    /// What the model is made from.
    pub probes: Probes,
    /// Latencies by operation, concurrency, network and warmth.
    pub measured: Vec<MeasuredTable>,
    /// Latencies beyond the programs' run times, a single client's.
    pub overruns: Vec<u64>,
    /// Latencies of SIGKILL.
    pub kills: Vec<u64>,
    /// CPU quotas.
    pub quota: Vec<QuotaStep>,
    /// Starts under load.
    pub load: Vec<LoadStep>,
    /// The split of a parent cgroup.
    pub shares: Option<ShareSplit>,
    /// Memory exceeded.
    pub oom: Oom,
    /// Most memory that the workload program had resident while it slept, KiB.
    pub memory_floor_kib: u64,
}

/// Probes an engine. `watch` is told of progress and interrupts with `false`. Containers that are
/// there when it ends, for whatever reason, are the caller's to remove: they carry the run's label.
///
/// # Errors
/// The engine failed, is too slow to be told from a dead one, or `watch` interrupted.
pub fn probe(
    engine: &dyn Probed,
    setting: &Setting,
    plan: &Plan,
    watch: &mut dyn FnMut(ProbeProgress) -> bool,
) -> Result<Findings, ProbeError> {
    let total = plan.containers(setting);
    let mut driver = Driver::new(engine, setting, total, watch);
    let mut tables = Tables::default();
    if setting.imported {
        tables.add(
            1,
            Network::None,
            true,
            &driver.lives("cold starts", Network::None, 1, plan.cold)?,
        );
    }
    let lives = lives_in_turns(&mut driver, plan)?;
    for (&clients, histories) in &lives {
        tables.add(clients, Network::None, false, histories);
    }
    for &network in &setting.networks {
        let histories = driver.lives_apart("networks", network, plan.networks, plan.pause)?;
        tables.add(1, network, false, &histories);
    }
    let stops = driver.endings(Kind::Stop, plan.endings)?;
    let kills = driver.endings(Kind::Kill, plan.endings)?;
    tables.push(Operation::Stop, 1, Network::None, false, &stops);
    tables.push(Operation::Kill, 1, Network::None, false, &kills);
    let loaded = under_load(&mut driver, setting, plan)?;
    let quota = quotas(&mut driver, plan)?;
    let shares = shares(&mut driver, setting, plan)?;
    let contended = contended(&mut driver, setting, plan)?;
    let oom = oom(&mut driver, plan.ooms)?;
    let alone = lives.get(&1).map_or(&[][..], Vec::as_slice);
    Ok(Findings {
        overruns: alone.iter().filter_map(overrun).collect(),
        memory_floor_kib: memory_floor_kib(lives.values().flatten()),
        probes: Probes {
            lives: lives
                .iter()
                .map(|(&n, all)| (n, all.iter().filter_map(life).collect()))
                .collect(),
            rounds: plan.rounds,
            stops,
            loaded: loaded.clone(),
            contended,
        },
        measured: tables.0,
        kills,
        quota,
        load: loaded.iter().filter_map(load_step).collect(),
        shares,
        oom,
    })
}

/// Start latencies of containers that come alone, microseconds.
///
/// # Errors
/// As [`probe`].
pub fn lone_starts(
    engine: &dyn Probed,
    setting: &Setting,
    count: u32,
    watch: &mut dyn FnMut(ProbeProgress) -> bool,
) -> Result<Vec<u64>, ProbeError> {
    let mut driver = Driver::new(engine, setting, count.into(), watch);
    let histories = driver.lives_apart("starts", Network::None, count, plan::PAUSE)?;
    Ok(histories.iter().filter_map(start).collect())
}

// --- what a history says ------------------------------------------------------------------------

fn micros(from: Option<Instant>, until: Option<Instant>) -> Option<u64> {
    let span = until?.saturating_duration_since(from?);
    Some(u64::try_from(span.as_micros()).unwrap_or(u64::MAX))
}

fn start(history: &History) -> Option<u64> {
    micros(Some(history.asked), history.started)
}

fn life(history: &History) -> Option<Life> {
    Some(Life {
        start: start(history)?,
        run: micros(history.started, history.exited)?,
        cleanup: micros(history.exited, history.removed)?,
    })
}

/// By how much the run was seen to be longer than its program's.
fn overrun(history: &History) -> Option<u64> {
    let run = micros(history.started, history.exited)?;
    Some(run.saturating_sub(RUN.as_micros() as u64))
}

fn memory_floor_kib<'h>(histories: impl Iterator<Item = &'h History>) -> u64 {
    histories
        .filter_map(|one| one.exit.as_ref()?.said)
        .map(|said| said.max_rss_kib)
        .max()
        .unwrap_or(0)
}

fn load_step((busy_milli, starts): &(u32, Vec<u64>)) -> Option<LoadStep> {
    let median = QuantileTable::sorted(starts)?.sample(0.5).micros();
    let samples = starts.len() as u32;
    Some(LoadStep { busy_milli: *busy_milli, samples, start_median_micros: median })
}

/// Thousandths of a core that a container's program says it got.
fn got_milli(exit: &Exit) -> Option<u32> {
    let said = exit.said.filter(|said| said.wall_s > 0.0)?;
    Some(libm::round(said.cpu_s / said.wall_s * 1000.0) as u32)
}

/// Tables of latencies.
#[derive(Default)]
struct Tables(Vec<MeasuredTable>);

impl Tables {
    fn add(&mut self, concurrency: u32, network: Network, cold: bool, histories: &[History]) {
        let all = |of: &dyn Fn(&History) -> Option<u64>| -> Vec<u64> {
            histories.iter().filter_map(of).collect()
        };
        let create = all(&|one| micros(Some(one.asked), one.created));
        let cleanup = all(&|one| micros(one.exited, one.removed));
        self.push(Operation::Start, concurrency, network, cold, &all(&start));
        self.push(Operation::Create, concurrency, network, cold, &create);
        self.push(Operation::Overrun, concurrency, network, cold, &all(&overrun));
        self.push(Operation::Cleanup, concurrency, network, cold, &cleanup);
    }

    fn push(&mut self, operation: Operation, clients: u32, on: Network, cold: bool, all: &[u64]) {
        let table = QuantileTable::sorted(all).map(|micros| MeasuredTable {
            operation,
            concurrency: clients,
            network: on.name().to_owned(),
            cold,
            samples: all.len() as u32,
            micros,
        });
        self.0.extend(table);
    }
}

// --- probes of one kind each --------------------------------------------------------------------

/// The closed loops of each number of clients, round after round; a single client pauses.
fn lives_in_turns(
    driver: &mut Driver<'_>,
    plan: &Plan,
) -> Result<BTreeMap<u32, Vec<History>>, ProbeError> {
    let mut lives: BTreeMap<u32, Vec<History>> = BTreeMap::new();
    for _ in 0..plan.rounds {
        for &(clients, count) in &plan.lives {
            let histories = match clients {
                1 => driver.lives_apart("starts", Network::None, count, plan.pause)?,
                _ => driver.lives("starts", Network::None, clients, count)?,
            };
            lives.entry(clients).or_default().extend(histories);
        }
    }
    Ok(lives)
}

/// Starts without load, and while two cores are kept busy, each for a quarter and then for half of
/// the time, as instances of a replay do it: side by side, and in bursts, as their quotas let them.
/// Each finds the engine at rest, like those of a single client. In turns, so that a machine that
/// drifts does not look like load.
fn under_load(
    driver: &mut Driver<'_>,
    setting: &Setting,
    plan: &Plan,
) -> Result<Vec<(u32, Vec<u64>)>, ProbeError> {
    if setting.cpus < LOADED_CORES {
        // Whatever is busy on the only core, the engine itself is not idle.
        return Ok(Vec::new());
    }
    let starts = |driver: &mut Driver<'_>| -> Result<Vec<u64>, ProbeError> {
        let mut found = Vec::new();
        for index in 0..plan.contended {
            driver.rest(plan.pause + in_period(index))?;
            let histories = driver.lives("starts under load", Network::None, 1, 1)?;
            found.extend(histories.iter().filter_map(start));
        }
        Ok(found)
    };
    let mut found = LOADS.map(|milli| (milli * LOADED_CORES, Vec::new()));
    for _ in 0..plan.rounds {
        for (milli, (_, all)) in LOADS.into_iter().zip(&mut found) {
            let mut tokens = Vec::new();
            for core in (0..LOADED_CORES).filter(|_| milli > 0) {
                let until_stopped =
                    Program { until_stopped: true, ..busy(Duration::from_mins(10)) };
                let mut neighbour = driver.spec(until_stopped);
                neighbour.cpu_quota_milli = Some(milli);
                neighbour.cgroup_parent = None;
                neighbour.cores = vec![core];
                tokens.push(driver.start_and_wait(neighbour, "starts under load")?);
            }
            all.extend(starts(driver)?);
            end_all(driver, tokens)?;
        }
    }
    Ok(found.to_vec())
}

/// One container after the other, so that none takes another's CPU.
fn quotas(driver: &mut Driver<'_>, plan: &Plan) -> Result<Vec<QuotaStep>, ProbeError> {
    let mut ladder = Vec::new();
    for asked_milli in QUOTAS {
        let mut spec = driver.spec(busy(plan.busy));
        spec.cpu_quota_milli = Some(asked_milli);
        spec.cgroup_parent = None;
        let histories = driver.all("CPU quotas", vec![spec])?;
        let exit = histories.first().and_then(|one| one.exit.as_ref());
        let step = exit.and_then(got_milli).map(|got_milli| QuotaStep { asked_milli, got_milli });
        ladder.extend(step);
    }
    Ok(ladder)
}

/// Two busy containers, one with twice the other's weight, on a small instance.
fn shares(
    driver: &mut Driver<'_>,
    setting: &Setting,
    plan: &Plan,
) -> Result<Option<ShareSplit>, ProbeError> {
    let Some((budget_milli, parent)) = setting.instances.first() else { return Ok(None) };
    let weights = [1024, 512];
    let specs = weights.map(|cpu_shares| {
        let mut spec = driver.spec(busy(2 * plan.busy));
        spec.cpu_shares = cpu_shares;
        spec.cpu_quota_milli = None;
        spec.cgroup_parent = Some(parent.clone());
        spec.cores = vec![0];
        spec
    });
    let histories = driver.all("CPU shares", specs.to_vec())?;
    let got: Vec<u32> = histories.iter().filter_map(|one| got_milli(one.exit.as_ref()?)).collect();
    let &[first, second] = got.as_slice() else { return Ok(None) };
    let got_milli = [first, second];
    Ok(Some(ShareSplit { budget_milli: *budget_milli, shares: weights, got_milli }))
}

/// Loads under which starts are probed, thousandths of each core that is kept busy. A load on one
/// core alone would leave the engine the others.
const LOADS: [u32; 3] = [0, 250, 500];

/// Cores that are kept busy.
const LOADED_CORES: u32 = 2;

/// Instances on which starts are probed under contention, thousandths of a core.
pub const SMALL_INSTANCES: [u32; 2] = [500, 200];

/// Neighbours of a start under contention: how many, and how many times as heavy.
const CROWDS: [(u32, u32); 3] = [(1, 1), (3, 1), (1, 4)];

/// A pause that makes starts begin at all times of the period of a quota, evenly: the n-th one a
/// golden section of it after the one before.
fn in_period(index: u32) -> Duration {
    const PERIOD_MICROS: u64 = 100_000;
    const GOLDEN_MICROS: u64 = 61_803;
    Duration::from_micros(u64::from(index) * GOLDEN_MICROS % PERIOD_MICROS)
}

/// Starts in small instances, alone and beside neighbours that want all of it: what a start takes
/// of the instance itself. In turns, as what counts are differences, and a machine drifts; and at
/// any time of the quota's period, as one that ends in step with it is followed by one that begins
/// in step with it.
fn contended(
    driver: &mut Driver<'_>,
    setting: &Setting,
    plan: &Plan,
) -> Result<Vec<Contended>, ProbeError> {
    let mut all: Vec<Contended> = setting.instances.iter().map(Contended::new).collect();
    for _ in 0..plan.rounds {
        for ((_, parent), found) in setting.instances.iter().zip(&mut all) {
            found.alone.extend(starts_on(driver, parent, plan.contended)?);
            for crowd in &mut found.beside {
                let mut tokens = Vec::new();
                for _ in 0..crowd.neighbours {
                    tokens.push(neighbour_on(driver, parent, crowd.times_heavier)?);
                }
                crowd.starts.extend(starts_on(driver, parent, plan.contended)?);
                end_all(driver, tokens)?;
            }
        }
    }
    Ok(all)
}

impl Contended {
    fn new((core_milli, _): &(u32, String)) -> Contended {
        let crowd =
            |(neighbours, times_heavier)| Beside { neighbours, times_heavier, starts: Vec::new() };
        let beside = CROWDS.map(crowd).to_vec();
        Contended { core_milli: *core_milli, alone: Vec::new(), beside }
    }
}

/// A container on an instance.
fn spec_on(driver: &Driver<'_>, parent: &str, program: Program) -> ContainerSpec {
    let mut spec = driver.spec(program);
    spec.cpu_quota_milli = None;
    spec.cgroup_parent = Some(parent.to_owned());
    spec.cores = vec![0];
    spec
}

fn starts_on(driver: &mut Driver<'_>, parent: &str, count: u32) -> Result<Vec<u64>, ProbeError> {
    let mut found = Vec::new();
    for index in 0..count {
        driver.rest(in_period(index))?;
        let short = spec_on(driver, parent, busy(Duration::from_millis(20)));
        found.extend(driver.all("starts beside others", vec![short])?.iter().filter_map(start));
    }
    Ok(found)
}

/// One with endless fixed work, as what contends in a replay.
fn neighbour_on(
    driver: &mut Driver<'_>,
    parent: &str,
    times_heavier: u32,
) -> Result<Token, ProbeError> {
    let endless = Program { work: true, ..busy(Duration::from_mins(10)) };
    let mut endless = spec_on(driver, parent, endless);
    endless.cpu_shares *= times_heavier;
    driver.start_and_wait(endless, "starts beside others")
}

fn end_all(driver: &mut Driver<'_>, tokens: Vec<Token>) -> Result<(), ProbeError> {
    for token in tokens {
        driver.end_and_wait(token, Kind::Kill)?;
    }
    Ok(())
}

fn oom(driver: &mut Driver<'_>, count: u32) -> Result<Oom, ProbeError> {
    let mut histories = Vec::new();
    for _ in 0..count {
        let mut spec = driver.spec(hungry(OOM.1));
        spec.memory_limit = Some(OOM.0);
        histories.push(driver.one_within("memory exceeded", spec, OOM_PATIENCE)?);
    }
    let killed = |one: &&History| one.exit.as_ref().is_some_and(|exit| exit.oom);
    let times: Vec<u64> =
        histories.iter().filter(killed).filter_map(|one| micros(one.started, one.exited)).collect();
    let median = QuantileTable::sorted(&times).map_or(0, |table| table.sample(0.5).micros());
    Ok(Oom { tried: count, killed: times.len() as u32, median_micros: median })
}
