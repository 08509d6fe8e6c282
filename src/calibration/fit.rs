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
    /// Starts in an instance of half a core, microseconds: alone, and beside neighbours that want
    /// all of it.
    pub contended: Option<Contended>,
}

/// Start latencies in an instance of half a core.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Contended {
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
    let start_on_host = probes.contended.as_ref().map(|one| StartOnHost::of(one, &load));
    let start_on_host = start_on_host.unwrap_or_default();
    let mut engine = EngineModel {
        width_milli: WIDTHS.1,
        load,
        start_cpu_micros: start_on_host.cpu_micros,
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
    bursts_milli: u32,
    weight_exponent_milli: u32,
}

impl Default for StartOnHost {
    fn default() -> StartOnHost {
        StartOnHost { cpu_micros: 0, bursts_milli: 0, weight_exponent_milli: 1000 }
    }
}

impl StartOnHost {
    /// Alone a start has half a core, beside n neighbours of the same weight its share of that: a
    /// median is 2 n times the CPU it takes above that of those alone. Besides, each burst of it
    /// waits where the neighbours have used up the quota. Both by least squares over the numbers of
    /// neighbours, neither below 0. What the half core that they keep busy adds to the engine's own
    /// part of a start is left out: that is the load curve's.
    fn of(probes: &Contended, load: &LoadCurve) -> StartOnHost {
        let slow_downs = slow_downs(probes, load);
        let points: Vec<(f64, f64)> = slow_downs
            .iter()
            .filter(|(beside, _)| beside.times_heavier == 1)
            .map(|(beside, slower)| (2.0 * f64::from(beside.neighbours), *slower))
            .collect();
        let (cpu, waits) = line(&points);
        let burst = burst_wait_micros(HALF_A_CORE);
        let exponent = weight_exponent(&slow_downs, cpu, waits);
        StartOnHost {
            cpu_micros: libm::round(cpu) as u32,
            bursts_milli: libm::round(waits / burst * 1000.0) as u32,
            weight_exponent_milli: libm::round(exponent * 1000.0) as u32,
        }
    }
}

/// The instance of the probes under contention, as a share of the core it runs on.
const HALF_A_CORE: f64 = 0.5;

/// The straight line through points by least squares: slope and value at 0, neither below 0. One
/// point, or points that would give a negative value at 0, make a line through the origin.
fn line(points: &[(f64, f64)]) -> (f64, f64) {
    let count = points.len().max(1) as f64;
    let sum = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>();
    let (mean_x, mean_y) = (sum(|p| p.0) / count, sum(|p| p.1) / count);
    let spread = sum(|p| p.0 * p.0) - count * mean_x * mean_x;
    let slope = (sum(|p| p.0 * p.1) - count * mean_x * mean_y) / spread;
    let at_0 = mean_y - slope * mean_x;
    if spread > 0.0 && at_0 >= 0.0 {
        return if slope >= 0.0 { (slope, at_0) } else { (0.0, mean_y) };
    }
    let squares = sum(|p| p.0 * p.0);
    if squares > 0.0 { (sum(|p| p.0 * p.1) / squares, 0.0) } else { (0.0, 0.0) }
}

/// How much a heavier neighbour counts: one of r times the weight as much as r^e of the same. At
/// most 1; the mean over what was measured, and 1 if nothing was.
fn weight_exponent(slow_downs: &[(&Beside, f64)], cpu: f64, waits: f64) -> f64 {
    let exponents = slow_downs.iter().filter_map(|(beside, slower)| {
        let counts_as = (slower - waits) / (2.0 * cpu * f64::from(beside.neighbours));
        let is_heavier = beside.times_heavier > 1 && counts_as.is_finite();
        let ratio = libm::log(counts_as.max(1.0)) / libm::log(f64::from(beside.times_heavier));
        is_heavier.then_some(ratio.min(1.0))
    });
    let all: Vec<f64> = exponents.collect();
    if all.is_empty() { 1.0 } else { all.iter().sum::<f64>() / all.len() as f64 }
}

/// By how much the median start beside neighbours is longer than alone on an engine under the same
/// load, microseconds.
fn slow_downs<'p>(probes: &'p Contended, load: &LoadCurve) -> Vec<(&'p Beside, f64)> {
    let Some(alone) = median(&probes.alone) else { return Vec::new() };
    let growth = load.growth_micro((HALF_A_CORE * 1e6) as u64) as f64 / 1e6;
    let loaded = alone * (1.0 + growth);
    let beside = probes.beside.iter();
    beside.filter_map(|one| Some((one, (median(&one.starts)? - loaded).max(0.0)))).collect()
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
