//! From probes of a Docker Engine to the model of one, and how well that holds for probes it was
//! not made from.

use std::collections::BTreeMap;

use crate::des::Seed;

use super::closed_loop::ClosedLoop;
use super::{EngineModel, QuantileTable, Validation};

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
    /// Beside busy neighbours of the same weight, by their number.
    pub beside: Vec<(u32, Vec<u64>)>,
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
/// of their ratio. The load slope is that of median start latencies over cores kept busy, through
/// the median of the idle engine.
///
/// # Errors
/// A kind of probe is missing.
pub fn fit(probes: &Probes) -> Result<Fitted, FitError> {
    let halves = |half| probes.lives.iter().map(move |(&n, lives)| (n, every_other(lives, half)));
    let even: BTreeMap<u32, Vec<Life>> = halves(0).filter(|(_, lives)| !lives.is_empty()).collect();
    let alone = even.get(&1).ok_or(FitError::NoLives)?;
    let table = |of: fn(&Life) -> u64| table_of(alone, of).ok_or(FitError::NoLives);
    let stop = QuantileTable::of_samples(&probes.stops).ok_or(FitError::NoStops)?;
    let mut engine = EngineModel {
        width_milli: WIDTHS.1,
        load_slope_milli: load_slope_milli(&probes.loaded),
        start_cpu_micros: start_cpu_micros(probes.contended.as_ref()),
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

/// What starts take of their instance: alone they get half a core, beside n neighbours of the same
/// weight its share, so that a median is 2 n times what they take above that of those alone. By
/// least squares over the numbers of neighbours.
fn start_cpu_micros(probes: Option<&Contended>) -> u32 {
    let median = |samples: &[u64]| Some(QuantileTable::of_samples(samples)?.sample(0.5).micros());
    let Some(alone) = probes.and_then(|probes| median(&probes.alone)) else { return 0 };
    let (mut products, mut squares) = (0, 0);
    for (neighbours, samples) in probes.iter().flat_map(|probes| &probes.beside) {
        let Some(beside) = median(samples) else { continue };
        let times = 2 * u64::from(*neighbours);
        products += times * beside.saturating_sub(alone);
        squares += times * times;
    }
    u32::try_from(products / squares.max(1)).unwrap_or(u32::MAX)
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

/// Growth of the median start per core kept busy, by least squares through the idle median; 0 if
/// it does not grow.
fn load_slope_milli(loaded: &[(u32, Vec<u64>)]) -> u32 {
    let idle = loaded.iter().find(|(busy, _)| *busy == 0).and_then(|(_, starts)| median(starts));
    let Some(idle) = idle.filter(|idle| *idle > 0.0) else { return 0 };
    let busy = loaded.iter().filter(|(busy, _)| *busy > 0);
    let points: Vec<(f64, f64)> = busy
        .filter_map(|(busy, starts)| {
            Some((f64::from(*busy) / 1000.0, median(starts)? / idle - 1.0))
        })
        .collect();
    let squares: f64 = points.iter().map(|(cores, _)| cores * cores).sum();
    let products: f64 = points.iter().map(|(cores, growth)| cores * growth).sum();
    if squares > 0.0 { libm::round((products / squares).max(0.0) * 1000.0) as u32 } else { 0 }
}

#[cfg(test)]
#[path = "fit_tests.rs"]
mod tests;
