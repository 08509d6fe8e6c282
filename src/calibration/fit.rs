//! From probes of a Docker Engine to the model of one, and how well that holds for probes it was
//! not made from.

use std::collections::BTreeMap;

use crate::des::Seed;

use super::closed_loop::ClosedLoop;
use super::engine_model::burst_wait_micros;
use super::{EngineModel, LoadCurve, QuantileTable, Validation};

/// Narrowest and widest engine that is considered, in thousandths of an operation.
const WIDTHS: (u32, u32) = (1000, 16_000);

/// Steps of the search for the width, each around the best of the one before.
const WIDTH_STEPS: [u32; 4] = [1000, 200, 50, 10];

/// Lives to simulate per concurrency and width.
const LIVES: u32 = 2000;

/// A probe: one container's life, as whoever asked for it saw it, microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Life {
    /// From the order to start until it was known to run.
    pub start: u64,
    /// From then until it was known to have exited.
    pub run: u64,
    /// From then until it was known to be gone.
    pub cleanup: u64,
}

/// What the model is made from. Probes are in order of time: those of even place make the model,
/// those of odd place validate it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Probes {
    /// Lives in closed loops by number of clients; those of one client are needed.
    pub lives: BTreeMap<u32, Vec<Life>>,
    /// Loops that these come from at each number of clients, in turns, all equally long.
    pub rounds: u32,
    /// From orders to stop until the exits, microseconds.
    pub stops: Vec<u64>,
    /// Starts of one client while containers kept CPU busy: thousandths of a core, and the start
    /// latencies in microseconds. Those of no load belong here too.
    pub loaded: Vec<(u32, Vec<u64>)>,
    /// Starts in small instances, alone and beside neighbours that want all of it.
    pub contended: Vec<Contended>,
}

/// Start latencies in a small instance.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Contended {
    /// Its thousandths of a core.
    pub core_milli: u32,
    /// With nobody else there, microseconds.
    pub alone: Vec<u64>,
    /// Beside busy neighbours.
    pub beside: Vec<Beside>,
}

/// Start latencies beside neighbours that want all the CPU there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beside {
    /// How many there were.
    pub neighbours: u32,
    /// Their weight, in times the weight of what was started.
    pub times_heavier: u32,
    /// The latencies, microseconds.
    pub starts: Vec<u64>,
}

/// A fitted model.
#[derive(Debug, Clone, PartialEq)]
pub struct Fitted {
    /// The model.
    pub engine: EngineModel,
    /// How it holds for the other half of the probes, by concurrency.
    pub validation: Vec<Validation>,
}

/// Probes that no model can be made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FitError {
    /// Nothing was started by a single client.
    #[error("no container was started alone, so service times are unknown; probe at concurrency 1")]
    NoLives,
    /// Nothing was stopped.
    #[error("no container was stopped, so the latency of a stop is unknown; probe stops too")]
    NoStops,
}

/// Fits a model.
///
/// Service times are those of a single client. The width is the one whose closed loops come
/// nearest to the median start latencies of several clients, by the mean square of the logarithm
/// of their ratio. The load curve is that of median start latencies over cores kept busy, from
/// the median of the idle engine on.
///
/// # Errors
/// A kind of probe is missing.
pub fn fit(probes: &Probes) -> Result<Fitted, FitError> {
    let halves = |half| probes.lives.iter().map(move |(&n, lives)| (n, every_other(lives, half)));
    let even: BTreeMap<u32, Vec<Life>> = halves(0).filter(|(_, lives)| !lives.is_empty()).collect();
    let alone = even.get(&1).ok_or(FitError::NoLives)?;
    let table = |of: fn(&Life) -> u64| table_of(alone, of).ok_or(FitError::NoLives);
    let stop = QuantileTable::of_samples(&probes.stops).ok_or(FitError::NoStops)?;
    let load = load_curve(&probes.loaded);
    let start_on_host = StartOnHost::of(&probes.contended);
    let mut engine = EngineModel {
        width_milli: WIDTHS.1,
        load,
        start_cpu_micros: start_on_host.cpu_micros,
        start_throttled_micros: start_on_host.throttled_micros,
        start_bursts_milli: start_on_host.bursts_milli,
        start_weight_exponent_milli: start_on_host.weight_exponent_milli,
        start: table(|life| life.start)?,
        stop,
        cleanup: table(|life| life.cleanup)?,
    };
    engine.width_milli = width_milli(&engine, &even, probes.rounds);
    let odd: BTreeMap<u32, Vec<Life>> = halves(1).collect();
    let validation = even.iter().filter_map(|(&clients, lives)| {
        let run = table_of(lives, |life| life.run)?;
        let of_a_loop = probes.lives[&clients].len() as u32 / probes.rounds.max(1);
        let simulated = simulated(&engine, &run, clients, of_a_loop);
        let held_out: Vec<u64> = odd.get(&clients)?.iter().map(|life| life.start).collect();
        Validation::of(clients, &held_out, &simulated, alone.len())
    });
    let validation = validation.collect();
    Ok(Fitted { engine, validation })
}

