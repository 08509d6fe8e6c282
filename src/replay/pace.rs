//! How fast the engine is just now. One and the same engine takes a tenth more or less from one
//! minute to the next: what was calibrated is brought up to date around each run.

use crate::calibration::{Calibration, QuantileTable};

use super::ReplayError;
use super::probe::lone_starts;
use super::simulate::SimulatedEngine;
use super::venue::Venue;

/// Keeps simulations at the engine's pace.
#[derive(Debug)]
pub struct Pacing {
    /// The engine as it was calibrated.
    engine: SimulatedEngine,
    /// Its median start, microseconds.
    calibrated_micros: u64,
    /// Starts to measure between two runs.
    probes: u32,
    /// The paces found, thousandths: 1100 is an engine whose starts take a tenth longer than when
    /// it was calibrated. The first is that before the first run, each other one that after a run.
    found: Vec<u32>,
}

impl Pacing {
    /// Of a calibrated engine; `engine` is how simulations have it.
    pub fn new(calibration: &Calibration, engine: SimulatedEngine, probes: u32) -> Pacing {
        let calibrated_micros = calibration.engine.start.sample(0.5).micros().max(1);
        Pacing { engine, calibrated_micros, probes, found: Vec::new() }
    }

    /// About how long that takes each time, seconds.
    pub fn seconds(&self) -> f64 {
        // A probe's pause, start, run and removal.
        let life_s = 0.8 + self.calibrated_micros as f64 / 1e6;
        f64::from(self.probes) * life_s
    }

    /// Measures the pace before the first run, or after a run. `watch` is told the share of it that
    /// is done, and interrupts with `false`.
    ///
    /// # Errors
    /// The engine fails, or it was interrupted.
    pub fn measure(
        &mut self,
        venue: &mut Venue,
        watch: &mut dyn FnMut(f64) -> bool,
    ) -> Result<(), ReplayError> {
        let setting = venue.setting()?;
        let starts = lone_starts(venue.engine(), &setting, self.probes, &mut |probed| {
            watch(probed.done as f64 / probed.total.max(1) as f64)
        });
        venue.strike()?;
        let calibrated = self.calibrated_micros;
        let pace = |table: QuantileTable| table.sample(0.5).micros() * 1000 / calibrated;
        let milli = QuantileTable::sorted(&starts?).map(pace);
        self.found.extend(milli.map(|milli| u32::try_from(milli).unwrap_or(u32::MAX)));
        Ok(())
    }

    /// The engine as it was during the last run: at the mean of the paces before and after it, or
    /// before any run, at the one found.
    pub fn engine(&self) -> SimulatedEngine {
        self.engine.at_pace(mean(&self.found[self.found.len().saturating_sub(2)..]))
    }

    /// What was found, in words.
    pub fn told(&self) -> String {
        let mut found = self.found.clone();
        found.sort_unstable();
        let percent = |milli: u32| format!("{:.1} %", f64::from(milli) / 10.0);
        match (found.first(), found.get(found.len() / 2), found.last()) {
            (Some(&low), Some(&median), Some(&high)) => format!(
                "starts took {} of the calibrated time ({} to {}), {} measured before and after \
                 each run",
                percent(median),
                percent(low),
                percent(high),
                self.probes
            ),
            _ => "not measured".to_owned(),
        }
    }
}

/// The mean of paces, thousandths; that of the calibration if there are none.
fn mean(paces: &[u32]) -> u32 {
    let sum: u64 = paces.iter().map(|&pace| u64::from(pace)).sum();
    sum.checked_div(paces.len() as u64).map_or(1000, |mean| u32::try_from(mean).unwrap_or(u32::MAX))
}