/// What a start takes of the instance it starts on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct StartOnHost {
    cpu_micros: u32,
    throttled_micros: u32,
    bursts_milli: u32,
    weight_exponent_milli: u32,
}

impl Default for StartOnHost {
    fn default() -> StartOnHost {
        let (cpu_micros, throttled_micros, bursts_milli) = (0, 0, 0);
        StartOnHost { cpu_micros, throttled_micros, bursts_milli, weight_exponent_milli: 1000 }
    }
}

impl StartOnHost {
    /// While an instance with a share q of a core has quota, starts run before neighbours that
    /// never sleep; what falls into the rest of the time, 1 - q of it, competes with n neighbours
    /// of the same weight: a median is n (1 - q)/q times the CPU of a start above the median alone.
    /// Besides, each burst of it waits where the neighbours have used up the quota. Both by
    /// least squares of relative errors over instances and numbers of neighbours, neither below 0:
    /// the longer a median, the less certain it is. What is throttled without any neighbour comes
    /// from those alone.
    fn of(probes: &[Contended]) -> StartOnHost {
        let slowed: Vec<Slowed> = probes.iter().flat_map(slow_downs).collect();
        let (cpu, bursts) = cpu_and_bursts(&slowed);
        let exponent = weight_exponent(&slowed, cpu, bursts);
        let rounded = |value: f64| libm::round(value) as u32;
        StartOnHost {
            cpu_micros: rounded(cpu),
            throttled_micros: rounded(throttled(probes).clamp(0.0, cpu)),
            bursts_milli: rounded(bursts * 1000.0),
            weight_exponent_milli: rounded(exponent * 1000.0),
        }
    }
}

/// How much longer a median start takes beside neighbours.
#[derive(Debug, Clone, Copy)]
struct Slowed {
    /// By how much, microseconds, and what it takes in all.
    micros: f64,
    median: f64,
    /// That many times the CPU of a start is waited for where neighbours have its weight.
    crowding: f64,
    /// What each of its bursts waits, microseconds.
    burst_wait: f64,
    times_heavier: u32,
}

/// The medians beside neighbours against that alone.
fn slow_downs(probes: &Contended) -> Vec<Slowed> {
    let share = f64::from(probes.core_milli) / 1000.0;
    let Some(alone) = median(&probes.alone) else { return Vec::new() };
    let slowed = |beside: &Beside| {
        let median = median(&beside.starts)?;
        Some(Slowed {
            micros: (median - alone).max(0.0),
            median,
            crowding: f64::from(beside.neighbours) * (1.0 - share) / share,
            burst_wait: burst_wait_micros(share),
            times_heavier: beside.times_heavier,
        })
    };
    probes.beside.iter().filter_map(slowed).collect()
}

/// CPU of a start in microseconds and its bursts, by least squares of relative errors over
/// neighbours of the same weight. Where one of them would be below 0 or cannot be told, it is 0.
fn cpu_and_bursts(slowed: &[Slowed]) -> (f64, f64) {
    let same = || slowed.iter().filter(|one| one.times_heavier == 1 && one.median > 0.0);
    let sum = |of: fn(&Slowed) -> f64| same().map(|s| of(s) / (s.median * s.median)).sum::<f64>();
    let (cc, ww) = (sum(|s| s.crowding * s.crowding), sum(|s| s.burst_wait * s.burst_wait));
    let cw = sum(|s| s.crowding * s.burst_wait);
    let (cm, wm) = (sum(|s| s.crowding * s.micros), sum(|s| s.burst_wait * s.micros));
    let determinant = cc * ww - cw * cw;
    let (cpu, bursts) = ((cm * ww - wm * cw) / determinant, (wm * cc - cm * cw) / determinant);
    let can_be_told = determinant > 1e-9 * cc * ww;
    match (can_be_told && cpu >= 0.0, can_be_told && bursts >= 0.0) {
        (true, true) => (cpu, bursts),
        (false, true) => (0.0, wm / ww),
        _ if cc > 0.0 => (cm / cc, 0.0),
        _ => (0.0, 0.0),
    }
}

/// How much a median start alone grows with 1/q, q being the share of a core that its instance has,
/// microseconds: the slope of the line of least squares through the instances, 0 if all are alike.
fn throttled(probes: &[Contended]) -> f64 {
    let point = |one: &Contended| {
        let micros = median(&one.alone)?;
        (one.core_milli > 0).then(|| (1000.0 / f64::from(one.core_milli), micros))
    };
    let points: Vec<(f64, f64)> = probes.iter().filter_map(point).collect();
    let count = points.len().max(1) as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (mean_x, mean_y) = (mean(|point| point.0), mean(|point| point.1));
    let (products, squares) = points.iter().fold((0.0, 0.0), |(products, squares), (x, y)| {
        let apart = x - mean_x;
        (products + apart * (y - mean_y), squares + apart * apart)
    });
    if squares > 0.0 { products / squares } else { 0.0 }
}

/// How much a heavier neighbour counts: one of r times the weight as much as r^e of the same. At
/// most 1; the mean over what was measured, and 1 if nothing was.
fn weight_exponent(slowed: &[Slowed], cpu: f64, bursts: f64) -> f64 {
    let exponents = slowed.iter().filter_map(|one| {
        let counts_as = (one.micros - bursts * one.burst_wait) / (cpu * one.crowding);
        let is_heavier = one.times_heavier > 1 && counts_as.is_finite();
        let ratio = libm::log(counts_as.max(1.0)) / libm::log(f64::from(one.times_heavier));
        is_heavier.then_some(ratio.min(1.0))
    });
    let all: Vec<f64> = exponents.collect();
    if all.is_empty() { 1.0 } else { all.iter().sum::<f64>() / all.len() as f64 }
}

fn every_other(lives: &[Life], first: usize) -> Vec<Life> {
    lives.iter().skip(first).step_by(2).copied().collect()
}

fn table_of(lives: &[Life], of: fn(&Life) -> u64) -> Option<QuantileTable> {
    QuantileTable::of_samples(&lives.iter().map(of).collect::<Vec<u64>>())
}

/// Start latencies of the closed loop that was probed, repeated.
fn simulated(engine: &EngineModel, run: &QuantileTable, clients: u32, lives: u32) -> Vec<u64> {
    let closed_loop = ClosedLoop { engine, run, clients, lives };
    let repetitions = LIVES.div_ceil(lives.max(1));
    (0..repetitions).flat_map(|seed| closed_loop.starts(Seed(seed.into()))).collect()
}

/// Median of samples, microseconds.
fn median(samples: &[u64]) -> Option<f64> {
    let table = QuantileTable::sorted(samples)?;
    Some(table.sample(0.5).micros() as f64)
}

/// The width that explains the medians best; the widest considered if only one client was seen.
fn width_milli(engine: &EngineModel, lives: &BTreeMap<u32, Vec<Life>>, rounds: u32) -> u32 {
    let measured = lives.iter().filter(|(clients, _)| **clients > 1);
    let measured: Vec<(u32, u32, QuantileTable, f64)> = measured
        .filter_map(|(&clients, lives)| {
            let starts: Vec<u64> = lives.iter().map(|life| life.start).collect();
            // Half of the probes are here: the loops that made them had twice as many.
            let of_a_loop = 2 * lives.len() as u32 / rounds.max(1);
            Some((clients, of_a_loop, table_of(lives, |life| life.run)?, median(&starts)?))
        })
        .collect();
    let error = |width_milli: u32| -> f64 {
        let engine = EngineModel { width_milli, ..engine.clone() };
        let of_one = |(clients, lives, run, measured): &(u32, u32, QuantileTable, f64)| {
            let simulated = median(&simulated(&engine, run, *clients, *lives)).unwrap_or(0.0);
            let ratio = libm::log(simulated.max(1.0) / measured.max(1.0));
            ratio * ratio
        };
        measured.iter().map(of_one).sum()
    };
    let (mut low, mut high) = WIDTHS;
    let mut best = WIDTHS.1;
    for step in WIDTH_STEPS {
        let candidates = (low..=high).step_by(step as usize);
        let tried = candidates.map(|width| (error(width), width));
        best = tried.min_by(|a, b| a.0.total_cmp(&b.0)).map_or(best, |(_, width)| width);
        low = best.saturating_sub(step).max(WIDTHS.0);
        high = (best + step).min(WIDTHS.1);
    }
    best
}

/// Growth of the median start over that of the idle engine, by cores kept busy. More load makes
/// nothing faster: where medians say so, that is chance.
fn load_curve(loaded: &[(u32, Vec<u64>)]) -> LoadCurve {
    let idle = loaded.iter().find(|(busy, _)| *busy == 0).and_then(|(_, starts)| median(starts));
    let Some(idle) = idle.filter(|idle| *idle > 0.0) else { return LoadCurve::default() };
    let medians: BTreeMap<u32, f64> = loaded
        .iter()
        .filter(|(busy, _)| *busy > 0)
        .filter_map(|(busy, starts)| Some((*busy, median(starts)?)))
        .collect();
    let mut least = 0;
    let point = |(busy, median): (u32, f64)| {
        let growth = libm::round((median / idle - 1.0).max(0.0) * 1000.0) as u32;
        least = growth.max(least);
        [busy, least]
    };
    let points = medians.into_iter().map(point).collect();
    LoadCurve::new(points).expect("a map ascends, and so does a maximum")
}

#[cfg(test)]
#[path = "fit_tests.rs"]
mod tests;
